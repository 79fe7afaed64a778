"""Accounts on a real store, under holds, settlements, clocks and people in any order.

After every step the store is asked what its accounts have, and the checker what they must have.
"""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from budget.checker import Checker, Raise, Seen, Step
from firedoor.budget import LIFETIME
from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft, Exhausted, Stale
from firedoor.store import open_store
from firedoor.types.budget import Account, Cycle, Hold, Scope, Settlement, Take, Window
from firedoor.types.ids import CallId, InstanceId, RoomId

ALL = Account(Scope.DEPLOYMENT, "", "")
ROOMS = [Account(Scope.COMPARTMENT, f"r_{n}", f"room-{n}") for n in range(2)]
LEAVES = [Account(Scope.INSTANCE, f"i_{n}", f"one-{n}") for n in range(4)]
POOL = Account(Scope.COMPARTMENT, "~room-0", "room-0 (reserved)")
KINDS = ("requests", "output_tokens")
WINDOWS = (LIFETIME, Window(Cycle.CALENDAR, 60), Window(Cycle.SLIDING, 120), Window(Cycle.SLIDING, 90))  # fmt: skip
LIMITS = {Scope.DEPLOYMENT: 40, Scope.COMPARTMENT: 25, Scope.INSTANCE: 15}
LIFETIMES = 3
"""How many times the limit of a window is that of a lifetime, which is soon used up."""
START = 1_000_000.0
AMOUNTS = st.integers(1, 12)


def path(leaf: int) -> list[Account]:
    return [ALL, ROOMS[leaf % 2], LEAVES[leaf]]


class Accounts(RuleBasedStateMachine):
    """One store, one clock, and what happened."""

    @initialize()
    def begin(self) -> None:
        self.store = open_store("sqlite::memory:")
        self.checker = Checker()
        self.clock = START
        self.count = 0
        self.ids: list[str] = []
        self.told: list[tuple[str, str]] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()

    def pick(self, n: int) -> str:
        return self.ids[n % len(self.ids)]

    def new_hold(
        self, leaf: int, windows: list[Window], amounts: dict[str, int], lease: float, **more: Any
    ) -> Hold:
        self.count += 1
        limits = more.get("limits", LIMITS)
        takes = [
            Take(account, kind, window, amount,
                 limits[account.scope] * (LIFETIMES if window == LIFETIME else 1),
                 more.get("warn_at"), more.get("floors", ()) if account is ALL else ())
            for kind, amount in amounts.items() for window in windows for account in path(leaf)
        ]  # fmt: skip
        if more.get("floors") == () and leaf % 2 == 0:
            # Who has a floor is counted apart, and is not kept out by it.
            takes += [
                Take(POOL, kind, window, amount, None)
                for kind, amount in amounts.items() for window in windows
            ]  # fmt: skip
        if more.get("once"):
            child = InstanceId(more["once"])
            takes.append(Take(path(leaf)[2], "children", LIFETIME, 1, 2, once=child))
        id_ = f"h_{self.count}"
        return Hold(
            id_, CallId(f"c_{self.count}"), self.clock + lease, tuple(takes), more.get("keeps", False)
        )  # fmt: skip

    def commit(self, hold: Hold | None, settle: tuple[Settlement, ...] = ()) -> Commit:
        return Commit(
            at=self.clock,
            call=CallRow(CallId(f"c_{self.count}"), InstanceId("i_0"), None, 0),
            entry=EntryDraft("call.open", {}),
            hold=hold,
            settle=settle,
        )

    def tell(self, commit: Commit, found: object) -> None:
        """Let the checker follow what the store did."""
        refused = found if isinstance(found, Exhausted) else None
        assert refused is not None or isinstance(found, Committed)
        self.checker.follow(Step(commit.at, commit.hold, commit.settle, refused))
        if commit.hold is not None and refused is None:
            self.ids.append(commit.hold.id)
            self.told += [(str(t.account), t.kind) for t in commit.hold.takes]

    def do(self, hold: Hold | None, settle: tuple[Settlement, ...] = ()) -> None:
        commit = self.commit(hold, settle)
        self.tell(commit, self.store.apply(commit))

    # -- what may happen -------------------------------------------------------------------------

    @rule(
        leaf=st.integers(0, 3),
        windows=st.lists(st.sampled_from(WINDOWS), min_size=1, max_size=3, unique=True),
        amounts=st.dictionaries(st.sampled_from(KINDS), AMOUNTS, min_size=1),
        lease=st.sampled_from([0.0, 1.0, 30.0, 500.0]),
        keeps=st.booleans(),
        warn_at=st.sampled_from([None, 5]),
        once=st.sampled_from(["", "", "i_child", "i_other"]),
    )
    def hold(self, leaf: int, windows: list[Window], amounts: dict[str, int], **more: Any) -> None:
        self.do(self.new_hold(leaf, windows, amounts, **more))

    @rule(leaf=st.integers(0, 3), amount=AMOUNTS, window=st.sampled_from(WINDOWS))
    def hold_beside_a_floor(self, leaf: int, amount: int, window: Window) -> None:
        floors = () if leaf % 2 == 0 else ((POOL.id, 10),)
        self.do(self.new_hold(leaf, [window], {"requests": amount}, 30.0, floors=floors))

    @rule(leaf=st.integers(0, 3), amount=AMOUNTS, narrow=st.integers(0, 60), more=AMOUNTS)
    def hold_for_two_windows_unlike(self, leaf: int, amount: int, narrow: int, more: int) -> None:
        hold = self.new_hold(leaf, [LIFETIME, WINDOWS[1]], {"requests": amount}, 30.0)
        takes = tuple(
            take._replace(amount=more, limit=narrow) if take.window == LIFETIME else take
            for take in hold.takes
        )
        self.do(hold._replace(takes=takes))

    @rule(leaf=st.integers(0, 3), amount=AMOUNTS, used=st.integers(0, 20))
    def charge(self, leaf: int, amount: int, used: int) -> None:
        hold = self.new_hold(leaf, [LIFETIME, WINDOWS[1]], {"requests": amount}, 0.0)
        self.do(hold, (Settlement(hold.id, {"requests": used}),))

    @precondition(lambda self: self.ids)
    @rule(
        n=st.integers(0, 1000),
        used=st.dictionaries(
            st.sampled_from((*KINDS, "unheard of")),
            st.integers(-5, 20),
            max_size=3,
        ),
    )
    def settle(self, n: int, used: dict[str, int]) -> None:
        self.do(None, (Settlement(self.pick(n), used),))

    @precondition(lambda self: self.ids)
    @rule(n=st.integers(0, 1000), used=st.integers(0, 12), leaf=st.integers(0, 3), amount=AMOUNTS)
    def settle_twice_and_hold(self, n: int, used: int, leaf: int, amount: int) -> None:
        settlement = Settlement(self.pick(n), {"requests": used})
        hold = self.new_hold(leaf, [LIFETIME], {"requests": amount}, 30.0)
        self.do(hold, (settlement, settlement, Settlement("h_unknown", {"requests": 3})))

    @precondition(lambda self: self.ids)
    @rule(n=st.integers(0, 1000), by=st.sampled_from([-100.0, 0.0, 40.0, 1000.0]))
    def renew(self, n: int, by: float) -> None:
        self.do(None, (Settlement(self.pick(n), {}, self.clock + by),))

    @precondition(lambda self: self.ids)
    @rule(n=st.integers(0, 1000))
    def tell_a_hold_again(self, n: int) -> None:
        lease = self.checker.leases[self.pick(n)]
        if lease.state == "open" and lease.expires_at > self.clock:
            self.do(lease.hold)

    @rule(
        leaves=st.lists(st.integers(0, 3), min_size=2, max_size=4),
        amount=AMOUNTS,
        window=st.sampled_from(WINDOWS),
        settles=st.booleans(),
    )
    def commit_together(
        self, leaves: list[int], amount: int, window: Window, settles: bool
    ) -> None:
        """Several commits in one transaction, each refused or not by itself."""
        commits = []
        for leaf in leaves:
            hold = self.new_hold(leaf, [window, LIFETIME], {"requests": amount}, 30.0)
            commits.append(self.commit(hold))
            if settles:
                settle = (Settlement(hold.id, {"requests": amount // 2}),)
                commits.append(self.commit(None, settle))
        found = self.store.apply_many(commits)
        assert found is not None
        for commit, result in zip(commits, found, strict=True):
            self.tell(commit, result)

    @rule(leaf=st.integers(0, 3), amount=AMOUNTS, used=st.none() | st.integers(0, 12))
    def be_refused_for_another_reason_and_come_again(
        self, leaf: int, amount: int, used: int | None
    ) -> None:
        hold = self.new_hold(leaf, [WINDOWS[2]], {"requests": amount}, 30.0, warn_at=3)
        settle = tuple(
            Settlement(id_, {"requests": used}) for id_ in self.ids[-2:] if used is not None
        )
        commit = self.commit(hold, settle)
        full = ((RoomId("press"), RoomId("lab"), 0),)
        found = self.store.apply_many([commit._replace(reach=full), commit])
        assert found is not None
        assert isinstance(found[0], Stale | Exhausted)
        if isinstance(found[0], Exhausted):
            self.tell(commit, found[0])
        self.tell(commit, found[1])

    @rule(by=st.sampled_from([0.5, 1.5, 31.0, 61.0, 200.0, -1.0, -61.0, -500.0]))
    def move_the_clock(self, by: float) -> None:
        self.clock += by

    @precondition(lambda self: self.told)
    @rule(
        n=st.integers(0, 1000), amount=AMOUNTS, lasts=st.sampled_from([None, 10.0, 100.0, -1.0])
    )  # fmt: skip
    def raise_a_limit(self, n: int, amount: int, lasts: float | None) -> None:
        account, kind = self.told[n % len(self.told)]
        until = None if lasts is None else self.clock + lasts
        self.store.raise_budget(
            account, kind, amount, until=until, actor="p", reason="r", at=self.clock
        )
        self.checker.follow(Raise(self.clock, account, kind, amount, until))

    @rule(leaf=st.integers(0, 3), amount=AMOUNTS, limit=st.integers(0, 20))
    def hold_under_a_lowered_limit(self, leaf: int, amount: int, limit: int) -> None:
        limits = dict.fromkeys(LIMITS, limit)
        self.do(self.new_hold(leaf, [LIFETIME], {"requests": amount}, 30.0, limits=limits))

    # -- what must hold --------------------------------------------------------------------------

    @invariant()
    def the_store_says_what_the_history_says(self) -> None:
        if not hasattr(self, "store"):
            return
        rows = tuple(self.store.accounts(self.clock, holds=True))
        self.checker.follow(Seen(self.clock, rows))
        assert not self.checker.findings

    @invariant()
    def what_is_held_is_the_sum_of_the_open_holds(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.snapshot() as db:
            rows = db.execute("SELECT account, kind, amount FROM held WHERE amount <> 0").fetchall()
            (settled,) = db.execute("SELECT count(*) FROM holds WHERE state = 'settled'").fetchone()
        assert {(account, kind): amount for account, kind, amount in rows} == self.checker.held()
        assert settled == 0


TestAccounts = Accounts.TestCase
TestAccounts.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

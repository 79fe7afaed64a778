"""Clients that hold and settle at once, from threads and processes, and write down what came of it.

The order in which the store applied the commits is its own: every commit brings a ledger entry, and
the entry's index is given inside the transaction. A refused commit brings none. It was judged
somewhere between the last commit that its client saw done before it asked and the next one that the
client made: there must be a moment in between at which the account stood as the refusal says, and
could not bear the hold.
"""

import random
import threading
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from typing import Any, NamedTuple

from budget.checker import Checker, Fault, Finding, Step
from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft, Exhausted, Stale
from firedoor.errors import StoreUnavailable
from firedoor.store import SqliteStore, open_store
from firedoor.types.budget import Account, Cycle, Hold, Scope, Settlement, Take, Window
from firedoor.types.ids import CallId, InstanceId

AT = 1_700_000_000.0
"""Always the same moment: what is looked for is order, not time."""
WINDOWS = (Window(Cycle.LIFETIME), Window(Cycle.CALENDAR, 86_400), Window(Cycle.SLIDING, 3_600))
ROOMS = 4
KINDS = (
    "requests", "input_tokens", "output_tokens", "cost_usd", "tools", "egress_bytes", "sent_bytes",
    "received_bytes", "declassified_bits", "wall_time",
)  # fmt: skip
AMOUNT_MAX = 20
TRIES = 4
"""How often a client is refused before it settles what it still holds."""


class Load(NamedTuple):
    """What the clients of one run do."""

    url: str
    clients: int
    operations: int
    """Holds that each client asks for."""
    kinds: int = 10
    limit: int = 400
    """Of the widest account; those below it have a half and a quarter."""
    seed: int = 0


class Judged(NamedTuple):
    """An operation, and between which ledger entries it was judged: its own, where it has one."""

    step: Step
    after: int
    before: int


def takes_of(load: Load, leaf: int, amounts: Sequence[int]) -> tuple[Take, ...]:
    """Three levels, each with a limit of every kind."""
    path = (
        (Account(Scope.DEPLOYMENT, "", ""), load.limit),
        (Account(Scope.COMPARTMENT, f"r{leaf % ROOMS}", f"room-{leaf % ROOMS}"), load.limit // 2),
        (Account(Scope.INSTANCE, f"i{leaf}", f"one-{leaf}"), load.limit // 4),
    )
    return tuple(
        Take(account, KINDS[n], WINDOWS[n % len(WINDOWS)], amount, limit)
        for n, amount in enumerate(amounts)
        for account, limit in path
    )


def commit(hold: Hold | None, settle: tuple[Settlement, ...] = (), at: float = AT) -> Commit:
    """A commit with an entry, so that it has a place in the ledger."""
    call = CallRow(CallId("c_1"), InstanceId("i_1"), None, 0)
    return Commit(at, call, EntryDraft("call.open", {}), hold=hold, settle=settle)


def applied(store: SqliteStore, asked: Commit) -> Committed | Stale | Exhausted:
    """What the store says in the end. Where it cannot be had, nothing was applied: it is asked again."""
    while True:
        with suppress(StoreUnavailable):
            return store.apply(asked)


def client(store: SqliteStore, load: Load, leaf: int) -> list[Judged]:
    """Hold, be refused, settle: less than was held, all of it, and now and then more."""
    rng = random.Random(load.seed * 10_007 + leaf)
    open_: list[tuple[str, Sequence[int]]] = []
    done: list[Judged] = []
    waiting: list[Step] = []
    last = -1

    def apply(hold: Hold | None, settle: tuple[Settlement, ...] = ()) -> bool:
        nonlocal last
        found = applied(store, commit(hold, settle))
        if isinstance(found, Exhausted):
            waiting.append(Step(AT, hold, settle, found))
            return False
        assert isinstance(found, Committed)
        assert found.index is not None
        done.extend(Judged(step, last, found.index) for step in waiting)
        waiting.clear()
        last = found.index
        done.append(Judged(Step(AT, hold, settle), last, last))
        return True

    def settle() -> None:
        id_, amounts = open_.pop(rng.randrange(len(open_)))
        more = 2 if rng.random() < 0.002 else 1
        used = {KINDS[n]: rng.randint(0, amount) * more // 2 for n, amount in enumerate(amounts)}
        apply(None, (Settlement(id_, used),))

    for n in range(load.operations):
        amounts = [rng.randint(1, AMOUNT_MAX) for _ in range(load.kinds)]
        hold = Hold(f"h{leaf}_{n}", CallId(f"c{leaf}_{n}"), AT + 600, takes_of(load, leaf, amounts))
        if apply(hold):
            open_.append((hold.id, amounts))
        if open_ and (len(open_) > 2 or len(waiting) >= TRIES or rng.random() < 0.4):
            settle()
    while open_:
        settle()
    # Its last word, so that the refusals before it have an end.
    apply(None)
    return done


def threads(load: Load, leaves: Iterable[int]) -> list[Judged]:
    """The clients, each on a thread, all on one store of this process."""
    store = open_store(load.url)
    listed = list(leaves)
    gate = threading.Barrier(len(listed))

    def one(leaf: int) -> list[Judged]:
        gate.wait()
        return client(store, load, leaf)

    try:
        with ThreadPoolExecutor(len(listed)) as pool:
            return [judged for found in pool.map(one, listed) for judged in found]
    finally:
        store.close()


def processes(load: Load, count: int) -> list[Judged]:
    """The clients on ``count`` processes, spawned, each with its own store on the file."""
    open_store(load.url).close()
    shares = [(load, range(n, load.clients, count)) for n in range(count)]
    with get_context("spawn").Pool(count) as pool:
        return [judged for found in pool.starmap(threads, shares, chunksize=1) for judged in found]


class Outcome(NamedTuple):
    """What a run came to."""

    findings: list[Finding]
    granted: int
    refused: int
    settled: int
    checker: Checker


def judge(judged: Iterable[Judged], *, size: int) -> Outcome:
    """Replay what the clients wrote down, in the ledger's order.

    Args:
        size: How many entries the ledger has: each must be somebody's.
    """
    listed = list(judged)
    done = sorted((j for j in listed if j.step.refused is None), key=lambda j: j.before)
    # A hole would be a commit that nobody made, or that somebody made and forgot.
    assert [j.before for j in done] == list(range(size))
    starts: dict[int, list[Judged]] = defaultdict(list)
    for j in listed:
        if j.step.refused is not None:
            starts[j.after].append(j)
    checker = Checker()
    open_: dict[str, list[Judged]] = defaultdict(list)
    _await(starts[-1], checker, open_)
    for j in done:
        # What was still not excused when its client went on never will be.
        checker.follow(j.step)
        touched = _accounts(checker, j.step)
        for account in touched & open_.keys():
            open_[account] = [w for w in open_[account] if checker.excused(w.step) is not None]
        for account in list(open_):
            late = [w for w in open_[account] if w.before <= j.before]
            if late:
                checker.findings += [_unexcused(w, account) for w in late]
                open_[account] = [w for w in open_[account] if w.before > j.before]
            if not open_[account]:
                del open_[account]
        _await(starts.get(j.before, ()), checker, open_)
    holds = sum(j.step.hold is not None for j in done)
    refused = len(listed) - len(done)
    return Outcome(
        checker.findings, holds, refused, sum(bool(j.step.settle) for j in done), checker
    )


def _await(begun: Iterable[Judged], checker: Checker, open_: dict[str, list[Judged]]) -> None:
    for j in begun:
        assert j.step.refused is not None
        if checker.excused(j.step) is not None:
            open_[j.step.refused.account].append(j)


def _accounts(checker: Checker, step: Step) -> set[str]:
    """Whose accounts a step has changed."""
    holds = [step.hold] if step.hold is not None else []
    holds += [checker.leases[s.hold].hold for s in step.settle]
    return {str(take.account) for hold in holds for take in hold.takes}


def _unexcused(j: Judged, account: str) -> Finding:
    said = f"at no moment between entries {j.after} and {j.before}: {j.step.refused}"
    return Finding(Fault.OVER_REFUSAL, j.before, account, said)


def rows(store: SqliteStore) -> Any:
    """What the store says at the end."""
    return tuple(store.accounts(AT, holds=True))

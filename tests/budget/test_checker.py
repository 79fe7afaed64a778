"""The checker itself: what it must find in histories that are wrong, and not find in right ones."""

from budget.checker import Fault, Raise, Seen, Step, check
from firedoor.budget import LIFETIME
from firedoor.engine.port import Exhausted
from firedoor.types.budget import Account, AccountRow, Cycle, Hold, Scope, Settlement, Take, Window
from firedoor.types.ids import CallId

ALL = Account(Scope.DEPLOYMENT, "", "")
ONE = Account(Scope.INSTANCE, "i_1", "one")
HOUR = Window(Cycle.SLIDING, 3600)


def hold(id_: str, amount: int, limit: int = 10, until: float = 1e9, **more: object) -> Hold:
    window = more.pop("window", LIFETIME)
    takes = tuple(
        Take(account, "requests", window, amount, limit, **more)  # type: ignore[arg-type]
        for account in (ALL, ONE)
    )
    return Hold(id_, CallId(f"c_{id_}"), until, takes)


def used(id_: str, amount: int) -> tuple[Settlement, ...]:
    return (Settlement(id_, {"requests": amount}),)


def row(held: int, committed: int, overrun: int = 0, **more: object) -> AccountRow:
    told = {"limit": 10, "raised": 0, **more}
    return AccountRow("deployment", "requests", "lifetime", told["limit"], told["raised"],
                      held, committed, overrun, told.get("holds", ()))  # type: ignore[arg-type]  # fmt: skip


def seen(row_: AccountRow, at: float = 9.0) -> Seen:
    return Seen(at, (row_, row_._replace(account="instance:one")))


def refused(held: int, committed: int, limit: int = 10) -> Exhausted:
    return Exhausted("deployment", "requests", limit, held, committed)


def faults(*history: Step | Raise | Seen) -> list[Fault]:
    return [finding.fault for finding in check(history) if finding.account == "deployment"]


def test_a_right_history_has_no_faults() -> None:
    assert not faults(
        Step(1, hold("a", 6)),
        Step(2, hold("b", 5), refused=refused(6, 0)),
        Step(3, settle=used("a", 4)),
        Step(4, hold("b", 6)),
        seen(row(6, 4, holds=(("c_b", 6, 1e9),))),
        Step(5, settle=used("b", 8)),
        seen(row(0, 10, 2)),
    )


def test_an_overshoot_is_found() -> None:
    assert faults(Step(1, hold("a", 6)), Step(2, hold("b", 5))) == [Fault.OVERSHOOT]
    assert faults(
        Step(1, hold("a", 6)), Step(2, settle=used("a", 6)), Step(3, hold("b", 5))
    ) == [Fault.OVERSHOOT]  # fmt: skip


def test_what_was_billed_beyond_a_hold_closes_the_account() -> None:
    over = (Step(1, hold("a", 6)), Step(2, settle=used("a", 11)))
    assert not faults(*over)
    assert faults(*over, Step(3, hold("b", 1))) == [Fault.OVERSHOOT]


def test_an_over_refusal_is_found() -> None:
    assert faults(Step(1, hold("a", 10), refused=refused(0, 0))) == [Fault.OVER_REFUSAL]
    lapsed = hold("a", 10, until=5)
    assert faults(Step(1, lapsed), Step(6, hold("b", 1), refused=refused(10, 0))) == [
        Fault.OVER_REFUSAL
    ]


def test_a_refusal_that_tells_other_numbers_is_found() -> None:
    before = Step(1, hold("a", 6))
    assert not faults(before, Step(2, hold("b", 5), refused=refused(6, 0)))
    assert faults(before, Step(2, hold("b", 5), refused=refused(7, 0))) == [Fault.OVER_REFUSAL]
    assert faults(before, Step(2, hold("b", 5), refused=refused(6, 0, 9))) == [Fault.OVER_REFUSAL]


def test_a_leak_is_found() -> None:
    settled = (Step(1, hold("a", 6)), Step(2, settle=used("a", 4)))
    assert Fault.LEAK in faults(*settled, seen(row(6, 4, holds=(("c_a", 6, 1e9),))))
    open_still = row(6, 0, holds=(("c_a", 6, 5.0),))
    assert Fault.LEAK in faults(Step(1, hold("a", 6, until=5)), seen(open_still, at=6))
    assert not faults(Step(1, hold("a", 6, until=5)), seen(row(0, 0), at=6))


def test_a_settlement_that_counted_twice_is_found() -> None:
    settled = (Step(1, hold("a", 4)), Step(2, settle=used("a", 4)), Step(3, settle=used("a", 4)))
    assert faults(*settled, seen(row(0, 8))) == [Fault.SETTLEMENT]
    assert faults(*settled, seen(row(0, 0))) == [Fault.SETTLEMENT]
    assert not faults(*settled, seen(row(0, 4)))


def test_an_account_held_to_another_limit_is_found() -> None:
    taken = Step(1, hold("a", 4))
    holds = (("c_a", 4, 1e9),)
    assert faults(taken, seen(row(4, 0, limit=11, holds=holds))) == [Fault.LIMIT]
    raised = Raise(2, "deployment", "requests", 5, until=8)
    assert not faults(taken, raised, seen(row(4, 0, raised=5, holds=holds), at=7))
    assert faults(taken, raised, seen(row(4, 0, raised=5, holds=holds), at=8)) == [Fault.LIMIT]


def test_a_sliding_window_may_count_a_sixtieth_too_much_and_never_too_little() -> None:
    used_up = (Step(0, hold("a", 10, window=HOUR)), Step(30, settle=used("a", 10)))
    again = hold("b", 1, window=HOUR)
    assert faults(*used_up, Step(3620, again)) == [Fault.OVERSHOOT]
    assert not faults(*used_up, Step(3640, again))
    assert not faults(*used_up, Step(3640, again, refused=refused(0, 10)))
    assert faults(*used_up, Step(3700, again, refused=refused(0, 10))) == [Fault.OVER_REFUSAL]


def test_a_floor_is_kept_for_whom_it_is_for() -> None:
    floors = ((ONE.id, 4),)
    other = Account(Scope.INSTANCE, "i_2", "two")
    pool = Take(ALL, "requests", LIFETIME, 7, 10, floors=floors)
    theirs = Hold("a", CallId("c_a"), 1e9, (pool, pool._replace(account=other, floors=())))
    assert faults(Step(1, theirs)) == [Fault.OVERSHOOT]
    mine = Hold("m", CallId("c_m"), 1e9, (pool._replace(account=ONE, amount=1, floors=()),))
    assert not faults(Step(1, mine), Step(2, theirs))

"""Accounts in the store: what the checker and the stateful machine of `tests/budget` have found."""

from collections.abc import Iterator

import pytest

from firedoor.budget import LIFETIME
from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft, Exhausted, Stale
from firedoor.store import SqliteStore, open_store
from firedoor.types.budget import Account, Cycle, Hold, Scope, Settlement, Take, Window
from firedoor.types.ids import CallId, InstanceId, RoomId

ALL = Account(Scope.DEPLOYMENT, "", "")
HOUR = Window(Cycle.CALENDAR, 3600)
CALL = CallRow(CallId("c_1"), InstanceId("i_1"), None, 0)
FULL = ((RoomId("press"), RoomId("lab"), 0),)
"""A reach that no commit may take."""


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    opened = open_store("sqlite::memory:")
    yield opened
    opened.close()


def hold(id_: str, *takes: Take, until: float = 1e9) -> Hold:
    return Hold(id_, CallId(f"c_{id_}"), until, takes)


def take(amount: int, limit: int = 10, window: Window = LIFETIME, **more: int) -> Take:
    return Take(ALL, "requests", window, amount, limit, more.get("warn_at"))


def commit(taken: Hold | None, at: float = 1.0, **more: object) -> Commit:
    return Commit(at, CALL, EntryDraft("call.open", {}), hold=taken, **more)  # type: ignore[arg-type]


def settled(id_: str, used: int, at: float = 1.0) -> Commit:
    return commit(None, at, settle=(Settlement(id_, {"requests": used}),))


def held(store: SqliteStore) -> int:
    with store.snapshot() as db:
        (amount,) = db.execute("SELECT coalesce(sum(amount), 0) FROM held").fetchone()
    return int(amount)


@pytest.mark.parametrize("amounts", [(8, 1), (1, 8)])
def test_windows_that_are_asked_for_unlike_amounts_hold_the_largest(
    store: SqliteStore, amounts: tuple[int, int]
) -> None:
    """The hold stands for all its windows: with the least, what it may use would pass a limit."""
    asked = hold("a", take(amounts[0]), take(amounts[1], window=HOUR))
    assert isinstance(store.apply(commit(asked)), Committed)
    assert held(store) == 8
    assert isinstance(store.apply(commit(hold("b", take(5)))), Exhausted)
    store.apply(settled("a", 8))
    assert held(store) == 0


def test_a_soft_limit_is_told_though_an_earlier_commit_that_passed_it_was_refused(
    store: SqliteStore,
) -> None:
    asked = hold("a", take(8, warn_at=5))
    found = store.apply_many([commit(asked, reach=FULL), commit(asked)])
    assert found is not None
    assert found[0] == Stale("reach")
    assert isinstance(found[1], Committed)
    assert [warned.used for warned in found[1].warned] == [8]


def test_a_hold_that_was_taken_back_is_held_when_it_is_told_again(store: SqliteStore) -> None:
    asked = hold("a", take(8))
    store.apply_many([commit(asked, reach=FULL), commit(asked)])
    assert held(store) == 8
    assert isinstance(store.apply(commit(hold("b", take(3)))), Exhausted)


def test_a_commit_that_is_refused_leaves_no_account_behind(store: SqliteStore) -> None:
    assert store.apply(commit(hold("a", take(8)), reach=FULL)) == Stale("reach")
    assert store.accounts(1.0, holds=True) == []
    assert held(store) == 0


def test_more_lapsed_holds_than_one_commit_frees_refuse_nobody(store: SqliteStore) -> None:
    for n in range(0, 600, 100):
        store.apply_many(
            [commit(hold(f"h_{i}", take(1, 600), until=5.0)) for i in range(n, n + 100)]
        )
    assert held(store) == 600
    assert isinstance(store.apply(commit(hold("x", take(600, 600)), at=5.0)), Committed)
    assert held(store) == 600
    store.apply(settled("x", 600, at=6.0))
    assert (held(store), store.accounts(6.0)[0].committed) == (0, 600)


def test_what_lapses_between_two_commits_of_one_batch_refuses_nobody(store: SqliteStore) -> None:
    first = commit(hold("a", take(10), until=5.0), at=4.0)
    found = store.apply_many([first, commit(hold("b", take(10)), at=6.0)])
    assert found is not None
    assert all(isinstance(result, Committed) for result in found)
    assert held(store) == 10
    assert [h[0] for h in store.accounts(6.0, holds=True)[0].holds] == ["c_b"]


def test_an_absurd_figure_frees_the_hold_and_closes_the_account(store: SqliteStore) -> None:
    store.apply(commit(hold("a", take(8))))
    store.apply(settled("a", 10**30))
    assert held(store) == 0
    (row,) = store.accounts(1.0)
    assert row.committed == 8
    assert row.overrun > 1 << 52
    assert isinstance(store.apply(commit(hold("b", take(1)))), Exhausted)


def test_absurd_figures_of_many_calls_still_add_up(store: SqliteStore) -> None:
    for n in range(1_100):
        store.apply_many(
            [
                commit(hold(f"h_{n}", Take(ALL, "requests", HOUR, 1, None))),
                settled(f"h_{n}", 1 << 53),
            ]
        )
    (row,) = store.accounts(1.0)
    assert row.overrun > 1 << 52


@pytest.mark.parametrize("window", [HOUR, Window(Cycle.SLIDING, 3600)])
def test_a_clock_that_was_set_back_gives_nothing_twice_when_it_is_right_again(
    store: SqliteStore, window: Window
) -> None:
    noon = 36_000.0
    for id_, at in (("a", noon), ("b", noon - 86_400.0)):
        store.apply(commit(hold(id_, take(5, window=window)), at))
        store.apply(settled(id_, 5, at))
    for at in (noon - 86_400.0, noon):
        assert isinstance(store.apply(commit(hold("c", take(1, window=window)), at)), Exhausted)
        assert [row.committed for row in store.accounts(at)] == [10]
    later = commit(hold("c", take(10, window=window)), noon + 7_200)
    assert isinstance(store.apply(later), Committed)


def test_a_clock_that_was_set_forward_keeps_the_window_until_somebody_raises_the_limit(
    store: SqliteStore,
) -> None:
    store.apply(commit(hold("a", take(10, window=HOUR)), 1e8))
    store.apply(settled("a", 10, 1e8))
    asked = commit(hold("b", take(1, window=HOUR)), 7_200.0)
    refused = store.apply(asked)
    assert isinstance(refused, Exhausted)
    assert refused.refills_at is not None
    assert refused.refills_at > 1e8
    store.raise_budget(
        "deployment", "requests", 5, until=9e7, actor="p", reason="clock", at=7_200.0
    )
    assert isinstance(store.apply(asked), Committed)


def test_a_booking_that_was_taken_back_moves_no_window(store: SqliteStore) -> None:
    store.apply(commit(hold("a", take(1, window=HOUR)), 1.0))
    refused = settled("a", 5, 1e8)._replace(reach=FULL)
    assert store.apply(refused) == Stale("reach")
    store.apply(settled("a", 1, 2.0))
    assert [row.committed for row in store.accounts(3.0)] == [1]
    assert [row.committed for row in store.accounts(7_200.0)] == [0]


@pytest.mark.parametrize("window", [LIFETIME, HOUR])
def test_calls_under_way_are_worth_waiting_for(store: SqliteStore, window: Window) -> None:
    store.apply(commit(hold("a", take(6, window=window))))
    found = store.apply(commit(hold("b", take(6, window=window))))
    assert isinstance(found, Exhausted)
    assert (found.held, found.committed) == (6, 0)
    assert found.refills_at is not None
    store.apply(settled("a", 2))
    assert isinstance(store.apply(commit(hold("b", take(6, window=window)))), Committed)


def test_what_is_used_for_good_or_never_fits_is_not_worth_waiting_for(store: SqliteStore) -> None:
    store.apply(commit(hold("a", take(6))))
    store.apply(settled("a", 6))
    for amount in (5, 11):
        found = store.apply(commit(hold("b", take(amount))))
        assert isinstance(found, Exhausted)
        assert found.refills_at is None

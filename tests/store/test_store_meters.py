"""Meters in the store: many are read by few statements, and old buckets are dropped."""

from collections.abc import Iterator

import pytest

from firedoor.budget import LIFETIME
from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft, Exhausted
from firedoor.store import SqliteStore, open_store
from firedoor.types.budget import Account, Cycle, Hold, Scope, Settlement, Take, Window
from firedoor.types.ids import CallId, InstanceId

HOUR = Window(Cycle.SLIDING, 3600)
CALL = CallRow(CallId("c_1"), InstanceId("i_1"), None, 0)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    opened = open_store("sqlite::memory:")
    yield opened
    opened.close()


def one(n: int) -> Account:
    return Account(Scope.INSTANCE, f"i_{n}", f"one-{n}")


def hold(id_: str, takes: list[Take], at: float = 1.0) -> Commit:
    asked = Hold(id_, CallId(f"c_{id_}"), at + 600, tuple(takes))
    return Commit(at, CALL, EntryDraft("call.open", {}), hold=asked)


def settle(id_: str, used: int, at: float = 1.0) -> Commit:
    settlement = Settlement(id_, {"requests": used})
    return Commit(at, CALL, EntryDraft("call.close", {}), settle=(settlement,))


def test_a_hold_may_be_of_more_accounts_than_one_statement_reads(store: SqliteStore) -> None:
    takes = [Take(one(n), "requests", LIFETIME, 2, 3) for n in range(230)]
    assert isinstance(store.apply(hold("a", takes)), Committed)
    for n in (0, 99, 100, 229):
        found = store.apply(hold("b", [takes[n]]))
        assert isinstance(found, Exhausted)
        assert (found.account, found.held) == (f"instance:one-{n}", 2)
    store.apply(settle("a", 1))
    rows = store.accounts(1.0)
    assert len(rows) == 230
    assert {(row.held, row.committed) for row in rows} == {(0, 1)}


def test_what_went_out_of_its_window_is_dropped(store: SqliteStore) -> None:
    take = Take(one(1), "requests", HOUR, 1, 1_000)
    for n in range(150):
        at = 60.0 * n
        store.apply(hold(f"h_{n}", [take], at))
        store.apply(settle(f"h_{n}", 1, at))
    with store.snapshot() as db:
        (kept,) = db.execute("SELECT count(*) FROM meters").fetchone()
    assert kept == 61
    (row,) = store.accounts(60.0 * 149)
    assert row.committed == 61


def test_accounts_that_share_a_name_are_told_apart_by_their_id(store: SqliteStore) -> None:
    mine, other = (
        Account(Scope.INSTANCE, "i_1", "planner"),
        Account(Scope.INSTANCE, "i_2", "planner"),
    )
    assert isinstance(store.apply(hold("a", [Take(mine, "requests", LIFETIME, 1, 1)])), Committed)
    assert isinstance(store.apply(hold("b", [Take(other, "requests", LIFETIME, 1, 1)])), Committed)
    assert isinstance(store.apply(hold("c", [Take(mine, "requests", LIFETIME, 1, 1)])), Exhausted)
    assert [row.account for row in store.accounts(1.0)] == ["instance:planner"] * 2

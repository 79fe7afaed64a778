"""Virtual keys in the store: hashed, told once, and ended for every process."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from firedoor.engine.port import LookKey
from firedoor.errors import CallerError, StoreUnavailable
from firedoor.store import SqliteStore, StoreReader, open_store
from firedoor.store.tokens import ROOT_FILE, Narrowing, attenuate, id_of
from firedoor.types.key import KeyRow

NOW = 1.7e9
FULL = KeyRow(
    id="", name="for the planner", compartment="research", instance="planner",
    upstreams=("openai",), caps=(("cost_usd", 5_000_000), ("output_tokens", 2_000)),
    rights=("human",), expires=NOW + 60,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = open_store(f"sqlite:{tmp_path / 'firedoor.db'}")
    yield opened
    opened.close()


def issue(store: SqliteStore, wanted: KeyRow = FULL) -> tuple[str, KeyRow]:
    made = store.issue_key(wanted, actor="tester", reason="a test", at=NOW)
    return made.secret, made.key


def test_a_key_is_found_again_as_it_was_issued(store: SqliteStore) -> None:
    secret, key = issue(store)
    assert store.look_key(LookKey(secret)).key == key
    assert key == FULL._replace(id=key.id)
    assert key.id.startswith("k_")


def test_keys_are_256_bits_of_chance(store: SqliteStore) -> None:
    keys = {issue(store)[0] for _ in range(50)}
    assert len(keys) == 50
    assert {len(key.removeprefix("fd_")) for key in keys} == {43}


def test_a_key_stands_in_no_file_and_no_repr(store: SqliteStore) -> None:
    made = store.issue_key(FULL, actor="tester", reason=None, at=NOW)
    assert store.path is not None
    written = b"".join(p.read_bytes() for p in store.path.parent.iterdir())
    assert made.secret.encode() not in written
    assert made.secret not in repr(made)
    assert store.keys.virtual_digest(made.secret) in written


def test_two_stores_keep_one_key_differently(store: SqliteStore, tmp_path: Path) -> None:
    other = open_store(f"sqlite:{tmp_path / 'other' / 'firedoor.db'}")
    assert store.keys.virtual_digest("fd_a") != other.keys.virtual_digest("fd_a")
    other.close()


def test_revoking_is_an_order_that_another_process_sees(store: SqliteStore) -> None:
    secret, key = issue(store)
    other = open_store(store.url)
    before = other.look_key(LookKey(secret))
    assert before.key is not None
    version = store.revoke_key(key.id, actor="tester", reason=None, at=NOW + 1)
    after = other.look_key(LookKey(secret))
    assert after.key is not None
    assert (after.key.revoked, after.orders) == (NOW + 1, version)
    assert after.orders > before.orders
    assert StoreReader(other).verify().ok
    other.close()


@pytest.mark.parametrize("target", ["k_none", "revoked"])
def test_what_cannot_be_revoked_is_told_and_changes_nothing(
    store: SqliteStore, target: str
) -> None:
    _, key = issue(store)
    store.revoke_key(key.id, actor="tester", reason=None, at=NOW)
    size = store.head()
    with pytest.raises(CallerError):
        store.revoke_key(
            key.id if target == "revoked" else target, actor="tester", reason=None, at=NOW
        )
    assert store.head() == size


def test_the_list_tells_everything_but_the_keys(store: SqliteStore) -> None:
    secret, key = issue(store)
    (row,) = store.issued_keys()
    assert row["key"] == key.id
    assert row["caps"] == {"cost_usd": 5_000_000, "output_tokens": 2_000}
    assert secret not in str(row)


def test_a_ledger_with_keys_in_it_cannot_be_quietly_changed(store: SqliteStore) -> None:
    issue(store)
    assert store.path is not None
    store.close()
    db = sqlite3.connect(store.path)
    db.execute("DROP TRIGGER entries_are_not_changed")
    db.execute(
        "UPDATE entries SET bytes = CAST(replace(CAST(bytes AS TEXT), 'planner', 'plotter') AS BLOB)"
    )
    db.commit()
    db.close()
    opened = open_store(store.url, check=False)
    assert not StoreReader(opened).verify().ok
    opened.close()


# -- tokens ----------------------------------------------------------------------------------------


def test_a_tokens_root_is_a_file_of_ones_own(store: SqliteStore) -> None:
    pytest.importorskip("biscuit_auth", reason="the extra `tokens` is not installed")
    assert store.path is not None
    root = store.path.with_name(ROOT_FILE)
    issue(store)
    assert not root.exists()
    secret, key = issue(store, FULL._replace(kind="token"))
    assert root.stat().st_mode & 0o777 == 0o600
    other = open_store(store.url)
    assert other.look_key(LookKey(secret)).key == key
    other.close()


def test_a_damaged_root_is_told_of(store: SqliteStore) -> None:
    pytest.importorskip("biscuit_auth", reason="the extra `tokens` is not installed")
    assert store.path is not None
    store.path.with_name(ROOT_FILE).write_bytes(b"short")
    with pytest.raises(StoreUnavailable, match="32 bytes"):
        issue(store, FULL._replace(kind="token"))
    assert store.issued_keys() == []


def test_narrowing_says_what_it_cannot_do(store: SqliteStore) -> None:
    pytest.importorskip("biscuit_auth", reason="the extra `tokens` is not installed")
    plain, _ = issue(store)
    secret, key = issue(store, FULL._replace(kind="token"))
    for bad, narrowing in (
        (plain, Narrowing(child="a")),
        (secret, Narrowing()),
        (secret, Narrowing(child="a b")),
        (secret, Narrowing(child='a"; right("x')),
        (secret, Narrowing(tools=("a\n",))),
        (secret, Narrowing(call_caps=(("cost_usd", 1),))),
        (secret[:-3], Narrowing(child="a")),
    ):
        with pytest.raises(CallerError):
            attenuate(bad, narrowing)
    block, root = id_of(attenuate(secret, Narrowing(child="a")))
    assert (block[:2], root) == ("b_", key.id)


def test_without_the_extra_a_token_is_none_and_a_plain_key_as_good_as_ever(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    plain, _ = issue(store)
    monkeypatch.setitem(sys.modules, "biscuit_auth", None)
    assert store.look_key(LookKey(plain)).key is not None
    found = store.look_key(LookKey("fd_t.x.y"))
    assert (found.key, found.problem) == (None, "extra")

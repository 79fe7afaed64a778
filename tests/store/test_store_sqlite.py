"""The embedded store: what is acknowledged is there, whatever happens next; nothing else is."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from driving import Office, settings_for
from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft, LookParts, Stale
from firedoor.errors import StoreError, StoreUnavailable, TamperingError
from firedoor.ledger import canonical, seal
from firedoor.store import SqliteStore, StoreReader, open_store
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, InstanceId, RoomId, RunId

SECRET = "The combination of the harbour safe is nineteen seven four."


def commit(n: int, **more: object) -> Commit:
    call = CallRow(CallId(f"c_{n}"), InstanceId("i_1"), None, 0, opened=b"{}")
    draft = EntryDraft("call.open", {"call": f"c_{n}", "n": n})
    return Commit(at=1.7e9 + n, call=call, entry=draft, **more)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return open_store(f"sqlite:{tmp_path}/s/firedoor.db")


def test_entries_are_linked_and_verify(store: SqliteStore) -> None:
    for n in range(40):
        assert isinstance(store.apply(commit(n)), Committed)
    found = StoreReader(store).verify()
    assert (found.ok, found.size) == (True, 40)


def test_the_ledger_is_append_only(store: SqliteStore) -> None:
    store.apply(commit(1))
    for statement in ("UPDATE entries SET bytes = x''", "DELETE FROM entries"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store._writer.execute(statement)


@pytest.mark.parametrize("what", ["bytes", "leaf", "gone", "swapped"])
def test_changed_evidence_is_found(store: SqliteStore, what: str) -> None:
    """Promise 8, the arm that must fail: every way of changing a row is a problem by name."""
    for n in range(10):
        store.apply(commit(n))
    db = store._writer
    db.execute("DROP TRIGGER entries_are_not_changed")
    db.execute("DROP TRIGGER entries_are_not_removed")
    if what == "bytes":
        db.execute(
            "UPDATE entries SET bytes = CAST(replace(bytes, 'c_4', 'c_9') AS BLOB) WHERE idx = 4"
        )
    elif what == "leaf":
        db.execute("UPDATE entries SET leaf = zeroblob(32) WHERE idx = 4")
    elif what == "gone":
        db.execute("DELETE FROM entries WHERE idx = 9")
    else:
        rows = db.execute("SELECT bytes, leaf FROM entries WHERE idx IN (3, 4)").fetchall()
        db.execute("UPDATE entries SET bytes = ?, leaf = ? WHERE idx = 3", rows[1])
        db.execute("UPDATE entries SET bytes = ?, leaf = ? WHERE idx = 4", rows[0])
    found = StoreReader(store).verify()
    assert not found.ok
    assert found.problems


BAD_HEADS = {
    "too small": "UPDATE head SET size = 6",
    "too large": "UPDATE head SET size = 12",
    "negative": "UPDATE head SET size = -6",
    "peaks cut": "UPDATE head SET peaks = x'00'",
    "another last entry": "UPDATE head SET last = zeroblob(32)",
    "gone": "DELETE FROM head",
}


@pytest.mark.parametrize("how", [*BAD_HEADS, "set back"])
def test_a_changed_head_is_said_and_nothing_is_built_on_it(store: SqliteStore, how: str) -> None:
    db = store._writer
    earlier: tuple[object, ...] = ()
    for n in range(10):
        store.apply(commit(n))
        if n == 6:
            earlier = db.execute("SELECT size, peaks, last FROM head").fetchone()
    before = db.execute("SELECT * FROM head").fetchone()
    if how == "set back":
        db.execute("UPDATE head SET size = ?, peaks = ?, last = ?", earlier)
    else:
        db.execute(BAD_HEADS[how])
    assert "head" in StoreReader(store).verify().problems[0]
    with pytest.raises(StoreUnavailable, match="the ledger's head"):
        store.apply(commit(11))
    with pytest.raises(StoreUnavailable, match="the ledger's head"):
        store.append_order("contain", "room:press", {}, 1.7e9)
    with pytest.raises(StoreUnavailable, match="the ledger's head") as caught:
        open_store(store.url)
    assert "ledger verify" in str(caught.value.hint)
    assert not StoreReader(open_store(store.url, check=False)).verify().ok
    db.execute("INSERT OR REPLACE INTO head VALUES (?,?,?,?,?,?,?,?)", before)
    assert isinstance(store.apply(commit(12)), Committed)
    assert StoreReader(store).verify().ok


def test_without_a_head_nothing_is_looked_up(store: SqliteStore) -> None:
    """Whether orders stand is part of every answer, so there is none without them."""
    store._writer.execute("DELETE FROM head")
    ask = LookParts(1.7e9, RoomId("lab"), RunId("r_1"), InstanceId("i_1"), "k_1")
    with pytest.raises(StoreUnavailable, match="head is missing"):
        store.look_parts(ask)


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=6),
                       st.text(max_size=6) | st.integers(-(2**53) + 1, 2**53 - 1) | st.none()
                       | st.booleans() | st.lists(st.text(max_size=3), max_size=3)))  # fmt: skip
def test_bodies_are_canonical(body: dict[str, object]) -> None:
    """RFC 8785: the quick encoder gives the bytes that the library gives."""
    try:
        expected = rfc8785.dumps(body)  # type: ignore[arg-type]
    except (UnicodeError, rfc8785.CanonicalizationError):
        return
    assert canonical(body) == expected
    entry = seal(index=3, kind="k", time="t", node="n", previous=b"\x01", body=expected)
    assert rfc8785.dumps(json.loads(entry.bytes_)) == entry.bytes_


def test_commits_of_many_threads_are_all_there(store: SqliteStore) -> None:
    results: list[object] = []

    def work(base: int) -> None:
        for n in range(25):
            results.append(store.apply(commit(base * 100 + n)))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(results) == 200
    assert {r.index for r in results if isinstance(r, Committed)} == set(range(200))
    assert StoreReader(store).verify().ok


def test_reach_is_taken_in_one_step(store: SqliteStore) -> None:
    """Eight rooms want the last of three places at once: three get one."""
    results: dict[int, object] = {}

    def want(n: int) -> None:
        reach = ((RoomId("press"), RoomId(f"room-{n}"), 3),)
        results[n] = store.apply(commit(n, reach=reach))

    threads = [threading.Thread(target=want, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum(isinstance(r, Committed) for r in results.values()) == 3
    assert sum(r == Stale("reach") for r in results.values()) == 5


def test_a_commit_under_older_orders_is_refused(store: SqliteStore) -> None:
    assert isinstance(store.apply(commit(1, orders=0)), Committed)
    version = store.append_order("contain", "room:press", {"reason": "r"}, 1.7e9)
    assert store.apply(commit(2, orders=0)) == Stale("orders")
    assert isinstance(store.apply(commit(3, orders=version)), Committed)
    calls = [c for (c,) in store._writer.execute("SELECT call FROM calls ORDER BY call")]
    assert calls == ["c_1", "c_3"]


_CRASH = """
import sys
sys.path.insert(0, {tests!r})
from test_store_support import commit
from firedoor.store import open_store
store = open_store("sqlite:" + sys.argv[1])
for n in range(10_000):
    store.apply(commit(n))
    print(n, flush=True)
"""


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    """kill -9 while commits run: every acknowledged entry is there, and the ledger verifies."""
    support = tmp_path / "test_store_support.py"
    support.write_text(
        "from firedoor.engine.port import *\nfrom firedoor.types.ids import *\n"
        "def commit(n):\n"
        "    call = CallRow(CallId(f'c_{n}'), InstanceId('i'), None, 0, opened=b'{}')\n"
        "    return Commit(at=1.7e9, call=call, entry=EntryDraft('call.open', {'call': f'c_{n}'}))\n"
    )
    path = tmp_path / "s" / "firedoor.db"
    child = subprocess.Popen(
        [sys.executable, "-c", _CRASH.format(tests=str(tmp_path)), str(path)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    seen = 0
    for line in child.stdout:
        seen = int(line)
        if seen >= 60:
            os.kill(child.pid, signal.SIGKILL)
            break
    rest = child.stdout.read().split()
    child.wait(timeout=10)
    seen = max([seen, *(int(n) for n in rest)])
    again = open_store(f"sqlite:{path}")
    found = StoreReader(again).verify()
    assert found.ok
    assert found.size >= seen + 1
    assert isinstance(again.apply(commit(99_999)), Committed)


def test_a_full_disk_refuses_and_loses_nothing(store: SqliteStore) -> None:
    for n in range(5):
        store.apply(commit(n))
    pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    big = {"call": "c_big", "text": "x" * 200_000}
    with pytest.raises(StoreUnavailable, match="SQLITE_FULL"):
        store.apply(commit(6)._replace(entry=EntryDraft("call.open", big)))
    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert isinstance(store.apply(commit(7)), Committed)
    assert StoreReader(store).verify().size == 6


def test_texts_are_sealed_at_rest(tmp_path: Path) -> None:
    office = Office(settings_for(None, "contain"), url=f"sqlite:{tmp_path}/s/firedoor.db")
    seen = office.ask(Binding("a", "lab"), SECRET, text="I shall remember " + SECRET)
    kept = office.reader.content(seen.exchange.call_id)
    assert kept["parts"]["/messages/0/content"] == SECRET
    assert SECRET in kept["answer"]["/choices/0/message/content"]
    office.store.close()
    on_disk = b"".join(p.read_bytes() for p in (tmp_path / "s").iterdir())
    assert SECRET.encode() not in on_disk


def test_sealed_texts_cannot_be_changed_or_moved(tmp_path: Path) -> None:
    office = Office(settings_for(None, "contain"), url=f"sqlite:{tmp_path}/s/firedoor.db")
    one = office.ask(Binding("a", "lab"), SECRET).exchange.call_id
    two = office.ask(Binding("a", "lab"), "Something else to say.").exchange.call_id
    office.store._writer.execute(
        "UPDATE documents SET body = (SELECT body FROM documents WHERE call = ? AND name = 'text/0') "
        "WHERE call = ? AND name = 'text/0'", (one, two),
    )  # fmt: skip
    with pytest.raises(TamperingError):
        office.reader.content(two)


def test_a_store_of_a_newer_version_is_not_touched(store: SqliteStore) -> None:
    store._writer.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match="schema 999"):
        open_store(store.url)


def test_two_processes_may_share_a_file(store: SqliteStore) -> None:
    other = open_store(store.url)
    for n in range(10):
        (store if n % 2 else other).apply(commit(n))
    assert StoreReader(store).verify().size == 10
    assert StoreReader(other).verify().ok


def test_no_key_no_store(store: SqliteStore) -> None:
    assert store.path is not None
    key = store.path.parent / "content.key"
    assert key.stat().st_mode & 0o777 == 0o600
    key.write_bytes(b"short")
    with pytest.raises(StoreUnavailable, match="32 bytes"):
        open_store(store.url)


def test_the_log_is_lengthened_once_and_loses_nothing(tmp_path: Path) -> None:
    """Zeros behind the log's frames are read as nothing, by this process and the next."""
    office = Office(settings_for(None, "contain"), url=f"sqlite:{tmp_path}/s/firedoor.db")
    log = tmp_path / "s" / "firedoor.db-wal"
    calls = [office.ask(Binding("a", "lab"), f"Question {n}.").exchange.call_id for n in range(24)]
    assert log.stat().st_size >= 15 * 2**20
    # What a machine that lost its power leaves behind: the files without their shared memory.
    (tmp_path / "t").mkdir()
    for name in ("firedoor.db", "firedoor.db-wal", "content.key"):
        shutil.copy(tmp_path / "s" / name, tmp_path / "t" / name)
    again = Office(settings_for(None, "contain"), url=f"sqlite:{tmp_path}/t/firedoor.db")
    assert {c["call"] for c in again.reader.calls(limit=100)} == set(calls)
    assert again.reader.verify().ok
    again.calls = 100
    again.ask(Binding("b", "lab"), "One more.")
    assert again.reader.verify().size == 50

"""What the writer does when things go wrong round it: forks, exits, locks, damage."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from driving import Office, settings_for
from firedoor.engine.port import (
    CallRow,
    Commit,
    Committed,
    EntryDraft,
    LookParts,
    StoreFailed,
)
from firedoor.errors import StoreUnavailable
from firedoor.fronts.committer import Committer
from firedoor.store import SqliteStore, StoreReader, open_store
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import BOTTOM
from firedoor.types.record import Emission, RunRow


def commit(n: int) -> Commit:
    """A commit with an entry and a call, and nothing else."""
    call = CallRow(CallId(f"c_{n}"), InstanceId("i_1"), None, 0, opened=b"{}")
    return Commit(at=1.0, call=call, entry=EntryDraft("call.open", {"call": f"c_{n}"}))


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return open_store(f"sqlite:{tmp_path}/s/firedoor.db")


def test_what_nobody_waits_for_is_seen_by_the_next_reader(store: SqliteStore) -> None:
    for n in range(5):
        store.apply_later(commit(n), lambda: None)
    assert store.head()[0] == 5


_EXIT = """
import sys
from firedoor.store import open_store
sys.path.insert(0, sys.argv[2])
from store_commits import commit
store = open_store(sys.argv[1])
for n in range(3):
    store.apply_later(commit(n), lambda: None)
"""


def test_a_program_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    """`observe` leaves commits to a thread; the end of the program waits for them."""
    url = f"sqlite:{tmp_path}/s/firedoor.db"
    (tmp_path / "store_commits.py").write_text(
        "from firedoor.engine.port import CallRow, Commit, EntryDraft\n"
        "def commit(n):\n"
        "    call = CallRow(f'c_{n}', 'i_1', None, 0, opened=b'{}')\n"
        "    return Commit(at=1.0, call=call, entry=EntryDraft('call.open', {'call': f'c_{n}'}))\n"
    )
    subprocess.run([sys.executable, "-c", _EXIT, url, str(tmp_path)], check=True, timeout=60)
    assert StoreReader(open_store(url)).verify().size == 3


def test_a_child_process_writes_for_itself(store: SqliteStore) -> None:
    """After a fork, parent and child go on, neither waits for the other's threads."""
    store.apply_later(commit(0), lambda: None)
    store.apply(commit(1))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            store.apply(commit(2))
            store.apply_later(commit(3), lambda: None)
            store.settle()
            status = 0
        finally:
            os._exit(status)
    started = time.monotonic()
    store.apply(commit(4))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert time.monotonic() - started < 30  # a bound on a hang, not a measure
    found = StoreReader(store).verify()
    assert (found.ok, found.size) == (True, 5)


_FORKED_CALLS = """
import json, os, sys
from firedoor import Door
from firedoor.fronts.drive import _new_call
door = Door(mode="contain", store=sys.argv[1], environ={})
_new_call()
child = os.fork()
mine = [_new_call() for _ in range(50)]
if child:
    os.waitpid(child, 0)
print(json.dumps(mine), flush=True)
"""


def test_parent_and_child_draw_different_ids(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FORKED_CALLS, f"sqlite:{tmp_path}/s/firedoor.db"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    child, parent = (json.loads(line) for line in done.stdout.splitlines())
    assert not {c[-14:] for c in child} & {p[-14:] for p in parent}


def test_damage_in_the_head_is_said_and_hangs_nobody(store: SqliteStore) -> None:
    """An error of any kind in the writer reaches each who waits, and the writer goes on."""
    store.apply(commit(0))
    with sqlite3.connect(store.path or "") as other:
        (peaks,) = other.execute("SELECT peaks FROM head").fetchone()
        other.execute("UPDATE head SET peaks = x'00'")
    with pytest.raises(StoreUnavailable):
        store.apply(commit(1))

    async def work() -> list[object]:
        committer = Committer(store)
        return list(await asyncio.gather(*(committer.apply(commit(n)) for n in range(2, 5))))

    assert all(isinstance(e, StoreFailed) for e in asyncio.run(asyncio.wait_for(work(), 30)))
    with sqlite3.connect(store.path or "") as other:
        other.execute("UPDATE head SET peaks = ?", (peaks,))
    assert isinstance(store.apply(commit(5)), Committed)


def test_a_commit_that_nobody_could_join_takes_no_turn_of_the_loop(store: SqliteStore) -> None:
    """A lone call's commit is durable at once; with others under way it waits for them."""

    async def run() -> None:
        committer = Committer(store)
        committer.under_way = 1
        with pytest.raises(StopIteration) as done:
            committer.apply(commit(0)).send(None)
        assert isinstance(done.value.value, Committed)
        assert store.head()[0] == 1
        committer.under_way = 2
        joined = [asyncio.ensure_future(committer.apply(commit(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        assert store.head()[0] == 1
        assert [type(event) for event in await asyncio.gather(*joined)] == [Committed, Committed]
        assert store.head()[0] == 3

    asyncio.run(run())


def test_a_locked_store_does_not_block_the_event_loop(store: SqliteStore) -> None:
    """Another process's transaction is waited for on a thread; other calls go on."""
    other = sqlite3.connect(store.path or "", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")

    async def work() -> tuple[int, object]:
        waiting = asyncio.ensure_future(Committer(store).apply(commit(0)))
        turns = 0
        while turns < 50:
            await asyncio.sleep(0.001)
            turns += 1
            assert not waiting.done()
        other.execute("ROLLBACK")
        return turns, await asyncio.wait_for(waiting, 30)

    turns, result = asyncio.run(work())
    assert turns == 50
    assert isinstance(result, Committed)


def test_observe_goes_on_when_the_store_is_locked(tmp_path: Path) -> None:
    """A commit that nobody waits for is given up after a moment, and the caller is told."""
    store = open_store(f"sqlite:{tmp_path}/s/firedoor.db")
    other = sqlite3.connect(store.path or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    failed: list[int] = []
    store.apply_later(commit(0), lambda: failed.append(0))
    store.settle()
    assert failed == [0]
    other.execute("ROLLBACK")
    assert isinstance(store.apply(commit(1)), Committed)


def test_calls_of_two_offices_share_a_file(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/s/firedoor.db"
    one, two = (Office(settings_for(None, "contain"), url=url) for _ in range(2))
    two.calls = 100
    for n in range(3):
        one.ask(Binding("a", "lab"), f"Question {n}.")
        two.ask(Binding("b", "lab"), f"Question {n}.")
    assert one.reader.verify().size == 12


def test_a_reader_waits_for_the_queue_only_where_it_matters(store: SqliteStore) -> None:
    """What is queued about another text leaves the answer as it is; about this one, it is written."""
    run, room, passage = RunId("r_1"), RoomId("lab"), Digest(b"p" * 16)
    said = Emission(
        passage, 0, room, run, BOTTOM, InstanceId("i_1"), "a", "lab", CallId("c_1"), False
    )
    store.apply_later(commit(1)._replace(emissions=(said,), run=RunRow(run, room)), lambda: None)

    def ask(run: str, *passages: Digest) -> LookParts:
        return LookParts(1.0, room, RunId(run), InstanceId("i_2"), "k", passages)

    assert not store.unsettled(ask("r_2", Digest(b"q" * 16)))
    assert store.unsettled(ask("r_2", passage))
    assert store.unsettled(ask("r_1"))
    assert store.look_parts(ask("r_2", passage)).emissions[passage][0].author == "a"
    assert not store.unsettled(ask("r_2", passage))

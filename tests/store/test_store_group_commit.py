"""Many callers to one sync: who writes for whom, and what becomes of the others when that one fails."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from firedoor.engine.port import CallRow, Commit, Committed, EntryDraft
from firedoor.errors import StoreUnavailable
from firedoor.store import SqliteStore, open_store
from firedoor.store.transactions import Ticket
from firedoor.types.ids import CallId, InstanceId

CALLERS = 20


def commit() -> Commit:
    call = CallRow(CallId("c_1"), InstanceId("i_1"), None, 0)
    return Commit(at=1.7e9, call=call, entry=EntryDraft("call.open", {}))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(f"sqlite:{tmp_path}/s/firedoor.db")
    yield opened
    opened.close()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CALLERS) as threads:
        yield threads


def watched(store: SqliteStore, before: Callable[[int], None] = lambda _: None) -> list[int]:
    """How many commits each transaction carries."""
    sizes: list[int] = []
    write = store._transactions.write

    def writing(tickets: list[Ticket], **more: Any) -> None:
        sizes.append(len(tickets))
        before(len(sizes))
        write(tickets, **more)

    store._transactions.write = writing  # type: ignore[method-assign]
    return sizes


def queued(store: SqliteStore, pool: ThreadPoolExecutor, count: int = CALLERS) -> list[Future[Any]]:
    """Callers that all wait, since somebody has the writer's lock."""
    asked = [pool.submit(store.apply, commit()) for _ in range(count)]
    until = time.monotonic() + 60
    while len(store._commits._queue) < count:
        assert time.monotonic() < until
        time.sleep(0.001)
    return asked


def test_all_who_wait_share_one_transaction(store: SqliteStore, pool: ThreadPoolExecutor) -> None:
    sizes = watched(store)
    with store._transactions.lock:
        asked = queued(store, pool)
    found = [future.result(60) for future in asked]
    assert sorted(result.index for result in found) == list(range(CALLERS))
    assert sizes == [CALLERS]


def test_who_comes_while_another_writes_goes_with_the_next(
    store: SqliteStore, pool: ThreadPoolExecutor
) -> None:
    first, go_on = threading.Event(), threading.Event()

    def before(count: int) -> None:
        if count == 1:
            first.set()
            assert go_on.wait(60)

    sizes = watched(store, before)
    alone = pool.submit(store.apply, commit())
    assert first.wait(60)
    asked = queued(store, pool, CALLERS - 1)
    go_on.set()
    assert all(isinstance(f.result(60), Committed) for f in (alone, *asked))
    assert sizes == [1, CALLERS - 1]


def test_when_the_writer_is_interrupted_the_others_are_told_and_the_store_goes_on(
    store: SqliteStore, pool: ThreadPoolExecutor
) -> None:
    def before(count: int) -> None:
        if count == 1:
            raise KeyboardInterrupt

    watched(store, before)
    with store._transactions.lock:
        asked = queued(store, pool)
    errors = [type(future.exception(10)) for future in asked]
    assert sorted(error.__name__ for error in errors) == sorted(
        ["KeyboardInterrupt", *["StoreUnavailable"] * (CALLERS - 1)]
    )
    assert isinstance(store.apply(commit()), Committed)


def test_who_is_interrupted_while_it_waits_leaves_its_turn_to_the_next(
    store: SqliteStore, pool: ThreadPoolExecutor
) -> None:
    """Its commit is not written, and nobody waits for it to write theirs."""
    main = threading.get_ident()
    first, go_on = threading.Event(), threading.Event()

    def interrupt() -> None:
        queue = store._commits._queue
        until = time.monotonic() + 60
        while not queue and time.monotonic() < until:
            time.sleep(0.001)
        # Those behind it in the queue.
        behind = [pool.submit(store.apply, commit()) for _ in range(3)]
        while len(queue) < 4 and time.monotonic() < until:
            time.sleep(0.001)
        signal.pthread_kill(main, signal.SIGINT)
        while len(queue) > 3 and time.monotonic() < until:
            time.sleep(0.001)
        go_on.set()
        asked.extend(behind)

    def before(count: int) -> None:
        if count == 1:
            first.set()
            assert go_on.wait(60)

    asked: list[Future[Any]] = []
    sizes = watched(store, before)
    alone = pool.submit(store.apply, commit())
    assert first.wait(60)
    # Other tests of this process may have left another handler.
    handled = signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupter = pool.submit(interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            store.apply(commit())
    finally:
        signal.signal(signal.SIGINT, handled)
    interrupter.result(60)
    assert all(isinstance(f.result(60), Committed) for f in (alone, *asked))
    assert sizes == [1, 3]


def test_who_waits_when_the_store_is_closed_is_told(
    store: SqliteStore, pool: ThreadPoolExecutor
) -> None:
    with store._transactions.lock:
        asked = queued(store, pool)
        closing = threading.Thread(target=store.close)
        closing.start()
    closing.join(10)
    assert not closing.is_alive()
    for future in asked:
        result = future.exception(10) or future.result()
        assert isinstance(result, Committed | StoreUnavailable)
    with pytest.raises(StoreUnavailable):
        store.apply(commit())

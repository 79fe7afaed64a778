"""One write transaction at a time, on the store's one writing connection.

A transaction takes every commit that it is handed, a savepoint each, so that one refusal spoils
nothing, and syncs once. The lock is between the threads of a process; other processes are waited for
at SQLite's own.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from firedoor.engine.port import Commit, Committed, Exhausted, Stale
from firedoor.errors import StoreError, StoreUnavailable
from firedoor.store import writing
from firedoor.store.failures import Busy, failure_of, is_busy
from firedoor.store.head import read_head

BUSY_S: Final = 5.0
"""How long a commit waits for another process's transaction."""
BUSY_UNAWAITED_S: Final = 1.0
"""The same for commits that nobody waits for: `observe` must not hold up what it watches."""
NO_WAIT: Final = "PRAGMA busy_timeout = 0"
"""For the writer: it is waited for here, not in SQLite, since an event loop must not wait at all."""
_BUSY_PAUSE_S: Final = 0.005
_PROBE_S: Final = 1.0
"""How long what was found about the disk holds, for whoever asks whether it can be written."""
_FAILED_S: Final = 5.0
"""How long a failed commit stands against a probe that went well: a probe is smaller than most."""
LOG_PAGES: Final = 4_000
_LOG_BYTES: Final = LOG_PAGES * (4096 + 24) + 32
"""The write-ahead log at its full length: pages with their frame headers, and its own header."""
_LENGTHEN_AFTER: Final = 16
"""Transactions of a process after which the log is worth lengthening: not those of a command."""

Result = Committed | Stale | Exhausted | Exception


class Ticket:
    """One commit in the queue, and then its result."""

    __slots__ = ("asleep", "callback", "commit", "result", "writes")

    def __init__(self, commit: Commit, callback: Callable[[Result], None] | None) -> None:
        self.commit = commit
        self.callback = callback
        self.result: Result | None = None
        self.asleep: threading.Lock | None = None
        """Held while its caller sleeps, if it does."""
        self.writes = False
        """Whether it is its caller's turn to write."""

    def wake(self) -> None:
        """Let its caller go on; once it is awake it stays so."""
        if self.asleep is not None and self.asleep.locked():
            self.asleep.release()


class Transactions:
    """The writing connection, and who may use it."""

    def __init__(
        self, connection: sqlite3.Connection, keeper: writing.Keeper, url: str, path: Path | None
    ) -> None:
        self.connection = connection
        self.lock = threading.Lock()
        """Held by whoever writes."""
        self.closed: StoreUnavailable | None = None
        """Why nothing can be written any more."""
        self.sync_s = 0.0
        """How long the disk takes to sync, in seconds: the least of late."""
        self._keeper = keeper
        self._url = url
        self._path = path
        self._count = 0
        self._probe_lock = threading.Lock()
        self._probed: StoreError | None = None
        self._probed_at = -_PROBE_S
        self._last_failure: tuple[float, Result] | None = None
        """When and why a commit could not be written, if the last one could not."""

    def _begin(self, connection: sqlite3.Connection, wait_s: float) -> None:
        """Take the write lock, from other processes too, within ``wait_s`` seconds."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not is_busy(error):
                    raise
                if time.monotonic() >= deadline:
                    raise Busy(f"{self._url}: another process is writing") from error
            time.sleep(_BUSY_PAUSE_S)

    def write(self, tickets: list[Ticket], *, wait_s: float = BUSY_S) -> None:
        """One transaction for all ``tickets``. Called with the lock held."""
        if not tickets:
            return
        connection = self.connection
        results: list[Result] = []
        try:
            if self.closed is not None:
                raise again(self.closed)
            self._begin(connection, wait_s)
            batch = writing.Batch(connection, self._keeper, read_head(connection))
            results = [batch.add(ticket.commit) for ticket in tickets]
            batch.flush()
            flushed = time.perf_counter()
            connection.execute("COMMIT")
            # The least says what the disk can do: a busy processor makes any one of them slow.
            self.sync_s = min(time.perf_counter() - flushed, 1.02 * self.sync_s + 1e-5)
        except Exception as error:
            # Whatever it was, nobody may be left waiting, and the writer goes on.
            results = [failure_of(error, self._url)] * len(tickets)
            roll_back(connection)
        except BaseException:
            roll_back(connection)
            for ticket in tickets:
                ticket.result = StoreUnavailable("the writer was interrupted")
            raise
        failed = isinstance(results[0], StoreError)
        if failed and len(tickets) > 1 and not isinstance(results[0], Busy):
            # One of them may be what cannot be written: alone, it fails alone.
            for ticket in tickets:
                self.write([ticket], wait_s=wait_s)
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result
        if not isinstance(results[0], Busy):
            self._last_failure = (time.monotonic(), results[0]) if failed else None
        self._count += 1
        if self._count == _LENGTHEN_AFTER and self._path is not None:
            self._lengthen_log(self._path.with_name(self._path.name + "-wal"))

    def check_writable(self) -> None:
        """Return if a commit would be written now. Blocks, as a commit does.

        A commit that failed a moment ago says no; else something is written and removed, a page or
        two, since a full or read-only disk shows itself at nothing less. Once a second at most,
        however often it is asked.

        Raises:
            StoreUnavailable: It would not, and why.
        """
        with self._probe_lock:
            now = time.monotonic()
            failure: Result | None = None
            if self._last_failure is not None and now - self._last_failure[0] < _FAILED_S:
                failure = self._last_failure[1]
            elif now - self._probed_at < _PROBE_S:
                failure = self._probed
            else:
                failure = self._probed = self._probe()
                self._probed_at = time.monotonic()
        if isinstance(failure, StoreError):
            raise again(failure)

    def _probe(self) -> StoreError | None:
        with self.lock:
            connection = self.connection
            try:
                if self.closed is not None:
                    raise again(self.closed)
                self._begin(connection, BUSY_UNAWAITED_S)
                read_head(connection)
                connection.execute("INSERT INTO probe (filling) VALUES (zeroblob(8192))")
                connection.execute("DELETE FROM probe")
                connection.execute("COMMIT")
            except Exception as error:
                roll_back(connection)
                return failure_of(error, self._url)
        return None

    def _lengthen_log(self, log: Path) -> None:
        """Write the log's file to its full length once, so that a sync need not move its end.

        A sync that also has to write down a file's new length costs half as much again (measured:
        0.49 ms against 0.32). SQLite reads a log up to the first frame whose checksum fails, so
        zeros behind it are what older frames are: nothing. The write lock is held meanwhile, since
        another process may be adding frames.
        """
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            with log.open("r+b") as file:
                missing = _LOG_BYTES - file.seek(0, os.SEEK_END)
                while missing > 0:
                    missing -= file.write(bytes(min(missing, 1 << 20)))
                file.flush()
                os.fsync(file.fileno())
            connection.execute("ROLLBACK")
        except (sqlite3.Error, OSError):
            # It is a matter of speed alone; what is wrong with the disk, the next commit will say.
            roll_back(connection)

    @contextmanager
    def one(self) -> Iterator[sqlite3.Connection]:
        """The connection, in a transaction of its own."""
        with self.lock:
            connection = self.connection
            try:
                self._begin(connection, BUSY_S)
                yield connection
                connection.execute("COMMIT")
            except Exception as error:
                roll_back(connection)
                raise failure_of(error, self._url) from error

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection]:
        """The connection, in no transaction, for what has to arrange its own."""
        with self.lock:
            try:
                yield self.connection
            except Exception as error:
                roll_back(self.connection)
                raise failure_of(error, self._url) from error

    def free(self) -> None:
        """Nobody holds a lock: a forked child has none of its parent's threads."""
        self.lock = threading.Lock()
        self._probe_lock = threading.Lock()


def again(error: StoreError) -> StoreUnavailable:
    """The same failure, for another caller."""
    return StoreUnavailable(error.message, where=error.where, hint=error.hint)


def roll_back(connection: sqlite3.Connection) -> None:
    """End a transaction, if one is open, with nothing written."""
    # SQLite may have done it by itself (disk full, I/O error), or the store is closed: then there is
    # nothing to do.
    with suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")

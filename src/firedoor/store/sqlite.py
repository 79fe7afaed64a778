"""The embedded store: SQLite in WAL mode, every commit synced, many callers to one sync.

Life of a commit: a caller queues it and asks for the writer's lock. Whoever gets the lock writes
everything that is queued in one transaction, a savepoint each, so that one refusal spoils nothing,
and syncs once. With one caller that is one short transaction on its own thread; with many, they
share the sync (measured: see docs/benchmarks.md). An asynchronous front hands its commits to a
writer thread instead, and is called back.

Several processes may share the file: what a transaction builds on (the ledger's head, labels,
reach, orders) is read inside it.
"""

import os
import queue
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from firedoor.engine.port import (
    Commit,
    Committed,
    FoundParts,
    FoundWho,
    LookParts,
    LookWho,
    Stale,
)
from firedoor.errors import StoreError, StoreUnavailable
from firedoor.ledger import CompactRange, from_bytes
from firedoor.store import looking, writing
from firedoor.store.keys import StoreKeys, load_keys
from firedoor.store.migrate import migrate
from firedoor.types.ids import NodeId

_BUSY_MS: Final = 5_000
_BATCH_MAX: Final = 256
_QUICK_S: Final = 0.003
_LOG_PAGES: Final = 4_000
_LOG_BYTES: Final = _LOG_PAGES * (4096 + 24) + 32
"""The write-ahead log at its full length: pages with their frame headers, and its own header."""
_LENGTHEN_AFTER: Final = 16
"""Transactions of a process after which the log is worth lengthening: not those of a command."""

Result = Committed | Stale | Exception


class _Ticket:
    """One commit in the queue, and then its result."""

    __slots__ = ("callback", "commit", "result")

    def __init__(self, commit: Commit, callback: Callable[[Result], None] | None) -> None:
        self.commit = commit
        self.callback = callback
        self.result: Result | None = None


class SqliteStore:
    """A store in one file, with its key file beside it."""

    def __init__(self, path: Path | None, *, node: NodeId, retention: str = "encrypted") -> None:
        self.path = path
        self.node = node
        self.retention = retention
        self.url = f"sqlite:{path if path is not None else ':memory:'}"
        if path is not None:
            _make_directory(path)
        self.keys: StoreKeys = load_keys(path.parent / "content.key" if path is not None else None)
        self._memory_name = f"file:firedoor-{secrets.token_hex(8)}?mode=memory&cache=shared"
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Ticket] = queue.SimpleQueue()
        self._soon: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._soon_thread: threading.Thread | None = None
        self._leader = threading.Lock()
        self._later_queued = self._later_ended = 0
        self._later_done = threading.Condition()
        self._closed = False
        self._transactions = 0
        self._sync_s = 0.0
        """How long the disk takes to sync, in seconds: the least of late."""
        try:
            self._writer = self._connect()
            migrate(self._writer)
        except sqlite3.Error as error:
            raise _unavailable(error, self.url) from error
        if path is not None:
            _restrict(path)

    @property
    def index_key(self) -> bytes:
        """The key of this store's digests."""
        return self.keys.index_key

    # -- connections -------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        name = str(self.path) if self.path is not None else self._memory_name
        connection = sqlite3.connect(
            name,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_MS / 1000,
            uri=self.path is None,
            cached_statements=256,
        )
        if self.path is not None:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Digests lie at random: a page of theirs is read again soon, and 32 MB hold many.
        connection.execute("PRAGMA cache_size = -32768")
        # A page that many commits touch is copied back once for all of them.
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            if self.path is None:
                # A shared-cache memory database locks whole tables: one connection serves all.
                return self._writer
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            with self._readers_lock:
                self._readers.append(connection)
        return connection

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection whose reads all see one state of the store."""
        waiting = self.unsettled()
        if waiting is not None:
            self.settle(waiting)
        lock = self._leader if self.path is None else None
        if lock is not None:
            lock.acquire()
        try:
            connection = self._reader()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unavailable(error, self.url) from error
        finally:
            if lock is not None:
                lock.release()

    # -- the engine's port ---------------------------------------------------------------------

    def look_who(self, ask: LookWho) -> FoundWho:
        """See `engine.port.Store`."""
        with self.snapshot() as connection:
            return looking.look_who(connection, ask)

    def look_parts(self, ask: LookParts) -> FoundParts:
        """See `engine.port.Store`."""
        if self.path is not None and self.unsettled() is None:
            try:
                found = looking.look_new(self._reader(), ask)
            except sqlite3.Error as error:
                raise _unavailable(error, self.url) from error
            if found is not None:
                return found
        with self.snapshot() as connection:
            return looking.look_parts(connection, ask)

    def apply(self, commit: Commit) -> Committed | Stale:
        """See `engine.port.Store`. Blocks until the commit is synced."""
        ticket = _Ticket(commit, None)
        self._queue.put(ticket)
        while ticket.result is None:
            with self._leader:
                if ticket.result is None:
                    self._write(self._drain(self._queue))
        if isinstance(ticket.result, Exception):
            raise ticket.result
        return ticket.result

    def apply_soon(self, commit: Commit, callback: Callable[[Result], None]) -> None:
        """Queue a commit; ``callback`` gets its result on the writer's thread once it is synced."""
        if self._soon_thread is None:
            with self._readers_lock:
                if self._soon_thread is None:
                    self._soon_thread = threading.Thread(
                        target=self._serve, name="firedoor-writer", daemon=True
                    )
                    self._soon_thread.start()
        self._soon.put(_Ticket(commit, callback))

    def apply_many(self, commits: list[Commit]) -> list[Result]:
        """Make several commits durable in one transaction, each refused or not by itself. Blocks."""
        tickets = [_Ticket(commit, None) for commit in commits]
        with self._leader:
            self._write(tickets)
        return [t.result for t in tickets if t.result is not None]

    def quick(self) -> bool:
        """Whether a transaction here and now costs an event loop less than handing it to a thread."""
        return self._sync_s < _QUICK_S and self._soon.empty()

    def apply_later(self, commit: Commit, failed: Callable[[], None]) -> None:
        """Queue a commit that nobody waits for; whoever reads the store next does.

        ``failed`` is called on the writer's thread when it could not be written.
        """

        def done(result: Result) -> None:
            if isinstance(result, Exception):
                failed()
            with self._later_done:
                self._later_ended += 1
                self._later_done.notify_all()

        with self._later_done:
            # Queued under the lock, so that commits end in the order in which they are counted.
            self._later_queued += 1
            self.apply_soon(commit, done)

    def unsettled(self) -> int | None:
        """The number of queued commits to wait for before reading; None when all have ended."""
        queued = self._later_queued
        return queued if self._later_ended < queued else None

    def settle(self, queued: int) -> None:
        """Wait until ``queued`` commits of `apply_later` have ended, so that a reader sees them."""
        with self._later_done:
            self._later_done.wait_for(lambda: self._later_ended >= queued, timeout=_BUSY_MS / 1000)

    def _serve(self) -> None:
        while True:
            first = self._soon.get()
            if first is None:
                return
            tickets = [first, *(t for t in self._drain(self._soon) if t is not None)]
            with self._leader:
                self._write(tickets)
            for ticket in tickets:
                if ticket.callback is not None and ticket.result is not None:
                    ticket.callback(ticket.result)

    @staticmethod
    def _drain(source: "queue.SimpleQueue[Any]") -> list[Any]:
        found: list[Any] = []
        while len(found) < _BATCH_MAX:
            try:
                ticket = source.get_nowait()
            except queue.Empty:
                break
            if ticket is None:
                source.put(None)
                break
            found.append(ticket)
        return found

    def _write(self, tickets: list[_Ticket]) -> None:
        """One transaction for all ``tickets``. Called with the leader's lock held."""
        if not tickets:
            return
        connection = self._writer
        results: list[Result] = []
        try:
            if self._closed:
                raise StoreUnavailable("the store is closed")
            connection.execute("BEGIN IMMEDIATE")
            batch = writing.Batch(connection, self, self._head(connection))
            results = [batch.add(ticket.commit) for ticket in tickets]
            batch.flush()
            flushed = time.perf_counter()
            connection.execute("COMMIT")
            # The least says what the disk can do: a busy processor makes any one of them slow.
            self._sync_s = min(time.perf_counter() - flushed, 1.02 * self._sync_s + 1e-5)
        except (sqlite3.Error, StoreError) as error:
            failure = error if isinstance(error, StoreError) else _unavailable(error, self.url)
            failure.__cause__ = error if failure is not error else None
            results = [failure] * len(tickets)
            if connection.in_transaction:
                try:
                    connection.execute("ROLLBACK")
                except sqlite3.Error:
                    # SQLite rolled back by itself (disk full, I/O error): nothing is left to do.
                    connection.in_transaction  # noqa: B018
        except BaseException as error:
            # Nothing above may leave a caller waiting for ever.
            results = [StoreUnavailable(f"the writer failed: {type(error).__name__}")] * len(
                tickets
            )
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for ticket, result in zip(tickets, results, strict=True):
                ticket.result = result
            raise
        if isinstance(results[0], StoreError) and len(tickets) > 1:
            # One of them may be what cannot be written: alone, it fails alone.
            for ticket in tickets:
                self._write([ticket])
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result
        self._transactions += 1
        if self._transactions == _LENGTHEN_AFTER and self.path is not None:
            self._lengthen_log(self.path.with_name(self.path.name + "-wal"))

    def _lengthen_log(self, log: Path) -> None:
        """Write the log's file to its full length once, so that a sync need not move its end.

        A sync that also has to write down a file's new length costs half as much again (measured:
        0.49 ms against 0.32). SQLite reads a log up to the first frame whose checksum fails, so
        zeros behind it are what older frames are: nothing. The write lock is held meanwhile, since
        another process may be adding frames.
        """
        connection = self._writer
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
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    @staticmethod
    def _head(connection: sqlite3.Connection) -> writing.Head:
        size, peaks, last, orders = connection.execute(
            "SELECT size, peaks, last, orders FROM head"
        ).fetchone()
        return writing.Head(from_bytes(size, peaks), last, orders)

    def append_order(self, kind: str, target: str, body: dict[str, Any], at: float) -> int:
        """Give a standing order; its version is in force for every commit from here on.

        Args:
            kind: ``contain``, ``uncontain``, ``recall``, ``release`` or ``revoke``.
            target: ``instance:…``, ``room:…`` or ``credential:…``.
        """
        with self._leader:
            connection = self._writer
            try:
                connection.execute("BEGIN IMMEDIATE")
                head = self._head(connection)
                version, _ = writing.write_order(
                    connection, self, head, kind=kind, target=target, body=body, at=at
                )
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise _unavailable(error, self.url) from error
        return version

    def head(self) -> tuple[int, bytes]:
        """Size and root of the ledger's tree."""
        with self.snapshot() as connection:
            tree: CompactRange = self._head(connection).tree
        return tree.size, tree.root()

    def close(self) -> None:
        """Write what is queued, then close every connection. Twice is fine."""
        if self._closed:
            return
        if self._soon_thread is not None:
            self._soon.put(None)
            self._soon_thread.join(timeout=10)
        with self._leader:
            self._write(self._drain(self._queue))
            self._closed = True
            with self._readers_lock:
                for connection in self._readers:
                    connection.close()
                self._readers.clear()
            self._writer.close()


def _make_directory(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made before SQLite would make it with the umask's rights.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"the store's folder cannot be used: {error.strerror}",
            where=str(path.parent),
            hint="make it writable for this user, or name another with --store sqlite:PATH",
        ) from error


def _restrict(path: Path) -> None:
    """Nobody else reads the files, whatever the umask was. The folder is ours if we made it."""
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.chmod(0o600)


def _unavailable(error: sqlite3.Error, url: str) -> StoreUnavailable:
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    hints = {
        "SQLITE_FULL": "make room on the disk",
        "SQLITE_READONLY": "make the file and its folder writable",
        "SQLITE_CANTOPEN": "make the folder readable and writable",
        "SQLITE_CORRUPT": "restore a backup; `firedoor ledger verify` shows what is left",
        "SQLITE_NOTADB": "the file is no store; name another with --store sqlite:PATH",
        "SQLITE_BUSY": "another process holds the store's write lock",
    }
    return StoreUnavailable(f"the store failed: {code}", where=url, hint=hints.get(code))


def chunks(items: Iterable[Any], size: int = 400) -> Iterator[list[Any]]:
    """``items`` in lists of at most ``size``: SQLite bounds the parameters of one statement."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

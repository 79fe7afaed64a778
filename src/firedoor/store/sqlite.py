"""The embedded store: SQLite in WAL mode, every commit synced, many callers to one sync.

Life of a commit: a caller queues it and asks for the writer's lock. Whoever gets the lock writes
everything that is queued in one transaction, a savepoint each, so that one refusal spoils nothing,
and syncs once. With one caller that is one short transaction on its own thread; with many, they
share the sync (measured: see docs/benchmarks.md). An asynchronous front hands its commits to a
writer thread instead, and is called back. What nobody waits for lies in a queue for a moment, so
that one sync serves both ends of a call; whoever reads the store first writes it.

Several processes may share the file: what a transaction builds on (the ledger's head, labels,
reach, orders) is read inside it.
"""

import atexit
import logging
import os
import queue
import secrets
import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
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
from firedoor.errors import CallerError, StoreError, StoreUnavailable
from firedoor.store import looking, writing
from firedoor.store.head import read_head
from firedoor.store.keys import StoreKeys, load_keys
from firedoor.store.migrate import migrate
from firedoor.store.rows import label_join
from firedoor.types.ids import NodeId
from firedoor.types.record import Grant, MintedRow

_LOG: Final = logging.getLogger("firedoor.store")
_BUSY_S: Final = 5.0
"""How long a commit waits for another process's transaction."""
_BUSY_UNAWAITED_S: Final = 1.0
"""The same for commits that nobody waits for: `observe` must not hold up what it watches."""
_NO_WAIT: Final = "PRAGMA busy_timeout = 0"
"""For the writer: it is waited for here, not in SQLite, since an event loop must not wait at all."""
_BUSY_PAUSE_S: Final = 0.005
_LATER_S: Final = 0.02
"""How long a commit that nobody waits for lies in the queue, for others to join it."""
_BATCH_MAX: Final = 256
_PROBE_S: Final = 1.0
"""How long what was found about the disk holds, for whoever asks whether it can be written."""
_FAILED_S: Final = 5.0
"""How long a failed commit stands against a probe that went well: a probe is smaller than most."""
_KEY_FILE: Final = "content.key"
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
    """A store in one file, with its key file beside it.

    Args:
        check: Whether a ledger whose head does not fit it is refused. Only who means to say what
            is wrong with it opens it all the same.
        absent: Why it could not be opened. Then it stands in for itself: every question and every
            write fails with that, until somebody opens another.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        node: NodeId,
        retention: str = "encrypted",
        check: bool = True,
        absent: StoreUnavailable | None = None,
    ) -> None:
        self.absent = absent
        self.path = path
        self.node = node
        self.retention = retention
        self.url = f"sqlite:{path if path is not None else ':memory:'}"
        self._memory_name = f"file:firedoor-{secrets.token_hex(8)}?mode=memory&cache=shared"
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Ticket] = queue.SimpleQueue()
        self._soon: queue.SimpleQueue[_Ticket | None] = queue.SimpleQueue()
        self._soon_thread: threading.Thread | None = None
        self._leader = threading.Lock()
        self._later: deque[_Ticket] = deque()
        self._later_open = 0
        """Commits of `apply_later` that have not ended."""
        self._later_lock = threading.Lock()
        self._later_about: set[str | bytes | None] = set()
        """The runs and passages of which the queue has something to say."""
        self._later_wake = threading.Event()
        self._later_thread: threading.Thread | None = None
        self._closed = False
        _open_stores.add(self)
        self._transactions = 0
        self._probe_lock = threading.Lock()
        self._probed: StoreError | None = None
        self._probed_at = -_PROBE_S
        self._last_failure: tuple[float, Result] | None = None
        """When and why a commit could not be written, if the last one could not."""
        self._sync_s = 0.0
        """How long the disk takes to sync, in seconds: the least of late."""
        if absent is not None:
            self._closed = True
            self._writer = sqlite3.connect(":memory:", check_same_thread=False)
            self.keys: StoreKeys = load_keys(None, None)
            return
        try:
            if path is not None:
                _make_directory(path)
            self._writer = self._connect()
            migrate(self._writer)
            self.keys = self._own_keys(self._writer)
            if check:
                read_head(self._writer)
            self._writer.execute(_NO_WAIT)
        except Exception as error:
            self._closed = True
            if isinstance(error, sqlite3.Error):
                raise _unavailable(error, self.url) from error
            raise
        if path is not None:
            _restrict(path)

    def _why_closed(self) -> StoreUnavailable:
        if self.absent is None:
            return StoreUnavailable("the store is closed")
        return StoreUnavailable(self.absent.message, where=self.absent.where, hint=self.absent.hint)

    @property
    def index_key(self) -> bytes:
        """The key of this store's digests."""
        return self.keys.index_key

    def _own_keys(self, connection: sqlite3.Connection) -> StoreKeys:
        """The keys that this store was made with, which a new store makes and notes down."""
        if self.path is None:
            return load_keys(None, None)
        file = self.path.with_name(_KEY_FILE)
        known = _key_id(connection)
        if known is not None:
            return load_keys(file, known)
        # The write lock first, then the question again: another process may have been quicker.
        connection.execute("BEGIN IMMEDIATE")
        try:
            known = _key_id(connection)
            keys = load_keys(file, known)
            if known is None:
                connection.execute("INSERT INTO own_key (one, id) VALUES (1, ?)", (keys.key_id,))
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back(connection)
            raise
        return keys

    # -- connections -------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        name = str(self.path) if self.path is not None else self._memory_name
        connection = sqlite3.connect(
            name,
            isolation_level=None,
            check_same_thread=False,
            timeout=_BUSY_S,
            uri=self.path is None,
            cached_statements=256,
        )
        if self.path is not None:
            connection.execute("PRAGMA journal_mode = WAL")
        connection.create_function("label_join", 2, label_join, deterministic=True)
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
                raise self._why_closed()
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
        self.settle()
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
        if self.path is not None:
            if self.unsettled(ask):
                self.settle()
            try:
                found = looking.look_new(self._reader(), ask)
            except sqlite3.Error as error:
                raise _unavailable(error, self.url) from error
            if found is not None:
                return found
        with self.snapshot() as connection:
            return looking.look_parts(connection, ask, self.keys.place_key)

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

    def apply_many(self, commits: list[Commit]) -> list[Result] | None:
        """Make several commits durable in one transaction, each refused or not by itself.

        Waits for the disk and for nothing else: None, and nothing done, when another thread or
        process is writing.
        """
        if not self._leader.acquire(blocking=False):
            return None
        tickets = [_Ticket(commit, None) for commit in commits]
        try:
            self._write(tickets, wait_s=0)
        finally:
            self._leader.release()
        if any(isinstance(t.result, _Busy) for t in tickets):
            return None
        return [t.result for t in tickets if t.result is not None]

    def quick(self) -> bool:
        """Whether a transaction here and now costs an event loop less than handing it to a thread."""
        return self._sync_s < _QUICK_S and self._soon.empty()

    def apply_later(self, commit: Commit, failed: Callable[[], None]) -> None:
        """Queue a commit that nobody waits for; whoever reads the store next writes it first.

        ``failed`` is called when it could not be written, on the thread that tried.
        """

        def done(result: Result) -> None:
            if isinstance(result, Exception):
                failed()

        if self._later_thread is None:
            self._start_later()
        with self._later_lock:
            self._later_open += 1
            self._later.append(_Ticket(commit, done))
            self._later_about.update(_about(commit))
        if not self._later_wake.is_set():
            self._later_wake.set()

    def unsettled(self, ask: LookWho | LookParts) -> bool:
        """Whether commits are queued, or being written, that could change the answer to ``ask``."""
        if self._later_open == 0:
            return False
        if isinstance(ask, LookWho) or ask.places or ask.minted:
            return True
        with self._later_lock:
            about = self._later_about
            named = ask.run in about or ask.attempt in about
            return named or not about.isdisjoint(ask.passages)

    def settle(self) -> None:
        """Write what `apply_later` queued, so that a reader sees it."""
        while self._later_open > 0:
            with self._leader:
                self._write_later()

    def _write_later(self) -> None:
        """Called with the leader's lock held."""
        tickets: list[_Ticket] = []
        while self._later and len(tickets) < _BATCH_MAX:
            tickets.append(self._later.popleft())
        try:
            self._write(tickets, wait_s=_BUSY_UNAWAITED_S)
        finally:
            with self._later_lock:
                self._later_open -= len(tickets)
                self._later_about = {x for t in self._later for x in _about(t.commit)}
            self._tell(tickets)

    @staticmethod
    def _tell(tickets: "list[_Ticket]") -> None:
        for ticket in tickets:
            if ticket.callback is None or ticket.result is None:
                continue
            try:
                ticket.callback(ticket.result)
            except Exception:
                # The writer must outlive whoever it tells.
                _LOG.exception("a commit's callback failed")

    def _start_later(self) -> None:
        with self._readers_lock:
            if self._later_thread is None:
                self._later_thread = threading.Thread(
                    target=self._serve_later, name="firedoor-later", daemon=True
                )
                self._later_thread.start()

    def _serve_later(self) -> None:
        while not self._closed:
            self._later_wake.wait()
            time.sleep(_LATER_S)
            # Cleared before the queue is looked at: what comes after that sets it again.
            self._later_wake.clear()
            if self._later:
                with self._leader:
                    self._write_later()

    def _serve(self) -> None:
        while True:
            first = self._soon.get()
            if first is None:
                return
            tickets = [first, *(t for t in self._drain(self._soon) if t is not None)]
            with self._leader:
                self._write(tickets)
            self._tell(tickets)

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

    def _begin(self, connection: sqlite3.Connection, wait_s: float) -> None:
        """Take the write lock, from other processes too, within ``wait_s`` seconds."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error):
                    raise
                if time.monotonic() >= deadline:
                    raise _Busy(f"{self.url}: another process is writing") from error
            time.sleep(_BUSY_PAUSE_S)

    def _write(self, tickets: list[_Ticket], *, wait_s: float = _BUSY_S) -> None:
        """One transaction for all ``tickets``. Called with the leader's lock held."""
        if not tickets:
            return
        connection = self._writer
        results: list[Result] = []
        try:
            if self._closed:
                raise self._why_closed()
            self._begin(connection, wait_s)
            batch = writing.Batch(connection, self, read_head(connection))
            results = [batch.add(ticket.commit) for ticket in tickets]
            batch.flush()
            flushed = time.perf_counter()
            connection.execute("COMMIT")
            # The least says what the disk can do: a busy processor makes any one of them slow.
            self._sync_s = min(time.perf_counter() - flushed, 1.02 * self._sync_s + 1e-5)
        except Exception as error:
            # Whatever it was, nobody may be left waiting, and the writer goes on.
            results = [_failure(error, self.url)] * len(tickets)
            self._roll_back(connection)
        except BaseException:
            self._roll_back(connection)
            for ticket in tickets:
                ticket.result = StoreUnavailable("the writer was interrupted")
            raise
        failed = isinstance(results[0], StoreError)
        if failed and len(tickets) > 1 and not isinstance(results[0], _Busy):
            # One of them may be what cannot be written: alone, it fails alone.
            for ticket in tickets:
                self._write([ticket], wait_s=wait_s)
            return
        for ticket, result in zip(tickets, results, strict=True):
            ticket.result = result
        if not isinstance(results[0], _Busy):
            self._last_failure = (time.monotonic(), results[0]) if failed else None
        self._transactions += 1
        if self._transactions == _LENGTHEN_AFTER and self.path is not None:
            self._lengthen_log(self.path.with_name(self.path.name + "-wal"))

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
            raise StoreUnavailable(failure.message, where=failure.where, hint=failure.hint)

    def _probe(self) -> StoreError | None:
        with self._leader:
            connection = self._writer
            try:
                if self._closed:
                    raise self._why_closed()
                self._begin(connection, _BUSY_UNAWAITED_S)
                read_head(connection)
                connection.execute("INSERT INTO probe (filling) VALUES (zeroblob(8192))")
                connection.execute("DELETE FROM probe")
                connection.execute("COMMIT")
            except Exception as error:
                self._roll_back(connection)
                return _failure(error, self.url)
        return None

    @staticmethod
    def _roll_back(connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            # SQLite may have done it by itself (disk full, I/O error): then there is nothing to do.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

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
            self._roll_back(connection)

    def append_order(self, kind: str, target: str, body: dict[str, Any], at: float) -> int:
        """Give a standing order; its version is in force for every commit from here on.

        Args:
            kind: ``contain``, ``uncontain``, ``recall``, ``release`` or ``revoke``; see `adopt`.
            target: ``instance:…``, ``room:…``, ``credential:…`` or ``quarantine:…``.
        """
        with self._ordering() as connection:
            version, _ = writing.write_order(
                connection, self, read_head(connection), kind=kind, target=target, body=body, at=at
            )
        return version

    def adopt(
        self,
        target: str,
        body: dict[str, Any],
        at: float,
        *,
        minted: Iterable[MintedRow] = (),
        grants: Iterable[Grant] = (),
    ) -> int:
        """Bring in what stood there before the door; gives the version of the order that says so."""
        with self._ordering() as connection:
            version, _ = writing.write_adoption(
                connection, self, read_head(connection),
                target=target, body=body, at=at, minted=minted, grants=grants,
            )  # fmt: skip
        return version

    @contextmanager
    def _ordering(self) -> Iterator[sqlite3.Connection]:
        """The writer's connection, in a transaction of one order."""
        with self._leader:
            connection = self._writer
            try:
                self._begin(connection, _BUSY_S)
                yield connection
                connection.execute("COMMIT")
            except Exception as error:
                self._roll_back(connection)
                raise _failure(error, self.url) from error

    def release(self, item: str, *, actor: str, reason: str, at: float, days: float = 30) -> int:
        """A person lets a held item go, until ``days`` are over; gives the order's version.

        Raises:
            CallerError: There is no such item, or it is not held.
        """
        with self.snapshot() as db:
            row = db.execute(
                "SELECT state, expires FROM quarantine WHERE id = ?", (item,)
            ).fetchone()
        if row is None:
            raise CallerError(
                f"no quarantine item {item!r} in this store",
                hint="`firedoor quarantine list` shows them",
            )
        if row[0] not in ("held", "released") or (row[0] == "released" and row[1] > at):
            raise CallerError(f"{item} is {row[0]}, not held")
        body = {"actor": actor, "reason": reason, "days": days}
        return self.append_order("release", f"quarantine:{item}", body, at)

    def head(self) -> tuple[int, bytes]:
        """Size and root of the ledger's tree."""
        with self.snapshot() as connection:
            tree = read_head(connection).tree
        return tree.size, tree.root()

    def close(self) -> None:
        """Write what is queued, then close every connection. Twice is fine."""
        if self._closed:
            return
        self.settle()
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
        self._later_wake.set()

    def reopen_after_fork(self) -> None:
        """Begin anew in a child process: its parent's threads and connections are not its own.

        What the parent had queued, the parent writes. Its connections are kept, unused, since
        closing one here would tidy away files that the parent is using.
        """
        self._leader = threading.Lock()
        self._readers_lock = threading.Lock()
        self._probe_lock = threading.Lock()
        self._queue, self._soon = queue.SimpleQueue(), queue.SimpleQueue()
        self._later, self._later_open = deque(), 0
        self._later_lock = threading.Lock()
        self._later_about = set()
        self._later_wake = threading.Event()
        self._soon_thread = self._later_thread = None
        if self.path is None or self._closed:
            return
        _abandoned.extend((self._writer, self._readers, self._local))
        self._readers, self._local = [], threading.local()
        try:
            self._writer = self._connect()
            self._writer.execute(_NO_WAIT)
        except sqlite3.Error:
            _LOG.exception("the store could not be opened again after a fork")
            self._closed = True


_open_stores: "weakref.WeakSet[SqliteStore]" = weakref.WeakSet()
_abandoned: list[object] = []


def _after_fork() -> None:
    for store in list(_open_stores):
        store.reopen_after_fork()


@atexit.register
def _at_exit() -> None:
    """A program that ends without closing its door loses nothing that was queued."""
    for store in list(_open_stores):
        if not store._closed:
            store.settle()


os.register_at_fork(after_in_child=_after_fork)


class _Busy(StoreUnavailable):
    """Another process holds the write lock."""


def _about(commit: Commit) -> Iterator[str | bytes]:
    """What a commit changes the record of, as far as a look for new text is concerned."""
    if commit.call.attempt is not None:
        yield commit.call.attempt
    if commit.run is not None:
        yield commit.run.run
    for emission in commit.emissions:
        yield emission.passage
    for grant in commit.grants:
        yield grant.passage


def _is_busy(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _failure(error: Exception, url: str) -> StoreError:
    """What a caller is told of anything that went wrong in the writer."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, sqlite3.Error):
        failure = _unavailable(error, url)
    else:
        failure = StoreUnavailable(
            f"{url}: the store's contents cannot be used ({type(error).__name__})",
            hint="check it with `firedoor ledger verify`",
        )
    failure.__cause__ = error
    return failure


def _key_id(connection: sqlite3.Connection) -> str | None:
    """The id of the key that the store was made with; None for a new one."""
    row = connection.execute("SELECT id FROM own_key").fetchone()
    if row is not None:
        return str(row[0])
    if connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone() is not None:
        raise StoreUnavailable(
            "the store no longer says which key it was made with",
            hint="restore it from a backup, its key file with it",
        )
    return None


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
        "SQLITE_CONSTRAINT_PRIMARYKEY": "`firedoor ledger verify` shows what does not fit",
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

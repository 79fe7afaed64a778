"""The embedded store: SQLite in WAL mode, every commit synced, many callers to one sync.

How a commit gets to the disk, ``commits`` says; this is what holds the connections: one that writes,
and one for each thread that reads.

Several processes may share the file: what a transaction builds on (the ledger's head, labels,
reach, orders) is read inside it.
"""

import logging
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firedoor.engine.explain import time_text
from firedoor.engine.port import (
    Brought,
    Commit,
    Committed,
    Exhausted,
    FoundKey,
    FoundParts,
    FoundWho,
    LookKey,
    LookParts,
    LookWho,
    Stale,
)
from firedoor.errors import CallerError, StoreUnavailable
from firedoor.store import budgets, files, forks, index, issued, looking, reindex, roads, writing
from firedoor.store.commits import Commits
from firedoor.store.failures import is_busy, unavailable
from firedoor.store.head import read_head
from firedoor.store.keys import StoreKeys, load_keys
from firedoor.store.meters import AMOUNT_MAX
from firedoor.store.migrate import migrate
from firedoor.store.rows import label_join
from firedoor.store.signing import SigningKey, load_signing_key
from firedoor.store.tokens import Roots
from firedoor.store.transactions import BUSY_S, LOG_PAGES, NO_WAIT, Result, Transactions, again
from firedoor.types.budget import AccountRow
from firedoor.types.ids import InstanceId, NodeId
from firedoor.types.key import KeyRow
from firedoor.types.record import Grant, MintedRow

_LOG: Final = logging.getLogger("firedoor.store")


@dataclass(slots=True)
class _Keeper:
    """What a write needs to know of its store. Not the store itself: the two would hold each other."""

    keys: StoreKeys
    retention: str
    node: NodeId


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
        if absent is not None:
            connection = sqlite3.connect(":memory:", check_same_thread=False)
            self.keys: StoreKeys = load_keys(None, None)
        else:
            try:
                if path is not None:
                    files.make_directory(path)
                connection = self._connect()
                migrate(connection)
                self.keys = files.own_keys(path, connection)
                if check:
                    read_head(connection)
                connection.execute(NO_WAIT)
            except sqlite3.Error as error:
                raise unavailable(error, self.url) from error
            if path is not None:
                files.restrict(path)
        self._signing: SigningKey | None = None
        self.roots = Roots(path.parent if path is not None else None)
        """The root key of tokens."""
        keeper = _Keeper(self.keys, retention, node)
        self._transactions = Transactions(connection, keeper, self.url, path)
        self._transactions.closed = absent
        self._commits = Commits(self._transactions, weakref.ref(self))
        forks.watch(self)

    @property
    def _writer(self) -> sqlite3.Connection:
        return self._transactions.connection

    @property
    def closed(self) -> bool:
        """Whether nothing can be read or written any more."""
        return self._transactions.closed is not None

    @property
    def index_key(self) -> bytes:
        """The key of this store's digests."""
        return self.keys.index_key

    def signing_key(self) -> SigningKey:
        """The key that this store's door signs with; made when first asked for.

        Raises:
            StoreUnavailable: It cannot be read or made.
        """
        if self.absent is not None:
            raise again(self.absent)
        if self._signing is None:
            self._signing = load_signing_key(self.path.parent if self.path is not None else None)
        return self._signing

    def signer(self) -> SigningKey | None:
        """The same; None where there can be none, which costs no call more than its statement."""
        try:
            return self.signing_key()
        except StoreUnavailable as error:
            _LOG.warning("%s", error)
            return None

    # -- connections -------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        name = str(self.path) if self.path is not None else self._memory_name
        connection = sqlite3.connect(
            name,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_S,
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
        connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
        return connection

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._transactions.closed is not None:
                raise again(self._transactions.closed)
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
        self._commits.settle()
        lock = self._transactions.lock if self.path is None else None
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
            raise unavailable(error, self.url) from error
        finally:
            if lock is not None:
                lock.release()

    # -- the engine's port ---------------------------------------------------------------------

    def look_key(self, ask: LookKey) -> FoundKey:
        """See `engine.port.Store`."""
        with self.snapshot() as connection:
            return issued.look_key(connection, ask, self.keys, self.roots)

    def look_who(self, ask: LookWho) -> FoundWho:
        """See `engine.port.Store`."""
        with self.snapshot() as connection:
            return looking.look_who(connection, ask)

    def look_parts(self, ask: LookParts) -> FoundParts:
        """See `engine.port.Store`."""
        if self.path is not None:
            if self._commits.unsettled(ask):
                self._commits.settle()
            found = self._look_new(ask)
            if found is not None:
                return found
        with self.snapshot() as connection:
            return looking.look_parts(connection, ask, self.keys)

    def _look_new(self, ask: LookParts) -> FoundParts | None:
        # The writer has the pages that it wrote; a reader reads them again after each commit, which
        # takes a third longer. Nobody waits for the writer: it may be writing.
        lock = self._transactions.lock
        try:
            if lock.acquire(blocking=False):
                try:
                    if self._transactions.closed is None:
                        return looking.look_new(self._writer, ask)
                except sqlite3.OperationalError as error:
                    # It waits for no other process; a reader does.
                    if not is_busy(error):
                        raise
                finally:
                    lock.release()
            return looking.look_new(self._reader(), ask)
        except sqlite3.Error as error:
            raise unavailable(error, self.url) from error

    def apply(self, commit: Commit) -> Committed | Stale | Exhausted:
        """See `engine.port.Store`. Blocks until the commit is synced."""
        return self._commits.apply(commit)

    def apply_soon(self, commit: Commit, callback: Callable[[Result], None]) -> None:
        """Queue a commit; ``callback`` gets its result on the writer's thread once it is synced."""
        self._commits.apply_soon(commit, callback)

    def apply_many(self, commits: list[Commit]) -> list[Result] | None:
        """Make several commits durable in one transaction, each refused or not by itself.

        Waits for the disk and for nothing else: None, and nothing done, when another thread or
        process is writing.
        """
        return self._commits.apply_many(commits)

    def quick(self) -> bool:
        """Whether a transaction here and now costs an event loop less than handing it to a thread."""
        return self._commits.quick()

    def apply_later(self, commit: Commit, failed: Callable[[], None]) -> None:
        """Queue a commit that nobody waits for; whoever reads the store next writes it first.

        ``failed`` is called when it could not be written, on the thread that tried.
        """
        self._commits.apply_later(commit, failed)

    def unsettled(self, ask: LookWho | LookParts) -> bool:
        """Whether commits are queued, or being written, that could change the answer to ``ask``."""
        return self._commits.unsettled(ask)

    def settle(self) -> None:
        """Write what `apply_later` queued, so that a reader sees it."""
        self._commits.settle()

    def check_writable(self) -> None:
        """Return if a commit would be written now. Blocks, as a commit does.

        Raises:
            StoreUnavailable: It would not, and why.
        """
        self._transactions.check_writable()

    # -- orders --------------------------------------------------------------------------------

    def append_order(self, kind: str, target: str, body: dict[str, Any], at: float) -> int:
        """Give a standing order; its version is in force for every commit from here on.

        Args:
            kind: ``contain``, ``uncontain``, ``recall``, ``release`` or ``revoke``; see `adopt`.
            target: ``instance:…``, ``room:…``, ``credential:…`` or ``quarantine:…``.
        """
        with self._transactions.one() as connection:
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
        brought: Iterable[Brought] = (),
    ) -> int:
        """Bring in what stood there before the door; gives the version of the order that says so."""
        with self._transactions.one() as connection:
            version, _ = writing.write_adoption(
                connection, self, read_head(connection),
                target=target, body=body, at=at, minted=minted, grants=grants,
            )  # fmt: skip
            for found in brought:
                index.bring(connection, found, 0)
        return version

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

    # -- budgets -------------------------------------------------------------------------------

    def accounts(
        self,
        at: float | None = None,
        *,
        shown: str | None = None,
        account_id: str | None = None,
        holds: bool = False,
    ) -> list[AccountRow]:
        """Every limit that a call was held to, as it stands at ``at`` (now, if not given)."""
        self.settle()
        with self.snapshot() as db:
            now = time.time() if at is None else at
            return budgets.account_rows(db, now, shown=shown, account_id=account_id, holds=holds)

    def raise_budget(
        self,
        shown: str,
        kind: str,
        amount: int,
        *,
        until: float | None,
        actor: str,
        reason: str,
        at: float,
    ) -> int:
        """Add to a limit, for every account of that name; gives the ledger entry's index.

        Args:
            amount: In the unit of the kind; micro-dollars for cost.
            until: When it ends, in seconds since the epoch; None for good.

        Raises:
            CallerError: No account of that name was ever held to such a limit, or nothing is added.
        """
        if amount <= 0:
            raise CallerError(f"{amount} adds nothing", hint="a limit is lowered in the file")
        if amount > AMOUNT_MAX:
            raise CallerError(f"{amount} is more than can be counted")
        with self.snapshot() as db:
            named = budgets.accounts_named(db, shown, kind)
        if not named:
            raise CallerError(
                f"no account {shown!r} was held to a limit of {kind!r} in this store",
                hint="`firedoor budget show` lists them; a limit is set under `budgets:`",
            )
        with self._transactions.one() as db:
            body = {
                "raise": kind, "account": shown, "amount": amount, "actor": actor,
                "reason": reason, "until": time_text(until) if until is not None else None,
            }  # fmt: skip
            before = read_head(db)
            writing.write_entry(db, self, before, "budget", body, at)
            index_ = before.tree.size
            for account in named:
                budgets.write_raise(db, account, kind, amount, until, index_)
        return index_

    # -- virtual keys --------------------------------------------------------------------------

    def issue_key(
        self, wanted: KeyRow, *, actor: str, reason: str | None, at: float
    ) -> issued.Issued:
        """A new virtual key, in force once this returns. What is returned is told once.

        Raises:
            SettingsError: A token is wanted, and the extra for it is missing.
        """
        made = issued.new_key(wanted)
        if wanted.kind == "token":
            made = made._replace(secret=self.roots.mint(made.key.id))
        with self._transactions.one() as connection:
            issued.write_issued(connection, self, made, actor=actor, reason=reason, at=at)
        return made

    def revoke_key(
        self, target: str, *, actor: str, reason: str | None, at: float, key: str | None = None
    ) -> int:
        """Revoke a key (``k_…``), or a token's block (``b_…``) with all that descends from it.

        No call that begins after this returns is admitted under it, in any process. Gives the
        version of the order that says so. ``key`` is the key that a block descends from.

        Raises:
            CallerError: There is no such key, or it is revoked already.
        """
        with self._transactions.one() as connection:
            version = issued.write_revoked(
                connection, self, target, key=key, actor=actor, reason=reason, at=at
            )
        if isinstance(version, CallerError):
            raise version
        return version

    def issued_keys(self) -> list[dict[str, Any]]:
        """Every key that was issued, the newest first. No key itself is among it."""
        with self.snapshot() as db:
            return list(issued.listed(db))

    # -- the index -----------------------------------------------------------------------------

    def index_use(self) -> reindex.Use:
        """How much the passage index holds, and for whom."""
        with self.snapshot() as db:
            return reindex.use(db)

    def check_index(self) -> reindex.Check:
        """Whether every passage can be read and every fingerprint found. Reads all of it."""
        # Damaged pages may not even let a reading transaction end.
        with self._transactions.alone() as db:
            return reindex.check(db, self.keys)

    def rebuild_index(self) -> reindex.Rebuilt:
        """Write the fingerprints anew from the passages that are kept. Nobody else may be at it."""
        with self._transactions.alone() as db:
            return reindex.rebuild(db, self.keys)

    def forget(
        self, instance: InstanceId, *, actor: str, reason: str, at: float
    ) -> reindex.Forgotten:
        """Drop what is kept of an instance's words: its passages and its calls' texts.

        Its labels, its calls and the ledger stay: what it wrote is not known again, and takes the
        label of where it lies.
        """
        with self._transactions.one() as db:
            gone = reindex.forget(db, self.keys, "instance = ?", (instance,))
            body = {"actor": actor, "reason": reason, **gone._asdict()}
            writing.write_order(
                db, self, read_head(db), kind="forget", target=f"instance:{instance}", body=body,
                at=at,
            )  # fmt: skip
        return gone

    def expire(self, before: float) -> reindex.Forgotten:
        """Drop the words that were kept before ``before``, in seconds since the epoch."""
        with self.snapshot() as db:
            if not reindex.older(db, before):
                return reindex.Forgotten(0, 0, 0)
        with self._transactions.one() as db:
            gone = reindex.forget(db, self.keys, "at < ?", (before,))
            roads.forget(db, before)
        for low, high in reindex.SLICES:
            # A little at a time: commits go on between.
            with self._transactions.one() as db:
                reindex.forget_outside(db, before, low, high)
        return gone

    def head(self) -> tuple[int, bytes]:
        """Size and root of the ledger's tree."""
        with self.snapshot() as connection:
            tree = read_head(connection).tree
        return tree.size, tree.root()

    # -- the end, and forks --------------------------------------------------------------------

    def close(self) -> None:
        """Write what is queued, then close every connection. Twice is fine."""
        if self.closed:
            return
        self._commits.end()
        with self._transactions.lock:
            self._commits.write_rest()
            self._transactions.closed = StoreUnavailable("the store is closed")
            with self._readers_lock:
                for connection in self._readers:
                    connection.close()
                self._readers.clear()
            self._writer.close()
        self._commits.wake()

    def reopen_after_fork(self) -> None:
        """Begin anew in a child process: its parent's threads and connections are not its own.

        What the parent had queued, the parent writes. Its connections are kept, unused, since
        closing one here would tidy away files that the parent is using.
        """
        self._readers_lock = threading.Lock()
        self._transactions.free()
        self._commits.begin_anew()
        if self.path is None or self.closed:
            return
        forks.abandon(self._writer, self._readers, self._local)
        self._readers, self._local = [], threading.local()
        try:
            connection = self._connect()
            connection.execute(NO_WAIT)
            self._transactions.connection = connection
        except sqlite3.Error:
            _LOG.exception("the store could not be opened again after a fork")
            self._transactions.closed = StoreUnavailable("the store is closed")

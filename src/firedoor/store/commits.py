"""Commits on their way to the disk: who waits for one, and who writes it.

Life of a commit: a caller queues it. If nobody writes, it does: everything that is queued, in one
transaction, so that they share the sync (measured: see docs/benchmarks.md). Else it sleeps, and is
woken when its commit is done, or when it is the first of those that came meanwhile: then it writes
for all of them. With one caller that is one short transaction on its own thread. Nobody queues for
the lock itself: whoever comes first there again is who had it last, and writes its own next commit
alone (measured with 64 threads: 1.7 commits to a sync). An asynchronous front hands its commits to a
writer thread instead, and is called back. What nobody waits for lies in a queue for a moment, so
that one sync serves both ends of a call; whoever reads the store first writes it.
"""

import logging
import queue
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

from firedoor.engine.port import Commit, Committed, Exhausted, LookParts, LookWho, Stale
from firedoor.errors import StoreUnavailable
from firedoor.store.failures import Busy
from firedoor.store.transactions import BUSY_UNAWAITED_S, Result, Ticket, Transactions

_LOG: Final = logging.getLogger("firedoor.store")
_LATER_S: Final = 0.02
"""How long a commit that nobody waits for lies in the queue, for others to join it."""
_BATCH_MAX: Final = 256
_QUICK_S: Final = 0.003


class Commits:
    """The queues of one store, and the threads that serve them."""

    def __init__(self, transactions: Transactions, store: "weakref.ref[object]") -> None:
        self._transactions = transactions
        self._store = store
        """Kept by each thread: what is queued must be written, and a fork must find the store."""
        self._threads_lock = threading.Lock()
        self._begin()

    def _begin(self) -> None:
        self._queue: deque[Ticket] = deque()
        self._queue_lock = threading.Lock()
        self._writing = False
        """Whether a caller of `apply` writes, or is about to."""
        self._soon: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._soon_thread: threading.Thread | None = None
        self._later: deque[Ticket] = deque()
        self._later_open = 0
        """Commits of `apply_later` that have not ended."""
        self._later_lock = threading.Lock()
        self._later_about: set[str | bytes | int | None] = set()
        """The runs and passages of which the queue has something to say."""
        self._later_wake = threading.Event()
        self._later_thread: threading.Thread | None = None

    def apply(self, commit: Commit) -> Committed | Stale | Exhausted:
        """See `engine.port.Store`. Blocks until the commit is synced."""
        ticket = Ticket(commit, None)
        try:
            with self._queue_lock:
                self._queue.append(ticket)
                if self._writing:
                    ticket.asleep = threading.Lock()
                    ticket.asleep.acquire()
                else:
                    self._writing = ticket.writes = True
            if ticket.asleep is not None:
                ticket.asleep.acquire()
            if ticket.result is None:
                self._write_queued()
        finally:
            self._wake_next(ticket)
        result = ticket.result
        assert result is not None, "its own commit was the first of the queue"
        if isinstance(result, Exception):
            raise result
        return result

    def _write_queued(self) -> None:
        """Write what is queued, for all who wait for it."""
        tickets: list[Ticket] = []
        try:
            with self._transactions.lock:
                tickets = self._take_queued()
                self._transactions.write(tickets)
        finally:
            for ticket in tickets:
                if ticket.result is None:
                    ticket.result = StoreUnavailable("the writer was interrupted")
                ticket.wake()

    def _take_queued(self) -> list[Ticket]:
        with self._queue_lock:
            return [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH_MAX))]

    def _wake_next(self, ticket: Ticket) -> None:
        """Let the next in the queue write, where it was this one's turn."""
        with self._queue_lock:
            if ticket.result is None and ticket in self._queue:
                # It was interrupted: nobody is there any more to be woken.
                self._queue.remove(ticket)
            if ticket.writes:
                self._writing = bool(self._queue)
                if self._queue:
                    self._queue[0].writes = True
                    self._queue[0].wake()

    def apply_soon(self, commit: Commit, callback: Callable[[Result], None]) -> None:
        """Queue a commit; ``callback`` gets its result on the writer's thread once it is synced."""
        if self._soon_thread is None:
            with self._threads_lock:
                if self._soon_thread is None:
                    self._soon_thread = threading.Thread(
                        target=self._serve,
                        args=(self._store(),),
                        name="firedoor-writer",
                        daemon=True,
                    )
                    self._soon_thread.start()
        self._soon.put(Ticket(commit, callback))

    def apply_many(self, commits: list[Commit]) -> list[Result] | None:
        """Make several commits durable in one transaction, each refused or not by itself.

        Waits for the disk and for nothing else: None, and nothing done, when another thread or
        process is writing.
        """
        if not self._transactions.lock.acquire(blocking=False):
            return None
        tickets = [Ticket(commit, None) for commit in commits]
        try:
            self._transactions.write(tickets, wait_s=0)
        finally:
            self._transactions.lock.release()
        if any(isinstance(t.result, Busy) for t in tickets):
            return None
        return [t.result for t in tickets if t.result is not None]

    def quick(self) -> bool:
        """Whether a transaction here and now costs an event loop less than handing it to a thread."""
        return self._transactions.sync_s < _QUICK_S and self._soon.empty()

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
            self._later.append(Ticket(commit, done))
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
            return named or not (about.isdisjoint(ask.passages) and about.isdisjoint(ask.prints))

    def settle(self) -> None:
        """Write what `apply_later` queued, so that a reader sees it."""
        while self._later_open > 0:
            with self._transactions.lock:
                self._write_later()

    def _write_later(self) -> None:
        """Called with the transactions' lock held."""
        tickets: list[Ticket] = []
        while self._later and len(tickets) < _BATCH_MAX:
            tickets.append(self._later.popleft())
        try:
            self._transactions.write(tickets, wait_s=BUSY_UNAWAITED_S)
        finally:
            with self._later_lock:
                self._later_open -= len(tickets)
                self._later_about = {x for t in self._later for x in _about(t.commit)}
            self._tell(tickets)

    @staticmethod
    def _tell(tickets: "list[Ticket]") -> None:
        for ticket in tickets:
            if ticket.callback is None or ticket.result is None:
                continue
            try:
                ticket.callback(ticket.result)
            except Exception:
                # The writer must outlive whoever it tells.
                _LOG.exception("a commit's callback failed")

    def _start_later(self) -> None:
        with self._threads_lock:
            if self._later_thread is None:
                self._later_thread = threading.Thread(
                    target=self._serve_later,
                    args=(self._store(),),
                    name="firedoor-later",
                    daemon=True,
                )
                self._later_thread.start()

    def _serve_later(self, _store: object) -> None:
        while self._transactions.closed is None:
            self._later_wake.wait()
            time.sleep(_LATER_S)
            # Cleared before the queue is looked at: what comes after that sets it again.
            self._later_wake.clear()
            if self._later:
                with self._transactions.lock:
                    self._write_later()

    def _serve(self, _store: object) -> None:
        while True:
            first = self._soon.get()
            if first is None:
                return
            tickets = [first, *(t for t in self._drain(self._soon) if t is not None)]
            with self._transactions.lock:
                self._transactions.write(tickets)
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

    def end(self) -> None:
        """Write what is queued, with its thread's last turn. Nothing may be queued any more."""
        self.settle()
        if self._soon_thread is not None:
            self._soon.put(None)
            self._soon_thread.join(timeout=10)

    def write_rest(self) -> None:
        """Write what came meanwhile. Called with the transactions' lock held."""
        tickets = self._take_queued()
        self._transactions.write(tickets)
        for ticket in tickets:
            ticket.wake()

    def wake(self) -> None:
        """Let the thread see that the store is closed."""
        self._later_wake.set()

    def begin_anew(self) -> None:
        """Nothing is queued and no thread runs: so it is in a forked child."""
        self._threads_lock = threading.Lock()
        self._begin()


def _about(commit: Commit) -> Iterator[str | bytes | int]:
    """What a commit changes the record of, as far as a look for new text is concerned."""
    if commit.call.attempt is not None:
        yield commit.call.attempt
    if commit.run is not None:
        yield commit.run.run
    for emission in commit.emissions:
        yield emission.passage
    for grant in commit.grants:
        yield grant.passage
    for wrote in commit.wrote:
        yield from wrote.asked.keys

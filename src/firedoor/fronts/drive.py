"""Performs an engine's commands, whichever front the bytes came by.

The front tells a `Drive` what happened and takes from it what to send. Everything between, the two
questions to the store and the commits, is done here, once for blocking callers and once for
asynchronous ones; both hand the same commands to the same store.
"""

import asyncio
import logging
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from firedoor.engine import Engine, Exchange
from firedoor.engine.commands import (
    Command,
    Finish,
    Forward,
    ReadBody,
    SendBytes,
    SendHead,
    StopUpstream,
)
from firedoor.engine.events import Event, UpstreamFailed
from firedoor.engine.port import Commit, Committed, LookKey, LookParts, LookWho, StoreFailed
from firedoor.errors import StoreError
from firedoor.fronts.committer import Committer
from firedoor.store import SqliteStore
from firedoor.types.exchange import Caller, Objection, RequestHead
from firedoor.types.ids import CallId

LOG: Final = logging.getLogger("firedoor.fronts")

# A tuple: a union in `isinstance` is made anew at each call.
_MANY_PASSAGES: Final = 5_000
"""Passages of one look that are worth a thread: a file for training has many."""
_ASKS: Final = (Commit, LookKey, LookWho, LookParts)

Observer = Callable[[Exchange], None]


def _new_call() -> CallId:
    """A call's id: 48 bits of time, then chance, so that new calls lie side by side in the store."""
    return CallId(f"c_{time.time_ns() // 1_000_000:012x}{_chance()}")


_CHANCE_BYTES: Final = 7
_chances: list[str] = []
# A child must not use what its parent will.
os.register_at_fork(after_in_child=_chances.clear)


def _chance() -> str:
    """Seven random bytes, of which a few hundred are asked of the kernel at once."""
    while True:
        try:
            return _chances.pop()
        except IndexError:
            drawn = secrets.token_hex(_CHANCE_BYTES * 256)
            size = 2 * _CHANCE_BYTES
            _chances.extend(drawn[i : i + size] for i in range(0, len(drawn), size))


def _ignore(exchange: Exchange) -> None:
    """The observer of nobody."""


class Drive:
    """One exchange under way. Not for use from two threads at once."""

    def __init__(
        self,
        engine: Engine,
        store: SqliteStore,
        head: RequestHead,
        caller: Caller,
        *,
        later: bool = False,
        committer: Committer | None = None,
        on_open: Observer = _ignore,
        on_close: Observer = _ignore,
        objection: Objection | None = None,
    ) -> None:
        self.store = store
        self._committer = committer
        self._later = later
        """Whether commits that need not be awaited are left to the writer's thread."""
        self.exchange = engine.open(head, caller, call_id=_new_call(), at=time.time())
        self._on_close = on_close
        self._todo: deque[Command] = deque()
        self._spent = 0.0
        self.reading: ReadBody | None = None
        """Set once the request body is wanted."""
        self.forward: Forward | None = None
        """Set once the upstream call may start."""
        self.head: SendHead | None = None
        self.stop_upstream = False
        self.finished: Finish | None = None
        self._out: list[bytes] = []
        on_open(self.exchange)
        self._todo.extend(self.exchange.start(objection))

    @property
    def busy(self) -> bool:
        """Whether ``advance`` has anything to do."""
        return bool(self._todo)

    def take(self) -> list[bytes]:
        """What may be sent now."""
        out, self._out = self._out, []
        return out

    def tell(self, event: Event) -> None:
        """Something happened; follow with ``advance``."""
        started = time.perf_counter()
        self.exchange.overhead_s = self._spent
        self._todo.extend(self._receive(event))
        self._spent += time.perf_counter() - started

    def fail(self, objection: Objection) -> None:
        """The front itself cannot go on: follow with ``advance``, and the call is closed."""
        self._todo.clear()
        if self.forward is not None:
            self.tell(UpstreamFailed("inner", time.time()))
        elif self.finished is None:
            self._todo.extend(self.exchange.turn_away(objection))

    def _receive(self, event: Event) -> list[Command]:
        try:
            return self.exchange.receive(event)
        except Exception:
            LOG.exception("the engine failed on call %s", self.exchange.call_id)
            self._todo.clear()
        try:
            return self.exchange.give_up()
        except Exception:
            # Not even that: nothing is known of the call any more, so it ends here.
            LOG.exception("the engine could not give up call %s", self.exchange.call_id)
            return [StopUpstream(), Finish(clean=False)]

    def _perform(self, command: Command) -> Commit | LookKey | LookWho | LookParts | None:
        """Do what needs no store; give back what does."""
        if isinstance(command, _ASKS):
            return command
        match command:
            case SendBytes():
                self._out.append(command.chunk)
            case SendHead():
                self.head = command
            case ReadBody():
                self.reading = command
            case Forward():
                self.forward = command
            case StopUpstream():
                self.stop_upstream = True
            case Finish():
                self.finished = command
                self._on_close(self.exchange)
        return None

    def _answer(self, event: Event) -> None:
        # What follows from the store's answer comes before what was asked for after it.
        self.exchange.overhead_s = self._spent
        self._todo.extendleft(reversed(self._receive(event)))

    def _look(self, ask: LookKey | LookWho | LookParts) -> Event:
        try:
            if isinstance(ask, LookKey):
                return self.store.look_key(ask)
            if isinstance(ask, LookWho):
                return self.store.look_who(ask)
            return self.store.look_parts(ask)
        except StoreError as error:
            LOG.error("%s", error)
            return StoreFailed(type(error).__name__)

    def advance(self) -> None:
        """Perform everything that can be performed, blocking."""
        started = time.perf_counter()
        while self._todo and self.finished is None:
            ask = self._perform(self._todo.popleft())
            if ask is None:
                continue
            event: Event
            if isinstance(ask, Commit) and self._later and not ask.awaited:
                event = self._apply_later(ask)
            elif isinstance(ask, Commit):
                event = self._apply(ask)
            else:
                event = self._look(ask)
            now = time.perf_counter()
            self._spent += now - started
            started = now
            self._answer(event)
        self._spent += time.perf_counter() - started

    async def advance_async(self) -> None:
        """Perform everything that can be performed; commits are synced on the writer's thread."""
        started = time.perf_counter()
        while self._todo and self.finished is None:
            ask = self._perform(self._todo.popleft())
            if ask is None:
                continue
            if not isinstance(ask, Commit):
                # A key is no call's: what is queued does not change it.
                if not isinstance(ask, LookKey) and self.store.unsettled(ask):
                    # Off the loop: other calls go on while this one waits for its read.
                    await asyncio.to_thread(self.store.settle)
                if isinstance(ask, LookParts) and len(ask.passages) > _MANY_PASSAGES:
                    event = await asyncio.to_thread(self._look, ask)
                else:
                    event = self._look(ask)
            elif self._later and not ask.awaited:
                event = self._apply_later(ask)
            elif self._committer is not None:
                event = await self._committer.apply(ask)
            else:
                event = await Committer(self.store).apply(ask)
            now = time.perf_counter()
            self._spent += now - started
            started = now
            self._answer(event)
        self._spent += time.perf_counter() - started

    def _apply(self, commit: Commit) -> Event:
        try:
            return self.store.apply(commit)
        except StoreError as error:
            LOG.error("%s", error)
            return StoreFailed(type(error).__name__)

    def _apply_later(self, commit: Commit) -> Event:
        def failed() -> None:
            LOG.error("a call could not be written down: the store is unavailable")
            self.exchange.went_unrecorded()

        self.store.apply_later(commit, failed)
        return Committed(None, None)

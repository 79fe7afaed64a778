"""Commits of many calls on one event loop, together.

Measured (docs/benchmarks.md): on a disk that syncs in a fraction of a millisecond, writing on the
loop itself, for all calls that wait, costs a fifth less CPU time than handing each commit to a
thread, since two threads in one interpreter take the lock from each other at every statement. On a
slow disk the loop must not wait, and the writer's thread does it.
"""

import asyncio
import logging
from typing import Final

from firedoor.engine.events import Event
from firedoor.engine.port import Commit, StoreFailed
from firedoor.store import SqliteStore

_LOG: Final = logging.getLogger("firedoor.fronts")
_MANY: Final = 6
_WAIT_S: Final = 0.00025
"""How long a commit waits for others, for each call under way, where there are many of them
(`commit_delay` in PostgreSQL): a sync costs what ten calls' rows cost."""
_WAIT_S_MAX: Final = 0.004


def _event(result: object) -> Event:
    if isinstance(result, Exception):
        _LOG.error("%s", result)
        return StoreFailed(type(result).__name__)
    return result  # type: ignore[return-value]


class Committer:
    """Applies commits for one event loop."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._waiting: list[tuple[Commit, asyncio.Future[object]]] = []
        self.under_way = 0
        """Calls under way, kept by the front."""

    async def apply(self, commit: Commit) -> Event:
        """Make ``commit`` durable, perhaps with others."""
        if self.under_way <= 1 and not self._waiting and self._store.quick():
            # Nobody else could join it: here and now, without a turn of the loop.
            results = self._store.apply_many([commit])
            if results is not None:
                return _event(results[0])
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()
        if not self._store.quick():
            self._by_thread(commit, done, loop)
        else:
            self._waiting.append((commit, done))
            if len(self._waiting) == 1:
                wait_s = min(_WAIT_S * self.under_way, _WAIT_S_MAX)
                loop.call_later(wait_s if self.under_way >= _MANY else 0, self._flush)
        return _event(await done)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        results = self._store.apply_many([commit for commit, _ in waiting])
        if results is None:
            # Somebody else is writing: their end is waited for on the writer's thread.
            loop = asyncio.get_running_loop()
            for commit, done in waiting:
                self._by_thread(commit, done, loop)
            return
        for (_, done), result in zip(waiting, results, strict=True):
            if not done.done():
                done.set_result(result)

    def _by_thread(
        self, commit: Commit, done: "asyncio.Future[object]", loop: asyncio.AbstractEventLoop
    ) -> None:
        def settle(result: object) -> None:
            if not done.done():
                done.set_result(result)

        def back(result: object) -> None:
            try:
                loop.call_soon_threadsafe(settle, result)
            except RuntimeError:
                # The loop was closed under us: nobody waits any more.
                _LOG.debug("a commit was answered after its event loop had closed")

        self._store.apply_soon(commit, back)

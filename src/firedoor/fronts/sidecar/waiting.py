"""Where a call may be interrupted: only while it waits for the provider."""

import asyncio
import time
from collections.abc import Awaitable
from typing import Any, Final

from firedoor.config import Limits
from firedoor.fronts.sidecar.asgi import Receive

_WATCH_AFTER_S: Final = 0.05


class Interrupted(Exception):
    """The client went away, or the sidecar stops, while the provider was being waited for."""


class Waiting:
    """Where a call may be interrupted: only while it waits for the provider."""

    def __init__(self, receive: Receive) -> None:
        self.task = asyncio.current_task()
        self.reason: str | None = None
        self.open = False
        self.started_s = self.since_s = time.monotonic()
        """When the call went upstream, and since when the provider has been silent."""
        self._receive = receive
        self._watch: asyncio.Task[None] | None = None

    def look(self, now_s: float, limits: Limits) -> None:
        """Part of a round: has the provider been silent too long, or the client gone away?"""
        # Most calls end sooner than a client loses patience: for those nobody need watch.
        if self._watch is None and now_s - self.started_s > _WATCH_AFTER_S:
            self._watch = asyncio.create_task(self._watch_client())
        silent = max(limits.first_byte_s, limits.idle_s)
        if self.open and (now_s - self.since_s > silent or now_s - self.started_s > limits.total_s):
            self.interrupt("timeout")

    async def _watch_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.interrupt("gone")

    def end(self) -> None:
        """The call has ended."""
        if self._watch is not None:
            self._watch.cancel()

    def interrupt(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            if self.open and self.task is not None:
                self.task.cancel()

    async def on(self, awaitable: Awaitable[Any]) -> Any:
        if self.reason is not None:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise Interrupted(self.reason)
        self.open = True
        self.since_s = time.monotonic()
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self.reason is not None and self.task is not None:
                self.task.uncancel()
                raise Interrupted(self.reason) from None
            raise
        finally:
            self.open = False

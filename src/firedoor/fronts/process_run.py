"""The run of a process that holds a door: what happened in it since it last paused (MODEL §2).

It ends after an hour without calls, or after a day; the next call is of a new one. A run that the
environment names (`firedoor run` does, and so does a parent process) is somebody else's to end.
"""

import secrets
import threading
from collections.abc import MutableMapping
from typing import Final

from firedoor.types.ids import RunId

RUN_VARIABLE: Final = "FIREDOOR_RUN"
_IDLE_S: Final = 3_600.0
_LIFE_S: Final = 86_400.0


class ProcessRun:
    """The run of one process, and when it is time for the next. Times are seconds since the epoch.

    Args:
        environ: Where children find the run that their parent is in.
    """

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.Lock()
        self._minted: str | None = None
        self._began_at = self._last_at = 0.0

    def at(self, now: float) -> RunId:
        """The run of a call that begins ``now``."""
        with self._lock:
            named = self._environ.get(RUN_VARIABLE)
            if named and named != self._minted:
                return RunId(named)
            idle, age = now - self._last_at, now - self._began_at
            if self._minted is None or not named or idle >= _IDLE_S or age >= _LIFE_S:
                self._minted = self._environ[RUN_VARIABLE] = "r_" + secrets.token_hex(8)
                self._began_at = now
            # A clock that was set back starts both spans again from there.
            self._began_at, self._last_at = min(self._began_at, now), now
            return RunId(self._minted)

    def ended(self, now: float) -> None:
        """A call has ended ``now``: while it lasted, the process was not idle."""
        with self._lock:
            self._last_at = max(self._last_at, now)

"""What `firedoor doctor -- CMD` puts into Python programs: it tells where they want to connect.

This file is copied beside the program as its ``sitecustomize``: it may import nothing but the
standard library, and runs in whatever Python the program runs in. Loopback is let by; any other
connection is written down, with the library that wanted it, and refused: nothing leaves the machine.
"""

import importlib.util
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from importlib.machinery import PathFinder
from types import FrameType
from typing import Any, Final

LOG_VARIABLE: Final = "FIREDOOR_DOCTOR_LOG"
PROXY_VARIABLE: Final = "FIREDOOR_DOCTOR_PROXY"

# The most telling first: litellm's own handler stands on httpx, and that on httpcore.
_LIBRARIES: Final = (
    "litellm", "websockets", "aiohttp", "httpx2", "httpx", "requests", "urllib3", "pycurl", "grpc",
    "urllib", "http",
)  # fmt: skip
_SDKS: Final = (
    "openai",
    "anthropic",
    "google",
    "langchain_openai",
    "langchain_anthropic",
    "litellm",
)
_BLIND: Final = ("uvloop", "grpc", "pycurl")
"""What connects outside Python, where no hook sees it."""
_UNSEEN_S: Final = 64
"""Frames that are looked at for the program's own line."""


def loopback(host: object) -> bool:
    """Whether a connection to ``host`` stays on this machine."""
    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode("latin-1")
    if host is None or not isinstance(host, str):
        return True
    name = host.partition("%")[0].strip("[]").lower()
    if name in ("", "localhost", "::1", "::", "0.0.0.0") or name.endswith(".localhost"):
        return True
    numbers = name.removeprefix("::ffff:").split(".")
    return len(numbers) == 4 and numbers[0] == "127" and all(n.isdigit() for n in numbers)


def _frames() -> Iterator[tuple[str, str, int]]:
    """(module, file, line) of what led here, the innermost first.

    Names are often looked up on a thread of their own: then what the other threads do, and what the
    tasks wait for, tells for whom.
    """
    found = list(_stack(sys._getframe(1)))
    yield from found
    if any(module.partition(".")[0] in _LIBRARIES[:-2] for module, _, _ in found):
        return
    mine = threading.get_ident()
    for thread, frame in sys._current_frames().items():
        if thread != mine:
            yield from _stack(frame)
    tasks = sys.modules.get("asyncio.tasks")
    waiting: list[Any] = []
    for name in ("_scheduled_tasks", "_all_tasks"):
        waiting += list(getattr(tasks, name, ()))
    for task in waiting:
        yield from reversed(list(_awaited(task.get_coro())))


def _stack(frame: FrameType | None) -> Iterator[tuple[str, str, int]]:
    while frame is not None:
        yield str(frame.f_globals.get("__name__", "")), frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _awaited(coroutine: Any) -> Iterator[tuple[str, str, int]]:
    for _ in range(_UNSEEN_S):
        inner = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if inner is None:
            return
        yield str(inner.f_globals.get("__name__", "")), inner.f_code.co_filename, inner.f_lineno
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)


def _told() -> dict[str, str | None]:
    """Which library and SDK want to connect, and on whose line."""
    packages: list[str] = []
    where = None
    library = os.path.dirname(os.__file__)
    for module, file, line in _frames():
        packages.append(module.partition(".")[0])
        inside = file.startswith((library, "<")) or "site-packages" in file or file == __file__
        if where is None and not inside and module != __name__:
            where = f"{os.path.basename(file)}:{line}"
    return {
        "library": next((name for name in _LIBRARIES if name in packages), None),
        "sdk": next((name for name in _SDKS if name in packages), None),
        "where": where,
    }


class _Watch:
    def __init__(self, log: str, proxy: str) -> None:
        # One write a line, appended: children of the program write to the same file.
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._proxy = int(proxy or 0)
        self._name = socket.gethostname()
        self._inside = False
        self.say("python", version=sys.version.split()[0])

    def say(self, kind: str, **told: object) -> None:
        line = {"kind": kind, "pid": os.getpid(), "time": time.time(), **told}
        os.write(self._log, json.dumps(line).encode() + b"\n")

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "import":
            if arguments[0] in _BLIND:
                self._blind(arguments[0])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            port = arguments[1] if len(arguments) > 1 else None
            self._asked(arguments[0], port, resolving=True)
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[1]
            if isinstance(address, tuple) and len(address) >= 2:
                self._asked(address[0], address[1], resolving=False)

    def _blind(self, name: str) -> None:
        self.say("blind", library=name)
        if name == "uvloop":
            # Programs that like it do without; on it, connections could leave unseen.
            raise ImportError("firedoor doctor: uvloop connects where it cannot be watched")

    def _asked(self, host: object, port: object, *, resolving: bool) -> None:
        if loopback(host) or (resolving and host == self._name):
            if not resolving and port == self._proxy and self._proxy:
                self.say("proxy", **_told())
            return
        if isinstance(host, bytes | bytearray):
            host = bytes(host).decode("latin-1")
        self.say("past", host=str(host), port=str(port) if port is not None else None, **_told())
        raise ConnectionRefusedError(
            f"firedoor doctor: {host} was asked for past the door, and nothing leaves this machine"
        )


def _next_sitecustomize() -> None:
    """Run the one that this stands in place of."""
    here = os.path.dirname(os.path.abspath(__file__))
    path = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


def _install() -> None:
    log = os.environ.get(LOG_VARIABLE)
    if log:
        sys.addaudithook(_Watch(log, os.environ.get(PROXY_VARIABLE, "")))
        _next_sitecustomize()


if __name__ == "sitecustomize":
    _install()

"""Listeners, signals and the end: runs the two applications on uvicorn."""

import asyncio
import contextlib
import gc
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvicorn

from firedoor.config import Settings
from firedoor.errors import SettingsError
from firedoor.fronts.sidecar.admin import AdminApp
from firedoor.fronts.sidecar.app import SidecarApp
from firedoor.fronts.sidecar.heads import SidecarProtocol

_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: two listeners share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def admin_token(settings: Settings, folder: Path) -> str:
    """The admin token: the one given, else the one in ``admin-token``, made at first start."""
    if settings.admin_token:
        return settings.admin_token
    path = folder / "admin-token"
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    token = secrets.token_urlsafe(32)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
    return token


def _bound(host: str, port: int, what: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise SettingsError(
            f"{what} {port} on {host} cannot be listened on: {error.strerror}",
            hint="take another, or 0 for a free one",
        ) from error
    made.listen(2048)
    made.setblocking(False)
    return made


def _config(app: Any, grace_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=SidecarProtocol,
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(grace_s) + 4,
    )


class Sidecar:
    """Both listeners of one sidecar.

    Raises:
        SettingsError: A port cannot be had, or an upstream is the sidecar itself.
    """

    def __init__(self, app: SidecarApp, admin: AdminApp, settings: Settings) -> None:
        if settings.host not in _LOOPBACK and not settings.keys_required:
            raise SettingsError(
                f"host {settings.host} is not loopback, and keys are optional",
                hint="set `keys: required`, or listen on 127.0.0.1",
            )
        self._app = app
        self._settings = settings
        self._data_socket = _bound(settings.host, settings.port, "port")
        try:
            self._admin_socket = _bound("127.0.0.1", settings.admin_port, "admin port")
        except SettingsError:
            self._data_socket.close()
            raise
        grace = settings.limits.grace_s
        self._data = _Server(_config(app, grace))
        self._admin = _Server(_config(admin, 1))
        self.data_url = self._url(self._data_socket, settings.host)
        self.admin_url = self._url(self._admin_socket, "127.0.0.1")
        self._refuse_loops()
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @staticmethod
    def _url(listening: socket.socket, host: str) -> str:
        port = listening.getsockname()[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def _refuse_loops(self) -> None:
        """The data plane cannot be pointed at the controls, nor at itself."""
        own = {s.getsockname()[1] for s in (self._data_socket, self._admin_socket)}
        for name, upstream in self._settings.upstreams.items():
            target = urlsplit(upstream.base_url)
            if target.hostname in _LOOPBACK and target.port in own:
                self._data_socket.close()
                self._admin_socket.close()
                raise SettingsError(
                    f"upstream {name} is this sidecar itself ({upstream.base_url})",
                    hint="name the provider's own address",
                )

    async def _serve(self, ready: Callable[[], None], *, signals: bool) -> None:
        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        if signals:
            for number in (signal.SIGINT, signal.SIGTERM):
                self._loop.add_signal_handler(number, self._stop.set)
        await self._app.start()
        tasks = [
            asyncio.create_task(self._data.serve(sockets=[self._data_socket])),
            asyncio.create_task(self._admin.serve(sockets=[self._admin_socket])),
        ]
        while not (self._data.started and self._admin.started):
            if any(task.done() for task in tasks):
                break
            await asyncio.sleep(0.005)
        # What was loaded stays: the collector need not walk it again, nor start every 700 objects.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
        ready()
        stopped = asyncio.create_task(self._stop.wait())
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        self._data.should_exit = True
        await self._app.stop(self._settings.limits.grace_s)
        self._admin.should_exit = True
        await asyncio.gather(*tasks)
        await self._app.close()

    def run(self, ready: Callable[[], None]) -> None:
        """Serve until SIGINT or SIGTERM; ``ready`` is called once both listeners answer."""
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(self._serve(ready, signals=True))

    def start(self) -> None:
        """Serve on a thread of its own, until ``stop``. Returns when both listeners answer."""
        ready = threading.Event()

        def work() -> None:
            try:
                with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                    runner.run(self._serve(ready.set, signals=False))
            finally:
                ready.set()

        self._thread = threading.Thread(target=work, name="firedoor-sidecar", daemon=True)
        self._thread.start()
        ready.wait(timeout=30)

    def stop(self) -> None:
        """End what ``start`` began, streams within the grace period."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(timeout=self._settings.limits.grace_s + 10)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

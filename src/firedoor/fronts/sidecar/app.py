"""The data plane: what agents' clients talk to.

Plain ASGI without a framework, and aiohttp towards the provider: chosen by CPU time per call, see
docs/benchmarks.md.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from firedoor.config import Settings, UpstreamSetting
from firedoor.engine import Engine, explained
from firedoor.engine.events import (
    CallerGone,
    RequestBroken,
    RequestRead,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from firedoor.errors import StoreError
from firedoor.fronts.body import BadCoding, TooLarge, coding_of, decoded
from firedoor.fronts.committer import Committer
from firedoor.fronts.drive import LOG, Drive, Observer, _ignore
from firedoor.identity import claims_of, credential_of
from firedoor.store import SqliteStore, StoreReader
from firedoor.types.exchange import Caller, Headers, RequestHead
from firedoor.types.ids import RunId
from firedoor.wire import Refusal, refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CALLS: Final = "/v1/firedoor/calls/"
_CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")
_NO_ID: Final = "c_none"
_WATCH_AFTER_S: Final = 0.05


class _Interrupted(Exception):
    """The client went away, or the sidecar stops, while the provider was being waited for."""


class _Waiting:
    """Where a call may be interrupted: only while it waits for the provider."""

    def __init__(self) -> None:
        self.task = asyncio.current_task()
        self.reason: str | None = None
        self.open = False

    def interrupt(self, reason: str) -> None:
        if self.reason is None:
            self.reason = reason
            if self.open and self.task is not None:
                self.task.cancel()

    async def on(self, awaitable: Awaitable[Any]) -> Any:
        if self.reason is not None:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise _Interrupted(self.reason)
        self.open = True
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self.reason is not None and self.task is not None:
                self.task.uncancel()
                raise _Interrupted(self.reason) from None
            raise
        finally:
            self.open = False


class SidecarApp:
    """One sidecar's data plane.

    Args:
        run: The run that all callers belong to, for ``firedoor run``; None when it serves many.
        metrics: Gives the text of ``/metrics``.
    """

    def __init__(
        self,
        engine: Engine,
        store: SqliteStore,
        settings: Settings,
        *,
        run: RunId | None = None,
        on_open: Observer = _ignore,
        on_close: Observer = _ignore,
        metrics: Callable[[], tuple[bytes, str]] | None = None,
    ) -> None:
        self._engine = engine
        self._store = store
        self._settings = settings
        self._run = run
        self._on_open = on_open
        self._on_close = on_close
        self._metrics = metrics
        self._session: aiohttp.ClientSession | None = None
        self._committer = Committer(store)
        self._under_way: set[_Waiting] = set()
        self.stopping = False

    # -- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the pool towards the providers."""
        limits = self._settings.limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            timeout=aiohttp.ClientTimeout(
                total=limits.total_s,
                sock_connect=limits.connect_s,
                sock_read=max(limits.first_byte_s, limits.idle_s),
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def stop(self, grace_s: float) -> None:
        """Let calls under way end; after ``grace_s`` end their streams as the surface does."""
        self.stopping = True
        deadline = time.monotonic() + grace_s
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for waiting in list(self._under_way):
            waiting.interrupt("shutdown")
        deadline = time.monotonic() + 2
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    # -- requests ------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI scope."""
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})
            return
        path: str = scope["raw_path"].decode("latin-1").partition("?")[0]
        try:
            if path in ("/health", "/livez", "/readyz", "/metrics"):
                await self._own(path, send)
            elif path.startswith(_CALLS):
                await self._explain(path.removeprefix(_CALLS), scope, send)
            else:
                await self._guarded(path, scope, receive, send)
        except Exception:
            # No traceback reaches a client, and none of its words reach the log.
            LOG.exception("a call failed inside the door")
            await _send_refusal(
                send,
                refusal("firedoor_unavailable", "The door failed; the call did not pass.", _NO_ID),
            )

    async def _own(self, path: str, send: Send) -> None:
        if path == "/metrics" and self._metrics is not None:
            body, kind = self._metrics()
            await _send(send, 200, [(b"content-type", kind.encode())], body)
            return
        status, state = 200, "ok"
        if path == "/readyz":
            try:
                self._store.head()
            except StoreError:
                status, state = 503, "store unavailable"
            if self.stopping:
                status, state = 503, "stopping"
        await _send_json(send, status, {"status": state})

    async def _explain(self, call: str, scope: Scope, send: Send) -> None:
        """A caller may read what was decided about its own calls, and no others'."""
        reader = StoreReader(self._store)
        claims = claims_of(_headers(scope))
        mine = credential_of(claims, None, self._engine.settings.digester)
        found = None
        if reader.call_credential(call) == mine:
            found = explained(call, reader.opened, reader.closed, reader.call_entries(call))
        if found is None:
            error = {"type": "not_found_error", "message": f"no call {call[:64]!r} of this key"}
            await _send_json(send, 404, {"type": "error", "error": error})
            return
        await _send_json(send, 200, found)

    async def _guarded(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        problem = self._framing(headers)
        upstream = None
        if path.startswith("/u/"):
            upstream, _, rest = path.removeprefix("/u/").partition("/")
            path = "/" + rest
            if upstream not in self._settings.upstreams:
                known = ", ".join(sorted(self._settings.upstreams))
                problem = refusal(
                    "firedoor_unknown_surface",
                    f"There is no such upstream; known: {known}.",
                    _NO_ID,
                )
        if problem is not None:
            await _send_refusal(send, problem)
            return
        head = RequestHead(
            scope["method"], path, scope["query_string"].decode("latin-1"), headers, upstream,
            _door(scope["scheme"], headers, upstream),
        )  # fmt: skip
        self._committer.under_way += 1
        try:
            await self._driven(head, receive, send)
        finally:
            self._committer.under_way -= 1

    async def _driven(self, head: RequestHead, receive: Receive, send: Send) -> None:
        drive = Drive(
            self._engine,
            self._store,
            head,
            Caller("sidecar", run=self._run),
            committer=self._committer,
            on_open=self._on_open,
            on_close=self._on_close,
        )
        await drive.advance_async()
        if drive.finished is None:
            drive.tell(await _read(drive, receive))
            await drive.advance_async()
        if drive.forward is None:
            await _send_out(drive, send)
            return
        waiting = _Waiting()
        self._under_way.add(waiting)
        # Most calls end sooner than a client loses patience: for those nobody need watch.
        watcher = _Watcher(receive, waiting)
        try:
            await self._pump(drive, waiting, send)
        finally:
            watcher.cancel()
            self._under_way.discard(waiting)

    def _framing(self, headers: Headers) -> Refusal | None:
        limits = self._settings.limits
        size = sum(len(n) + len(v) for n, v in headers)
        if len(headers) > limits.headers or size > limits.header:
            message = f"More than {limits.headers} headers, or more than {limits.header} bytes."
            return refusal("firedoor_too_large", message, _NO_ID)
        if self._settings.keys_required:
            message = "This door asks for a key of its own, and the one given is none."
            return refusal("firedoor_bad_key", message, _NO_ID)
        return None

    # -- the provider --------------------------------------------------------------------------

    async def _pump(self, drive: Drive, waiting: _Waiting, send: Send) -> None:
        assert self._session is not None
        assert drive.forward is not None
        forward = drive.forward
        setting = self._settings.upstreams.get(forward.upstream)
        out = _Out(drive, send)
        response = None
        try:
            if setting is None:
                drive.tell(UpstreamFailed("refused", time.time()))
            else:
                response = await waiting.on(
                    self._session.request(
                        forward.method,
                        _target(setting, forward.path, forward.query),
                        headers=_with_key(forward.headers, setting.name, setting.key),
                        data=forward.body or None,
                        allow_redirects=False,
                    )
                )
                headers = tuple((n.lower(), v) for n, v in response.raw_headers)
                drive.tell(UpstreamHead(response.status, headers, time.time()))
            if drive.busy:
                await drive.advance_async()
                await out.pass_on()
            while drive.finished is None and not drive.stop_upstream and response is not None:
                chunk = await waiting.on(response.content.readany())
                drive.tell(UpstreamBytes(chunk, time.time()) if chunk else UpstreamEnd(time.time()))
                if drive.busy:
                    await drive.advance_async()
                    await out.pass_on()
        except _Interrupted as interrupted:
            gone = str(interrupted) == "gone"
            if response is not None:
                response.close()
            now = time.time()
            drive.tell(CallerGone(now) if gone else UpstreamFailed("shutdown", now))
            await drive.advance_async()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            drive.tell(UpstreamFailed(_reason(error), time.time()))
            await drive.advance_async()
        finally:
            if response is not None:
                if drive.stop_upstream or not response.content.at_eof():
                    response.close()
                else:
                    response.release()
        await out.pass_on()


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    return "refused" if isinstance(error, aiohttp.ClientConnectorError) else "reset"


def _target(setting: UpstreamSetting, path: str, query: str) -> URL:
    if query or len(path) > 64:
        return _url(setting.base_url, path, query)
    return _plain_url(setting.base_url, path)


@lru_cache(maxsize=256)
def _plain_url(base: str, path: str) -> URL:
    return _url(base, path, "")


def _url(base: str, path: str, query: str) -> URL:
    # People write the base URL with and without the version.
    if base.endswith("/v1") and path.startswith("/v1/"):
        path = path.removeprefix("/v1")
    return URL(base + path + (f"?{query}" if query else ""), encoded=True)


# A client sends the same few headers with each of its calls.
@lru_cache(maxsize=1024)
def _with_key(headers: Headers, upstream: str, key: str | None) -> CIMultiDict[str]:
    """The headers for this upstream, with its own key in place of the caller's, if it has one."""
    kept = CIMultiDict(
        (n.decode("latin-1"), v.decode("latin-1"))
        for n, v in headers
        if key is None or n not in _CREDENTIALS
    )
    if key is not None:
        if upstream == "anthropic":
            kept.add("x-api-key", key)
        else:
            kept.add("authorization", f"Bearer {key}")
    return kept


def _door(scheme: str, headers: Headers, upstream: str | None) -> str | None:
    """Where the client reached this sidecar, by its own account."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return None
    return f"{scheme}://{hosts[0].decode()}" + (f"/u/{upstream}" if upstream else "")


def _headers(scope: Scope) -> Headers:
    return tuple([(n.lower(), v) for n, v in scope["headers"]])


async def _read(drive: Drive, receive: Receive) -> RequestRead | RequestBroken:
    limit = drive.body_limit or 0
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return RequestBroken("gone", time.time())
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            return RequestBroken("too_large", time.time())
        chunks.append(chunk)
        more = message.get("more_body", False)
    try:
        body = decoded(b"".join(chunks), coding_of(drive.exchange.head.headers), limit)
    except TooLarge:
        return RequestBroken("too_large", time.time())
    except BadCoding:
        return RequestBroken("coding", time.time())
    return RequestRead(body, time.time())


class _Watcher:
    """Notices that the client went away, from a moment after the call began."""

    def __init__(self, receive: Receive, waiting: _Waiting) -> None:
        self._receive = receive
        self._waiting = waiting
        self._task: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_WATCH_AFTER_S, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._waiting.interrupt("gone")
                return

    def cancel(self) -> None:
        """The call has ended."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()


class _Out:
    """What one call sends to its client, in as few messages as there are things to say."""

    def __init__(self, drive: Drive, send: Send) -> None:
        self._drive = drive
        self._send = send
        self._started = self._ended = False

    async def pass_on(self) -> None:
        """Send what may be sent now; with it the end, if the answer has one.

        An answer without a clean end is left open: the server then cuts the connection.
        """
        drive, send = self._drive, self._send
        if self._ended or drive.head is None:
            return
        if not self._started:
            self._started = True
            await send(
                {
                    "type": "http.response.start",
                    "status": drive.head.status,
                    "headers": list(drive.head.headers),
                }
            )
        chunks = drive.take()
        if drive.finished is None or not drive.finished.clean:
            for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            return
        self._ended = True
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _send_out(drive: Drive, send: Send) -> None:
    """A whole answer of the door's own."""
    if drive.head is None:
        return
    await _send(send, drive.head.status, list(drive.head.headers), b"".join(drive.take()))


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_json(send: Send, status: int, value: Mapping[str, Any]) -> None:
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await _send(send, status, headers, body)


async def _send_refusal(send: Send, answer: Refusal) -> None:
    await _send(send, answer.status, list(answer.headers), answer.body)

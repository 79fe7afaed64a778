"""The data plane: what agents' clients talk to.

Plain ASGI without a framework, and aiohttp towards the provider: chosen by CPU time per call, see
docs/benchmarks.md.
"""

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from firedoor.config import Limits, Settings, UpstreamSetting
from firedoor.engine import Engine, explained
from firedoor.engine.commands import ReadBody
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
from firedoor.fronts.body import BadCoding, Decoder, TooLarge, coding_of
from firedoor.fronts.committer import Committer
from firedoor.fronts.drive import LOG, Drive, Observer, _ignore
from firedoor.fronts.sidecar.header_bytes import teach_aiohttp, text_of
from firedoor.fronts.spool import Spool
from firedoor.identity import QUERY_CREDENTIAL, claims_of, credential_of
from firedoor.store import SqliteStore, StoreReader
from firedoor.types.exchange import Caller, Headers, Objection, RequestHead, SpooledBody
from firedoor.types.ids import RunId
from firedoor.wire import Refusal, refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_CALLS: Final = "/v1/firedoor/calls/"
_CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key"})
_HOST: Final = re.compile(rb"[A-Za-z0-9._-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")
_FAILED: Final = Objection("firedoor_unavailable", "The door failed; the call did not pass.")
_WATCH_AFTER_S: Final = 0.05
_ROUND_S: Final = 0.05
"""How often calls under way are looked at. One timer for all of them."""
_REOPEN_S: Final = 3.0
"""How long a store that could not be opened is left alone before it is tried again."""


class _Interrupted(Exception):
    """The client went away, or the sidecar stops, while the provider was being waited for."""


class _Waiting:
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
            raise _Interrupted(self.reason)
        self.open = True
        self.since_s = time.monotonic()
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
        reopen: For a store that could not be opened: tries again, and gives an engine on it.
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
        reopen: Callable[[], tuple[Engine, SqliteStore]] | None = None,
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
        self._reopen = reopen
        self._reopening: asyncio.Task[None] | None = None
        self._came_back: SqliteStore | None = None
        self._under_way: set[_Waiting] = set()
        self._rounds = False
        """Whether the calls under way are looked at, every so often."""
        self.stopping = False

    # -- life ----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the pool towards the providers."""
        if self._reopen is not None:
            self._reopening = asyncio.create_task(self._until_there(self._reopen))
        limits = self._settings.limits
        teach_aiohttp()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
            # Silence and the whole are timed in rounds: a timer for each read costs more than it.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.connect_s),
            # A provider's header may be as long as a client's.
            max_line_size=limits.header,
            max_field_size=limits.header,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def _until_there(self, reopen: Callable[[], tuple[Engine, SqliteStore]]) -> None:
        """Try again until the store can be opened; calls that begin from then on are recorded.

        Calls under way keep the engine and the store that they began with: their digests are of a
        key that was drawn for the time being, and have no place in the store that came back.
        """
        while True:
            await asyncio.sleep(_REOPEN_S)
            try:
                engine, store = await asyncio.to_thread(reopen)
            except (StoreError, OSError):
                continue
            engine.unrecorded += self._engine.unrecorded
            engine.unindexed.update(self._engine.unindexed)
            self._engine, self._store, self._came_back = engine, store, store
            self._committer = Committer(store)
            LOG.warning("the store is there again; calls are recorded from here on: %s", store.url)
            return

    async def stop(self, grace_s: float) -> None:
        """Let calls under way end; after ``grace_s`` end their streams as the surface does."""
        self.stopping = True
        if self._reopening is not None:
            self._reopening.cancel()
        deadline = time.monotonic() + grace_s
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        for waiting in list(self._under_way):
            waiting.interrupt("shutdown")
        deadline = time.monotonic() + 2
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Close the pool, and the store if it came back."""
        if self._session is not None:
            await self._session.close()
        if self._came_back is not None:
            await asyncio.to_thread(self._came_back.close)

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
            head = RequestHead(scope["method"], path, "", _bounded(_headers(scope), self._settings))
            await self._turned_away(head, _FAILED, send)

    async def _own(self, path: str, send: Send) -> None:
        if path == "/metrics" and self._metrics is not None:
            body, kind = self._metrics()
            await _send(send, 200, [(b"content-type", kind.encode())], body)
            return
        status, state = 200, "ok"
        if path == "/readyz":
            try:
                # Off the loop: it waits for the disk.
                await asyncio.to_thread(self._store.check_writable)
            except StoreError:
                status, state = 503, "store unavailable"
            if self.stopping:
                status, state = 503, "stopping"
        await _send_json(send, status, {"status": state})

    async def _explain(self, call: str, scope: Scope, send: Send) -> None:
        """A caller may read what was decided about its own calls, and no others'."""
        reader = StoreReader(self._store)
        claims = claims_of(_headers(scope), scope["query_string"].decode("latin-1"))
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
        objection = self._framing(headers)
        upstream = None
        if path.startswith("/u/"):
            upstream, _, rest = path.removeprefix("/u/").partition("/")
            path = "/" + rest
            if upstream not in self._settings.upstreams:
                known = ", ".join(sorted(self._settings.upstreams))
                objection = objection or Objection(
                    "firedoor_unknown_surface", f"There is no such upstream; known: {known}."
                )
                upstream = None
        head = RequestHead(
            scope["method"], path, scope["query_string"].decode("latin-1"), headers, upstream,
            _door(scope["scheme"], headers, upstream),
        )  # fmt: skip
        if objection is not None:
            head = head._replace(headers=_bounded(headers, self._settings))
            await self._turned_away(head, objection, send)
            return
        committer = self._committer
        committer.under_way += 1
        try:
            await self._driven(head, receive, send)
        finally:
            committer.under_way -= 1

    def _drive(self, head: RequestHead, objection: Objection | None = None) -> Drive:
        return Drive(
            self._engine,
            self._store,
            head,
            Caller("sidecar", run=self._run),
            committer=self._committer,
            on_open=self._on_open,
            on_close=self._on_close,
            objection=objection,
        )

    async def _turned_away(self, head: RequestHead, objection: Objection, send: Send) -> None:
        """Refuse a call unread. It is written down like any other, so that its id leads to it."""
        drive = self._drive(head, objection)
        await drive.advance_async()
        await _send_out(drive, send)

    async def _driven(self, head: RequestHead, receive: Receive, send: Send) -> None:
        drive = self._drive(head)
        try:
            await self._through(drive, receive, send)
        except Exception:
            call, answered = drive.exchange.call_id, drive.head is not None
            LOG.exception("call %s failed inside the door", call)
            drive.fail(_FAILED)
            await drive.advance_async()
            # An answer that is under way is left without an end: the server cuts it.
            if not answered:
                await _send_refusal(send, refusal(_FAILED.code, _FAILED.message, call))

    async def _through(self, drive: Drive, receive: Receive, send: Send) -> None:
        await drive.advance_async()
        if drive.finished is not None or drive.reading is None:
            await _send_out(drive, send)
            return
        folder = self._store.path.parent if self._store.path is not None else None
        bodies = _Bodies(drive.reading, coding_of(drive.exchange.head.headers), folder)
        try:
            drive.tell(await _read(bodies, receive))
            await drive.advance_async()
            await self._passed(drive, receive, send)
        finally:
            bodies.close()

    async def _passed(self, drive: Drive, receive: Receive, send: Send) -> None:
        if drive.forward is None:
            await _send_out(drive, send)
            return
        waiting = _Waiting(receive)
        self._under_way.add(waiting)
        if not self._rounds:
            self._rounds = True
            asyncio.get_running_loop().call_later(_ROUND_S, self._round)
        try:
            await self._pump(drive, waiting, send)
        finally:
            waiting.end()
            self._under_way.discard(waiting)

    def _round(self) -> None:
        now_s = time.monotonic()
        for waiting in self._under_way:
            waiting.look(now_s, self._settings.limits)
        self._rounds = bool(self._under_way)
        if self._rounds:
            asyncio.get_running_loop().call_later(_ROUND_S, self._round)

    def _framing(self, headers: Headers) -> Objection | None:
        limits = self._settings.limits
        size = sum(len(n) + len(v) for n, v in headers)
        if len(headers) > limits.headers or size > limits.header:
            message = f"More than {limits.headers} headers, or more than {limits.header} bytes."
            return Objection("firedoor_too_large", message)
        if self._settings.keys_required:
            message = "This door asks for a key of its own, and the one given is none."
            return Objection("firedoor_bad_key", message)
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
                        _target(setting, forward.path, _query(forward.query, setting.key)),
                        headers=_sized(
                            _with_key(forward.headers, setting.name, setting.key), forward.body
                        ),
                        data=_sent(forward.body, waiting),
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
                now = time.time()
                if chunk:
                    drive.tell(UpstreamBytes(chunk, now))
                # The end of a plain answer is known with its last byte. What waits for a commit has
                # it first.
                if not chunk or (response.content.at_eof() and not drive.busy):
                    drive.tell(UpstreamEnd(now))
                if drive.busy:
                    await drive.advance_async()
                    await out.pass_on()
        except _Interrupted as interrupted:
            reason = str(interrupted)
            if response is not None:
                response.close()
            now = time.time()
            drive.tell(CallerGone(now) if reason == "gone" else UpstreamFailed(reason, now))
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


def _query(query: str, key: str | None) -> str:
    """The query for an upstream: with its own key, the caller's stays here."""
    if key is None or QUERY_CREDENTIAL not in query:
        return query
    kept = [p for p in query.split("&") if p.partition("=")[0] != QUERY_CREDENTIAL]
    return "&".join(kept)


_VERSIONS: Final = ("/v1", "/v1beta", "/v1alpha")


def _url(base: str, path: str, query: str) -> URL:
    # People write the base URL with and without the version.
    for version in _VERSIONS:
        if base.endswith(version) and path.startswith((version + "/", f"/upload{version}/")):
            base = base.removesuffix(version)
    return URL(base + path + (f"?{query}" if query else ""), encoded=True)


# A client sends the same few headers with each of its calls.
@lru_cache(maxsize=1024)
def _with_key(headers: Headers, upstream: str, key: str | None) -> CIMultiDict[str]:
    """The headers for this upstream, with its own key in place of the caller's, if it has one."""
    kept = CIMultiDict(
        (n.decode("latin-1"), text_of(v))
        for n, v in headers
        if key is None or n not in _CREDENTIALS
    )
    if key is not None:
        if upstream == "anthropic":
            kept.add("x-api-key", key)
        elif upstream == "gemini":
            kept.add("x-goog-api-key", key)
        else:
            kept.add("authorization", f"Bearer {key}")
    return kept


def _sized(headers: CIMultiDict[str], body: bytes | SpooledBody) -> CIMultiDict[str]:
    """The headers with the length of a body that aiohttp cannot measure."""
    if isinstance(body, bytes):
        return headers
    sized = headers.copy()
    sized["content-length"] = str(body.size_bytes)
    return sized


def _sent(body: bytes | SpooledBody, waiting: _Waiting) -> bytes | AsyncIterator[bytes] | None:
    if isinstance(body, Spool):
        return _from_disk(body, waiting)
    assert isinstance(body, bytes)
    return body or None


async def _from_disk(spool: Spool, waiting: _Waiting) -> AsyncIterator[bytes]:
    """A spooled body, read off the loop: the disk may be slow."""
    chunks = spool.chunks()
    while (chunk := await asyncio.to_thread(next, chunks, b"")) != b"":
        # A provider that takes what it is sent is not silent.
        waiting.since_s = time.monotonic()
        yield chunk


def _door(scheme: str, headers: Headers, upstream: str | None) -> str | None:
    """Where the client reached this sidecar, by its own account."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return None
    return f"{scheme}://{hosts[0].decode()}" + (f"/u/{upstream}" if upstream else "")


def _headers(scope: Scope) -> Headers:
    return tuple([(n.lower(), v) for n, v in scope["headers"]])


def _bounded(headers: Headers, settings: Settings) -> Headers:
    """As many of the headers, from the first on, as one request may have."""
    size, kept = 0, []
    for name, value in headers[: settings.limits.headers]:
        size += len(name) + len(value)
        if size > settings.limits.header:
            break
        kept.append((name, value))
    return tuple(kept)


class _Bodies:
    """A request's body as it came and, where it is coded, as it is read: in memory or on disk."""

    def __init__(self, wanted: ReadBody, codings: list[bytes], folder: Path | None) -> None:
        self._wanted = wanted
        self._came_bytes = 0
        self._came = Spool(folder, on_disk=wanted.spool)
        self._read = Spool(folder, on_disk=wanted.spool) if codings else self._came
        self._decoder: Decoder | None = None
        with contextlib.suppress(BadCoding):
            self._decoder = Decoder(codings, wanted.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        """Take some bytes of it.

        Raises:
            TooLarge: It is longer than it may be, or comes to more.
            OSError: There is no room for it.
        """
        self._came_bytes += len(chunk)
        if self._came_bytes > self._wanted.limit_bytes:
            raise TooLarge("too long")
        if self._read is not self._came:
            self._came.write(chunk)
        if self._decoder is None:
            return
        try:
            for piece in self._decoder.feed(chunk):
                if self._wanted.reader is not None:
                    self._wanted.reader.feed(piece)
                self._read.write(piece)
        except BadCoding:
            self._decoder = None

    def end(self) -> RequestRead | RequestBroken:
        """What is told of a body that came to its end."""
        try:
            if self._decoder is not None:
                self._decoder.end()
                return RequestRead(self._body(self._read), time.time())
        except BadCoding:
            pass
        return RequestBroken("coding", time.time(), self._body(self._came))

    def _body(self, spool: Spool) -> bytes | SpooledBody:
        return spool if self._wanted.spool else b"".join(spool.chunks())

    def close(self) -> None:
        """Let go of everything."""
        self._came.close()
        self._read.close()


async def _read(bodies: _Bodies, receive: Receive) -> RequestRead | RequestBroken:
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return RequestBroken("gone", time.time())
            bodies.feed(message.get("body", b""))
            more = message.get("more_body", False)
    except TooLarge:
        return RequestBroken("too_large", time.time())
    except OSError:
        LOG.exception("an upload could not be put on disk")
        return RequestBroken("disk", time.time())
    return bodies.end()


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

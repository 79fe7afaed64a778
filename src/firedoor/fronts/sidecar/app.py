"""The data plane: what agents' clients talk to.

Plain ASGI without a framework, and aiohttp towards the provider: chosen by CPU time per call, see
docs/benchmarks.md.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

import aiohttp

from firedoor.config import Settings
from firedoor.engine import Engine, explained, statement_of
from firedoor.engine.events import (
    CallerGone,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from firedoor.engine.keyed import ended
from firedoor.engine.port import LookKey
from firedoor.errors import StoreError
from firedoor.fronts.body import coding_of
from firedoor.fronts.committer import Committer
from firedoor.fronts.drive import LOG, Drive, Observer, _ignore
from firedoor.fronts.sidecar.asgi import (
    Out,
    Receive,
    Scope,
    Send,
    bounded,
    door_of,
    headers_of,
    send_json,
    send_out,
    send_refusal,
    send_whole,
)
from firedoor.fronts.sidecar.bodies import Bodies, read_body
from firedoor.fronts.sidecar.header_bytes import teach_aiohttp
from firedoor.fronts.sidecar.towards import query_for, reason_of, sent, sized, target, with_key
from firedoor.fronts.sidecar.waiting import Interrupted, Waiting
from firedoor.identity import claims_of, credential_of
from firedoor.store import SqliteStore, StoreReader
from firedoor.types.exchange import Caller, Headers, Objection, RequestHead
from firedoor.types.ids import RunId
from firedoor.wire import refusal

_CALLS: Final = "/v1/firedoor/calls/"
_QUOTA: Final = "/v1/firedoor/quota"
_FAILED: Final = Objection("firedoor_unavailable", "The door failed; the call did not pass.")
_ROUND_S: Final = 0.05
"""How often calls under way are looked at. One timer for all of them."""
_REOPEN_S: Final = 3.0
"""How long a store that could not be opened is left alone before it is tried again."""


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
        self._under_way: set[Waiting] = set()
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
            elif path == _QUOTA:
                await self._quota(scope, send)
            else:
                await self._guarded(path, scope, receive, send)
        except Exception:
            # No traceback reaches a client, and none of its words reach the log.
            LOG.exception("a call failed inside the door")
            head = RequestHead(
                scope["method"], path, "", bounded(headers_of(scope), self._settings)
            )
            await self._turned_away(head, _FAILED, send)

    async def _own(self, path: str, send: Send) -> None:
        if path == "/metrics" and self._metrics is not None:
            body, kind = self._metrics()
            await send_whole(send, 200, [(b"content-type", kind.encode())], body)
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
        await send_json(send, status, {"status": state})

    async def _explain(self, call: str, scope: Scope, send: Send) -> None:
        """A caller may read what was decided about its own calls, and no others'."""
        reader = StoreReader(self._store)
        claims = claims_of(headers_of(scope), scope["query_string"].decode("latin-1"))
        mine = credential_of(claims, None, self._engine.settings.digester)
        if claims.virtual:
            key = self._store.look_key(LookKey(claims.secret)).key
            if key is not None and ended(key, time.time()) is None:
                mine = key.id
        found = None
        if reader.call_credential(call) == mine:
            statement = statement_of(reader.ended(call), self._engine.settings, time.time())
            entries = reader.call_entries(call)
            found = explained(call, reader.opened, reader.closed, entries, statement)
        if found is None:
            error = {"type": "not_found_error", "message": f"no call {call[:64]!r} of this key"}
            await send_json(send, 404, {"type": "error", "error": error})
            return
        await send_json(send, 200, found)

    async def _quota(self, scope: Scope, send: Send) -> None:
        """How a caller's own account stands: what its ancestors have left is not its to know."""
        claims = claims_of(headers_of(scope), scope["query_string"].decode("latin-1"))
        caller, settings = Caller("sidecar", None, self._run), self._engine.settings
        who = self._engine.who(settings, claims, caller)
        if claims.virtual:
            key = (await asyncio.to_thread(self._store.look_key, LookKey(claims.secret))).key
            if key is None or ended(key, time.time()) is not None:
                error = {"type": "authentication_error", "message": "This key is unknown here."}
                await send_json(send, 401, {"type": "error", "error": error})
                return
            who = self._engine.who_under(settings, key, claims, caller)
        if who.instance is not None:
            account, shown = f"instance:{who.instance.id}", f"instance:{who.instance.name}"
        else:
            account, shown = f"key:{who.credential}", "key"
        rows = await asyncio.to_thread(self._store.accounts, account_id=account)
        await send_json(send, 200, {"account": shown, "limits": [row.told() for row in rows]})

    async def _guarded(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = headers_of(scope)
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
            door_of(scope["scheme"], headers, upstream),
        )  # fmt: skip
        if objection is not None:
            head = head._replace(headers=bounded(headers, self._settings))
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
        await send_out(drive, send)

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
                await send_refusal(send, refusal(_FAILED.code, _FAILED.message, call))

    async def _through(self, drive: Drive, receive: Receive, send: Send) -> None:
        await drive.advance_async()
        if drive.finished is not None or drive.reading is None:
            await send_out(drive, send)
            return
        folder = self._store.path.parent if self._store.path is not None else None
        bodies = Bodies(drive.reading, coding_of(drive.exchange.head.headers), folder)
        try:
            drive.tell(await read_body(bodies, receive))
            await drive.advance_async()
            await self._passed(drive, receive, send)
        finally:
            bodies.close()

    async def _passed(self, drive: Drive, receive: Receive, send: Send) -> None:
        if drive.forward is None:
            await send_out(drive, send)
            return
        waiting = Waiting(receive)
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
        return None

    # -- the provider --------------------------------------------------------------------------

    async def _pump(self, drive: Drive, waiting: Waiting, send: Send) -> None:
        assert self._session is not None
        assert drive.forward is not None
        forward = drive.forward
        setting = self._settings.upstreams.get(forward.upstream)
        out = Out(drive, send)
        response = None
        try:
            if setting is None:
                drive.tell(UpstreamFailed("refused", time.time()))
            else:
                response = await waiting.on(
                    self._session.request(
                        forward.method,
                        target(setting, forward.path, query_for(forward.query, setting.key)),
                        headers=sized(
                            with_key(forward.headers, setting.name, setting.key), forward.body
                        ),
                        data=sent(forward.body, waiting),
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
        except Interrupted as interrupted:
            reason = str(interrupted)
            if response is not None:
                response.close()
            now = time.time()
            drive.tell(CallerGone(now) if reason == "gone" else UpstreamFailed(reason, now))
            await drive.advance_async()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            drive.tell(UpstreamFailed(reason_of(error), time.time()))
            await drive.advance_async()
        finally:
            if response is not None:
                if drive.stop_upstream or not response.content.at_eof():
                    response.close()
                else:
                    response.release()
        await out.pass_on()

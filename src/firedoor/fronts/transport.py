"""The transport inside a client: one plain class for httpx and httpx2, blocking and async.

It inherits from neither library, since anthropic 2.x refuses any base from ``httpx``. Answers are
made of the caller's own family, found through its module (docs/how-it-works.md, "Transports").
"""

import functools
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final
from urllib.parse import urlsplit

from firedoor.config import UpstreamSetting
from firedoor.engine import Engine
from firedoor.engine.events import (
    CallerGone,
    RequestBroken,
    RequestRead,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from firedoor.fronts.binding import current_binding, current_run
from firedoor.fronts.body import BadCoding, TooLarge, coding_of, decoded
from firedoor.fronts.credentials import credential
from firedoor.fronts.drive import Drive, Observer, _ignore
from firedoor.identity import virtual_in
from firedoor.store import SqliteStore
from firedoor.types.exchange import Binding, Caller, Headers, Objection, RequestHead
from firedoor.types.ids import RunId

_SLICE_BYTES: Final = 1 << 18
_NO_UPSTREAMS: Final[Mapping[str, UpstreamSetting]] = MappingProxyType({})
_PORTS: Final = {"http": 80, "https": 443}


def _no_run(now: float) -> RunId | None:
    """The run of a door that has none of its own."""
    return None


def _family(request: Any) -> ModuleType:
    """The package that a request is of: httpx or httpx2."""
    return sys.modules[type(request).__module__.partition(".")[0]]


def _lower(raw: Any) -> Headers:
    return tuple((bytes(n).lower(), bytes(v)) for n, v in raw)


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    if "Timeout" in name:
        return "timeout"
    return "refused" if name in ("ConnectError", "ProxyError") else "reset"


class _Flow:
    """One answer on its way to the client, and its end, however it comes."""

    def __init__(self, drive: Drive, response: Any) -> None:
        self.drive = drive
        self.response = response
        self._upstream_closed = False

    # -- blocking ----------------------------------------------------------------------------

    def chunks(self) -> Iterator[bytes]:
        drive = self.drive
        yield from drive.take()
        if drive.finished is not None:
            return
        try:
            for chunk in self.response.stream:
                drive.tell(UpstreamBytes(chunk, time.time()))
                drive.advance()
                yield from drive.take()
                if drive.finished is not None or drive.stop_upstream:
                    break
            else:
                drive.tell(UpstreamEnd(time.time()))
                drive.advance()
        except GeneratorExit:
            raise
        except Exception as error:
            yield from self._failed(error)
            if self._ends_badly():
                raise
        yield from drive.take()

    def _failed(self, error: Exception) -> list[bytes]:
        drive = self.drive
        if drive.finished is None:
            drive.tell(UpstreamFailed(_reason(error), time.time()))
            drive.advance()
        return drive.take()

    def _ends_badly(self) -> bool:
        """Whether the client has yet to be told that its answer broke off."""
        finished = self.drive.finished
        return finished is None or not finished.clean

    def close(self) -> None:
        self.settle()
        if not self._upstream_closed:
            self._upstream_closed = True
            self.response.close()

    def settle(self) -> None:
        """The client is done with the answer. Early or not, the call is closed once."""
        if self.drive.finished is None:
            self.drive.tell(CallerGone(time.time()))
            self.drive.advance()

    # -- async -------------------------------------------------------------------------------

    async def achunks(self) -> AsyncIterator[bytes]:
        drive = self.drive
        for chunk in drive.take():
            yield chunk
        if drive.finished is not None:
            return
        try:
            async for received in self.response.stream:
                drive.tell(UpstreamBytes(received, time.time()))
                await drive.advance_async()
                for chunk in drive.take():
                    yield chunk
                if drive.finished is not None or drive.stop_upstream:
                    break
            else:
                drive.tell(UpstreamEnd(time.time()))
                await drive.advance_async()
        except Exception as error:
            for chunk in self._failed(error):
                yield chunk
            if self._ends_badly():
                raise
        for chunk in drive.take():
            yield chunk

    async def aclose(self) -> None:
        # A close may come while the task is being cancelled: nothing is awaited before it is done.
        self.settle()
        if not self._upstream_closed:
            self._upstream_closed = True
            await self.response.aclose()


@functools.cache
def _body_class(family: ModuleType) -> Any:
    class DoorBody(family.SyncByteStream, family.AsyncByteStream):  # type: ignore[name-defined,misc]
        """An answer's bytes as they leave the door."""

        def __init__(self, flow: _Flow) -> None:
            self._flow = flow

        def __iter__(self) -> Iterator[bytes]:
            return self._flow.chunks()

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self._flow.achunks()

        def close(self) -> None:
            self._flow.close()

        async def aclose(self) -> None:
            await self._flow.aclose()

    return DoorBody


class DoorTransport:
    """See `firedoor.Door.transport`."""

    def __init__(
        self,
        engine: Engine,
        store: SqliteStore,
        *,
        inner: Any = None,
        upstreams: Mapping[str, UpstreamSetting] = _NO_UPSTREAMS,
        run: Callable[[float], RunId | None] = _no_run,
        instance: str | None = None,
        compartment: str | None = None,
        on_open: Observer = _ignore,
        on_close: Observer = _ignore,
    ) -> None:
        self._engine = engine
        self._store = store
        self._inner = inner
        self._upstreams = {n: u for n, u in upstreams.items() if u.key is not None}
        """Those that have a key of their own, to be sent in place of a key of the door."""
        self._own: dict[tuple[str, bool], Any] = {}
        self._run = run
        self._binding = Binding(instance, compartment) if instance is not None else None
        self._on_open = on_open
        self._on_close = on_close

    def _inner_of(self, family: ModuleType, *, sync: bool) -> Any:
        if self._inner is not None:
            return self._inner
        key = (family.__name__, sync)
        if key not in self._own:
            made = family.HTTPTransport if sync else family.AsyncHTTPTransport
            self._own[key] = made()
        return self._own[key]

    def _open(self, request: Any) -> Drive:
        outer = current_binding()
        binding = self._binding._replace(parent=outer) if self._binding is not None else outer
        declared = current_run()
        path, _, query = request.url.raw_path.decode("latin-1").partition("?")
        headers = _lower(request.headers.raw)
        upstream = objection = None
        # Where none has a key, the engine says so.
        if self._upstreams and virtual_in(headers, query):
            # A key of this door is good at its upstreams, whose own keys go in its place.
            upstream = self._upstream_at(request.url)
            if upstream is None:
                objection = Objection(
                    "firedoor_denied",
                    "This client's base URL is that of no upstream in the settings, so there is no "
                    "key to send there in place of a key of this door.",
                )
        head = RequestHead(
            method=request.method.upper(),
            path=path,
            query=query,
            headers=headers,
            upstream=upstream,
        )
        caller = Caller(
            "transport",
            binding,
            declared or self._run(time.time()),
            run_declared=declared is not None,
        )
        return Drive(
            self._engine,
            self._store,
            head,
            caller,
            # A client that waits for each answer gives the writer time to work beside it.
            later=True,
            on_open=self._on_open,
            on_close=self._on_close,
            objection=objection,
        )

    def _upstream_at(self, url: Any) -> str | None:
        """The upstream that has a key of its own and is at this address."""
        for name, setting in self._upstreams.items():
            base = urlsplit(setting.base_url)
            port = base.port or _PORTS.get(base.scheme)
            here = (url.scheme, url.host.lower(), url.port or _PORTS.get(url.scheme))
            if here == (base.scheme, base.hostname, port):
                return name
        return None

    @staticmethod
    def _read(drive: Drive, body: bytes) -> RequestRead | RequestBroken:
        now = time.time()
        wanted = drive.reading
        assert wanted is not None
        try:
            body = decoded(body, coding_of(drive.exchange.head.headers), wanted.limit_bytes)
        except TooLarge:
            return RequestBroken("too_large", now)
        except BadCoding:
            return RequestBroken("coding", now, body)
        if wanted.reader is not None:
            # The client holds the body whole; the reader copies no more than a slice of it.
            for at in range(0, len(body), _SLICE_BYTES):
                wanted.reader.feed(body[at : at + _SLICE_BYTES])
        return RequestRead(body, now)

    def _upstream_request(self, family: ModuleType, request: Any, drive: Drive) -> Any:
        forward = drive.forward
        assert forward is not None
        assert isinstance(forward.body, bytes), "this front spools nothing"
        # The client's own headers, less those that come off: a copy costs a third of a new set.
        headers = request.headers.copy()
        kept = {name for name, _ in forward.headers} | {b"host"}
        for name in {name for name, _ in drive.exchange.head.headers} - kept:
            del headers[name.decode("latin-1")]
        url = request.url
        if drive.exchange.key is not None:
            url, headers = self._with_own_key(family, request, drive)
        headers["accept-encoding"] = "identity"
        if (
            forward.body
            or b"content-length" in drive.exchange.named
            or (b"transfer-encoding" in drive.exchange.named)
        ):
            headers["content-length"] = str(len(forward.body))
        return family.Request(
            forward.method,
            url,
            headers=headers,
            stream=family.ByteStream(forward.body),
            extensions=request.extensions,
        )

    def _with_own_key(self, family: ModuleType, request: Any, drive: Drive) -> tuple[Any, Any]:
        """Address and headers with the upstream's own key, and without the key of this door."""
        forward, name, url = drive.forward, drive.exchange.head.upstream, request.url
        assert forward is not None
        # INVARIANT: a provider's key goes to the host that the settings name for it, and no other.
        assert name is not None
        assert name == self._upstream_at(url)
        key = self._upstreams[name].key
        assert key is not None
        host = request.headers["host"].encode("latin-1")
        headers = family.Headers([(b"host", host), *forward.headers, *credential(name, key)])
        path = url.raw_path.partition(b"?")[0]
        query = forward.query.encode("latin-1")
        return url.copy_with(raw_path=path + (b"?" + query if query else b"")), headers

    @staticmethod
    def _whole(family: ModuleType, drive: Drive) -> Any:
        """An answer that is complete already: a refusal, or a plain one."""
        assert drive.head is not None
        return family.Response(
            drive.head.status, headers=list(drive.head.headers), content=b"".join(drive.take())
        )

    @staticmethod
    def _headed(drive: Drive, response: Any) -> None:
        headers = _lower(response.headers.raw)
        drive.tell(UpstreamHead(response.status_code, headers, time.time()))

    @staticmethod
    def _streamed(family: ModuleType, drive: Drive, response: Any) -> Any:
        assert drive.head is not None
        return family.Response(
            drive.head.status,
            headers=list(drive.head.headers),
            stream=_body_class(family)(_Flow(drive, response)),
            extensions=response.extensions,
        )

    # -- blocking ----------------------------------------------------------------------------

    def handle_request(self, request: Any) -> Any:
        """One attempt of one call, blocking."""
        family = _family(request)
        drive = self._open(request)
        drive.advance()
        if drive.finished is None:
            drive.tell(self._read(drive, request.read()))
            drive.advance()
        if drive.forward is None:
            return self._whole(family, drive)
        upstream = self._upstream_request(family, request, drive)
        response = None
        try:
            response = self._inner_of(family, sync=True).handle_request(upstream)
            self._headed(drive, response)
            drive.advance()
            if drive.head is not None:
                return self._streamed(family, drive, response)
            # A plain answer is judged whole before anything of it leaves.
            for chunk in response.stream:
                drive.tell(UpstreamBytes(chunk, time.time()))
                drive.advance()
                if drive.stop_upstream:
                    break
            else:
                drive.tell(UpstreamEnd(time.time()))
                drive.advance()
            response.close()
            return self._whole(family, drive)
        except BaseException as error:
            self._settle(drive, error)
            if response is not None:
                response.close()
            raise

    @staticmethod
    def _settle(drive: Drive, error: BaseException) -> None:
        if drive.finished is not None:
            return
        if isinstance(error, Exception):
            drive.tell(UpstreamFailed(_reason(error), time.time()))
        else:
            drive.tell(CallerGone(time.time()))
        drive.advance()

    # -- async -------------------------------------------------------------------------------

    async def handle_async_request(self, request: Any) -> Any:
        """One attempt of one call, async."""
        family = _family(request)
        drive = self._open(request)
        await drive.advance_async()
        if drive.finished is None:
            drive.tell(self._read(drive, await request.aread()))
            await drive.advance_async()
        if drive.forward is None:
            return self._whole(family, drive)
        upstream = self._upstream_request(family, request, drive)
        response = None
        try:
            response = await self._inner_of(family, sync=False).handle_async_request(upstream)
            self._headed(drive, response)
            await drive.advance_async()
            if drive.head is not None:
                return self._streamed(family, drive, response)
            async for chunk in response.stream:
                drive.tell(UpstreamBytes(chunk, time.time()))
                await drive.advance_async()
                if drive.stop_upstream:
                    break
            else:
                drive.tell(UpstreamEnd(time.time()))
                await drive.advance_async()
            await response.aclose()
            return self._whole(family, drive)
        except BaseException as error:
            # Blocking on purpose: a cancelled task gets no second chance to await.
            self._settle(drive, error)
            if response is not None:
                await response.aclose()
            raise

    # -- what clients do with transports -----------------------------------------------------

    def close(self) -> None:
        """Close the transport that this one wraps or made."""
        for (_, sync), made in self._own.items():
            if sync:
                made.close()
        if self._inner is not None and hasattr(self._inner, "close"):
            self._inner.close()

    async def aclose(self) -> None:
        """Close the transport that this one wraps or made."""
        for (_, sync), made in self._own.items():
            if not sync:
                await made.aclose()
        if self._inner is not None and hasattr(self._inner, "aclose"):
            await self._inner.aclose()

    def __enter__(self) -> "DoorTransport":
        if self._inner is not None:
            self._inner.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    async def __aenter__(self) -> "DoorTransport":
        if self._inner is not None:
            await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

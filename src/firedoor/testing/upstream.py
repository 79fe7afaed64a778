"""A provider on loopback that says what a script tells it to, and remembers what it was sent."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

from firedoor.testing import shapes
from firedoor.testing.shapes import Reply


class UpstreamCall(NamedTuple):
    """One request as the provider got it."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]

    @property
    def texts(self) -> str:
        """The body as one text, to look for what should or should not have come through."""
        return self.raw.decode("utf-8", "replace")


Script = Callable[[UpstreamCall], Reply]
_JSON: Final = "application/json"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one packet; otherwise each answer waits for a delayed ACK.
    wbufsize = 65_536
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: tests have their own output."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _serve(self) -> None:
        raw = self._body()
        try:
            body = json.loads(raw) if raw else {}
        except (ValueError, RecursionError):
            body = {}
        call = UpstreamCall(
            self.command,
            self.path,
            {k.lower(): v for k, v in self.headers.items()},
            raw,
            body if isinstance(body, dict) else {},
        )
        n = self.server.owner._seen(call)
        reply = self.server.owner.script(call)
        try:
            self._answer(call, reply, n)
        except (BrokenPipeError, ConnectionResetError):
            self.server.owner.gone += 1
            self.close_connection = True

    def _answer(self, call: UpstreamCall, reply: Reply, n: int) -> None:
        verb = call.path.partition("?")[0].rpartition(":")[2]
        wanted = call.body.get("stream") is True or (
            verb == "streamGenerateContent" and "alt=sse" in call.path
        )
        streamed = wanted and reply.raw is None and reply.status < 400
        if streamed:
            self._stream(reply, _events(call, reply, n))
            return
        if reply.raw is not None:
            raw = reply.raw
        elif verb == "streamGenerateContent" and reply.status < 400:
            raw = shapes.generated_array(reply, _model(call), n).encode()
        else:
            raw = json.dumps(_whole(call, reply, n)).encode()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("content-type", reply.content_type or _JSON)
        self.send_header("content-length", str(len(raw)))
        self.send_header("x-request-id", f"req_{n}")
        self.end_headers()
        if reply.cut_after is not None:
            self.wfile.write(raw[: reply.cut_after])
            self._cut()
            return
        self.wfile.write(raw)

    def _stream(self, reply: Reply, events: Iterable[str]) -> None:
        self.send_response(200)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        sent = 0
        for event in events:
            chunk = (event + "\n\n").encode()
            sent += len(chunk)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
            if reply.cut_after is not None and sent >= reply.cut_after:
                self._cut()
                return
            if reply.pause_s:
                time.sleep(reply.pause_s)
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _cut(self) -> None:
        """Break off as a dying machine does: a reset, with the answer unfinished."""
        self.wfile.flush()
        time.sleep(0.02)
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()
        self.close_connection = True


def _model(call: UpstreamCall) -> str:
    head, colon, _ = call.path.partition("?")[0].rpartition(":")
    if colon:
        return head.rpartition("/")[2]
    return str(call.body.get("model", "scripted"))


def _whole(call: UpstreamCall, reply: Reply, n: int) -> dict[str, Any]:
    path = call.path.partition("?")[0]
    if reply.status >= 400:
        if "/v1beta/" in path or ":" in path:
            named = {"code": reply.status, "message": reply.text, "status": "UNAVAILABLE"}
            return {"error": named}
        error = {"type": "api_error", "message": reply.text or "scripted error", "code": None}
        return {"type": "error", "error": error}
    if ":" in path:
        return _gemini(path.rpartition(":")[2], call, reply, n)
    if path.endswith("/chat/completions"):
        return shapes.chat(reply, _model(call), n)
    if path.endswith("/completions"):
        return shapes.completion(reply, call.body, n)
    if path.endswith("/responses"):
        return shapes.response(reply, _model(call), n)
    if path.endswith("/count_tokens"):
        return {"input_tokens": 42}
    if path.endswith("/messages"):
        return shapes.message(reply, _model(call), n)
    if path.endswith("/embeddings"):
        return shapes.embeddings(call.body, _model(call))
    if "/models" in path:
        listed = shapes.models()
        return listed if path.endswith("/models") else listed["data"][0]
    return {"ok": True}


def _gemini(verb: str, call: UpstreamCall, reply: Reply, n: int) -> dict[str, Any]:
    if verb == "countTokens":
        return {"totalTokens": 42}
    if verb == "embedContent":
        return {"embedding": {"values": [0.25, -0.5, 0.125]}}
    if verb == "batchEmbedContents":
        count = len(call.body.get("requests", ()))
        return {"embeddings": [{"values": [0.25, -0.5, 0.125]}] * count}
    return shapes.generated(reply, _model(call), n)


def _events(call: UpstreamCall, reply: Reply, n: int) -> Iterator[str]:
    path = call.path.partition("?")[0]
    if path.endswith(":streamGenerateContent"):
        return shapes.generated_events(reply, _model(call), n)
    if path.endswith("/responses"):
        return shapes.response_events(reply, _model(call), n)
    if path.endswith("/messages"):
        return shapes.message_events(reply, _model(call), n)
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        return shapes.completion_events(reply, call.body, n)
    options = call.body.get("stream_options") or {}
    return shapes.chat_events(reply, _model(call), n, usage=bool(options.get("include_usage")))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: "ScriptedUpstream"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class ScriptedUpstream:
    """A provider on loopback.

    Args:
        script: Says what to answer to each call; by default a short text.

    Use it as a context, or ``close`` it. ``calls`` holds every request that came through.
    """

    def __init__(self, script: Script | None = None) -> None:
        self.script: Script = script or (lambda call: Reply("Hello from the scripted model."))
        self.calls: list[UpstreamCall] = []
        self.gone = 0
        """How many answers were not taken to their end."""
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def _seen(self, call: UpstreamCall) -> int:
        with self._lock:
            self.calls.append(call)
            return len(self.calls)

    @property
    def url(self) -> str:
        """The address, without a path."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def openai(self) -> str:
        """The base URL for an OpenAI client."""
        return self.url + "/v1"

    @property
    def anthropic(self) -> str:
        """The base URL for an Anthropic client."""
        return self.url

    @property
    def gemini(self) -> str:
        """The base URL for a Gemini client."""
        return self.url

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> "ScriptedUpstream":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

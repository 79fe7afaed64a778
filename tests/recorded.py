"""The recorded exchanges of ``fixtures/exchanges``, and a provider that answers them as recorded."""

import base64
import gzip
import json
import threading
from collections.abc import Iterator
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

_FOLDER = Path(__file__).parent / "fixtures" / "exchanges"
FIXTURE = "x-fixture"
"""The header by which the provider knows what it is asked."""


class Recorded:
    """One exchange, as a line of a file says it."""

    def __init__(self, row: dict[str, Any], group: str) -> None:
        self.id = f"{group}:{row['name']}"
        self.group = group
        self.surface: str = row["surface"]
        self.method: str = row["method"]
        self.path: str = row["path"]
        self.query: str = row.get("query", "")
        self.headers: dict[str, str] = row["headers"]
        self.body = _bytes(row, "request")
        self.status: int = row["status"]
        self.answer_headers = [(n, v) for n, v in row["answer_headers"]]
        self.answer = _bytes(row, "answer")
        self.stream: bool = row.get("stream", False)
        self.usage: tuple[int | None, int | None] = tuple(row["usage"] or (None, None))
        """Input and output tokens, as the last word of the recording has them."""
        self.contain: str = row["contain"]
        """What becomes of it in `contain`: ``pass``, ``edited``, or the code of its refusal."""

    @property
    def target(self) -> str:
        return self.path + ("?" + self.query if self.query else "")

    @property
    def kind(self) -> str:
        return next((v for n, v in self.answer_headers if n.lower() == "content-type"), "")

    @cached_property
    def plain(self) -> bytes:
        """The answer below its content coding."""
        coded = any(n.lower() == "content-encoding" for n, _ in self.answer_headers)
        return gzip.decompress(self.answer) if coded else self.answer


def _bytes(row: dict[str, Any], name: str) -> bytes:
    if f"{name}_base64" in row:
        return base64.b64decode(row[f"{name}_base64"])
    return str(row.get(name, "")).encode()


def _read() -> list[Recorded]:
    return [
        Recorded(json.loads(line), file.stem)
        for file in sorted(_FOLDER.glob("*.jsonl"))
        for line in file.read_text("utf-8").split("\n")
        if line
    ]


EXCHANGES = _read()
BY_ID = {e.id: e for e in EXCHANGES}
STREAMS = [e for e in EXCHANGES if e.stream and e.status == 200]


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    """The bytes in pieces of ``size``, as an unkind network may cut them."""
    return (body[at : at + size] for at in range(0, len(body), size))


class Sent(NamedTuple):
    """A request as the provider got it."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65_536
    disable_nagle_algorithm = True
    server: "_Server"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: tests have their own output."""

    def _serve(self) -> None:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.sent.append(Sent(self.command, self.path, list(self.headers.items()), body))
        exchange = BY_ID[self.headers[FIXTURE]]
        head = f"HTTP/1.1 {exchange.status} Recorded\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in exchange.answer_headers)
        size = self.server.piece
        if exchange.status == 204:
            self.wfile.write(head.encode("latin-1") + b"\r\n")
        elif size is None:
            head += f"content-length: {len(exchange.answer)}\r\n\r\n"
            self.wfile.write(head.encode("latin-1") + exchange.answer)
        else:
            self.wfile.write(head.encode("latin-1") + b"transfer-encoding: chunked\r\n\r\n")
            for piece in pieces(exchange.answer, size):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                if len(exchange.answer) < 8_192:
                    self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = do_PATCH = _serve


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sent: list[Sent]
    piece: int | None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class Provider:
    """Answers every exchange as it was recorded, in pieces of ``piece`` bytes or in one."""

    def __init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.sent, self._server.piece = [], None
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def sent(self) -> list[Sent]:
        return self._server.sent

    def cut(self, piece: int | None) -> None:
        """How the next answers come."""
        self._server.piece = piece

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

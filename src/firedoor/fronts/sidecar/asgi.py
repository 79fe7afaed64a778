"""The words of ASGI: what a scope says of a request, and the messages that an answer is sent in."""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from firedoor.config import Settings
from firedoor.fronts.drive import Drive
from firedoor.types.exchange import Headers
from firedoor.wire import Refusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HOST: Final = re.compile(rb"[A-Za-z0-9._-]+(?::\d+)?|\[[0-9A-Fa-f:.]+\](?::\d+)?")


def door_of(scheme: str, headers: Headers, upstream: str | None) -> str | None:
    """Where the client reached this sidecar, by its own account."""
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        return None
    return f"{scheme}://{hosts[0].decode()}" + (f"/u/{upstream}" if upstream else "")


def headers_of(scope: Scope) -> Headers:
    """The headers as they came, names in lower case."""
    return tuple([(n.lower(), v) for n, v in scope["headers"]])


def bounded(headers: Headers, settings: Settings) -> Headers:
    """As many of the headers, from the first on, as one request may have."""
    size, kept = 0, []
    for name, value in headers[: settings.limits.headers]:
        size += len(name) + len(value)
        if size > settings.limits.header:
            break
        kept.append((name, value))
    return tuple(kept)


class Out:
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


async def send_out(drive: Drive, send: Send) -> None:
    """A whole answer of the door's own."""
    if drive.head is None:
        return
    await send_whole(send, drive.head.status, list(drive.head.headers), b"".join(drive.take()))


async def send_whole(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """An answer that is there as a whole."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_json(send: Send, status: int, value: Mapping[str, Any]) -> None:
    """An answer of the sidecar's own endpoints, for no cache to keep."""
    body = json.dumps(value, ensure_ascii=False).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send_whole(send, status, headers, body)


async def send_refusal(send: Send, answer: Refusal) -> None:
    """A refusal that no exchange could send."""
    await send_whole(send, answer.status, list(answer.headers), answer.body)

"""Server-sent events, read without losing a byte (WHATWG HTML §9.2).

What comes out, put end to end, is what went in, however the bytes were cut into chunks.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from firedoor.wire.answers import says_nothing
from firedoor.wire.surface import Piece

_BOUNDARY: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_MARK: Final = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event as it stood on the wire, blank line included."""

    raw: bytes
    name: str | None
    data: str | None
    """The ``data`` lines joined; None for a comment or an event without data."""


class SseReader:
    """Cuts a stream into events."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that ``chunk`` completes."""
        self._buffer += chunk
        while True:
            found = _BOUNDARY.search(self._buffer, max(0, self._searched - 3))
            if found is None:
                self._searched = len(self._buffer)
                return
            end = found.end()
            # A carriage return at the very end may be the first half of CR LF.
            if end == len(self._buffer) and self._buffer[end - 1 : end] == b"\r":
                self._searched = found.start()
                return
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            self._searched = 0
            yield self._event(raw)

    def end(self) -> Event | None:
        """What is left when the stream ended without a last blank line."""
        raw = bytes(self._buffer)
        self._buffer.clear()
        return self._event(raw) if raw else None

    def _event(self, raw: bytes) -> Event:
        # A byte order mark may stand before the first event, and is no part of it.
        text = raw if self._begun else raw.removeprefix(_MARK)
        self._begun = True
        return _event(raw, text)


def _event(raw: bytes, text: bytes) -> Event:
    name = None
    data: list[str] = []
    for line in _LINE.split(text):
        if line == b"data":
            data.append("")
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" ").decode("utf-8", "replace"))
        elif line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ").decode("utf-8", "replace")
    return Event(raw, name, "\n".join(data) if data else None)


def written(data: str, name: str | None = None) -> bytes:
    """One event on the wire; ``data`` must be one line."""
    head = f"event: {name}\n" if name is not None else ""
    return f"{head}data: {data}\n\n".encode()


def unread(event: Event, holding: bool) -> Piece:
    """An event whose data is no object: passed, unless a client might read a call in it."""
    if holding and event.data is not None and not says_nothing(event.data):
        return Piece(b"", unreadable=True)
    return Piece(event.raw)

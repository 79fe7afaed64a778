"""The two forms of a Gemini stream: server-sent events (``alt=sse``), and one JSON array.

The first byte that is no blank says which: an array opens with a bracket, and no line of an event
stream does. Events put end to end are the stream, however its bytes were cut.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Protocol

from firedoor.wire.answers import dumps
from firedoor.wire.sse import Event, SseReader, written

_BLANKS: Final = b" \t\r\n"
_BOM: Final = b"\xef\xbb\xbf"
_LINE: Final = re.compile(rb"\r\n|\n|\r")
_FIELD: Final = re.compile(rb"$|(?:\xef\xbb\xbf)?(?:data|event|id|retry)?(?::|$)")
_INSIDE: Final = re.compile(rb'["\\]')
_OUTSIDE: Final = re.compile(rb'["{}\[\]]')


class Frames(Protocol):
    """Cuts a stream into events, and writes events of its own."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that ``chunk`` completes."""
        ...

    def end(self) -> Event | None:
        """What is left when the bytes ended, whole or not."""
        ...

    def written(self, value: Any, instead_of: Event) -> bytes:
        """``value`` in the place of an event."""
        ...

    def ending(self, value: Any, *, first: bool) -> bytes:
        """``value`` as the last event of a stream that is cut short here."""
        ...


class SseFrames:
    """``data:`` lines. One event is one response object.

    Google's client also reads lines that are no field of an event stream, as JSON (it is how the
    provider sends some errors). With ``strict`` they become an event of their own kind, or go.
    """

    def __init__(self, strict: bool) -> None:
        self._reader = SseReader()
        self._strict = strict

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """See `Frames`."""
        for event in self._reader.feed(chunk):
            yield _tidy(event) if self._strict else event

    def end(self) -> Event | None:
        """See `Frames`."""
        event = self._reader.end()
        return _tidy(event) if event is not None and self._strict else event

    def written(self, value: Any, instead_of: Event) -> bytes:
        """See `Frames`."""
        return written(dumps(value), instead_of.name)

    def ending(self, value: Any, *, first: bool) -> bytes:
        """See `Frames`."""
        return written(dumps(value))


def _tidy(event: Event) -> Event:
    lines = _LINE.split(event.raw)
    stray = [line for line in lines if not _FIELD.match(line)]
    if not stray:
        return event
    if event.data is not None:
        return event._replace(raw=b"\n".join(row for row in lines if _FIELD.match(row)))
    data = b" ".join(stray)
    return Event(b"data: " + data + b"\n\n", None, data.decode("utf-8", "replace"))


class ArrayFrames:
    """One JSON array. An event is an element, with the blanks and the comma before it.

    Only strings and nesting are looked at: whether an element is JSON, its reader finds out.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._at = 0
        self._start: int | None = None
        """Where the element under way begins."""
        self._depth = 0
        self._in_string = self._escaped = False

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """See `Frames`."""
        self._buffer += chunk
        while True:
            if self._escaped:
                if self._at == len(self._buffer):
                    return
                self._at, self._escaped = self._at + 1, False
            mark = (_INSIDE if self._in_string else _OUTSIDE).search(self._buffer, self._at)
            if mark is None:
                self._at = len(self._buffer)
                return
            self._at = mark.end()
            if self._mark(mark.group()):
                yield self._element()

    def _mark(self, mark: bytes) -> bool:
        """Take one mark; whether it ends an element."""
        if mark == b"\\":
            self._escaped = True
        elif mark == b'"':
            self._in_string = not self._in_string
        elif mark == b"{" or (mark == b"[" and self._start is not None):
            if self._start is None:
                self._start = self._at - 1
            self._depth += 1
        elif mark in (b"}", b"]") and self._start is not None:
            self._depth -= 1
            return self._depth == 0
        return False

    def _element(self) -> Event:
        raw = bytes(self._buffer[: self._at])
        data = raw[self._start :].decode("utf-8", "replace")
        del self._buffer[: self._at]
        self._at, self._start = 0, None
        return Event(raw, None, data)

    def end(self) -> Event | None:
        """See `Frames`."""
        raw = bytes(self._buffer)
        self._buffer.clear()
        data = raw[self._start :].decode("utf-8", "replace") if self._start is not None else None
        return Event(raw, None, data) if raw else None

    def written(self, value: Any, instead_of: Event) -> bytes:
        """See `Frames`."""
        element = len((instead_of.data or "").encode())
        return instead_of.raw[: len(instead_of.raw) - element] + dumps(value).encode()

    def ending(self, value: Any, *, first: bool) -> bytes:
        """See `Frames`."""
        return (b"[" if first else b",\r\n") + dumps(value).encode() + b"\r\n]\r\n"


def frames_of(head: bytes, strict: bool) -> Frames | None:
    """The form of a stream that begins so; None while that cannot be seen."""
    if len(head) < len(_BOM) and _BOM.startswith(head):
        return None
    head = head.removeprefix(_BOM).lstrip(_BLANKS)
    if not head:
        return None
    return ArrayFrames() if head[:1] == b"[" else SseFrames(strict)

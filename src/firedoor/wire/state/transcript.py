"""What was heard, written down: a text that is no JSON, or one that comes piece by piece.

The words are a model's, so they are told like any text of an answer.
"""

from collections.abc import Iterator
from typing import Final

from firedoor.types.part import Answer, OutputKind, OutputPart
from firedoor.wire.answers import error_of, loads, word
from firedoor.wire.plain import error_event
from firedoor.wire.sse import Event, SseReader, unread
from firedoor.wire.surface import Piece

_TEXT_BYTES_MAX: Final = 8 * 2**20
"""Of a transcript that comes whole; what is longer passes on without being told further."""


class TranscriptStream:
    """Events of a transcript. See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()
        self._error: str | None = None
        self.complete = False

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        last = self._sse.end()
        if last is not None:
            yield from self._event(last)

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            yield unread(event, self._hold)
            return
        kind = word(value.get("type")) or event.name or ""
        done, text = kind == "transcript.text.done", word(value.get("text")) or ""
        self._error = error_of(value)
        if done and text:
            yield Piece(b"", done=OutputPart("/text", text, OutputKind.TEXT))
        self.complete = done or self._error is not None
        yield Piece(event.raw, terminal=self.complete, text=word(value.get("delta")) or "")

    def decide(self, refusal: str | None) -> None:
        """There are no calls in it."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        return error_event(code, message, request_id)

    def answer(self) -> Answer:
        """Nothing is kept of what was told."""
        return Answer(error=self._error)


class TextStream:
    """A transcript as one text, or as subtitles. See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._text = bytearray()
        self._told = 0

    @property
    def complete(self) -> bool:
        """A text has no ending of its own."""
        return True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        self._text += chunk
        if not self._hold:
            yield Piece(chunk)
        while len(self._text) > _TEXT_BYTES_MAX:
            yield from self._stretch(_TEXT_BYTES_MAX)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        if self._text:
            yield from self._stretch(len(self._text), ends=True)

    def _stretch(self, size: int, *, ends: bool = False) -> Iterator[Piece]:
        raw = bytes(self._text[:size])
        del self._text[:size]
        pointer = f"/{self._told}" if self._told else ""
        self._told += 1
        text = raw.decode("utf-8", "replace")
        yield Piece(b"", done=OutputPart(pointer, text, OutputKind.TEXT), text=text)
        if self._hold:
            yield Piece(raw, terminal=ends)

    def decide(self, refusal: str | None) -> None:
        """There are no calls in it."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """It has no words for being stopped: the connection is cut."""
        return b""

    def answer(self) -> Answer:
        """Nothing is kept of what was told."""
        return Answer()

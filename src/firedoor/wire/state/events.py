"""Pictures, sounds and transcripts: answers that come as events, as plain text, or as bytes.

An event says by its ``type`` what it is: ``….delta`` adds to a text, ``….done`` and ``….completed``
have the whole of it and the usage. None of them can hold a tool call. Several pictures have a
``completed`` each, so that only the end of the bytes, or ``[DONE]``, ends such a stream. What has a
whole text waits for it: a transcript is a model's words, and is recorded before its last event
leaves.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.types.part import Answer, OutputKind, OutputPart, Usage
from firedoor.wire.answers import error_of, loads, usage_of, word
from firedoor.wire.plain import error_event
from firedoor.wire.sse import Event, SseReader
from firedoor.wire.surface import AnswerStream, Piece

_TEXT_CHARS_MAX: Final = 8 * 2**20
"""Words of one answer that are kept to be told; what is longer passes, and is told up to here."""


class EventsStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()
        self._last = b""
        """Everything from the whole text on, which leaves with the end."""
        self._whole = self._done = False
        self._deltas: list[str] = []
        self._text: str | None = None
        self._usage: Usage | None = None
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether something whole came, or an error."""
        return self._whole or self._done or self._error is not None

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        last = self._sse.end()
        if last is not None:
            value = loads(last.data) if last.data is not None else None
            if value is not None or self.complete or not self._hold:
                yield from self._event(last)
        if not (self._done or self._error):
            yield from self._ended(b"")

    def decide(self, refusal: str | None) -> None:
        """There are no calls."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        return error_event(code, message, request_id)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        return Answer(output=tuple(self._said()), usage=self._usage, error=self._error)

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if event.data is not None and event.data.strip().startswith("[DONE]"):
            yield from self._ended(event.raw, done=True)
            return
        if value is not None and (value.get("error") or value.get("type") == "error"):
            self._error = error_of(value) or word(value.get("code")) or "error"
            raw, self._last = self._last + event.raw, b""
            yield Piece(raw, terminal=True)
            return
        text = self._read(value) if value is not None else ""
        if self._text is None:
            yield Piece(event.raw, text=text)
            return
        self._last += event.raw
        yield Piece(b"", text=text)

    def _read(self, value: dict[str, Any]) -> str:
        """Take note of an event; the text that it adds."""
        kind = word(value.get("type")) or ""
        self._usage = usage_of(value.get("usage")) or self._usage
        if kind.endswith((".done", ".completed")):
            self._whole = True
            self._text = word(value.get("text")) or self._text
        delta = word(value.get("delta")) if kind.endswith(".delta") else None
        if delta:
            self._deltas.append(delta)
        return delta or ""

    def _said(self) -> Iterator[OutputPart]:
        text = self._text if self._text is not None else "".join(self._deltas)
        if text:
            yield OutputPart("/text", text, OutputKind.TEXT)

    def _ended(self, raw: bytes, *, done: bool = False) -> Iterator[Piece]:
        for part in self._said():
            yield Piece(b"", done=part)
        self._done = self._done or done
        raw, self._last = self._last + raw, b""
        if raw:
            yield Piece(raw, terminal=done or self.complete)


class TextStream:
    """An answer that is nothing but a text (a transcript, subtitles): told whole, then it leaves."""

    def __init__(self, hold_calls: bool) -> None:
        self._held = bytearray()
        self._told = ""
        self.complete = True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """All but the end passes where it is too long to be kept."""
        self._held += chunk
        if len(self._held) > _TEXT_CHARS_MAX:
            yield from self._tell()

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        if self._held:
            yield from self._tell()

    def _tell(self) -> Iterator[Piece]:
        raw = bytes(self._held)
        self._held.clear()
        text = raw.decode("utf-8", "replace")
        self._told = self._told or text
        yield Piece(b"", done=OutputPart("", text, OutputKind.TEXT), text=text)
        yield Piece(raw)

    def decide(self, refusal: str | None) -> None:
        """There are no calls."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """A text has no words for its being stopped."""
        return b""

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        said = (OutputPart("", self._told, OutputKind.TEXT),) if self._told else ()
        return Answer(output=said)


class BytesStream:
    """Sound or another thing without words: it passes as it comes."""

    def __init__(self, hold_calls: bool) -> None:
        self.complete = True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The bytes as they are."""
        yield Piece(chunk)

    def end(self) -> Iterator[Piece]:
        """Nothing is left."""
        return iter(())

    def decide(self, refusal: str | None) -> None:
        """There are no calls."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """Sound has no words for its being stopped."""
        return b""

    def answer(self) -> Answer:
        """Nothing was said that could be read."""
        return Answer()


EVENTS: Final = frozenset(
    {
        "openai:audio.speech.create", "openai:audio.transcriptions.create", "openai:images.edit",
        "openai:images.generate",
    }
)  # fmt: skip
"""Operations whose answer may come as events."""

_TEXT: Final[Mapping[bytes, type[AnswerStream]]] = {
    b"text/": TextStream, b"application/x-subrip": TextStream,
}  # fmt: skip
KINDS: Final[Mapping[str, Mapping[bytes, type[AnswerStream]]]] = {
    "openai:audio.speech.create": {
        b"audio/": BytesStream, b"application/octet-stream": BytesStream,
    },
    "openai:audio.transcriptions.create": _TEXT,
    "openai:audio.translations.create": _TEXT,
}  # fmt: skip
"""How answers of other content types are read, by operation."""

"""Media as they come: bytes of any kind, or server-sent events with pieces of sound or pictures.

The bytes are one opaque part and are never held. Of events, texts are read; a transcription's last
event has all of it, and waits until that is written down. An event that the inventory does not name
says whatever its strings say.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, OutputKind, OutputPart
from firedoor.types.usage import Usage
from firedoor.wire.answers import error_of, loads, strings_of, word
from firedoor.wire.counts import later, usage_of
from firedoor.wire.inventory.events import EVENTS, Carries
from firedoor.wire.media.answer import spoken_in
from firedoor.wire.sse import Event, unread
from firedoor.wire.stream import EventStream
from firedoor.wire.surface import Piece

_EVENTS: Final = {**EVENTS["openai:audio"], **EVENTS["openai:images"]}
_OPAQUE: Final = OutputPart("", "", OutputKind.OPAQUE)
_ALL: Final = "transcript.text.done"
_LAST: Final = frozenset({_ALL, "speech.audio.done"})
"""What only ``[DONE]`` may come after. Of pictures there may be several: the bytes' end is theirs."""


class BytesStream:
    """An answer that is no text: see `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._any = False

    @property
    def complete(self) -> bool:
        """Bytes have no ending but their own."""
        return True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The bytes as they are; with the first of them, that there are some."""
        first, self._any = not self._any, True
        yield Piece(chunk, done=_OPAQUE if first else None)

    def end(self) -> Iterator[Piece]:
        """Nothing is left."""
        return iter(())

    def decide(self, refusal: str | None) -> None:
        """Nothing to decide."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """Nothing could be said among these bytes: the connection is cut."""
        return b""

    def answer(self) -> Answer:
        """One part that cannot be read."""
        return Answer(output=(_OPAQUE,) if self._any else ())


class MediaStream(EventStream):
    """Events of pictures, sound or a transcription: see `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._said = ""
        """The text that came piece by piece and in no whole yet."""
        self._done = False
        self._last = b""
        """The last event, and what comes behind it: it leaves with ``[DONE]``, or where bytes end."""
        self._output: list[OutputPart] = []
        self._usage: Usage | None = None
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the last event or an error came."""
        return self._done or self._error is not None

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. What was said and never came as a whole was said all the same."""
        last = self._sse.end()
        if last is not None:
            whole = last.data is not None and loads(last.data) is not None
            if whole or self.complete or not self._hold:
                yield from self._event(last)
        if self._said:
            text, self._said = self._said, ""
            yield Piece(b"", done=self._told(OutputPart("/text", text, OutputKind.TEXT)))
        if self._last:
            raw, self._last = self._last, b""
            yield Piece(raw, terminal=True)

    def _told(self, part: OutputPart) -> OutputPart:
        self._output.append(part)
        return part

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            if self._last:
                self._last += event.raw
                if (event.data or "").strip() == "[DONE]":
                    raw, self._last = self._last, b""
                    yield Piece(raw, terminal=True)
                return
            yield unread(event, self._hold)
            return
        kind = word(value.get("type")) or event.name or ""
        if kind == "error" or value.get("error"):
            self._error = error_of(value) or word(value.get("code")) or "error"
            yield Piece(event.raw, terminal=True)
            return
        self._usage = later(self._usage, usage_of(value.get("usage")))
        text = word(value.get("delta")) or ""
        if kind == "transcript.text.delta":
            self._said += text
            yield Piece(event.raw, text=text)
            return
        for part in self._parts(kind, value):
            yield Piece(b"", done=self._told(part))
        self._done = self._done or _EVENTS.get(kind) is Carries.END
        if kind == _ALL:
            self._said = ""
        if kind in _LAST or self._last:
            self._last += event.raw
            return
        yield Piece(event.raw)

    def _parts(self, kind: str, value: dict[str, Any]) -> list[OutputPart]:
        at = f"/{len(self._output) + 1}"
        carries = _EVENTS.get(kind)
        if kind == _ALL:
            return spoken_in(value)
        if carries is Carries.TEXT:
            return [p._replace(pointer=at + p.pointer) for p in spoken_in(value)]
        if carries is not None:
            return [_OPAQUE._replace(pointer=at, media=word(value.get("b64_json")) or "")]
        said = "\n".join(strings_of({k: v for k, v in value.items() if k != "type"}))
        return [OutputPart(at, said, OutputKind.TEXT)] if said else []

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        return Answer(output=tuple(self._output), usage=self._usage, error=self._error)

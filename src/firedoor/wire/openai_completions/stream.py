"""Completions, the older shape: a streamed answer. Nothing is ever held: there are no tools."""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, OutputKind, OutputPart
from firedoor.types.usage import Usage
from firedoor.wire.answers import count, error_of, loads, placed, word
from firedoor.wire.counts import later, usage_of
from firedoor.wire.openai_completions.answer import answer_of
from firedoor.wire.sse import Event
from firedoor.wire.stream import EventStream
from firedoor.wire.surface import Piece
from firedoor.wire.usage import is_usage_alone

_CHOICES_MAX: Final = 4_096


class CompletionStream(EventStream):
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool, *, hide_usage: bool = False) -> None:
        super().__init__(hold_calls)
        self._hides_usage = hide_usage
        self._texts: dict[int, list[str]] = {}
        self._finish: dict[int, str] = {}
        self._told: set[int] = set()
        self._whole: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._done = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether every choice finished."""
        finished = bool(self._texts) and self._texts.keys() <= self._finish.keys()
        return self._done or self._error is not None or finished

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        last = self._sse.end()
        if last is not None:
            yield from self._event(last)
        yield from self._texts_done(list(self._texts))

    def _event(self, event: Event) -> Iterator[Piece]:
        if event.data is not None and event.data.strip() == "[DONE]":
            yield from self._texts_done(list(self._texts))
            # A second ending is passed on as what it is: something that comes after the end.
            yield Piece(event.raw, terminal=not self._done)
            self._done = True
            return
        value = loads(event.data) if event.data is not None else None
        if value is None:
            yield Piece(event.raw)
            return
        if value.get("error"):
            self._error = error_of(value)
            yield from self._texts_done(list(self._texts))
            yield Piece(event.raw, terminal=True)
            return
        self._whole |= {k: v for k, v in value.items() if v is not None and k != "choices"}
        self._usage = later(self._usage, usage_of(value.get("usage")))
        if self._hides_usage and is_usage_alone(value):
            return
        seen: list[str] = []
        finished: list[int] = []
        for _, choice in placed(value.get("choices")):
            index = count(choice.get("index")) or 0
            if index not in self._texts and len(self._texts) >= _CHOICES_MAX:
                continue
            text = word(choice.get("text")) or ""
            self._texts.setdefault(index, []).append(text)
            seen.append(text)
            reason = word(choice.get("finish_reason"))
            if reason is not None:
                self._finish[index] = reason
                finished.append(index)
        yield from self._texts_done(finished)
        yield Piece(event.raw, text="".join(seen))

    def _texts_done(self, indexes: list[int]) -> Iterator[Piece]:
        for index in indexes:
            text = "".join(self._texts[index])
            if text and index not in self._told:
                self._told.add(index)
                yield Piece(b"", done=OutputPart(f"/choices/{index}/text", text, OutputKind.TEXT))

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        choices = [
            {"text": "".join(self._texts[i]), "finish_reason": self._finish.get(i)}
            for i in sorted(self._texts)
        ]
        found = answer_of(self._whole | {"choices": choices})
        return found._replace(error=self._error or found.error, usage=self._usage)

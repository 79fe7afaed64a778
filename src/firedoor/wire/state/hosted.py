"""What agents that run at the provider say and do, where a rule let a program talk to them.

None of it was written by an instance of this fleet that the door knows: it is text from outside, and
whoever reads it is exposed to it. The edges between those agents are taken down as the provider tells
of them. Their tool calls are theirs: they are told, and not judged.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, Edge, OutputKind, OutputPart
from firedoor.wire.answers import error_of, loads, strings_of
from firedoor.wire.edges import listed_edges
from firedoor.wire.sse import Event
from firedoor.wire.state.answer import read_answer as read_state
from firedoor.wire.stream import EventStream
from firedoor.wire.surface import Piece

_SAID: Final = ("content", "output", "data", "items", "events", "item", "delta", "text")


def _said(value: dict[str, Any]) -> str:
    return "\n".join(s for name in _SAID for s in strings_of(value.get(name)))


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    answer = read_state(body)
    value = loads(body)
    if value is None:
        return answer
    said = _said(value)
    output = (OutputPart("", said, OutputKind.HOSTED),) if said else ()
    return answer._replace(output=output, edges=listed_edges(value))


class HostedStream(EventStream):
    """See `AnswerStream`. Events pass as they come; nothing in them is held."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._edges: list[Edge] = []
        self._error: str | None = None
        self._told = False

    @property
    def complete(self) -> bool:
        """A session has no last event: its stream ends where the bytes do."""
        return True

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        last = self._sse.end()
        if last is not None:
            yield from self._event(last)

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            yield Piece(event.raw)
            return
        self._edges += listed_edges(value)
        self._error = self._error or error_of(value)
        said = _said(value)
        if not said or self._told:
            yield Piece(event.raw)
            return
        # Once is enough: from here on the call is exposed to text from outside.
        self._told = True
        yield Piece(event.raw, done=OutputPart("", said, OutputKind.HOSTED))

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        return Answer(error=self._error, edges=tuple(self._edges))

"""What all streams of events have in common: they are cut into events, and calls in them are decided."""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from firedoor.wire.plain import error_event
from firedoor.wire.sse import Event, SseReader
from firedoor.wire.surface import Piece


class EventStream:
    """The base of an `AnswerStream` of server-sent events that holds no calls."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def _event(self, event: Event) -> Iterator[Piece]:
        """What one event comes to."""
        raise NotImplementedError

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`. There is nothing to decide."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        return error_event(code, message, request_id)


class Decided(Protocol):
    """What a decision is about: an item, a block, a step."""

    refusal: str | None


_Held = TypeVar("_Held", bound=Decided)


class DecidedStream(EventStream, Generic[_Held]):
    """The same for one whose calls are held until they are decided."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._deciding: _Held | None = None
        """What is being decided, while its piece is with the caller."""

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        assert self._deciding is not None
        if self._hold:
            self._deciding.refusal = refusal
        self._deciding = None

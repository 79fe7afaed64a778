"""Endpoints whose answers hold no text of a model: lists, counts, vectors."""

from collections.abc import Iterator, Mapping
from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import Answer, Reading
from firedoor.wire.answers import UNREADABLE, dumps, error_of, loads, word
from firedoor.wire.counts import usage_of
from firedoor.wire.document import members
from firedoor.wire.sse import written
from firedoor.wire.surface import Piece, Sections


def no_sections(document: object) -> Sections:
    """A request without a body."""
    return Sections("", [], {})


def fields_only(document: object) -> Sections:
    """Every field of a body; no turns, since nothing in it follows anything else."""
    return Sections("", [], members(document))


def no_turn(pointer: str, value: object) -> Reading:
    """There are none."""
    return Reading(())


def no_field(name: str, value: object) -> Reading:
    """There are none."""
    return Reading(())


def no_params(document: object) -> Params:
    """Nothing to know."""
    return Params()


def read_answer(body: bytes) -> Answer:
    """Usage and error; there is no output."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    return Answer(
        usage=usage_of(value.get("usage")) or usage_of(value if "input_tokens" in value else None),
        model=word(value.get("model")),
        error=error_of(value),
    )


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """There is nothing to edit."""
    return body


class PassingStream:
    """A stream where none is expected: passed on as it comes, and said to be unread."""

    def __init__(self, hold_calls: bool) -> None:
        self.complete = True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """The bytes as they are."""
        yield Piece(chunk)

    def end(self) -> Iterator[Piece]:
        """Nothing is left."""
        return iter(())

    def decide(self, refusal: str | None) -> None:
        """Nothing to decide."""

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """An error object, which both providers' clients raise."""
        return error_event(code, message, request_id)

    def answer(self) -> Answer:
        """Nothing was read."""
        return UNREADABLE


def error_event(code: str, message: str, request_id: str, kind: str = "api_error") -> bytes:
    """The ending of an OpenAI stream that is cut short: a nested error object (WIRE §3.2)."""
    error: dict[str, Any] = {"type": kind, "message": message, "code": code, "param": None}
    return written(dumps({"type": "error", "error": error, "request_id": request_id}))

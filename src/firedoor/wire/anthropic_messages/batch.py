"""Batches of messages: many requests in one body, each read as the call that it is."""

from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import CallClaim, Part, Reading
from firedoor.wire.anthropic_messages import parts as messages
from firedoor.wire.document import Malformed
from firedoor.wire.openai_chat.parts import NOBODY
from firedoor.wire.shape import Found, escape, free, scoped, walk
from firedoor.wire.surface import Sections

_REQUEST = {"custom_id": "word"}


def sections(document: Any) -> Sections:
    """Every field; the requests are no history, since none of them follows another."""
    if not isinstance(document, dict):
        raise Malformed("The body is not a JSON object.")
    return Sections("", [], dict(document))


def read_turn(pointer: str, value: Any) -> Reading:
    """There are none."""
    return Reading(())


def _prefixed(prefix: str, part: Part) -> Part:
    # A definition that goes may take its choice with it; here nobody looks after that, so it stays
    # or the whole is refused.
    whole = part.removable is not None
    return part._replace(
        pointer=prefix + part.pointer,
        call=None if part.call is None else scoped(prefix, part.call),
        removable=None,
        editable=part.editable and not whole,
    )


def _params(pointer: str, value: Any) -> Reading:
    try:
        inner = messages.sections(value)
    except Malformed as problem:
        raise Malformed(
            problem.message, code=problem.code, pointer=pointer + (problem.pointer or "")
        ) from None
    readings = [
        messages.read_turn(f"{inner.turns_pointer}/{i}", turn) for i, turn in enumerate(inner.turns)
    ]
    readings += [messages.read_field(name, field) for name, field in inner.fields.items()]
    return Reading(
        tuple(_prefixed(pointer, part) for reading in readings for part in reading.parts),
        tuple(
            claim._replace(id=scoped(pointer, claim.id), pointer=pointer + claim.pointer)
            for reading in readings
            for claim in reading.calls
        ),
        None,
        tuple(pointer + where for reading in readings for where in reading.unknown),
    )


def read_field(name: str, value: Any) -> Reading:
    """The requests, one after the other; there is no other field."""
    found = Found()
    calls: list[CallClaim] = []
    if name != "requests" or not isinstance(value, list):
        walk({}, {name: value}, "", NOBODY, found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    for i, request in enumerate(value):
        at = f"/requests/{i}"
        if not isinstance(request, dict):
            found.unknown.append(at)
            free(request, at, NOBODY, found)
            continue
        for member, inner in request.items():
            if member != "params":
                walk(_REQUEST, {member: inner}, at, NOBODY, found)
                continue
            reading = _params(f"{at}/{escape(member)}", inner)
            found.parts += reading.parts
            found.unknown += reading.unknown
            calls += reading.calls
    return Reading(tuple(found.parts), tuple(calls), None, tuple(found.unknown))


def params(document: Any) -> Params:
    """A batch is no call of a model by itself."""
    return Params()

"""One line of a JSONL file: what it asks of a model is read as that request would be.

A line of a batch names its endpoint itself; a line of a fine-tuning file has the messages of a chat.
Which of them a line is, is told by its own members: a form may name a file's purpose behind it.
"""

from typing import Any

from firedoor.types.part import CallClaim, Channel, Part, Reading, Role
from firedoor.wire.document import Malformed
from firedoor.wire.gemini_generate.batch import read_request
from firedoor.wire.inventory import gemini_generate
from firedoor.wire.openai_chat import parts as chat
from firedoor.wire.route import Endpoint, route
from firedoor.wire.shape import Found, Speaker, escape, free, scoped, text
from firedoor.wire.surfaces import wire_for

_PROGRAM = Speaker(Role.USER, Channel.USER)
_BATCH_MEMBERS = frozenset({"custom_id", "method", "url", "body"})


def _at(pointer: str, part: Part) -> Part:
    """A part of a request that stands inside a file: nothing in a file can be replaced."""
    return part._replace(
        pointer=pointer + part.pointer,
        call=None if part.call is None else scoped(pointer, part.call),
        editable=False,
        removable=None,
    )


def _claims_at(pointer: str, reading: Reading) -> list[CallClaim]:
    return [
        claim._replace(id=scoped(pointer, claim.id), pointer=pointer + claim.pointer)
        for claim in reading.calls
    ]


def _request(pointer: str, line: dict[str, Any]) -> Reading:
    body_at = f"{pointer}/body"
    endpoint: Endpoint = route(str(line["method"]).upper(), str(line["url"]), "", "openai")
    if not endpoint.known:
        return Reading(_free(pointer, line), unknown=(f"{pointer}/url",))
    surface = wire_for(endpoint)
    parts: list[Part] = []
    unknown: list[str] = [f"{pointer}/{name}" for name in sorted(line.keys() - _BATCH_MEMBERS)]
    calls: list[CallClaim] = []
    found = Found()
    for name in sorted(line.keys() - {"body"}):
        free(line[name], f"{pointer}/{escape(name)}", _PROGRAM, found)
    parts += (part._replace(editable=False) for part in found.parts)
    try:
        sections = surface.sections(line["body"])
    except Malformed as problem:
        raise Malformed(
            problem.message, code=problem.code, pointer=body_at + (problem.pointer or "")
        ) from None
    for i, turn in enumerate(sections.turns):
        reading = surface.read_turn(sections.pointer_of(i), turn)
        parts += (_at(body_at, part) for part in reading.parts)
        unknown += (body_at + where for where in reading.unknown)
        calls += _claims_at(body_at, reading)
    for name, value in sections.fields.items():
        reading = surface.read_field(name, value)
        parts += (_at(body_at, part) for part in reading.parts)
        unknown += (body_at + where for where in reading.unknown)
    return Reading(tuple(parts), tuple(calls), None, tuple(unknown))


def _chat(pointer: str, line: dict[str, Any]) -> Reading:
    parts: list[Part] = []
    calls: list[CallClaim] = []
    for i, message in enumerate(line["messages"]):
        reading = chat.read_turn(f"/messages/{i}", message)
        parts += (_at(pointer, part) for part in reading.parts)
        calls += _claims_at(pointer, reading)
    rest = {name: value for name, value in line.items() if name != "messages"}
    return Reading((*parts, *_free(pointer, rest)), tuple(calls))


def _generate(pointer: str, line: dict[str, Any]) -> Reading:
    """A line of a Gemini batch: a request by a key."""
    reading = read_request(gemini_generate.FIELDS, line["request"], f"{pointer}/request")
    rest = {name: value for name, value in line.items() if name != "request"}
    parts = tuple(part._replace(editable=False) for part in reading.parts)
    return reading._replace(parts=(*parts, *_free(pointer, rest)))


def _free(pointer: str, value: Any) -> tuple[Part, ...]:
    found = Found()
    if isinstance(value, str):
        text(value, pointer, _PROGRAM, found)
    else:
        free(value, pointer, _PROGRAM, found)
    return tuple(part._replace(editable=False) for part in found.parts)


def read_line(value: Any, pointer: str) -> Reading:
    """The strings of one line, at ``pointer`` and below.

    Raises:
        Malformed: The request that the line holds is none.
    """
    if isinstance(value, dict):
        if value.keys() >= {"method", "url", "body"}:
            return _request(pointer, value)
        if isinstance(value.get("messages"), list):
            return _chat(pointer, value)
        request = value.get("request")
        if isinstance(request, dict) and "contents" in request:
            return _generate(pointer, value)
    return Reading(_free(pointer, value))

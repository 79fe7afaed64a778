"""One line of a JSONL file: what it asks of a model is read as that request would be.

A line of a batch names its endpoint itself; a line of a fine-tuning file has the messages of a chat.
Which of them a line is, is told by its own members: a form may name a file's purpose behind it.
"""

from typing import Any

from firedoor.types.part import Channel, Part, Reading, Role
from firedoor.wire.gemini_generate import batch as gemini
from firedoor.wire.inventory import gemini_generate
from firedoor.wire.nested import joined, read_request
from firedoor.wire.openai_chat import parts as chat
from firedoor.wire.route import Endpoint, route
from firedoor.wire.shape import Found, Speaker, free, text
from firedoor.wire.surfaces import wire_for

_PROGRAM = Speaker(Role.USER, Channel.USER)
_BATCHED = frozenset(
    {
        "chat.completions.create", "completions.create", "embeddings.create", "images.edit",
        "images.generate", "moderations.create", "responses.create", "videos.create",
    }
)  # fmt: skip
"""What a batch may ask for, as the provider has it: anything else is judged where it is a call."""
_BATCH_MEMBERS = frozenset({"custom_id", "method", "url", "body"})


def _request(pointer: str, line: dict[str, Any]) -> Reading:
    """A line of a batch: a call of a model, which the provider makes later."""
    endpoint: Endpoint = route(str(line["method"]).upper(), str(line["url"]), "", "openai")
    if not endpoint.known or endpoint.name not in _BATCHED:
        return Reading(_free(pointer, line), unknown=(f"{pointer}/url",))
    rest = {name: value for name, value in line.items() if name != "body"}
    unknown = tuple(f"{pointer}/{name}" for name in sorted(line.keys() - _BATCH_MEMBERS))
    own = Reading(_free(pointer, rest), unknown=unknown)
    body = read_request(wire_for(endpoint), line["body"], f"{pointer}/body", editable=False)
    return joined("", (own, body), editable=False)


def _chat(pointer: str, line: dict[str, Any]) -> Reading:
    """A line to learn from: it asks nothing of anybody, and may hold whatever it likes."""
    turns = [chat.read_turn(f"/messages/{i}", m) for i, m in enumerate(line["messages"])]
    rest = {name: value for name, value in line.items() if name != "messages"}
    found = joined(pointer, turns, editable=False)
    return Reading((*found.parts, *_free(pointer, rest)), found.calls)


def _generate(pointer: str, line: dict[str, Any]) -> Reading:
    """A line of a Gemini batch: a request by a key."""
    reading = gemini.read_request(gemini_generate.FIELDS, line["request"], f"{pointer}/request")
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

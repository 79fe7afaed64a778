"""Chat completions: a request's strings, turn by turn."""

from collections.abc import Mapping
from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import CallClaim, Channel, Kind, Reading, ResultClaim, Role
from firedoor.wire.answers import dumps
from firedoor.wire.document import Malformed, members
from firedoor.wire.inventory import openai_chat as inventory
from firedoor.wire.shape import (
    Found,
    Speaker,
    free,
    member,
    text,
    turn_of_texts_and_calls,
    walk,
)
from firedoor.wire.surface import Sections

_SPEAKERS = {
    "system": Speaker(Role.SYSTEM, Channel.SYSTEM),
    "developer": Speaker(Role.SYSTEM, Channel.SYSTEM),
    "user": Speaker(Role.USER, Channel.USER),
    "assistant": Speaker(Role.ASSISTANT, Channel.HISTORY),
    "tool": Speaker(Role.TOOL, Channel.TOOL),
    "function": Speaker(Role.TOOL, Channel.TOOL),
}
NOBODY = Speaker(Role.NONE, Channel.DEFINITION)


def sections(document: Any) -> Sections:
    """The messages, and every other field."""
    fields = members(document)
    turns = fields.pop("messages", [])
    if not isinstance(turns, list):
        raise Malformed("messages is not a list.", pointer="/messages")
    return Sections("/messages", turns, fields)


def texts_of(content: Any) -> list[str]:
    """The texts of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return [content]
    found = []
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict):
            value = part.get("text", part.get("refusal"))
            if isinstance(value, str):
                found.append(value)
    return found


def read_call(claim: Any, pointer: str, found: Found, calls: list[tuple[str, str, str]]) -> None:
    """One claimed tool call: its strings, and what it claims."""
    if not isinstance(claim, dict):
        found.unknown.append(pointer)
        free(claim, pointer, Speaker(Role.ASSISTANT, Channel.HISTORY), found)
        return
    id_ = claim.get("id") if isinstance(claim.get("id"), str) else ""
    speaker = Speaker(Role.ASSISTANT, Channel.HISTORY, id_ or None, None, Kind.CALL)
    for name, value in claim.items():
        inner = f"{pointer}/{name}"
        if name in ("function", "custom") and isinstance(value, dict):
            tool = value.get("name") if isinstance(value.get("name"), str) else ""
            arguments = value.get("arguments" if name == "function" else "input")
            arguments = arguments if isinstance(arguments, str) else ""
            speaker = speaker._replace(tool=tool or None)
            for key, item in value.items():
                if key in ("arguments", "input") and isinstance(item, str):
                    text(item, f"{inner}/{key}", speaker, found)
                elif key == "name":
                    walk("word", item, f"{inner}/{key}", speaker, found)
                else:
                    member({}, key, item, inner, speaker, found)
            found.calls.append(CallClaim(str(id_), str(tool), arguments, pointer))
            calls.append((str(id_), str(tool), arguments))
        elif name in ("id", "type", "index"):
            walk("word", value, inner, speaker, found)
        else:
            member({}, name, value, pointer, speaker, found)


def read_turn(pointer: str, value: Any) -> Reading:
    """One message."""
    found = Found()
    role = value.get("role") if isinstance(value, dict) else None
    speaker = _SPEAKERS.get(role) if isinstance(role, str) else None
    if speaker is None or not isinstance(value, dict):
        found.unknown.append(pointer)
        free(value, pointer, NOBODY._replace(channel=Channel.USER), found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    if speaker.role is Role.TOOL:
        call = value.get("tool_call_id")
        name = value.get("name")
        speaker = speaker._replace(
            call=call if isinstance(call, str) else None,
            tool=name if isinstance(name, str) else None,
        )
        found.results.append(ResultClaim(speaker.call or "", speaker.tool or "", pointer))
    calls: list[tuple[str, str, str]] = []
    shape = inventory.MESSAGE
    for name, item in value.items():
        inner = f"{pointer}/{name}"
        if name == "tool_calls" and isinstance(item, list):
            for i, claim in enumerate(item):
                read_call(claim, f"{inner}/{i}", found, calls)
        elif name == "function_call" and isinstance(item, dict):
            read_call({"function": item}, inner, found, calls)
        else:
            member(shape, name, item, pointer, speaker, found)
    texts = texts_of(value.get("content")) + texts_of(value.get("refusal"))
    turn = turn_of_texts_and_calls(speaker.role, texts, calls)
    return Reading(
        tuple(found.parts), tuple(found.calls), turn, tuple(found.unknown), tuple(found.hops),
        tuple(found.results), tuple(found.media),
    )  # fmt: skip


def speaker_of(name: str) -> Speaker:
    """In whose name a top-level field stands."""
    if name in ("instructions", "system"):
        return Speaker(Role.SYSTEM, Channel.SYSTEM)
    if name in ("input", "prediction", "stop", "stop_sequences"):
        return Speaker(Role.USER, Channel.USER)
    return NOBODY


def read_fields(
    fields: Mapping[str, Any], name: str, value: Any, by: Speaker | None = None
) -> Reading:
    """One top-level field of any surface, by its inventory; in the name of ``by``, if given."""
    found = Found()
    speaker = by or speaker_of(name)
    pointer = "/" + name
    shape = fields.get(name)
    if shape is not None and name in ("tools", "functions") and isinstance(value, list):
        for i, tool in enumerate(value):
            at = f"{pointer}/{i}"
            defined = Speaker(Role.NONE, Channel.DEFINITION, kind=Kind.DEFINITION, removable=at)
            walk(shape[0], tool, at, defined, found)
    elif shape is None:
        walk({}, {name: value}, "", speaker, found)
    else:
        walk(shape, value, pointer, speaker, found)
    return Reading(
        tuple(found.parts), (), None, tuple(found.unknown), tuple(found.hops), (),
        tuple(found.media),
    )  # fmt: skip


def read_field(name: str, value: Any) -> Reading:
    """One top-level field other than the messages."""
    return read_fields(inventory.FIELDS, name, value)


def limit_field(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a limit goes. Beside a prediction the newer name is refused (OpenAI, predicted outputs)."""
    return ("max_tokens",) if fields.get("prediction") is not None else ("max_completion_tokens",)


def predicted_bytes(fields: Mapping[str, Any]) -> int:
    """The size of a prediction: what of it is not in the answer is billed as output all the same."""
    given = fields.get("prediction")
    return len(dumps(given).encode("utf-8", "surrogatepass")) if given is not None else 0


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    options = document.get("stream_options")
    cap = document.get("max_completion_tokens", document.get("max_tokens"))
    choices = document.get("n")
    model = document.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        choices=choices if isinstance(choices, int) else 1,
        output_tokens_max=cap if isinstance(cap, int) else None,
        stored=document.get("store") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )

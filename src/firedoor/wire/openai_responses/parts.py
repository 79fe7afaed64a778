"""Responses: a request's strings, item by item."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import CallClaim, Channel, Kind, Reading, ResultClaim, Role, Turn
from firedoor.wire.document import Malformed, members
from firedoor.wire.inventory import openai_responses as inventory
from firedoor.wire.openai_chat.parts import NOBODY, read_fields, texts_of
from firedoor.wire.output_cap import output_limit
from firedoor.wire.shape import Found, Speaker, free, text, turn_of_texts_and_calls, walk
from firedoor.wire.surface import Bare, Sections

_ROLES = {
    "system": Speaker(Role.SYSTEM, Channel.SYSTEM),
    "developer": Speaker(Role.SYSTEM, Channel.SYSTEM),
    "user": Speaker(Role.USER, Channel.USER),
    "assistant": Speaker(Role.ASSISTANT, Channel.HISTORY),
}
CALL_ITEMS: Final[Mapping[str, str]] = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "local_shell_call": "action",
    "shell_call": "action",
    "apply_patch_call": "operation",
    "computer_call": "action",
}
"""Items that the caller's program carries out, and the member that says what to do."""
_CALLS = {"function_call": "arguments", "custom_tool_call": "input"}
_OUTPUTS = ("_output", "_response")
_DEFINITIONS = ("additional_tools", "tool_search_output", "mcp_list_tools", "configuration_update")


def sections(document: Any) -> Sections:
    """The input items, and every other field. A string input is one turn."""
    fields = members(document)
    turns = fields.pop("input", [])
    if isinstance(turns, str):
        turns = [Bare(turns)]
    if not isinstance(turns, list):
        raise Malformed("input is neither a string nor a list.", pointer="/input")
    return Sections("/input", turns, fields)


def _speaker(kind: str, value: dict[str, Any]) -> Speaker:
    if kind == "message":
        return _ROLES.get(str(value.get("role")), Speaker(Role.USER, Channel.USER))
    call = value.get("call_id")
    call_id = call if isinstance(call, str) else None
    if kind.endswith(_OUTPUTS):
        return Speaker(Role.TOOL, Channel.TOOL, call_id)
    if kind in _DEFINITIONS:
        return Speaker(Role.SYSTEM, Channel.DEFINITION, kind=Kind.DEFINITION)
    # Of what ran at the provider nothing tells the model's words from what they brought in.
    own = kind in CALL_ITEMS or kind == "reasoning"
    return Speaker(Role.ASSISTANT if own else Role.TOOL, Channel.HISTORY, call_id)


def _kind_of(value: dict[str, Any]) -> str | None:
    """What an item is. One that says no type is a message, or names an item by its id alone."""
    kind = value.get("type", "message" if "role" in value else None)
    if kind is None or (kind == "message" and "content" not in value):
        return "item_reference"
    return kind if isinstance(kind, str) else None


def item_turn(value: dict[str, Any]) -> Turn:
    """The identity of one item, the same in a request and in an answer."""
    kind = value.get("type", "message")
    if kind == "message":
        role = _speaker("message", value).role
        return turn_of_texts_and_calls(role, texts_of(value.get("content")), [])
    if isinstance(kind, str) and kind in _CALLS:
        arguments = value.get(_CALLS[kind])
        call = (
            str(value.get("call_id", "")),
            str(value.get("name", "")),
            arguments if isinstance(arguments, str) else "",
        )
        return turn_of_texts_and_calls(Role.ASSISTANT, [], [call])
    if isinstance(kind, str) and kind.endswith(_OUTPUTS):
        output = value.get("output")
        return turn_of_texts_and_calls(Role.TOOL, texts_of(output), [])
    # Reasoning and hosted calls may be dropped by a client: they do not tell histories apart.
    return Turn(Role.ASSISTANT, ())


def read_turn(pointer: str, value: Any) -> Reading:
    """One input item."""
    found = Found()
    value = value.text if isinstance(value, Bare) else value
    if isinstance(value, str):
        text(value, pointer, _ROLES["user"], found)
        turn = turn_of_texts_and_calls(Role.USER, [value], [])
        return Reading(tuple(found.parts), (), turn, tuple(found.unknown))
    kind = _kind_of(value) if isinstance(value, dict) else None
    if kind is None:
        found.unknown.append(pointer)
        free(value, pointer, NOBODY._replace(channel=Channel.USER), found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    speaker = _speaker(kind, value)
    if kind in _CALLS:
        name = value.get("name")
        arguments = value.get(_CALLS[kind])
        speaker = speaker._replace(kind=Kind.CALL, tool=name if isinstance(name, str) else None)
        found.calls.append(
            CallClaim(
                speaker.call or "", speaker.tool or "",
                arguments if isinstance(arguments, str) else "", pointer,
            )
        )  # fmt: skip
    if speaker.role is Role.TOOL and kind.removesuffix("_output") in CALL_ITEMS:
        found.results.append(ResultClaim(speaker.call or "", "", pointer))
    # What says no type has the shape of what it is taken for.
    walk(inventory.ITEM.cases.get(kind, inventory.ITEM), value, pointer, speaker, found)
    return Reading(
        tuple(found.parts),
        tuple(found.calls),
        item_turn(value),
        tuple(found.unknown),
        tuple(found.hops),
        tuple(found.results),
        tuple(found.media),
    )


def read_field(name: str, value: Any) -> Reading:
    """One top-level field other than the input."""
    return read_fields(inventory.FIELDS, name, value)


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    model = document.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        output_tokens_max=output_limit(Surface.OPENAI_RESPONSES, document),
    )

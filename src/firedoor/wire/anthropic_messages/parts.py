"""Anthropic messages: a request's strings, turn by turn."""

import json
from typing import Any

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import CallClaim, Channel, Kind, Reading, ResultClaim, Role
from firedoor.wire.document import Malformed, members
from firedoor.wire.inventory import anthropic_messages as inventory
from firedoor.wire.openai_chat.parts import NOBODY, read_fields
from firedoor.wire.output_cap import output_limit
from firedoor.wire.shape import Found, Speaker, free, turn_of_texts_and_calls, walk
from firedoor.wire.surface import Sections

_SPEAKERS = {
    "user": Speaker(Role.USER, Channel.USER),
    "assistant": Speaker(Role.ASSISTANT, Channel.HISTORY),
    # A `system` turn may stand inside the history: whoever writes the history can write one.
    "system": Speaker(Role.SYSTEM, Channel.SYSTEM),
}
_OWN_WORDS = frozenset({"text", "thinking", "redacted_thinking"})


def sections(document: Any) -> Sections:
    """The messages, and every other field."""
    fields = members(document)
    turns = fields.pop("messages", [])
    if not isinstance(turns, list):
        raise Malformed("messages is not a list.", pointer="/messages")
    return Sections("/messages", turns, fields)


def call_arguments(value: Any) -> str:
    """A tool call's ``input`` as JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def content_texts_and_calls(content: Any) -> tuple[list[str], list[tuple[str, str, str]]]:
    """What identifies a turn: its texts, results' texts, and calls."""
    if isinstance(content, str):
        return [content], []
    texts: list[str] = []
    calls: list[tuple[str, str, str]] = []
    for block in content if isinstance(content, list) else []:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind == "text" and isinstance(block.get("text"), str):
            texts.append(block["text"])
        elif kind == "tool_use":
            arguments = call_arguments(block.get("input", {}))
            calls.append((str(block.get("id", "")), str(block.get("name", "")), arguments))
        elif kind == "tool_result":
            inner, _ = content_texts_and_calls(block.get("content"))
            texts += inner
    return texts, calls


def _read_block(block: Any, pointer: str, speaker: Speaker, found: Found) -> None:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "tool_result":
        call = block.get("tool_use_id")
        speaker = Speaker(Role.TOOL, Channel.TOOL, call if isinstance(call, str) else None)
        found.results.append(ResultClaim(speaker.call or "", "", pointer))
    elif kind == "tool_use":
        id_, name = block.get("id"), block.get("name")
        speaker = Speaker(
            Role.ASSISTANT, Channel.HISTORY, id_ if isinstance(id_, str) else None,
            name if isinstance(name, str) else None, Kind.CALL,
        )  # fmt: skip
        arguments = call_arguments(block.get("input", {}))
        found.calls.append(CallClaim(speaker.call or "", speaker.tool or "", arguments, pointer))
    elif speaker.role is Role.ASSISTANT and kind not in _OWN_WORDS:
        # Of what ran at the provider nothing tells the model's words from what they brought in.
        speaker = speaker._replace(role=Role.TOOL)
    walk(inventory.BLOCK, block, pointer, speaker, found)


def read_turn(pointer: str, value: Any) -> Reading:
    """One message."""
    found = Found()
    role = value.get("role") if isinstance(value, dict) else None
    speaker = _SPEAKERS.get(role) if isinstance(role, str) else None
    if speaker is None or not isinstance(value, dict):
        found.unknown.append(pointer)
        free(value, pointer, NOBODY._replace(channel=Channel.USER), found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    for name, item in value.items():
        if name == "content" and isinstance(item, list):
            for i, block in enumerate(item):
                _read_block(block, f"{pointer}/content/{i}", speaker, found)
        else:
            walk(inventory.MESSAGE, {name: item}, pointer, speaker, found)
    texts, calls = content_texts_and_calls(value.get("content"))
    turn = turn_of_texts_and_calls(speaker.role, texts, calls)
    return Reading(
        tuple(found.parts), tuple(found.calls), turn, tuple(found.unknown), tuple(found.hops),
        tuple(found.results), tuple(found.media),
    )  # fmt: skip


def read_field(name: str, value: Any) -> Reading:
    """One top-level field other than the messages."""
    return read_fields(inventory.FIELDS, name, value)


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    model = document.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        output_tokens_max=output_limit(Surface.ANTHROPIC_MESSAGES, document),
    )

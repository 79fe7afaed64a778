"""Anthropic messages: a whole answer."""

from collections.abc import Mapping
from typing import Any

from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart, Role, ToolCall
from firedoor.wire.answers import (
    UNREADABLE,
    dumps,
    error_of,
    listed,
    loads,
    strings_of,
    usage_of,
    word,
)
from firedoor.wire.anthropic_messages.parts import call_arguments, content_texts_and_calls
from firedoor.wire.shape import turn_of_texts_and_calls


def block_output(block: dict[str, Any], at: str) -> list[OutputPart | ToolCall]:
    """What one content block says."""
    kind = block.get("type")
    if kind == "text":
        return [OutputPart(f"{at}/text", word(block.get("text")) or "", OutputKind.TEXT)]
    if kind == "tool_use":
        return [
            ToolCall(
                at,
                word(block.get("id")) or "",
                word(block.get("name")) or "",
                call_arguments(block.get("input", {})),
            )
        ]
    if kind == "thinking":
        thinking = word(block.get("thinking")) or ""
        return [
            OutputPart(f"{at}/thinking", thinking, OutputKind.REASONING),
            OutputPart(f"{at}/signature", "", OutputKind.OPAQUE),
        ]
    if kind == "redacted_thinking":
        return [OutputPart(f"{at}/data", "", OutputKind.OPAQUE)]
    if isinstance(kind, str) and kind.endswith("_result"):
        text = "\n".join(strings_of(block.get("content")))
        return [OutputPart(f"{at}/content", text, OutputKind.HOSTED)]
    if isinstance(kind, str):
        # A call that runs at the provider: its words are the model's own.
        text = "\n".join(strings_of(block.get("input", {})))
        return [OutputPart(f"{at}/input", text, OutputKind.TEXT)] if text else []
    return []


def answer_of(message: dict[str, Any]) -> Answer:
    """The answer that a message object is."""
    output: list[OutputPart | ToolCall] = []
    for i, block in enumerate(listed(message.get("content"))):
        output += block_output(block, f"/content/{i}")
    texts, calls = content_texts_and_calls(message.get("content"))
    id_ = word(message.get("id"))
    minted = []
    container = message.get("container")
    if isinstance(container, dict) and isinstance(container.get("id"), str):
        minted.append(MintedId("container", container["id"]))
    stop = word(message.get("stop_reason"))
    return Answer(
        output=tuple(output),
        turns=((turn_of_texts_and_calls(Role.ASSISTANT, texts, calls),),),
        minted=tuple(minted),
        usage=usage_of(message.get("usage")),
        model=word(message.get("model")),
        id=id_,
        finish=(stop,) if stop else (),
        error=error_of(message),
    )


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    return UNREADABLE if value is None else answer_of(value)


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """A refused call becomes a text block at its own place."""
    value = loads(body)
    if value is None:
        return body
    content = value.get("content")
    if isinstance(content, list):
        for i in range(len(content)):
            told = refused.get(f"/content/{i}")
            if told is not None:
                content[i] = {"type": "text", "text": told}
        left = any(b.get("type") == "tool_use" for b in listed(content))
        if value.get("stop_reason") == "tool_use" and not left:
            value["stop_reason"] = "end_turn"
    return dumps(value).encode()

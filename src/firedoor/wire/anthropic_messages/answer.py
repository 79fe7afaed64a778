"""Anthropic messages: a whole answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart, Role, ToolCall
from firedoor.wire.answers import (
    UNREADABLE,
    dumps,
    error_of,
    loads,
    placed,
    rewritten,
    strings_of,
    word,
)
from firedoor.wire.anthropic_messages.parts import call_arguments, content_texts_and_calls
from firedoor.wire.counts import usage_of
from firedoor.wire.edges import edges_of
from firedoor.wire.edit import Edit
from firedoor.wire.inventory import anthropic_messages as inventory
from firedoor.wire.shape import turn_of_texts_and_calls

_NO_CALLS: Final = (frozenset(inventory.BLOCK.cases) - {"tool_use"}) | {
    "mcp_tool_use",
    "compaction",
    "fallback",
}
"""Blocks that ask nothing of the caller's program; so do all that end in ``_result``."""

_SEALED: Final = ("encrypted_content", "encrypted_index", "encrypted_stdout", "signature")
_MADE: Final = ("code_execution_output", "bash_code_execution_output")


def is_known(block: Mapping[str, Any]) -> bool:
    """Whether the type of a block says what it asks for."""
    kind = block.get("type")
    return isinstance(kind, str) and (
        kind == "tool_use" or kind in _NO_CALLS or kind.endswith("_result")
    )


def is_call(block: Mapping[str, Any]) -> bool:
    """Whether a block asks the caller's program to do something.

    A block of an unknown type does if it looks like a call: a client that is newer than this door
    may carry it out.
    """
    if is_known(block):
        return block.get("type") == "tool_use"
    named = "name" in block and ("input" in block or "arguments" in block)
    return named or "call_id" in block


def call_of(block: Mapping[str, Any], at: str) -> ToolCall:
    """The tool call that a block is."""
    kind = word(block.get("type")) or ""
    asked = block.get("input", block.get("arguments", {}))
    id_ = word(block.get("id")) or word(block.get("call_id")) or ""
    name = word(block.get("name")) or ("" if kind == "tool_use" else kind)
    return ToolCall(at, id_, name, call_arguments(asked))


def block_output(block: dict[str, Any], at: str) -> list[OutputPart | ToolCall]:
    """What one content block says."""
    kind = block.get("type")
    if is_call(block):
        return [call_of(block, at)]
    if kind == "text":
        return [OutputPart(f"{at}/text", word(block.get("text")) or "", OutputKind.TEXT)]
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
    if is_known(block):
        # A call that runs at the provider: its words are the model's own.
        text = "\n".join(strings_of(block.get("input", {})))
        return [OutputPart(f"{at}/input", text, OutputKind.TEXT)] if text else []
    rest = [s for name, v in block.items() if name not in ("type", "id") for s in strings_of(v)]
    return [OutputPart(at, "\n".join(rest), OutputKind.TEXT)] if rest else []


def _minted(block: dict[str, Any]) -> Iterator[MintedId]:
    """What the provider made for one block: ids of files, and what only it can read.

    Only where the provider itself writes them: the arguments of a call, and what a server of
    somebody else's answered, may hold any name, and make nobody the owner of anything.
    """
    kind = block.get("type")
    if kind == "redacted_thinking":
        stack: list[Any] = [{"encrypted_content": block.get("data")}]
    elif kind in ("thinking", "compaction"):
        stack = [{name: block.get(name) for name in _SEALED}]
    elif kind == "text":
        stack = [block.get("citations")]
    elif isinstance(kind, str) and kind.endswith("_result") and kind != "mcp_tool_result":
        stack = [block.get("content")]
    else:
        return
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            stack.extend(item for item in value.values() if isinstance(item, dict | list))
            for name in _SEALED:
                if found := word(value.get(name)):
                    yield MintedId("blob", found)
            if value.get("type") in _MADE and (made := word(value.get("file_id"))):
                yield MintedId("file", made)


def answer_of(message: dict[str, Any]) -> Answer:
    """The answer that a message object is."""
    output: list[OutputPart | ToolCall] = []
    content = message.get("content")
    if isinstance(content, str):
        output.append(OutputPart("/content", content, OutputKind.TEXT))
    for i, block in placed(content):
        output += block_output(block, f"/content/{i}")
    texts, calls = content_texts_and_calls(content)
    id_ = word(message.get("id"))
    minted = []
    container = message.get("container")
    if isinstance(container, dict) and isinstance(container.get("id"), str):
        minted.append(MintedId("container", container["id"]))
    if id_:
        minted.append(MintedId("message", id_))
    details = message.get("stop_details")
    token = details.get("fallback_credit_token") if isinstance(details, dict) else None
    if isinstance(token, str) and token:
        minted.append(MintedId("blob", token))
    for _, block in placed(content):
        minted += _minted(block)
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
        edges=edges_of((f"/content/{i}", block) for i, block in placed(content)),
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
    edits: list[Edit] = []
    content = value.get("content")
    for i, _ in placed(content):
        told = refused.get(f"/content/{i}")
        if told is not None:
            value["content"][i] = {"type": "text", "text": told}
            edits.append(Edit(f"/content/{i}", None, dumps(value["content"][i])))
    left = any(is_call(block) for _, block in placed(content))
    if edits and value.get("stop_reason") == "tool_use" and not left:
        value["stop_reason"] = "end_turn"
        edits.append(Edit("/stop_reason", "end_turn"))
    return rewritten(body, edits, value)

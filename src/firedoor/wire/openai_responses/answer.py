"""Responses: a whole answer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart, ToolCall
from firedoor.types.usage import Usage
from firedoor.wire.answers import (
    UNREADABLE,
    count,
    dumps,
    error_of,
    loads,
    placed,
    rewritten,
    strings_of,
    word,
)
from firedoor.wire.counts import pictures_made, usage_of
from firedoor.wire.edges import edges_of
from firedoor.wire.edit import Edit
from firedoor.wire.inventory import openai_responses as inventory
from firedoor.wire.openai_responses.parts import CALL_ITEMS, item_turn

_ASKED: Final = ("arguments", "input", "action", "actions", "operation")
_NO_CALLS: Final = frozenset(inventory.ITEM.cases) - frozenset(CALL_ITEMS)
_MINTED: Final = {
    "id": "item", "encrypted_content": "blob", "fingerprint": "blob", "container_id": "container",
}  # fmt: skip
_OF_AGENTS: Final = frozenset({"agent_message", "multi_agent_call", "multi_agent_call_output"})
_HOSTED: Final = {
    "web_search_call": "web_search", "file_search_call": "file_search",
    "code_interpreter_call": "code_interpreter", "image_generation_call": "image_generation",
}  # fmt: skip
"""Calls that ran at the provider, and are billed by themselves."""
_NO_TEXT: Final = ("id", "type", "status", "call_id")


def is_known(item: Mapping[str, Any]) -> bool:
    """Whether the type of an item says what it asks for."""
    kind = item.get("type")
    return isinstance(kind, str) and (kind in CALL_ITEMS or kind in _NO_CALLS)


def is_call(item: Mapping[str, Any]) -> bool:
    """Whether an output item asks the caller's program to do something.

    An item of an unknown type does if it looks like a call: a client that is newer than this door
    may carry it out.
    """
    kind = item.get("type")
    if is_known(item):
        searches = kind == "tool_search_call" and item.get("execution") == "client"
        return kind in CALL_ITEMS or searches
    named = "name" in item and ("arguments" in item or "input" in item)
    return named or "call_id" in item


def call_of(item: Mapping[str, Any], pointer: str) -> ToolCall:
    """The tool call that an item is."""
    kind = word(item.get("type")) or ""
    own = CALL_ITEMS.get(kind)
    asked = (item.get(name) for name in ((own, *_ASKED) if own else _ASKED))
    value: Any = next((v for v in asked if v is not None), {})
    arguments = value if isinstance(value, str) else dumps(value)
    name = word(item.get("name")) or kind.removesuffix("_call")
    return ToolCall(pointer, word(item.get("call_id")) or "", name, arguments)


def item_output(item: dict[str, Any], at: str) -> list[OutputPart | ToolCall]:
    """What one output item says."""
    kind = item.get("type")
    if is_call(item):
        return [call_of(item, at)]
    if kind == "message":
        found: list[OutputPart | ToolCall] = []
        for i, part in placed(item.get("content")):
            for name, out in (("text", OutputKind.TEXT), ("refusal", OutputKind.REFUSAL)):
                text = part.get(name)
                if isinstance(text, str) and text:
                    found.append(OutputPart(f"{at}/content/{i}/{name}", text, out))
        return found
    if kind == "reasoning":
        found = []
        for name in ("summary", "content"):
            for i, part in placed(item.get(name)):
                text = word(part.get("text")) or ""
                if text:
                    pointer = f"{at}/{name}/{i}/text"
                    found.append(OutputPart(pointer, text, OutputKind.REASONING))
        if item.get("encrypted_content"):
            found.append(OutputPart(f"{at}/encrypted_content", "", OutputKind.OPAQUE))
        return found
    if kind == "compaction":
        return [OutputPart(f"{at}/encrypted_content", "", OutputKind.OPAQUE)]
    picture = word(item.get("result")) if kind == "image_generation_call" else None
    hidden = (*_NO_TEXT, "result") if picture else _NO_TEXT
    rest = "\n".join(s for k, v in item.items() if k not in hidden for s in strings_of(v))
    if isinstance(kind, str) and kind in _OF_AGENTS:
        # Instances inside this call: whatever they say comes of what this call was shown.
        return [OutputPart(at, rest, OutputKind.TEXT)] if rest else []
    if is_known(item):
        # Tools that ran at the provider: what they brought in is nobody's in the fleet.
        found = [OutputPart(at, rest, OutputKind.HOSTED)]
        if picture:
            found.append(OutputPart(f"{at}/result", "", OutputKind.OPAQUE, picture))
        return found
    # Of an unknown item nothing is known but that this instance's model was behind it.
    return [OutputPart(at, rest, OutputKind.TEXT)] if rest else []


def _named(value: Mapping[str, Any], members: Mapping[str, str]) -> Iterator[MintedId]:
    for member, resource in members.items():
        found = word(value.get(member))
        if found:
            yield MintedId(resource, found)


def minted_of(item: dict[str, Any]) -> Iterator[MintedId]:
    """What the provider made for one item: ids, and what only it can read."""
    yield from _named(item, _MINTED)
    for part in (p for _, p in placed(item.get("content"))):
        if part.get("type") == "encrypted_content" and word(part.get("encrypted_content")):
            yield MintedId("blob", part["encrypted_content"])
        for _, note in placed(part.get("annotations")):
            # What a tool made; a citation of what it read makes nobody an owner.
            if note.get("type") in ("container_file_citation", "file_path"):
                yield from _named(note, {"container_id": "container", "file_id": "file"})
    environment = item.get("environment")
    if isinstance(environment, dict):
        yield from _named(environment, {"container_id": "container"})


def ids_of(value: Mapping[str, Any]) -> list[MintedId]:
    """The ids by which a response can be used."""
    found = []
    id_ = word(value.get("id"))
    if id_:
        found.append(MintedId("response", id_))
    conversation = value.get("conversation")
    if isinstance(conversation, dict) and isinstance(conversation.get("id"), str):
        found.append(MintedId("conversation", conversation["id"]))
    return found


def answer_of(value: dict[str, Any]) -> Answer:
    """The answer that a response object is."""
    output: list[OutputPart | ToolCall] = []
    minted: list[MintedId] = []
    turns = []
    for i, item in placed(value.get("output")):
        output += item_output(item, f"/output/{i}")
        minted += minted_of(item)
        turns.append(item_turn(item))
    id_ = word(value.get("id"))
    minted += ids_of(value)
    status = word(value.get("status"))
    reason = value.get("incomplete_details")
    if isinstance(reason, dict) and isinstance(reason.get("reason"), str):
        status = reason["reason"]
    return Answer(
        output=tuple(output),
        turns=(tuple(turns),),
        minted=tuple(minted),
        usage=_usage(value),
        model=word(value.get("model")),
        id=id_,
        finish=(status,) if status else (),
        error=error_of(value),
        edges=edges_of((f"/output/{i}", item) for i, item in placed(value.get("output"))),
    )


def _usage(value: Mapping[str, Any]) -> Usage | None:
    """What a response cost; what tools say of it themselves counts, else what they were seen to do."""
    items = [item for _, item in placed(value.get("output"))]
    ran = Counter(name for item in items if (name := _HOSTED.get(str(item.get("type")))))
    for item in items:
        action = item.get("action")
        looks = isinstance(action, dict) and action.get("type") not in (None, "search")
        if item.get("type") == "web_search_call" and looks:
            # A page that is opened is no search.
            ran["web_search"] -= 1
    told = value.get("tool_usage")
    told = told if isinstance(told, dict) else {}
    searched = told.get("web_search")
    number = count(searched.get("num_requests")) if isinstance(searched, dict) else None
    if number is not None:
        ran["web_search"] = number
    usage = usage_of(value.get("usage"), value.get("service_tier"), ran)
    models = (word(t.get("model")) for _, t in placed(value.get("tools")))
    made = pictures_made(told.get("image_gen"), next((m for m in models if m), None))
    return usage._replace(beside=(made,)) if usage is not None and made is not None else usage


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    return UNREADABLE if value is None else answer_of(value)


def message_instead(item: Mapping[str, Any], told: str) -> dict[str, Any]:
    """The assistant's message that stands where a refused call stood."""
    id_ = word(item.get("id")) or "refused"
    return {
        "type": "message",
        "id": "msg_" + id_.partition("_")[2] if "_" in id_ else "msg_" + id_,
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": told, "annotations": [], "logprobs": []}],
    }


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """A refused call becomes a message at its own place."""
    value = loads(body)
    if value is None:
        return body
    edits: list[Edit] = []
    for i, item in placed(value.get("output")):
        told = refused.get(f"/output/{i}")
        if told is not None:
            value["output"][i] = message_instead(item, told)
            edits.append(Edit(f"/output/{i}", None, dumps(value["output"][i])))
    return rewritten(body, edits, value)

"""Gemini interactions: a whole answer."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart, ToolCall
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
from firedoor.wire.counts import interaction_usage
from firedoor.wire.edit import Edit
from firedoor.wire.gemini_interactions.parts import arguments_of, step_turn
from firedoor.wire.inventory import gemini_interactions as inventory

_NO_TEXT: Final = ("id", "type", "call_id", "signature")
_ASKING: Final = frozenset({"user_input", "function_result"})
"""What the caller gave, told again."""


def is_call(step: Mapping[str, Any]) -> bool:
    """Whether a step asks the caller's program to do something; an unknown one, if it looks so."""
    kind = step.get("type")
    if kind == "function_call" or (kind == "tool_search_call" and step.get("arguments")):
        return True
    return not is_known(step) and "name" in step and ("arguments" in step or "input" in step)


def is_known(step: Mapping[str, Any]) -> bool:
    """Whether the type of a step says what it is."""
    kind = step.get("type")
    return isinstance(kind, str) and kind in inventory.STEP.cases


def step_output(step: dict[str, Any], at: str) -> list[OutputPart | ToolCall]:
    """What one step of an answer says."""
    kind = step.get("type")
    if is_call(step):
        name = word(step.get("name")) or str(kind).removesuffix("_call")
        return [ToolCall(at, word(step.get("id")) or "", name, arguments_of(step))]
    if kind in _ASKING:
        return []
    if kind in ("model_output", "thought"):
        member, spoken = ("content", OutputKind.TEXT)
        if kind == "thought":
            member, spoken = "summary", OutputKind.REASONING
        found: list[OutputPart | ToolCall] = []
        for i, content in placed(step.get(member)):
            found += _content(content, f"{at}/{member}/{i}", spoken)
        if step.get("signature"):
            found.append(OutputPart(f"{at}/signature", "", OutputKind.OPAQUE))
        wrong = "\n".join(strings_of(step.get("error")))
        return [*found, OutputPart(f"{at}/error", wrong, OutputKind.TEXT)] if wrong else found
    said = "\n".join(s for k, v in step.items() if k not in _NO_TEXT for s in strings_of(v))
    if str(kind).endswith("_result"):
        # A tool that ran at the provider: what it brought in is nobody's in the fleet.
        return [OutputPart(at, said, OutputKind.HOSTED)]
    return [OutputPart(at, said, OutputKind.TEXT)] if said else []


def _content(content: Mapping[str, Any], at: str, spoken: OutputKind) -> Iterator[OutputPart]:
    cited = "\n".join(strings_of(content.get("annotations")))
    if cited:
        yield OutputPart(f"{at}/annotations", cited, OutputKind.HOSTED)
    text = word(content.get("text"))
    if text:
        yield OutputPart(f"{at}/text", text, spoken)
    if content.get("type") != "text":
        yield OutputPart(at, "", OutputKind.OPAQUE, word(content.get("data")) or "")


def ids_of(value: Mapping[str, Any]) -> list[MintedId]:
    """The ids by which an interaction can be used, or gone on with."""
    names = (
        ("id", "interaction"), ("interaction_id", "interaction"),
        ("continuation_token", "continuation"), ("environment_id", "environment"),
    )  # fmt: skip
    return [MintedId(kind, id_) for name, kind in names if (id_ := word(value.get(name)))]


def _minted(step: Mapping[str, Any]) -> Iterator[MintedId]:
    if signature := word(step.get("signature")):
        yield MintedId("blob", signature)
    for _, content in placed(step.get("content")):
        if uri := word(content.get("uri")):
            yield MintedId("file", uri)


def answer_of(value: Mapping[str, Any]) -> Answer:
    """The answer that an interaction is."""
    steps = dict(placed(value.get("steps")))
    output = [said for i, step in steps.items() for said in step_output(step, f"/steps/{i}")]
    told = [step for step in steps.values() if step.get("type") not in _ASKING]
    status = word(value.get("status"))
    return Answer(
        output=tuple(output),
        turns=(tuple(step_turn(step) for step in told),),
        minted=(*ids_of(value), *(m for step in told for m in _minted(step))),
        usage=interaction_usage(value.get("usage"), value.get("service_tier")),
        model=word(value.get("model")),
        id=word(value.get("id")),
        finish=(status,) if status else (),
        error=error_of(dict(value)),
    )


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    return UNREADABLE if value is None else answer_of(value)


def output_instead(told: str) -> dict[str, Any]:
    """The model's text that stands where a refused call stood."""
    return {"type": "model_output", "content": [{"type": "text", "text": told}]}


def status_without(value: Mapping[str, Any], steps: list[Any]) -> str | None:
    """The status of an interaction that waits for no call any more; None where it stays."""
    waits = any(isinstance(step, dict) and is_call(step) for step in steps)
    return "completed" if value.get("status") == "requires_action" and not waits else None


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """A refused call becomes a text at its own place; with none left, nothing is waited for."""
    value = loads(body)
    if value is None:
        return body
    edits: list[Edit] = []
    for i, _ in placed(value.get("steps")):
        told = refused.get(f"/steps/{i}")
        if told is not None:
            value["steps"][i] = output_instead(told)
            edits.append(Edit(f"/steps/{i}", None, dumps(value["steps"][i])))
    status = status_without(value, value.get("steps") or [])
    if edits and status is not None:
        value["status"] = status
        edits.append(Edit("/status", status))
    return rewritten(body, edits, value)

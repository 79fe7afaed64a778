"""Chat completions: a whole answer."""

from collections.abc import Mapping
from typing import Any

from firedoor.types.part import Answer, OutputKind, OutputPart, Role, ToolCall, Turn
from firedoor.wire.answers import UNREADABLE, dumps, error_of, listed, loads, usage_of, word
from firedoor.wire.shape import turn_of_texts_and_calls

TEXT_MEMBERS = (
    ("content", OutputKind.TEXT),
    ("refusal", OutputKind.REFUSAL),
    ("reasoning_content", OutputKind.REASONING),
    ("reasoning", OutputKind.REASONING),
)


def call_of(claim: Mapping[str, Any], pointer: str) -> ToolCall:
    """One tool call, function or custom."""
    inner = claim.get("custom") if claim.get("type") == "custom" else claim.get("function")
    inner = inner if isinstance(inner, dict) else {}
    text = inner.get("arguments", inner.get("input"))
    return ToolCall(
        pointer,
        word(claim.get("id")) or "",
        word(inner.get("name")) or "",
        text if isinstance(text, str) else "",
    )


def turn_of(texts: list[str], calls: list[ToolCall]) -> Turn:
    """The turn that a client sends back for a choice."""
    return turn_of_texts_and_calls(
        Role.ASSISTANT, texts, [(c.id, c.name, c.arguments) for c in calls]
    )


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    output: list[OutputPart | ToolCall] = []
    turns: list[tuple[Turn, ...]] = []
    finish: list[str] = []
    for i, choice in enumerate(listed(value.get("choices"))):
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        at = f"/choices/{i}/message"
        texts: list[str] = []
        calls: list[ToolCall] = []
        for name, kind in TEXT_MEMBERS:
            text = message.get(name)
            if isinstance(text, str) and text:
                output.append(OutputPart(f"{at}/{name}", text, kind))
                if name in ("content", "refusal"):
                    texts.append(text)
        for j, claim in enumerate(listed(message.get("tool_calls"))):
            calls.append(call_of(claim, f"{at}/tool_calls/{j}"))
        legacy = message.get("function_call")
        if isinstance(legacy, dict):
            calls.append(call_of({"function": legacy}, f"{at}/function_call"))
        audio = message.get("audio")
        if isinstance(audio, dict):
            output.append(OutputPart(f"{at}/audio", "", OutputKind.OPAQUE))
            transcript = audio.get("transcript")
            if isinstance(transcript, str) and transcript:
                output.append(OutputPart(f"{at}/audio/transcript", transcript, OutputKind.TEXT))
        output += calls
        turns.append((turn_of(texts, calls),))
        if isinstance(choice.get("finish_reason"), str):
            finish.append(choice["finish_reason"])
    id_ = word(value.get("id"))
    return Answer(
        output=tuple(output),
        turns=tuple(turns),
        usage=usage_of(value.get("usage")),
        model=word(value.get("model")),
        id=id_,
        finish=tuple(finish),
        error=error_of(value),
    )


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """Refused calls go; what was said of them is added to the content."""
    value = loads(body)
    if value is None:
        return body
    for i, choice in enumerate(listed(value.get("choices"))):
        message = choice.get("message")
        if not isinstance(message, dict):
            continue
        at = f"/choices/{i}/message"
        said = []
        kept = []
        for j, claim in enumerate(message.get("tool_calls") or []):
            told = refused.get(f"{at}/tool_calls/{j}")
            if told is None:
                kept.append(claim)
            else:
                said.append(told)
        legacy = refused.get(f"{at}/function_call")
        if legacy is not None:
            said.append(legacy)
            message.pop("function_call")
        if not said:
            continue
        content = message.get("content")
        before = [content] if isinstance(content, str) and content else []
        message["content"] = "\n".join(before + said)
        if kept:
            message["tool_calls"] = kept
        else:
            message.pop("tool_calls", None)
            if "function_call" not in message:
                choice["finish_reason"] = "stop"
    return dumps(value).encode()

"""Chat completions: a whole answer."""

from collections.abc import Mapping
from typing import Any

from firedoor.types.part import (
    Answer,
    MintedId,
    OutputKind,
    OutputPart,
    Role,
    ToolCall,
    Turn,
)
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
from firedoor.wire.counts import usage_of
from firedoor.wire.edit import Edit
from firedoor.wire.openai_chat.parts import texts_of
from firedoor.wire.shape import turn_of_texts_and_calls

TEXT_MEMBERS = (
    ("content", OutputKind.TEXT),
    ("refusal", OutputKind.REFUSAL),
    ("reasoning_content", OutputKind.REASONING),
    ("reasoning", OutputKind.REASONING),
)


SPOKEN = ("audio/transcript", OutputKind.TEXT)
"""The words of a spoken answer."""


def searched(message: Mapping[str, Any], at: str) -> list[OutputPart]:
    """What a search at the provider brought into a choice: it was read before the words were said."""
    brought = "\n".join(strings_of(message.get("annotations")))
    return [OutputPart(f"{at}/annotations", brought, OutputKind.HOSTED)] if brought else []


def spoken_id(message: Mapping[str, Any]) -> list[MintedId]:
    """The id by which a later turn names this one's sound."""
    audio = message.get("audio")
    found = word(audio.get("id")) if isinstance(audio, dict) else None
    return [MintedId("audio", found)] if found else []


def said_of(claim: Mapping[str, Any]) -> tuple[str, str]:
    """The name and the arguments in a tool call, or in one delta of it.

    ``type`` names the member that says them. A type that this door does not know is read by the
    same rule, so that a call of a new kind is judged too.
    """
    kind = claim.get("type")
    names = [kind] if isinstance(kind, str) else []
    inner: dict[str, Any] = next(
        (claim[n] for n in (*names, "function", "custom") if isinstance(claim.get(n), dict)), {}
    )
    value = inner.get("arguments", inner.get("input"))
    arguments = value if isinstance(value, str) else "" if value is None else dumps(value)
    return word(inner.get("name")) or "", arguments


def call_of(claim: Mapping[str, Any], pointer: str) -> ToolCall:
    """One tool call, function or custom."""
    return ToolCall(pointer, word(claim.get("id")) or "", *said_of(claim))


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
    minted: list[MintedId] = []
    for i, choice in placed(value.get("choices")):
        message = choice.get("message")
        message = message if isinstance(message, dict) else {}
        at = f"/choices/{i}/message"
        texts: list[str] = []
        calls: list[ToolCall] = []
        output += searched(message, at)
        minted += spoken_id(message)
        for name, kind in TEXT_MEMBERS:
            # Some servers give a list of parts where a string is meant.
            text = "\n".join(strings_of(message.get(name)))
            if text:
                output.append(OutputPart(f"{at}/{name}", text, kind))
                if name in ("content", "refusal"):
                    texts += texts_of(message.get(name))
        for j, claim in placed(message.get("tool_calls")):
            calls.append(call_of(claim, f"{at}/tool_calls/{j}"))
        legacy = message.get("function_call")
        if isinstance(legacy, dict):
            calls.append(call_of({"function": legacy}, f"{at}/function_call"))
        audio = message.get("audio")
        if isinstance(audio, dict):
            data = word(audio.get("data")) or ""
            output.append(OutputPart(f"{at}/audio", "", OutputKind.OPAQUE, data))
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
        minted=tuple(minted),
        usage=usage_of(value.get("usage"), value.get("service_tier")),
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
    edits: list[Edit] = []
    for i, choice in placed(value.get("choices")):
        message = choice.get("message")
        if isinstance(message, dict):
            edits += _edit_choice(choice, message, f"/choices/{i}", refused)
    return rewritten(body, edits, value)


def _edit_choice(
    choice: dict[str, Any], message: dict[str, Any], at: str, refused: Mapping[str, str]
) -> list[Edit]:
    """Take the refused calls out of one choice; the same as edits of its text."""
    edits: list[Edit] = []
    said: list[str] = []
    claims = message.get("tool_calls")
    kept = []
    for j, claim in enumerate(claims if isinstance(claims, list) else []):
        told = refused.get(pointer := f"{at}/message/tool_calls/{j}")
        if told is None:
            kept.append(claim)
        else:
            said.append(told)
            edits.append(Edit(pointer, None))
    if said and not kept:
        edits = [Edit(f"{at}/message/tool_calls", None)]
        del message["tool_calls"]
    elif said:
        message["tool_calls"] = kept
    legacy = refused.get(f"{at}/message/function_call")
    if legacy is not None:
        said.append(legacy)
        edits.append(Edit(f"{at}/message/function_call", None))
        del message["function_call"]
    if not said:
        return []
    before = message.get("content")
    if isinstance(before, list):
        message["content"] = [*before, *({"type": "text", "text": told} for told in said)]
    else:
        texts = [before] if isinstance(before, str) and before else []
        message["content"] = "\n".join(texts + said)
    edits.append(Edit(f"{at}/message/content", None, dumps(message["content"])))
    left = kept or isinstance(message.get("function_call"), dict)
    if not left and choice.get("finish_reason") in ("tool_calls", "function_call"):
        choice["finish_reason"] = "stop"
        edits.append(Edit(f"{at}/finish_reason", "stop"))
    return edits

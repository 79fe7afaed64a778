"""Gemini generateContent: a whole answer."""

from collections.abc import Iterator, Mapping
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
from firedoor.types.usage import Usage
from firedoor.wire.answers import UNREADABLE, count, dumps, loads, placed, strings_of, word
from firedoor.wire.counts import google_usage
from firedoor.wire.gemini_generate.parts import claim_of, parts_of, texts_and_calls
from firedoor.wire.shape import turn_of_texts_and_calls


def error_of(value: Mapping[str, Any]) -> str | None:
    """The status of an error object in place of an answer."""
    error = value.get("error")
    if not error:
        return None
    found = error.get("status") or error.get("code") if isinstance(error, dict) else None
    return str(found or "error")


def part_output(part: Mapping[str, Any], at: str) -> Iterator[OutputPart | ToolCall]:
    """What one part of a candidate says."""
    claim = claim_of(part)
    if claim is not None:
        yield ToolCall(at, *claim)
    text = part.get("text")
    if isinstance(text, str) and text:
        kind = OutputKind.REASONING if part.get("thought") is True else OutputKind.TEXT
        yield OutputPart(f"{at}/text", text, kind)
    for name, inner, kind in (
        ("executableCode", "code", OutputKind.TEXT),
        ("toolCall", "args", OutputKind.TEXT),
        ("audioTranscription", "text", OutputKind.TEXT),
        ("codeExecutionResult", "output", OutputKind.HOSTED),
        ("toolResponse", "response", OutputKind.HOSTED),
    ):
        holder = part.get(name)
        if isinstance(holder, dict):
            said = "\n".join(strings_of(holder.get(inner)))
            if said or kind is OutputKind.HOSTED:
                yield OutputPart(f"{at}/{name}/{inner}", said, kind)
    for name in ("inlineData", "fileData", "thoughtSignature"):
        held = part.get(name)
        if held:
            data = word(held.get("data")) if isinstance(held, dict) else None
            yield OutputPart(f"{at}/{name}", "", OutputKind.OPAQUE, data or "")


def beside_output(candidate: Mapping[str, Any], at: str) -> Iterator[OutputPart]:
    """What a candidate holds beside its parts: what was searched for, and what was found."""
    grounding = candidate.get("groundingMetadata")
    grounding = grounding if isinstance(grounding, dict) else {}
    for name in ("webSearchQueries", "imageSearchQueries", "retrievalQueries"):
        asked = "\n".join(strings_of(grounding.get(name)))
        if asked:
            yield OutputPart(f"{at}/groundingMetadata/{name}", asked, OutputKind.TEXT)
    for holder, pointer in (
        (grounding.get("groundingChunks"), "groundingMetadata/groundingChunks"),
        (candidate.get("urlContextMetadata"), "urlContextMetadata"),
    ):
        if holder:
            yield OutputPart(f"{at}/{pointer}", "\n".join(strings_of(holder)), OutputKind.HOSTED)
    message = candidate.get("finishMessage")
    if isinstance(message, str) and message:
        # It may quote a call that the model got wrong.
        yield OutputPart(f"{at}/finishMessage", message, OutputKind.TEXT)


def minted_of(value: Mapping[str, Any], candidates: list[dict[str, Any]]) -> Iterator[MintedId]:
    """The ids that an answer makes."""
    id_ = value.get("responseId")
    if isinstance(id_, str) and id_:
        yield MintedId("response", id_)
    for candidate in candidates:
        token = candidate.get("continuationToken")
        if isinstance(token, str) and token:
            yield MintedId("continuation", token)
        for part in parts_of(candidate.get("content")):
            if signature := word(part.get("thoughtSignature")):
                yield MintedId("blob", signature)
            file = part.get("fileData")
            uri = file.get("fileUri") if isinstance(file, dict) else None
            if isinstance(uri, str) and uri:
                yield MintedId("file", uri)


def turn_of(parts: list[dict[str, Any]]) -> Turn:
    """The turn that a client sends back for these parts."""
    return turn_of_texts_and_calls(Role.ASSISTANT, *texts_and_calls(parts))


def searches_in(candidates: list[dict[str, Any]]) -> dict[str, int]:
    """How many searches an answer shows; each query may be billed by itself."""
    found = {"web_search": 0}
    for candidate in candidates:
        grounding = candidate.get("groundingMetadata")
        for name in ("webSearchQueries", "imageSearchQueries"):
            asked = grounding.get(name) if isinstance(grounding, dict) else None
            found["web_search"] += len(asked) if isinstance(asked, list) else 0
    return found


def answer_of(value: Mapping[str, Any]) -> Answer:
    """The answer that a response object is."""
    at = dict(placed(value.get("candidates")))
    candidates = list(at.values())
    output: list[OutputPart | ToolCall] = []
    for i, candidate in at.items():
        # What a hosted tool found was read before the parts were written.
        output += beside_output(candidate, f"/candidates/{i}")
        for j, part in enumerate(parts_of(candidate.get("content"))):
            output += part_output(part, f"/candidates/{i}/content/parts/{j}")
    finish = [word(c.get("finishReason")) for c in candidates]
    return Answer(
        output=tuple(output),
        turns=tuple((turn_of(parts_of(c.get("content"))),) for c in candidates),
        minted=tuple(minted_of(value, candidates)),
        usage=google_usage(value.get("usageMetadata"), searches_in(candidates)),
        model=word(value.get("modelVersion")),
        id=word(value.get("responseId")),
        finish=tuple(f for f in finish if f),
        error=error_of(value),
    )


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    return UNREADABLE if value is None else answer_of(value)


def read_counts(body: bytes) -> Answer:
    """The answer of countTokens and embedContent: numbers, no output."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    total = count(value.get("totalTokens"))
    usage = google_usage(value.get("usageMetadata")) or (
        Usage(total, 0) if total is not None else None
    )
    return Answer(usage=usage, error=error_of(value))


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """A refused call becomes a text at its own place. A call finishes as a text does: ``STOP``."""
    value = loads(body)
    if value is None:
        return body
    for i, candidate in placed(value.get("candidates")):
        content = candidate.get("content")
        if not isinstance(content, dict):
            continue
        parts: list[Any] = [*parts_of(content)]
        for j in range(len(parts)):
            told = refused.get(f"/candidates/{i}/content/parts/{j}")
            if told is not None:
                parts[j] = {"text": told}
                content["parts"] = parts
    return dumps(value).encode()

"""Gemini interactions: a request's strings, step by step."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from firedoor.types.exchange import Params
from firedoor.types.part import CallClaim, Channel, Kind, Reading, ResultClaim, Role, Turn
from firedoor.wire import tool_choice
from firedoor.wire.answers import count, dumps, placed, strings_of
from firedoor.wire.document import members
from firedoor.wire.edit import Edit
from firedoor.wire.inventory import gemini_interactions as inventory
from firedoor.wire.openai_chat.parts import NOBODY, read_fields
from firedoor.wire.shape import Found, Speaker, free, text, turn_of_texts_and_calls, walk
from firedoor.wire.surface import Bare, Sections
from firedoor.wire.tools import definitions

_USER: Final = Speaker(Role.USER, Channel.USER)
_ASSISTANT: Final = Speaker(Role.ASSISTANT, Channel.HISTORY)
_SYSTEM: Final = Speaker(Role.SYSTEM, Channel.SYSTEM)
_OWN_WORDS: Final = frozenset({"model_output", "thought", "function_call"})
_CHOICE: Final = "/generation_config/tool_choice"
_OF_USER: Final = frozenset({"user_input", "text", "image", "audio", "document", "video"})
"""A content that stands alone is the user's."""


def sections(document: Any) -> Sections:
    """The input, and every other field. A text is one turn; a content by itself is a field."""
    fields = members(document)
    given = fields.get("input")
    if not isinstance(given, str | list):
        return Sections("", [], fields)
    del fields["input"]
    return Sections("/input", [Bare(given)] if isinstance(given, str) else given, fields)


def _speaker(kind: str, value: Mapping[str, Any]) -> Speaker:
    if kind in _OF_USER:
        return _USER
    if kind.endswith("_result"):
        call, name = value.get("call_id"), value.get("name")
        return Speaker(
            Role.TOOL, Channel.TOOL, call if isinstance(call, str) else None,
            name if isinstance(name, str) else None,
        )  # fmt: skip
    # Of what ran at the provider nothing tells the model's words from what they brought in.
    own = kind in _OWN_WORDS
    return _ASSISTANT if own else _ASSISTANT._replace(role=Role.TOOL)


def arguments_of(step: Mapping[str, Any]) -> str:
    """What a call asks for, as JSON text."""
    given = step.get("arguments")
    return given if isinstance(given, str) else dumps(given if given is not None else {})


def step_turn(step: Mapping[str, Any]) -> Turn:
    """The identity of one step, the same in a request and in an answer."""
    kind = str(step.get("type"))
    if kind in _OF_USER:
        texts = [str(step.get("text"))] if kind == "text" else _texts(step)
        return turn_of_texts_and_calls(Role.USER, texts, [])
    if kind == "function_call":
        call = (str(step.get("id") or ""), str(step.get("name") or ""), arguments_of(step))
        return turn_of_texts_and_calls(Role.ASSISTANT, [], [call])
    if kind == "function_result":
        return turn_of_texts_and_calls(Role.TOOL, ["\n".join(strings_of(step.get("result")))], [])
    if kind == "model_output":
        return turn_of_texts_and_calls(Role.ASSISTANT, _texts(step), [])
    # Thoughts and what ran at the provider may be dropped by a client.
    return Turn(Role.ASSISTANT, ())


def _texts(step: Mapping[str, Any]) -> list[str]:
    found = (content.get("text") for _, content in placed(step.get("content")))
    return [each for each in found if isinstance(each, str)]


def read_turn(pointer: str, value: Any) -> Reading:
    """One step of the input."""
    found = Found()
    value = value.text if isinstance(value, Bare) else value
    if isinstance(value, str):
        text(value, pointer, _USER, found)
        return Reading(tuple(found.parts), (), turn_of_texts_and_calls(Role.USER, [value], []))
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        found.unknown.append(pointer)
        free(value, pointer, NOBODY._replace(channel=Channel.USER), found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    speaker = _speaker(kind, value)
    if kind == "function_call":
        id_, name = value.get("id"), value.get("name")
        speaker = speaker._replace(
            call=id_ if isinstance(id_, str) and id_ else None,
            tool=name if isinstance(name, str) and name else None,
            kind=Kind.CALL,
        )
        found.calls.append(
            CallClaim(speaker.call or "", speaker.tool or "", arguments_of(value), pointer)
        )
    elif kind == "function_result":
        found.results.append(ResultClaim(speaker.call or "", speaker.tool or "", pointer))
    walk(inventory.STEP, value, pointer, speaker, found)
    return Reading(
        tuple(found.parts), tuple(found.calls), step_turn(value), tuple(found.unknown),
        tuple(found.hops), tuple(found.results), tuple(found.media),
    )  # fmt: skip


def read_field(name: str, value: Any) -> Reading:
    """One top-level field other than a list of steps."""
    by = _SYSTEM if name == "system_instruction" else None
    return read_fields(inventory.INTERACTION, name, value, by)


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    config = document.get("generation_config")
    config = config if isinstance(config, dict) else {}
    model = document.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=document.get("stream") is True,
        output_tokens_max=count(config.get("max_output_tokens")),
    )


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`. The choice of tools stands in the configuration here."""
    pointers = list(gone)
    out = tool_choice.goes_along(fields, pointers)
    config = fields.get("generation_config")
    choice = config.get("tool_choice") if isinstance(config, dict) else None
    if choice is None or not any(p.startswith("/tools/") for p in pointers):
        return out
    found = tool_choice.Gone(definitions(fields), pointers)
    if found.kept:
        return out + tool_choice.choice_edits(choice, _CHOICE, found)
    return [*out, Edit(_CHOICE, None)]

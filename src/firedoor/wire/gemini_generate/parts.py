"""Gemini generateContent: a request's strings, turn by turn."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import CallClaim, Channel, Kind, Part, Reading, ResultClaim, Role
from firedoor.wire.answers import dumps
from firedoor.wire.document import members
from firedoor.wire.inventory import gemini_generate as inventory
from firedoor.wire.output_cap import choices, output_limit
from firedoor.wire.shape import Found, Shape, Speaker, free, turn_of_texts_and_calls, walk
from firedoor.wire.surface import Sections

_USER: Final = Speaker(Role.USER, Channel.USER)
_SYSTEM: Final = Speaker(Role.SYSTEM, Channel.SYSTEM)
_NOBODY: Final = Speaker(Role.NONE, Channel.DEFINITION)
_SPEAKERS: Final = {
    None: _USER,
    "user": _USER,
    "model": Speaker(Role.ASSISTANT, Channel.HISTORY),
    "function": Speaker(Role.TOOL, Channel.TOOL),
}
_CHANNELS: Final = {
    Role.SYSTEM: Channel.SYSTEM,
    Role.USER: Channel.USER,
    Role.ASSISTANT: Channel.HISTORY,
    Role.TOOL: Channel.TOOL,
    Role.NONE: Channel.DEFINITION,
}
# A page or a film on the open web, by its address. Everything at the provider's own hosts, and
# whatever is spelled so that this cannot be seen, names a file that is kept there.
_ELSEWHERE: Final = re.compile(
    r"(?i)https?://(?![^/]*(?:googleapis|google|gstatic)\.)(?!.*/v1[a-z0-9]*/files/)"
    r"[a-z0-9.-]+(?::\d+)?(?:/.*)?"
)


def named(value: Mapping[str, Any], name: str) -> Any:
    """A member in either spelling."""
    found = value.get(name)
    return value.get(inventory.snake(name)) if found is None else found


def sections(document: Any) -> Sections:
    """The contents, and every other field. One object in place of the list is a field."""
    fields = members(document)
    if not isinstance(fields.get("contents"), list):
        return Sections("", [], fields)
    return Sections("/contents", fields.pop("contents"), fields)


# -- contents --------------------------------------------------------------------------------------


def parts_of(content: Any) -> list[dict[str, Any]]:
    """The parts of a content, by their places; one that stands alone is a list of one."""
    parts = content.get("parts") if isinstance(content, dict) else None
    if isinstance(parts, dict):
        return [parts]
    return [p if isinstance(p, dict) else {} for p in parts] if isinstance(parts, list) else []


def claim_of(part: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Id, name and arguments of the call that a part is, if it is one."""
    call = named(part, "functionCall")
    if not isinstance(call, dict):
        return None
    id_, name = call.get("id"), call.get("name")
    return (
        id_ if isinstance(id_, str) else "",
        name if isinstance(name, str) else "",
        dumps(call.get("args") or {}),
    )


def texts_and_calls(parts: list[dict[str, Any]]) -> tuple[list[str], list[tuple[str, str, str]]]:
    """What identifies a turn. Texts side by side are one: a client may join what a stream cut."""
    texts: list[str] = []
    calls: list[tuple[str, str, str]] = []
    joining = False
    for part in parts:
        text = part.get("text")
        response = named(part, "functionResponse")
        claim = claim_of(part)
        if part.get("thought") is True:
            continue
        if isinstance(text, str):
            if joining:
                texts[-1] += text
            else:
                texts.append(text)
            joining = True
            continue
        joining = False
        if claim is not None:
            calls.append(claim)
        elif isinstance(response, dict):
            texts.append(dumps(response.get("response")))
    return texts, calls


def _read_part(part: Any, pointer: str, speaker: Speaker, found: Found) -> None:
    if isinstance(part, dict):
        response = named(part, "functionResponse")
        claim = claim_of(part)
        if isinstance(response, dict):
            id_, name = response.get("id"), response.get("name")
            speaker = Speaker(
                Role.TOOL, Channel.TOOL, id_ if isinstance(id_, str) and id_ else None,
                name if isinstance(name, str) else None,
            )  # fmt: skip
            found.results.append(ResultClaim(speaker.call or "", speaker.tool or "", pointer))
        elif claim is not None:
            speaker = Speaker(
                Role.ASSISTANT, Channel.HISTORY, claim[0] or None, claim[1] or None, Kind.CALL
            )
            found.calls.append(CallClaim(*claim, pointer))
    walk(inventory.PART, part, pointer, speaker, found)


def _read_content(content: Any, pointer: str, speaker: Speaker | None, found: Found) -> None:
    """One content, in the name that its role gives unless ``speaker`` says whose it is."""
    role = content.get("role") if isinstance(content, dict) else None
    by = speaker or (_SPEAKERS.get(role) if role is None or isinstance(role, str) else None)
    if by is None or not isinstance(content, dict):
        found.unknown.append(pointer)
        free(content, pointer, _NOBODY._replace(channel=Channel.USER), found)
        return
    for name, item in content.items():
        if name == "parts" and isinstance(item, list):
            for i, part in enumerate(item):
                _read_part(part, f"{pointer}/parts/{i}", by, found)
        elif name == "parts":
            _read_part(item, f"{pointer}/parts", by, found)
        else:
            walk(inventory.CONTENT, {name: item}, pointer, by, found)


def addresses(parts: list[Part]) -> tuple[Part, ...]:
    """The parts; an address that leads elsewhere than to the provider is a text like any other."""
    return tuple(
        part._replace(kind=Kind.TEXT, channel=_CHANNELS[part.role], resource=None)
        if part.kind is Kind.REFERENCE
        and part.resource == "file"
        and _ELSEWHERE.fullmatch(part.text)
        else part
        for part in parts
    )


def read_turn(pointer: str, value: Any) -> Reading:
    """One content of the history."""
    found = Found()
    _read_content(value, pointer, None, found)
    turn = None
    role = value.get("role") if isinstance(value, dict) else None
    if isinstance(value, dict) and (role is None or isinstance(role, str)) and role in _SPEAKERS:
        turn = turn_of_texts_and_calls(_SPEAKERS[role].role, *texts_and_calls(parts_of(value)))
    return Reading(
        addresses(found.parts), tuple(found.calls), turn, tuple(found.unknown), tuple(found.hops),
        tuple(found.results), tuple(found.media),
    )  # fmt: skip


# -- fields ----------------------------------------------------------------------------------------


def _read_tool(tool: Any, pointer: str, found: Found) -> None:
    """One entry of ``tools``: its functions go one by one, what is hosted goes with its entry."""
    if not isinstance(tool, dict):
        walk(inventory.TOOL, tool, pointer, _defined(pointer), found)
        return
    for name, value in tool.items():
        if name in ("functionDeclarations", "function_declarations") and isinstance(value, list):
            for i, function in enumerate(value):
                at = f"{pointer}/{name}/{i}"
                walk(inventory.FUNCTION, function, at, _defined(at), found)
        else:
            walk(inventory.TOOL, {name: value}, pointer, _defined(pointer), found)


def _defined(pointer: str) -> Speaker:
    return Speaker(Role.NONE, Channel.DEFINITION, kind=Kind.DEFINITION, removable=pointer)


def _read(shape: Shape, name: str, value: Any, pointer: str, found: Found) -> None:
    plain = inventory.snake(name)
    if plain == "tools" and isinstance(value, list):
        for i, tool in enumerate(value):
            _read_tool(tool, f"{pointer}/{i}", found)
    elif plain == "tools":
        _read_tool(value, pointer, found)
    elif plain == "contents" and isinstance(value, list):
        for i, content in enumerate(value):
            _read_content(content, f"{pointer}/{i}", None, found)
    elif plain in ("contents", "content"):
        _read_content(value, pointer, None, found)
    elif plain == "system_instruction":
        _read_content(value, pointer, _SYSTEM, found)
    elif plain == "generation_config" and isinstance(value, dict):
        for key, item in value.items():
            by = _USER if inventory.snake(key) == "stop_sequences" else _NOBODY
            walk(inventory.GENERATION, {key: item}, pointer, by, found)
    elif plain == "generate_content_request" and isinstance(value, dict):
        for key, item in value.items():
            read_named(inventory.FIELDS, key, item, pointer, found)
    elif plain == "requests" and isinstance(value, list):
        for i, request in enumerate(value):
            for key, item in request.items() if isinstance(request, dict) else ():
                read_named(inventory.EMBED_FIELDS, key, item, f"{pointer}/{i}", found)
            if not isinstance(request, dict):
                walk(shape[0], request, f"{pointer}/{i}", _NOBODY, found)
    else:
        walk(shape, value, pointer, _USER if plain in ("labels", "title") else _NOBODY, found)


def read_named(fields: Mapping[str, Shape], name: str, value: Any, base: str, found: Found) -> None:
    """One field of a request that stands at ``base``."""
    shape = fields.get(name)
    if shape is None:
        walk({}, {name: value}, base, _NOBODY, found)
    elif value is not None:
        _read(shape, name, value, f"{base}/{name}", found)


def reader_of(fields: Mapping[str, Shape]) -> Callable[[str, object], Reading]:
    """How the top-level fields of these tables are read."""

    def read_field(name: str, value: object) -> Reading:
        found = Found()
        read_named(fields, name, value, "", found)
        return Reading(
            addresses(found.parts),
            tuple(found.calls),
            None,
            tuple(found.unknown),
            tuple(found.hops),
            tuple(found.results),
            tuple(found.media),
        )

    return read_field


# -- facts -----------------------------------------------------------------------------------------


def params(document: Any) -> Params:
    """The facts that the engine needs. The model stands in the path."""
    configs = [document.get(name) for name in ("generationConfig", "generation_config")]
    counts = [
        choices(config.get(name))
        for config in configs
        if isinstance(config, dict)
        for name in ("candidateCount", "candidate_count")
    ]
    return Params(
        choices=max(counts, default=1),
        output_tokens_max=output_limit(Surface.GEMINI_GENERATE, document),
    )


def streamed_params(document: Any) -> Params:
    """The same for an answer that comes piece by piece."""
    return params(document)._replace(stream=True)

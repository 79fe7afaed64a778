"""Shapes: what stands where in a request, written as data.

A shape is one of:

    "word"         a word of the protocol: a role, a type, a name; longer than it may be, it is text
    "text"         text of whoever speaks there
    "signed"       text that the provider signed: readable, not editable
    "media"        bytes in base64, given by the program: neither, and known again where they come
    "opaque"       binary, given by the program: neither
    "blob"         what the provider made and only it can read: neither, and whose it is is asked
    "definition"   any JSON: names, descriptions and schemas of tools
    "free"         any JSON of whoever speaks there
    "ref:THING"    an id that names a THING kept elsewhere
    "file"         a file of a form; in JSON there is none
    {…}            an object with these members; any other is unknown, or has the shape of ``"*"``
    [shape]        a list
    (shape, …)     whichever of these fits the value's type
    Tagged(…)      an object whose ``type`` says which shape it has
    Hop(…)         what makes another instance run, or reaches one, inside the call

A new field of an SDK is a new row in a table of ``inventory``, and nothing else.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import jiter

from firedoor.types.part import CallClaim, Channel, Kind, Media, Part, ResultClaim, Role, Turn
from firedoor.wire.picture import is_data_url
from firedoor.wire.veil import WORD_CHARS_MAX, is_wordy

_INNER_JSON_CHARS_MAX: Final = 4 * 2**20
_INNER_LEVELS_MAX: Final = 4

_QUOTING: Final = frozenset({"annotations", "citations"})
"""Members of what an assistant says that hold no words of its own: the provider names its sources."""
_ANYTHING: Final = ("definition", "free")

Shape = Any


class Tagged(NamedTuple):
    """An object whose member ``key`` names its shape. Tags may end in ``*``."""

    cases: Mapping[str, Shape]
    key: str = "type"
    default: str | None = None
    """The tag of an object that has none."""

    def case(self, value: Mapping[str, Any]) -> Shape | None:
        tag = value.get(self.key, self.default)
        if not isinstance(tag, str):
            return None
        found = self.cases.get(tag)
        if found is None:
            for glob, shape in self.cases.items():
                if glob.endswith("*") and tag.startswith(glob[:-1]):
                    return shape
        return found


class Hop(NamedTuple):
    """A place where one call holds more instances than the door sees (``inventory/hops``)."""

    name: str
    shape: Shape = "free"


class Speaker(NamedTuple):
    """In whose name the strings below stand."""

    role: Role
    channel: Channel
    call: str | None = None
    tool: str | None = None
    kind: Kind = Kind.TEXT
    removable: str | None = None


class Found:
    """What a walk gathers."""

    __slots__ = ("calls", "hops", "media", "parts", "results", "unknown")

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.hops: list[tuple[str, str]] = []
        """(name, pointer)"""
        self.unknown: list[str] = []
        self.calls: list[CallClaim] = []
        self.results: list[ResultClaim] = []
        self.media: list[Media] = []


def escape(name: str) -> str:
    """A member's name in a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1") if "~" in name or "/" in name else name


def scoped(pointer: str, call: str) -> str:
    """The id of a tool call inside one of many requests: another's equal one is another call."""
    return f"{pointer}\x1f{call}"


def turn_of_texts_and_calls(
    role: Role, texts: "list[str]", calls: "list[tuple[str, str, str]]"
) -> Turn:
    """The identity of a turn, the same for a request's copy of it and for the answer itself."""
    content = ["t:" + stripped for text in texts if (stripped := text.strip())]
    content += [f"c:{id_}\n{name}\n{normal_json(arguments)}" for id_, name, arguments in calls]
    return Turn(role, tuple(content))


def normal_json(text: str) -> str:
    """JSON text as no re-serialisation changes it; any other text stripped.

    Names are sorted, blanks and spellings gone; a whole number is one, however it is written; no
    arguments at all are an empty object.
    """
    import json

    if not text.strip():
        return "{}"
    try:
        value = _whole_numbers(jiter.from_json(text.encode()))
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (ValueError, UnicodeEncodeError):
        return text.strip()


def _whole_numbers(value: Any) -> Any:
    # To JavaScript 1.0 and 1 are one number, and it writes the shorter.
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {name: _whole_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return value


def _member_name(name: str, pointer: str, speaker: Speaker, found: Found) -> None:
    """A long or wordy name of a member is a place for text too."""
    if is_wordy(name):
        found.parts.append(
            Part(
                pointer + "#", name, Kind.TEXT if speaker.kind is Kind.TEXT else speaker.kind,
                speaker.role, speaker.channel, speaker.call, speaker.tool, None, False,
                speaker.removable,
            )
        )  # fmt: skip


def free(value: Any, pointer: str, speaker: Speaker, found: Found, level: int = 0) -> None:
    """Every string of any JSON, names of members too."""
    if isinstance(value, str):
        text(value, pointer, speaker, found, level)
    elif isinstance(value, dict):
        for name, item in value.items():
            inner = f"{pointer}/{escape(name)}"
            _member_name(name, inner, speaker, found)
            free(item, inner, speaker, found, level)
    elif isinstance(value, list):
        for i, item in enumerate(value):
            free(item, f"{pointer}/{i}", speaker, found, level)


def text(value: str, pointer: str, speaker: Speaker, found: Found, level: int = 0) -> None:
    """One string; a string that holds a JSON object or list is given as the strings inside."""
    editable = True
    if level < _INNER_LEVELS_MAX and 2 <= len(value) <= _INNER_JSON_CHARS_MAX:
        head = value.lstrip()[:1]
        if head in ("{", "["):
            inner = _inner(value)
            if inner is not None:
                before = len(found.parts)
                free(inner, pointer, speaker, found, level + 1)
                if len(found.parts) > before:
                    return
                # JSON without a string: with a text in its place it would be no JSON any more.
                editable = speaker.kind is not Kind.CALL
    if is_data_url(value):
        found.media.append(Media(pointer, value))
    found.parts.append(
        Part(
            pointer, value, speaker.kind, speaker.role, speaker.channel, speaker.call,
            speaker.tool, None, editable, speaker.removable,
        )
    )  # fmt: skip


def _inner(value: str) -> Any:
    try:
        parsed = jiter.from_json(
            value.encode(), allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="none"
        )
    except (ValueError, UnicodeEncodeError):
        return None
    return parsed if isinstance(parsed, dict | list) else None


def _string(shape: str, value: str, pointer: str, speaker: Speaker, found: Found) -> None:
    role, channel = speaker.role, speaker.channel
    if shape in ("text", "free"):
        text(value, pointer, speaker, found)
    elif shape == "file":
        _unknown(value, pointer, speaker, found)
    elif shape == "word":
        if value[:1] in ("{", "["):
            # No word begins so: it is JSON, and what is inside is walked.
            text(value, pointer, speaker, found)
            return
        plain = len(value) <= WORD_CHARS_MAX and not any(c.isspace() for c in value)
        kind = Kind.WORD if plain else speaker.kind
        found.parts.append(
            Part(pointer, value, kind, role, channel, speaker.call, speaker.tool, None, False)
        )
    elif shape == "definition":
        text(value, pointer, speaker._replace(kind=Kind.DEFINITION), found)
    elif shape == "signed":
        found.parts.append(Part(pointer, value, speaker.kind, role, channel, editable=False))
    elif shape in ("opaque", "media"):
        if shape == "media":
            found.media.append(Media(pointer, value))
        found.parts.append(Part(pointer, "", Kind.OPAQUE, role, channel, editable=False))
    elif not value and (shape == "blob" or shape.startswith("ref:")):
        # An answer may leave one empty, and a client sends it back: it names nothing.
        found.parts.append(Part(pointer, value, Kind.WORD, role, channel, editable=False))
    elif shape == "blob" or shape.startswith("ref:"):
        resource = shape.removeprefix("ref:")
        found.parts.append(
            Part(
                pointer, value, Kind.REFERENCE, role, Channel.STATE, resource=resource,
                editable=False,
            )
        )  # fmt: skip


def walk(shape: Shape, value: Any, pointer: str, speaker: Speaker, found: Found) -> None:
    """Give every string below ``value``; note what the shape does not know."""
    if isinstance(shape, tuple) and not isinstance(shape, Tagged | Hop):
        shape = _fitting(shape, value)
    if isinstance(shape, Hop):
        if value is not None and value is not False and value != []:
            found.hops.append((shape.name, pointer))
        walk(shape.shape, value, pointer, speaker, found)
        return
    if isinstance(shape, str):
        if isinstance(value, str):
            _string(shape, value, pointer, speaker, found)
        elif isinstance(value, dict | list):
            if shape == "definition":
                free(value, pointer, speaker._replace(kind=Kind.DEFINITION), found)
            elif shape == "free":
                free(value, pointer, speaker, found)
            else:
                _unknown(value, pointer, speaker, found)
    elif isinstance(shape, Tagged):
        case = shape.case(value) if isinstance(value, dict) else None
        if case is None:
            _unknown(value, pointer, speaker, found)
        else:
            walk(case, value, pointer, speaker, found)
    elif isinstance(shape, dict):
        if not isinstance(value, dict):
            _unknown(value, pointer, speaker, found)
            return
        for name, item in value.items():
            member(shape, name, item, pointer, speaker, found)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            _unknown(value, pointer, speaker, found)
            return
        for i, item in enumerate(value):
            walk(shape[0], item, f"{pointer}/{i}", speaker, found)


def member(
    shape: Mapping[str, Shape],
    name: str,
    value: Any,
    pointer: str,
    speaker: Speaker,
    found: Found,
) -> None:
    """One member of an object at ``pointer``."""
    inner = f"{pointer}/{escape(name)}"
    if name in _QUOTING and speaker.role is Role.ASSISTANT and speaker.kind is Kind.TEXT:
        speaker = speaker._replace(role=Role.TOOL)
    known = shape.get(name)
    if known is None and "*" in shape:
        _member_name(name, inner, speaker, found)
        known = shape["*"]
    if known is None:
        _member_name(name, inner, speaker, found)
        _unknown(value, inner, speaker, found)
    else:
        walk(known, value, inner, speaker, found)


def _fitting(shapes: tuple[Shape, ...], value: Any) -> Shape:
    for shape in shapes:
        bare = shape.shape if isinstance(shape, Hop) else shape
        if bare in _ANYTHING:
            return shape
        wants = list if isinstance(bare, list) else dict if isinstance(bare, dict | Tagged) else str
        if isinstance(value, wants):
            return shape
    return shapes[0]


def _unknown(value: Any, pointer: str, speaker: Speaker, found: Found) -> None:
    """A place that no row names: noted, and its strings are given all the same."""
    if value is None:
        return
    found.unknown.append(pointer)
    free(value, pointer, speaker, found)

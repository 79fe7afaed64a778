"""Gemini generateContent: what else goes with a function that is taken out of a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from firedoor.wire.answers import placed, word
from firedoor.wire.edit import Edit
from firedoor.wire.inventory import gemini_generate as inventory
from firedoor.wire.inventory.gemini_generate import snake
from firedoor.wire.tool_choice import Gone
from firedoor.wire.tools import Definition, hosted_by_key

_DECLARATIONS: Final = ("functionDeclarations", "function_declarations")
_HOSTED: Final[Mapping[str, str]] = {
    spelling: snake(name) for name in inventory.HOSTED for spelling in (name, snake(name))
}


def definitions(fields: Mapping[str, object]) -> tuple[Definition, ...]:
    """See `SurfaceWire.defined`: functions one by one, and what stands beside them by its key."""
    out: list[Definition] = []
    tools = fields.get("tools")
    for i, tool in enumerate(tools if isinstance(tools, list) else [tools]):
        at = f"/tools/{i}" if isinstance(tools, list) else "/tools"
        if not isinstance(tool, dict):
            continue
        for name in _DECLARATIONS:
            listed = tool.get(name)
            for j, function in placed(listed if isinstance(listed, list) else [listed]):
                where = f"{at}/{name}/{j}" if isinstance(listed, list) else f"{at}/{name}"
                out.append(Definition(where, word(function.get("name")) or "", "function", False))
        out += hosted_by_key(tool, at, _HOSTED)
    return tuple(out)


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`. A list left empty goes, and the names of what is gone."""
    pointers = set(gone)
    if not any(p.startswith("/tools") for p in pointers):
        return []
    defined = definitions(fields)
    found = Gone(defined, pointers | {d.pointer for d in defined if _within(d.pointer, pointers)})
    out: list[Edit] = []
    tools = fields.get("tools")
    for i, tool in enumerate(tools if isinstance(tools, list) else [tools]):
        at = f"/tools/{i}" if isinstance(tools, list) else "/tools"
        if not isinstance(tool, dict) or at in pointers:
            continue
        kept = {name for name in tool if f"{at}/{name}" not in pointers}
        for name in _DECLARATIONS:
            listed = tool.get(name)
            places = (
                [f"{at}/{name}/{j}" for j in range(len(listed))] if isinstance(listed, list) else []
            )
            if places and pointers.issuperset(places):
                kept.discard(name)
                out.append(Edit(f"{at}/{name}", None))
        if tool and not kept:
            out.append(Edit(at, None))
    if not found.kept:
        gone_fields = ("tools", "toolConfig", "tool_config")
        return [Edit(f"/{name}", None) for name in gone_fields if name in fields]
    return out + _choice_edits(fields, found)


def _within(pointer: str, pointers: set[str]) -> bool:
    """Whether something round an element goes."""
    return any(pointer.startswith(whole + "/") for whole in pointers)


def _choice_edits(fields: Mapping[str, Any], found: Gone) -> list[Edit]:
    """The names of functions that are gone, out of those that may be called.

    Without any function there is nothing to configure, and a configuration is refused; with none left
    of those that may be called, no other may be.
    """
    out: list[Edit] = []
    for path, config in _under("", fields, "toolConfig"):
        for at, calling in _under(path, config, "functionCallingConfig"):
            if found.lost and not any(tool.type == "function" for tool in found.kept):
                out.append(Edit(at, None))
                continue
            for place, allowed in _under(at, calling, "allowedFunctionNames"):
                if not isinstance(allowed, list):
                    continue
                gone = [k for k, function in enumerate(allowed) if found.names(function)]
                if gone and len(gone) == len(allowed):
                    out.append(Edit(at, None, '{"mode":"NONE"}'))
                else:
                    out += [Edit(f"{place}/{k}", None) for k in gone]
    return out


def _under(pointer: str, holder: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A member in each spelling that is there, with its pointer."""
    for spelling in (name, snake(name)):
        if isinstance(holder, dict) and spelling in holder:
            yield f"{pointer}/{spelling}", holder[spelling]

"""Gemini generateContent: what else goes with a function that is taken out of a request."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from firedoor.wire.edit import Edit
from firedoor.wire.inventory.gemini_generate import snake

_DECLARATIONS = ("functionDeclarations", "function_declarations")


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`. A list left empty goes, and the names of what is gone."""
    pointers = set(gone)
    if not any(p.startswith("/tools") for p in pointers):
        return []
    out: list[Edit] = []
    tools = fields.get("tools")
    listed = tools if isinstance(tools, list) else [tools]
    left = False
    lost: set[str] = set()
    for i, tool in enumerate(listed):
        at = f"/tools/{i}" if isinstance(tools, list) else "/tools"
        if not isinstance(tool, dict) or at in pointers:
            continue
        kept = set(tool)
        for name in _DECLARATIONS:
            functions = tool.get(name)
            if not isinstance(functions, list):
                continue
            removed = [f for j, f in enumerate(functions) if f"{at}/{name}/{j}" in pointers]
            lost |= {str(f["name"]) for f in removed if isinstance(f, dict) and "name" in f}
            if functions and len(removed) == len(functions):
                kept.discard(name)
                out.append(Edit(f"{at}/{name}", None))
        left |= bool(kept)
        if not kept:
            out.append(Edit(at, None))
    if not left:
        gone_fields = ("tools", "toolConfig", "tool_config")
        return [Edit(f"/{name}", None) for name in gone_fields if name in fields]
    return out + _choice_edits(fields, lost)


def _choice_edits(fields: Mapping[str, Any], lost: set[str]) -> list[Edit]:
    """The names of functions that are gone, out of those that may be called."""
    out: list[Edit] = []
    for path, config in _under("", fields, "toolConfig"):
        for at, calling in _under(path, config, "functionCallingConfig"):
            for place, allowed in _under(at, calling, "allowedFunctionNames"):
                if not isinstance(allowed, list):
                    continue
                gone = [k for k, function in enumerate(allowed) if function in lost]
                if gone and len(gone) == len(allowed):
                    out.append(Edit(at, None))
                else:
                    out += [Edit(f"{place}/{k}", None) for k in gone]
    return out


def _under(pointer: str, holder: Any, name: str) -> Iterator[tuple[str, Any]]:
    """A member in each spelling that is there, with its pointer."""
    for spelling in (name, snake(name)):
        if isinstance(holder, dict) and spelling in holder:
            yield f"{pointer}/{spelling}", holder[spelling]

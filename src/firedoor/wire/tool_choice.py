"""What else goes with a definition that is taken out: the choice that named it, an empty list."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from firedoor.wire.answers import dumps
from firedoor.wire.edit import Edit

_CHOICES: Final = {"tools": "tool_choice", "functions": "function_call"}


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`; for lists of tools at the top of a body."""
    out = []
    pointers = list(gone)
    for name, choice_name in _CHOICES.items():
        tools = fields.get(name)
        if not isinstance(tools, list):
            continue
        lost_at = {int(p.rpartition("/")[2]) for p in pointers if p.startswith(f"/{name}/")}
        if not lost_at:
            continue
        choice = fields.get(choice_name)
        named = dumps(choice)
        lost = {str(n) for i in lost_at if (n := _definition_name(tools[i])) is not None}
        if len(lost_at) == len(tools):
            out.append(Edit(f"/{name}", None))
            if choice is not None:
                out.append(Edit(f"/{choice_name}", None))
        elif any(dumps(n) in named for n in lost):
            out.append(Edit(f"/{choice_name}", None))
    return out


def _definition_name(tool: Any) -> object:
    if not isinstance(tool, dict):
        return None
    inner = tool.get("function") or tool.get("custom") or tool
    return inner.get("name") if isinstance(inner, dict) else None

"""What else goes with a definition that is taken out: the choice that named it, an empty list.

A choice of one tool goes with it. Of a list of tools that may be chosen, only the tool's own entry
goes; a list left empty becomes the choice of none, so that taking a tool away allows no other. With
the last tool, all goes that a provider takes only beside tools.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from firedoor.wire.answers import dumps
from firedoor.wire.edit import Edit
from firedoor.wire.tools import Definition, definition_of, definitions

_CHOICES: Final = {"tools": "tool_choice", "functions": "function_call"}
_BESIDE_TOOLS: Final = ("parallel_tool_calls", "max_tool_calls")
"""``'parallel_tool_calls' is only allowed when 'tools' are specified`` (OpenAI, 400)."""


class Gone:
    """The tools that go, and those that stay."""

    def __init__(self, defined: Iterable[Definition], gone: Iterable[str]) -> None:
        pointers = set(gone)
        self.lost: list[Definition] = []
        self.kept: list[Definition] = []
        for tool in defined:
            whole = tool.pointer in pointers or tool.pointer.rpartition("/tools/")[0] in pointers
            (self.lost if whole else self.kept).append(tool)

    def names(self, choice: Any) -> bool:
        """Whether a choice means a tool that goes, and none that stays."""
        if isinstance(choice, str):
            choice = {"name": choice}
        if not isinstance(choice, Mapping):
            return False
        wanted = definition_of(choice, "")
        given = choice.get("function") or choice.get("custom") or choice
        if wanted.server is not None:
            key, meant = "server", wanted.server
        elif isinstance(given, Mapping) and isinstance(given.get("name"), str):
            key, meant = "name", given["name"]
        else:
            key, meant = "type", wanted.type
        return any(getattr(t, key) == meant for t in self.lost) and not any(
            getattr(t, key) == meant for t in self.kept
        )


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`; for lists of tools at the top of a body."""
    pointers = list(gone)
    out: list[Edit] = []
    for name, choice_name in _CHOICES.items():
        tools = fields.get(name)
        if not isinstance(tools, list) or not any(p.startswith(f"/{name}/") for p in pointers):
            continue
        of_list = [d for d in definitions({name: tools}) if d.pointer.startswith(f"/{name}/")]
        found = Gone(of_list, pointers)
        if found.lost and not found.kept:
            along = (name, choice_name, *(_BESIDE_TOOLS if name == "tools" else ()))
            out += [Edit(f"/{member}", None) for member in along if member in fields]
            continue
        out += _emptied(tools, f"/{name}", pointers)
        out += choice_edits(fields.get(choice_name), f"/{choice_name}", found)
    return out


def _emptied(tools: list[Any], at: str, pointers: list[str]) -> list[Edit]:
    """The namespaces of which no tool is left."""
    out = []
    for i, tool in enumerate(tools):
        inner = tool.get("tools") if isinstance(tool, Mapping) else None
        if not (isinstance(inner, list) and inner and tool.get("type") == "namespace"):
            continue
        if all(f"{at}/{i}/tools/{j}" in pointers for j in range(len(inner))):
            out.append(Edit(f"{at}/{i}", None))
    return out


def choice_edits(choice: object, pointer: str, found: Gone) -> list[Edit]:
    """What a choice of tools becomes, some of which go."""
    if not isinstance(choice, Mapping):
        # A word: it speaks of whatever tools there are.
        return []
    listed, where = choice.get("tools"), f"{pointer}/tools"
    inner = choice.get("allowed_tools")
    if isinstance(inner, Mapping):
        listed, where = inner.get("tools"), f"{pointer}/allowed_tools/tools"
    if isinstance(listed, list):
        lost = [i for i, tool in enumerate(listed) if found.names(tool)]
        if lost and len(lost) == len(listed):
            return [Edit(pointer, None, '"none"')]
        return [Edit(f"{where}/{i}", None) for i in lost]
    if not found.names(choice):
        return []
    if choice.get("disable_parallel_tool_use") is True:
        # One call at a time was asked for, whichever tool it is.
        return [Edit(pointer, None, dumps({"type": "auto", "disable_parallel_tool_use": True}))]
    return [Edit(pointer, None)]

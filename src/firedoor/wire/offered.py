"""Which tools a request offers, by the name that a call of them would have.

A tool that runs at the provider has no name of the client's: it is known by its type, as an answer
would show it (``web_search``, ``code_interpreter``), and one of an MCP server by ``mcp__SERVER``.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from firedoor.wire.inventory.gemini_generate import snake

_DECLARATIONS: Final = "function_declarations"


class Offered(NamedTuple):
    """One tool, and the pointer by which its definition is taken out."""

    pointer: str
    name: str


def offered_tools(fields: Mapping[str, object]) -> tuple[Offered, ...]:
    """The tools that a body's ``tools`` and ``functions`` offer, in the order in which they stand.

    Args:
        fields: The top-level fields of a body of any surface, as parsed.
    """
    found: list[Offered] = []
    for name in ("tools", "functions"):
        tools = fields.get(name)
        listed = tools if isinstance(tools, list) else [tools]
        for i, tool in enumerate(listed):
            if isinstance(tool, dict):
                at = f"/{name}/{i}" if isinstance(tools, list) else f"/{name}"
                found.extend(_offered(at, tool))
    return tuple(found)


def _offered(at: str, tool: Mapping[str, Any]) -> Iterator[Offered]:
    kind = tool.get("type")
    inner = tool.get("function") or tool.get("custom") or tool
    name = inner.get("name") if isinstance(inner, dict) else None
    if isinstance(name, str):
        yield Offered(at, name)
    elif isinstance(tool.get("server_label") or tool.get("mcp_server_name"), str):
        yield Offered(at, "mcp__" + (tool.get("server_label") or tool["mcp_server_name"]))
    elif isinstance(kind, str):
        yield Offered(at, kind)
    else:
        # Gemini's: an entry holds functions by a list, and hosted tools by a member each.
        for member, value in tool.items():
            plain = snake(member)
            if plain != _DECLARATIONS:
                yield Offered(f"{at}/{member}", plain)
            elif isinstance(value, list):
                for j, function in enumerate(value):
                    if isinstance(function, dict) and isinstance(function.get("name"), str):
                        yield Offered(f"{at}/{member}/{j}", function["name"])

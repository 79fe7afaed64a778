"""The tools that a request offers, one by one: what each is called, and who runs it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from firedoor.wire.answers import placed, word
from firedoor.wire.shape import escape

_LISTS: Final = ("tools", "functions")
_VERSION: Final = re.compile(r"_(?:20\d{6}|20\d\d_\d\d_\d\d|preview)$")
_HOSTED: Final = frozenset(
    {
        # OpenAI
        "file_search", "web_search", "code_interpreter", "image_generation", "mcp", "tool_search",
        "programmatic_tool_calling",
        # Anthropic
        "web_fetch", "code_execution", "tool_search_tool_regex", "tool_search_tool_bm25", "advisor",
        "mcp_toolset",
        # Gemini, interactions
        "google_search", "google_maps", "url_context", "mcp_server", "retrieval",
    }
)  # fmt: skip
"""By type without its version: what runs at the provider, so that no call of it can be held."""


class Definition(NamedTuple):
    """One tool that a model may use in this call."""

    pointer: str
    """The element to remove, for the tool to be gone."""
    name: str
    """What a call of it is called, or what kind of tool it is."""
    type: str
    """``function``, ``custom``, or the provider's own kind without its version (``web_search``)."""
    hosted: bool
    """Whether it runs at the provider: then it is kept from the model by its definition alone."""
    server: str | None = None
    """The label of the MCP server that it stands for."""


def plain_type(tool: Mapping[str, Any]) -> str:
    """The kind of a tool, without the version that some kinds end in; of one that says none, custom.

    >>> plain_type({"type": "web_search_preview_2025_03_11"})
    'web_search'
    """
    kind = word(tool.get("type")) or "custom"
    while (shorter := _VERSION.sub("", kind)) != kind:
        kind = shorter
    return kind


def runs_there(tool: Mapping[str, Any], kind: str) -> bool:
    """Whether a tool runs at the provider."""
    if kind == "shell":
        environment = tool.get("environment")
        place = environment.get("type") if isinstance(environment, Mapping) else None
        return place is not None and place != "local"
    if kind == "tool_search":
        return tool.get("execution") != "client"
    return kind in _HOSTED


def definition_of(tool: Mapping[str, Any], pointer: str) -> Definition:
    """What one element of a list of tools offers."""
    kind = plain_type(tool)
    inner = tool.get("function") or tool.get("custom") or tool
    name = word(inner.get("name")) if isinstance(inner, Mapping) else None
    server = word(tool.get("server_label") or tool.get("mcp_server_name"))
    if kind == "mcp_server":
        server, name = name, None
    if server is not None:
        return Definition(pointer, f"mcp__{server}", kind, True, server)
    return Definition(pointer, name or kind, kind, runs_there(tool, kind))


def definitions(fields: Mapping[str, Any]) -> tuple[Definition, ...]:
    """The tools of a request whose lists stand at the top of its body; see ``SurfaceWire.defined``."""
    return tuple(_listed(fields))


def _listed(fields: Mapping[str, Any]) -> Iterator[Definition]:
    for listed in _LISTS:
        for i, tool in placed(fields.get(listed)):
            at = f"/{listed}/{i}"
            inside = tool.get("tools")
            if tool.get("type") == "namespace" and isinstance(inside, list):
                for j, inner in placed(inside):
                    yield definition_of(inner, f"{at}/tools/{j}")
            else:
                yield definition_of(tool, at)
    if isinstance(fields.get("web_search_options"), Mapping):
        yield Definition("/web_search_options", "web_search", "web_search", True)
    named = {
        tool.get("mcp_server_name")
        for _, tool in placed(fields.get("tools"))
        if tool.get("type") == "mcp_toolset"
    }
    for i, server in placed(fields.get("mcp_servers")):
        label = word(server.get("name")) or ""
        if label not in named:
            # In the older form a server is all that there is of its tools.
            yield Definition(f"/mcp_servers/{i}", f"mcp__{label}", "mcp", True, label)


def hosted_by_key(
    tool: Mapping[str, Any], pointer: str, kinds: Mapping[str, str]
) -> Iterator[Definition]:
    """The tools that stand in an entry by a key of their own (Gemini), each with its pointer."""
    for key in tool:
        kind = kinds.get(key)
        if kind is not None:
            yield Definition(f"{pointer}/{escape(key)}", kind, kind, kind != "computer_use")

"""Anthropic messages: what else goes with a tool that is taken out of a request.

Each server of ``mcp_servers`` is named by exactly one toolset, or the request is refused
(anthropic 2.13.0, ``BetaMCPToolsetParam``): the two go together.
"""

from collections.abc import Iterable, Mapping

from firedoor.wire import tool_choice
from firedoor.wire.answers import placed
from firedoor.wire.edit import Edit


def goes_along(fields: Mapping[str, object], gone: Iterable[str]) -> list[Edit]:
    """See `SurfaceWire.goes_along`."""
    pointers = list(gone)
    out = tool_choice.goes_along(fields, pointers)
    removed = set(pointers)
    labels = {
        tool.get("mcp_server_name")
        for i, tool in placed(fields.get("tools"))
        if f"/tools/{i}" in removed and tool.get("type") == "mcp_toolset"
    }
    servers = fields.get("mcp_servers")
    lost = [f"/mcp_servers/{i}" for i, s in placed(servers) if s.get("name") in labels]
    out += [Edit(pointer, None) for pointer in lost]
    if isinstance(servers, list) and servers:
        every = {f"/mcp_servers/{i}" for i in range(len(servers))}
        if every <= removed | set(lost):
            out.append(Edit("/mcp_servers", None))
    return out

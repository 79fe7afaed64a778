"""The tools that a request offers, whatever the surface calls them."""

import pytest

from firedoor import wire


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, []),
        ({"tools": None}, []),
        ({"tools": [1, "x", {}]}, []),
        (
            {"tools": [{"type": "function", "function": {"name": "bash"}},
                       {"type": "custom", "custom": {"name": "shell"}}]},
            [("/tools/0", "bash"), ("/tools/1", "shell")],
        ),
        ({"functions": [{"name": "pay"}]}, [("/functions/0", "pay")]),
        (
            {"tools": [{"type": "function", "name": "bash"}, {"type": "web_search"},
                       {"type": "mcp", "server_label": "files", "server_url": "https://a"}]},
            [("/tools/0", "bash"), ("/tools/1", "web_search"), ("/tools/2", "mcp__files")],
        ),
        (
            {"tools": [{"name": "pay"}, {"type": "web_search_20250305", "name": "web_search"},
                       {"type": "mcp_toolset", "mcp_server_name": "files"}]},
            [("/tools/0", "pay"), ("/tools/1", "web_search"), ("/tools/2", "mcp__files")],
        ),
        (
            {"tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b"}]},
                       {"googleSearch": {}, "code_execution": {}}]},
            [("/tools/0/functionDeclarations/0", "a"), ("/tools/0/functionDeclarations/1", "b"),
             ("/tools/1/googleSearch", "google_search"),
             ("/tools/1/code_execution", "code_execution")],
        ),
    ],
)  # fmt: skip
def test_every_tool_is_named_with_where_it_stands(fields, expected):
    """One row a tool, in order; what is no definition is left to who reads its strings."""
    assert [tuple(o) for o in wire.offered_tools(fields)] == expected

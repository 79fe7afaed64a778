"""What a tool lets an instance do, by the names that tools have."""

import pytest

from firedoor.policy import AFFORDANCES, affordances_for
from firedoor.policy.affordances import plain_name

SHELL = ("compute", "network", "write_shared")
SENDS = ("network", "write_shared")
PAYS = ("money", "write_shared")


@pytest.mark.parametrize(
    ("tool", "found"),
    [
        # Programs' own.
        ("bash", SHELL), ("Bash", SHELL), ("run_shell_command", SHELL), ("exec_command", SHELL),
        ("run_terminal_cmd", SHELL), ("python_repl", ("compute",)), ("run_tests", ("compute",)),
        ("Task", ("spawn",)), ("spawn_agent", ("spawn",)), ("run_subagent", ("compute", "spawn")),
        ("Write", ("write_shared",)), ("MultiEdit", ("write_shared",)), ("save_note", ("write_shared",)),
        ("delete_file", ("write_shared",)), ("git_push", ("write_shared",)),
        ("WebFetch", ("network",)), ("visit_webpage", ("network",)), ("http_get", ("network",)),
        ("send_email", SENDS), ("slack_post", SENDS), ("create_payment", PAYS), ("buy_shares", PAYS),
        ("Read", ("read",)), ("Grep", ("read",)), ("get_payment_status", ("read",)),
        ("TodoWrite", ()), ("update_plan", ()), ("frobnicate", ()), ("", ()),
        # OpenAI's.
        ("web_search", ("network",)), ("file_search", ("read",)), ("code_interpreter", ("compute",)),
        ("computer", SHELL), ("computer_use_preview", SHELL), ("local_shell", SHELL), ("shell", SHELL),
        ("apply_patch", ("write_shared",)), ("image_generation", ("compute",)), ("mcp", SENDS),
        # Anthropic's.
        ("str_replace_based_edit_tool", ("write_shared",)), ("code_execution", ("compute",)),
        ("web_fetch", ("network",)), ("memory", ("write_shared",)), ("advisor", ("spawn",)),
        ("mcp_toolset", SENDS), ("tool_search_tool_regex", ("read",)),
        # Google's.
        ("google_search", ("network",)), ("googleSearch", ("network",)), ("url_context", ("network",)),
        ("codeExecution", ("compute",)), ("computer_use", SHELL), ("google_maps", ("network",)),
        # By the way of a server.
        ("mcp__files__write_file", ("write_shared",)), ("mcp__a__b__run_shell", SHELL),
        ("github.create-issue", ("write_shared",)), ("fs/readFile", ("read",)),
        ("mcp__x__frobnicate", ()),
    ],
)  # fmt: skip
def test_a_tool_is_known_by_its_name(tool: str, found: tuple[str, ...]) -> None:
    assert affordances_for({}, tool) == found
    assert set(found) <= set(AFFORDANCES)


def test_the_policys_own_rows_come_first_and_speak_of_the_name_as_it_stands() -> None:
    rows = {"mcp__files__*": ["money", "compute"], "Bash": []}
    assert affordances_for(rows, "mcp__files__read_file") == ("compute", "money")
    assert affordances_for(rows, "Bash") == ()
    assert affordances_for(rows, "bash") == SHELL


def test_a_kind_speaks_where_no_name_does() -> None:
    """A server of MCP is called as its owner likes."""
    assert affordances_for({}, "mcp__wiki", "mcp") == SENDS
    assert affordances_for({}, "wiki", "web_search_20250305") == ("network",)
    assert affordances_for({}, "read_page", "mcp") == ("read",)
    assert affordances_for({"wiki": []}, "wiki", "mcp") == ()


@pytest.mark.parametrize(
    "name", ["x" * 100_000, "mcp__" * 10_000, "a.b/c:d e", "\ud800", "ＢＡＳＨ"]
)
def test_strange_names_cost_nothing(name: str) -> None:
    assert len(plain_name(name)) <= 600
    assert affordances_for({}, name) == ()

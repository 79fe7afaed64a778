"""Tools are taken out of a request one by one or all, and providers still accept what is left."""

import itertools
import json
from typing import Any

import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming as Message
from google.genai.types import Tool, ToolConfig
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as Chat
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming as Response,
)
from pydantic import TypeAdapter

from firedoor.types.exchange import Surface
from firedoor.wire import Definition, surface_wire

CHAT, RESPONSES = Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES
MESSAGES, GEMINI = Surface.ANTHROPIC_MESSAGES, Surface.GEMINI_GENERATE
INTERACTIONS = Surface.GEMINI_INTERACTIONS


def offered(surface: Surface, fields: dict[str, Any]) -> tuple[Definition, ...]:
    return surface_wire(surface).defined(fields)


def less(surface: Surface, fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """The request without the tools of these names."""
    gone = [d.pointer for d in offered(surface, fields) if d.name in names]
    assert len(gone) >= len(names)
    body = surface_wire(surface).without_tools(json.dumps(fields).encode(), fields, gone)
    value = json.loads(body)
    assert isinstance(value, dict)
    return value


def chat_tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}


def function(name: str) -> dict[str, Any]:
    return {"type": "function", "name": name, "parameters": {}, "strict": False}


def claude_tool(name: str) -> dict[str, Any]:
    return {"name": name, "input_schema": {"type": "object"}}


PLAIN: dict[Surface, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": []},
    RESPONSES: {"model": "m", "input": "a"},
    MESSAGES: {"model": "m", "max_tokens": 9, "messages": []},
    GEMINI: {"contents": []},
    INTERACTIONS: {"model": "m", "input": "a"},
}
FULL: dict[Surface, dict[str, Any]] = {
    CHAT: {
        **PLAIN[CHAT],
        "tools": [
            chat_tool("a"),
            chat_tool("function"),
            {"type": "custom", "custom": {"name": "c"}},
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    RESPONSES: {
        **PLAIN[RESPONSES],
        "tools": [
            function("a"),
            {"type": "web_search_preview_2025_03_11"},
            {"type": "file_search", "vector_store_ids": ["vs"]},
            {"type": "code_interpreter", "container": {"type": "auto"}},
            {"type": "mcp", "server_label": "wiki", "server_url": "https://w.example"},
            {"type": "local_shell"},
            {"type": "namespace", "name": "n", "tools": [function("b"), function("c")]},
        ],
        "tool_choice": "required",
        "parallel_tool_calls": True,
        "max_tool_calls": 3,
    },
    MESSAGES: {
        **PLAIN[MESSAGES],
        "tools": [
            claude_tool("a"),
            {"type": "bash_20250124", "name": "bash"},
            {"type": "web_search_20250305", "name": "web_search"},
            {"type": "mcp_toolset", "mcp_server_name": "wiki"},
        ],
        "mcp_servers": [{"type": "url", "name": "wiki", "url": "https://w.example"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    },
    GEMINI: {
        **PLAIN[GEMINI],
        "tools": [
            {"functionDeclarations": [{"name": "a"}, {"name": "b"}], "googleSearch": {}},
            {"codeExecution": {}},
            {"url_context": {}},
        ],
        "toolConfig": {
            "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]},
            "retrievalConfig": {"languageCode": "de"},
        },
    },
    INTERACTIONS: {
        **PLAIN[INTERACTIONS],
        "tools": [
            {"type": "function", "name": "a"},
            {"type": "google_search"},
            {"type": "mcp_server", "name": "wiki", "url": "https://w.example"},
        ],
        "generation_config": {"tool_choice": "any"},
    },
}
TYPES: dict[Surface, Any] = {CHAT: Chat, RESPONSES: Response, MESSAGES: Message}


@pytest.mark.parametrize("surface", FULL)
def test_all_tools_gone_leave_what_a_request_without_tools_is(surface: Surface) -> None:
    """What is taken only beside tools (a choice, parallel calls, servers) goes with the last one."""
    names = {d.name for d in offered(surface, FULL[surface])}
    left = less(surface, FULL[surface], *names)
    assert left.pop("generation_config", {}) == {}
    assert left == PLAIN[surface]


@pytest.mark.parametrize("surface", FULL)
def test_any_tools_gone_leave_a_body_that_the_sdk_reads(surface: Surface) -> None:
    every = offered(surface, FULL[surface])
    for n in range(len(every) + 1):
        for some in itertools.combinations(every, n):
            left = less(surface, FULL[surface], *(d.name for d in some))
            assert {d.name for d in offered(surface, left)} == {
                d.name for d in every if d not in some
            }
            if surface in TYPES:
                TypeAdapter(TYPES[surface]).validate_python(left)
            if surface is GEMINI:
                for tool in left.get("tools", []):
                    assert tool
                    Tool.model_validate(tool)
                config = ToolConfig.model_validate(left.get("toolConfig", {}))
                calling = config.function_calling_config
                functions = {d.name for d in offered(surface, left) if d.type == "function"}
                allowed = calling.allowed_function_names if calling else None
                assert set(allowed or ()) == functions


def test_with_none_gone_the_body_is_the_one_given() -> None:
    body = b'{ "tools" : [ ] }'
    assert surface_wire(CHAT).without_tools(body, {"tools": []}, []) is body


def test_what_runs_at_the_provider_is_told_apart() -> None:
    """Its calls cannot be held in the answer, so its definition is all that there is to take away."""
    told = {d.name: d.hosted for d in offered(RESPONSES, FULL[RESPONSES])}
    assert told == {
        "a": False, "web_search": True, "file_search": True, "code_interpreter": True,
        "mcp__wiki": True, "local_shell": False, "b": False, "c": False,
    }  # fmt: skip
    assert {d.name: d.hosted for d in offered(MESSAGES, FULL[MESSAGES])} == {
        "a": False, "bash": False, "web_search": True, "mcp__wiki": True,
    }  # fmt: skip
    assert {d.name: d.hosted for d in offered(GEMINI, FULL[GEMINI])} == {
        "a": False, "b": False, "google_search": True, "code_execution": True, "url_context": True,
    }  # fmt: skip
    shells = [{"type": "shell"}, {"type": "shell", "environment": {"type": "container_auto"}}]
    assert [d.hosted for d in offered(RESPONSES, {"tools": shells})] == [False, True]


def test_a_search_that_is_an_option_is_a_tool() -> None:
    fields = {**PLAIN[CHAT], "web_search_options": {"search_context_size": "low"}}
    (search,) = offered(CHAT, fields)
    assert (search.name, search.hosted) == ("web_search", True)
    assert less(CHAT, fields, "web_search") == PLAIN[CHAT]


@pytest.mark.parametrize(
    ("surface", "choice", "gone", "left"),
    [
        (CHAT, {"type": "function", "function": {"name": "a"}}, "a", None),
        (CHAT, {"type": "function", "function": {"name": "a"}}, "c", "same"),
        # A tool may be called like a word of the protocol.
        (CHAT, {"type": "function", "function": {"name": "a"}}, "function", "same"),
        (CHAT, {"type": "custom", "custom": {"name": "c"}}, "c", None),
        (CHAT, "required", "a", "same"),
        (CHAT, "none", "a", "same"),
        (RESPONSES, {"type": "function", "name": "a"}, "a", None),
        (RESPONSES, {"type": "web_search_preview"}, "web_search", None),
        (RESPONSES, {"type": "file_search"}, "web_search", "same"),
        (RESPONSES, {"type": "mcp", "server_label": "wiki", "name": "x"}, "mcp__wiki", None),
        (RESPONSES, {"type": "mcp", "server_label": "other"}, "mcp__wiki", "same"),
        (MESSAGES, {"type": "tool", "name": "bash"}, "bash", None),
        (
            MESSAGES,
            {"type": "tool", "name": "bash", "disable_parallel_tool_use": True},
            "bash",
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
        (MESSAGES, {"type": "any"}, "bash", "same"),
    ],
)
def test_a_choice_goes_with_the_tool_that_it_names_and_with_no_other(
    surface: Surface, choice: object, gone: str, left: object
) -> None:
    fields = {**FULL[surface], "tool_choice": choice}
    assert less(surface, fields, gone).get("tool_choice") == (choice if left == "same" else left)


def test_of_a_list_of_allowed_tools_only_the_tool_itself_goes() -> None:
    """Taking a tool away never allows another."""
    one, other = ({"type": "function", "function": {"name": n}} for n in ("a", "function"))
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [one, other]}}
    fields = {**FULL[CHAT], "tool_choice": choice}
    left = less(CHAT, fields, "a")["tool_choice"]
    assert left["allowed_tools"]["tools"] == [other]
    assert less(CHAT, fields, "a", "function")["tool_choice"] == "none"
    flat = {
        "type": "allowed_tools",
        "mode": "auto",
        "tools": [{"type": "mcp", "server_label": "wiki"}],
    }
    assert less(RESPONSES, {**FULL[RESPONSES], "tool_choice": flat}, "mcp__wiki")[
        "tool_choice"
    ] == "none"  # fmt: skip
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a"]}}
    assert less(GEMINI, {**FULL[GEMINI], "toolConfig": config}, "a")["toolConfig"] == {
        "functionCallingConfig": {"mode": "NONE"}
    }


def test_a_word_of_an_interaction_stays_while_tools_are_left() -> None:
    fields = {**FULL[INTERACTIONS], "generation_config": {"tool_choice": "none"}}
    assert less(INTERACTIONS, fields, "a")["generation_config"] == {"tool_choice": "none"}


def test_a_name_that_two_tools_have_is_still_a_choice() -> None:
    fields = {
        **PLAIN[CHAT],
        "tools": [chat_tool("a"), chat_tool("a"), chat_tool("b")],
        "tool_choice": {"type": "function", "function": {"name": "a"}},
    }
    body = surface_wire(CHAT).without_tools(json.dumps(fields).encode(), fields, ["/tools/1"])
    assert json.loads(body)["tool_choice"] == fields["tool_choice"]


def test_functions_of_the_older_form_go_with_their_call() -> None:
    fields = {**PLAIN[CHAT], "functions": [{"name": "a"}], "function_call": {"name": "a"}}
    assert less(CHAT, fields, "a") == PLAIN[CHAT]


def test_a_server_of_the_older_form_is_a_tool_by_itself() -> None:
    servers = [{"type": "url", "name": n, "url": "https://w.example"} for n in ("x", "y")]
    fields = {**PLAIN[MESSAGES], "mcp_servers": servers}
    assert less(MESSAGES, fields, "mcp__x")["mcp_servers"] == servers[1:]
    assert less(MESSAGES, fields, "mcp__x", "mcp__y") == PLAIN[MESSAGES]

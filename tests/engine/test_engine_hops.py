"""Hops: what makes one call hold more instances than the wire shows is refused by its name."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.policy import RuleError, rule
from firedoor.types.exchange import Binding
from firedoor.wire import HOPS, beta_of
from firedoor.wire.inventory.hops import BETAS

WHO = Binding("a", "press")
MCP = {"type": "mcp", "server_label": "tracker", "server_url": "https://mcp.example/sse"}
TEXT = "When does the harbour office move?"
ALLOWED = """
rules:
  - id: one-hop
    match: {hop: HOP}
    action: allow
"""


def office(mode: str, folder: Path | None = None, policy: str = "") -> Office:
    return Office(settings_for(folder, mode, policy))


def responses(world: Office, headers: tuple[tuple[bytes, bytes], ...] = (), **more: Any) -> Outcome:
    body = json.dumps({"model": "m", "input": TEXT, **more}).encode()
    return world.call(WHO, [], path="/v1/responses", body=body, headers=headers)


def messages(world: Office, headers: tuple[tuple[bytes, bytes], ...] = (), **more: Any) -> Outcome:
    turns = more.pop("messages", [{"role": "user", "content": TEXT}])
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": turns, **more}).encode()
    headers = ((b"anthropic-version", b"2023-06-01"), *headers)
    return world.call(WHO, [], path="/v1/messages", body=body, headers=headers)


def told(outcome: Outcome) -> dict[str, Any]:
    error: dict[str, Any] = outcome.answer["error"]
    return error


CALLS: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("multi_agent", "/multi_agent", responses, {"multi_agent": {"enabled": True}}),
    ("mcp", "/tools/0", responses, {"tools": [MCP]}),
    (
        "continuation",
        "/background_options/continuation_id",
        responses,
        {"background_options": {"continuation_id": "resp_1"}},
    ),
    ("mcp", "/input/0", responses, {"input": [{"type": "mcp_call", "id": "mcp_1", "name": "f"}]}),
    (
        "mcp",
        "/input/0/tools/0",
        responses,
        {"input": [{"type": "additional_tools", "role": "developer", "tools": [MCP]}]},
    ),
    (
        "multi_agent",
        "/input/0",
        responses,
        {"input": [{"type": "agent_message", "author": "b", "recipient": "a", "content": "Hi."}]},
    ),
    (
        "mcp",
        "/mcp_servers",
        messages,
        {"mcp_servers": [{"type": "url", "name": "x", "url": "https://mcp.example"}]},
    ),
    ("mcp", "/tools/0", messages, {"tools": [{"type": "mcp_toolset", "mcp_server_name": "x"}]}),
    (
        "advisor",
        "/tools/0",
        messages,
        {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": "m2"}]},
    ),
    ("fallback", "/fallbacks", messages, {"fallbacks": [{"model": "m2"}]}),
    ("fallback", "/fallback_credit_token", messages, {"fallback_credit_token": "tok"}),
    ("thread", "/thread", messages, {"thread": {"type": "create"}}),
    (
        "skills",
        "/container/skills",
        messages,
        {"container": {"skills": [{"type": "anthropic", "skill_id": "pdf"}]}},
    ),
    (
        "tool_changes",
        "/messages/0/content/0",
        messages,
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "sh"}}
                    ],
                }
            ]
        },
    ),
]


@pytest.mark.parametrize("mode", ["contain", "isolate"])
@pytest.mark.parametrize(("hop", "place", "call", "body"), CALLS, ids=lambda v: str(v)[:24])
def test_a_hop_is_refused_by_its_name(
    hop: str, place: str, call: Any, body: dict[str, Any], mode: str
) -> None:
    outcome = call(office(mode), **body)
    assert (outcome.status, outcome.code, outcome.sent) == (403, "firedoor_denied", None)
    assert told(outcome)["param"] == place
    assert f"'{hop}'" in told(outcome)["message"]
    assert HOPS[hop] in told(outcome)["message"]


@pytest.mark.parametrize(("hop", "place", "call", "body"), CALLS, ids=lambda v: str(v)[:24])
def test_in_observe_it_passes_and_is_written_down(
    hop: str, place: str, call: Any, body: dict[str, Any]
) -> None:
    world = office("observe")
    outcome = call(world, **body)
    assert outcome.sent is not None
    assert world.explain(outcome)["hops"] == [{"name": hop, "at": place}]


# -- inside other bodies ---------------------------------------------------------------------------

BATCHED = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}
SERVERS = {"mcp_servers": [{"type": "url", "name": "x", "url": "https://mcp.example"}]}
FORM = ((b"content-type", b"multipart/form-data; boundary=f"),)
FIELD = b'--f\r\nContent-Disposition: form-data; name="'


def batch(world: Office) -> Outcome:
    asked = [{"custom_id": "a", "params": BATCHED}, {"custom_id": "b", "params": BATCHED | SERVERS}]
    body = json.dumps({"requests": asked}).encode()
    headers = ((b"anthropic-version", b"2023-06-01"),)
    return world.call(WHO, [], path="/v1/messages/batches", body=body, headers=headers)


def uploaded(line: dict[str, Any], *, purpose_first: bool = True) -> Any:
    def call(world: Office) -> Outcome:
        file = FIELD + b'file"; filename="a.jsonl"\r\n\r\n' + json.dumps(line).encode() + b"\r\n"
        purpose = FIELD + b'purpose"\r\n\r\nbatch\r\n'
        body = purpose + file if purpose_first else file + purpose
        return world.call(WHO, [], path="/v1/files", body=body + b"--f--\r\n", headers=FORM)

    return call


ASKED = {
    "custom_id": "a", "method": "POST", "url": "/v1/responses",
    "body": {"model": "m", "input": TEXT, "tools": [MCP]},
}  # fmt: skip
INSIDE = [
    pytest.param(batch, "/requests/1/params/mcp_servers", id="a batch of messages"),
    pytest.param(uploaded(ASKED), "/file/0/body/tools/0", id="a line of a batch's file"),
    pytest.param(
        uploaded(ASKED, purpose_first=False), "/file/0/body/tools/0", id="the purpose behind it"
    ),
]


@pytest.mark.parametrize(("call", "place"), INSIDE)
def test_a_hop_inside_another_body_is_refused_too(call: Any, place: str) -> None:
    """What the provider would do later is as much of a hop as what it does now."""
    outcome = call(office("contain"))
    assert (outcome.code, outcome.sent) == ("firedoor_denied", None)
    assert told(outcome)["param"] == place
    assert "'mcp'" in told(outcome)["message"]


@pytest.mark.parametrize(("call", "place"), INSIDE)
def test_a_hop_inside_another_body_is_written_down(call: Any, place: str) -> None:
    world = office("observe")
    outcome = call(world)
    assert outcome.sent is not None
    assert world.explain(outcome)["hops"] == [{"name": "mcp", "at": place}]


@pytest.mark.parametrize("url", ["/v1/decisions", "/v1/files", "/v1/agents/sessions", "/v1/skills"])
def test_a_batch_asks_for_nothing_but_calls_of_models(url: str) -> None:
    outcome = uploaded(ASKED | {"url": url, "body": {"model": "m"}})(office("contain"))
    assert (outcome.code, outcome.sent) == ("firedoor_unknown_surface", None)
    assert told(outcome)["param"] == "/file/0/url"


def test_a_rule_that_names_the_hop_lets_it_through(tmp_path: Path) -> None:
    world = office("contain", tmp_path, ALLOWED.replace("HOP", "mcp"))
    allowed = responses(world, tools=[MCP])
    assert allowed.sent is not None
    assert world.explain(allowed)["hops"] == [{"name": "mcp", "at": "/tools/0"}]
    assert responses(world, multi_agent={"enabled": True}).code == "firedoor_denied"


def test_a_rule_for_the_endpoint_does_not_speak_of_its_hops(tmp_path: Path) -> None:
    policy = ALLOWED.replace("{hop: HOP}", '{endpoint: "openai:responses.*"}')
    assert responses(office("contain", tmp_path, policy), tools=[MCP]).code == "firedoor_denied"


def test_the_rule_may_be_for_one_room_alone(tmp_path: Path) -> None:
    policy = ALLOWED.replace("{hop: HOP}", '{hop: "*", compartment: lab}')
    world = office("contain", tmp_path, policy)
    assert responses(world, tools=[MCP]).code == "firedoor_denied"


@pytest.mark.parametrize("value", [None, False, []])
def test_what_is_left_empty_is_no_hop(value: Any) -> None:
    assert messages(office("contain"), fallbacks=value).sent is not None


def test_a_request_is_allowed_or_denied() -> None:
    with pytest.raises(RuleError, match="allowed or denied"):
        rule("r", {"hop": "mcp"}, "quarantine")


# -- beta headers ----------------------------------------------------------------------------------


def beta(*values: str) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((b"anthropic-beta", value.encode()) for value in values)


@pytest.mark.parametrize(
    ("value", "hop"),
    [
        ("advisor-tool-2026-03-01", "advisor"),
        ("managed-agents-2026-04-01", "hosted_agent"),
        ("dreaming-2026-04-21", "dreaming"),
        ("server-side-fallback-2026-07-01", "fallback"),
        ("agent-memory-2026-07-22", "agent_memory"),
        ("mcp-client-2025-11-20", "mcp"),
        ("message-threads-2026-08-12", "thread"),
        ("skills-2025-10-02", "skills"),
        ("experimental-claude-tag-2026-10-21", "experimental"),
    ],
)
def test_a_beta_that_opens_a_hop_is_refused(value: str, hop: str) -> None:
    outcome = messages(office("contain"), beta("prompt-caching-2024-07-31, " + value))
    assert (outcome.code, told(outcome)["param"]) == ("firedoor_denied", "anthropic-beta")
    assert f"'{hop}'" in told(outcome)["message"]


def test_betas_that_change_nothing_about_who_is_in_the_call_pass() -> None:
    outcome = messages(
        office("contain"),
        beta("prompt-caching-2024-07-31,context-1m-2025-08-07", "pdfs-2024-09-25"),
    )
    assert outcome.sent is not None


@pytest.mark.parametrize("values", [("brand-new-2027-01-01",), ("pdfs-2024-09-25", "x,y")])
def test_a_beta_that_no_row_names_is_refused(values: tuple[str, ...]) -> None:
    outcome = messages(office("contain"), beta(*values))
    assert (outcome.code, told(outcome)["param"]) == ("firedoor_unknown_surface", "anthropic-beta")


def test_a_value_that_may_be_content_is_not_repeated() -> None:
    secret = "tell the next one of the pneumonia"
    outcome = messages(office("contain"), beta(secret))
    assert outcome.code == "firedoor_unknown_surface"
    assert secret.encode() not in outcome.body


def test_in_observe_every_beta_passes_and_is_written_down() -> None:
    world = office("observe")
    outcome = messages(world, beta("brand-new-2027-01-01", "skills-2025-10-02"))
    assert outcome.sent is not None
    explained = world.explain(outcome)
    assert explained["unknown"] == "anthropic-beta"
    assert explained["hops"] == [{"name": "skills", "at": "anthropic-beta"}]


def test_a_beta_is_no_hop_where_it_only_opens_its_own_endpoint() -> None:
    """Memory stores ask for their header; whether they pass, their family's treatment decides."""
    world = office("contain")
    headers = ((b"anthropic-version", b"2023-06-01"), *beta("agent-memory-2026-07-22"))
    body = json.dumps({"name": "notes"}).encode()
    made = world.call(WHO, [], path="/v1/memory_stores", body=body, headers=headers)
    assert made.sent is not None


def test_the_multi_agent_beta_of_openai_is_refused() -> None:
    world = office("contain")
    refused = responses(world, ((b"openai-beta", b"responses_multi_agent=v1"),))
    assert (refused.code, told(refused)["param"]) == ("firedoor_denied", "openai-beta")
    assert responses(world, ((b"openai-beta", b"assistants=v2"),)).sent is not None


def test_a_rule_lets_a_beta_through(tmp_path: Path) -> None:
    world = office("contain", tmp_path, ALLOWED.replace("HOP", "[skills, advisor]"))
    assert messages(world, beta("advisor-tool-2026-03-01")).sent is not None
    assert messages(world, beta("dreaming-2026-04-21")).code == "firedoor_denied"


def test_every_hop_of_a_header_has_a_reason() -> None:
    hops = {b.hop for rows in BETAS.values() for b in rows.values() if b.hop is not None}
    assert hops <= set(HOPS)
    assert beta_of("anthropic-beta", "mcp-client-2099-01-01") is not None

"""Where a hop is allowed, who told whom what inside the call is in the ledger."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.store import StoreReader
from firedoor.types.exchange import Binding
from firedoor.wire.edges import edges_of, listed_edges

WHO = Binding("a", "press")
ALLOWED = """
rules:
  - id: let-them
    match: {%s}
    action: allow
"""

NOTE = "The harbour office moves in May."
TWO_AGENTS: list[dict[str, Any]] = [
    {"type": "multi_agent_call", "id": "mac_1", "call_id": "c1", "action": "spawn_agent",
     "arguments": json.dumps({"agent_name": "surveyor", "message": NOTE}),
     "agent": {"agent_name": "/root"}},
    {"type": "agent_message", "id": "am_1", "author": "surveyor", "recipient": "/root",
     "content": [{"type": "input_text", "text": NOTE}], "agent": {"agent_name": "surveyor"}},
    {"type": "multi_agent_call_output", "id": "maco_1", "call_id": "c1", "action": "spawn_agent",
     "output": [{"type": "output_text", "text": "done"}], "agent": {"agent_name": "/root"}},
]  # fmt: skip


def test_messages_between_agents_are_edges() -> None:
    found = edges_of((f"/output/{i}", item) for i, item in enumerate(TWO_AGENTS))
    assert [(e.kind, e.pointer, e.sender, e.recipient) for e in found] == [
        ("multi_agent", "/output/0", "/root", "surveyor"),
        ("multi_agent", "/output/1", "surveyor", "/root"),
        ("multi_agent", "/output/2", "surveyor", "/root"),
    ]
    assert found[1].chars == len(NOTE)


def test_servers_advisors_and_other_models_are_ends_of_edges() -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "mcp_tool_use", "id": "mt_1", "server_name": "tracker", "name": "find",
         "input": {"q": "harbour"}},
        {"type": "mcp_tool_result", "tool_use_id": "mt_1",
         "content": [{"type": "text", "text": NOTE}]},
        {"type": "server_tool_use", "id": "st_1", "name": "advisor", "input": {}},
        {"type": "server_tool_use", "id": "st_2", "name": "web_search", "input": {"query": "x"}},
        {"type": "advisor_tool_result", "tool_use_id": "st_1",
         "content": {"type": "advisor_result", "text": NOTE}},
        {"type": "fallback", "from": {"model": "m-1"}, "to": {"model": "m-2"},
         "trigger": {"type": "refusal"}},
        {"type": "text", "text": NOTE},
    ]  # fmt: skip
    found = edges_of(("", block) for block in blocks)
    assert [(e.kind, e.sender, e.recipient, e.chars) for e in found] == [
        ("mcp", None, "tracker", len("harbour")),
        ("mcp", "tracker", None, len(NOTE)),
        ("advisor", None, "advisor", 0),
        ("advisor", "advisor", None, len(NOTE)),
        ("fallback", "m-1", "m-2", 0),
    ]


@pytest.mark.parametrize("odd", [None, 7, [], {"agent_name": 3}, "x"])
def test_odd_members_are_no_ends(odd: Any) -> None:
    items = [
        {"type": kind, "author": odd, "recipient": odd, "agent": odd, "arguments": odd,
         "server_label": odd, "content": odd, "output": odd, "recipient_agent_ids": odd,
         "from": odd, "to": odd, "call_id": odd, "id": odd}
        for kind in (
            "agent_message", "multi_agent_call", "multi_agent_call_output", "mcp_call",
            "wait_for_subagents_call", "mcp_tool_use", "mcp_tool_result", "advisor_tool_result",
            "fallback", "agent.thread_message_sent", ["x"], None,
        )
    ]  # fmt: skip
    for edge in edges_of(("", item) for item in items):
        assert {edge.sender, edge.recipient} <= {None, "x", "advisor"}


# -- in the ledger ---------------------------------------------------------------------------------


def answered(value: Any, kind: bytes = b"application/json") -> list[Any]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return [UpstreamHead(200, ((b"content-type", kind),), 1.7e9), UpstreamBytes(body, 1.7e9),
            UpstreamEnd(1.7e9)]  # fmt: skip


def response(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "status": "completed", "model": "m",
            "output": items}  # fmt: skip


def closes(world: Office) -> list[dict[str, Any]]:
    entries = [json.loads(e.bytes_)["body"] for e in StoreReader(world.store).entries()]
    return [e for e in entries if e.get("state") == "answered"]


def asked(world: Office, upstream: list[Any], **more: Any) -> Outcome:
    body = json.dumps({"model": "m", "input": "When does it move?", **more}).encode()
    return world.call(WHO, [], path="/v1/responses", body=body, upstream=upstream)


@pytest.mark.parametrize("mode", ["observe", "contain"])
def test_what_agents_of_one_call_said_to_each_other_is_in_the_ledger(
    mode: str, tmp_path: Path
) -> None:
    world = Office(settings_for(tmp_path, mode, ALLOWED % "hop: multi_agent"))
    outcome = asked(world, answered(response(TWO_AGENTS)), multi_agent={"enabled": True})
    assert outcome.status == 200
    ends = [(e["from"], e["to"]) for e in world.explain(outcome)["edges"]]
    assert ends == [("/root", "surveyor"), ("surveyor", "/root"), ("surveyor", "/root")]
    (entry,) = closes(world)
    assert [(e["from"], e["to"]) for e in entry["edges"]] == ends
    assert NOTE not in json.dumps(entry)


def test_a_streamed_answer_has_the_same_edges(tmp_path: Path) -> None:
    world = Office(settings_for(tmp_path, "contain", ALLOWED % "hop: multi_agent"))
    events = [{"type": "response.completed", "response": response(TWO_AGENTS)}]
    raw = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in events)
    stream = answered(raw, b"text/event-stream")
    outcome = asked(world, stream, multi_agent={"enabled": True}, stream=True)
    assert [e["to"] for e in world.explain(outcome)["edges"]] == ["surveyor", "/root", "/root"]


def test_what_agents_of_one_call_say_carries_its_label(tmp_path: Path) -> None:
    """Their words are this call's own, not text from outside."""
    world = Office(settings_for(tmp_path, "contain", ALLOWED % "hop: multi_agent"))
    outcome = asked(world, answered(response(TWO_AGENTS)), multi_agent={"enabled": True})
    assert world.explain(outcome)["exposures"] == []


def test_a_wordy_name_of_an_agent_is_veiled_in_the_ledger(tmp_path: Path) -> None:
    world = Office(settings_for(tmp_path, "contain", ALLOWED % "hop: multi_agent"))
    told = {**TWO_AGENTS[1], "author": "Tell everybody that the harbour moves"}
    asked(world, answered(response([told])), multi_agent={"enabled": True})
    (entry,) = closes(world)
    assert entry["edges"][0]["from"].startswith("~h:")


# -- agents that run at the provider ---------------------------------------------------------------

SESSION = "/v1/sessions/sesn_1/events"
THREADS: list[dict[str, Any]] = [
    {"type": "agent.thread_message_sent", "id": "sevt_1", "to_session_thread_id": "sthr_1",
     "to_agent_name": "surveyor", "content": [{"type": "text", "text": NOTE}]},
    {"type": "agent.thread_message_received", "id": "sevt_2", "from_session_thread_id": "sthr_1",
     "content": [{"type": "text", "text": NOTE}]},
]  # fmt: skip


@pytest.mark.parametrize("stream", [False, True])
def test_edges_between_hosted_agents_are_taken_down(stream: bool) -> None:
    world = Office(settings_for(None, "observe"))
    raw = b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in THREADS)
    upstream = answered(raw, b"text/event-stream") if stream else answered({"data": THREADS})
    outcome = world.call(
        WHO, [], path=SESSION + "/stream" * stream, method="GET", body=b"", upstream=upstream,
        headers=((b"anthropic-version", b"2023-06-01"),),
    )  # fmt: skip
    found = [(e["kind"], e["from"], e["to"]) for e in world.explain(outcome)["edges"]]
    assert found == [("hosted_agent", None, "surveyor"), ("hosted_agent", "sthr_1", None)]
    assert "ext:anthropic" in str(world.explain(outcome)["exposures"])


def test_one_event_of_a_session_may_hold_an_item() -> None:
    item = {"type": "agent_message", "sender_agent_id": "a1", "recipient_agent_id": "a2",
            "content": NOTE}  # fmt: skip
    (edge,) = listed_edges({"type": "item.created", "item": item})
    assert (edge.pointer, edge.sender, edge.recipient) == ("/item", "a1", "a2")

"""Sealed state goes back only where it was received: encrypted reasoning, signatures, compactions."""

import json
from typing import Any

import anthropic
import openai
import pytest

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream

SEALED = "gAAAAB" + "x" * 4000
SIGNED = "EqQB" + "y" * 3000
INDEX = "Eo8B" + "z" * 200
CONTAIN = pytest.mark.firedoor_mode("contain")
STREAMED = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
ITEMS: list[dict[str, Any]] = [
    {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SEALED},
    {
        "type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
        "content": [{"type": "output_text", "text": "In May.", "annotations": []}],
    },
]  # fmt: skip
CITED: dict[str, Any] = {
    "type": "web_search_result_location", "cited_text": "In May.", "title": "t",
    "url": "https://x.example", "encrypted_index": INDEX,
}  # fmt: skip
BLOCKS: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "May, then.", "signature": SIGNED},
    {"type": "redacted_thinking", "data": SEALED},
    {"type": "text", "text": "In May.", "citations": [CITED]},
]


def sse(events: list[dict[str, Any]]) -> Reply:
    """These events as a stream."""
    lines = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return Reply(raw=lines.encode(), content_type="text/event-stream")


def response(streamed: bool) -> Reply:
    """A response whose reasoning is sealed."""
    whole = {
        "id": "resp_1", "object": "response", "status": "completed", "model": "m",
        "output": ITEMS, "created_at": 1, "tools": [], "parallel_tool_calls": True,
        "tool_choice": "auto", "metadata": {},
    }  # fmt: skip
    if not streamed:
        return Reply(raw=json.dumps(whole).encode())
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**whole, "output": []}}
    ]
    for index, item in enumerate(ITEMS):
        events.append({"type": "response.output_item.added", "output_index": index, "item": item})
        events.append({"type": "response.output_item.done", "output_index": index, "item": item})
    return sse([*events, {"type": "response.completed", "response": whole}])


def message(streamed: bool) -> Reply:
    """A message with a signature, a sealed thought and a sealed citation."""
    whole = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": BLOCKS,
        "stop_reason": "end_turn", "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    if not streamed:
        return Reply(raw=json.dumps(whole).encode())
    events: list[dict[str, Any]] = [{"type": "message_start", "message": {**whole, "content": []}}]
    empty = [
        {**BLOCKS[0], "thinking": "", "signature": ""},
        BLOCKS[1],
        {"type": "text", "text": ""},
    ]
    deltas: list[list[dict[str, Any]]] = [
        [
            {"type": "thinking_delta", "thinking": "May, then."},
            {"type": "signature_delta", "signature": SIGNED[:1000]},
            {"type": "signature_delta", "signature": SIGNED[1000:]},
        ],
        [],
        [{"type": "text_delta", "text": "In May."}, {"type": "citations_delta", "citation": CITED}],
    ]
    for index, block in enumerate(empty):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [
            {"type": "content_block_delta", "index": index, "delta": d} for d in deltas[index]
        ]
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": "end_turn", "stop_sequence": None}
    end = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}
    return sse([*events, end, {"type": "message_stop"}])


def ask_openai(door: Door, upstream: ScriptedUpstream, *, stream: bool, **more: Any) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    told: Any = {"model": "m", "store": False, "input": "When?", **more}
    found = sdk.responses.create(stream=stream, **told)
    if stream:
        list(found)


def ask_anthropic(door: Door, upstream: ScriptedUpstream, *, stream: bool, **more: Any) -> None:
    sdk = door.wrap(anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0))
    asked = [{"role": "user", "content": "When?"}]
    told: Any = {"model": "m", "max_tokens": 9, "messages": asked, **more}
    found = sdk.messages.create(stream=stream, **told)
    if stream:
        list(found)


BACK_OPENAI: dict[str, Any] = {"input": ["When?", *ITEMS, {"role": "user", "content": "Sure?"}]}
BACK_OPENAI["input"][0] = {"role": "user", "content": "When?"}
BACK_ANTHROPIC: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "When?"},
        {"role": "assistant", "content": BLOCKS},
        {"role": "user", "content": "Sure?"},
    ]
}


@CONTAIN
@STREAMED
def test_encrypted_reasoning_goes_back_where_it_was_received(
    door: Door, upstream: ScriptedUpstream, streamed: bool
) -> None:
    upstream.script = lambda call: response(call.body.get("stream") is True)
    with door.instance("a", compartment="press"):
        ask_openai(door, upstream, stream=streamed)
        ask_openai(door, upstream, stream=streamed, **BACK_OPENAI)
    before = len(upstream.calls)
    for part in (ITEMS[0] | {"id": None}, {"type": "compaction", "encrypted_content": SEALED}):
        with (
            door.instance("b", compartment="lab"),
            pytest.raises(openai.PermissionDeniedError) as e,
        ):
            ask_openai(door, upstream, stream=streamed, input=[part])
        assert e.value.code == "firedoor_foreign_state"
        assert e.value.param == "/input/0/encrypted_content"
    assert len(upstream.calls) == before


@CONTAIN
@STREAMED
def test_signatures_and_sealed_blocks_go_back_where_they_were_received(
    door: Door, upstream: ScriptedUpstream, streamed: bool
) -> None:
    upstream.script = lambda call: message(call.body.get("stream") is True)
    with door.instance("a", compartment="press"):
        ask_anthropic(door, upstream, stream=streamed)
        ask_anthropic(door, upstream, stream=streamed, **BACK_ANTHROPIC)
    before = len(upstream.calls)
    for block in BLOCKS:
        turns = [{"role": "assistant", "content": [block]}, {"role": "user", "content": "Sure?"}]
        with (
            door.instance("b", compartment="lab"),
            pytest.raises(anthropic.PermissionDeniedError, match="firedoor_foreign_state"),
        ):
            ask_anthropic(door, upstream, stream=streamed, messages=turns)
    assert len(upstream.calls) == before


@CONTAIN
def test_a_blob_that_nobody_was_seen_to_receive_is_refused(
    door: Door, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: response(False)
    with door.instance("a", compartment="press"), pytest.raises(openai.PermissionDeniedError) as e:
        ask_openai(door, upstream, stream=False, input=[ITEMS[0]])
    assert e.value.code == "firedoor_foreign_state"
    assert upstream.calls == []


@CONTAIN
def test_what_a_model_writes_makes_it_the_owner_of_nothing(
    door: Door, upstream: ScriptedUpstream
) -> None:
    """A call's arguments may spell out somebody else's blob; that gives it to nobody."""
    use = {"type": "tool_use", "id": "tu_1", "name": "f", "input": {"signature": SIGNED}}
    whole = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [use],
        "stop_reason": "tool_use", "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    upstream.script = lambda call: Reply(raw=json.dumps(whole).encode())
    with door.instance("b", compartment="lab"):
        ask_anthropic(door, upstream, stream=False)
        turns = [{"role": "assistant", "content": [BLOCKS[0]]}]
        with pytest.raises(anthropic.PermissionDeniedError, match="firedoor_foreign_state"):
            ask_anthropic(door, upstream, stream=False, messages=turns)


@pytest.mark.firedoor_mode("observe")
def test_in_observe_a_foreign_blob_passes_and_is_an_exposure(
    door: Door, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: message(False)
    with door.instance("a", compartment="press"):
        ask_anthropic(door, upstream, stream=False)
    with door.instance("b", compartment="lab"):
        ask_anthropic(door, upstream, stream=False, **BACK_ANTHROPIC)
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    parts = {p["pointer"]: p for p in told["parts"]}
    for place in ("0/signature", "1/data", "2/citations/0/encrypted_index"):
        part = parts[f"/messages/1/content/{place}"]
        assert (part["kind"], part["crossing"]) == ("reference", True)
    assert "press" in [e["compartment"] for e in told["exposures"]]
    # Blobs are large, and say nothing to a reader: they are not kept with the call's content.
    assert SIGNED[:100] not in json.dumps(told)

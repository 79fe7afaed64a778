"""Streams of interactions: any cut gives the same, and no call leaves before it was judged."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.types.part import OutputPart, ToolCall
from firedoor.wire.gemini_interactions.parts import goes_along
from firedoor.wire.gemini_interactions.stream import InteractionStream

ARGUMENTS = {"task": "multiply"}
CALL = {"type": "function_call", "id": "c", "name": "spawn_agent", "arguments": ARGUMENTS}


def stream_of(*events: Any) -> bytes:
    return "".join(f"data: {json.dumps(e)}\n\n" for e in events).encode()


RAW = stream_of(
    {"event_type": "interaction.created", "interaction": {"id": "i", "status": "in_progress"}},
    {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
    {"event_type": "step.delta", "index": 0,
     "delta": {"type": "thought_summary", "content": {"type": "text", "text": "Hm, a pier."}}},
    {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature",
                                                       "signature": "sig"}},
    {"event_type": "step.stop", "index": 0},
    {"event_type": "step.start", "index": 1, "step": {**CALL, "arguments": {}}},
    {"event_type": "step.delta", "index": 1,
     "delta": {"type": "arguments_delta", "arguments": json.dumps(ARGUMENTS)}},
    {"event_type": "step.stop", "index": 1},
    {"event_type": "step.start", "index": 2, "step": {"type": "google_search_result"}},
    {"event_type": "step.delta", "index": 2,
     "delta": {"type": "google_search_result", "result": [{"search_suggestions": "A page."}]}},
    {"event_type": "step.stop", "index": 2},
    {"event_type": "interaction.completed", "interaction": {"id": "i", "status": "completed"}},
)  # fmt: skip


def read(
    chunks: list[bytes], *, refuse: bool = False
) -> tuple[bytes, list[str], InteractionStream]:
    stream, out, said = InteractionStream(True), b"", []
    for piece in itertools.chain(*map(stream.feed, chunks), stream.end()):
        out += piece.raw
        if isinstance(piece.done, ToolCall):
            assert b"arguments_delta" not in out
            said.append("call " + piece.done.arguments)
            stream.decide("Refused." if refuse else None)
        elif isinstance(piece.done, OutputPart):
            said.append(f"{piece.done.kind}: {piece.done.text}")
    return out, said, stream


@given(st.lists(st.integers(0, len(RAW)), max_size=6))
def test_any_cut_gives_the_same(cuts: list[int]) -> None:
    chunks = [RAW[a:b] for a, b in itertools.pairwise([0, *sorted(cuts), len(RAW)])]
    out, said, stream = read(chunks)
    assert out == RAW
    assert said == [
        "reasoning: Hm, a pier.", "opaque: ", 'call {"task": "multiply"}',
        "hosted: A page.",
    ]  # fmt: skip
    assert stream.complete
    assert {m.id for m in stream.answer().minted} == {"i", "sig"}
    out, said, _ = read(chunks, refuse=True)
    assert b"multiply" not in out
    assert b"Refused." in out


@pytest.mark.parametrize(
    "events",
    [
        # A step whose start never came, as in a stream that is taken up again.
        [{"event_type": "step.delta", "index": 1,
          "delta": {"type": "arguments_delta", "arguments": "{}"}}],
        # One that begins and never stops.
        [{"event_type": "step.start", "index": 1, "step": CALL}],
        # One of a type that nobody knows.
        [{"event_type": "step.start", "index": 1, "step": {**CALL, "type": "brand_new"}}],
    ],
)  # fmt: skip
def test_half_a_call_does_not_leave(events: list[Any]) -> None:
    out, said, stream = read([stream_of(*events)])
    assert (out, said, stream.complete) == (b"", [], False)


def test_a_copy_that_asks_for_more_is_judged_too() -> None:
    more = {**CALL, "arguments": {"task": "more"}}
    copy = {"id": "i", "status": "requires_action", "steps": [CALL, CALL, more]}
    raw = RAW[: RAW.rindex(b"data: ")] + stream_of(
        {"event_type": "interaction.completed", "interaction": copy}
    )
    out, said, _ = read([raw], refuse=True)
    assert sum(s.startswith("call ") for s in said) == 3
    assert b"multiply" not in out
    assert b'"more"' not in out
    assert b'"status":"completed"' in out


def test_the_choice_goes_with_the_tool() -> None:
    fields: Any = {
        "tools": [{"type": "function", "name": "a"}, {"type": "function", "name": "b"}],
        "generation_config": {"tool_choice": {"allowed_tools": {"tools": ["a"]}}},
    }
    assert [e.pointer for e in goes_along(fields, ["/tools/0"])] == [
        "/generation_config/tool_choice"
    ]
    assert goes_along(fields, []) == []

"""Answers with the wrong thing anywhere: read without failing, and edited where they must be."""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from firedoor.testing import Call, Reply
from firedoor.testing.shapes import (
    chat,
    chat_events,
    message,
    message_events,
    response,
    response_events,
)
from firedoor.types.exchange import Surface
from firedoor.types.part import OutputPart, ToolCall
from firedoor.wire import surface_wire

REPLY = Reply(
    "Some text.",
    (Call("read_file", {"path": "a"}, id="call_a"), Call("spawn", {"n": "b"}, id="call_b")),
)
WHOLE = {
    Surface.OPENAI_CHAT: chat(REPLY, "m", 1),
    Surface.OPENAI_RESPONSES: response(REPLY, "m", 1),
    Surface.ANTHROPIC_MESSAGES: message(REPLY, "m", 1),
}
EVENTS = {
    Surface.OPENAI_CHAT: list(chat_events(REPLY, "m", 1, usage=True)),
    Surface.OPENAI_RESPONSES: list(response_events(REPLY, "m", 1)),
    Surface.ANTHROPIC_MESSAGES: list(message_events(REPLY, "m", 1)),
}
SURFACES = pytest.mark.parametrize("surface", list(WHOLE))
WRONG: tuple[Any, ...] = (
    None, True, -1, 20_000_000, 2**70, 1.5, float("nan"), "x", [], [[]], [None, 5], {}, {"a": []},
    {"type": []}, [{"type": {}}],
)  # fmt: skip


def mutants(value: Any) -> Iterator[Any]:
    """``value`` with each place below it taken by each wrong thing, and with it gone."""
    for path in list(_paths(value)):
        for wrong in WRONG:
            made = copy.deepcopy(value)
            _at(made, path)[path[-1]] = wrong
            yield made
        gone = copy.deepcopy(value)
        del _at(gone, path)[path[-1]]
        yield gone


def _paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in steps:
        yield (*before, step)
        if isinstance(inner, dict | list):
            yield from _paths(inner, (*before, step))


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path[:-1]:
        value = value[step]
    return value


@SURFACES
def test_wrong_types_in_an_answer_break_nothing(surface: Surface) -> None:
    wire = surface_wire(surface)
    for mutant in mutants(WHOLE[surface]):
        body = json.dumps(mutant).encode()
        answer = wire.read_answer(body)
        refused = {
            p.pointer: "Refused." for p in answer.output
            if isinstance(p, ToolCall) and p.name == "spawn"
        }  # fmt: skip
        edited = wire.read_answer(wire.edit_answer(body, refused))
        assert "spawn" not in [p.name for p in edited.output if isinstance(p, ToolCall)]
        json.dumps(answer, allow_nan=False).encode()
        for tokens in answer.usage or ():
            assert not isinstance(tokens, int) or 0 <= tokens < 2**63


@SURFACES
def test_wrong_types_in_a_stream_break_nothing(surface: Surface) -> None:
    """Nothing fails, and where nothing is held every byte leaves as it came."""
    for place, event in enumerate(EVENTS[surface]):
        head, _, data = event.rpartition("data: ")
        if data == "[DONE]":
            continue
        for mutant in mutants(json.loads(data)):
            events = [*EVENTS[surface]]
            events[place] = head + "data: " + json.dumps(mutant)
            body = "".join(e + "\n\n" for e in events).encode()
            assert _left(surface, body, hold=False) == body
            _left(surface, body, hold=True)


def _left(surface: Surface, body: bytes, *, hold: bool) -> bytes:
    stream = surface_wire(surface).stream(hold)
    out = b""
    for pieces in (stream.feed(body), stream.end()):
        for piece in pieces:
            if isinstance(piece.done, ToolCall):
                stream.decide("Refused." if piece.done.name == "spawn" else None)
            out += piece.raw
    json.dumps(stream.answer(), allow_nan=False).encode()
    return out


# -- pointers ------------------------------------------------------------------------------------

CALL = {"type": "tool_use", "id": "a", "name": "spawn", "input": {}}
FUNCTION = {"id": "a", "type": "function", "function": {"name": "spawn", "arguments": "{}"}}
ITEM = {"type": "function_call", "id": "f", "call_id": "a", "name": "spawn", "arguments": "{}"}


@pytest.mark.parametrize("odd", [None, 5, "x", []])
@pytest.mark.parametrize(
    ("surface", "make"),
    [
        (Surface.ANTHROPIC_MESSAGES, lambda odd: {"content": [odd, CALL]}),
        (
            Surface.OPENAI_CHAT,
            lambda odd: {"choices": [odd, {"message": {"tool_calls": [odd, FUNCTION]}}]},
        ),
        (Surface.OPENAI_RESPONSES, lambda odd: {"output": [odd, ITEM]}),
    ],
)
def test_pointers_count_what_is_no_object(surface: Surface, make: Any, odd: Any) -> None:
    wire = surface_wire(surface)
    body = json.dumps(make(odd)).encode()
    (call,) = [p for p in wire.read_answer(body).output if isinstance(p, ToolCall)]
    assert call.name == "spawn"
    value = json.loads(body)
    for step in call.pointer.split("/")[1:]:
        value = value[int(step)] if isinstance(value, list) else value[step]
    assert value in (CALL, FUNCTION, ITEM)
    edited = wire.edit_answer(body, {call.pointer: "Refused."})
    assert b"spawn" not in edited
    assert b"Refused." in edited


# -- what SDKs read --------------------------------------------------------------------------------


@SURFACES
@pytest.mark.parametrize(
    ("where", "put"),
    [
        (b'"model"', b'"odd":"\\ud83d","model"'),
        (b'"model"', b'"odd":NaN,"model"'),
        (b'"name": "spawn"', b'"name": "read_file", "name": "spawn"'),
    ],
)
def test_a_plain_answer_is_read_as_sdks_read_it(surface: Surface, where: bytes, put: bytes) -> None:
    wire = surface_wire(surface)
    body = json.dumps(WHOLE[surface]).encode().replace(where, put)
    assert json.loads(body)
    answer = wire.read_answer(body)
    names = {p.name: p.pointer for p in answer.output if isinstance(p, ToolCall)}
    assert set(names) == {"read_file", "spawn"}
    edited = wire.edit_answer(body, {names["spawn"]: "Refused."})
    left = [p.name for p in wire.read_answer(edited).output if isinstance(p, ToolCall)]
    assert left == ["read_file"]
    assert b"call_b" not in edited


def test_a_list_of_parts_as_content_is_read() -> None:
    content = [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]
    body = json.dumps({"choices": [{"message": {"content": content}}]}).encode()
    answer = surface_wire(Surface.OPENAI_CHAT).read_answer(body)
    assert [p.text for p in answer.output if isinstance(p, OutputPart)] == [
        "text\nOne.\ntext\nTwo."
    ]
    assert answer.turns[0][0].content == ("t:One.", "t:Two.")


# -- edits -----------------------------------------------------------------------------------------


def test_every_other_byte_of_an_edited_answer_stays() -> None:
    odd = b'{ "id" : "caf\\u00e9 \\/",\n\t"n": 1.0e0 , %s }'
    cases = [
        (
            Surface.ANTHROPIC_MESSAGES,
            b'"content":[ {"type":"text", "text":"a"} , %s ] ,"stop_reason" :"%s"',
            b'{"type": "tool_use" ,"id":"a","name":"spawn","input":{ }}',
            b'{"type":"text","text":"Refused."}',
            (b"tool_use", b"end_turn"),
        ),
        (
            Surface.OPENAI_RESPONSES,
            b'"output":[ {"type":"reasoning", "summary":[ ]} , %s ] ,"x" :"%s"',
            b'{"type": "function_call" ,"id":"fc_1","call_id":"c","name":"spawn","arguments":""}',
            b'{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":'
            b'[{"type":"output_text","text":"Refused.","annotations":[],"logprobs":[]}]}',
            (b"y", b"y"),
        ),
    ]
    for surface, shape, before, after, (was, is_) in cases:
        body = odd % (shape % (before, was))
        wire = surface_wire(surface)
        (call,) = [p for p in wire.read_answer(body).output if isinstance(p, ToolCall)]
        assert wire.edit_answer(body, {call.pointer: "Refused."}) == odd % (shape % (after, is_))


def test_every_other_byte_of_an_edited_chat_stays() -> None:
    wire = surface_wire(Surface.OPENAI_CHAT)
    shape = (
        b'{ "choices":[ { "index":0, "message": { "content" : %s%s , "role":"assistant" },\n'
        b' "finish_reason" : "%s" } ], "usage" : { } }'
    )
    one = b'{"id":"a", "function": {"name":"one","arguments":"{ }"}}'
    two = one.replace(b'"a"', b'"b"').replace(b"one", b"two")
    calls = b', "tool_calls" :[ %s , %s ]' % (one, two)
    body = shape % (b"null", calls, b"tool_calls")
    at = "/choices/0/message/tool_calls/"
    first = wire.edit_answer(body, {at + "0": "No."})
    assert first == shape % (b'"No."', b', "tool_calls" :[ %s ]' % two, b"tool_calls")
    both = wire.edit_answer(body, {at + "0": "No.", at + "1": "No."})
    left = shape % (b'"No.\\nNo."', b"", b"stop")
    # The member goes with its own comma and the blanks before the next.
    assert both == left.replace(b' , "role"', b', "role"')


def test_content_that_is_not_there_is_added() -> None:
    wire = surface_wire(Surface.OPENAI_CHAT)
    body = json.dumps({"choices": [{"message": {"tool_calls": [FUNCTION]}}]}).encode()
    edited = json.loads(wire.edit_answer(body, {"/choices/0/message/tool_calls/0": "No."}))
    assert edited == {"choices": [{"message": {"content": "No."}}]}

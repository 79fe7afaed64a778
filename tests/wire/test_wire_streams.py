"""Streams: any split of the bytes gives the same pieces; a refused call is replaced whole."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.testing import Call, Reply
from firedoor.testing.shapes import chat_events, message_events, response_events
from firedoor.types.exchange import Surface
from firedoor.types.part import Answer, OutputPart, ToolCall
from firedoor.wire import surface_wire

REPLY = Reply(
    "Let me look at this first, and then at the rest.",
    (Call("read_file", {"path": "a.md"}, id="call_a"), Call("spawn", {"name": "b é"}, id="call_b")),
)
STREAMS = {
    Surface.OPENAI_CHAT: list(chat_events(REPLY, "m", 1, usage=True)),
    Surface.OPENAI_RESPONSES: list(response_events(REPLY, "m", 1)),
    Surface.ANTHROPIC_MESSAGES: list(message_events(REPLY, "m", 1)),
}
SURFACES = pytest.mark.parametrize("surface", list(STREAMS))


def raw(surface: Surface) -> bytes:
    return "".join(e + "\n\n" for e in STREAMS[surface]).encode()


def read(
    surface: Surface, chunks: Iterable[bytes], *, refuse: frozenset[str] = frozenset()
) -> tuple[bytes, list[str], Answer, bool]:
    """What leaves, what was said, the answer, and whether it was complete."""
    stream = surface_wire(surface).stream(True)
    out, said = b"", []
    pieces = [p for chunk in chunks for p in _run(stream, stream.feed(chunk), refuse)]
    pieces += _run(stream, stream.end(), refuse)
    for piece_raw, done in pieces:
        out += piece_raw
        if isinstance(done, ToolCall):
            said.append(f"call {done.name} {done.arguments}")
        elif isinstance(done, OutputPart):
            said.append(f"text {done.text}")
    return out, said, stream.answer(), stream.complete


def _run(stream: object, pieces: object, refuse: frozenset[str]) -> list[tuple[bytes, object]]:
    found = []
    for piece in pieces:  # type: ignore[attr-defined]
        if isinstance(piece.done, ToolCall):
            stream.decide("Refused." if piece.done.name in refuse else None)  # type: ignore[attr-defined]
        found.append((piece.raw, piece.done))
    return found


@SURFACES
def test_what_is_allowed_leaves_byte_for_byte(surface: Surface) -> None:
    out, said, answer, complete = read(surface, [raw(surface)])
    assert out == raw(surface)
    assert complete
    assert said == [
        f"text {REPLY.text}",
        'call read_file {"path":"a.md"}',
        'call spawn {"name":"b é"}',
    ] or sorted(said) == sorted(
        [f"text {REPLY.text}", 'call read_file {"path":"a.md"}', 'call spawn {"name":"b é"}']
    )
    assert answer.usage is not None
    assert answer.usage.output_tokens == 22


@SURFACES
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_split_gives_the_same_pieces(surface: Surface, data: st.DataObject) -> None:
    body = raw(surface)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    refuse = frozenset(data.draw(st.sets(st.sampled_from(["read_file", "spawn"]))))
    assert read(surface, chunks, refuse=refuse) == read(surface, [body], refuse=refuse)


@SURFACES
@pytest.mark.parametrize("ending", [b"\r\n", b"\n"])
def test_line_endings_do_not_matter(surface: Surface, ending: bytes) -> None:
    body = raw(surface).replace(b"\n", ending)
    out, said, _, complete = read(surface, [bytes([b]) for b in body])
    assert out == body
    assert complete
    assert len(said) == 3


def answer_of(surface: Surface, body: bytes) -> Answer:
    """What a client without a door would read of a stream."""
    return read(surface, [body])[2]


@SURFACES
@pytest.mark.parametrize("refused", [{"read_file"}, {"spawn"}, {"read_file", "spawn"}])
def test_a_refused_call_is_nowhere_in_the_stream(surface: Surface, refused: set[str]) -> None:
    out, _, answer, complete = read(surface, [raw(surface)], refuse=frozenset(refused))
    assert complete
    for name in refused:
        assert name.encode() not in out
    again = answer_of(surface, out)
    kept = [p.name for p in again.output if isinstance(p, ToolCall)]
    assert kept == [n for n in ("read_file", "spawn") if n not in refused]
    texts = " ".join(p.text for p in again.output if isinstance(p, OutputPart))
    assert texts.count("Refused.") == len(refused)
    assert again.turns == answer.turns
    last = "tool_calls tool_use completed" if kept else "stop end_turn completed"
    assert again.finish[0] in last


@SURFACES
def test_half_a_call_never_leaves(surface: Surface) -> None:
    """WIRE §3.2: some frameworks run a half call, one makes it a call without arguments."""
    body = raw(surface)
    cut = body.index(b"read_file") + 60
    out, said, answer, complete = read(surface, [body[:cut]])
    assert b"read_file" not in out
    assert not complete
    assert not [p for p in answer.output if isinstance(p, ToolCall)]
    assert not [s for s in said if s.startswith("call")]


def test_numbers_stay_dense_after_a_refusal() -> None:
    body = raw(Surface.OPENAI_RESPONSES)
    out, _, _, _ = read(Surface.OPENAI_RESPONSES, [body], refuse=frozenset({"read_file"}))
    events = [
        json.loads(line[6:]) for line in out.decode().split("\n") if line.startswith("data: ")
    ]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    terminal = events[-1]["response"]["output"]
    assert [item["type"] for item in terminal] == ["message", "message", "function_call"]


def test_call_indexes_stay_dense_after_a_refusal() -> None:
    body = raw(Surface.OPENAI_CHAT)
    out, _, _, _ = read(Surface.OPENAI_CHAT, [body], refuse=frozenset({"read_file"}))
    chunks = [json.loads(row[6:]) for row in out.decode().split("\n") if row.startswith("data: {")]
    indexes = {
        call["index"]
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls", [])
    }
    assert indexes == {0}


@SURFACES
def test_whole_answers_are_edited_like_streamed_ones(surface: Surface) -> None:
    from firedoor.testing.shapes import chat, message, response

    whole = {
        Surface.OPENAI_CHAT: chat,
        Surface.OPENAI_RESPONSES: response,
        Surface.ANTHROPIC_MESSAGES: message,
    }[surface](REPLY, "m", 1)
    wire = surface_wire(surface)
    body = json.dumps(whole).encode()
    before = wire.read_answer(body)
    pointers = [p.pointer for p in before.output if isinstance(p, ToolCall)]
    edited = wire.edit_answer(body, dict.fromkeys(pointers, "Refused."))
    after = wire.read_answer(edited)
    assert not [p for p in after.output if isinstance(p, ToolCall)]
    assert b"read_file" not in edited
    streamed = read(surface, [raw(surface)], refuse=frozenset({"read_file", "spawn"}))[2]
    assert after.turns == streamed.turns
    assert after.finish == streamed.finish

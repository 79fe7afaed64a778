"""Streams that no provider should send: judged as a client reads them, or not passed at all."""

import json
import time
from typing import Any

import pytest

from firedoor.testing import Call, Reply
from firedoor.testing.shapes import chat_events, message_events, response_events
from firedoor.types.exchange import Surface
from firedoor.types.part import OutputPart, ToolCall
from firedoor.wire import surface_wire

CHAT, RESPONSES, MESSAGES = (
    Surface.OPENAI_CHAT,
    Surface.OPENAI_RESPONSES,
    Surface.ANTHROPIC_MESSAGES,
)
SURFACES = pytest.mark.parametrize("surface", [CHAT, RESPONSES, MESSAGES])
REPLY = Reply("Some text.", (Call("read_file", {"path": "a"}, id="call_a"),))


class Read:
    """What came of one stream."""

    def __init__(self, surface: Surface, body: bytes, refuse: str = "spawn", hold: bool = True):
        self.stream = surface_wire(surface).stream(hold)
        self.out = b""
        self.calls: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.unreadable = False
        for pieces in (self.stream.feed(body), self.stream.end()):
            for piece in pieces:
                self.unreadable |= piece.unreadable
                if isinstance(piece.done, ToolCall):
                    self.calls.append((piece.done.name, piece.done.arguments))
                    self.stream.decide("Refused." if piece.done.name == refuse else None)
                elif isinstance(piece.done, OutputPart):
                    self.texts.append(piece.done.text)
                if not self.unreadable:
                    self.out += piece.raw

    @property
    def events(self) -> list[Any]:
        rows = self.out.decode().split("\n")
        return [json.loads(row[6:]) for row in rows if row.startswith("data: {")]


def whole(surface: Surface, reply: Reply = REPLY) -> bytes:
    events = {
        CHAT: list(chat_events(reply, "m", 1, usage=True)),
        RESPONSES: list(response_events(reply, "m", 1)),
        MESSAGES: list(message_events(reply, "m", 1)),
    }[surface]
    return "".join(e + "\n\n" for e in events).encode()


def written(*values: Any, named: bool = False) -> bytes:
    rows = [
        (f"event: {v['type']}\n" if named else "") + "data: " + json.dumps(v) + "\n\n"
        for v in values
    ]
    return "".join(rows).encode()


# -- chat completions --------------------------------------------------------------------------


def claim(index: Any, id_: str | None = None, name: str = "", arguments: str = "") -> Any:
    head = {} if id_ is None else {"id": id_, "type": "function"}
    return {"index": index, **head, "function": {"name": name, "arguments": arguments}}


def chunk(*claims: Any, finish: str | None = None, **delta: Any) -> Any:
    if claims:
        delta["tool_calls"] = list(claims)
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def chat(*chunks: Any) -> bytes:
    return written(*chunks) + b"data: [DONE]\n\n"


def client_calls(read: Read) -> dict[int, list[str]]:
    """What a client that goes by the index makes of the calls: id, name, arguments."""
    calls: dict[int, list[str]] = {}
    for event in read.events:
        for choice in event["choices"]:
            for said in choice["delta"].get("tool_calls", []):
                call = calls.setdefault(said["index"], ["", "", ""])
                call[0] += said.get("id", "")
                call[1] += said["function"]["name"]
                call[2] += said["function"]["arguments"]
    return calls


def finishes(read: Read) -> list[str]:
    choices = [c for e in read.events for c in e["choices"]]
    return [c["finish_reason"] for c in choices if c["finish_reason"]]


@pytest.mark.parametrize("first", ["read_file", "spawn"])
def test_two_ids_at_one_index_are_two_calls(first: str) -> None:
    second = "spawn" if first == "read_file" else "read_file"
    read = Read(
        CHAT,
        chat(
            chunk(claim(0, "a", first)),
            chunk(claim(0, None, "", "{}")),
            chunk(claim(0, "b", second)),
            chunk(claim(0, None, "", '{"b":1}')),
            chunk(finish="tool_calls"),
        ),
    )
    assert read.calls == [(first, "{}"), (second, '{"b":1}')]
    kept = ["a", first, "{}"] if first == "read_file" else ["b", second, '{"b":1}']
    assert client_calls(read) == {0: kept}
    assert b"spawn" not in read.out
    assert finishes(read) == ["tool_calls"]


def test_allowed_calls_that_share_an_index_get_one_each() -> None:
    """A client that goes by the index would make one call of them, which nobody judged."""
    chunks = [
        chunk(claim(0, "a", "one", "{}")),
        chunk(claim(0, "b", "two", "{}")),
        chunk(finish="tool_calls"),
    ]
    assert client_calls(Read(CHAT, chat(*chunks))) == {0: ["a", "one", "{}"], 1: ["b", "two", "{}"]}
    assert Read(CHAT, chat(*chunks), hold=False).out == chat(*chunks)


def test_a_name_after_arguments_begins_another_call() -> None:
    read = Read(
        CHAT,
        chat(
            chunk(claim(0, "", "read_file", "{}")),
            chunk(claim(0, "", "spawn", "{}")),
            chunk(finish="tool_calls"),
        ),
    )
    assert read.calls == [("read_file", "{}"), ("spawn", "{}")]
    assert b"spawn" not in read.out


def test_a_head_that_is_said_again_is_the_same_call() -> None:
    heads = [chunk(claim(0, "a", "spawn", part)) for part in ("{", "}")]
    read = Read(CHAT, chat(*heads, chunk(finish="tool_calls")))
    assert read.calls == [("spawn", "{}")]
    assert finishes(read) == ["stop"]


def test_arguments_of_a_call_may_come_after_the_next_one_began() -> None:
    body = chat(
        chunk(claim(0, "a", "read_file", '{"p"')),
        chunk(claim(1, "b", "other", "{}")),
        chunk(claim(0, None, "", ":1}")),
        chunk(finish="tool_calls"),
    )
    read = Read(CHAT, body)
    assert read.calls == [("read_file", '{"p":1}'), ("other", "{}")]
    assert read.out == body


def test_a_refused_call_after_the_finish_changes_the_finish() -> None:
    read = Read(
        CHAT, chat(chunk(content="Hm."), chunk(finish="tool_calls"), chunk(claim(0, "a", "spawn")))
    )
    assert read.calls == [("spawn", "")]
    assert finishes(read) == ["stop"]
    assert b"spawn" not in read.out
    assert read.stream.answer().finish == ("stop",)


def test_a_call_after_the_finish_may_be_allowed() -> None:
    body = chat(
        chunk(content="Hm."), chunk(finish="tool_calls"), chunk(claim(0, "a", "read_file", "{}"))
    )
    assert Read(CHAT, body).out == body


@pytest.mark.parametrize("index", ["0", 0.0, None, True, [0], -1])
def test_an_odd_index_hides_no_call(index: Any) -> None:
    read = Read(
        CHAT,
        chat(
            chunk(claim(index, "a", "read_file", "{}")),
            chunk(claim(index, "b", "spawn", "{}")),
            chunk(finish="tool_calls"),
        ),
    )
    assert read.calls == [("read_file", "{}"), ("spawn", "{}")]
    assert b"spawn" not in read.out


def test_a_call_of_an_unknown_type_is_judged_by_its_name() -> None:
    said = {"index": 0, "id": "a", "type": "brand_new", "brand_new": {"name": "spawn", "input": 1}}
    read = Read(CHAT, chat(chunk(said), chunk(finish="tool_calls")))
    assert read.calls == [("spawn", "1")]
    assert b"brand_new" not in read.out


# -- messages --------------------------------------------------------------------------------------


def message_stream(*events: Any, stop: str = "tool_use") -> bytes:
    return written(
        {"type": "message_start", "message": {"id": "m", "role": "assistant", "content": []}},
        *events,
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
        named=True,
    )


def block(index: Any, name: str, kind: str = "tool_use") -> list[Any]:
    begun = {"type": kind, "id": f"id_{name}", "name": name, "input": {}}
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        {"type": "content_block_stop", "index": index},
    ]


@pytest.mark.parametrize("names", [("read_file", "spawn"), ("spawn", "read_file")])
def test_blocks_that_share_an_index_are_judged_one_by_one(names: tuple[str, str]) -> None:
    read = Read(MESSAGES, message_stream(*block(0, names[0]), *block(0, names[1])))
    assert [name for name, _ in read.calls] == list(names)
    assert b"spawn" not in read.out
    assert b"id_read_file" in read.out
    assert read.stream.answer().finish == ("tool_use",)


@pytest.mark.parametrize("index", [20_000_000, 2**70, "0", None, -5])
def test_a_strange_index_costs_nothing_and_hides_nothing(index: Any) -> None:
    started = time.perf_counter()
    body = message_stream(*block(index, "read_file"), *block(index, "spawn"))
    read = Read(MESSAGES, body)
    assert [name for name, _ in read.calls] == ["read_file", "spawn"]
    assert b"spawn" not in read.out
    assert len(read.stream.answer().turns[0]) == 1
    assert time.perf_counter() - started < 1


def test_a_refused_block_after_the_message_delta_changes_the_stop_reason() -> None:
    first = message_stream().split(b"event: message_stop")[0]
    late = written(*block(0, "spawn"), {"type": "message_stop"}, named=True)
    read = Read(MESSAGES, first + late)
    reasons = [e["delta"]["stop_reason"] for e in read.events if e["type"] == "message_delta"]
    assert reasons == ["end_turn"]
    assert b"spawn" not in read.out


def test_a_block_that_came_with_the_start_is_judged() -> None:
    call = {"type": "tool_use", "id": "a", "name": "spawn", "input": {}}
    start = {"type": "message_start", "message": {"id": "m", "content": [call]}}
    read = Read(MESSAGES, written(start, {"type": "message_stop"}, named=True))
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b"spawn" not in read.out


def test_an_event_without_a_type_goes_by_its_name() -> None:
    body = b""
    for event in block(0, "spawn"):
        kind = event.pop("type")
        body += f"event: {kind}\ndata: {json.dumps(event)}\n\n".encode()
    read = Read(MESSAGES, body + written({"type": "message_stop"}, named=True))
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b"spawn" not in read.out


def test_a_block_of_an_unknown_type_is_a_call_if_it_looks_like_one() -> None:
    read = Read(MESSAGES, message_stream(*block(0, "spawn", "brand_new_use")))
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b"spawn" not in read.out
    assert read.stream.answer().finish == ("end_turn",)


def test_a_block_of_an_unknown_type_is_text_if_it_does_not() -> None:
    begun = {"type": "brand_new", "words": ["One.", {"more": "Two."}]}
    body = message_stream(
        {"type": "content_block_start", "index": 0, "content_block": begun},
        {"type": "content_block_stop", "index": 0},
        stop="end_turn",
    )
    read = Read(MESSAGES, body)
    assert read.out == body
    assert read.texts == ["One.\nTwo."]


# -- responses -------------------------------------------------------------------------------------


def item(name: str, kind: str = "function_call") -> dict[str, Any]:
    return {"type": kind, "id": f"fc_{name}", "call_id": f"c_{name}", "name": name,
            "arguments": "{}"}  # fmt: skip


def response_stream(*events: Any, output: list[Any], ends: str = "response.completed") -> bytes:
    return written(
        *events, {"type": ends, "response": {"id": "r", "status": "completed", "output": output}},
        named=True,
    )  # fmt: skip


def item_events(index: Any, whole_item: dict[str, Any]) -> list[Any]:
    return [
        {"type": "response.output_item.added", "output_index": index, "item": whole_item},
        {"type": "response.output_item.done", "output_index": index, "item": whole_item},
    ]


@pytest.mark.parametrize("names", [("read_file", "spawn"), ("spawn", "read_file")])
def test_items_that_share_an_output_index_are_told_apart(names: tuple[str, str]) -> None:
    items = [item(n) for n in names]
    body = response_stream(*item_events(0, items[0]), *item_events(0, items[1]), output=items)
    read = Read(RESPONSES, body)
    assert [name for name, _ in read.calls] == list(names)
    assert b"spawn" not in read.out.replace(b"msg_spawn", b"")
    kept = [i.get("name") for i in read.events[-1]["response"]["output"]]
    assert sorted(str(k) for k in kept) == ["None", "read_file"]
    answer = read.stream.answer()
    assert [p.name for p in answer.output if isinstance(p, ToolCall)] == ["read_file"]


@pytest.mark.parametrize("index", [20_000_000, "0", None, [1]])
def test_a_strange_output_index_hides_nothing(index: Any) -> None:
    started = time.perf_counter()
    body = response_stream(*item_events(index, item("spawn")), output=[item("spawn")])
    read = Read(RESPONSES, body)
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b"c_spawn" not in read.out
    read.stream.answer()
    assert time.perf_counter() - started < 1


def test_a_terminal_copy_that_asks_for_more_is_judged_again() -> None:
    allowed, other = item("read_file"), item("read_file") | {"name": "spawn"}
    read = Read(RESPONSES, response_stream(*item_events(0, allowed), output=[other]))
    assert [name for name, _ in read.calls] == ["read_file", "spawn"]
    assert [i["type"] for i in read.events[-1]["response"]["output"]] == ["message"]


def test_a_call_in_an_earlier_copy_of_the_response_is_judged() -> None:
    early = {"type": "response.in_progress", "response": {"output": [item("spawn")]}}
    read = Read(RESPONSES, response_stream(early, output=[]))
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b"c_spawn" not in read.out


def test_events_of_a_call_that_never_began_do_not_pass() -> None:
    at = {"item_id": "fc_spawn", "output_index": 0}
    done = {"type": "response.function_call_arguments.done", **at, "name": "spawn",
            "arguments": "{}"}  # fmt: skip
    assert b"spawn" not in Read(RESPONSES, response_stream(done, output=[])).out
    allowed = response_stream(
        done | {"item_id": "fc_read_file"}, *item_events(0, item("read_file"))[1:],
        output=[item("read_file")],
    )  # fmt: skip
    assert Read(RESPONSES, allowed).out == allowed


def test_an_item_without_its_done_is_judged_at_the_end() -> None:
    for name in ("spawn", "read_file"):
        body = response_stream(item_events(0, item(name))[0], output=[item(name)])
        read = Read(RESPONSES, body)
        assert [n for n, _ in read.calls] == [name]
        assert read.out == body if name == "read_file" else b"c_spawn" not in read.out


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "brand_new_call", "call_id": "c_spawn", "name": "spawn", "arguments": "{}"},
        {"type": "brand_new", "name": "spawn", "input": {"a": 1}},
        {"name": "spawn", "call_id": "c_spawn"},
        {"type": ["function_call"], "name": "spawn", "arguments": "{}"},
        {"type": "tool_search_call", "execution": "client", "name": "spawn", "arguments": {}},
    ],
)
def test_an_item_of_an_unknown_type_is_a_call_if_it_looks_like_one(odd: dict[str, Any]) -> None:
    read = Read(RESPONSES, response_stream(*item_events(0, odd), output=[odd]))
    assert [name for name, _ in read.calls] == ["spawn"]
    assert b'"spawn"' not in read.out
    plain = surface_wire(RESPONSES).read_answer(json.dumps({"output": [odd]}).encode())
    assert [p.name for p in plain.output if isinstance(p, ToolCall)] == ["spawn"]


def test_an_item_of_an_unknown_type_is_text_if_it_does_not() -> None:
    odd = {"type": "brand_new", "id": "x", "words": ["One.", {"more": "Two."}]}
    body = response_stream(*item_events(0, odd), output=[odd])
    read = Read(RESPONSES, body)
    assert read.out == body
    assert read.texts == ["One.\nTwo."]


# -- events that the door cannot read as a client does ---------------------------------------------


@SURFACES
@pytest.mark.parametrize(
    "data",
    [
        '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use"',
        "[{}]",
        "[" * 300 + "]" * 300,
        '{"a":"\x01"}',
        '{"a":1} {"b":2}',
    ],
)
def test_what_a_client_might_read_otherwise_does_not_pass(surface: Surface, data: str) -> None:
    odd = f"data: {data}\n\n".encode()
    body = odd + whole(surface)
    read = Read(surface, body)
    assert read.unreadable
    assert read.out == b""
    assert Read(surface, body, hold=False).out == body


@SURFACES
@pytest.mark.parametrize("data", ["", " ", "null", "5", '"words"', "[DONE]"])
def test_what_holds_nothing_passes(surface: Surface, data: str) -> None:
    odd = f"data: {data}\n\n".encode()
    read = Read(surface, odd + whole(surface))
    if data == "[DONE]" and surface is not Surface.ANTHROPIC_MESSAGES:
        # Clients of these stop at it, as if the answer were over.
        assert (read.out, read.unreadable) == (b"", True)
    else:
        assert read.out == odd + whole(surface)


def _spawn(surface: Surface) -> bytes:
    return whole(surface, Reply("Some text.", (Call("spawn", {"path": "a"}, id="call_a"),)))


@SURFACES
@pytest.mark.parametrize(
    ("where", "put"),
    [
        (b'"type":', b'"odd":"\\ud83d","type":'),
        (b'"index":', b'"odd":NaN,"index":'),
        (b'"index":', b'"index":7,"index":'),
        (b'"type":', b'"type":"ping","type":'),
        (b'"name":"spawn"', b'"name":"read_file","name":"spawn"'),
        (b'"name":"spawn"', b'"name":"spawn\\ud83d"'),
    ],
)
def test_what_sdks_read_is_judged_as_they_read_it(
    surface: Surface, where: bytes, put: bytes
) -> None:
    """Half a surrogate pair, a name that stands twice, NaN: ``json.loads`` takes them all."""
    body = _spawn(surface).replace(where, put)
    refuse = "spawn\ufffd" if b"spawn\\u" in put else "spawn"
    read = Read(surface, body, refuse=refuse)
    assert [name for name, _ in read.calls] == [refuse]
    assert not read.unreadable
    assert b"call_a" not in read.out
    assert Read(surface, body, refuse="").out == body


def test_a_byte_order_mark_hides_no_event() -> None:
    body = b"\xef\xbb\xbf" + chat(chunk(claim(0, "a", "spawn"), finish="tool_calls"))
    assert Read(CHAT, body).calls == [("spawn", "")]


# -- streams that break inside an event ------------------------------------------------------------


@SURFACES
def test_half_an_event_is_dropped(surface: Surface) -> None:
    """Whatever is written next must not run into it."""
    body = whole(surface, Reply("Only some words here.", pieces=3))
    for cut in range(len(body)):
        read = Read(surface, body[:cut])
        before = body[:cut].rpartition(b"\n\n")
        events = before[0] + before[1]
        if not read.stream.complete:
            assert read.out == events, cut
        assert Read(surface, body[:cut], hold=False).out == body[:cut]


@SURFACES
def test_a_whole_last_event_may_lack_its_blank_line(surface: Surface) -> None:
    for cut in (1, 2):
        read = Read(surface, whole(surface)[:-cut])
        assert read.out == whole(surface)[:-cut]
        assert read.stream.complete


def test_half_an_event_after_the_finish_does_not_undo_it() -> None:
    body = written(chunk(content="Done."), chunk(finish="stop"))
    read = Read(CHAT, body + b'data: {"id":"x","choi')
    assert read.out == body
    assert read.stream.complete
    assert not read.unreadable

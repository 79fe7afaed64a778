"""Answers that break off, cannot be read, or break the door itself: both modes hold what they say."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamFailed, UpstreamHead
from firedoor.testing import Call, Reply
from firedoor.testing.shapes import (
    chat,
    chat_events,
    message,
    message_events,
    response,
    response_events,
)
from firedoor.types.exchange import Binding
from firedoor.types.part import Answer
from firedoor.wire import openai_chat, surfaces
from firedoor.wire.surface import SurfaceWire

AGENT = Binding("agent-1", "lab")
REPLY = Reply("Some words.", (Call("read_file", {"path": "a"}, id="call_a"),))
PLAIN = {
    "/v1/chat/completions": chat(REPLY, "m", 1),
    "/v1/responses": response(REPLY, "m", 1),
    "/v1/messages": message(REPLY, "m", 1),
}
STREAMS = {
    "/v1/chat/completions": list(chat_events(REPLY, "m", 1, usage=True)),
    "/v1/responses": list(response_events(REPLY, "m", 1)),
    "/v1/messages": list(message_events(REPLY, "m", 1)),
}
PATHS = pytest.mark.parametrize("path", list(PLAIN))
MODES = pytest.mark.parametrize("mode", ["observe", "contain"])
JSON, SSE = "application/json", "text/event-stream"


@pytest.fixture
def offices() -> Iterator[Any]:
    made: dict[str, Office] = {}

    def of(mode: str) -> Office:
        if mode not in made:
            made[mode] = Office(settings_for(None, mode))
        return made[mode]

    yield of
    for office in made.values():
        office.store.close()


def body_for(path: str) -> bytes:
    turn = [{"role": "user", "content": "hi"}]
    asked = {"input": "hi"} if path == "/v1/responses" else {"messages": turn}
    extra = {"max_tokens": 9} if path == "/v1/messages" else {}
    return json.dumps({"model": "m", **asked, **extra}).encode()


def events(*chunks: bytes, kind: str, fails: str | None = None) -> list[Any]:
    head = UpstreamHead(200, ((b"content-type", kind.encode()), (b"etag", b"e")), 1.7e9)
    end = UpstreamEnd(1.7e9) if fails is None else UpstreamFailed(fails, 1.7e9)
    return [head, *(UpstreamBytes(c, 1.7e9) for c in chunks), end]


def ask(
    office: Office, path: str, *chunks: bytes, kind: str = JSON, fails: str | None = None
) -> Outcome:
    return office.call(
        AGENT, [], path=path, body=body_for(path), upstream=events(*chunks, kind=kind, fails=fails)
    )


def stream_of(path: str) -> bytes:
    return "".join(e + "\n\n" for e in STREAMS[path]).encode()


ODD: list[dict[str, Any]] = [
    {"usage": {"prompt_tokens": 2**70, "completion_tokens": 1, "input_tokens": -(2**70)}},
    {"output": [{"type": []}]},
    {"output": [{"type": {}, "call_id": []}], "content": [None, [], {"type": []}]},
    {"choices": [None, {"message": {"tool_calls": [None, {"function": []}]}}]},
    {"model": "\ud83d", "id": "\udc00", "error": {"type": ["x"], "code": 2**70}},
    {"error": 5},
    {"conversation": {"id": []}, "container": [], "status": {}, "stop_reason": [1]},
]


@MODES
@PATHS
@pytest.mark.parametrize("odd", ODD)
def test_odd_answers_pass_as_they_came(
    offices: Any, mode: str, path: str, odd: dict[str, Any]
) -> None:
    body = json.dumps(PLAIN[path] | odd).encode()
    seen = ask(offices(mode), path, body)
    assert (seen.status, seen.body, seen.clean) == (200, body, True)


@MODES
@PATHS
@pytest.mark.parametrize("odd", ODD)
def test_odd_events_break_nothing(offices: Any, mode: str, path: str, odd: dict[str, Any]) -> None:
    for place, event in enumerate(STREAMS[path]):
        head, _, data = event.rpartition("data: ")
        if data == "[DONE]":
            continue
        value = json.loads(data)
        value |= odd
        if isinstance(value.get("response"), dict):
            value["response"] |= odd
        rows = [*STREAMS[path]]
        rows[place] = head + "data: " + json.dumps(value)
        body = "".join(r + "\n\n" for r in rows).encode()
        seen = ask(offices(mode), path, body[:77], body[77:], kind=SSE)
        assert seen.clean is True
        if mode == "observe":
            assert seen.body == body


# -- answers that cannot be read -------------------------------------------------------------------


@PATHS
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a":1} x', b"\xff\xfe{\0}\0"])
def test_an_unreadable_answer_is_a_native_502(offices: Any, path: str, body: bytes) -> None:
    assert ask(offices("observe"), path, body).body == body
    office = offices("contain")
    seen = ask(office, path, body)
    assert (seen.status, seen.answer["error"]["code"]) == (502, "firedoor_upstream")
    assert "could not be reached" not in seen.answer["error"]["message"]
    assert seen.headers["x-should-retry"] == "false"
    assert office.explain(seen)["state"] == "broken"


@PATHS
def test_an_unreadable_event_ends_the_stream_natively(offices: Any, path: str) -> None:
    first, *rest = STREAMS[path]
    odd = "data: {not json"
    body = "".join(e + "\n\n" for e in [first, odd, *rest]).encode()
    assert ask(offices("observe"), path, body, kind=SSE).body == body
    office = offices("contain")
    seen = ask(office, path, body[:20], body[20:], kind=SSE)
    assert seen.body.startswith(f"{first}\n\n".encode())
    assert b"not json" not in seen.body
    assert b"read_file" not in seen.body
    (ending,) = seen.body[len(first) + 2 :].decode().strip().split("\n\n")
    assert json.loads(ending.rpartition("data: ")[2])["error"]["code"] == "firedoor_upstream"
    assert seen.clean is True
    assert office.explain(seen)["upstream"]["error"] == "malformed"


def test_names_that_stand_twice_are_judged_as_sdks_read_them(tmp_path: Path) -> None:
    policy = (
        "affordances: {spawn: [spawn]}\n"
        "rules:\n  - {id: no-spawn, match: {affordance: spawn}, action: deny}\n"
    )
    office = Office(settings_for(tmp_path, "contain", policy))
    path = "/v1/chat/completions"
    body = json.dumps(PLAIN[path]).encode()
    body = body.replace(b'"name": "read_file"', b'"name": "read_file", "name": "spawn"')
    seen = ask(office, path, body)
    assert "tool_calls" not in seen.answer["choices"][0]["message"]
    assert b"spawn was refused" in seen.body


# -- streams and answers that break off ------------------------------------------------------------


@PATHS
@pytest.mark.parametrize("fails", [None, "reset", "shutdown"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_broken_stream_ends_on_its_own(
    offices: Any, path: str, fails: str | None, inside: bool
) -> None:
    """What was half an event is not there, so that the ending is an event by itself."""
    whole = f"{STREAMS[path][0]}\n\n".encode()
    half = STREAMS[path][1].encode()[:-9] if inside else b""
    watched = ask(offices("observe"), path, whole + half, kind=SSE, fails=fails)
    assert watched.body == whole + half
    assert watched.clean is (fails is None)
    seen = ask(offices("contain"), path, whole + half, kind=SSE, fails=fails)
    assert seen.body.startswith(whole)
    (ending,) = seen.body[len(whole) :].decode().strip().split("\n\n")
    assert json.loads(ending.rpartition("data: ")[2])["error"]["code"] == "firedoor_upstream"
    assert seen.clean is True


@PATHS
def test_a_plain_answer_that_breaks_off(offices: Any, path: str) -> None:
    part = json.dumps(PLAIN[path]).encode()[:40]
    watched = ask(offices("observe"), path, part, fails="reset")
    assert (watched.status, watched.body, watched.clean) == (200, part, False)
    seen = ask(offices("contain"), path, part, fails="reset")
    assert (seen.status, seen.clean) == (502, True)
    assert "x-should-retry" not in seen.headers


@pytest.mark.parametrize("tail", [b": note\n\n", b"data: more\n\n", b": half"])
@PATHS
def test_observe_passes_what_follows_the_end(offices: Any, path: str, tail: bytes) -> None:
    office = offices("observe")
    seen = ask(office, path, stream_of(path), tail, kind=SSE)
    assert seen.body == stream_of(path) + tail
    assert seen.clean is True
    assert office.explain(seen)["state"] == "answered"


def test_a_call_in_a_last_event_without_its_blank_line_is_written_down(offices: Any) -> None:
    office = offices("contain")
    rows = STREAMS["/v1/chat/completions"][:-2]
    seen = ask(office, "/v1/chat/completions", "\n\n".join(rows).encode(), kind=SSE)
    assert b"read_file" in seen.body
    assert [t["name"] for t in office.explain(seen)["tools"]] == ["read_file"]
    assert seen.clean is True


# -- the head of the door's own answers ------------------------------------------------------------


@pytest.mark.parametrize("fails", ["refused", "timeout", "reset"])
def test_a_502_names_the_call_once(offices: Any, fails: str) -> None:
    headers = _all_headers(offices("contain"), [UpstreamFailed(fails, 1.7e9)])
    names = [n for n, _ in headers]
    assert names.count(b"x-firedoor-call") == 1
    assert len(names) == len(set(names))
    assert b"x-should-retry" not in names


BODILESS = [(204, ()), (205, ()), (200, ((b"content-length", b"0"),))]


@pytest.mark.parametrize(("status", "headers"), BODILESS)
def test_an_answer_that_has_no_body_brings_none_unread(
    offices: Any, status: int, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    said = UpstreamBytes(b'{"id": "conv_1", "text": "Unread."}', 1.7e9)
    events: list[Any] = [UpstreamHead(status, headers, 1.7e9), said, UpstreamEnd(1.7e9)]
    seen = offices("contain").call(AGENT, [], path="/v1/conversations", body=b"{}", upstream=events)
    assert (seen.status, seen.body, seen.clean) == (status, b"", False)


@pytest.mark.parametrize(("status", "headers"), BODILESS)
def test_an_answer_without_a_body_needs_no_type(
    offices: Any, status: int, headers: tuple[tuple[bytes, bytes], ...]
) -> None:
    """So are deletions answered, and there is nothing in it that could not be read."""
    events: list[Any] = [UpstreamHead(status, headers, 1.7e9), UpstreamEnd(1.7e9)]
    seen = offices("contain").call(AGENT, [], path="/v1/conversations", body=b"{}", upstream=events)
    assert (seen.status, seen.body, seen.clean) == (status, b"", True)


def test_a_redirect_is_a_502_that_says_so(offices: Any) -> None:
    location = (b"location", b"https://elsewhere.example/")
    head = UpstreamHead(307, (location, (b"x-should-retry", b"true")), 1.7e9)
    headers = _all_headers(offices("contain"), [head])
    names = [n for n, _ in headers]
    assert len(names) == len(set(names))
    assert (b"x-should-retry", b"false") in headers
    seen = offices("contain").call(
        AGENT, [], path="/v1/messages", body=body_for("/v1/messages"), upstream=[head]
    )
    assert "redirect" in seen.answer["error"]["message"]
    assert "could not be reached" not in seen.answer["error"]["message"]


def _all_headers(office: Office, upstream: list[Any]) -> list[tuple[bytes, bytes]]:
    return list(
        office.call(
            AGENT, [], path="/v1/messages", body=body_for("/v1/messages"), upstream=upstream
        ).raw_headers
    )


# -- the door fails itself -------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat surface whose answers cannot be read, as if it had a bug."""

    def broken(body: bytes) -> Answer:
        raise RuntimeError("a bug")

    class BrokenStream(openai_chat.WIRE.stream):  # type: ignore[name-defined,misc]
        def feed(self, chunk: bytes) -> Any:
            yield from super().feed(chunk)
            if b"Some" in chunk:
                raise RuntimeError("a bug")

        def answer(self) -> Answer:
            raise RuntimeError("a bug")

    wire = openai_chat.WIRE
    made = SurfaceWire(
        wire.surface, wire.sections, wire.read_turn, wire.read_field, wire.params, broken,
        wire.edit_answer, BrokenStream,
    )  # fmt: skip
    monkeypatch.setitem(surfaces._SURFACES, wire.surface, made)  # type: ignore[index]


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("kind", [JSON, SSE])
def test_a_door_that_fails_passes_everything_in_observe(offices: Any, kind: str) -> None:
    office = offices("observe")
    office.gives_up = True
    path = "/v1/chat/completions"
    body = json.dumps(PLAIN[path]).encode() if kind == JSON else stream_of(path)
    cuts = [body[:300], body[300:600], body[600:]]
    seen = ask(office, path, *cuts, kind=kind)
    assert (seen.status, seen.body, seen.clean) == (200, body, True)
    assert seen.headers["etag"] == "e"
    found = office.explain(seen)
    assert (found["state"], found["upstream"]["error"]) == ("broken", "failed")


@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize("kind", [JSON, SSE])
def test_a_door_that_fails_ends_the_answer_natively_in_contain(offices: Any, kind: str) -> None:
    office = offices("contain")
    office.gives_up = True
    path = "/v1/chat/completions"
    body = json.dumps(PLAIN[path]).encode() if kind == JSON else stream_of(path)
    seen = ask(office, path, body, kind=kind)
    assert b"read_file" not in seen.body
    assert seen.status == (502 if kind == JSON else 200)
    assert b'"code":"firedoor_upstream"' in seen.body
    assert seen.clean is True
    found = office.explain(seen)
    assert (found["state"], found["upstream"]["error"]) == ("broken", "failed")
    assert len(found["entries"]) == 2

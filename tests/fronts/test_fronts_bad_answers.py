"""Answers that no provider should give, and ids that no caller should have."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream, shapes

ASK: Any = [{"role": "user", "content": "Write the report."}]
SAID = "The report is done, and it is a good one."
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-a-real-key-1"}
STREAM = "".join(e + "\n\n" for e in shapes.chat_events(Reply(SAID), "m", 1, usage=True)).encode()
USAGE = {"include_usage": True}
MORE = b'data: {"id":"x","choices":[{"index":0,"delta":{"content":"More."}}]}\n\ndata: [DONE]\n\n'


def streamed(url: str) -> bytes:
    body = {"model": "m", "messages": ASK, "stream": True, "stream_options": USAGE}
    return httpx.post(url + "/v1/chat/completions", json=body, headers=HEADERS).content


@pytest.fixture(params=["together", "apart"])
def after_the_end(
    request: pytest.FixtureRequest, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that goes on after `[DONE]`, in the same packet or in one of its own."""
    if request.param == "together":
        upstream.script = lambda call: Reply(raw=STREAM + MORE, content_type="text/event-stream")
        return
    upstream.script = lambda call: Reply(SAID, pause_s=0.02)

    def events(*given: Any) -> Iterator[str]:
        yield from shapes.chat_events(Reply(SAID), "m", 1, usage=True)
        yield from MORE.decode().strip().split("\n\n")

    monkeypatch.setattr("firedoor.testing.upstream._events", events)


@pytest.mark.usefixtures("after_the_end")
def test_what_comes_after_the_end_passes_in_observe(serve: Serve) -> None:
    assert streamed(serve("observe").url) == STREAM + MORE


@pytest.mark.usefixtures("after_the_end")
def test_what_comes_after_the_end_does_not_add_to_the_answer_in_contain(serve: Serve) -> None:
    """Either it does not leave, or it was read like all the rest: no text passes unlabelled."""
    running = serve("contain")
    got = streamed(running.url)
    assert got.startswith(STREAM)
    if b"More." in got:
        (call,) = running.reader.calls()
        said = running.reader.content(call["call"])["answer"]
        assert any("More." in text for text in said.values())


ABSURD: list[Any] = [
    {"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12},
    {"prompt_tokens": 10**30, "completion_tokens": 2**63, "total_tokens": 0},
    {"prompt_tokens": 1.5, "completion_tokens": "9", "total_tokens": None},
    {"prompt_tokens": True, "completion_tokens": [1], "total_tokens": {}},
    [1, 2],
    "many",
    -1,
]


@pytest.mark.parametrize("usage", ABSURD, ids=lambda u: json.dumps(u)[:24])
@pytest.mark.parametrize("stream", [False, True])
def test_absurd_usage_breaks_nothing_and_counts_nothing_below_zero(
    serve: Serve, upstream: ScriptedUpstream, usage: Any, stream: bool
) -> None:
    whole = shapes.chat(Reply(SAID), "m", 1) | {"usage": usage}
    raw = json.dumps(whole).encode()
    kind = "application/json"
    if stream:
        chunk = {"id": "x", "choices": [], "usage": usage}
        end = b"data: [DONE]\n\n"
        raw = STREAM.replace(end, b"data: " + json.dumps(chunk).encode() + b"\n\n" + end)
        kind = "text/event-stream"
    upstream.script = lambda call: Reply(raw=raw, content_type=kind)
    running = serve("contain")
    body = {"model": "m", "messages": ASK, "stream": stream}
    if stream:
        body["stream_options"] = USAGE
    got = httpx.post(running.url + "/v1/chat/completions", json=body, headers=HEADERS)
    assert (got.status_code, got.content) == (200, raw)
    (call,) = running.reader.calls()
    told = (running.reader.closed(call["call"]) or {})["upstream"]["usage"]
    for count in told.values():
        assert count is None or 0 <= count < 2**53, told
    assert running.reader.verify().ok


UNKNOWN = [
    b"event: x\ndata: {}\n\n",
    b'data: {"type":"nobody.knows","text":"hm"}\n\n',
    b": a comment\n\n",
    b"data:\n\n",
    b"id: 7\nretry: 9\n\n",
]


@pytest.mark.parametrize("event", UNKNOWN, ids=repr)
@pytest.mark.parametrize("mode", ["observe", "contain"])
def test_unknown_events_pass_where_they_stood(
    serve: Serve, upstream: ScriptedUpstream, event: bytes, mode: str
) -> None:
    first, blank, rest = STREAM.partition(b"\n\n")
    raw = first + blank + event + rest
    upstream.script = lambda call: Reply(raw=raw, content_type="text/event-stream")
    assert streamed(serve(mode).url) == raw


def test_an_event_that_cannot_be_read_ends_a_stream_in_contain(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    first, blank, rest = STREAM.partition(b"\n\n")
    raw = first + blank + b"data: no json\n\n" + rest
    upstream.script = lambda call: Reply(raw=raw, content_type="text/event-stream")
    assert streamed(serve("observe").url) == raw
    stopped = streamed(serve("contain").url)
    assert stopped.startswith(first + blank)
    assert b"no json" not in stopped
    assert b"firedoor_upstream" in stopped


GUESSES = [
    "resp_1", "resp_01", "RESP_1", "resp_1 ", "resp_1.", "resp_2", "resp_", "resp_1~", "x" * 513,
    "resp_1resp_1",
]  # fmt: skip


@pytest.mark.firedoor_mode("contain")
def test_ids_are_neither_guessed_nor_replayed(door: Door, upstream: ScriptedUpstream) -> None:
    """Another room's id, one that looks like it, and one's own after it was told by another."""
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("writer", compartment="press"):
        id_ = sdk.responses.create(model="m", input="Write.").id
        assert id_ == "resp_1"
    before = len(upstream.calls)
    with door.instance("spy", compartment="lab"):
        for guess in GUESSES:
            with pytest.raises(openai.APIStatusError) as error:
                sdk.responses.create(model="m", input="x", previous_response_id=guess)
            assert error.value.status_code == 403, guess
            if "/" not in guess and " " not in guess:
                with pytest.raises(openai.APIStatusError):
                    sdk.responses.retrieve(guess)
        # A text that names the id gives no right to it.
        item: Any = [{"type": "item_reference", "id": "msg_1"}]
        with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
            sdk.responses.create(model="m", input=item)
    assert len(upstream.calls) == before
    # The same provider id told again in an answer to somebody else changes nothing.
    upstream.script = lambda call: Reply(raw=json.dumps(
        shapes.response(Reply("x"), "m", 1)).encode())  # fmt: skip
    with door.instance("spy", compartment="lab"):
        sdk.responses.create(model="m", input="x")
        with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
            sdk.responses.retrieve("resp_1")
    with door.instance("writer", compartment="press"):
        assert sdk.responses.retrieve("resp_1").id == "resp_1"

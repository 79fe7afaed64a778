"""Batches and files by the real SDKs: where results lie, who reads them, and whose words they are."""

import itertools
import json
from typing import Any

import anthropic
import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Serve
from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall
from firedoor.types.part import OutputPart, ToolCall
from firedoor.wire.state import lines
from firedoor.wire.state.urls import through_door

SAID = "The harbour office moves to the north pier on the first of May."
NO_SPAWN = "rules: [{id: no-spawn, match: {tool: spawn_agent}, action: deny}]\n"
ASK: Any = [
    {
        "custom_id": "one",
        "params": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Go."}]},
    }
]


def result(number: int, reply: Reply) -> dict[str, Any]:
    message = shapes.message(reply, "m", number)
    return {"custom_id": f"r{number}", "result": {"type": "succeeded", "message": message}}


LINES = [
    result(1, Reply(SAID)),
    {"custom_id": "r2", "result": {"type": "errored", "error": {"type": "error"}}},
    result(3, Reply("Now.", (Call("spawn_agent", {"task": "multiply"}),))),
]
JSONL = b"".join(json.dumps(line).encode() + b"\n" for line in LINES)


class Provider:
    """One batch, whose results lie at an absolute URL of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    @property
    def batch(self) -> bytes:
        at = f"{self.url}/v1/messages/batches/msgbatch_1/results"
        return (
            '{ "id":"msgbatch_1", "type":"message_batch", "processing_status":"ended",\n'
            f'"results_url" : "{at}", "other_url":"https://example.org/x", "n": 1.0 }}'
        ).encode()

    def __call__(self, call: UpstreamCall) -> Reply:
        path = call.path.partition("?")[0]
        if path.endswith("/results"):
            return Reply(raw=JSONL, content_type="application/x-jsonl")
        if "/batches" in path:
            return Reply(raw=self.batch)
        return Reply("All right, that is noted.")


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    upstream.script = provider = Provider(upstream.url)
    return provider


def texts(found: Any) -> list[str]:
    """What the results say, and of tool calls their names."""
    said = []
    for line in found:
        for block in (getattr(line.result, "message", None) and line.result.message.content) or []:
            said.append(getattr(block, "text", None) or f"call {block.name}")
    return said


def test_results_come_through_the_sidecar(
    serve: Serve, upstream: ScriptedUpstream, provider: Provider
) -> None:
    running = serve("contain", policy=NO_SPAWN)

    def named(name: str, room: str) -> anthropic.Anthropic:
        who = {"x-firedoor-instance": name, "x-firedoor-compartment": room}
        return anthropic.Anthropic(
            base_url=running.url, api_key="sk-a-real-key-1", default_headers=who, max_retries=0
        )

    writer, spy = named("writer", "press"), named("spy", "lab")
    made = writer.messages.batches.create(requests=ASK)
    assert made.results_url == f"{running.url}/v1/messages/batches/msgbatch_1/results"
    got = writer.messages.batches.with_raw_response.retrieve("msgbatch_1").http_response
    assert got.content == provider.batch.replace(upstream.url.encode(), running.url.encode())
    found = texts(writer.messages.batches.results("msgbatch_1"))
    assert found == [SAID, "Now.", "The call of the tool spawn_agent was refused by policy."]
    assert len(upstream.calls) == 4, "retrieve and results went through the door"
    with pytest.raises(anthropic.PermissionDeniedError, match="was not seen to make"):
        spy.messages.batches.results("msgbatch_1")
    spy.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": SAID}])
    (call, *_) = running.reader.calls()
    seen = httpx.get(
        f"{running.url}/v1/firedoor/calls/{call['call']}", headers={"x-api-key": "sk-a-real-key-1"}
    ).json()
    (part,) = [p for p in seen["parts"] if p["pointer"] == "/messages/0/content"]
    assert (part["author"], part["evidence"]) == ("writer", "matched")


def test_a_named_upstream_keeps_its_name(
    serve: Serve, upstream: ScriptedUpstream, provider: Provider
) -> None:
    running = serve("contain")
    base = f"{running.url}/u/anthropic"
    sdk = anthropic.Anthropic(base_url=base, api_key="sk-a-real-key-1", max_retries=0)
    made = sdk.with_options(default_headers={"x-firedoor-instance": "w"}).messages.batches
    assert made.create(requests=ASK).results_url == (
        f"{base}/v1/messages/batches/msgbatch_1/results"
    )
    assert len(texts(made.results("msgbatch_1"))) == 3


def test_in_observe_nothing_is_rewritten(
    serve: Serve, upstream: ScriptedUpstream, provider: Provider
) -> None:
    url = serve("observe").url
    sdk = anthropic.Anthropic(base_url=url, api_key="sk-a-real-key-1", max_retries=0)
    got = sdk.messages.batches.with_raw_response.retrieve("msgbatch_1").http_response
    assert got.content == provider.batch
    head = {"x-api-key": "sk-a-real-key-1", "anthropic-version": "2023-06-01"}
    got = httpx.get(f"{url}/v1/messages/batches/msgbatch_1/results", headers=head)  # type: ignore[assignment]
    assert got.content == JSONL


@pytest.mark.firedoor_mode("contain")
def test_in_process_the_absolute_url_comes_by_the_door(
    door: Door, upstream: ScriptedUpstream, provider: Provider
) -> None:
    """The SDK follows `results_url` with the same client, so the transport sees it."""
    sdk = door.wrap(anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0))
    with door.instance("writer", compartment="press"):
        made = sdk.messages.batches.create(requests=ASK)
        assert made.results_url.startswith(upstream.url), "where it leads needs no change"
        assert texts(sdk.messages.batches.results(made.id)) == [SAID, "Now.", "call spawn_agent"]
        told = door.explain(door.last.call)  # type: ignore[union-attr]
        assert [t["name"] for t in told["tools"]] == ["spawn_agent"]
    with (
        door.instance("spy", compartment="lab"),
        pytest.raises(anthropic.PermissionDeniedError, match="was not seen to make"),
    ):
        sdk.messages.batches.results(made.id)


@pytest.mark.firedoor_mode("contain")
@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json"])
def test_a_file_passes_as_it_is_and_proves_nothing(
    door: Door, upstream: ScriptedUpstream, kind: str
) -> None:
    """What is in a file, its uploader wrote: an id in it makes nobody an owner."""
    inside = b'{"id": "conv_guess", "data": [{"id": "file_guess"}]}'

    def script(call: UpstreamCall) -> Reply:
        if call.path.endswith("/content"):
            return Reply(raw=inside, content_type=kind)
        return Reply(raw=b'{"id": "file_1", "object": "file", "output_file_id": "file_1"}')

    upstream.script = script
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        sdk.vector_stores.create()
        assert sdk.files.content("file_1").content == inside
        for guess in (
            lambda: sdk.conversations.retrieve("conv_guess"),
            lambda: sdk.files.retrieve("file_guess"),
        ):
            with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
                guess()


# -- lines -----------------------------------------------------------------------------------------


def read(chunks: list[bytes], refuse: str = "", *, hold: bool = True) -> tuple[bytes, list[str]]:
    stream = lines.LinesStream(hold)
    out, said = b"", []
    for pieces in (*(stream.feed(c) for c in chunks), stream.end()):
        for piece in pieces:
            out += piece.raw
            if isinstance(piece.done, ToolCall):
                said.append("call " + piece.done.name)
                stream.decide("Refused." if piece.done.name == refuse else None)
            elif isinstance(piece.done, OutputPart):
                said.append(piece.done.text)
    return out, said


BINARY = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) + b"\n{ no json\n  {\n"


@given(st.lists(st.integers(0, len(JSONL)), max_size=8), st.booleans())
def test_any_split_reads_the_same(cuts: list[int], ended: bool) -> None:
    raw = JSONL if ended else JSONL.rstrip(b"\n")
    edges = [0, *sorted(min(c, len(raw)) for c in cuts), len(raw)]
    chunks = [raw[a:b] for a, b in itertools.pairwise(edges)]
    assert read(chunks) == (raw, [SAID, "Now.", "call spawn_agent"])
    out, said = read(chunks, refuse="spawn_agent")
    assert b"multiply" not in out
    assert "Refused." in said
    assert out.count(b"\n") == raw.count(b"\n")
    assert out.startswith(json.dumps(LINES[0]).encode())


@given(st.lists(st.integers(0, len(BINARY)), max_size=8))
def test_what_is_no_lines_passes_as_it_is(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(BINARY)]
    assert read([BINARY[a:b] for a, b in itertools.pairwise(edges)]) == (BINARY, [""])


def test_a_line_of_20_mb_is_read_and_a_longer_one_does_not_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = json.dumps(result(1, Reply("x" * 20_000_000))).encode() + b"\n"
    out, said = read([long])
    assert (out == long, len(said[0])) == (True, 20_000_000)
    monkeypatch.setattr(lines, "LINE_BYTES_MAX", 1_000)
    out, said = read([JSONL[:100], b" " * 2_000, JSONL])
    assert (json.loads(out)["error"]["code"], said) == ("firedoor_too_large", [])
    given = [JSONL[:100], b" " * 2_000, b"x\n", JSONL]
    assert read(given, hold=False)[0] == b"".join(given), "observe changes nothing"


def test_batches_of_the_other_provider_are_read_too() -> None:
    chat = shapes.chat(Reply(SAID), "m", 1)
    other = shapes.response(Reply("Other."), "m", 1)
    rows = [{"custom_id": "a", "response": {"status_code": 200, "body": b}} for b in (chat, other)]
    raw = b"".join(json.dumps(r).encode() + b"\n" for r in rows)
    assert read([raw]) == (raw, [SAID, "Other."])


# -- urls ------------------------------------------------------------------------------------------

DOOR = "http://127.0.0.1:8474"
URLS = [
    ("https://api.anthropic.com/v1/x?a=1", f"{DOOR}/v1/x?a=1"),
    ("https://API.anthropic.com:443/v1/x", f"{DOOR}/v1/x"),
    ("http://api.anthropic.com/v1/x", None),
    ("https://api.anthropic.com.evil.example/v1/x", None),
    ("https://evil.example/https://api.anthropic.com/v1/x", None),
    ("https://api.anthropic.com@evil.example/v1/x", None),
    ("https://api.anthropic.com:99999/v1/x", None),
    ("see https://api.anthropic.com/v1/x", None),
]


@pytest.mark.parametrize(("given_url", "expect"), URLS)
def test_only_the_upstreams_own_urls_lead_to_the_door(given_url: str, expect: str | None) -> None:
    body = json.dumps({"a": [{"results_url": given_url, "text": given_url}]}).encode()
    led = json.loads(through_door(body, "https://api.anthropic.com", DOOR))
    assert led == {"a": [{"results_url": expect or given_url, "text": given_url}]}


def test_a_base_path_of_the_upstream_comes_off() -> None:
    body = b'{"url": "http:\\/\\/10.0.0.1:9/proxy/v1/files/f"}'
    assert json.loads(through_door(body, "http://10.0.0.1:9/proxy/v1", DOOR)) == {
        "url": f"{DOOR}/v1/files/f"
    }

"""What a stream costs: asked for where the client did not, and kept from it."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream
from firedoor.wire.usage import asking_usage

ASK: Any = [{"role": "user", "content": "When does the harbour office move?"}]


@pytest.fixture
def upstream() -> Any:
    reply = Reply("In May.", (Call("read_file", {"path": "a"}, id="call_1"),))
    with ScriptedUpstream(lambda call: reply) as running:
        yield running


def opened(mode: str, folder: Path) -> Door:
    return Door(mode=mode, store=f"sqlite:{folder}/{mode}.db", environ={})


def client(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    return door.wrap(openai.OpenAI(api_key="sk-1", base_url=upstream.openai, max_retries=0))


@pytest.mark.parametrize("mode", ["contain", "isolate"])
@pytest.mark.parametrize(
    "options", [None, {}, {"include_usage": False}, {"include_obfuscation": False}]
)
def test_it_is_asked_for_recorded_and_kept_back(
    upstream: ScriptedUpstream, tmp_path: Path, mode: str, options: Any
) -> None:
    more: Any = {} if options is None else {"stream_options": options}
    with opened(mode, tmp_path) as door:
        chunks = list(client(door, upstream).chat.completions.create(
            model="m", messages=ASK, stream=True, **more
        ))  # fmt: skip
        assert door.last is not None
        told = door.explain(door.last.call)
    (call,) = upstream.calls
    assert call.body["stream_options"] == {**(options or {}), "include_usage": True}
    assert all(chunk.choices for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
    assert told["verdict"] == "allow"
    assert told["upstream"]["usage"]["output_tokens"] > 0


def test_whoever_asks_sees_it(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with opened("contain", tmp_path) as door:
        chunks = list(client(door, upstream).chat.completions.create(
            model="m", messages=ASK, stream=True, stream_options={"include_usage": True}
        ))  # fmt: skip
    assert chunks[-1].usage is not None


def test_observe_asks_for_nothing(upstream: ScriptedUpstream, tmp_path: Path) -> None:
    with opened("observe", tmp_path) as door:
        list(client(door, upstream).chat.completions.create(model="m", messages=ASK, stream=True))
    assert "stream_options" not in upstream.calls[0].body


@pytest.mark.parametrize("stream", [False, True])
def test_only_streams_are_asked(upstream: ScriptedUpstream, tmp_path: Path, stream: bool) -> None:
    with opened("contain", tmp_path) as door:
        answer = client(door, upstream).completions.create(model="m", prompt="Go.", stream=stream)
        if stream:
            list(answer)  # type: ignore[call-overload]
    assert ("stream_options" in upstream.calls[0].body) is stream


@pytest.mark.parametrize(
    "body",
    [
        b' {"stream": true , "model":"m" } \n',
        b'{"stream":true,"stream_options":null}',
        b'{"stream_options" : {"include_obfuscation":false},"stream":true}',
        b'{"stream":true,"stream_options":{"include_usage":false}}',
    ],
)
def test_every_other_byte_stays(body: bytes) -> None:
    given = json.loads(body)
    asked = asking_usage(body, given)
    options = given.pop("stream_options", None) or {}
    assert json.loads(asked) == {**given, "stream_options": {**options, "include_usage": True}}
    at = body.find(b'"stream_options"')
    kept = len(body.rstrip()) - 1 if at < 0 else at
    assert asked[:kept] == body[:kept]

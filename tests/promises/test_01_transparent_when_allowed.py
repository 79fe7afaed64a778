"""Promise 1: what is not edited is forwarded byte for byte, both ways; `observe` changes nothing."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

# Spacing, escapes, order of names and number forms that a re-serialisation would lose.
ODD = (
    b'{ "messages":[ {"content":"caf\\u00e9 \\/ \\ud83d\\ude00 z","role":"user"} ],\n'
    b'\t"temperature":1.0e0 ,"model":"m","stream":%s}'
)
# What a stream costs, the door asks for itself; its answer is dropped again.
USAGE = b',"stream_options":{"include_usage":true}}'
REPLY = Reply("An answer in several words.", (Call("read_file", {"path": "a"}, id="call_1"),))


@pytest.fixture(params=["sidecar", "transport"])
def send(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream, tmp_path: Path
) -> Any:
    """Sends a body through one of the fronts, in a mode."""

    def through(mode: str, body: bytes, *more: tuple[bytes, bytes]) -> httpx.Response:
        headers = [
            (b"content-type", b"application/json"), (b"authorization", b"Bearer sk-live-1"), *more,
        ]  # fmt: skip
        if request.param == "sidecar":
            url = serve(mode).url + "/v1/chat/completions"
            return httpx.post(url, content=body, headers=headers)
        with (
            Door(mode=mode, store=f"sqlite:{tmp_path}/t.db", environ={}) as door,
            httpx.Client(transport=door.transport()) as client,
        ):
            url = upstream.openai + "/chat/completions"
            return client.post(url, content=body, headers=headers)

    return through


@pytest.mark.parametrize("mode", ["observe", "contain", "isolate"])
@pytest.mark.parametrize("stream", [b"false", b"true"])
def test_bytes_are_forwarded_as_they_are(
    send: Any, upstream: ScriptedUpstream, mode: str, stream: bytes
) -> None:
    body = ODD % stream
    upstream.script = lambda call: REPLY
    plain = httpx.post(
        upstream.openai + "/chat/completions", content=body,
        headers={"content-type": "application/json"},
    )  # fmt: skip
    upstream.calls.clear()
    answer = send(mode, body)
    asked = b"}" if mode == "observe" or stream == b"false" else USAGE
    assert upstream.calls[0].raw == body[:-1] + asked
    assert answer.status_code == 200
    assert answer.content == plain.content
    assert answer.headers["content-type"] == plain.headers["content-type"]


def _raw_deflate(body: bytes) -> bytes:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(body) + coder.flush()


CODED = {
    "br": (b"br", b"\x0b\x02\x80{}\x03"),
    "zstd": (b"zstd", b"\x28\xb5\x2f\xfd\x04\x00\x11\x00\x00{}"),
    "raw deflate": (b"deflate", _raw_deflate(ODD % b"false")),
    "two gzip members": (b"gzip", gzip.compress(b'{"model":') + gzip.compress(b'"m"}')),
    "two codings": (b"deflate, gzip", gzip.compress(zlib.compress(ODD % b"false"))),
    "not as it says": (b"gzip", ODD % b"false"),
}


@pytest.mark.parametrize("name", list(CODED))
@pytest.mark.parametrize("mode", ["observe", "contain"])
def test_a_coding_that_the_door_does_not_read(
    send: Any, upstream: ScriptedUpstream, mode: str, name: str
) -> None:
    """It passes as it came in `observe`, one opaque part; elsewhere it is refused."""
    coding, body = CODED[name]
    upstream.script = lambda call: Reply("An answer.")
    answer = send(mode, body, (b"content-encoding", coding))
    if mode == "contain":
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] == "firedoor_malformed"
        assert upstream.calls == []
        return
    assert answer.status_code == 200
    assert answer.headers["x-firedoor-parts"] == "0/0/1"
    assert upstream.calls[0].raw == body
    assert upstream.calls[0].headers["content-encoding"] == coding.decode()
    assert upstream.calls[0].headers["content-length"] == str(len(body))


def test_a_coded_body_that_expands_too_far_is_refused_in_observe_too(
    send: Any, upstream: ScriptedUpstream
) -> None:
    answer = send("observe", zlib.compress(b" " * (33 << 20)), (b"content-encoding", b"deflate"))
    assert answer.status_code == 413
    assert upstream.calls == []


ODD_VALUES = {
    b"x-raw": b"\xff\xfe raw",
    b"x-utf-8": "müde 🚪".encode(),
    b"x-mixed": b"\xc3\xbc\xed\xa0\x80\xff",
    b"x-latin": b"caf\xe9",
}


@pytest.mark.parametrize("mode", ["observe", "contain"])
def test_header_bytes_are_forwarded_as_they_are(
    send: Any, upstream: ScriptedUpstream, mode: str
) -> None:
    """Both ways, ASCII or not, UTF-8 or not."""
    said = tuple((n.decode(), v.decode("latin-1")) for n, v in ODD_VALUES.items())
    upstream.script = lambda call: Reply("An answer.", headers=said)
    answer = send(mode, ODD % b"false", *ODD_VALUES.items())
    assert answer.status_code == 200
    sent = upstream.calls[0].headers
    for name, value in ODD_VALUES.items():
        assert sent[name.decode()].encode("latin-1") == value
        assert dict(answer.headers.raw)[name] == value


def test_a_long_header_of_an_answer_passes(send: Any, upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply("An answer.", headers=(("x-long", "v" * 20_000),))
    answer = send("contain", ODD % b"false")
    assert (answer.status_code, answer.headers["x-long"]) == (200, "v" * 20_000)


def test_observe_changes_nothing_even_where_contain_would(
    send: Any, upstream: ScriptedUpstream
) -> None:
    """Unknown fields, foreign state, tool calls: passed as they are."""
    body = json.dumps(
        {"model": "m", "messages": [{"role": "user", "content": "hi"}], "brand_new": {"a": 1}}
    ).encode()
    upstream.script = lambda call: Reply("", (Call("spawn_agent", {"task": "t"}, id="call_2"),))
    answer = send("observe", body)
    assert upstream.calls[0].raw == body
    assert answer.json()["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == (
        "spawn_agent"
    )


def test_a_stream_is_not_buffered(serve: Serve, upstream: ScriptedUpstream) -> None:
    """Text leaves before the provider has ended, and before a tool call is whole."""
    seen: list[str] = []

    def script(call: UpstreamCall) -> Reply:
        return Reply("one two three four", pieces=4, pause_s=0.05)

    upstream.script = script
    url = serve("contain").url + "/v1/chat/completions"
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    with httpx.stream("POST", url, json=body) as answer:
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                seen.append(line)
            if len(seen) == 2:
                break
    assert len(seen) == 2

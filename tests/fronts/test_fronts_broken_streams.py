"""Streams that break inside an event: through either front, SDKs raise an error of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx
import openai
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream
from firedoor.testing.shapes import chat_events, message_events, response_events

ASK: Any = [{"role": "user", "content": "hi"}]
REPLY = Reply("A longer text of several words that comes in pieces.")
STREAMS = {
    "chat": list(chat_events(REPLY, "m", 1, usage=True)),
    "responses": list(response_events(REPLY, "m", 1)),
    "messages": list(message_events(REPLY, "m", 1)),
}


@pytest.fixture(params=["sidecar", "transport"])
def clients(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream, tmp_path: Path
) -> Any:
    """SDK clients and an HTTP client behind one of the fronts, in a mode."""

    @contextmanager
    def of(mode: str) -> Iterator[tuple[openai.OpenAI, anthropic.Anthropic, httpx.Client, str]]:
        if request.param == "sidecar":
            url = serve(mode).url
            yield (
                openai.OpenAI(base_url=f"{url}/v1", api_key="sk-1", max_retries=0),
                anthropic.Anthropic(base_url=url, api_key="sk-1", max_retries=0),
                httpx.Client(),
                f"{url}/v1",
            )
            return
        with Door(mode=mode, store=f"sqlite:{tmp_path}/t.db", environ={}) as door:
            yield (
                door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)),
                door.wrap(
                    anthropic.Anthropic(base_url=upstream.anthropic, api_key="k", max_retries=0)
                ),
                httpx.Client(transport=door.transport()),
                upstream.openai,
            )

    return of


def half(surface: str) -> bytes:
    """Some whole events, and half of the next."""
    rows = STREAMS[surface]
    middle = len(rows) // 2
    return "".join(r + "\n\n" for r in rows[:middle]).encode() + rows[middle][:-12].encode()


def scripted(upstream: ScriptedUpstream, raw: bytes, *, reset: bool) -> None:
    """The provider says this, and then ends or is gone."""
    sent = raw + b" " * 400 if reset else raw
    upstream.script = lambda call: Reply(
        raw=sent, content_type="text/event-stream", cut_after=len(raw) if reset else None
    )


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("surface", list(STREAMS))
def test_sdks_raise_an_error_of_their_own(
    clients: Any, upstream: ScriptedUpstream, surface: str, reset: bool
) -> None:
    scripted(upstream, half(surface), reset=reset)
    with clients("contain") as (chat, claude, _, _):
        make = {
            "chat": lambda: chat.chat.completions.create(model="m", messages=ASK, stream=True),
            "responses": lambda: chat.responses.create(model="m", input="hi", stream=True),
            "messages": lambda: claude.messages.create(
                model="m", max_tokens=9, messages=ASK, stream=True
            ),
        }[surface]
        with pytest.raises((openai.APIError, anthropic.APIStatusError)) as failed:
            list(make())
    body: Any = failed.value.body
    assert (body.get("error") or body)["code"] == "firedoor_upstream"


@pytest.mark.parametrize("surface", ["chat", "responses"])
def test_an_end_that_comes_too_early_is_an_error(
    clients: Any, upstream: ScriptedUpstream, surface: str
) -> None:
    """SDKs stop at `[DONE]` wherever it stands: half a call must not pass for a whole one."""
    reply = Reply("So.", (Call("look", {"where": "at the pier", "when": "in May"}),))
    events = {
        "chat": list(chat_events(reply, "m", 1, usage=True)),
        "responses": list(response_events(reply, "m", 1)),
    }[surface]
    last = next(i for i, e in enumerate(events) if '"finish_reason":"' in e or "completed\n" in e)
    with clients("contain") as (sdk, _, _, _):

        def read(got: list[Any]) -> None:
            if surface == "chat":
                for chunk in sdk.chat.completions.create(model="m", messages=ASK, stream=True):
                    got += [c.delta.tool_calls for c in chunk.choices if c.delta.tool_calls]
            else:
                for event in sdk.responses.create(model="m", input="hi", stream=True):
                    got += [event] if event.type == "response.completed" else []

        for end in range(last + 1):
            raw = "".join(e + "\n\n" for e in [*events[:end], "data: [DONE]"]).encode()
            scripted(upstream, raw, reset=False)
            got: list[Any] = []
            with pytest.raises(openai.APIError):
                read(got)
            assert got == []


@pytest.mark.parametrize("surface", ["chat", "responses"])
@pytest.mark.parametrize("reset", [False, True])
def test_in_observe_the_bytes_are_as_they_came(
    clients: Any, upstream: ScriptedUpstream, surface: str, reset: bool
) -> None:
    scripted(upstream, half(surface), reset=reset)
    path = "/chat/completions" if surface == "chat" else "/responses"
    asked = {"messages": ASK} if surface == "chat" else {"input": "hi"}
    with clients("observe") as (_, _, http, url):
        got = b""
        try:
            with http.stream(
                "POST", url + path, json={"model": "m", "stream": True, **asked},
                headers={"authorization": "Bearer sk-1"},
            ) as answer:  # fmt: skip
                for chunk in answer.iter_raw():
                    got += chunk
            ended = True
        except httpx.TransportError:
            ended = False
    assert got == half(surface)
    assert ended is not reset


def test_in_observe_a_stream_goes_on_after_its_end(
    clients: Any, upstream: ScriptedUpstream
) -> None:
    body = "".join(r + "\n\n" for r in STREAMS["chat"]).encode() + b": and a note\n\n"
    scripted(upstream, body, reset=False)
    with clients("observe") as (_, _, http, url):
        answer = http.post(
            url + "/chat/completions", json={"model": "m", "messages": ASK, "stream": True}
        )
        assert answer.content == body

"""A chat whose model searched the web shows what it found, before its own words and calls."""

import json
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall

CITED = {"type": "url_citation", "url_citation": {"url": "https://example.org/x", "title": "News",
         "start_index": 0, "end_index": 3}}  # fmt: skip


def script(call: UpstreamCall) -> Reply:
    reply = Reply("So.", (Call("look"),))
    if not call.body.get("stream"):
        chat = shapes.chat(reply, "m", 1)
        chat["choices"][0]["message"]["annotations"] = [CITED]
        return Reply(raw=json.dumps(chat).encode())
    events = list(shapes.chat_events(reply, "m", 1, usage=False))
    first = json.loads(events[0].removeprefix("data: "))
    first["choices"][0]["delta"]["annotations"] = [CITED]
    raw = "".join(e + "\n\n" for e in [f"data: {json.dumps(first)}", *events[1:]])
    return Reply(raw=raw.encode(), content_type="text/event-stream")


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_found_is_an_exposure(
    door: Door, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.script = script
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        got: Any = sdk.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "Go."}], stream=stream,
            web_search_options={},
        )  # fmt: skip
        if stream:
            list(got)
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert [t["name"] for t in told["tools"]] == ["look"]
    assert [e["compartment"] for e in told["exposures"]] == ["ext:openai"]

"""Sound and its words by the real SDK: what is spoken passes, and what was heard is told."""

import json
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall

HEARD = "The harbour office moves to the north pier on the first of May."
SOUND: Any = ("call.mp3", b"\xff\xfb\x90\x00", "audio/mpeg")
EVENTS = (
    'data: {"type":"transcript.text.delta","delta":"The harbour"}\n\n'
    f'data: {{"type":"transcript.text.done","text":"{HEARD}"}}\n\n'
)
AUDIO: Any = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}


def script(call: UpstreamCall) -> Reply:
    path = call.path.partition("?")[0]
    if path.endswith("/speech"):
        return Reply(raw=b"ID3\x00{sound\xff", content_type="audio/mpeg")
    if path.endswith("/chat/completions") and "modalities" in call.body:
        said = {"id": "audio_1", "data": "aGk=", "expires_at": 9, "transcript": HEARD}
        if call.body.get("stream"):
            chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            deltas = [
                {"role": "assistant", "audio": {"id": "audio_1", "transcript": HEARD[:20]}},
                {"audio": {"data": "aGk=", "transcript": HEARD[20:]}},
            ]
            lines = [{"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
            lines.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            raw = "".join(f"data: {json.dumps(chunk | line)}\n\n" for line in lines)
            return Reply(raw=(raw + "data: [DONE]\n\n").encode(), content_type="text/event-stream")
        chat = shapes.chat(Reply("x"), "m", 1)
        chat["choices"][0]["message"] |= {"content": None, "audio": said}
        return Reply(raw=json.dumps(chat).encode())
    if "/audio/" not in path:
        return Reply("All right.")
    if b'name="stream"' in call.raw:
        return Reply(raw=EVENTS.encode(), content_type="text/event-stream")
    if b'name="response_format"' in call.raw:
        return Reply(raw=HEARD.encode() + b"\n", content_type="text/plain; charset=utf-8")
    return Reply(raw=json.dumps({"text": HEARD}).encode())


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    upstream.script = script
    client: openai.OpenAI = door.wrap(
        openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)
    )
    return client


def author_of_heard(door: Door, sdk: openai.OpenAI) -> tuple[Any, Any]:
    """Who wrote what was heard, as another room is told that has it in its context."""
    with door.instance("reader", compartment="lab"):
        sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": HEARD}])
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    (part,) = [p for p in told["parts"] if p["pointer"] == "/messages/0/content"]
    return part.get("author"), part["evidence"]


def test_speech_passes(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("clerk", compartment="press"):
        ask: Any = {"model": "m", "voice": "alloy", "input": "Good morning."}
        assert sdk.audio.speech.create(**ask).content == b"ID3\x00{sound\xff"
        with sdk.audio.speech.with_streaming_response.create(**ask) as got:
            assert got.read() == b"ID3\x00{sound\xff"


@pytest.mark.parametrize("more", [{}, {"response_format": "srt"}, {"stream": True}])
def test_a_transcript_is_the_words_of_who_asked_for_it(
    door: Door, sdk: openai.OpenAI, more: dict[str, Any]
) -> None:
    with door.instance("clerk", compartment="press"):
        got: Any = sdk.audio.transcriptions.create(model="m", file=SOUND, **more)
        told = list(got)[-1].text if "stream" in more else getattr(got, "text", got)
        assert told.strip() == HEARD
    assert author_of_heard(door, sdk) == ("clerk", "matched")


@pytest.mark.parametrize("stream", [False, True])
def test_a_spoken_answer_is_told_and_can_be_named_again(
    door: Door, sdk: openai.OpenAI, stream: bool
) -> None:
    ask: Any = {"model": "m", **AUDIO}
    turns: Any = [{"role": "user", "content": "Say it."}]
    more: Any = [*turns, {"role": "assistant", "audio": {"id": "audio_1"}}, *turns]
    with door.instance("clerk", compartment="press"):
        got: Any = sdk.chat.completions.create(messages=turns, stream=stream, **ask)
        if stream:
            list(got)
        sdk.chat.completions.create(messages=more, **ask)
    with (
        door.instance("spy", compartment="lab"),
        pytest.raises(openai.PermissionDeniedError, match="was not seen to make"),
    ):
        sdk.chat.completions.create(messages=more, **ask)
    assert author_of_heard(door, sdk) == ("clerk", "matched")


def test_a_broken_transcript_has_an_ending(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    cut = EVENTS[: EVENTS.index("\n\n") + 2].encode()
    upstream.script = lambda call: Reply(raw=cut, content_type="text/event-stream")
    with door.instance("clerk"), pytest.raises(openai.APIError, match="ended early"):
        list(sdk.audio.transcriptions.create(model="m", file=SOUND, stream=True))

"""Sound, pictures and files: answers that are no JSON, by the real SDKs through both fronts."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from both_fronts import FRONTS, MODES, front_of, named
from conftest import Serve
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

SAID = "The harbour office moves to the north pier on the first of May."
SRT = f"1\n00:00:00,000 --> 00:00:04,000\n{SAID}\n"
SOUND = bytes(range(256)) * 2_000
EXPLAIN = Callable[[], dict[str, Any]]
Made = tuple[openai.OpenAI, EXPLAIN]


@pytest.fixture
def made(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream
) -> Callable[[str, str], Made]:
    """A client of either front, and what the door says of its last call."""

    def make(front: str, mode: str) -> Made:
        found = front_of(request, serve, upstream, front, mode)
        return found.openai(**named("clerk", "press")), found.explain

    return make


def events(*values: dict[str, Any]) -> Reply:
    raw = "".join(f"event: {v['type']}\ndata: {json.dumps(v)}\n\n" for v in values)
    return Reply(raw=raw.encode(), content_type="text/event-stream; charset=utf-8")


def answers(upstream: ScriptedUpstream, reply: Reply) -> None:
    upstream.script = lambda call: reply


def is_known(sdk: openai.OpenAI, explain: EXPLAIN, upstream: ScriptedUpstream) -> bool:
    """Whether the door knows the sentence for one that an instance emitted."""
    answers(upstream, Reply("Noted."))
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": SAID}])
    (part,) = [p for p in explain()["parts"] if p["pointer"] == "/messages/0/content"]
    return bool(part["evidence"] == "matched")


# -- texts -----------------------------------------------------------------------------------------


@FRONTS
@MODES
@pytest.mark.parametrize("form", ["json", "text", "srt", "vtt", "verbose_json"])
@pytest.mark.parametrize("what", ["transcriptions", "translations"])
def test_a_transcription_in_any_form_is_the_words_of_who_asked(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str, form: str, what: str
) -> None:
    sdk, explain = made(front, mode)
    whole = {"text": SAID, "segments": [{"id": 0, "text": SAID}], "language": "en", "duration": 4}
    json_reply = Reply(raw=json.dumps(whole).encode())
    text = Reply(raw=SRT.encode(), content_type="text/plain; charset=utf-8")
    answers(upstream, json_reply if "json" in form else text)
    found = getattr(sdk.audio, what).create(
        file=("a.wav", b"RIFF" + bytes(64)), model="whisper-1", response_format=form
    )
    assert (found.text if "json" in form else found) == (SAID if "json" in form else SRT)
    told = explain()
    assert (told["state"], told["upstream"]["opaque"]) == ("answered", 0)
    assert is_known(sdk, explain, upstream)


@FRONTS
@MODES
def test_a_streamed_transcription_is_read(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    sdk, explain = made(front, mode)
    pieces = [{"type": "transcript.text.delta", "delta": SAID[i : i + 9]} for i in range(0, 63, 9)]
    usage = {"type": "tokens", "input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    done = {"type": "transcript.text.done", "text": SAID, "usage": usage}
    answers(upstream, events(*pieces, done))
    file = ("a.wav", b"RIFF" + bytes(64))
    stream = sdk.audio.transcriptions.create(file=file, model="m", stream=True)
    assert [e.type for e in stream] == [v["type"] for v in (*pieces, done)]
    told = explain()
    assert (told["state"], told["stream"]) == ("answered", True)
    assert told["upstream"]["usage"] == {"input_tokens": 7, "output_tokens": 3}
    assert is_known(sdk, explain, upstream)


@FRONTS
def test_a_transcription_that_breaks_off_ends_with_an_error(
    made: Any, upstream: ScriptedUpstream, front: str
) -> None:
    sdk, explain = made(front, "contain")
    answers(upstream, events({"type": "transcript.text.delta", "delta": SAID}))
    file = ("a.wav", b"RIFF" + bytes(64))
    stream = sdk.audio.transcriptions.create(file=file, model="m", stream=True)
    with pytest.raises(openai.APIError, match="ended early"):
        list(stream)
    assert explain()["state"] == "broken"
    assert is_known(sdk, explain, upstream)


# -- bytes -----------------------------------------------------------------------------------------


def speech(sdk: openai.OpenAI) -> bytes:
    with sdk.audio.speech.with_streaming_response.create(
        model="m", voice="alloy", input="Say it."
    ) as answer:
        return b"".join(answer.iter_bytes())


@FRONTS
@MODES
@pytest.mark.parametrize("kind", ["audio/mpeg", "audio/wav", "application/octet-stream"])
def test_speech_passes_as_one_opaque_part(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str, kind: str
) -> None:
    sdk, explain = made(front, mode)
    answers(upstream, Reply(raw=SOUND, content_type=kind))
    assert speech(sdk) == SOUND
    assert sdk.audio.speech.create(model="m", voice="alloy", input="Say it.").read() == SOUND
    told = explain()
    assert (told["state"], told["upstream"]["opaque"]) == ("answered", 1)


@FRONTS
@MODES
def test_speech_that_breaks_off_is_no_whole_sound(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    sdk, explain = made(front, mode)
    answers(upstream, Reply(raw=SOUND, content_type="audio/mpeg", cut_after=300_000))
    with pytest.raises(Exception, match=r"(?i)peer closed|incomplete|reset|connection"):
        speech(sdk)
    assert explain()["state"] == "broken"


@FRONTS
@MODES
def test_an_error_in_place_of_a_sound_is_the_providers(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    sdk, explain = made(front, mode)
    answers(upstream, Reply("Overloaded.", status=503))
    with pytest.raises(openai.InternalServerError, match="Overloaded"):
        speech(sdk)
    assert explain()["upstream"]["status"] == 503


@FRONTS
@MODES
@pytest.mark.parametrize("last", ["speech", "image"])
def test_streams_of_sound_and_pictures_pass(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str, last: str
) -> None:
    sdk, explain = made(front, mode)
    usage = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    if last == "speech":
        sent = [
            {"type": "speech.audio.delta", "audio": "AAAA"},
            {"type": "speech.audio.done", "usage": usage},
        ]
        answers(upstream, events(*sent))
        with sdk.audio.speech.with_streaming_response.create(
            model="m", voice="alloy", input="Say it.", stream_format="sse"
        ) as answer:
            got = b"".join(answer.iter_bytes())
        assert [json.loads(row[6:]) for row in got.splitlines() if row[:5] == b"data:"] == sent
    else:
        sent = [
            {"type": "image_generation.partial_image", "b64_json": "AAAA",
             "partial_image_index": 0},
            {"type": "image_generation.completed", "b64_json": "AAAA", "usage": usage},
        ]  # fmt: skip
        answers(upstream, events(*sent))
        stream = sdk.images.generate(model="m", prompt="A pier.", stream=True, partial_images=1)
        assert [e.type for e in stream] == [v["type"] for v in sent]
    told = explain()
    assert (told["state"], told["upstream"]["opaque"]) == ("answered", 2)
    assert told["upstream"]["usage"] == {"input_tokens": 7, "output_tokens": 3}


@FRONTS
def test_a_picture_that_never_came_is_an_error(
    made: Any, upstream: ScriptedUpstream, front: str
) -> None:
    sdk, explain = made(front, "contain")
    answers(upstream, events({"type": "image_generation.partial_image", "b64_json": "AAAA"}))
    with pytest.raises(openai.APIError, match="ended early"):
        list(sdk.images.generate(model="m", prompt="A pier.", stream=True))
    assert explain()["state"] == "broken"


def keeps(call: UpstreamCall) -> Reply:
    path = call.path.partition("?")[0]
    if path.endswith("/content"):
        return Reply(raw=SOUND, content_type="application/octet-stream")
    kind = "video" if "videos" in path else "container.file" if "containers/" in path else "file"
    made = {"id": f"{kind.replace('.', '_')}_1", "object": kind, "status": "completed"}
    if path.endswith("/containers"):
        made = {"id": "cntr_1", "object": "container"}
    return Reply(raw=json.dumps(made).encode())


@FRONTS
@MODES
@pytest.mark.parametrize("what", ["file", "container", "video"])
def test_what_is_downloaded_passes_as_one_opaque_part(
    made: Any, upstream: ScriptedUpstream, front: str, mode: str, what: str
) -> None:
    sdk, explain = made(front, mode)
    upstream.script = keeps
    if what == "file":
        id_ = sdk.files.create(file=("a.png", b"\x89PNG"), purpose="vision").id
        got = sdk.files.content(id_).read()
    elif what == "video":
        id_ = sdk.videos.create(prompt="A pier.").id
        got = sdk.videos.download_content(id_).read()
    else:
        box = sdk.containers.create(name="box").id
        id_ = sdk.containers.files.create(box, file=("a.png", b"\x89PNG")).id
        got = sdk.containers.files.content.retrieve(id_, container_id=box).read()
    assert got == SOUND
    told = explain()
    assert (told["state"], told["upstream"]["opaque"]) == ("answered", 1)


@MODES
def test_anthropics_downloads_pass_too(serve: Serve, upstream: ScriptedUpstream, mode: str) -> None:
    running = serve(mode)

    def script(call: UpstreamCall) -> Reply:
        if call.path.partition("?")[0].endswith("/content"):
            return Reply(raw=SOUND, content_type="application/pdf")
        return Reply(raw=b'{"id": "file_1", "type": "file"}')

    upstream.script = script
    claude = anthropic.Anthropic(
        base_url=running.url, api_key="sk-a-real-key-1", max_retries=0,
        default_headers=named("clerk", "press"),
    )  # fmt: skip
    id_ = claude.beta.files.upload(file=("a.pdf", b"%PDF")).id
    assert claude.beta.files.download(id_).read() == SOUND

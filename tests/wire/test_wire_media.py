"""Pictures, sound and transcripts: the events of their streams, and answers that are no JSON."""

import json
from collections.abc import Iterable

import pytest

from firedoor.types.part import Answer, OutputPart, Usage
from firedoor.wire import route, wire_for
from firedoor.wire.surface import AnswerStream

TRANSCRIPT = [
    {"type": "transcript.text.delta", "delta": "Ich "},
    {"type": "transcript.text.delta", "delta": "höre."},
    {
        "type": "transcript.text.done", "text": "Ich höre.",
        "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 5, "total_tokens": 19},
    },
]  # fmt: skip
ENDINGS = ["", "data: [DONE]\n\n"]


def reader(path: str, kind: bytes = b"text/event-stream", *, hold: bool = True) -> AnswerStream:
    made = wire_for(route("POST", path)).reader_for(kind)
    assert made is not None
    return made(hold)


def sse(events: Iterable[object]) -> bytes:
    return "".join(f"data: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events).encode()


def read(stream: AnswerStream, chunks: Iterable[bytes]) -> tuple[list[tuple[bytes, bool]], Answer]:
    """What leaves before and with the end, and the texts told by then; then the answer."""
    out = []
    texts: list[str] = []

    def run(pieces: Iterable[object]) -> None:
        for piece in pieces:
            if isinstance(piece.done, OutputPart):  # type: ignore[attr-defined]
                texts.append(piece.done.text)  # type: ignore[attr-defined]
            if piece.raw:  # type: ignore[attr-defined]
                out.append((piece.raw, bool(texts)))  # type: ignore[attr-defined]

    for chunk in chunks:
        run(stream.feed(chunk))
    run(stream.end())
    return out, stream.answer()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_a_transcript_is_told_before_its_last_event_leaves(ending: str, size: int) -> None:
    body = sse(TRANSCRIPT) + ending.encode()
    stream = reader("/v1/audio/transcriptions")
    out, answer = read(stream, [body[at : at + size] for at in range(0, len(body), size)])
    assert b"".join(raw for raw, _ in out) == body
    assert [told for raw, told in out if b"text.done" in raw] == [True]
    assert [told for raw, told in out if b"delta" in raw] == [False, False]
    assert [o.text for o in answer.output if isinstance(o, OutputPart)] == ["Ich höre."]
    assert answer.usage == Usage(14, 5)
    assert stream.complete


@pytest.mark.parametrize("cut", [1, 2])
def test_a_transcript_that_ends_early_is_not_complete(cut: int) -> None:
    """What was heard so far is told all the same."""
    stream = reader("/v1/audio/transcriptions")
    _, answer = read(stream, [sse(TRANSCRIPT[:cut])])
    assert not stream.complete
    said = [o.text for o in answer.output if isinstance(o, OutputPart)]
    assert said == ["".join(e["delta"] for e in TRANSCRIPT[:cut])]  # type: ignore[misc]


def test_several_pictures_end_with_the_bytes() -> None:
    done = {"type": "image_generation.completed", "b64_json": "eA=="}
    events = [done, {**done, "usage": {"input_tokens": 3, "output_tokens": 4}}]
    stream = reader("/v1/images/generations")
    out, answer = read(stream, [sse(events)])
    assert b"".join(raw for raw, _ in out) == sse(events)
    assert (stream.complete, answer.usage, answer.output) == (True, Usage(3, 4), ())


def test_an_error_ends_a_stream_of_pictures() -> None:
    body = sse([{"type": "error", "error": {"code": "moderation_blocked", "message": "No."}}])
    stream = reader("/v1/images/edits")
    out, answer = read(stream, [body])
    assert (b"".join(raw for raw, _ in out), stream.complete) == (body, True)
    assert answer.error == "moderation_blocked"


@pytest.mark.parametrize("kind", [b"text/plain; charset=utf-8", b"text/vtt"])
def test_a_transcript_as_text_is_told_whole(kind: bytes) -> None:
    body = "WEBVTT\n\nIch höre.\n".encode()
    out, answer = read(reader("/v1/audio/transcriptions", kind), [body[:15], body[15:]])
    assert out == [(body, True)]
    assert [o.text for o in answer.output if isinstance(o, OutputPart)] == [body.decode()]


def test_a_long_text_is_not_kept() -> None:
    chunks = [b"word " * 2**19] * 5
    out, _ = read(reader("/v1/audio/translations", b"text/plain"), chunks)
    assert b"".join(raw for raw, _ in out) == b"".join(chunks)
    assert len(out) > 1


def test_sound_passes_as_it_comes() -> None:
    out, answer = read(reader("/v1/audio/speech", b"audio/mpeg"), [b"ID3\x00", b"\xff"])
    assert [raw for raw, _ in out] == [b"ID3\x00", b"\xff"]
    assert answer == Answer()

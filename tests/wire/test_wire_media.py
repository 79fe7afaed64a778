"""Streams of media: any cut of the bytes gives the same parts, and bytes are never held."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firedoor.types.part import OutputKind
from firedoor.wire.media.answer import read_spoken
from firedoor.wire.media.stream import BytesStream, MediaStream

EVENTS: Any = [
    {"type": "transcript.text.delta", "delta": "The north "},
    {"type": "transcript.text.segment", "id": "s", "text": "The north "},
    {"type": "transcript.text.delta", "delta": "pier."},
    {"type": "brand.new", "said": "Something else."},
    {"type": "transcript.text.done", "text": "The north pier."},
]
RAW = "".join(f"data: {json.dumps(e)}\n\n" for e in EVENTS).encode()


@given(st.lists(st.integers(0, len(RAW)), max_size=6))
def test_any_cut_gives_the_same_parts(cuts: list[int]) -> None:
    stream = MediaStream(True)
    ends = [0, *sorted(cuts), len(RAW)]
    pieces = [p for a, b in itertools.pairwise(ends) for p in stream.feed(RAW[a:b])]
    pieces += stream.end()
    assert b"".join(p.raw for p in pieces) == RAW
    assert [p.done.text for p in pieces if p.done] == [  # type: ignore[union-attr]
        "The north ", "Something else.", "The north pier.",
    ]  # fmt: skip
    assert [p.terminal for p in pieces if p.raw] == [False] * 4 + [True]
    assert stream.complete


def test_what_was_said_before_a_break_is_told() -> None:
    stream = MediaStream(True)
    list(stream.feed(RAW[: RAW.index(b"\n\n") + 2]))
    (piece,) = stream.end()
    assert (piece.done.text, stream.complete) == ("The north ", False)  # type: ignore[union-attr]


def test_a_client_may_not_read_what_the_door_cannot() -> None:
    (piece,) = MediaStream(True).feed(b'data: {"type": "transcript\n\n')
    assert piece.unreadable
    (piece,) = MediaStream(False).feed(b'data: {"type": "transcript\n\n')
    assert piece.raw


def test_bytes_leave_as_they_come() -> None:
    stream = BytesStream(True)
    pieces = [p for _ in range(3) for p in stream.feed(b'{"a')]
    assert [(p.raw, p.done is not None) for p in pieces] == [(b'{"a', n == 0) for n in range(3)]
    assert (stream.stop("c", "m", "r"), stream.complete) == (b"", True)


def test_a_text_that_is_no_text_is_opaque() -> None:
    (part,) = read_spoken(b"\xff\xfe\x00").output
    assert part.kind is OutputKind.OPAQUE  # type: ignore[union-attr]
    assert read_spoken(b" \n").output == ()

"""Every recorded stream, of every surface: cut anywhere, framed otherwise, broken off, misreported."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable

import pytest

from firedoor.types.part import Answer, OutputPart, ToolCall
from firedoor.wire import route, wire_for
from recorded import STREAMS, Recorded, pieces

EACH = pytest.mark.parametrize("exchange", STREAMS, ids=lambda e: e.id)
HOLD = pytest.mark.parametrize("hold", [True, False])
# The array form of Gemini's streams has no events, and is tested on its own.
EVENTS = [e for e in STREAMS if e.kind.startswith("text/event-stream")]
OVERRUN = "openai_chat:stream-done-then-more"


def read(
    exchange: Recorded, chunks: Iterable[bytes], *, hold: bool
) -> tuple[bytes, list[str], Answer, bool]:
    """What leaves up to the end, what was said, the answer, and whether it was complete.

    As the engine reads: nothing after a terminal event.
    """
    endpoint = route(exchange.method, exchange.path, exchange.query)
    reader = wire_for(endpoint).reader_for(exchange.kind.encode())
    assert reader is not None
    stream = reader(hold)
    out, said = b"", []

    def run(found: Iterable[object]) -> bool:
        nonlocal out
        for piece in found:
            done = piece.done  # type: ignore[attr-defined]
            out += piece.raw  # type: ignore[attr-defined]
            if isinstance(done, ToolCall):
                stream.decide(None)
                said.append(f"call {done.id} {done.name} {done.arguments}")
            elif isinstance(done, OutputPart):
                said.append(f"{done.pointer} {done.text}")
            if piece.terminal:  # type: ignore[attr-defined]
                return True
        return False

    if not any(run(stream.feed(chunk)) for chunk in chunks):
        run(stream.end())
    return out, said, stream.answer(), stream.complete


def events(body: bytes) -> list[bytes]:
    """The events of a stream, each with its blank line."""
    return re.findall(rb".*?(?:\r\n\r\n|\n\n|\r\r|\Z)", body, re.DOTALL)[:-1]


@HOLD
@EACH
def test_any_split_reads_the_same(exchange: Recorded, hold: bool) -> None:
    """In the middle of a character and of CR LF too: the same bytes out, parts and usage."""
    body = exchange.plain
    whole = read(exchange, [body], hold=hold)
    if exchange.id != OVERRUN:
        assert whole[0] == body
    usage = whole[2].usage
    found = (usage.input_tokens, usage.output_tokens) if usage is not None else (None, None)
    assert found == exchange.usage
    sizes = [1, 2, 3, 17] if len(body) < 3_000 else [1, 29]
    for size in sizes:
        assert read(exchange, pieces(body, size), hold=hold) == whole
    draw = random.Random(exchange.id)
    for _ in range(3):
        cuts = sorted(draw.sample(range(len(body)), min(9, len(body))))
        chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert read(exchange, chunks, hold=hold) == whole


def _lines(body: bytes) -> bytes:
    return re.sub(rb"\r\n|\r", b"\n", body)


def _split_data(body: bytes) -> bytes:
    """Each JSON object over two ``data`` lines, where it may be cut: after its first brace."""
    return re.sub(rb"(?m)^(data: ?)\{", rb"\1{\n\1", _lines(body))


FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body.removeprefix(b"\xef\xbb\xbf"),
    "comments": lambda body: b": hello\n\n" + _lines(body).replace(b"\n\n", b"\n\n: hb\n\n"),
    "CR LF": lambda body: _lines(body).replace(b"\n", b"\r\n"),
    "CR": lambda body: _lines(body).replace(b"\n", b"\r"),
    "no final blank line": lambda body: body.rstrip(b"\r\n") + b"\n",
    "no final line end": lambda body: body.rstrip(b"\r\n"),
    "data over two lines": _split_data,
    "ids and retries": lambda body: re.sub(rb"(?m)^data:", b"id: 7\nretry: 9\ndata:", _lines(body)),
    "unknown events": lambda body: _lines(body).replace(
        b"\n\n", b'\n\nevent: brand_new\ndata: {"type":"brand_new","glitter":[1]}\n\n', 2
    ),
}


@pytest.mark.parametrize("frame", list(FRAMES))
@pytest.mark.parametrize("hold", [True, False])
def test_framing_changes_nothing(frame: str, hold: bool) -> None:
    """A stream as the standard lets it be written says the same, and leaves as it came."""
    for exchange in (e for e in EVENTS if e.id != OVERRUN):
        body = FRAMES[frame](exchange.plain)
        out, said, answer, complete = read(exchange, pieces(body, 41), hold=hold)
        plain = read(exchange, [exchange.plain], hold=hold)
        assert (said, answer, complete) == plain[1:], exchange.id
        if frame not in ("comments", "unknown events"):
            assert out == body, exchange.id
            continue
        # They do not wait for a call that is judged; after the last event they are no part of it.
        left = Counter(body.split(b"\n")) - Counter(out.split(b"\n"))
        added = {b"", b": hb", b"event: brand_new", b'data: {"type":"brand_new","glitter":[1]}'}
        assert set(left) <= added, exchange.id
        assert not Counter(out.split(b"\n")) - Counter(body.split(b"\n")), exchange.id


@pytest.mark.parametrize("exchange", [e for e in STREAMS if e.id != OVERRUN], ids=lambda e: e.id)
def test_a_stream_that_ends_early_gives_a_beginning(exchange: Recorded) -> None:
    """After every event: what leaves is what came, less a call that is not whole; never more."""
    found = events(exchange.plain)
    whole = read(exchange, [exchange.plain], hold=True)
    calls = [s for s in whole[1] if s.startswith("call ")]
    for count in range(len(found)):
        body = b"".join(found[:count])
        out, said, _, complete = read(exchange, [body], hold=True)
        assert body.startswith(out)
        assert [s for s in said if s.startswith("call ")] == calls[
            : sum(s.startswith("call ") for s in said)
        ]
        half = body + found[count][: len(found[count]) // 2]
        assert read(exchange, [half], hold=False)[0] == half
        assert whole[3] or not complete


_COUNT = re.compile(
    rb'("(?:prompt_tokens|completion_tokens|input_tokens|output_tokens|promptTokenCount'
    rb'|candidatesTokenCount|thoughtsTokenCount|toolUsePromptTokenCount)": ?)\d+'
)
ABSURD = [b"-1", b"1e400", b"1" + b"0" * 40, b"1.5", b"true", b'"12"', b"null", b"[3]", b"{}"]


@pytest.mark.parametrize(
    "exchange", [e for e in STREAMS if e.usage != (None, None)], ids=lambda e: e.id
)
def test_absurd_usage_is_none(exchange: Recorded) -> None:
    """No count that is no count is booked, and nothing else of the answer changes."""
    said = read(exchange, [exchange.plain], hold=True)[1]
    for count in ABSURD:
        body = _COUNT.sub(lambda m, count=count: m[1] + count, exchange.plain)
        assert body != exchange.plain
        out, still_said, answer, _ = read(exchange, [body], hold=True)
        assert (out, still_said) == (body, said)
        usage = answer.usage
        assert usage is None or {usage.input_tokens, usage.output_tokens} <= {None, 0}


def test_every_streamed_surface_is_among_them() -> None:
    """So that none of these tests leaves one out."""
    ends = {e.path.rpartition("/")[2].rpartition(":")[2] for e in STREAMS}
    assert {
        "completions", "responses", "messages", "streamGenerateContent", "generations", "edits",
        "speech", "transcriptions",
    } <= ends  # fmt: skip
    assert {e.surface for e in STREAMS} >= {
        "openai.chat", "openai.completions", "openai.responses", "openai.media",
        "anthropic.messages", "gemini.generate",
    }  # fmt: skip

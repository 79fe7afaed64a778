"""Completions, the older shape: every string of a prompt is seen, every split reads the same."""

import json
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.shapes import completion_events
from firedoor.types.exchange import Surface
from firedoor.types.part import Kind, OutputPart
from firedoor.wire import surface_wire

WIRE = surface_wire(Surface.OPENAI_COMPLETIONS)
SAID = "The harbour office moves to the north pier."
TWO: dict[str, Any] = {"model": "m", "prompt": ["One: é ", "Two: "], "echo": True,
                       "stream_options": {"include_usage": True}}  # fmt: skip
RAW = "".join(e + "\n\n" for e in completion_events(Reply(SAID), TWO, 1)).encode()


@given(st.lists(st.integers(0, len(RAW)), max_size=6))
def test_any_split_of_a_stream_reads_the_same(cuts: list[int]) -> None:
    stream = WIRE.stream(True)
    at, out, said = 0, b"", []
    for cut in [*sorted(cuts), len(RAW)]:
        for piece in stream.feed(RAW[at:cut]):
            out += piece.raw
            said += [piece.done.text] if isinstance(piece.done, OutputPart) else []
        at = cut
    assert list(stream.end()) == []
    assert (out, stream.complete) == (RAW, True)
    assert said == ["One: é " + SAID, "Two: " + SAID]
    answer = stream.answer()
    assert [p.text for p in answer.output if isinstance(p, OutputPart)] == said
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.finish) == (10, ("stop", "stop"))


PROMPTS: list[tuple[Any, list[tuple[str, Kind]], int]] = [
    ("Say it.", [("/prompt", Kind.TEXT)], 0),
    (["One.", '{"a": "Two."}'], [("/prompt/0", Kind.TEXT), ("/prompt/1/a", Kind.TEXT)], 0),
    ([1, 2, 3], [("/prompt", Kind.OPAQUE)], 0),
    ([[1, 2], [3]], [("/prompt", Kind.OPAQUE)], 0),
    (["One.", {"text": "Two."}], [("/prompt", Kind.OPAQUE), ("/prompt/0", Kind.TEXT)], 1),
    ({"text": "Two."}, [("/prompt/text", Kind.TEXT)], 1),
]


@pytest.mark.parametrize(("prompt", "parts", "unknown"), PROMPTS)
def test_every_string_of_a_prompt_is_seen(
    prompt: Any, parts: list[tuple[str, Kind]], unknown: int
) -> None:
    found = WIRE.read_field("prompt", prompt)
    assert [(p.pointer, p.kind) for p in found.parts] == parts
    assert len(found.unknown) == unknown


@pytest.mark.firedoor_mode("contain")
def test_the_sdk_works_and_what_it_says_is_known_again(
    door: Door, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply(SAID)
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("writer", compartment="press"):
        found = sdk.completions.create(model="m", prompt=["a", "b"], suffix=" End.", echo=True)
        assert [c.text for c in found.choices] == ["a" + SAID, "b" + SAID]
        chunks = sdk.completions.create(model="m", prompt="Say it.", stream=True)
        assert "".join(c.choices[0].text for c in chunks) == SAID
    with door.instance("reader", compartment="lab"):
        sdk.completions.create(model="m", prompt="Read this.", suffix=SAID)
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    (part,) = [p for p in told["parts"] if p["pointer"] == "/suffix"]
    assert (part["author"], part["generation"]) == ("writer", 1)
    with pytest.raises(openai.PermissionDeniedError, match="does not know what stands at /tools"):
        sdk.completions.create(model="m", prompt="a", extra_body={"tools": []})


@pytest.mark.firedoor_mode("contain")
def test_a_stream_that_ends_early_says_so(door: Door, upstream: ScriptedUpstream) -> None:
    begun = RAW[: RAW.index(b"\n\n") + 2]
    upstream.script = lambda call: Reply(raw=begun, content_type="text/event-stream")
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with pytest.raises(openai.APIError, match="ended early"):
        list(sdk.completions.create(model="m", prompt="a", stream=True))
    assert json.loads(begun.partition(b"data: ")[2])["choices"][0]["text"]

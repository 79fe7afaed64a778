"""Promise 2, nothing unseen: every string of a request is a part, wherever it stands."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.types.exchange import Surface
from firedoor.wire import surface_wire
from firedoor.wire.shape import escape

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="{["), min_size=1, max_size=20)
JSON = st.recursive(
    TEXT | st.none() | st.booleans() | st.integers(-99, 99),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from(
    [
        "messages",
        "input",
        "content",
        "role",
        "user",
        "assistant",
        "tool",
        "system",
        "type",
        "text",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "tool_use",
        "tool_result",
        "input",
        "output",
        "function_call",
        "message",
        "reasoning",
        "summary",
        "id",
        "metadata",
        "tools",
        "tool_choice",
        "instructions",
        "parts",
        "model",
        "functionCall",
        "function_response",
        "fileData",
        "fileUri",
        "response",
        "systemInstruction",
        "functionDeclarations",
        "generation_config",
    ]
)
# Shapes close to the real ones, so that the walk goes deep before it meets what it does not know.
NEAR = st.recursive(
    TEXT | st.none() | st.booleans() | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(WORDS | TEXT, inner, max_size=5)
        | inner.map(lambda v: json.dumps(v) if isinstance(v, dict | list) else v)
    ),
    max_leaves=14,
)
SURFACES = pytest.mark.parametrize(
    "surface",
    [
        Surface.OPENAI_CHAT, Surface.OPENAI_RESPONSES, Surface.OPENAI_EMBEDDINGS,
        Surface.ANTHROPIC_MESSAGES, Surface.ANTHROPIC_COUNT_TOKENS, Surface.GEMINI_GENERATE,
        Surface.GEMINI_COUNT, Surface.GEMINI_EMBED,
    ],
)  # fmt: skip


def strings(value: Any) -> list[str]:
    """Every string value below, through strings that hold JSON."""
    if isinstance(value, str):
        if value.lstrip()[:1] in ("{", "["):
            try:
                inner = json.loads(value)
            except ValueError:
                return [value]
            found = strings(inner) if isinstance(inner, dict | list) else []
            return found or [value]
        return [value]
    if isinstance(value, dict):
        # A wordy name is a place for text too.
        names = [k for k in value if len(k) > 32 or any(c.isspace() for c in k)]
        return names + [s for v in value.values() for s in strings(v)]
    if isinstance(value, list):
        return [s for v in value for s in strings(v)]
    return []


def seen(surface: Surface, body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The texts of all parts, and the pointers of what is unknown."""
    wire = surface_wire(surface)
    sections = wire.sections(body)
    readings = [
        wire.read_turn(sections.pointer_of(i), turn) for i, turn in enumerate(sections.turns)
    ]
    readings += [wire.read_field(name, value) for name, value in sections.fields.items()]
    parts = [p for r in readings for p in r.parts]
    # What is opaque (audio, encrypted text) is a part without a text, and counted as such.
    texts = [p.text for p in parts]
    return texts, [u for r in readings for u in r.unknown]


@SURFACES
@given(
    body=st.dictionaries(WORDS | TEXT, NEAR | JSON, max_size=5), turns=st.lists(NEAR, max_size=3)
)
@settings(max_examples=150)
def test_every_string_is_a_part(surface: Surface, body: dict[str, Any], turns: list[Any]) -> None:
    body = {k: v for k, v in body.items() if k not in ("messages", "input")}
    name = {
        Surface.OPENAI_CHAT: "messages",
        Surface.OPENAI_RESPONSES: "input",
        Surface.OPENAI_EMBEDDINGS: "input",
        Surface.ANTHROPIC_MESSAGES: "messages",
        Surface.ANTHROPIC_COUNT_TOKENS: "messages",
        Surface.GEMINI_GENERATE: "contents",
        Surface.GEMINI_COUNT: "contents",
        Surface.GEMINI_EMBED: "requests",
    }[surface]
    body[name] = turns
    texts, unknown = seen(surface, body)
    named = "\n".join(unknown)
    missing = [s for s in strings(body) if s not in texts and escape(s) not in named]
    opaque = texts.count("")
    assert len(missing) <= opaque, missing


@SURFACES
@given(extra=JSON)
@settings(max_examples=40)
def test_a_field_that_no_table_names_is_said_to_be_unknown(surface: Surface, extra: Any) -> None:
    _, unknown = seen(surface, {"brand_new_field": extra})
    assert unknown == ([] if extra is None else ["/brand_new_field"])

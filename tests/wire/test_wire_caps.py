"""How much a request may have generated: read as it is meant, lowered without touching another byte."""

import json
from typing import Any

import pytest
from anthropic.types.beta.message_create_params import MessageCreateParamsNonStreaming as Message
from google.genai.types import GenerateContentConfig
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming as Chat,
)
from openai.types.completion_create_params import (
    CompletionCreateParamsNonStreaming as Completion,
)
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming as Response,
)
from pydantic import TypeAdapter

from firedoor.types.exchange import Surface
from firedoor.wire import (
    CapProblem,
    OutputCap,
    output_cap,
    parse,
    surface_wire,
    with_output_cap,
)

CHAT, RESPONSES, COMPLETIONS = (
    Surface.OPENAI_CHAT,
    Surface.OPENAI_RESPONSES,
    Surface.OPENAI_COMPLETIONS,
)
MESSAGES, GEMINI, INTERACTIONS = (
    Surface.ANTHROPIC_MESSAGES,
    Surface.GEMINI_GENERATE,
    Surface.GEMINI_INTERACTIONS,
)
LIMIT = {
    CHAT: ("max_completion_tokens",),
    RESPONSES: ("max_output_tokens",),
    COMPLETIONS: ("max_tokens",),
    MESSAGES: ("max_tokens",),
    GEMINI: ("generationConfig", "maxOutputTokens"),
    INTERACTIONS: ("generation_config", "max_output_tokens"),
}


def asked(surface: Surface, fields: dict[str, Any]) -> OutputCap:
    found = output_cap(surface_wire(surface).caps, fields)
    assert found is not None
    return found


def capped(surface: Surface, fields: dict[str, Any], cap: int) -> dict[str, Any]:
    body = json.dumps(fields, indent=1).encode()
    value = parse(with_output_cap(surface_wire(surface).caps, body, fields, cap))
    assert isinstance(value, dict)
    return value


def nested(path: tuple[str, ...], value: object) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def at(path: tuple[str, ...], value: Any) -> Any:
    for name in path:
        value = value[name]
    return value


@pytest.mark.parametrize("surface", LIMIT)
def test_a_limit_is_read_where_the_surface_has_it(surface: Surface) -> None:
    assert asked(surface, nested(LIMIT[surface], 300)).asked == 300
    assert asked(surface, {}) == OutputCap()


@pytest.mark.parametrize("surface", LIMIT)
@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (-1, CapProblem.NEGATIVE),
        (10**30, CapProblem.TOO_LARGE),
        ("many", CapProblem.NOT_A_NUMBER),
        (True, CapProblem.NOT_A_NUMBER),
        (1.5, CapProblem.NOT_A_NUMBER),
        ([5], CapProblem.NOT_A_NUMBER),
    ],
)
def test_what_is_no_limit_is_named_and_becomes_the_cap(
    surface: Surface, value: object, problem: CapProblem
) -> None:
    fields = nested(LIMIT[surface], value)
    found = asked(surface, fields)
    assert (found.asked, found.problem) == (None, problem)
    assert found.pointer == "/" + "/".join(LIMIT[surface])
    assert at(LIMIT[surface], capped(surface, fields, 64)) == 64


def test_a_zero_is_a_limit_only_where_it_asks_for_no_output() -> None:
    assert asked(CHAT, {"max_tokens": 0}).problem is CapProblem.ZERO
    assert capped(CHAT, {"max_tokens": 0}, 64) == {"max_tokens": 64}
    for surface in (MESSAGES, COMPLETIONS):
        assert asked(surface, {"max_tokens": 0}) == OutputCap(asked=0)
        assert capped(surface, {"max_tokens": 0}, 64) == {"max_tokens": 0}


def test_a_number_in_a_string_is_one_where_proto_json_says_so() -> None:
    config = {"generationConfig": {"max_output_tokens": "4096", "candidateCount": "3"}}
    assert asked(GEMINI, config) == OutputCap(asked=4_096, choices=3)
    assert asked(CHAT, {"max_tokens": "4096"}).problem is CapProblem.NOT_A_NUMBER


@pytest.mark.parametrize(
    ("surface", "fields", "choices"),
    [
        (CHAT, {"n": 128}, 128),
        (CHAT, {"n": None}, 1),
        (COMPLETIONS, {"n": 2, "best_of": 5, "prompt": "a"}, 5),
        (COMPLETIONS, {"n": 2, "prompt": ["a", "b", "c"]}, 6),
        (COMPLETIONS, {"n": 2, "prompt": [1, 2, 3]}, 2),
        (COMPLETIONS, {"prompt": [[1, 2], [3]]}, 2),
        (GEMINI, {"generation_config": {"candidate_count": 4}}, 4),
        (RESPONSES, {"n": 9}, 1),
    ],
)
def test_choices_count_all_that_is_generated(
    surface: Surface, fields: dict[str, Any], choices: int
) -> None:
    assert asked(surface, fields).choices == choices


@pytest.mark.parametrize("n", [-3, 0, "2", 10**30])
def test_a_count_that_makes_no_sense_is_named(n: object) -> None:
    found = asked(CHAT, {"n": n})
    assert found.problem is not None
    assert found.pointer == "/n"


def test_the_total_is_that_of_all_choices_under_the_lower_limit() -> None:
    found = asked(CHAT, {"n": 3, "max_completion_tokens": 100})
    assert (found.tokens(), found.tokens(40), found.tokens(400)) == (300, 120, 300)
    assert OutputCap().tokens() is None
    assert OutputCap(choices=2).tokens(40) == 80


def test_both_spellings_of_a_limit_are_lowered() -> None:
    both = {"max_tokens": 900, "max_completion_tokens": 40}
    assert asked(CHAT, both).asked == 900
    assert capped(CHAT, both, 64) == {"max_tokens": 64, "max_completion_tokens": 40}
    config = {"generation_config": {"max_output_tokens": 900}}
    assert capped(GEMINI, config, 64) == {"generation_config": {"max_output_tokens": 64}}


def test_a_limit_goes_where_there_is_a_place_for_it() -> None:
    assert capped(CHAT, {"model": "m"}, 64)["max_completion_tokens"] == 64
    assert capped(CHAT, {"max_completion_tokens": None}, 64) == {"max_completion_tokens": 64}
    assert capped(GEMINI, {}, 64) == {"generationConfig": {"maxOutputTokens": 64}}
    assert capped(GEMINI, {"generationConfig": None}, 64) == {
        "generationConfig": {"maxOutputTokens": 64}
    }
    assert capped(GEMINI, {"generation_config": {"topK": 1}}, 64) == {
        "generation_config": {"topK": 1, "maxOutputTokens": 64}
    }
    assert capped(INTERACTIONS, {"agent": "a", "agent_config": {"type": "x"}}, 64)[
        "agent_config"
    ] == {"type": "x", "max_total_tokens": 64}


def test_beside_a_prediction_the_older_name_is_used_and_its_size_is_told() -> None:
    """What a prediction gets wrong is billed as output, beyond any limit."""
    fields = {"prediction": {"type": "content", "content": "x" * 100}}
    assert capped(CHAT, fields, 64)["max_tokens"] == 64
    assert "max_completion_tokens" not in capped(CHAT, fields, 64)
    assert asked(CHAT, fields).beside_bytes > 100


def test_thinking_stays_below_the_limit_that_it_is_part_of() -> None:
    thinking = {"type": "enabled", "budget_tokens": 8_000}
    fields = {"max_tokens": 9_000, "thinking": thinking}
    lower = capped(MESSAGES, fields, 4_000)
    assert lower == {"max_tokens": 4_000, "thinking": {"type": "enabled", "budget_tokens": 3_999}}
    assert capped(MESSAGES, fields, 500) == {"max_tokens": 500, "thinking": {"type": "disabled"}}
    assert capped(MESSAGES, fields, 9_000) == fields


def test_a_model_that_takes_over_may_write_no_more() -> None:
    fallback = {
        "model": "m",
        "max_tokens": 9_000,
        "thinking": {"type": "enabled", "budget_tokens": 5_000},
    }
    fields = {"max_tokens": 100, "fallbacks": [fallback, {"model": "o"}]}
    assert capped(MESSAGES, fields, 2_000)["fallbacks"] == [
        {
            "model": "m",
            "max_tokens": 2_000,
            "thinking": {"type": "enabled", "budget_tokens": 1_999},
        },
        {"model": "o"},
    ]


def test_surfaces_that_generate_nothing_have_no_limit() -> None:
    for surface in (Surface.OPENAI_EMBEDDINGS, Surface.ANTHROPIC_COUNT_TOKENS, Surface.UNKNOWN):
        caps = surface_wire(surface).caps
        assert output_cap(caps, {"max_tokens": 5}) is None
        assert with_output_cap(caps, b'{"max_tokens": 5}', {"max_tokens": 5}, 1) == (
            b'{"max_tokens": 5}'
        )


# -- every other byte stays, and the SDK still reads it ------------------------------------------

PLAIN: dict[Surface, dict[str, Any]] = {
    CHAT: {"model": "m", "messages": [{"role": "user", "content": "é \\u00e9 {"}]},
    RESPONSES: {"model": "m", "input": "a"},
    COMPLETIONS: {"model": "m", "prompt": 'a "b"'},
    MESSAGES: {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "a"}]},
    GEMINI: {"contents": [{"parts": [{"text": "a"}]}]},
    INTERACTIONS: {"model": "m", "input": "a"},
}
TYPES: dict[Surface, Any] = {
    CHAT: Chat,
    RESPONSES: Response,
    COMPLETIONS: Completion,
    MESSAGES: Message,
}


@given(
    surface=st.sampled_from(list(LIMIT)),
    limit=st.none() | st.integers(-5, 5_000) | st.just(10**30) | st.text("ab-", max_size=3),
    cap=st.integers(16, 4_096),
    indent=st.sampled_from([None, 0, 3]),
    ascii_=st.booleans(),
    first=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_only_the_limit_changes(
    surface: Surface, limit: object, cap: int, indent: int | None, ascii_: bool, first: bool
) -> None:
    """Taken out again, the limit leaves the body that the client sent."""
    path = LIMIT[surface]
    plain = {k: v for k, v in PLAIN[surface].items() if k != path[0]}
    told = nested(path, limit)
    fields = {**told, **plain} if first else {**plain, **told}
    body = json.dumps(fields, indent=indent, ensure_ascii=ascii_).encode()
    made = with_output_cap(surface_wire(surface).caps, body, fields, cap)
    value = parse(made)
    now = at(path, value)
    assert {**value, path[0]: None} == {**fields, path[0]: None}
    assert isinstance(now, int)
    assert now <= cap
    if isinstance(limit, int) and 0 < limit <= cap:
        assert made == body
    else:
        before = json.dumps(limit, ensure_ascii=ascii_).encode()
        assert now in (0, cap)
        written = b": %d" % now
        if limit != 0:
            assert any(
                made[:i] + b": " + before + made[i + len(written) :] == body
                for i in range(len(made))
                if made.startswith(written, i)
            )
    if surface in TYPES:
        TypeAdapter(TYPES[surface]).validate_python(value)
    else:
        config = at(path[:-1], value)
        assert GenerateContentConfig.model_validate(config).max_output_tokens == now


@given(surface=st.sampled_from(list(LIMIT)), indent=st.sampled_from([None, 0, 3]))
@settings(max_examples=40, deadline=None)
def test_an_added_limit_leaves_what_was_there(surface: Surface, indent: int | None) -> None:
    fields = {k: v for k, v in PLAIN[surface].items() if k != LIMIT[surface][0]}
    body = json.dumps(fields, indent=indent).encode()
    made = with_output_cap(surface_wire(surface).caps, body, fields, 77)
    assert at(LIMIT[surface], parse(made)) == 77
    name = f'"{LIMIT[surface][0]}"'.encode()
    start = made.index(b"," + name)
    end = made.index(b"77") + 2 + (len(LIMIT[surface]) - 1)
    assert made[:start] + made[end:] == body

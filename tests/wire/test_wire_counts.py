"""What an answer cost: every count that a price needs, whole or streamed, sane where it is not."""

import json
from collections.abc import Iterable
from typing import Any

import pytest

from firedoor.types.exchange import Surface
from firedoor.types.usage import Beside, Usage, UsageDoubt
from firedoor.wire import surface_wire
from firedoor.wire.counts import google_usage, interaction_usage, later, tier_of, usage_of


def whole(surface: Surface, value: dict[str, Any]) -> Usage | None:
    return surface_wire(surface).read_answer(json.dumps(value).encode()).usage


def streamed(surface: Surface, events: Iterable[dict[str, Any]]) -> Usage | None:
    reader = surface_wire(surface).stream(False)
    for event in events:
        name = f"event: {event['type']}\n" if "type" in event else ""
        list(reader.feed(f"{name}data: {json.dumps(event)}\n\n".encode()))
    list(reader.end())
    return reader.answer().usage


def test_openai_counts_cached_tokens_into_the_input() -> None:
    told = {
        "choices": [],
        "service_tier": "priority",
        "usage": {
            "prompt_tokens": 1_000,
            "completion_tokens": 300,
            "total_tokens": 1_300,
            "prompt_tokens_details": {
                "cached_tokens": 600,
                "cache_write_tokens": 100,
                "audio_tokens": 20,
                "image_tokens": 5,
            },
            "completion_tokens_details": {"reasoning_tokens": 200, "audio_tokens": 10},
        },
    }
    found = whole(Surface.OPENAI_CHAT, told)
    assert found == Usage(
        1_000,
        300,
        cache_read_tokens=600,
        cache_write_tokens=100,
        reasoning_tokens=200,
        audio_input_tokens=20,
        audio_output_tokens=10,
        image_input_tokens=5,
        tier="priority",
    )
    assert found.input_total == 1_000


def test_anthropic_counts_caches_beside_the_input() -> None:
    told = {
        "usage": {
            "input_tokens": 10,
            "output_tokens": 50,
            "cache_read_input_tokens": 900,
            "cache_creation_input_tokens": 300,
            "cache_creation": {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100},
            "output_tokens_details": {"thinking_tokens": 30},
            "server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 0},
            "service_tier": "standard",
            "speed": "fast",
        }
    }
    found = whole(Surface.ANTHROPIC_MESSAGES, told)
    assert found == Usage(
        10,
        50,
        cache_read_tokens=900,
        cache_write_tokens=300,
        cache_write_long_tokens=100,
        reasoning_tokens=30,
        tools=(("web_search", 3),),
        tier="fast",
        cache_apart=True,
    )
    assert found.input_total == 1_210


def test_what_other_models_cost_inside_a_message_stands_beside_it() -> None:
    row = {"input_tokens": 5, "output_tokens": 7}
    told = {
        "input_tokens": 1,
        "output_tokens": 2,
        "iterations": [
            {"type": "message", **row},
            {"type": "compaction", **row},
            {"type": "advisor_message", "model": "claude-big", **row},
        ],
    }
    found = usage_of(told)
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == (1, 2)
    assert found.beside == (
        Beside("compaction", None, Usage(5, 7)),
        Beside("advisor_message", "claude-big", Usage(5, 7)),
    )


def test_a_response_tells_tools_and_pictures_apart_from_its_tokens() -> None:
    told = {
        "output": [
            {"type": "web_search_call", "action": {"type": "search"}},
            {"type": "web_search_call", "action": {"type": "open_page"}},
            {"type": "file_search_call"},
        ],
        "tools": [{"type": "image_generation", "model": "gpt-image-1-mini"}],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    assert whole(Surface.OPENAI_RESPONSES, told) == Usage(
        3, 4, tools=(("file_search", 1), ("web_search", 1))
    )
    told["tool_usage"] = {
        "web_search": {"num_requests": 5},
        "image_gen": {
            "input_tokens": 9,
            "input_tokens_details": {"image_tokens": 4},
            "output_tokens": 8,
        },
    }
    found = whole(Surface.OPENAI_RESPONSES, told)
    assert found is not None
    assert dict(found.tools)["web_search"] == 5
    (made,) = found.beside
    assert (made.what, made.model) == ("image_generation", "gpt-image-1-mini")
    assert (made.usage.image_input_tokens, made.usage.image_output_tokens) == (4, 8)


def test_gemini_counts_what_was_thought_and_what_was_found() -> None:
    told = {
        "candidates": [{"groundingMetadata": {"webSearchQueries": ["a", "b"]}}],
        "usageMetadata": {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "toolUsePromptTokenCount": 7,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 30,
            "totalTokenCount": 157,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 60},
                {"modality": "AUDIO", "tokenCount": 40},
            ],
            "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 10}],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 9}],
            "trafficType": "ON_DEMAND_PRIORITY",
        },
    }
    assert whole(Surface.GEMINI_GENERATE, told) == Usage(
        107,
        50,
        cache_read_tokens=40,
        reasoning_tokens=30,
        audio_input_tokens=40,
        audio_cache_read_tokens=10,
        image_output_tokens=9,
        tools=(("web_search", 2),),
        tier="priority",
    )


def test_an_interaction_tells_the_same_under_its_own_names() -> None:
    found = interaction_usage(
        {
            "total_input_tokens": 60,
            "total_output_tokens": 70,
            "total_thought_tokens": 5,
            "total_cached_tokens": 6,
            "grounding_tool_count": [{"type": "google_search", "count": 2}],
            "output_tokens_by_modality": [{"modality": "audio", "tokens": 3}],
        }
    )
    assert found == Usage(
        60,
        75,
        cache_read_tokens=6,
        reasoning_tokens=5,
        audio_output_tokens=3,
        tools=(("google_search", 2),),
    )


@pytest.mark.parametrize(
    ("told", "read", "doubt"),
    [
        ({"prompt_tokens": -5, "completion_tokens": 3}, (None, 3), UsageDoubt.NOT_A_COUNT),
        ({"prompt_tokens": 10**30, "completion_tokens": 3}, (None, 3), UsageDoubt.NOT_A_COUNT),
        ({"prompt_tokens": "7", "completion_tokens": 3}, (None, 3), UsageDoubt.NOT_A_COUNT),
        ({"prompt_tokens": 5, "total_tokens": 9}, (5, 4), UsageDoubt.FROM_TOTAL),
        ({"completion_tokens": 5, "total_tokens": 9}, (4, 5), UsageDoubt.FROM_TOTAL),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "total_tokens": 107,
                "completion_tokens_details": {"reasoning_tokens": 100},
            },
            (5, 102),
            UsageDoubt.REASONING_APART,
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 90},
            (5, 85),
            UsageDoubt.TOTAL_LARGER,
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 8},
            },
            (8, 2),
            UsageDoubt.CACHED_BEYOND_INPUT,
        ),
    ],
)
def test_what_makes_no_sense_is_read_as_the_most_it_can_mean(
    told: dict[str, Any], read: tuple[int | None, int | None], doubt: UsageDoubt
) -> None:
    found = usage_of(told)
    assert found is not None
    assert (found.input_tokens, found.output_tokens) == read
    assert doubt in found.doubts


@pytest.mark.parametrize("told", [None, "x", 3, [], True])
def test_where_nothing_is_told_there_is_no_usage(told: object) -> None:
    assert usage_of(told) is None
    assert google_usage(told) is None
    assert interaction_usage(told) is None


def test_what_is_told_again_grows_and_never_falls() -> None:
    first, second = Usage(9, 1), Usage(9, 30)
    assert later(None, None) is None
    assert later(None, first) == later(first, None) == first
    assert later(first, first) == first
    assert later(first, second) == second
    fell = later(second, first)
    assert fell is not None
    assert (fell.output_tokens, fell.doubts) == (30, (UsageDoubt.FELL,))


def test_a_tier_is_a_word_of_the_price_lists() -> None:
    told = [(None,), ("default",), ("auto", "flex"), ("ON_DEMAND_PRIORITY",), ("gold",), (7,)]
    assert [tier_of(*t) for t in told] == [None, None, "flex", "priority", "gold", None]


def chat(usage: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": "a"}}], "usage": usage}


@pytest.mark.parametrize(
    ("usages", "read"),
    [
        ([None, None], None),
        ([None, {"prompt_tokens": 3, "completion_tokens": 9}], (3, 9)),
        (
            [
                {"prompt_tokens": 3, "completion_tokens": 1},
                {"prompt_tokens": 3, "completion_tokens": 9},
            ],
            (3, 9),
        ),
        (
            [
                {"prompt_tokens": 3, "completion_tokens": 9},
                {"prompt_tokens": 3, "completion_tokens": -9},
            ],
            (3, 9),
        ),
        (
            [
                {"prompt_tokens": 3, "completion_tokens": 9},
                {"prompt_tokens": 0, "completion_tokens": 0},
            ],
            (3, 9),
        ),
    ],
)
def test_a_streamed_chat_tells_it_never_once_growing_or_twice(
    usages: list[object], read: tuple[int, int] | None
) -> None:
    for surface in (Surface.OPENAI_CHAT, Surface.OPENAI_COMPLETIONS):
        found = streamed(surface, map(chat, usages))
        assert (None if found is None else (found.input_tokens, found.output_tokens)) == read


def test_a_streamed_message_joins_its_first_event_with_its_last() -> None:
    begun = {
        "input_tokens": 10,
        "output_tokens": 1,
        "cache_read_input_tokens": 5,
        "cache_creation": {"ephemeral_1h_input_tokens": 4},
    }
    ended = {"output_tokens": 60, "server_tool_use": {"web_search_requests": 2}}
    found = streamed(
        Surface.ANTHROPIC_MESSAGES,
        [
            {"type": "message_start", "message": {"usage": begun}},
            {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 20}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": ended},
        ],
    )
    assert found == Usage(
        10,
        60,
        cache_read_tokens=5,
        cache_write_tokens=4,
        cache_write_long_tokens=4,
        tools=(("web_search", 2),),
        cache_apart=True,
    )


def test_a_streamed_gemini_answer_keeps_the_largest_of_its_events() -> None:
    def event(out: int) -> dict[str, Any]:
        return {
            "candidates": [{"content": {"parts": [{"text": "a"}]}}],
            "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": out},
        }

    found = streamed(Surface.GEMINI_GENERATE, [event(1), event(8), {"candidates": []}])
    assert found == Usage(4, 8)


def test_a_streamed_response_tells_it_in_its_last_event() -> None:
    response = {"id": "r", "output": [], "usage": {"input_tokens": 3, "output_tokens": 4}}
    assert streamed(
        Surface.OPENAI_RESPONSES,
        [
            {"type": "response.created", "response": {"id": "r", "usage": None}},
            {"type": "response.completed", "response": response},
        ],
    ) == Usage(3, 4)

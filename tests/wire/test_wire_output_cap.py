"""The output limit of a request: what it may come to, and set where there is none."""

import json
from typing import Any, Final

import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat.completion_create_params import CompletionCreateParamsBase as ChatParams
from openai.types.completion_create_params import CompletionCreateParamsBase as OldParams
from openai.types.responses.response_create_params import ResponseCreateParamsBase

from firedoor.types.exchange import Surface
from firedoor.wire import generates, output_limit, with_output_cap
from firedoor.wire.output_cap import choices
from firedoor.wire.surfaces import surface_wire

CAP: Final = 4_096
PLAIN: Final = {
    Surface.OPENAI_CHAT: ("max_completion_tokens", "max_tokens"),
    Surface.OPENAI_COMPLETIONS: ("max_tokens",),
    Surface.OPENAI_RESPONSES: ("max_output_tokens",),
    Surface.ANTHROPIC_MESSAGES: ("max_tokens",),
}
CONFIGS: Final = {
    Surface.GEMINI_GENERATE: ("generationConfig", "generation_config"),
    Surface.GEMINI_INTERACTIONS: ("generation_config",),
}
MEMBERS: Final = {
    Surface.GEMINI_GENERATE: ("maxOutputTokens", "max_output_tokens"),
    Surface.GEMINI_INTERACTIONS: ("max_output_tokens",),
}
SCALARS: Final = st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=9)
VALUES: Final = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
OTHERS: Final = st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
LIMITS: Final = st.none() | st.integers(-2, 10**31) | st.floats(0, 1e31) | st.just("8")


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Surface, dict[str, Any]]:
    """A request of some surface, with an output limit in any of its places, or none."""
    surface = draw(st.sampled_from(sorted(PLAIN | CONFIGS)))
    members = [(name, draw(LIMITS)) for name in PLAIN.get(surface, ()) if draw(st.booleans())]
    for config in CONFIGS.get(surface, ()):
        if draw(st.booleans()):
            inner = [(m, draw(LIMITS)) for m in MEMBERS[surface] if draw(st.booleans())]
            inner += draw(OTHERS).items()
            draw(st.randoms(use_true_random=False)).shuffle(inner)
            members.append((config, draw(st.sampled_from([dict(inner), None]))))
    members += draw(OTHERS).items()
    draw(st.randoms(use_true_random=False)).shuffle(members)
    return Surface(surface), dict(members)


def limits(surface: Surface, body: dict[str, Any]) -> list[Any]:
    """Every output limit of a request, whatever it is."""
    found = [body[name] for name in PLAIN.get(surface, ()) if name in body]
    for config in CONFIGS.get(surface, ()):
        inner = body.get(config)
        if isinstance(inner, dict):
            found += [inner[m] for m in MEMBERS[surface] if m in inner]
    return found


def without(surface: Surface, body: dict[str, Any]) -> dict[str, Any]:
    """The rest of a request."""
    rest = {k: v for k, v in body.items() if k not in PLAIN.get(surface, ())}
    for config in CONFIGS.get(surface, ()):
        inner = rest.pop(config, None)
        if inner:
            kept = {k: v for k, v in inner.items() if k not in MEMBERS[surface]}
            rest |= {config: kept} if kept else {}
    return rest


def is_subsequence(of: bytes, whole: bytes) -> bool:
    """Whether ``of`` is ``whole`` with some bytes taken out."""
    left = iter(whole)
    return all(byte in left for byte in of)


@given(made=bodies(), ascii_=st.booleans(), indent=st.sampled_from([None, 0, 2]))
def test_the_cap_is_the_only_limit_and_all_else_is_as_it_was(
    made: tuple[Surface, dict[str, Any]], ascii_: bool, indent: int | None
) -> None:
    surface, fields = made
    text = "\n " + json.dumps(fields, ensure_ascii=ascii_, indent=indent) + " \n"
    body = text.encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    capped = with_output_cap(surface, body, fields, CAP)
    after = json.loads(capped)
    assert limits(surface, after)
    assert set(limits(surface, after)) == {CAP}
    assert without(surface, after) == without(surface, fields)
    assert output_limit(surface, after) == CAP
    if not limits(surface, fields) and None not in [
        fields.get(c, 0) for c in CONFIGS.get(surface, ())
    ]:
        assert is_subsequence(body, capped)
        assert capped.startswith(b"\n ")
        assert capped.endswith(b" \n")


@pytest.mark.parametrize(
    ("surface", "body", "capped"),
    [
        ("openai.chat", b'{"model" : "m"\n}', b'{"model" : "m"\n,"max_completion_tokens":7}'),
        ("openai.chat", b'{"max_tokens":-1, "n":1}', b'{"max_tokens":7, "n":1}'),
        ("openai.chat", b"{ }", b'{ "max_completion_tokens":7}'),
        ("openai.completions", b'{"n":1}', b'{"n":1,"max_tokens":7}'),
        ("openai.responses", b'{"n":1}', b'{"n":1,"max_output_tokens":7}'),
        ("anthropic.messages", b'{"max_tokens":1e30}', b'{"max_tokens":7}'),
        ("gemini.generate", b'{"a":1}', b'{"a":1,"generationConfig":{"maxOutputTokens":7}}'),
        (
            "gemini.generate",
            b'{"generationConfig":{"topP": 1.00, "t":"\\u00e9"},"a":1}',
            b'{"generationConfig":{"topP": 1.00, "t":"\\u00e9","maxOutputTokens":7},"a":1}',
        ),
        (
            "gemini.generate",
            b'{"generation_config":{"top_p": 1e0}}',
            b'{"generation_config":{"top_p": 1e0,"max_output_tokens":7}}',
        ),
        (
            "gemini.generate",
            b'{"generationConfig":{"max_output_tokens": "9", "x":1E5}}',
            b'{"generationConfig":{"max_output_tokens": 7, "x":1E5}}',
        ),
        (
            "gemini.generate",
            b'{"generationConfig":{}}',
            b'{"generationConfig":{"maxOutputTokens":7}}',
        ),
    ],
)
def test_a_cap_takes_the_place_that_is_there(surface: str, body: bytes, capped: bytes) -> None:
    assert with_output_cap(Surface(surface), body, json.loads(body), 7) == capped


@pytest.mark.parametrize(
    ("body", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_tokens": None}, None),
        ({"max_completion_tokens": None, "max_tokens": 99}, 99),
        ({"max_completion_tokens": 5, "max_tokens": 99}, 99),
        ({"max_completion_tokens": 5, "max_tokens": "99"}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": 8.0}, None),
        ({"max_tokens": -1}, None),
        ({"max_tokens": 10**30}, 10**30),
    ],
)
def test_of_several_limits_the_greatest_counts_and_an_odd_one_is_none(
    body: dict[str, Any], limit: int | None
) -> None:
    assert output_limit(Surface.OPENAI_CHAT, body) == limit


@pytest.mark.parametrize(
    ("value", "count"),
    [(None, 1), (128, 128), ("128", 128), (" 128", 128), (127.5, 128), (True, 1), (0, 1), (-5, 1),
     ("many", 1), ([9], 1), (float("inf"), 10**18), (float("nan"), 1), ("9" * 99, 1)],
)  # fmt: skip
def test_choices_count_however_they_are_written(value: Any, count: int) -> None:
    assert choices(value) == count


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"prompt": "a"}, 1),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": ["a", "b"], "n": 3}, 6),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": "a", "n": 2, "best_of": 20}, 20),
        ({"prompt": []}, 1),
    ],
)
def test_completions_are_written_for_every_prompt_and_for_the_best_of_many(
    body: dict[str, Any], count: int
) -> None:
    assert surface_wire(Surface.OPENAI_COMPLETIONS).params(body).choices == count


def test_the_sdks_know_the_limit_by_that_name() -> None:
    for surface, params in {
        Surface.OPENAI_CHAT: ChatParams,
        Surface.OPENAI_COMPLETIONS: OldParams,
        Surface.OPENAI_RESPONSES: ResponseCreateParamsBase,
        Surface.ANTHROPIC_MESSAGES: MessageCreateParamsBase,
    }.items():
        set_ = json.loads(with_output_cap(surface, b"{}", {}, CAP))
        assert set(set_) <= set(params.__annotations__)
    body = with_output_cap(Surface.GEMINI_GENERATE, b"{}", {}, CAP)
    config = types.GenerateContentConfig.model_validate(json.loads(body)["generationConfig"])
    assert config.max_output_tokens == CAP


def test_every_surface_that_generates_has_its_row_here() -> None:
    assert {s for s in Surface if generates(s)} == {*PLAIN, *CONFIGS}

"""The price table that a file asks for: genai-prices' own figures, and the operator's before them."""

import builtins
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import genai_prices
import pytest
from genai_prices.data import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.budget import PriceTable
from firedoor.config import load_settings
from firedoor.config.prices import Prices, RateRow, price_table
from firedoor.errors import SettingsError
from firedoor.types.usage import Usage

TODAY = date(2026, 11, 25)
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TABLE = price_table(Prices(), today=TODAY)
MODELS = [
    ("openai", "gpt-4o"), ("openai", "gpt-4o-2024-05-13"), ("openai", "gpt-4o-mini"),
    ("openai", "gpt-4.1"), ("openai", "gpt-5"), ("openai", "gpt-5-mini"), ("openai", "o3"),
    ("openai", "gpt-audio"), ("openai", "gpt-image-1"), ("openai", "gpt-3.5-turbo"),
    ("openai", "gpt-6.1-terra"), ("anthropic", "claude-sonnet-4-5-20250929"),
    ("anthropic", "claude-fable-5-2"), ("anthropic", "claude-3-haiku-20240307"),
    ("anthropic", "claude-opus-4-1"), ("google", "gemini-2.5-pro"), ("google", "gemini-2.5-flash"),
    ("google", "gemini-2.5-flash-lite"), ("deepseek", "deepseek-chat"), ("mistral", "mistral-large-latest"),
    ("x-ai", "grok-4"), ("openrouter", "openai/gpt-5"),
]  # fmt: skip
LISTS: dict[str | None, dict[str, str]] = {
    None: {},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
    "batch": {"processing": "batch"},
}


def theirs(provider: str, model: str, context: dict[str, str], **usage: int) -> Decimal:
    told = {name: n for name, n in usage.items() if n}
    found = genai_prices.calc_price(
        genai_prices.Usage(**told),
        model,
        provider_id=provider,
        genai_request_timestamp=NOON,
        price_context=context or None,
    )
    return found.total_price * 1_000_000


def is_by_the_hour(provider: str, model: str) -> bool:
    """Whether a price depends on the hour: then the dearest is ours."""
    owner = next(p for p in providers if p.id == provider)
    found = owner.find_model(model, all_providers=providers)
    prices = found.prices if found is not None else []
    return isinstance(prices, list) and any(hasattr(p.constraint, "start_time") for p in prices)


COUNTS = st.integers(0, 250_000) | st.integers(0, 20)


@given(
    whom=st.sampled_from(MODELS),
    fresh=COUNTS,
    out=COUNTS,
    read=COUNTS,
    written=COUNTS,
    searches=st.integers(0, 5),
    tier=st.sampled_from(list(LISTS)),
)
@settings(max_examples=400, deadline=None)
def test_a_cost_is_what_genai_prices_says_rounded_up(
    whom: tuple[str, str],
    fresh: int,
    out: int,
    read: int,
    written: int,
    searches: int,
    tier: str | None,
) -> None:
    provider, model = whom
    usage = Usage(
        fresh,
        out,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_apart=True,
        tools=(("web_search", searches),) if searches else (),
        tier=tier,
    )
    true = theirs(
        provider,
        model,
        LISTS[tier],
        input_tokens=fresh + read + written,
        output_tokens=out,
        cache_read_tokens=read,
        cache_write_tokens=written,
        web_searches=searches,
    )
    ours = TABLE.cost(model, usage, provider=provider)
    assert ours is not None
    assert ours >= true
    if not is_by_the_hour(provider, model):
        assert ours - true < 1
    most = TABLE.most(
        model, usage.input_total, out, provider=provider, tools={"web_search": searches}
    )
    assert most is not None
    assert most >= ours


@pytest.mark.parametrize(
    ("model", "ours", "told"),
    [
        ("gpt-audio", Usage(100, 50, audio_input_tokens=60, audio_output_tokens=20),
         {"input_tokens": 100, "output_tokens": 50, "input_audio_tokens": 60, "output_audio_tokens": 20}),
        ("gpt-image-1", Usage(100, 50, image_input_tokens=60),
         {"input_tokens": 100, "output_tokens": 50, "input_image_tokens": 60}),
        ("gemini-2.5-flash",
         Usage(100, 50, cache_read_tokens=40, audio_input_tokens=60, audio_cache_read_tokens=30),
         {"input_tokens": 100, "output_tokens": 50, "cache_read_tokens": 40,
          "input_audio_tokens": 60, "cache_audio_read_tokens": 30}),
        ("claude-fable-5-2", Usage(100, 50, cache_write_tokens=40, cache_write_long_tokens=30),
         {"input_tokens": 100, "output_tokens": 50, "cache_write_tokens": 40,
          "cache_write_1h_tokens": 30}),
    ],
)  # fmt: skip
def test_sounds_pictures_and_long_caches_cost_what_they_do_there(
    model: str, ours: Usage, told: dict[str, int]
) -> None:
    provider = next(p for p, clause, _ in TABLE.providers if clause and clause.fits(model))
    true = theirs(provider, model, {}, **told)
    cost = TABLE.cost(model, ours)
    assert cost is not None
    assert 0 <= cost - true < 1


def test_every_model_that_is_priced_by_tokens_is_found_under_its_own_name() -> None:
    """As genai-prices finds it: the first row that fits."""
    for provider in providers:
        for model in provider.models:
            found = TABLE.model(model.id, provider.id)
            wanted = provider.find_model(model.id, all_providers=providers)
            if found is None or wanted is None or found.id == wanted.id:
                continue
            # Its first row is priced otherwise than by tokens, and so is not ours.
            assert not any(row.id == wanted.id for row in TABLE.rows)


def test_prices_are_those_of_the_day() -> None:
    early = price_table(Prices(), today=date(2026, 1, 1))
    assert isinstance(early, PriceTable)
    assert early.digest != TABLE.digest
    assert "genai-prices" in TABLE.source
    again = price_table(Prices(), today=TODAY)
    assert again.digest == TABLE.digest


def test_the_file_states_prices_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text(
        "version: 1\n"
        "prices:\n"
        "  table: none\n"
        "  unknown_model: price\n"
        "  price: {input: 15, output: 75}\n"
        '  models: {"llama-*": {input: 0, output: 0.0000001, web_search: 5}}\n'
    )
    prices = load_settings(file, environ={}).prices
    table = price_table(prices, today=TODAY)
    assert table.cost("gpt-4o", Usage(1_000, 100)) == 15_000 + 7_500
    # A price below a micro-dollar is one: rounded up.
    assert table.cost("llama-9", Usage(0, 1_000_000)) == 1
    assert table.cost("llama-9", Usage(0, 0, tools=(("web_search", 1),))) == 5_000


@pytest.mark.parametrize(
    "row",
    [
        {"unknown_model": "price"},
        {"price": {"input": 1, "output": 1}},
        {"models": {"m": {"input": -1, "output": 1}}},
        {"models": {"m": {"input": 1}}},
        {"models": {"m": {"input": 1, "output": 1, "outptu": 1}}},
        {"unknown_model": "guess"},
    ],
)
def test_prices_that_cannot_be_used_are_refused(row: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    import json

    file.write_text(json.dumps({"version": 1, "prices": row}))
    with pytest.raises(SettingsError, match="prices"):
        load_settings(file, environ={})


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("genai_prices"):
            raise ImportError(name)
        return plain(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.delitem(sys.modules, "genai_prices", raising=False)
    with pytest.raises(SettingsError) as caught:
        price_table(Prices(), today=TODAY)
    assert "pip install 'firedoor[prices]'" in caught.value.diagnostics()
    row = RateRow(input=Decimal(1), output=Decimal(2))
    own = price_table(Prices(table="none", models={"m": row}), today=TODAY)
    assert own.cost("m", Usage(1, 1)) == 3

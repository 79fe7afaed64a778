"""Prices: integers, rounded up once, and never below what a provider asks."""

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.budget import Clause, PricedModel, PriceTable, Rate, Rates
from firedoor.budget.model_names import forms
from firedoor.types.usage import Beside, Usage

USD = 1_000_000
"""Micro-dollars."""


def named(name: str) -> Clause:
    return Clause("equals", name)


PLAIN = Rates(
    {"input": Rate(3 * USD), "output": Rate(15 * USD), "cache_read": Rate(300_000)},
    {"web_search": 10 * USD},
)
TIERED = Rates(
    {
        "input": Rate(USD, ((200_000, 2 * USD),)),
        "output": Rate(8 * USD, ((200_000, 12 * USD),)),
        "cache_write": Rate(1_250_000),
        "cache_write_long": Rate(2 * USD),
        "input_audio": Rate(5 * USD),
        "reasoning": Rate(9 * USD),
    }
)
TABLE = PriceTable(
    rows=(
        PricedModel("acme", "plain", named("plain"), PLAIN),
        PricedModel(
            "acme",
            "tiered",
            named("tiered"),
            TIERED,
            {"flex": Rates({"input": Rate(USD // 2), "output": Rate(4 * USD)})},
        ),
        PricedModel("acme", "ft", Clause("starts_with", "ft:plain:"), TIERED),
    ),
    providers=(("acme", Clause("contains", "plain"), ()), ("other", None, ("acme",))),
)


def test_a_sum_is_exact_and_rounded_up_once() -> None:
    """One token at three dollars a million is three micro-dollars; a tenth of that is one."""
    assert TABLE.cost("plain", Usage(1, 0)) == 3
    assert TABLE.cost("plain", Usage(1, 0, cache_read_tokens=1)) == 1
    assert TABLE.cost("plain", Usage(1_000, 100)) == 3_000 + 1_500
    assert TABLE.cost("plain", Usage()) == 0


def test_cached_tokens_are_part_of_the_input_or_stand_beside_it() -> None:
    inside = Usage(1_000, 0, cache_read_tokens=400)
    apart = Usage(600, 0, cache_read_tokens=400, cache_apart=True)
    assert TABLE.cost("plain", inside) == TABLE.cost("plain", apart) == 600 * 3 + 120


def test_a_tier_prices_all_tokens_and_counts_cached_ones() -> None:
    assert TABLE.cost("tiered", Usage(200_000, 0), provider="acme") == 200_000
    assert TABLE.cost("tiered", Usage(200_001, 1), provider="acme") == 400_002 + 12
    apart = Usage(1, 0, cache_read_tokens=200_000, cache_apart=True)
    assert TABLE.cost("tiered", apart, provider="acme") == 400_002


def test_each_kind_has_its_own_rate_or_that_of_what_it_is_part_of() -> None:
    usage = Usage(
        100,
        50,
        cache_write_tokens=30,
        cache_write_long_tokens=10,
        audio_input_tokens=20,
        reasoning_tokens=40,
        image_input_tokens=5,
    )
    wanted = Fraction(10 * 2 + 20 * 5 + 5 + 45 + 40 * 9 + 10 * 8) + 20 * Fraction(5, 4)
    assert TABLE.cost("tiered", usage, provider="acme") == wanted


def test_tools_at_the_provider_are_paid_by_the_call() -> None:
    usage = Usage(0, 0, tools=(("google_search", 1), ("web_fetch", 9), ("web_search", 2)))
    assert TABLE.cost("plain", usage) == 3 * USD // 100
    assert TABLE.most("plain", 0, 0, tools={"web_search": 5}) == 5 * USD // 100


def test_what_ran_inside_the_call_is_paid_at_its_own_price() -> None:
    inside = (
        Beside("compaction", None, Usage(10, 0)),
        Beside("advisor_message", "acme/tiered", Usage(10, 0)),
    )
    assert TABLE.cost("plain", Usage(1, 0, beside=inside)) == 3 + 30 + 10
    strange = (Beside("advisor_message", "nobody", Usage(1, 1)),)
    assert TABLE.cost("plain", Usage(1, 0, beside=strange)) is None


def test_the_price_list_is_the_one_that_was_billed_and_the_dearest_before() -> None:
    assert TABLE.cost("tiered", Usage(100, 10, tier="flex"), provider="acme") == 50 + 40
    assert TABLE.cost("tiered", Usage(100, 10, tier="gold"), provider="acme") == 100 + 80
    ordinary = TABLE.most("tiered", 100, 10, provider="acme", tier="default")
    assert TABLE.most("tiered", 100, 10, provider="acme") == ordinary == 500 + 90
    assert TABLE.most("tiered", 100, 10, provider="acme", tier="flex") == 50 + 40


def test_a_model_without_a_price_has_none_unless_one_is_stated() -> None:
    assert TABLE.most("nobody", 1, 1) is None
    assert TABLE.cost("nobody", Usage(1, 1)) is None
    stated = PriceTable(rows=TABLE.rows, providers=TABLE.providers, unknown=PLAIN)
    assert stated.cost("nobody", Usage(1_000, 0)) == 3_000
    assert stated.cost("tiered", Usage(1_000, 0), provider="acme") == 1_000


def test_the_operators_prices_come_first() -> None:
    free = Rates({"input": Rate(0), "output": Rate(0)})
    table = PriceTable(rows=TABLE.rows, own=(("Plain*", free),), providers=TABLE.providers)
    assert table.cost("plain-2026-01-01", Usage(5, 5)) == 0
    assert table.cost("tiered", Usage(1_000, 0), provider="acme") == 1_000


@pytest.mark.parametrize(
    ("name", "provider", "row"),
    [
        ("plain", None, "plain"),
        ("PLAIN", "acme", "plain"),
        ("models/plain", "acme", "plain"),
        ("acme/plain", None, "plain"),
        ("acme/plain", "unheard-of", "plain"),
        ("plain-2026-11-03", None, "plain"),
        ("plain-20261103", None, "plain"),
        ("plain", "other", "plain"),
        ("ft:plain:org::id", "acme", "ft"),
        # Made from a cheaper model: there is no price to go by.
        ("ft:tiered:org::id", "acme", None),
        ("tiered", None, None),
        ("nobody/plain-2", None, None),
        ("", None, None),
        ("plain" * 1_000, None, None),
    ],
)
def test_a_model_is_known_by_any_of_its_names(name: str, provider: str | None, row: str) -> None:
    found = TABLE.model(name, provider)
    assert (found.id if found else None) == row


def test_a_snapshot_is_looked_for_as_itself_before_its_model() -> None:
    assert list(forms("m-20261103")) == ["m-20261103", "m-2026-11-03", "m"]
    assert list(forms("m-20261399")) == ["m-20261399", "m"]
    assert list(forms("ft:m-20261103:x")) == ["ft:m-20261103:x"]


def test_the_digest_names_the_prices_and_not_the_day() -> None:
    same = PriceTable(rows=TABLE.rows, providers=TABLE.providers, source="another day")
    assert same.digest == TABLE.digest
    assert PriceTable(rows=TABLE.rows[:1], providers=TABLE.providers).digest != TABLE.digest
    assert PriceTable(rows=TABLE.rows, providers=TABLE.providers, unknown=PLAIN).digest != (
        TABLE.digest
    )


COUNTS = st.integers(0, 300_000)


@given(
    model=st.sampled_from(["plain", "tiered"]),
    counts=st.lists(COUNTS, min_size=9, max_size=9),
    more=st.tuples(COUNTS, COUNTS, st.integers(0, 3)),
    searches=st.integers(0, 3),
    tier=st.sampled_from([None, "flex", "gold"]),
    apart=st.booleans(),
)
def test_no_call_costs_more_than_the_most_it_could(
    model: str,
    counts: list[int],
    more: tuple[int, int, int],
    searches: int,
    tier: str | None,
    apart: bool,
) -> None:
    """However its tokens are split, and whichever tier a smaller input falls into."""
    usage = Usage(
        counts[0],
        counts[1],
        cache_read_tokens=counts[2],
        cache_write_tokens=counts[3],
        cache_write_long_tokens=counts[4],
        reasoning_tokens=counts[5],
        audio_input_tokens=counts[6],
        audio_cache_read_tokens=counts[7],
        image_output_tokens=counts[8],
        tools=(("web_search", searches),) if searches else (),
        tier=tier,
        cache_apart=apart,
    )
    cost = TABLE.cost(model, usage, provider="acme")
    most = TABLE.most(
        model,
        usage.input_total + more[0],
        counts[1] + more[1],
        provider="acme",
        tools={"web_search": searches + more[2]},
    )
    assert cost is not None
    assert most is not None
    assert 0 <= cost <= most


def test_nothing_is_imported_for_a_price_that_nobody_asks_for() -> None:
    """genai-prices takes 0.2 s and brings an HTTP client."""
    code = "import firedoor, firedoor.config, sys; sys.exit('genai_prices' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Prices from the file and from ``genai-prices``, as the table that budgets reckon by.

The package takes 0.2 s to import and brings an HTTP client, so it is imported only when a table is
asked for, which is when a limit in dollars is set. Its data comes in its wheel: nothing is fetched.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from firedoor.budget.model_names import Clause
from firedoor.budget.prices import PricedModel, PriceTable, Rate, Rates
from firedoor.errors import SettingsError

EXTRA: Final = "pip install 'firedoor[prices]'"

Dollars = Annotated[Decimal, Field(ge=0, le=1_000_000)]
"""Dollars for a million tokens, or for a thousand calls of a tool."""

_TOKENS: Final = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_long",
    "input_audio_mtok": "input_audio",
    "output_audio_mtok": "output_audio",
    "cache_audio_read_mtok": "cache_read_audio",
    "input_image_mtok": "input_image",
    "output_image_mtok": "output_image",
    "cache_image_read_mtok": "cache_read_image",
    "input_video_mtok": "input_video",
    "output_reasoning_mtok": "reasoning",
}
_CALLS: Final = {
    "web_searches_kcount": "web_search",
    "storage_searches_kcount": "file_search",
    "code_executions_kcount": "code_interpreter",
    "requests_kcount": "request",
}
_LISTS: Final = {
    ("service_tier", "priority"): "priority",
    ("service_tier", "flex"): "flex",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
    ("processing", "batch"): "batch",
}
"""What of a request picks other prices, and what a usage calls that."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RateRow(_Strict):
    """The prices of a model, in dollars for a million tokens."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None
    cache_write_long: Dollars | None = None
    """Kept for an hour or more."""
    input_audio: Dollars | None = None
    output_audio: Dollars | None = None
    input_image: Dollars | None = None
    output_image: Dollars | None = None
    web_search: Dollars | None = None
    """For a thousand searches."""

    def rates(self) -> Rates:
        """In micro-dollars."""
        given = {k: v for k, v in self.model_dump().items() if v is not None}
        calls = {"web_search": _micros(given.pop("web_search"))} if "web_search" in given else {}
        return Rates({name: Rate(_micros(price)) for name, price in given.items()}, calls)


class Prices(_Strict):
    """What tokens cost, where a budget has a limit in dollars."""

    table: Literal["genai-prices", "none"] = "genai-prices"
    """``none`` for the prices of this file alone."""
    unknown_model: Literal["deny", "price"] = "deny"
    """What happens to calls of a model without a price: they are refused, or cost ``price``."""
    price: RateRow | None = None
    models: dict[str, RateRow] = {}
    """By name or pattern; they come before the table's."""

    @model_validator(mode="after")
    def _priced(self) -> "Prices":
        if (self.unknown_model == "price") != (self.price is not None):
            raise ValueError("price: stands if, and only if, unknown_model is price")
        return self


def price_table(prices: Prices, *, today: date) -> PriceTable:
    """The table that the file asks for, with the prices of ``today``.

    Where a price depends on the hour, the dearest counts. A price that changes later counts once the
    table is made again.

    Raises:
        SettingsError: The table is that of ``genai-prices``, and the package is not there or not as
            this version knows it.
    """
    own = tuple((name, row.rates()) for name, row in prices.models.items())
    unknown = prices.price.rates() if prices.price is not None else None
    if prices.table == "none":
        return PriceTable(own=own, unknown=unknown)
    try:
        import genai_prices
        from genai_prices.data import providers
    except ImportError:
        raise SettingsError(
            "a budget in dollars needs the prices of models, and genai-prices is not installed",
            hint=f"{EXTRA}, or set `prices: {{table: none}}` and name every price",
        ) from None
    try:
        return PriceTable(
            rows=tuple(_rows(providers, today)),
            own=own,
            unknown=unknown,
            providers=tuple(
                (p.id, _clause(p.model_match), tuple(p.fallback_model_providers or ()))
                for p in providers
            ),
            source=f"genai-prices {genai_prices.__version__} {today.isoformat()}",
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise SettingsError(
            f"genai-prices {genai_prices.__version__} is not laid out as this version knows it",
            hint=f"{EXTRA} takes one that is",
        ) from error


def _micros(dollars: Decimal) -> int:
    """Micro-dollars, rounded up."""
    return int((dollars * 1_000_000).to_integral_value(ROUND_CEILING))


def _clause(given: Any) -> Clause | None:
    if given is None:
        return None
    for kind in ("equals", "starts_with", "ends_with", "contains"):
        if hasattr(given, kind):
            return Clause(kind, str(getattr(given, kind)).lower())
    if hasattr(given, "regex"):
        return Clause("regex", str(given.regex))
    kind = "or" if hasattr(given, "or_") else "and"
    inner = (_clause(clause) for clause in getattr(given, kind + "_"))
    return Clause(kind, "", tuple(clause for clause in inner if clause is not None))


def _rows(providers: Iterable[Any], today: date) -> Iterator[PricedModel]:
    for provider in providers:
        for model in provider.models:
            prices = _of_day(model.prices, today)
            rates = _rates(prices)
            named = _clause(model.match)
            if named is None or not {"input", "output"} & rates.tokens.keys():
                # Priced by the page, the hour or the character: what such a call costs is not known.
                continue
            yield PricedModel(
                provider.id, model.id, named, rates, _variants(model.price_variants, prices, today)
            )


def _of_day(prices: Any, today: date) -> list[dict[str, Any]]:
    """The prices that hold at some hour of a day, as genai-prices picks them: the last that holds."""
    if not isinstance(prices, list):
        return [_stated(prices)]
    found = []
    for row in reversed(prices):
        start = getattr(row.constraint, "start_date", None)
        if start is not None and start > today:
            continue
        found.append(_stated(row.prices))
        if not hasattr(row.constraint, "start_time"):
            return found
    return found or [_stated(prices[0].prices)]


def _stated(prices: Any) -> dict[str, Any]:
    return {name: price for name, price in vars(prices).items() if price is not None}


def _variants(
    variants: Iterable[Any] | None, ordinary: list[dict[str, Any]], today: date
) -> Mapping[str, Rates]:
    """The rates of each other price list: the ordinary ones, where it says nothing of its own."""
    found: dict[str, dict[str, Any]] = {}
    for variant in variants or ():
        start = getattr(variant.constraint, "start_date", None)
        name = _LISTS.get(next(iter(variant.when.items()))) if len(variant.when) == 1 else None
        if name is None or (start is not None and start > today):
            continue
        # The first that says a price wins.
        found[name] = _stated(variant.prices) | found.get(name, {})
    return {name: _rates([row | own for row in ordinary]) for name, own in sorted(found.items())}


def _rates(stated: list[dict[str, Any]]) -> Rates:
    """Of several rows, the dearest of each price."""
    tokens: dict[str, Rate] = {}
    calls: dict[str, int] = {}
    for row in stated:
        for name, price in row.items():
            if name in _TOKENS:
                kind, rate = _TOKENS[name], _rate(price)
                tokens[kind] = _dearer(tokens[kind], rate) if kind in tokens else rate
            elif name in _CALLS:
                call = _CALLS[name]
                calls[call] = max(calls.get(call, 0), _rate(price).base)
    return Rates(dict(sorted(tokens.items())), dict(sorted(calls.items())))


def _rate(price: Any) -> Rate:
    if isinstance(price, Decimal):
        return Rate(_micros(price))
    tiers = tuple((int(tier.start), _micros(tier.price)) for tier in price.tiers)
    return Rate(_micros(price.base), tiers)


def _dearer(a: Rate, b: Rate) -> Rate:
    """At any length, the dearer of the two."""
    starts = sorted({beyond for beyond, _ in (*a.tiers, *b.tiers)})
    tiers = tuple((s, max(a.at(s + 1), b.at(s + 1))) for s in starts)
    return Rate(max(a.base, b.base), tiers)

"""What models cost: the file's own prices first, then a table that comes with a package."""

import hashlib
from collections.abc import Mapping
from functools import cached_property, lru_cache
from importlib.util import find_spec
from typing import Any, Final

from firedoor.budget import Rates, Tier
from firedoor.config.models import File, Price
from firedoor.errors import SettingsError

_MICRO: Final = 1_000_000
_PREFIXES: Final = ("models/", "openai/", "anthropic/", "google/", "gemini/")


class Prices:
    """Answers what a model costs. The table is read at the first question: that takes 0.2 s."""

    def __init__(self, own: Mapping[str, Price], fallback: Price | None) -> None:
        self._own = {name: _rates(price) for name, price in own.items()}
        self._fallback = _rates(fallback) if fallback is not None else None
        self._known = lru_cache(maxsize=1024)(self._found)

    def __call__(self, model: str | None) -> Rates | None:
        """The rates of ``model``; None where nobody knows them and the file has no price for such."""
        if model is None or len(model) > 256:
            return self._fallback
        return self._known(model)

    def _found(self, model: str) -> Rates | None:
        name = model
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
        if name.startswith("ft:"):
            name = name.split(":")[1]
        own = self._own.get(model) or self._own.get(name)
        if own is not None:
            return own
        try:
            _, info = self._table.find_provider_model(name, None, None, None)
        except LookupError:
            return self._fallback
        return _of_table(info.prices) or self._fallback

    @cached_property
    def _table(self) -> Any:
        return _table()

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the table and the file's prices."""
        hashed = hashlib.sha256(repr((sorted(self._own.items()), self._fallback)).encode())
        for provider in self._table.providers:
            hashed.update(repr(provider).encode())
        return "sha256:" + hashed.hexdigest()


def _table() -> Any:
    if find_spec("genai_prices") is None:
        return _NoTable()
    from genai_prices import data_snapshot

    return data_snapshot.get_snapshot()


class _NoTable:
    """In place of the package's table, where a key limits cost and the extra is missing."""

    providers: tuple[object, ...] = ()

    def find_provider_model(self, *_asked: object) -> Any:
        """Knows no model."""
        raise LookupError


def _rates(price: Price) -> Rates:
    written = price.cache_write if price.cache_write is not None else price.input
    return Rates((Tier(_micro(price.input), _micro(price.output), _micro(written)),),
                 _micro(price.call))  # fmt: skip


def _micro(dollars: Any) -> int:
    return -int(-dollars * _MICRO // 1)


def _of_table(prices: Any) -> Rates | None:
    """The rates of one model of the table; of several by time or place, the dearest."""
    if isinstance(prices, list):
        found = [r for r in (_of_table(p.prices) for p in prices) if r is not None]
        return max(found, key=lambda r: [t.output + t.input for t in r.tiers], default=None)
    columns = (prices.input_mtok, prices.output_mtok)
    if columns[0] is None:
        return None
    written = max(
        (c for c in (prices.cache_write_mtok, getattr(prices, "cache_write_1h_mtok", None)) if c),
        key=lambda c: _at(c, 0),
        default=columns[0],
    )
    starts = sorted({0, *(t.start for c in (*columns, written) for t in getattr(c, "tiers", ()))})
    tiers = tuple(
        Tier(
            _micro(_at(prices.input_mtok, start)),
            _micro(_at(prices.output_mtok, start)),
            _micro(_at(written, start)),
            start,
        )
        for start in starts
    )
    return Rates(tiers)


def _at(column: Any, tokens: int) -> Any:
    """Dollars for a million tokens in the tier that so many fall into."""
    if column is None:
        return 0
    price = getattr(column, "base", column)
    for tier in getattr(column, "tiers", ()):
        if tier.start <= tokens:
            price = tier.price
    return price


def prices_of(file: File) -> Prices:
    """The prices that a file asks for.

    Raises:
        SettingsError: A row limits cost, and the extra for prices is missing.
    """
    if any(row.cost_usd is not None for row in file.budgets) and find_spec("genai_prices") is None:
        raise SettingsError(
            "cost_usd: prices come from the package genai-prices, which is not installed",
            hint="pip install 'firedoor[prices]'",
        )
    return Prices(file.prices, None if file.unknown_model == "deny" else file.unknown_model)

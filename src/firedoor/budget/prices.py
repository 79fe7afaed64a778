"""What tokens cost: the most that a call can, before it; what it did, after.

Integers of micro-dollars all the way. A rate is micro-dollars for a million tokens, so that a million
micro-dollars are one dollar and a rate of 1 is a millionth of a dollar for a million tokens. Sums are
exact and rounded up once, at the end.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple, cast

import rfc8785

from firedoor.budget.model_names import PROVIDERS, Clause, forms
from firedoor.types.usage import Usage

MILLION: Final = 1_000_000
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_ORDINARY: Final = "default"

# Which rate stands in for one that a model has none of: the first of these that it has. INVARIANT:
# what a price list folds into another kind it bills at that kind's rate, so this is exact; where it
# could be two (sound out of a cache), the dearer comes first.
_INSTEAD: Final[Mapping[str, tuple[str, ...]]] = {
    "cache_read": ("input",),
    "cache_write": ("input",),
    "cache_write_long": ("cache_write", "input"),
    "input_audio": ("input",),
    "input_image": ("input",),
    "input_video": ("input",),
    "cache_read_audio": ("input_audio", "cache_read", "input"),
    "cache_read_image": ("input_image", "cache_read", "input"),
    "output_audio": ("output",),
    "output_image": ("output",),
    "reasoning": ("output",),
}
_TOOLS: Final = {"google_search": "web_search", "code_execution": "code_interpreter"}
"""What price lists call a tool that a provider bills by the call."""


class Rate(NamedTuple):
    """The price of one kind of token: micro-dollars for a million."""

    base: int
    tiers: tuple[tuple[int, int], ...] = ()
    """(beyond so many input tokens, the rate of *all* tokens), ascending."""

    def at(self, input_tokens: int) -> int:
        """The rate of a call with so much input."""
        found = self.base
        for beyond, rate in self.tiers:
            if input_tokens > beyond:
                found = rate
        return found

    def most(self, input_tokens: int) -> int:
        """The dearest rate of a call with at most so much input."""
        return max(self.base, *(r for beyond, r in self.tiers if input_tokens > beyond), 0)


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of one model under one price list."""

    tokens: Mapping[str, Rate]
    """By kind: ``input``, ``output`` and the keys of ``_INSTEAD``."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Micro-dollars for a thousand uses of a tool at the provider; ``request`` for each call."""

    def rate(self, kind: str) -> Rate:
        """The rate of a kind, or that of what it is part of."""
        names = (kind, *_INSTEAD.get(kind, ()))
        return next((self.tokens[name] for name in names if name in self.tokens), Rate(0))

    def most(self, input_tokens: int, output_tokens: int, tools: Mapping[str, int]) -> int:
        """Millionths of a micro-dollar, at the dearest rate for each side."""
        out = [k for k in self.tokens if k.startswith("output") or k == "reasoning"]
        into = [k for k in self.tokens if k not in out]
        dearest_in = max((self.tokens[k].most(input_tokens) for k in into), default=0)
        dearest_out = max((self.tokens[k].most(input_tokens) for k in out), default=0)
        return input_tokens * dearest_in + output_tokens * dearest_out + self._called(tools)

    def cost(self, usage: Usage) -> int:
        """Millionths of a micro-dollar."""
        whole = usage.input_total
        total = 0
        for kind, tokens in _split(usage):
            total += tokens * self.rate(kind).at(whole)
        return total + self._called(dict(usage.tools))

    def _called(self, tools: Mapping[str, int]) -> int:
        uses = [(self.calls.get(_TOOLS.get(name, name), 0), times) for name, times in tools.items()]
        return 1_000 * (sum(price * times for price, times in uses) + self.calls.get("request", 0))


def _split(usage: Usage) -> Iterator[tuple[str, int]]:
    """The tokens of a call by kind, each in one place; where parts overlap, in the dearer one."""
    left = usage.input_total
    heard = min(usage.audio_cache_read_tokens, usage.cache_read_tokens)
    seen = min(usage.image_cache_read_tokens, usage.cache_read_tokens - heard)
    long = min(usage.cache_write_long_tokens, usage.cache_write_tokens)
    for kind, tokens in (
        ("cache_write_long", long),
        ("cache_write", usage.cache_write_tokens - long),
        ("input_audio", usage.audio_input_tokens - heard),
        ("input_image", usage.image_input_tokens - seen),
        ("input_video", usage.video_input_tokens),
        ("cache_read_audio", heard),
        ("cache_read_image", seen),
        ("cache_read", usage.cache_read_tokens - heard - seen),
    ):
        taken = max(min(tokens, left), 0)
        left -= taken
        yield kind, taken
    yield "input", left
    left = usage.output_tokens or 0
    for kind, tokens in (
        ("output_audio", usage.audio_output_tokens),
        ("output_image", usage.image_output_tokens),
        ("reasoning", usage.reasoning_tokens),
    ):
        taken = max(min(tokens, left), 0)
        left -= taken
        yield kind, taken
    yield "output", left


class PricedModel(NamedTuple):
    """One row of a price list."""

    provider: str
    id: str
    named: Clause
    rates: Rates
    lists: Mapping[str, Rates] = _NOTHING
    """By price list (`Usage.tier`): ``priority``, ``flex``, ``batch``, ``fast``."""

    def under(self, tier: str | None) -> Rates:
        """The rates of a call that was billed by this list; of one not known, the dearer ones."""
        if tier is None or tier == _ORDINARY:
            return self.rates
        return self.lists.get(tier) or self.rates


@dataclass(frozen=True, eq=False)
class PriceTable:
    """The prices of all models, as they were on one day."""

    rows: tuple[PricedModel, ...] = ()
    own: tuple[tuple[str, Rates], ...] = ()
    """The operator's: (name or pattern, rates). They come first."""
    unknown: Rates | None = None
    """Of a model that no row names; None to have no price for it, so that its calls are refused."""
    providers: tuple[tuple[str, Clause | None, tuple[str, ...]], ...] = ()
    """(provider, the names by which it is known without being told, whose models it has too)."""
    source: str = "none"
    """Where the rows are from, with its version and day."""
    digest: str = field(init=False)
    """``sha256:…`` over all of it: what a ledger entry says its amounts were reckoned by."""

    def __post_init__(self) -> None:
        rows = [(r.provider, r.id, r.named, _told(r.rates), _lists(r.lists)) for r in self.rows]
        own = [(name, _told(rates)) for name, rates in self.own]
        unknown = _told(self.unknown) if self.unknown is not None else None
        body = rfc8785.dumps(cast(Any, _plain([rows, own, unknown, self.providers])))
        object.__setattr__(self, "digest", "sha256:" + hashlib.sha256(body).hexdigest())

    def model(self, name: str, provider: str | None = None) -> PricedModel | None:
        """The row of a model; one of its own for the operator's prices and for unknown models.

        Args:
            name: As a request or an answer says it, in any of its spellings.
            provider: The name of the upstream, where it is known.
        """
        return _found(self, name, provider)

    def most(
        self,
        name: str,
        input_tokens: int,
        output_tokens: int,
        *,
        provider: str | None = None,
        tier: str | None = None,
        tools: Mapping[str, int] = _NOTHING,
    ) -> int | None:
        """At most so many micro-dollars, whatever of it is cached, heard, seen or thought.

        Args:
            input_tokens: All of them at most, in all tries.
            output_tokens: Of all choices together.
            tier: The price list, if the request names one that is kept to; else the dearest counts.
            tools: How often each tool may run at the provider.

        Returns:
            None where the model has no price.
        """
        row = self.model(name, provider)
        if row is None:
            return None
        every = [row.rates, *row.lists.values()] if tier is None else [row.under(tier)]
        found = max(rates.most(input_tokens, output_tokens, tools) for rates in every)
        return _micros(found)

    def cost(self, name: str, usage: Usage, *, provider: str | None = None) -> int | None:
        """What a call cost in micro-dollars, rounded up, with all that ran inside it.

        What a provider did not tell counts nothing: the caller puts its own estimate there first.

        Returns:
            None where the model has no price, or one that ran inside the call has none.
        """
        row = self.model(name, provider)
        if row is None:
            return None
        total = row.under(usage.tier).cost(usage)
        for beside in usage.beside:
            inner = row if beside.model is None else self.model(beside.model, provider)
            if inner is None:
                return None
            total += inner.under(beside.usage.tier or usage.tier).cost(beside.usage)
        return _micros(total)


def _micros(millionths: int) -> int:
    return -(-millionths // MILLION)


@lru_cache(maxsize=4_096)
def _found(table: PriceTable, name: str, provider: str | None) -> PricedModel | None:
    names = list(forms(name))
    for form in names:
        for pattern, rates in table.own:
            if fnmatchcase(form, pattern.lower()):
                return PricedModel("own", pattern, Clause("equals", form), rates)
    provider = PROVIDERS.get(provider or "", provider)
    known = [row[0] for row in table.providers]
    for form in names:
        # `openai/gpt-5` is how routers and libraries write whose model they mean.
        head, slash, rest = form.partition("/")
        told: list[tuple[str | None, str]] = [(provider, form)] if provider in known else []
        told += [(head, rest)] if slash and PROVIDERS.get(head, head) in known else []
        for whose, bare in told or [(None, form)]:
            found = _row(table, PROVIDERS.get(whose or "", whose), bare)
            if found is not None:
                return found
    if table.unknown is None:
        return None
    return PricedModel("own", "unknown", Clause("or"), table.unknown)


def _row(table: PriceTable, provider: str | None, name: str) -> PricedModel | None:
    wanted = provider
    if wanted is None:
        guessed = (
            p for p, clause, _ in table.providers if clause is not None and clause.fits(name)
        )
        wanted = next(guessed, None)
    others = next((also for p, _, also in table.providers if p == wanted), ())
    for whose in (wanted, *others) if wanted is not None else ():
        for row in table.rows:
            if row.provider == whose and row.named.fits(name):
                return row
    return None


def _told(rates: Rates) -> dict[str, Any]:
    return {"tokens": dict(rates.tokens), "calls": dict(rates.calls)}


def _lists(lists: Mapping[str, Rates]) -> dict[str, Any]:
    return {name: _told(rates) for name, rates in lists.items()}


def _plain(value: Any) -> Any:
    """The same in what JSON has; no integer here is beyond what a double holds."""
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value

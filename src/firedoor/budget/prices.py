"""What a call costs, in whole micro-dollars, rounded up.

A model has tiers: rates that apply once the input is so long. Providers charge all of a call by the
tier that its input falls into, so what a call may cost at most is the dearest of the tiers that its
input may reach.
"""

from typing import NamedTuple

_MILLION = 1_000_000


class Tier(NamedTuple):
    """Micro-dollars for a million tokens, from ``from_tokens`` of input on."""

    input: int
    output: int
    written: int = 0
    """Of input that is written to a cache, at the dearest that it is kept for."""
    from_tokens: int = 0


class Rates(NamedTuple):
    """What one model costs."""

    tiers: tuple[Tier, ...]
    """By where they begin, the first at 0."""
    call: int = 0
    """Micro-dollars of every call, beside its tokens."""


def cost_of(rates: Rates, input_tokens: int, output_tokens: int, written_tokens: int = 0) -> int:
    """What so many tokens cost, ``written_tokens`` of input to a cache besides.

    What is read from a cache counts as any other input: never less than is billed.
    """
    tier = [t for t in rates.tiers if t.from_tokens <= input_tokens + written_tokens][-1]
    tokens = tier.input * input_tokens + tier.output * output_tokens + tier.written * written_tokens
    return rates.call + -(-tokens // _MILLION)


def cost_at_most(rates: Rates, input_tokens: int, output_tokens: int) -> int:
    """What a call of at most so many tokens may cost, by the dearest tier that it may reach."""
    tiers = [t for t in rates.tiers if t.from_tokens <= input_tokens]
    dearest = max(max(t.input, t.written) * input_tokens + t.output * output_tokens for t in tiers)
    return rates.call + -(-dearest // _MILLION)


def no_price(model: str | None) -> Rates | None:
    """The price of every model where no table was given: none is known."""
    return None

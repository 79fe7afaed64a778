"""What a call came to, as its accounts count it: told by the provider, seen, or held for the unseen.

What was told is used. Where nothing was, it is what was seen, and all that was held where something
may have been written that nobody saw.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from firedoor import budget
from firedoor.engine.seen import Seen
from firedoor.types.budget import Settlement, Take
from firedoor.types.exchange import Surface
from firedoor.types.part import Answer
from firedoor.types.usage import Usage

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

AMOUNT_MAX: Final = 1 << 53
"""What a request may ask for, or a provider tell; more is as good as this, and every number stays
exact."""
_BYTES_A_TOKEN_LEAST: Final = 2
# Models that think unseen whether they are asked to or not.
_THINKS: Final = re.compile(
    r"(^|/)(o\d|gpt-5|gemini-(2\.5|[3-9])|deepseek-r|.*(think|reason))", re.I
)
_THINKING: Final = ("reasoning", "reasoning_effort", "thinking")
_UNDER_WAY: Final = frozenset({"queued", "in_progress"})


class Terms(NamedTuple):
    """By what a call is settled."""

    ask: budget.Ask
    rates: budget.Rates | None
    generates: bool
    """Whether it has an output that a limit can bound."""
    unbilled: bool
    """Whether the usage that its answer tells is another call's, or a count."""


class End(NamedTuple):
    """How it ended."""

    answer: Answer
    status: int | None
    broken: str | None
    seen: Seen


class _Told(NamedTuple):
    """What a provider said that a call used."""

    input: int | None
    """With what came out of caches and went into them."""
    output: int | None
    written: int
    """Of the input, what went into a cache at a price of its own."""
    input_beside: int = 0
    """What other models used inside the call."""
    output_beside: int = 0

    def cost(self, rates: budget.Rates, input_: int, output: int) -> int:
        """What so much input, with what was written to caches, and output cost."""
        return budget.cost_of(rates, max(0, input_ - self.written), output, self.written)


def _told(usage: Usage | None) -> _Told:
    if usage is None:
        return _Told(None, None, 0)
    beside = [b.usage for b in usage.beside]
    return _Told(
        usage.input_total if usage.input_tokens is not None else None,
        usage.output_tokens,
        usage.cache_write_tokens if usage.cache_apart else 0,
        sum(b.input_total for b in beside),
        sum(b.output_tokens or 0 for b in beside),
    )


def used_of(exchange: "Exchange", takes: Iterable[Take], terms: Terms, end: End) -> budget.Used:
    """What a call used, as far as anybody can tell."""
    if end.broken == "refused":
        return budget.Used(reached=False)
    seconds = exchange.at - exchange.started_at
    # An error is an answer that nobody bills.
    if terms.unbilled or (end.status is not None and end.status >= 400 and end.broken is None):
        return budget.Used(seconds=seconds)
    told = _told(end.answer.usage)
    if not terms.generates and told.output is None:
        input_, output = told.input or 0, 0
    else:
        held = {take.kind: take.amount for take in takes}
        whole = held.get("input_tokens", terms.ask.input_tokens_max)
        input_ = told.input if told.input is not None else whole
        whole = held.get("output_tokens", terms.ask.output_tokens_max)
        output = _output(exchange, whole, told.output, end)
    cost = 0
    if terms.rates is not None:
        cost = told.cost(terms.rates, input_, output)
        cost += _cost_beside(exchange, end.answer, terms.rates)
    return budget.Used(
        True, min(input_ + told.input_beside, AMOUNT_MAX),
        min(output + told.output_beside, AMOUNT_MAX), min(cost, AMOUNT_MAX), seconds,
    )  # fmt: skip


def _output(exchange: "Exchange", whole: int, told: int | None, end: End) -> int:
    """Output tokens; ``whole`` is what was held for them."""
    if end.broken is None and told is not None:
        return told
    # Of a plain answer that broke off nothing was seen: the provider may have written it to its end.
    unseen = _hides(exchange) or (end.broken is not None and not exchange.request.params.stream)
    if end.broken == "budget" or (unseen and exchange.enforcing):
        output = whole
    else:
        output = min(-(-end.seen.bytes // _BYTES_A_TOKEN_LEAST), whole)
    return max(output, end.seen.tokens_least, told or 0)


def _cost_beside(exchange: "Exchange", answer: Answer, rates: budget.Rates) -> int:
    """What other models cost inside the call, at their own prices."""
    total = 0
    for beside in answer.usage.beside if answer.usage is not None else ():
        told = _told(beside.usage)
        own = exchange.settings.prices(beside.model) or rates
        total += told.cost(own, told.input or 0, told.output or 0)
    return total


def _hides(exchange: "Exchange") -> bool:
    """Whether the answer may hold what nobody sees: reasoning, or tools of the provider's."""
    request = exchange.request
    if any(request.fields.get(name) for name in (*_THINKING, "background")):
        return True
    if exchange.endpoint.surface is Surface.GEMINI_GENERATE:
        return True
    hosted = any(tool.hosted for tool in request.offered)
    return hosted or _THINKS.search(request.params.model or "") is not None


def goes_on(answer: Answer, status: int | None, broken: str | None) -> bool:
    """Whether a background response goes on at the provider, whatever became of this answer."""
    if broken is not None:
        return broken != "refused"
    return status is not None and status < 400 and _under_way(answer)


def _under_way(answer: Answer) -> bool:
    return bool(_UNDER_WAY & set(answer.finish)) or not answer.finish


def of_background(exchange: "Exchange", answer: Answer, *, costs: bool) -> tuple[Settlement, ...]:
    """The settlement of a response that ran in the background, once it is told to be over.

    ``costs`` says whether any limit is of cost: the table of prices is not read for nothing.
    """
    retold = exchange.references.retold
    if retold is None or _under_way(answer):
        return ()
    told = _told(answer.usage)
    used = {"requests": 1, "concurrent": 0, "wall_time": 0}
    if told.input is not None and told.output is not None:
        used["input_tokens"] = told.input + told.input_beside
        used["output_tokens"] = told.output + told.output_beside
        rates = exchange.settings.prices(answer.model) if costs else None
        if rates is not None:
            cost = told.cost(rates, told.input, told.output)
            used["cost_usd"] = cost + _cost_beside(exchange, answer, rates)
    # One that was cancelled tells no figures, and had used something.
    return (Settlement(f"h_{retold[0].call}", used, rest=True),)

"""Limits, and what one call asks of which accounts because of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import NamedTuple

from firedoor.budget.kinds import KINDS, Ask, Taken, ToolAsk, Used
from firedoor.types.budget import Account, Scope, Take, Window


class Limit(NamedTuple):
    """One amount of one row of ``budgets:``."""

    scope: Scope
    pattern: str
    """Whose accounts it is: a name, or a pattern of names; empty for the deployment's."""
    kind: str
    subject: str
    """What stands behind the kind's name: a tool's pattern, an affordance; else empty."""
    amount: int
    window: Window
    warn_at: float | None = None
    """The share of the limit at which people are told."""
    reserve: int = 0
    """What of the deployment's limit of this kind nobody else may use."""
    max_share: float | None = None
    """The share of the limit that one instance below may use."""
    when: Callable[[int | None], bool] | None = None
    """Whether it holds at this depth of exposure; None for always."""

    @property
    def name(self) -> str:
        """The kind as accounts know it: ``tools/bash``."""
        return f"{self.kind}/{self.subject}" if self.subject else self.kind

    def is_of(self, account: Account) -> bool:
        """Whether this is one of its accounts."""
        return _fits(self.scope, self.pattern, account)


class Ceiling(NamedTuple):
    """A limit that no amount is taken of."""

    scope: Scope
    pattern: str
    kind: str
    amount: int = 0
    hosts: tuple[str, ...] = ()
    when: Callable[[int | None], bool] | None = None

    def is_of(self, account: Account) -> bool:
        """Whether this is one of its accounts."""
        return _fits(self.scope, self.pattern, account)


def _fits(scope: Scope, pattern: str, account: Account) -> bool:
    return account.scope is scope and (not pattern or fnmatchcase(account.name, pattern))


@dataclass(frozen=True, slots=True)
class Budgets:
    """All limits of a policy."""

    limits: tuple[Limit, ...] = ()
    ceilings: tuple[Ceiling, ...] = ()
    lease_s: float = 600.0
    """How long a hold lives on when nothing is heard of its call."""
    output_tokens_default: int = 4_096
    """The output limit that a request without one is given, where output or cost is limited."""
    kinds: frozenset[str] = field(init=False, default=frozenset())

    def __post_init__(self) -> None:
        names = {limit.kind for limit in self.limits} | {c.kind for c in self.ceilings}
        object.__setattr__(self, "kinds", frozenset(names))

    def with_limits(self, more: Iterable[Limit]) -> "Budgets":
        """The same with more limits."""
        return replace(self, limits=(*self.limits, *more))

    def __bool__(self) -> bool:
        return bool(self.limits or self.ceilings)


def _asked(
    budgets: Budgets, path: Iterable[Account], exposed: int | None, taken: Taken
) -> Iterator[tuple[Account, Limit]]:
    """(account, limit) of every limit on the path that speaks of such an amount."""
    listed = tuple(path)
    for limit in budgets.limits:
        if KINDS[limit.kind].taken is not taken:
            continue
        if limit.when is not None and not limit.when(exposed):
            continue
        for account in listed:
            if limit.is_of(account):
                yield account, limit


def _takes(
    budgets: Budgets,
    path: tuple[Account, ...],
    exposed: int | None,
    taken: Taken,
    amounts: Callable[[Limit], int],
) -> tuple[Take, ...]:
    found: dict[tuple[str, str, Window], Take] = {}

    def add(take: Take) -> None:
        key = take.account.id, take.kind, take.window
        known = found.get(key)
        # Of two limits of one kind and window the tighter one holds; what only counts holds nobody.
        if known is None or (
            take.limit is not None and (known.limit is None or take.limit < known.limit)
        ):
            found[key] = take

    first = next((a for a in path if a.scope is Scope.INSTANCE), None)
    for account, limit in _asked(budgets, path, exposed, taken):
        amount = amounts(limit)
        if amount <= 0:
            continue
        floors = tuple(
            (_floor(r).id, r.reserve)
            for r in budgets.limits
            if r.reserve and r.name == limit.name and account.scope is Scope.DEPLOYMENT
            and not any(r.is_of(other) for other in path)
        )  # fmt: skip
        warn_at = None if limit.warn_at is None else int(limit.warn_at * limit.amount)
        add(Take(account, limit.name, limit.window, amount, limit.amount, warn_at, floors))
        if (
            limit.max_share is not None
            and first is not None
            and account.scope is not Scope.INSTANCE
        ):
            share = Account(first.scope, f"{first.key}@{account.id}", f"{first.name} of {account}")
            add(Take(share, limit.name, limit.window, amount, int(limit.max_share * limit.amount)))
        if account.scope is Scope.DEPLOYMENT:
            for r in budgets.limits:
                if r.reserve and r.name == limit.name and any(r.is_of(other) for other in path):
                    # Counted apart, in the window of the limit that it is set aside in.
                    add(Take(_floor(r), limit.name, limit.window, amount, None))
    return tuple(found.values())


def _floor(limit: Limit) -> Account:
    """Where the use of those who have a floor is counted."""
    return Account(limit.scope, f"~{limit.pattern}", f"{limit.pattern} (reserved)")


def call_takes(
    budgets: Budgets, path: tuple[Account, ...], exposed: int | None, ask: Ask
) -> tuple[Take, ...]:
    """What a call holds before it goes upstream."""

    def amount(limit: Limit) -> int:
        hold = KINDS[limit.kind].hold
        least = hold(ask) if hold is not None else 0
        # A hold of nothing would be let in by an account that has nothing left: not where a model
        # writes, but a look at what was written takes no tokens.
        return max(1, least) if hold is not None and ask.generates else least

    return _takes(budgets, path, exposed, Taken.CALL, amount)


def tool_takes(
    budgets: Budgets, path: tuple[Account, ...], exposed: int | None, ask: ToolAsk
) -> tuple[Take, ...]:
    """What a tool call is charged."""

    def amount(limit: Limit) -> int:
        charge = KINDS[limit.kind].charge
        return charge(ask, limit.subject) if charge is not None else 0

    return _takes(budgets, path, exposed, Taken.TOOL, amount)


def moved_takes(
    budgets: Budgets, path: tuple[Account, ...], exposed: int | None, kind: str, size: int
) -> tuple[Take, ...]:
    """What text that crosses is charged: to who is shown it, or to the room that it came out of."""
    return _takes(
        budgets, path, exposed, Taken.SHOWN, lambda limit: size if limit.kind == kind else 0
    )


def typed_takes(
    budgets: Budgets, path: tuple[Account, ...], exposed: int | None, bits: int
) -> tuple[Take, ...]:
    """What a typed answer is charged for saying so many bits; none where no limit allows any."""
    return _takes(budgets, path, exposed, Taken.TYPED, lambda _: bits)


def spawn_takes(
    budgets: Budgets, path: tuple[Account, ...], exposed: int | None
) -> tuple[Take, ...]:
    """What the first call of a child charges its parent; ``path`` ends in the parent."""
    return _takes(budgets, path, exposed, Taken.SPAWN, lambda _: 1)


def used_by(takes: Iterable[Take], used: Used) -> Mapping[str, int]:
    """What a call used, by the kinds that it held."""
    found: dict[str, int] = {}
    for take in takes:
        measure = KINDS[take.kind.partition("/")[0]].used
        # What is charged is used.
        found[take.kind] = measure(used) if measure is not None else take.amount
    return found


def unbounded_kinds(budgets: Budgets) -> tuple[str, ...]:
    """Kinds that instances or agents are limited in and nothing above them is, sorted.

    A fresh name gets a fresh budget, so such a limit holds nobody who may choose a name.
    """
    named = (Scope.INSTANCE, Scope.AGENT)
    low = {limit.kind for limit in budgets.limits if limit.scope in named}
    high = {limit.kind for limit in budgets.limits if limit.scope not in named}
    return tuple(sorted(low - high))


def ceilings_of(
    budgets: Budgets, path: Iterable[Account], exposed: int | None, kind: str
) -> Iterator[tuple[Account, Ceiling]]:
    """The ceilings of one kind on the path, each with its account."""
    listed = tuple(path)
    for ceiling in budgets.ceilings:
        if ceiling.kind == kind and (ceiling.when is None or ceiling.when(exposed)):
            for account in listed:
                if ceiling.is_of(account):
                    yield account, ceiling

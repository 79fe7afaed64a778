"""The rows of ``budgets:`` as frozen limits, and what models cost."""

from firedoor.budget import Budgets, Ceiling, Limit
from firedoor.config.models import Budget, File
from firedoor.config.units import amount
from firedoor.policy.rules import fits_depth
from firedoor.types.budget import Scope

_MICRO = 1_000_000


def budgets_of(file: File) -> Budgets:
    """All limits of a file."""
    limits: list[Limit] = []
    ceilings: list[Ceiling] = []
    for row in file.budgets:
        limits += _limits(row)
        ceilings += _ceilings(row)
    return Budgets(tuple(limits), tuple(ceilings))


def _scope(row: Budget) -> tuple[Scope, str]:
    scope, _, pattern = row.scope.partition(":")
    return Scope(scope), pattern


def _number(kind: str, number: float) -> int:
    return round(number * _MICRO) if kind == "cost_usd" else int(number)


def _limits(row: Budget) -> list[Limit]:
    scope, pattern = _scope(row)
    when = None
    if row.when is not None:
        when = fits_depth("when.exposed_generation", row.when.exposed_generation)
    found = []
    for name, value in row.amounts():
        kind, _, subject = name.partition("/")
        number, window = amount(value)
        reserve = 0 if row.reserve is None else _number(kind, amount(row.reserve).number)
        found.append(
            Limit(
                scope, pattern, kind, subject, _number(kind, number), window, row.warn_at, reserve,
                row.max_share, when,
            )
        )  # fmt: skip
    return found


def _ceilings(row: Budget) -> list[Ceiling]:
    scope, pattern = _scope(row)
    when = None
    if row.when is not None:
        when = fits_depth("when.exposed_generation", row.when.exposed_generation)
    found = []
    if row.spawn_depth is not None:
        found.append(Ceiling(scope, pattern, "spawn_depth", row.spawn_depth, when=when))
    if row.generation is not None:
        found.append(Ceiling(scope, pattern, "generation", row.generation, when=when))
    if row.context_age is not None:
        found.append(Ceiling(scope, pattern, "context_age", int(row.context_age), when=when))
    if row.egress_hosts is not None:
        hosts = tuple(row.egress_hosts)
        found.append(Ceiling(scope, pattern, "egress_hosts", 0, hosts, when))
    return found

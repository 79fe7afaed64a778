"""How much may be done?

May import: types, errors.
"""

from firedoor.budget.kinds import KINDS, Ask, Kind, Taken, ToolAsk, Used
from firedoor.budget.limits import (
    Budgets,
    Ceiling,
    Limit,
    call_takes,
    ceilings_of,
    moved_takes,
    spawn_takes,
    tool_takes,
    typed_takes,
    unbounded_kinds,
    used_by,
)
from firedoor.budget.prices import Rates, Tier, cost_at_most, cost_of, no_price
from firedoor.budget.reach import full_roots, spent_by
from firedoor.budget.windows import LIFETIME

__all__ = [
    "KINDS",
    "LIFETIME",
    "Ask",
    "Budgets",
    "Ceiling",
    "Kind",
    "Limit",
    "Rates",
    "Taken",
    "Tier",
    "ToolAsk",
    "Used",
    "call_takes",
    "ceilings_of",
    "cost_at_most",
    "cost_of",
    "full_roots",
    "moved_takes",
    "no_price",
    "spawn_takes",
    "spent_by",
    "tool_takes",
    "typed_takes",
    "unbounded_kinds",
    "used_by",
]

"""What calls cost, in dollars."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="cost_usd",
    unit="micro-dollars",
    taken=Taken.CALL,
    says="What calls cost, in dollars.",
    example="cost_usd: 50/day",
    surprise="Before a call its dearest outcome is held.",
    hold=lambda ask: ask.cost_max,
    used=lambda used: used.cost,
)

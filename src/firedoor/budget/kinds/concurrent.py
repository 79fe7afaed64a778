"""Calls under way at one time."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="concurrent",
    unit="calls",
    taken=Taken.CALL,
    says="Calls under way at one time.",
    example="concurrent: 8",
    surprise="It has no window: it frees itself.",
    hold=lambda _: 1,
    used=lambda _: 0,
)

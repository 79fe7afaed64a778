"""Seconds that calls take, together."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken, Used


def _seconds(used: Used) -> int:
    """Whole seconds, rounded up."""
    return -int(-used.seconds // 1) if used.reached else 0


KIND: Final = Kind(
    name="wall_time",
    unit="seconds",
    taken=Taken.CALL,
    says="Seconds that calls take, together.",
    example="wall_time: 3600/day",
    surprise="A call that is let in may pass it: the rest is overrun.",
    hold=lambda _: 1,
    used=_seconds,
)

"""Whether an account can bear what is asked of it (DESIGN §5, promise 4)."""

from collections.abc import Iterable
from typing import NamedTuple

from firedoor.budget.windows import leaves_at
from firedoor.types.budget import Window


class Standing(NamedTuple):
    """What an account has used and holds of one kind, in one window."""

    held: int
    committed: int
    overrun: int


def available(limit: int, standing: Standing, set_aside: int = 0) -> int:
    """What may still be held: below zero where a limit was lowered, or a provider billed beyond it."""
    return limit - set_aside - standing.committed - standing.overrun - standing.held


def set_aside(floors: Iterable[tuple[int, Standing]]) -> int:
    """What is kept back of an account for those who have a floor in it, less what they have used."""
    return sum(max(0, floor - used.committed - used.overrun - used.held) for floor, used in floors)


def refills_at(
    window: Window, booked: Iterable[tuple[int, int]], missing: int, *, ever: bool
) -> float | None:
    """When ``missing`` more may be had by waiting, in seconds since the epoch; None for never.

    Args:
        booked: (bucket, amount) of what was used.
        ever: Whether the whole limit would do: otherwise no wait helps.
    """
    if not ever:
        return None
    last = None
    for bucket, amount in sorted(booked):
        last = leaves_at(window, bucket)
        missing -= amount
        if missing <= 0:
            break
    # What is held and not yet booked frees itself with its calls.
    return last

"""Whether an account can bear what is asked of it (DESIGN §5, promise 4)."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.budget.windows import bucket_of, leaves_at
from firedoor.types.budget import Cycle, Window

FREES_S: Final = 1.0
"""After how many seconds it is worth asking again where only calls under way are in the way: most
take longer, and nobody can say how long."""


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
    window: Window, at: float, booked: Iterable[tuple[int, int]], missing: int, most: int
) -> float | None:
    """When ``missing`` more may be had by waiting, in seconds since the epoch; None for never.

    Args:
        booked: (bucket, amount) of what was used and still counts.
        missing: How much is in the way, used or held.
        most: What may have been used at most for the amount to fit; below zero it never fits.
    """
    if most < 0:
        return None
    listed = sorted(booked)
    if sum(amount for _, amount in listed) <= most:
        # Nothing but holds is in the way: they free themselves, as far as they are not used.
        return at + FREES_S
    if window.cycle is Cycle.LIFETIME:
        return None
    for bucket, amount in listed:
        missing -= amount
        if missing <= 0:
            return leaves_at(window, bucket)
    # The rest is held, and as far as anybody can say it is booked no later than now.
    return leaves_at(window, max(listed[-1][0], bucket_of(window, at)))

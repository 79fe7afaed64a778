"""Windows: over which time an amount counts, and when so much may be had again.

What is used is booked in buckets. A sliding window counts every bucket that it touches, whole: it
refuses up to a sixtieth of the window too long, and never lets too much through.
"""

from typing import Final

from firedoor.types.budget import Cycle, Window

LIFETIME: Final = Window(Cycle.LIFETIME)
_BUCKETS: Final = 60


def bucket_s(window: Window) -> int:
    """How long one bucket lasts, in seconds; 0 for one that never ends."""
    if window.cycle is Cycle.SLIDING:
        return max(1, window.seconds // _BUCKETS)
    return window.seconds


def bucket_of(window: Window, at: float) -> int:
    """The bucket that ``at`` (seconds since the epoch) falls into."""
    size = bucket_s(window)
    return int(at // size) if size else 0


def buckets_back(window: Window) -> int:
    """How many buckets before the one that is under way still count."""
    return -(-window.seconds // bucket_s(window)) if window.cycle is Cycle.SLIDING else 0


def first_bucket(window: Window, at: float, newest: int | None = None) -> int:
    """The oldest bucket that still counts at ``at``.

    Args:
        newest: The last bucket in which anything was booked. A clock that was set back since does
            not bring back what went before it.
    """
    first = bucket_of(window, at - window.seconds if buckets_back(window) else at)
    return first if newest is None else max(first, newest - buckets_back(window))


def booking_bucket(window: Window, at: float, newest: int | None) -> int:
    """The bucket to book in at ``at``: never one before ``newest``.

    Were it booked where a clock that was set back says, it would count no more as soon as the clock
    is right again, and the same amount could be had twice.
    """
    bucket = bucket_of(window, at)
    return bucket if newest is None else max(bucket, newest)


def leaves_at(window: Window, bucket: int) -> float | None:
    """When what was booked in ``bucket`` counts no more; None for never."""
    size = bucket_s(window)
    if not size:
        return None
    end = float((bucket + 1) * size)
    return end + window.seconds if window.cycle is Cycle.SLIDING else end

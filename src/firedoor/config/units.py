"""Sizes, rates and durations as people write them: ``32MiB``, ``3/day``, ``2M``, ``1d``."""

import re
from typing import Final, NamedTuple

from firedoor.types.budget import Cycle, Window

_SIZES: Final = {
    "": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30,
}  # fmt: skip
_SECONDS: Final = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_WINDOWS: Final = {"minute": 60.0, "hour": 3_600.0, "day": 86_400.0}


def size_bytes(value: object) -> int:
    """``"32MiB"`` or ``33554432`` in bytes. Raises ValueError with what is allowed."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", str(value))
    if match is None or match[2].lower() not in _SIZES:
        raise ValueError(f"{value!r} is not a size; write 32MiB, 64KiB or a number of bytes")
    return int(float(match[1]) * _SIZES[match[2].lower()])


def duration_s(value: object) -> float:
    """``"1d"``, ``"12h"``, ``"90s"`` or a number of seconds. Raises ValueError with what is allowed."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]?)\s*", str(value))
    if match is None or match[2] not in _SECONDS or float(match[1]) <= 0:
        raise ValueError(
            f"{value!r} is not a duration; write 1d, 12h, 30m, 90s or a number of seconds"
        )
    return float(match[1]) * _SECONDS[match[2]]


_COUNTS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_WINDOW_MAX_S: Final = 366 * 86_400.0
_CALENDARS: Final = {"minute": 60, "min": 60, "hour": 3_600, "day": 86_400}


class Amount(NamedTuple):
    """A number of something, and the time over which it is counted."""

    number: float
    window: Window


def amount(value: object) -> Amount:
    """``400``, ``"2M/day"``, ``"10/minute sliding"``, ``"5/2h"``: an amount and its window.

    A calendar minute, hour or day begins in UTC; ``sliding``, or a length of time, rolls with the
    clock; without a window it is for good.

    Raises:
        ValueError: With what is allowed.
    """
    text = str(value).strip()
    match = re.fullmatch(
        r"(\d[\d_]*(?:\.\d+)?)\s*([kKmMgG]?)\s*(?:/\s*([a-z0-9.]+)(?:\s+(sliding))?)?", text
    )
    if match is None or isinstance(value, bool):
        raise ValueError(
            f"{value!r} is not an amount; write 400, 2M/day, 10/minute, 10/minute sliding or 5/2h"
        )
    number = float(match[1].replace("_", "")) * _COUNTS[match[2].lower()]
    if match[3] is None:
        return Amount(number, Window(Cycle.LIFETIME))
    if match[3] in _CALENDARS:
        cycle = Cycle.SLIDING if match[4] else Cycle.CALENDAR
        return Amount(number, Window(cycle, _CALENDARS[match[3]]))
    length = duration_s(match[3])
    if length > _WINDOW_MAX_S:
        raise ValueError(f"{match[3]!r} is too long a window; the longest is 366d")
    return Amount(number, Window(Cycle.SLIDING, max(1, int(length))))


def rate(value: object) -> tuple[int, float]:
    """``"3/day"`` as (3, 86400.0 seconds). Raises ValueError with what is allowed."""
    match = re.fullmatch(r"\s*(\d+)\s*/\s*([a-z]+)\s*", str(value))
    if match is None or match[2] not in _WINDOWS:
        raise ValueError(f"{value!r} is not a rate; write 3/day, or per hour or minute")
    return int(match[1]), _WINDOWS[match[2]]

"""Windows: what counts, where it is booked, and when waiting helps."""

import pytest

from firedoor.budget import LIFETIME
from firedoor.budget.admission import FREES_S, Standing, available, refills_at, set_aside
from firedoor.budget.windows import booking_bucket, bucket_of, first_bucket, leaves_at
from firedoor.types.budget import Cycle, Window

MINUTE = Window(Cycle.CALENDAR, 60)
HOUR = Window(Cycle.SLIDING, 3600)
ODD = Window(Cycle.SLIDING, 100)
"""Whose sixtieths are no whole seconds."""


@pytest.mark.parametrize(
    ("window", "at", "bucket", "first"),
    [
        (LIFETIME, 1e9, 0, 0),
        (MINUTE, 119.9, 1, 1),
        (MINUTE, 120.0, 2, 2),
        (HOUR, 7_200.0, 120, 60),
        (HOUR, 7_259.9, 120, 60),
        (ODD, 250.5, 250, 150),
    ],
)
def test_a_window_counts_from_its_first_bucket_on(
    window: Window, at: float, bucket: int, first: int
) -> None:
    assert bucket_of(window, at) == bucket
    assert first_bucket(window, at) == first
    assert first_bucket(window, at, bucket) == first


@pytest.mark.parametrize("window", [MINUTE, HOUR, ODD])
def test_no_bucket_leaves_before_the_last_thing_in_it_is_a_window_old(window: Window) -> None:
    for at in (0.0, 59.5, 3_599.0, 86_399.9):
        left = leaves_at(window, bucket_of(window, at))
        assert left is not None
        if window.cycle is Cycle.SLIDING:
            assert left >= at + window.seconds
        assert first_bucket(window, left) > bucket_of(window, at)
        assert first_bucket(window, left - 1e-3) <= bucket_of(window, at)


@pytest.mark.parametrize("window", [MINUTE, HOUR])
def test_the_time_of_a_meter_never_goes_back(window: Window) -> None:
    newest = bucket_of(window, 100_000.0)
    early = 100_000.0 - 5 * window.seconds
    assert booking_bucket(window, early, newest) == newest
    assert first_bucket(window, early, newest) == first_bucket(window, 100_000.0)
    assert booking_bucket(window, 200_000.0, newest) == bucket_of(window, 200_000.0)
    assert booking_bucket(window, early, None) == bucket_of(window, early)


@pytest.mark.parametrize(
    ("window", "booked", "missing", "most", "expected"),
    [
        # The whole limit would not do.
        (MINUTE, [(1, 5)], 3, -1, None),
        # Used for good.
        (LIFETIME, [(0, 5)], 1, 4, None),
        # Only calls under way are in the way.
        (LIFETIME, [], 1, 0, 100 + FREES_S),
        (LIFETIME, [(0, 4)], 1, 4, 100 + FREES_S),
        (MINUTE, [], 1, 0, 100 + FREES_S),
        # The window rolls on.
        (MINUTE, [(1, 5)], 1, 4, 120.0),
        (HOUR, [(0, 2), (1, 2), (2, 2)], 2, 4, 3_660.0),
        (HOUR, [(0, 2), (1, 2), (2, 2)], 3, 3, 3_720.0),
        # The rest of it is held, and may be booked now.
        (HOUR, [(0, 2)], 5, 1, 3_720.0),
        # The clock was set back since.
        (MINUTE, [(9, 2)], 5, 1, 600.0),
    ],
)
def test_waiting_helps_where_a_window_rolls_on_or_holds_free_themselves(
    window: Window, booked: list[tuple[int, int]], missing: int, most: int, expected: float | None
) -> None:
    assert refills_at(window, 100.0, booked, missing, most) == expected


def test_what_is_free_is_the_limit_less_what_is_used_held_and_set_aside() -> None:
    assert available(10, Standing(held=2, committed=3, overrun=1)) == 4
    assert available(10, Standing(held=2, committed=3, overrun=1), 5) == -1
    # Of a floor counts what its owners have not used; more than the floor gives nothing back.
    used = [(5, Standing(1, 1, 1)), (3, Standing(0, 9, 0)), (4, Standing(0, 0, 0))]
    assert set_aside(used) == 2 + 0 + 4

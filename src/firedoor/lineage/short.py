"""Short parts, one by one: what of a passage was handed on in pieces with other words between.

A part of sixteen to thirty characters need not hold any fingerprint that is kept, but the index has
one in eight or nine of a passage's places. So all hashes of such a part are looked up, not the
least of a window; one that is known points to a place of a passage, and there the context's other
short parts are looked for whole. What is found is added up like any short run.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, cast

import numpy as np

from firedoor.lineage.fingerprints import (
    GRAM_CHARS,
    GUARANTEE_CHARS,
    Printer,
    Prints,
    prints_at,
    prints_of,
)
from firedoor.lineage.normal import Codes, Offsets
from firedoor.lineage.spans import Digests, Kept, Run

SHORT_CHARS_MAX: Final = 63
"""A longer part tells by itself."""
SHORT_CHARS_MIN: Final = 8
"""Fewer stand in any text. Whole parts of 8 to 11 characters made no more parts of code somebody's."""
SHORT_PARTS_MAX: Final = 1_024
"""Short parts of one text that are looked for; with fewer than 16 hashes each."""
SHORT_KEYS_MAX: Final = 4_096
"""Hashes looked up besides the fingerprints, of one text: those of 1,000 parts of twenty characters."""
NEAR_CHARS: Final = 1_024
"""How far around a known hash the other parts are looked for."""
UNSPOKEN_CHARS_MAX: Final = 192
"""How far from a known hash a part without one may stand. In pieces of 20 characters there is one
every 80; of 200 passages' parts, at 64 0.53 are found, at 128 0.76, at 192 0.82 (2026-11-25; other
passages and another key give 0.75 to 0.82)."""
SEARCHES_MAX: Final = 32_768
"""Parts looked for in neighbourhoods, of one text: about a tenth of a second; then it is enough."""

_NO_PRINTS: Final = Prints(np.zeros(0, np.int64), np.zeros(0, np.int64))


class Short(NamedTuple):
    """The short parts of one text, in its normal form."""

    places: tuple[tuple[int, int], ...] = ()
    """(from, to) of each."""
    prints: Prints = _NO_PRINTS
    """All hashes of those that are too short to hold a fingerprint for certain."""


NOTHING_SHORT: Final = Short()


def short_of(codes: Codes, at: Offsets, starts: Sequence[int], printer: Printer) -> Short:
    """The short ones of the parts that begin at ``starts`` of a text with this normal form."""
    edges = [*np.searchsorted(at, np.array(starts)).tolist(), len(codes)]
    places = tuple(
        (low, high)
        for low, high in pairwise(edges)
        if SHORT_CHARS_MIN <= high - low <= SHORT_CHARS_MAX
    )[:SHORT_PARTS_MAX]
    hashed = [
        place
        for low, high in places
        if high - low < GUARANTEE_CHARS
        for place in range(low, high - GRAM_CHARS + 1)
    ]
    if not hashed:
        return Short(places) if places else NOTHING_SHORT
    return Short(places, prints_at(codes, np.array(hashed[:SHORT_KEYS_MAX]), printer))


class Near:
    """Looks for the short parts of one text in passages, within `SEARCHES_MAX`."""

    def __init__(self, short: Short, looked_up: Container[int], printer: Printer) -> None:
        self._places = short.places
        self._looked_up = looked_up
        self._printer = printer
        self._left = SEARCHES_MAX

    def runs(
        self,
        values: Codes | Digests,
        kept: Kept,
        known: Sequence[tuple[int, int]],
        keys: Container[int],
    ) -> list[Run]:
        """The parts that stand whole in a passage, near the places that it is known to have.

        Args:
            values: The text of the parts, in the kind that the passage was kept in.
            known: (place here, place there) of the hashes that the passage's origin has.
            keys: What was looked up and is that origin's.
        """
        spoken = sorted({there for here, there in known if _is_short(self._places, here)})
        found: list[Run] = []
        for low, high in _neighbourhoods(spoken):
            self._left -= len(self._places)
            if self._left < 0:
                break
            theirs = kept.values[low:high]
            mute = self._mute(theirs, low, keys) if kept.chars == 1 else []
            found += [
                run
                for run in _whole(self._places, values, theirs, low, kept.chars - 1)
                if _spoken_for(run, spoken, mute)
            ]
        return found

    def _mute(self, theirs: Codes | Digests, start: int, keys: Container[int]) -> list[int]:
        """Where a passage has a fingerprint that was looked up and is not its origin's.

        There it is common, or was in its emitter's input.
        """
        (printed,) = prints_of([cast(Codes, theirs)], self._printer)
        pairs = zip(printed.keys.tolist(), printed.at.tolist(), strict=True)
        return [start + at for key, at in pairs if key in self._looked_up and key not in keys]


def _is_short(places: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether a hash lies in one of the short parts."""
    n = bisect_right(places, (at, SHORT_CHARS_MAX + at)) - 1
    return n >= 0 and at + GRAM_CHARS <= places[n][1]


def _neighbourhoods(spoken: Sequence[int]) -> list[tuple[int, int]]:
    """What is around some places, in order; what overlaps is one."""
    found: list[tuple[int, int]] = []
    for at in spoken:
        low, high = max(0, at - NEAR_CHARS), at + NEAR_CHARS
        if found and low <= found[-1][1]:
            low = found.pop()[0]
        found.append((low, high))
    return found


def _whole(
    places: Sequence[tuple[int, int]],
    values: Codes | Digests,
    theirs: Codes | Digests,
    start: int,
    slack: int,
) -> Iterator[Run]:
    """The parts that stand in ``theirs``, each where it does so first."""
    kind = np.promote_types(values.dtype, theirs.dtype)
    ours, heap = values.astype(kind, copy=False), theirs.astype(kind, copy=False).tobytes()
    size = kind.itemsize
    for low, high in places:
        needle = ours[low : high - slack].tobytes()
        at = heap.find(needle)
        while at > 0 and at % size:
            at = heap.find(needle, at + 1)
        if at >= 0:
            yield Run(low, high, start + at // size)


def _spoken_for(run: Run, spoken: Sequence[int], mute: Sequence[int]) -> bool:
    """Whether a place that is the origin's is in a run or near it, with nothing mute up to it."""
    n = bisect_right(spoken, run.at)
    for place in spoken[max(0, n - 1) : n + 1]:
        low, high = min(place, run.at), max(place + GRAM_CHARS, run.at + run.end - run.start)
        m = bisect_right(mute, high - GRAM_CHARS)
        if abs(place - run.at) <= UNSPOKEN_CHARS_MAX and bisect_left(mute, low) == m:
            return True
    return False

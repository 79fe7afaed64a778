"""What a run found again says: where it stands, whether it tells whose it is, and who was first."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from firedoor.lineage.index import Source
from firedoor.lineage.spans import RUN_CHARS_MIN
from firedoor.types.ids import PassageId

ALONE_CHARS_MIN: Final = 64
"""A run that makes a passage somebody's. At 32, one part in fifteen of code holds such an idiom."""
STRETCH_CHARS_MIN: Final = 96
"""How much of one place of a passage shorter runs must bring up to do the same."""
STRETCH_GAP_CHARS_MAX: Final = 48
"""Runs of a passage that leave out no more than this between them are one place of it."""


class Match(NamedTuple):
    """Characters ``start`` to ``end`` of a part stand in a passage that came up before."""

    part: int
    start: int
    end: int
    source: Source
    at: int
    """Where the run begins in the passage's normal form."""
    length: int
    """Normalised characters of the whole run; it may go on in the next part."""
    stretch: int
    """Characters of this place of the passage that came up, by this run and its neighbours."""
    chain: tuple[str, ...]
    """Codecs that had to be taken off, the outermost first."""

    @property
    def tells(self) -> bool:
        """Whether there is enough of it to say whose it is."""
        return self.length >= ALONE_CHARS_MIN or self.stretch >= STRETCH_CHARS_MIN


class Covered:
    """Stretches of one text that are taken, apart from one another and in order."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def covers(self, start: int, end: int) -> bool:
        """Whether one of them holds all of it."""
        n = bisect_right(self._starts, start) - 1
        return n >= 0 and end <= self._ends[n]

    def take(self, start: int, end: int) -> list[tuple[int, int]]:
        """Take a stretch; what of it was free until now."""
        low, high = bisect_left(self._ends, start), bisect_right(self._starts, end)
        taken = list(zip(self._starts[low:high], self._ends[low:high], strict=True))
        free, at = [], start
        for before, after in taken:
            if before > at:
                free.append((at, before))
            at = max(at, after)
        if at < end:
            free.append((at, end))
        first = min([start, *(before for before, _ in taken[:1])])
        self._starts[low:high] = [first]
        self._ends[low:high] = [max(end, at)]
        return free


def stretches(runs: Sequence[tuple[int, int]]) -> list[int]:
    """For each run of one passage, how much has come up of the place where it stands.

    Runs are (from, to) in the passage. What came up twice counts once, so a phrase that is often
    quoted never adds up; the pieces of a passage that was cut up do, in one call or over several.
    """
    sums = [0] * len(runs)
    group: list[int] = []
    covered, reach = 0, 0

    def settle() -> None:
        for member in group:
            sums[member] = covered

    for number in sorted(range(len(runs)), key=lambda n: runs[n]):
        start, end = runs[number]
        if group and start - reach > STRETCH_GAP_CHARS_MAX:
            settle()
            group, covered, reach = [], 0, 0
        covered += max(0, end - max(start, reach))
        reach = max(reach, end)
        group.append(number)
    settle()
    return sums


def in_order(matches: Iterable[Match]) -> tuple[Match, ...]:
    """By part and place; a stretch that several layers show once, by the fewest codecs."""
    shown: dict[tuple[int, PassageId], Covered] = defaultdict(Covered)
    found = []
    for match in sorted(matches, key=lambda m: (len(m.chain), m.start, -m.end, m.chain)):
        covered = shown[match.part, match.source.passage]
        if not covered.covers(match.start, match.end):
            covered.take(match.start, match.end)
            found.append(match)
    return tuple(sorted(found, key=lambda m: (m.part, m.start, -m.end, m.source.order)))


def authored(matches: Iterable[Match]) -> tuple[Match, ...]:
    """Each character to the earliest that has it, by ledger order; what came from outside is out.

    What does not tell is an idiom: nobody's, and no hole in a longer run that has it. A later
    passage that carries an earlier one keeps what is its own, where that is long enough.
    """
    claimed: dict[int, Covered] = defaultdict(Covered)
    found: list[Match] = []
    telling = (match for match in matches if match.tells)
    for match in sorted(telling, key=lambda m: (m.source.order, m.part, m.start, -m.end)):
        for start, end in claimed[match.part].take(match.start, match.end):
            untouched = (start, end) == (match.start, match.end)
            if match.source.emitted and (untouched or end - start >= RUN_CHARS_MIN):
                found.append(match._replace(start=start, end=end))
    return tuple(sorted(found, key=lambda m: (m.part, m.start)))

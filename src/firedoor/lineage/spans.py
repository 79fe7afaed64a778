"""From shared fingerprints to verified runs, and from runs to characters that can be withheld.

A shared fingerprint is a candidate. It counts once the texts around it have been compared: over the
stored normal form, or over digests of it where a store keeps no text.
"""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.fingerprints import (
    GRAM_CHARS,
    GUARANTEE_CHARS,
    WINDOW_GRAMS,
    Printer,
    grams,
    prints_of,
)
from firedoor.lineage.normal import Codes, Offsets

RUN_CHARS_MIN: Final = 32
"""Shortest run that counts by itself."""
DIGEST_CHARS: Final = 8
"""Characters under one digest: with 16 bits of each place, no place speaks of one letter alone."""

_SILENCE_CHARS_MAX: Final = 64
"""Characters that a run may have between two fingerprints of its origin; a window apart is usual."""

Digests = NDArray[np.uint16]
_CHUNK: Final = 64


class Kept(NamedTuple):
    """What is left of a passage to compare with: its normal form, or a digest for each place."""

    values: Codes | Digests
    chars: int = 1
    """How many characters each value speaks of."""


class Run(NamedTuple):
    """Characters ``start`` to ``end`` of one normal form stand in the other from ``at`` on."""

    start: int
    end: int
    at: int


def digests_of(codes: Codes, printer: Printer) -> Digests:
    """A keyed 16-bit digest of each eight characters: enough to verify by, too little to read.

    Two bytes a character, as the text itself has. A run's end may come out too long by a character
    once in 65,536 times.
    """
    return (grams(codes, printer, doublings=3) >> np.uint64(48)).astype(np.uint16)


def kept_digests(codes: Codes, printer: Printer) -> Kept:
    """What a store that keeps no text keeps of a passage."""
    return Kept(digests_of(codes, printer), DIGEST_CHARS)


def _ahead(ours: Codes | Digests, theirs: Codes | Digests) -> int:
    """How many values are equal from the beginning on."""
    size = min(len(ours), len(theirs))
    at, step = 0, _CHUNK
    while at < size:
        stop = min(size, at + step)
        differ = np.flatnonzero(ours[at:stop] != theirs[at:stop])
        if len(differ):
            return at + int(differ[0])
        at, step = stop, step * 4
    return size


def runs_at(ours: Codes | Digests, kept: Kept, here: Offsets, there: Offsets) -> Iterator[Run]:
    """The longest runs through the places where ``here`` and ``there`` share a fingerprint.

    ``ours`` is of the kind that ``kept`` is. Each run is given once, by its diagonal.
    """
    theirs, slack = kept.values, kept.chars - 1
    order = np.lexsort((here, here - there))
    diagonal, done = None, 0
    for start, off in zip(here[order].tolist(), (here - there)[order].tolist(), strict=True):
        if off != diagonal:
            diagonal, done = off, 0
        if start < done:
            continue
        at = start - off
        ahead = _ahead(ours[start:], theirs[at:])
        done = start + max(1, ahead)
        if ahead:
            back = _ahead(ours[:start][::-1], theirs[:at][::-1])
            run = Run(start - back, start + ahead + slack, at - back)
            if run.end - run.start >= GRAM_CHARS:
                yield run


def unspoken(run: Run, codes: Codes, printer: Printer, keys: Collection[int]) -> list[int]:
    """Where a run has a fingerprint, by the run alone, that is none of its origin's ``keys``.

    There the passage has it too, and the index not: so all of its characters are common, or were in
    the emitter's input.
    """
    if run.end - run.start < GUARANTEE_CHARS:
        return []
    (printed,) = prints_of([codes[run.start : run.end]], printer)
    pairs = zip(printed.keys.tolist(), (printed.at + run.start).tolist(), strict=True)
    return [place for key, place in pairs if key not in keys]


def spoken_for(run: Run, places: Sequence[int], silent: Sequence[int]) -> Iterator[Run]:
    """What of a run its origin's fingerprints speak for; ``places`` and ``silent`` ascend.

    Texts may go on being equal where there is no such fingerprint: in what is common, or was in the
    emitter's input, and so is nobody's, or another's. A stretch ends where a ``silent`` one begins
    on either side of it: at most a fingerprint's characters less one from where its own end.
    """
    low, high = bisect_left(places, run.start), bisect_right(places, run.end - GRAM_CHARS)
    if low == high:
        return
    first = before = places[low]
    for place in (*places[low + 1 : high], None):
        if place is None or place - before > _SILENCE_CHARS_MAX:
            start = max(run.start, first - WINDOW_GRAMS + 1)
            end = min(run.end, before + GUARANTEE_CHARS)
            n, m = bisect_left(silent, first), bisect_right(silent, before)
            if n > 0:
                start = max(start, silent[n - 1] + GRAM_CHARS)
            if m < len(silent):
                end = min(end, silent[m])
            if end - start >= GRAM_CHARS:
                yield Run(start, end, run.at + start - run.start)
            first = place if place is not None else first
        before = place if place is not None else before


def longest(runs: list[Run]) -> list[Run]:
    """The runs that do not lie inside a longer one."""
    found: list[Run] = []
    reach = -1
    for run in sorted(set(runs), key=lambda r: (r.start, -r.end, r.at)):
        if run.end > reach:
            found.append(run)
            reach = run.end
    return found


def says_little(codes: Codes) -> bool:
    """Whether a run is a ruler, an alphabet or a column of zeros, which nobody writes first."""
    values = codes[:256].astype(np.int64)
    if len(values) < 2:
        return True
    pairs = len(np.unique(values[1:] * 0x110000 + values[:-1]))
    steps = np.unique(np.diff(values), return_counts=True)[1]
    return pairs * 4 < min(len(values), 2 * _CHUNK) or int(steps.max()) * 2 > len(values)


def _extends(char: str) -> bool:
    """Whether a character belongs to the one before it (UAX 29, Extend and SpacingMark)."""
    if char < "\u0300":
        return False
    code = ord(char)
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in "\u200c\u200d"
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
    )


def _joins(text: str, place: int) -> bool:
    """Whether a cut before ``place`` would part what is one character to its reader."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return (
        _extends(after)
        or before == "\u200d"
        or (before >= "\u0900" and unicodedata.combining(before) == 9)  # a virama and its consonant
        or (before == "\r" and after == "\n")
        or ("\u1100" <= before <= "\u11ff" and "\u1100" <= after <= "\u11ff")
    )


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """The span, wider where it would cut inside a joined sequence."""
    while _joins(text, start):
        start -= 1
    while _joins(text, end):
        end += 1
    return start, end

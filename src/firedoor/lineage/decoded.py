"""A stretch of text that a codec took apart, and where each character of the result came from."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int32]
"""Characters of a text, by number: half the memory of the usual integers, and enough of them."""

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has: bytes that hold one are not taken for text."""


class Script:
    """A text to take apart, and the same in bytes: a byte a character, whatever Latin-1 lacks as `?`."""

    __slots__ = ("ascii", "raw", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.ascii = text.isascii()
        self.raw = text.encode("latin-1", "replace")


class Bounds:
    """What taking a text apart may still cost.

    Work is counted in characters read by all the codecs, some 50 ns each on the machine of 2026 that
    the prices were measured on; whatever takes longer than its characters is charged for it, before
    it is done where that can be.
    """

    __slots__ = ("chars", "complete", "work")

    def __init__(self, chars: int, work: int) -> None:
        self.chars = chars
        """How many characters all further layers may have."""
        self.work = work
        self.complete = True
        """Whether nothing was left out until now."""

    def spend(self, work: int) -> bool:
        """Pay for some work; False when there is not enough left, and from then on."""
        self.work -= work
        if self.work < 0:
            self.complete = False
        return self.work >= 0

    def affords(self, chars: int, price: int) -> int:
        """Pay ``price`` for each of ``chars`` characters, or for as many as can be paid."""
        paid = min(chars, max(0, self.work) // price)
        self.work -= paid * price
        self.complete &= paid == chars
        return paid


class Letters:
    """A set of Latin-1 characters, to find long runs of them at memory speed.

    Classes of characters are slow to look for with a regex, which tries every place anew; bytes that
    say "in" or "out" are searched for a row of "in". The regex then looks at the runs alone.
    """

    def __init__(self, chars: str) -> None:
        self._table = bytes(int(chr(code) in chars) for code in range(256))

    def runs(self, raw: bytes, least: int) -> Iterator[tuple[int, int]]:
        """The runs of at least ``least`` of them."""
        inside = raw.translate(self._table)
        row = b"\1" * least
        at = inside.find(row)
        while at >= 0:
            start = inside.rfind(b"\0", 0, at) + 1
            end = inside.find(b"\0", at)
            end = len(inside) if end < 0 else end
            yield start, end
            at = inside.find(row, end)


class Decoded(NamedTuple):
    """What a codec found in a text: characters ``start`` to ``end`` say ``text``."""

    codec: str
    start: int
    end: int
    text: str
    starts: Places | None = None
    """For each character of ``text``, where what it stands for begins; None: the whole stretch."""
    ends: Places | None = None


Find = Callable[[Script, Bounds], Iterator[Decoded]]
"""A codec: finds its stretches in a text, within bounds."""

Piece = tuple[int, int, str]
"""Characters from, to, and what they say."""


def substituted(codec: str, text: str, start: int, end: int, pieces: Sequence[Piece]) -> Decoded:
    """The stretch with some pieces of it, at least one, replaced, and the rest as it stands."""
    said: list[str] = []
    at = start
    for low, high, what in pieces:
        if low > at:
            said.append(text[at:low])
        said.append(what)
        at = high
    said.append(text[at:end])
    # Plain stretches and pieces by turns, each as (where it begins, characters that it gives).
    lows = np.array([low for low, _, _ in pieces], np.int32)
    highs = np.array([high for _, high, _ in pieces], np.int32)
    begins = np.full(2 * len(pieces) + 1, start, np.int32)
    begins[1::2], begins[2::2] = lows, highs
    sizes = np.empty(len(begins), np.int64)
    sizes[1::2] = [len(what) for _, _, what in pieces]
    sizes[:-1:2] = lows - begins[:-1:2]
    sizes[-1] = end - at
    plain = np.zeros(len(begins), np.int32)
    plain[::2] = 1
    # A plain character is as far on as it stands behind the beginning; a piece's are all at its own.
    firsts = (np.cumsum(sizes) - sizes).astype(np.int32)
    steps = np.repeat(plain, sizes)
    starts = np.repeat(begins - firsts * plain, sizes)
    starts += np.arange(len(starts), dtype=np.int32) * steps
    widths = np.ones(len(begins), np.int32)
    widths[1::2] = highs - lows
    return Decoded(codec, start, end, "".join(said), starts, starts + np.repeat(widths, sizes))


def one_to_one(codec: str, start: int, end: int, text: str, *, backwards: bool = False) -> Decoded:
    """A stretch each of whose characters stands for one."""
    starts = np.arange(start, end, dtype=np.int32)
    if backwards:
        starts = starts[::-1]
    return Decoded(codec, start, end, text, starts, starts + np.int32(1))

"""A stretch of text that a codec took apart, and where each character of the result came from."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

import numpy as np

from firedoor.lineage.normal import Offsets

CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""What no text has: bytes that hold one are not taken for text."""


class Letters:
    """A set of Latin-1 characters, to find long runs of them at memory speed.

    Classes of characters are slow to look for with a regex, which tries every place anew; bytes that
    say "in" or "out" are searched for a row of "in". The regex then looks at the runs alone.
    """

    def __init__(self, chars: str) -> None:
        self._table = bytes(int(chr(code) in chars) for code in range(256))

    def runs(self, text: str, least: int) -> Iterator[tuple[int, int]]:
        """The runs of at least ``least`` of them; what Latin-1 lacks counts as a question mark."""
        inside = text.encode("latin-1", "replace").translate(self._table)
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
    starts: Offsets | None = None
    """For each character of ``text``, where what it stands for begins; None: the whole stretch."""
    ends: Offsets | None = None


Find = Callable[[str, int], Iterator[Decoded]]
"""A codec: finds its stretches in a text. The number is how many characters it may give back."""

Piece = tuple[int, int, str]
"""Characters from, to, and what they say."""


def substituted(
    codec: str, text: str, start: int, end: int, pieces: Iterable[Piece]
) -> Decoded | None:
    """The stretch with some pieces of it replaced, and the rest as it stands."""
    said: list[str] = []
    starts: list[Offsets] = []
    ends: list[Offsets] = []
    at = start
    changed = False
    for low, high, what in pieces:
        changed = True
        if low > at:
            said.append(text[at:low])
            plain = np.arange(at, low)
            starts.append(plain)
            ends.append(plain + 1)
        said.append(what)
        starts.append(np.full(len(what), low))
        ends.append(np.full(len(what), high))
        at = high
    if not changed:
        return None
    if end > at:
        said.append(text[at:end])
        plain = np.arange(at, end)
        starts.append(plain)
        ends.append(plain + 1)
    return Decoded(codec, start, end, "".join(said), np.concatenate(starts), np.concatenate(ends))


def one_to_one(codec: str, start: int, end: int, text: str, *, backwards: bool = False) -> Decoded:
    """A stretch each of whose characters stands for one."""
    starts = np.arange(start, end)
    if backwards:
        starts = starts[::-1]
    return Decoded(codec, start, end, text, starts, starts + 1)

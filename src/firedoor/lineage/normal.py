"""The form in which texts are compared: what is left when everything that a wrapper changes is gone.

Letters and digits only, by compatibility decomposition, folded case, look-alikes as one letter, and
accents off; quote marks, diff and comment prefixes vanish with the rest of the punctuation, and line
numbers by a rule of their own. Each character is folded by itself, whatever stands beside it, so
the form of a piece is a piece of the form, and every character of it knows where it came from. It
is only compared: what is forwarded is never made from it.
"""

import re
import unicodedata
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.lookalikes import IGNORED, LOOKALIKES

Codes = NDArray[np.uint8] | NDArray[np.uint32]
"""Code points: bytes while they are all ASCII."""
Offsets = NDArray[np.int64]

LINE_NUMBER_DIGITS_MAX: Final = 6

# Digits that begin a line, after quote or diff marks, and end in what only line numbers and list
# numbers end in: `12: `, `12 | `, `12\t`, `12→`, `12. `, `12) `, or two spaces. They go on both
# sides of a comparison, so a numbered text and the same without numbers are one. Starting at the
# newline lets the regex engine look for it at memory speed.
_LINE_NUMBER: Final = re.compile(
    r"\n[ \t>|+*#/-]{0,16}(\d{1,6})(?=[ \t]{0,4}[:|→\t]|[.)]\s|  )", re.ASCII
)
_FIRST_LINE_NUMBER: Final = re.compile(_LINE_NUMBER.pattern.replace(r"\n", r"\A", 1), re.ASCII)

_BLOCK_BITS: Final = 8
_BLOCK: Final = 1 << _BLOCK_BITS
_BLOCKS: Final = 0x110000 >> _BLOCK_BITS
_EXPANDS: Final = 0x110000
"""A folded value from here up is not a code point but the place of several."""


class Normal(NamedTuple):
    """A text in normal form: ``codes[n]`` came out of the character ``at[n]`` of the original."""

    codes: Codes
    at: Offsets

    @property
    def text(self) -> str:
        """The form as a string: what a store keeps, and is verified against."""
        if self.codes.dtype == np.uint8:
            return self.codes.tobytes().decode("ascii")
        return self.codes.tobytes().decode("utf-32-le")


def _keeps(char: str) -> bool:
    """Letters and digits, and the vowel signs that some scripts cannot be read without."""
    if char in IGNORED:
        return False
    if unicodedata.category(char) in ("Mn", "Mc"):
        return unicodedata.combining(char) == 0
    return char.isalnum()


def _decimal(char: str) -> str:
    value = unicodedata.decimal(char, None)
    return char if value is None else str(int(value))


def fold(char: str) -> str:
    """One character in normal form: none, one or several; folding again changes nothing."""
    text = char
    for _ in range(
        4
    ):  # case folding and decomposition feed each other; two rounds do in Unicode 15
        once = unicodedata.normalize("NFKD", text.casefold())
        once = "".join(LOOKALIKES.get(c, c) for c in map(_decimal, once))
        if once == text:
            break
        text = once
    return "".join(c for c in text if _keeps(c))


def _ascii_tables() -> tuple[bytes, bytes, NDArray[np.bool_]]:
    folded = [fold(chr(c)) for c in range(128)]
    table = bytes(ord(f) if f else c for c, f in enumerate(folded)) + bytes(range(128, 256))
    dropped = bytes(c for c, f in enumerate(folded) if not f)
    return table, dropped, np.array([bool(f) for f in folded] + [False] * 128)


_TABLE, _DROPPED, _KEPT = _ascii_tables()


class _Folds:
    """`fold` of every code point as arrays, a block of 256 at a time, made when first needed.

    The whole of Unicode would take a second at import and four megabytes; a fleet uses a few blocks.
    """

    def __init__(self) -> None:
        self.block_of = np.zeros(_BLOCKS, dtype=np.uint32)
        self.values = np.zeros(_BLOCK, dtype=np.uint32)  # block 0 stands for "not made yet"
        self.expansions: list[NDArray[np.uint32]] = []

    def _make(self, block: int) -> NDArray[np.uint32]:
        made = np.zeros(_BLOCK, dtype=np.uint32)
        for low in range(_BLOCK):
            folded = fold(chr((block << _BLOCK_BITS) | low))
            if len(folded) == 1:
                made[low] = ord(folded)
            elif folded:
                made[low] = _EXPANDS + len(self.expansions)
                self.expansions.append(np.array([ord(c) for c in folded], dtype=np.uint32))
        return made

    def of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """What each code point folds to: 0 for nothing, `_EXPANDS` and up for several."""
        high = codes >> np.uint32(_BLOCK_BITS)
        asked = np.zeros(_BLOCKS, dtype=np.bool_)
        asked[high] = True
        new = np.flatnonzero(asked & (self.block_of == 0)).tolist()
        if new:
            first = len(self.values) // _BLOCK
            self.values = np.concatenate([self.values, *(self._make(block) for block in new)])
            self.block_of[new] = np.arange(first, first + len(new), dtype=np.uint32)
        where = (self.block_of[high] << np.uint32(_BLOCK_BITS)) | (codes & np.uint32(_BLOCK - 1))
        values: NDArray[np.uint32] = self.values[where]
        return values


_FOLDS: Final = _Folds()


def _line_numbers(text: str) -> list[tuple[int, int]]:
    found = [m.span(1) for m in _LINE_NUMBER.finditer(text)]
    first = _FIRST_LINE_NUMBER.match(text)
    return [first.span(1), *found] if first is not None else found


def normal_of(text: str) -> Normal:
    """The normal form of ``text``. ASCII goes at memory speed, the rest by table."""
    numbers = _line_numbers(text)
    if text.isascii():
        raw = bytearray(text, "ascii")
        for start, end in numbers:
            raw[start:end] = b" " * (end - start)
        codes = np.frombuffer(raw.translate(_TABLE, _DROPPED), dtype=np.uint8)
        return Normal(codes, np.flatnonzero(_KEPT[np.frombuffer(raw, dtype=np.uint8)]))
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = _FOLDS.of(points.astype(np.uint32, copy=False))
    for start, end in numbers:
        folded[start:end] = 0
    at = np.flatnonzero(folded)
    values = folded[at]
    if values.size and int(values.max()) >= _EXPANDS:
        values, at = _expanded(values, at)
    if values.size == 0 or int(values.max()) < 128:
        return Normal(values.astype(np.uint8), at)
    return Normal(values, at)


def _expanded(values: NDArray[np.uint32], at: Offsets) -> tuple[NDArray[np.uint32], Offsets]:
    """The same with every character that folds to several written out."""
    where = np.flatnonzero(values >= _EXPANDS)
    pieces = [_FOLDS.expansions[int(values[n]) - _EXPANDS] for n in where.tolist()]
    sizes = np.ones(len(values), dtype=np.int64)
    sizes[where] = [len(piece) for piece in pieces]
    starts = np.cumsum(sizes) - sizes
    spread = np.repeat(values, sizes)
    inside = np.concatenate([np.arange(len(piece)) for piece in pieces])
    spread[np.repeat(starts[where], sizes[where]) + inside] = np.concatenate(pieces)
    return spread, np.repeat(at, sizes)


def normal_of_stored(text: str) -> Codes:
    """The codes of a text that is in normal form already, as a store gives it back."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint32, copy=False)

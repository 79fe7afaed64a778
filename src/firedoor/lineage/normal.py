"""The form in which texts are compared: what is left when everything that a wrapper changes is gone.

Letters and digits only, by compatibility decomposition, folded case, look-alikes as one letter, and
accents off; quote marks, diff and comment prefixes vanish with the rest of the punctuation, and line
numbers by a rule of their own. Each character is folded by itself, whatever stands beside it, so
the form of a piece is a piece of the form, and every character of it knows where it came from. It
is only compared: what is forwarded is never made from it.
"""

import re
import unicodedata
from array import array
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.lookalikes import IGNORED, LOOKALIKES

Codes = NDArray[np.uint8] | NDArray[np.uint32]
"""Code points: bytes while they are all ASCII."""
Offsets = NDArray[np.int64]

_LINE_NUMBERS_MAX: Final = 1 << 18
"""Line numbers looked for in one text, a third of a second; more of them count as its digits."""
_BLANK: Final = 0x20

# Digits that begin a line, after quote or diff marks, and end in what only line numbers and list
# numbers end in: `12: `, `12 | `, `12\t`, `12→`, `12. `, `12) `, or two spaces. They go on both
# sides of a comparison, so a numbered text and the same without numbers are one. Starting at the
# newline lets the regex engine look for it at memory speed.
_LINE_NUMBER: Final = re.compile(
    r"\n[ \t>|+*#/-]{0,16}(\d{1,6})(?=[ \t]{0,4}[:|→\t]|[.)]\s|  )", re.ASCII
)
_FIRST_LINE_NUMBER: Final = re.compile(_LINE_NUMBER.pattern.replace(r"\n", r"\A", 1), re.ASCII)

_LETTERS_MAX: Final = 3
"""Letters that one character may stand for: ligatures, fractions and syllables need no more, and a
few characters are whole phrases."""

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
    return "".join(c for c in text if _keeps(c))[:_LETTERS_MAX]


def _ascii_tables() -> tuple[bytes, bytes, NDArray[np.bool_]]:
    folded = [fold(chr(c)) for c in range(128)]
    table = bytes(ord(f) if f else c for c, f in enumerate(folded)) + bytes(range(128, 256))
    dropped = bytes(c for c, f in enumerate(folded) if not f)
    return table, dropped, np.array([bool(f) for f in folded] + [False] * 128)


_TABLE, _DROPPED, _KEPT = _ascii_tables()


def _plain(first: int) -> bool | None:
    """Whether all characters of a block stay, or none does; None when each is to be asked.

    Most blocks are ideographs or nobody's, and text in all of Unicode must not stop a process for
    the seconds that asking each takes.
    """
    chars = [chr(code) for code in range(first, first + _BLOCK)]
    kinds = {unicodedata.category(char) for char in chars}
    if kinds <= {"Cn", "Co", "Cs"}:
        return False
    text = "".join(chars)
    stays = (
        kinds == {"Lo"}
        and unicodedata.normalize("NFKD", text.casefold()) == text
        and not any(char in LOOKALIKES or char in IGNORED for char in chars)
    )
    return True if stays else None


class _Folds:
    """`fold` of every code point as arrays, a block of 256 at a time, made when first needed.

    The whole of Unicode would take a second at import and four megabytes; a fleet uses a few blocks.
    """

    def __init__(self) -> None:
        self.block_of = np.zeros(_BLOCKS, dtype=np.uint32)
        self.values = np.zeros(_BLOCK, dtype=np.uint32)  # block 0 stands for "not made yet"
        self._expansions: list[list[int]] = []
        self._letters = np.zeros((0, _LETTERS_MAX), dtype=np.uint32)

    def _make(self, block: int) -> NDArray[np.uint32]:
        first = block << _BLOCK_BITS
        plain = _plain(first)
        if plain is not None:
            return np.arange(first, first + _BLOCK, dtype=np.uint32) * np.uint32(plain)
        made = np.zeros(_BLOCK, dtype=np.uint32)
        for low in range(_BLOCK):
            folded = fold(chr((block << _BLOCK_BITS) | low))
            if len(folded) == 1:
                made[low] = ord(folded)
            elif folded:
                made[low] = _EXPANDS + len(self._expansions)
                self._expansions.append([*map(ord, folded), 0, 0][:_LETTERS_MAX])
        return made

    def letters(self) -> NDArray[np.uint32]:
        """A row for each that folds to several: its letters, and zero behind them."""
        if len(self._letters) != len(self._expansions):
            self._letters = np.array(self._expansions, dtype=np.uint32)
        return self._letters

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


def _line_numbers(text: str) -> Offsets | None:
    """The places of all digits of line numbers."""
    first = _FIRST_LINE_NUMBER.match(text)
    found = array("q", first.span(1) if first is not None else ())
    for match in islice(_LINE_NUMBER.finditer(text), _LINE_NUMBERS_MAX):
        found.extend(match.span(1))
    if not found:
        return None
    spans = np.array(found, dtype=np.int64).reshape(-1, 2)
    sizes = spans[:, 1] - spans[:, 0]
    inside = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    places: Offsets = np.repeat(spans[:, 0], sizes) + inside
    return places


def normal_of(text: str) -> Normal:
    """The normal form of ``text``. ASCII goes at memory speed, the rest by table."""
    numbers = _line_numbers(text)
    if text.isascii():
        raw = bytearray(text, "ascii")
        points = np.frombuffer(raw, dtype=np.uint8)
        if numbers is not None:
            points[numbers] = _BLANK
        codes = np.frombuffer(raw.translate(_TABLE, _DROPPED), dtype=np.uint8)
        return Normal(codes, _KEPT[points].nonzero()[0])
    wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    folded = _FOLDS.of(wide.astype(np.uint32, copy=False))
    if numbers is not None:
        folded[numbers] = 0
    at = np.flatnonzero(folded)
    values = folded[at]
    if values.size and int(values.max()) >= _EXPANDS:
        values, at = _expanded(values, at)
    if values.size == 0 or int(values.max()) < 128:
        return Normal(values.astype(np.uint8), at)
    return Normal(values, at)


def _expanded(values: NDArray[np.uint32], at: Offsets) -> tuple[NDArray[np.uint32], Offsets]:
    """The same with every character that folds to several written out."""
    several = values >= _EXPANDS
    letters = _FOLDS.letters()[values[several] - _EXPANDS]
    sizes = np.ones(len(values), dtype=np.int64)
    sizes[several] = (letters != 0).sum(axis=1)
    spread = np.repeat(values, sizes)
    spread[np.repeat(several, sizes)] = letters[letters != 0]
    return spread, np.repeat(at, sizes)


def normal_of_stored(text: str) -> Codes:
    """The codes of a text that is in normal form already, as a store gives it back."""
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype(np.uint32, copy=False)

"""Text inside characters that nobody sees: tags, variation selectors, zero-width bits."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

import numpy as np

from firedoor.lineage.decoded import CONTROLS, Bounds, Decoded, Script, one_to_one

_TAGS: Final = re.compile("[\U000e0001-\U000e007f]{16,}")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{16,}")
_PAIRS: Final = (("\u200b", "\u200c"), ("\u2062", "\u2064"), ("\u200c", "\u200d"))
"""Invisible characters that are used as the two values of a bit, in either sense."""
_BETWEEN: Final = re.compile("[\u200d\ufeff\u2060\u2063]")
_BITS_MIN: Final = 7 * 16


_BITS_WORK: Final = 6


def _codes(said: str) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    return np.frombuffer(said.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def tag_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Tag characters, U+E0000 and up: ASCII, out of sight."""
    if script.ascii:
        return
    for match in _TAGS.finditer(script.text):
        said = (_codes(match[0]) & 0x7F).astype(np.uint8).tobytes().decode("ascii")
        yield one_to_one("tags", *match.span(), said)


def selector_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Variation selectors as bytes: the sixteen of plane 0, then the 240 of plane 14."""
    if script.ascii:
        return
    for match in _SELECTORS.finditer(script.text):
        codes = _codes(match[0])
        data = np.where(codes < 0x10000, codes & 0xF, codes - (0xE0100 - 16)).astype(np.uint8)
        try:
            yield Decoded("selectors", *match.span(), data.tobytes().decode())
        except UnicodeDecodeError:
            continue


def zero_width_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Bits in two invisible characters, in one place or between the letters of a cover text."""
    text = script.text
    if script.ascii:
        return
    for zero, one in _PAIRS:
        if zero not in text or one not in text:
            continue
        start = min(text.index(zero), text.index(one))
        end = max(text.rindex(zero), text.rindex(one)) + 1
        codes = _codes(text[start:end])
        bits = (codes == ord(one))[(codes == ord(zero)) | (codes == ord(one))]
        if len(bits) < _BITS_MIN or not bounds.spend(end - start):
            continue
        said = _of_bits(bits)
        if said is None and one != "\u200d" and bounds.spend(_BITS_WORK * (end - start)):
            keep = re.compile(f"[^{zero}{one}]+")
            words = [keep.sub("", word) for word in _BETWEEN.split(text[start:end])]
            said = _of_words(words, zero, one)
        if said is not None:
            yield Decoded("zero-width", start, end, said)
            return


def _of_bits(bits: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str | None:
    """Eight or seven bits a character, either character being the one."""
    for width, sense in product((8, 7), (bits, ~bits)):
        size = len(bits) // width * width
        rows = np.zeros((size // width, 8), np.bool_)
        rows[:, 8 - width :] = sense[:size].reshape(-1, width)
        text = np.packbits(rows).tobytes().decode("utf-8", "replace")
        if _readable(text):
            return text
    return None


def _of_words(words: list[str], zero: str, one: str) -> str | None:
    """Binary numbers of any width, one a character, with a third character between them."""
    if not len(words) >= 16 or max(map(len, words)) > 21:
        return None
    for low, high in ((zero, one), (one, zero)):
        codes = [int(w.replace(low, "0").replace(high, "1"), 2) for w in words if w]
        text = "".join(chr(c) for c in codes if c < 0x110000 and not 0xD800 <= c < 0xE000)
        if _readable(text):
            return text
    return None


def _readable(text: str) -> bool:
    return bool(text) and "\ufffd" not in text and not CONTROLS.search(text)

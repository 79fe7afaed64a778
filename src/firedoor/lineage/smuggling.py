"""Text inside characters that nobody sees: tags, variation selectors, zero-width bits."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Final

from firedoor.lineage.decoded import CONTROLS, Decoded, one_to_one

_TAGS: Final = re.compile("[\U000e0001-\U000e007f]{16,}")
_SELECTORS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{16,}")
_PAIRS: Final = (("\u200b", "\u200c"), ("\u2062", "\u2064"), ("\u200c", "\u200d"))
"""Invisible characters that are used as the two values of a bit, in either sense."""
_BETWEEN: Final = re.compile("[\u200d\ufeff\u2060\u2063]")
_BITS_MIN: Final = 7 * 16


def tag_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Tag characters, U+E0000 and up: ASCII, out of sight."""
    if text.isascii():
        return
    for match in _TAGS.finditer(text):
        said = "".join(chr(ord(c) - 0xE0000) for c in match[0])
        yield one_to_one("tags", *match.span(), said)


def selector_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Variation selectors as bytes: the sixteen of plane 0, then the 240 of plane 14."""
    if text.isascii():
        return
    for match in _SELECTORS.finditer(text):
        codes = [ord(c) for c in match[0]]
        data = bytes(c - 0xFE00 if c < 0x10000 else c - 0xE0100 + 16 for c in codes)
        try:
            yield Decoded("selectors", *match.span(), data.decode())
        except UnicodeDecodeError:
            continue


def zero_width_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Bits in two invisible characters, in one place or between the letters of a cover text."""
    if text.isascii():
        return
    for zero, one in _PAIRS:
        if text.count(zero) + text.count(one) < _BITS_MIN or zero not in text or one not in text:
            continue
        start = min(text.index(zero), text.index(one))
        end = max(text.rindex(zero), text.rindex(one)) + 1
        keep = re.compile(f"[^{zero}{one}]+")
        solid = keep.sub("", text[start:end])
        words = [] if one == "\u200d" else _BETWEEN.split(text[start:end])
        said = _of_bits(solid, zero, one) or _of_words([keep.sub("", w) for w in words], zero, one)
        if said is not None:
            yield Decoded("zero-width", start, end, said)
            return


def _of_bits(solid: str, zero: str, one: str) -> str | None:
    """Eight or seven bits a character, either character being the one."""
    for width, (low, high) in product((8, 7), ((zero, one), (one, zero))):
        bits = solid.replace(low, "0").replace(high, "1")
        size = len(bits) // width * width
        data = bytes(int(bits[n : n + width], 2) for n in range(0, size, width))
        text = data.decode("utf-8", "replace")
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

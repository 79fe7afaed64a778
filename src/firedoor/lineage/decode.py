"""What a text says when the codings in it are taken off: a few layers, bounded in every direction.

A layer is a text that some codec gave, with the way back: for each of its characters, the stretch
of the original that it came from. What looks like code and gives nothing readable is `opaque`: it
may be a picture, a signature or a sealed message, and only a rule can say what that means.
"""

import re
from collections import deque
from string import ascii_letters, digits, hexdigits
from typing import Final, NamedTuple

import numpy as np

from firedoor.lineage.ciphers import (
    braille_stretches,
    leet_stretches,
    morse_stretches,
    spelled_stretches,
)
from firedoor.lineage.decoded import Decoded, Find, Letters
from firedoor.lineage.encodings import (
    entity_stretches,
    escaped_stretches,
    percent_stretches,
    quoted_stretches,
    solid_stretches,
    spaced_stretches,
)
from firedoor.lineage.normal import Offsets
from firedoor.lineage.smuggling import selector_stretches, tag_stretches, zero_width_stretches
from firedoor.lineage.turned import turned_stretches

DEPTH_MAX: Final = 4
EXPANSION_MAX: Final = 8
"""All layers of a text together hold at most this many times its characters."""
SHORT_TEXT_CHARS: Final = 512
"""A shorter text may still expand like one of this length: a zipped line is a long line."""
LAYERS_MAX: Final = 4_096

CODECS: Final[tuple[tuple[str, str, Find], ...]] = (
    ("base64, base32, base16, gzip, zlib", "", solid_stretches),
    ("base16", "", spaced_stretches),
    ("escapes", "\\", escaped_stretches),
    ("percent", "%", percent_stretches),
    ("html", "&", entity_stretches),
    ("quoted-printable", "=", quoted_stretches),
    ("tags", "", tag_stretches),
    ("selectors", "", selector_stretches),
    ("zero-width", "", zero_width_stretches),
    ("braille", "", braille_stretches),
    ("morse", "", morse_stretches),
    ("spelled", "", spelled_stretches),
    ("leet", "", leet_stretches),
    ("rot13, reversed", "", turned_stretches),
)
"""(name, a character without which there is nothing to find, codec)."""

_TWICE: Final = frozenset({"rot13", "reversed"})
"""Codecs that undo themselves."""
_GUESSED: Final = _TWICE | {"leet"}
"""Codecs that are tried on suspicion: what is opaque in them is opaque in what they were tried on."""
_SOLID: Final = frozenset({"base64", "base32", "base16"})

# Hex of up to 128 digits is a digest, and everybody's; base64 of 80 is the shortest sealed message
# with its nonce and tag. Ascii85 and its like need more characters before they look unlike code.
_BLOBS: Final = (
    (Letters(hexdigits + " :\r\n"), 129, 3.5),
    (Letters(ascii_letters + digits + "+/_-=\r\n"), 80, 4.8),
    (Letters("".join(map(chr, range(33, 127)))), 160, 5.5),
)
"""(letters, how many in a row, bits a letter) of what looks like code."""
_SHORT_LINES_BEFORE: Final = re.compile(r"(?:[^\n]{0,39}\n)+")
_SHORT_LINES_BEHIND: Final = re.compile(r"(?:\r?\n[^\n=]{0,39})+\Z")


class Layer(NamedTuple):
    """One text to match: the original itself when ``chain`` is empty."""

    text: str
    chain: tuple[str, ...]
    """The codecs that were taken off, the outermost first."""
    start: int
    end: int
    starts: Offsets | None = None
    ends: Offsets | None = None
    """By character, where it stands in the original; None: anywhere from ``start`` to ``end``."""
    parent: int = -1

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original the characters ``start`` to ``end`` of this layer come from."""
        if not self.chain:
            return start, end
        if self.starts is None or self.ends is None or start >= end:
            return self.start, self.end
        return int(self.starts[start:end].min()), int(self.ends[start:end].max())


class Unwrapped(NamedTuple):
    """A text and what is inside it."""

    layers: tuple[Layer, ...]
    """The text itself first."""
    opaque: tuple[tuple[int, int], ...]
    """Stretches of the original that look like code, and that nothing could be read from."""
    complete: bool
    """Whether everything found was taken apart within the bounds."""
    spent_chars: int


def _inside(parent: Layer, found: Decoded, number: int) -> Layer:
    start, end = parent.span(found.start, found.end)
    chain = (*parent.chain, *found.codec.split("+"))
    starts, ends = found.starts, found.ends
    if parent.chain and starts is not None and ends is not None:
        if parent.starts is None or parent.ends is None:
            starts = ends = None
        else:
            starts, ends = parent.starts[starts], parent.ends[ends - 1]
    return Layer(found.text, chain, start, end, starts, ends, number)


def _undoes(chain: tuple[str, ...], codec: str) -> bool:
    """Whether a codec only takes back what was tried before it, in whatever order."""
    tail = []
    for before in reversed(chain):
        if before not in _TWICE:
            break
        tail.append(before)
    return any(part in tail for part in codec.split("+") if part in _TWICE)


def unwrapped(text: str, work_chars: int) -> Unwrapped:
    """Every layer of ``text``, at most `DEPTH_MAX` deep; stops once ``work_chars`` are read."""
    layers = [Layer(text, (), 0, len(text))]
    waiting = deque([0])
    seen = {text}
    room = EXPANSION_MAX * max(len(text), SHORT_TEXT_CHARS)
    spent = 0
    complete = True
    while waiting:
        number = waiting.popleft()
        layer = layers[number]
        spent += len(layer.text)
        if spent > work_chars:
            complete = False
            break
        for _, needs, find in CODECS:
            if needs and needs not in layer.text:
                continue
            for found in find(layer.text, room):
                if found.text in seen or _undoes(layer.chain, found.codec):
                    continue
                if len(found.text) > room or len(layers) >= LAYERS_MAX:
                    complete = False
                    continue
                room -= len(found.text)
                seen.add(found.text)
                layers.append(_inside(layer, found, number))
                if len(layers[-1].chain) < DEPTH_MAX:
                    waiting.append(len(layers) - 1)
                elif not _GUESSED & set(layers[-1].chain) and blobs(found.text):
                    complete = False
    return Unwrapped(tuple(layers), _opaque(layers), complete, spent)


def _entropy(text: str) -> float:
    counts = np.unique(
        np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4"), return_counts=True
    )[1]
    shares = counts / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def blobs(text: str) -> list[tuple[int, int]]:
    """Stretches that look like code and not like words."""
    found: list[tuple[int, int]] = []
    for letters, least, entropy in _BLOBS:
        for start, end in letters.runs(text, least):
            # Words above and below a wrapped code are none of it.
            lead = _SHORT_LINES_BEFORE.match(text, start, end)
            start = lead.end() if lead is not None else start
            tail = _SHORT_LINES_BEHIND.search(text, start, end)
            end = tail.start() if tail is not None else end
            inside = any(low <= start and end <= high for low, high in found)
            if end - start >= least and not inside and _entropy(text[start:end]) >= entropy:
                found.append((start, end))
    return found


def _ancestors(layers: list[Layer], number: int) -> set[int]:
    found = set()
    while number >= 0:
        found.add(number)
        number = layers[number].parent
    return found


def _opaque(layers: list[Layer]) -> tuple[tuple[int, int], ...]:
    """The blobs of every layer out of which no further layer was read."""
    opaque = set()
    for number, layer in enumerate(layers):
        if layer.chain and layer.chain[-1] in _GUESSED:
            continue
        seen = blobs(layer.text)
        if not seen:
            continue
        read = {
            (below.start, below.end)
            for n, below in enumerate(layers[number + 1 :], number + 1)
            if _SOLID & set(below.chain[len(layer.chain) :]) and number in _ancestors(layers, n)
        }
        for low, high in seen:
            start, end = layer.span(low, high)
            known = sum(max(0, min(end, b) - max(start, a)) for a, b in _merged(read))
            if 2 * known < end - start:
                opaque.add((start, end))
    return _merged(opaque)


def _merged(spans: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)

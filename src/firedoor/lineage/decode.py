"""What a text says when the codings in it are taken off: a few layers, bounded in every direction.

A layer is a text that some codec gave, with the way back: for each of its characters, the stretch
of the original that it came from. What looks like code and gives nothing readable is `opaque`: it
may be a picture, a signature or a sealed message, and only a rule can say what that means.
"""

import re
from bisect import bisect_right, insort
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from string import ascii_letters, digits, hexdigits
from typing import Final, NamedTuple

import numpy as np

from firedoor.lineage.ciphers import (
    braille_stretches,
    leet_stretches,
    morse_stretches,
    spelled_stretches,
)
from firedoor.lineage.decoded import Bounds, Decoded, Find, Letters, Places, Script
from firedoor.lineage.encodings import (
    entity_stretches,
    escaped_stretches,
    percent_stretches,
    quoted_stretches,
    solid_stretches,
    spaced_stretches,
)
from firedoor.lineage.smuggling import selector_stretches, tag_stretches, zero_width_stretches
from firedoor.lineage.turned import turned_stretches

DEPTH_MAX: Final = 4
EXPANSION_MAX: Final = 8
"""All layers of a text together hold at most this many times its characters."""
SHORT_TEXT_CHARS: Final = 512
"""A shorter text may still expand like one of this length: a zipped line is a long line."""
LAYERS_MAX: Final = 4_096
_LAYER_WORK: Final = 2_000
"""What a layer costs beside its characters."""
_NORMAL_WORK: Final = 2
"""What each of a layer's characters costs later, in the normal form and its fingerprints."""
_BLOB_WORK: Final = 600

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
_SHORT_LINE_CHARS: Final = 40
_SHORT_LINES_BEFORE: Final = re.compile(rb"(?:[^\n]{0,39}\n)+")
_SHORT_LINES_BEHIND_MAX: Final = 1_000


class Layer(NamedTuple):
    """One text to match: the original itself when ``chain`` is empty."""

    text: str
    chain: tuple[str, ...]
    """The codecs that were taken off, the outermost first."""
    start: int
    end: int
    starts: Places | None = None
    ends: Places | None = None
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
    """Every layer of ``text``, at most `DEPTH_MAX` deep, for ``work_chars`` of work or little more."""
    layers = [Layer(text, (), 0, len(text))]
    waiting = deque([0])
    seen = {text}
    bounds = Bounds(EXPANSION_MAX * max(len(text), SHORT_TEXT_CHARS), work_chars)
    # What is opaque in the text itself is told whatever the codecs cost.
    seen_blobs = {0: _blobs(Script(text).raw, Bounds(0, work_chars // 4))}
    while waiting:
        number = waiting.popleft()
        layer = layers[number]
        if not bounds.spend(len(layer.text) + (_LAYER_WORK if number else 0)):
            break
        script = Script(layer.text)
        for _, needs, find in CODECS:
            if needs and needs not in layer.text:
                continue
            for found in find(script, bounds):
                if found.text in seen or _undoes(layer.chain, found.codec):
                    continue
                if len(found.text) > bounds.chars or len(layers) >= LAYERS_MAX:
                    bounds.complete = False
                    continue
                if not bounds.spend(_NORMAL_WORK * len(found.text)):
                    continue
                bounds.chars -= len(found.text)
                seen.add(found.text)
                layers.append(_inside(layer, found, number))
                if len(layers[-1].chain) < DEPTH_MAX:
                    waiting.append(len(layers) - 1)
                elif not _GUESSED & set(layers[-1].chain):
                    seen_blobs[len(layers) - 1] = _blobs(Script(found.text).raw, bounds)
                    bounds.complete &= not seen_blobs[len(layers) - 1]
        if layer.chain and layer.chain[-1] not in _GUESSED:
            seen_blobs[number] = _blobs(script.raw, bounds)
    spent = work_chars - max(0, bounds.work)
    return Unwrapped(tuple(layers), _opaque(layers, seen_blobs), bounds.complete, spent)


def _entropy(raw: bytes) -> float:
    counts = np.bincount(np.frombuffer(raw, np.uint8))
    shares = counts[counts > 0] / len(raw)
    return float(-(shares * np.log2(shares)).sum())


def blobs(text: str) -> list[tuple[int, int]]:
    """Stretches of a text that look like code and not like words, as they stand."""
    return _blobs(Script(text).raw, Bounds(0, _BLOB_WORK + len(text)))


def _blobs(raw: bytes, bounds: Bounds) -> list[tuple[int, int]]:
    """Stretches that look like code and not like words."""
    found: list[tuple[int, int]] = []
    for letters, least, entropy in _BLOBS:
        for start, end in letters.runs(raw, least):
            if raw[start:end].isspace():
                continue
            if not bounds.spend(_BLOB_WORK + (end - start) // 8):
                return found
            start, end = _without_words(raw, start, end)
            n = bisect_right(found, (start, len(raw))) - 1
            inside = n >= 0 and end <= found[n][1]
            if end - start >= least and not inside and _entropy(raw[start:end]) >= entropy:
                insort(found, (start, end))
    return found


def _without_words(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Without the short lines above and below a wrapped code; one with padding is of the code."""
    lead = _SHORT_LINES_BEFORE.match(raw, start, end)
    start = lead.end() if lead is not None else start
    for _ in range(_SHORT_LINES_BEHIND_MAX):
        line = raw.rfind(b"\n", max(start, end - _SHORT_LINE_CHARS), end)
        if line < 0 or b"=" in raw[line:end]:
            break
        end = line
    return start, end


def _opaque(
    layers: list[Layer], blobs: Mapping[int, list[tuple[int, int]]]
) -> tuple[tuple[int, int], ...]:
    """The blobs of every layer out of which no further layer was read."""
    read: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for layer in layers:
        # All layers above, from the first on out of which a solid code was taken to come here.
        above, solid = layer, False
        while above.parent >= 0:
            parent = layers[above.parent]
            solid |= bool(_SOLID & set(above.chain[len(parent.chain) :]))
            if solid:
                read[above.parent].add((layer.start, layer.end))
            above = parent
    opaque = set()
    for number, stretches in blobs.items():
        known = _merged(read[number])
        for low, high in stretches:
            start, end = layers[number].span(low, high)
            if 2 * _overlap(known, start, end) < end - start:
                opaque.add((start, end))
    return _merged(opaque)


def _overlap(spans: Sequence[tuple[int, int]], start: int, end: int) -> int:
    """How many characters of a stretch the spans take, which are apart and in order."""
    total = 0
    for low, high in spans[max(0, bisect_right(spans, (start, start)) - 1) :]:
        if low >= end:
            break
        total += max(0, min(end, high) - max(start, low))
    return total


def _merged(spans: set[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return tuple(merged)

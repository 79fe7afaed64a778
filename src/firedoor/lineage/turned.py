"""Text rotated by thirteen, or backwards: what looks like text until it is read.

Such a stretch is looked for where a text reads better that way round: by the sum of the weights of
its letter pairs, over windows of a line or so. Where there are hardly any spaces and it reads no way
round, as in a solid code, all are tried, so that a code turned round is found too.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.decoded import Decoded, one_to_one

# Letter pairs of English per ten thousand (P. Norvig, "English Letter Frequency Counts", 2013).
_PAIRS: Final = (
    "th356 he307 in243 er205 an199 re185 on176 at149 en145 nd135 ti134 es134 or128 te120 of117 "
    "ed117 is113 it112 al109 ar107 st105 to105 nt104 ng95 se93 ha93 as87 ou87 io83 le83 ve83 co79 "
    "me79 de76 hi76 ri73 ro73 ic70 ne69 ea69 ra69 ce65 li62 ch60 ll58 be58 ma57 si55 om55 ur54"
)
_RARE: Final = 10
_EVEN: Final = 10_000 / 26**2


def _pair_weights() -> NDArray[np.float64]:
    weights = np.full((27, 27), np.log2(_RARE / _EVEN))
    for pair in _PAIRS.split():
        first, second = (ord(c) - 97 for c in pair[:2])
        weights[first, second] = np.log2(float(pair[2:]) / _EVEN)
    weights[26, :] = weights[:, 26] = 0.0  # not a pair of letters: says nothing
    return weights


_PLAIN: Final = _pair_weights()
_ROTATION: Final = np.array([(n + 13) % 26 for n in range(26)] + [26])
_ROTATED: Final = _PLAIN[np.ix_(_ROTATION, _ROTATION)]
_WEIGHTS: Final = {
    "plain": _PLAIN.ravel(),
    "rot13": _ROTATED.ravel(),
    "reversed": _PLAIN.T.ravel(),
    "rot13 reversed": _ROTATED.T.ravel(),
}
_SPACES: Final = np.frombuffer(b" \n\t", dtype=np.uint8)
_LETTER: Final = np.array([c - 97 if 97 <= c < 123 else c - 65 if 65 <= c < 91 else 26
                           for c in range(256)])  # fmt: skip
_WINDOW: Final = 64
"""Characters judged together."""
_BETTER: Final = 14.0
"""Bits by which a window must read better the other way round."""
_SPACES_MIN: Final = 2
"""Spaces that a window of text has: where there are fewer and it reads no way round, all are tried."""

_ROT13: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm",
)


def _windows(text: str) -> Iterator[tuple[str, int, int]]:
    """(way round, from, to) of the stretches that are not plain text, neighbours joined."""
    raw = np.frombuffer(text.encode("latin-1", "replace"), dtype=np.uint8)
    if len(raw) < _WINDOW // 2:
        return
    letters = _LETTER[raw]
    pairs = letters[:-1] * 27 + letters[1:]
    edges = np.arange(0, len(pairs), _WINDOW)
    sums = {name: np.add.reduceat(table[pairs], edges) for name, table in _WEIGHTS.items()}
    plain = sums["plain"]
    spaces = np.add.reduceat(np.isin(raw[:-1], _SPACES).astype(np.int32), edges)
    solid = (spaces < _SPACES_MIN) & (plain < _BETTER)
    for name in ("rot13", "reversed", "rot13 reversed"):
        where = (sums[name] > plain + _BETTER) & (sums[name] > 0)
        if name != "rot13 reversed":
            where |= solid
        # A window in doubt between two that are in no doubt is part of the same stretch.
        where = np.convolve(where, np.ones(5), "same") > 0
        steps = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
        for low, high in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True):
            yield name, low * _WINDOW, min(len(text), high * _WINDOW + 1)


def rot13(text: str) -> str:
    """Each letter thirteen places on, which is thirteen places back."""
    return text.translate(_ROT13)


def turned_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Stretches that read better rotated by thirteen, backwards, or both."""
    for name, start, end in _windows(text):
        said = text[start:end]
        if name.startswith("rot13"):
            said = rot13(said)
        backwards = name.endswith("reversed")
        yield one_to_one(
            name.replace(" ", "+"), start, end, said[::-1] if backwards else said,
            backwards=backwards,
        )  # fmt: skip

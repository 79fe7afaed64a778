"""Text rotated by thirteen, or backwards: what looks like text until it is read.

Such a stretch is looked for where a text reads better that way round: by the sum of the weights of
its letter pairs, over windows of a line or so. Where there are hardly any spaces and it reads no way
round, as in a solid code, all are tried, so that a code turned round is found too.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.decoded import Bounds, Decoded, Script, one_to_one

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

_WINDOW: Final = 64
"""Characters judged together; the last window has up to twice as many."""
_BETTER: Final = 14
"""Bits by which a window must read better the other way round."""
_SPACES_MIN: Final = 2
"""Spaces that a window of text has: where there are fewer and it reads no way round, all are tried."""
_BLOCK: Final = 1 << 16

_CLASSES: Final = bytes(c - 97 if 97 <= c < 123 else c - 65 if 65 <= c < 91
                        else 27 if c in b" \n\t" else 26 for c in range(256))  # fmt: skip
"""Each character as one of 26 letters, a space, or another."""

# Four counters of 16 bits in one number, so that one look a pair and one sum a window give all four.
# Each pair adds to each counter its weight in steps of a quarter of a bit, and `_EVEN_KEEL` to stay
# above zero: at most 149 in each of 127 pairs, which leaves the top bit free.
_COUNTER_BITS: Final = 16
_COUNTERS: Final = 4
_STEPS: Final = 4
_EVEN_KEEL: Final = 128
_SPACE: Final = 25
"""Bits that a space speaks against a window's being solid."""

Sums = NDArray[np.uint64]


def _packed(values: list[int]) -> np.uint64:
    return np.uint64(sum(v << (_COUNTER_BITS * n) for n, v in enumerate(values)))


def _table(*ways: NDArray[np.float64]) -> Sums:
    """One number for each pair of classes; a place of five bits for each of the two."""
    table = np.zeros((32, 32), np.uint64)
    for counter, weights in enumerate(ways):
        counts = np.rint(weights * _STEPS).astype(np.int64) + _EVEN_KEEL
        table[:28, :28] |= counts.astype(np.uint64) << np.uint64(_COUNTER_BITS * counter)
    return table.ravel()


def _with_spaces(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.pad(weights, ((0, 1), (0, 1)))


_NAMES: Final = ("rot13", "reversed", "rot13 reversed")
_SPACED: Final = _with_spaces(np.zeros((27, 27)))
_SPACED[27, :] = 1
_READS: Final = _with_spaces(_PLAIN)
_TURNED: Final = _table(
    _with_spaces(_ROTATED) - _READS,
    _with_spaces(_PLAIN.T) - _READS,
    _with_spaces(_ROTATED.T) - _READS,
    -_READS - _SPACE * _SPACED,
)
"""How much better each way round, and how solid: the first look, which is all that most texts get."""
_UPRIGHT: Final = _table(_READS, _SPACED)

_SUSPECT: Final = (_BETTER - 2, _BETTER - 2, _BETTER - 2, -_BETTER - 2 - _SPACE)
"""Bits above which a counter asks for the second look, two less than decide: weights are rounded."""
_TOP: Final = _packed([1 << (_COUNTER_BITS - 1)] * _COUNTERS)
_KEELS: Final = _packed([_EVEN_KEEL] * _COUNTERS)
_MORE: Final = _packed(
    [(1 << (_COUNTER_BITS - 1)) - 1 - bits * _STEPS - _EVEN_KEEL * _WINDOW for bits in _SUSPECT]
)
"""What lifts a counter of a whole window into its top bit when it is above its bound."""

_ROT13: Final = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm",
)


def _sums(classes: NDArray[np.uint8], table: Sums) -> Sums:
    """What the pairs of each window come to; the last window takes the rest."""
    count = len(classes) - 1
    windows = max(1, count // _WINDOW)
    sums = []
    for start in range(0, windows * _WINDOW, _BLOCK):
        stop = start + _BLOCK if start + _BLOCK < windows * _WINDOW else count
        pairs = classes[start:stop].astype(np.uint16)
        pairs <<= 5
        pairs |= classes[start + 1 : stop + 1]
        edges = np.arange(0, min(_BLOCK, windows * _WINDOW - start), _WINDOW)
        sums.append(np.add.reduceat(table[pairs], edges))
    return sums[0] if len(sums) == 1 else np.concatenate(sums)


def _suspect(sums: Sums, rest: int) -> bool:
    """Whether some window might be turned; the last has ``rest`` pairs more than the others."""
    lifted = sums + _MORE
    lifted[-1] = int(lifted[-1]) - rest * int(_KEELS)
    return bool((lifted & _TOP).any())


def _counter(sums: Sums, number: int, rest: int) -> NDArray[np.int64]:
    counts = (sums >> np.uint64(_COUNTER_BITS * number) & np.uint64(0xFFFF)).astype(np.int64)
    counts -= _EVEN_KEEL * _WINDOW
    counts[-1] -= _EVEN_KEEL * rest
    return counts


def _widened(where: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With two windows on each side: one in doubt between two that are not is of the same stretch."""
    wide = where.copy()
    for step in (1, 2):
        wide[step:] |= where[:-step]
        wide[:-step] |= where[step:]
    return wide


def _windows(raw: bytes) -> Iterator[tuple[str, int, int]]:
    """(way round, from, to) of the stretches that are not plain text, neighbours joined."""
    if len(raw) < _WINDOW // 2:
        return
    classes = np.frombuffer(raw.translate(_CLASSES), dtype=np.uint8)
    sums = _sums(classes, _TURNED)
    rest = len(raw) - 1 - _WINDOW * len(sums)
    if not _suspect(sums, rest):
        return
    upright = _sums(classes, _UPRIGHT)
    plain, spaces = _counter(upright, 0, rest), _counter(upright, 1, rest) // _STEPS
    solid = (spaces < _SPACES_MIN) & (plain < _BETTER * _STEPS)
    for number, name in enumerate(_NAMES):
        better = _counter(sums, number, rest)
        where = (better > _BETTER * _STEPS) & (better + plain > 0)
        if name != "rot13 reversed":
            where |= solid
        where = _widened(where)
        steps = np.flatnonzero(np.diff(where, prepend=False, append=False))
        for low, high in zip(steps[::2].tolist(), steps[1::2].tolist(), strict=True):
            yield name, low * _WINDOW, len(raw) if high == len(sums) else high * _WINDOW + 1


def rot13(text: str) -> str:
    """Each letter thirteen places on, which is thirteen places back."""
    return text.translate(_ROT13)


def turned_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Stretches that read better rotated by thirteen, backwards, or both."""
    for name, start, end in _windows(script.raw):
        if not bounds.spend(end - start):
            return
        said = script.text[start:end]
        if name.startswith("rot13"):
            said = rot13(said)
        backwards = name.endswith("reversed")
        yield one_to_one(
            name.replace(" ", "+"), start, end, said[::-1] if backwards else said,
            backwards=backwards,
        )  # fmt: skip

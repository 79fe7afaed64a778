"""Fingerprints of a text in normal form: robust winnowing over keyed hashes of 16 characters.

Of every window of 16 neighbouring hashes the least is kept, so two texts that share a run of
`GUARANTEE_CHARS` characters share a window, and with it a fingerprint (Schleimer, Wilkerson and
Aiken, "Winnowing", SIGMOD 2003). About two in seventeen positions are kept.

What leaves this module has been through SipHash-2-4 under the store's key: an outsider who reads an
index cannot ask it whether it holds a text, and cannot make two texts meet in it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.normal import Codes, Offsets

GRAM_CHARS: Final = 16
WINDOW_GRAMS: Final = 16
GUARANTEE_CHARS: Final = GRAM_CHARS + WINDOW_GRAMS - 1
"""Any shared run of this many normalised characters shares a fingerprint."""

Hashes = NDArray[np.uint64]

_BLOCK: Final = 1 << 14
"""Hashes a round: the working arrays of 128 KiB stay in a core's cache."""


class Prints(NamedTuple):
    """Fingerprints of one text, by position; ``keys`` are signed, as databases like them."""

    keys: NDArray[np.int64]
    at: Offsets
    """Where each one's 16 characters begin, in the normal form."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Printer:
    """What makes fingerprints under one store key."""

    letters: Hashes
    """A secret number for each ASCII character."""
    powers: tuple[np.uint64, ...]
    """P, P², P⁴, P⁸ for a secret odd P."""
    mixers: tuple[np.uint64, np.uint64]
    seal: tuple[np.uint64, np.uint64]


def _words(key: bytes, label: str, count: int) -> NDArray[np.uint64]:
    stream = hashlib.shake_256(len(key).to_bytes(4, "big") + key + label.encode())
    return np.frombuffer(stream.digest(8 * count), dtype="<u8").astype(np.uint64)


def printer_for(key: bytes) -> Printer:
    """The printer of a store key. Other keys give unrelated fingerprints of the same text."""
    if len(key) < 16:
        raise ValueError("a store key has at least 16 bytes")
    words = _words(key, "firedoor lineage fingerprints", 5)
    step, low, high = (int(word) | 1 for word in words[:3])
    powers = [step]
    while len(powers) < 4:
        powers.append(powers[-1] * powers[-1] % 2**64)
    mixers = (np.uint64(low), np.uint64(high))
    return Printer(
        letters=_letters(np.arange(128, dtype=np.uint64), mixers),
        powers=tuple(np.uint64(p) for p in powers),
        mixers=mixers,
        seal=(np.uint64(words[3]), np.uint64(words[4])),
    )


def _letters(codes: Hashes, mixers: tuple[np.uint64, np.uint64]) -> Hashes:
    mixed = (codes + np.uint64(1)) * mixers[0]
    mixed ^= mixed >> np.uint64(29)
    mixed *= mixers[1]
    mixed ^= mixed >> np.uint64(32)
    return mixed


def _numbers(codes: Codes, printer: Printer) -> Hashes:
    if codes.dtype == np.uint8:
        return printer.letters[codes]
    return _letters(codes.astype(np.uint64), printer.mixers)


def grams(codes: Codes, printer: Printer, doublings: int = 4) -> Hashes:
    """A secret polynomial's value at every 2^``doublings`` characters, modulo 2^64, mixed once.

    H[2n](i) = H[n](i)·Pⁿ + H[n](i+n): four steps for sixteen characters, each over whole arrays.
    """
    hashes = _numbers(codes, printer)
    for doubling in range(doublings):
        reach = 1 << doubling
        tail = hashes[reach:]
        hashes = hashes[: len(tail)] * printer.powers[doubling]
        hashes += tail
    hashes ^= hashes >> np.uint64(31)
    hashes *= printer.mixers[0]
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _least(hashes: Hashes) -> Offsets:
    """Where a hash is the least of some window, runs of equal ones only by their two ends.

    Text that repeats itself within a window gives one value over and over; its ends stand for all,
    so ten megabytes of one letter give two fingerprints. The value is still there, and that is all
    that the guarantee speaks of.
    """
    window = min(WINDOW_GRAMS, len(hashes))
    lows = _slide(hashes, window, np.minimum)
    padded = np.concatenate(
        [np.zeros(window - 1, np.uint64), lows, np.zeros(window - 1, np.uint64)]
    )
    kept = np.flatnonzero(_slide(padded, window, np.maximum) == hashes)
    values = hashes[kept]
    same = np.zeros(len(kept) + 1, dtype=np.bool_)
    same[1:-1] = (values[1:] == values[:-1]) & (np.diff(kept) < window)
    return kept[~(same[:-1] & same[1:])]


def _slide(values: Hashes, window: int, best: np.ufunc) -> Hashes:
    """The best of every ``window`` neighbours, by doubling."""
    reach = 1
    while reach < window:
        step = min(reach, window - reach)
        values = best(values[:-step], values[step:])
        reach += step
    return values


def _chosen(codes: Codes, printer: Printer) -> tuple[Hashes, Offsets]:
    """The kept hashes before they are sealed. A block overlaps its neighbours by a window."""
    count = len(codes) - GRAM_CHARS + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    hashes: list[Hashes] = []
    places: list[Offsets] = []
    last: int | None = None
    for start in range(0, count, _BLOCK):
        low = max(0, min(start, count - WINDOW_GRAMS) - WINDOW_GRAMS + 1)
        high = min(count, start + _BLOCK + WINDOW_GRAMS - 1)
        values = grams(codes[low : high + GRAM_CHARS - 1], printer)
        at = _least(values)
        inside = at[(at >= start - low) & (at < start - low + _BLOCK)]
        found = values[inside]
        if last is not None and len(found) and (found == last).all():
            continue  # a block of nothing but what the one before ended in
        if len(found):
            last = int(found[-1])
        hashes.append(found)
        places.append(inside + low)
    return np.concatenate(hashes), np.concatenate(places)


def prints_of(texts: Sequence[Codes], printer: Printer) -> list[Prints]:
    """The fingerprints of each text; sealed together, since sealing has a price for each round."""
    chosen = [_chosen(codes, printer) for codes in texts]
    if not chosen:
        return []
    sealed = _sealed(np.concatenate([hashes for hashes, _ in chosen]), printer.seal)
    keys = sealed.view(np.int64)
    found = []
    start = 0
    for hashes, at in chosen:
        found.append(Prints(keys[start : start + len(hashes)], at))
        start += len(hashes)
    return found


def prints_at(codes: Codes, at: Offsets, printer: Printer) -> Prints:
    """The fingerprints that begin at these places, chosen before: an index is written anew by them."""
    if not len(at):
        return Prints(np.zeros(0, np.int64), at)
    return Prints(_sealed(grams(codes, printer)[at], printer.seal).view(np.int64), at)


_LEFT: Final = tuple(np.array([[a], [b]], np.uint64) for a, b in ((13, 16), (17, 21)))
_RIGHT: Final = tuple(np.uint64(64) - left for left in _LEFT)
_HALF: Final = np.uint64(32)
_MAGIC: Final = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


def _sealed(hashes: Hashes, key: tuple[np.uint64, np.uint64]) -> Hashes:
    """SipHash-2-4 of each hash as eight little-endian bytes, all of them side by side."""
    size = len(hashes)
    if not size:
        return hashes
    evens, odds = np.empty((2, size), np.uint64), np.empty((2, size), np.uint64)
    for row in (0, 1):  # evens are v0 and v2, odds v1 and v3: the halves of a round that go abreast
        evens[row] = np.uint64(_MAGIC[2 * row]) ^ key[0]
        odds[row] = np.uint64(_MAGIC[2 * row + 1]) ^ key[1]

    spare, swap = np.empty_like(odds), np.empty_like(hashes)
    turned = (evens, evens[::-1])  # the second half of a round adds across

    def rounds(count: int) -> None:
        for half in (0, 1) * count:
            np.add(evens, odds[::-1] if half else odds, out=evens)
            np.right_shift(odds, _RIGHT[half], out=spare)
            np.left_shift(odds, _LEFT[half], out=odds)
            np.bitwise_or(odds, spare, out=odds)
            np.bitwise_xor(odds, turned[half], out=odds)
            np.right_shift(evens[half], _HALF, out=swap)
            np.left_shift(evens[half], _HALF, out=evens[half])
            np.bitwise_or(evens[half], swap, out=evens[half])

    for word in (hashes, np.uint64(8 << 56)):
        odds[1] ^= word
        rounds(2)
        evens[0] ^= word
    evens[1] ^= np.uint64(0xFF)
    rounds(4)
    sealed: Hashes = evens[0] ^ evens[1] ^ odds[0] ^ odds[1]
    return sealed

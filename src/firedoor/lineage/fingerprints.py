"""Fingerprints of a text in normal form: robust winnowing over keyed hashes of 16 characters.

Of every window of 16 neighbouring hashes the least is kept, so two texts that share a run of
`GUARANTEE_CHARS` characters share a window, and with it a fingerprint (Schleimer, Wilkerson and
Aiken, "Winnowing", SIGMOD 2003). About two in seventeen positions are kept.

What leaves this module has been through AES under the store's key: an outsider who reads an index
cannot ask it whether it holds a text, and cannot make two texts meet in it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from numpy.typing import NDArray

from firedoor.lineage.normal import Codes, Offsets

GRAM_CHARS: Final = 16
WINDOW_GRAMS: Final = 16
GUARANTEE_CHARS: Final = GRAM_CHARS + WINDOW_GRAMS - 1
"""Any shared run of this many normalised characters shares a fingerprint."""

Hashes = NDArray[np.uint64]

_BLOCK: Final = 1 << 14
"""Hashes a round: the working arrays of 128 KiB stay in a core's cache."""
_TOGETHER: Final = 1 << 12
"""Texts up to this long share a round: its fixed price is that of 2,000 characters."""
_PLACE: Final = np.array(0xFFFF, np.uint64)
_VALUE: Final = ~_PLACE
_FIRST_SHIFT: Final = np.array(31, np.uint64)
_SHIFT: Final = np.array(32, np.uint64)
_NO_HASHES: Final = np.zeros(0, np.uint64)
_NO_PLACES: Final = np.zeros(0, np.int64)


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
    powers: tuple[Hashes, ...]
    """P, P², P⁴, P⁸ for a secret odd P; arrays of no dimension, which numpy is quicker with."""
    mixers: tuple[Hashes, Hashes]
    seal: Cipher[modes.ECB]
    """A permutation of single blocks: a block never meets its neighbours, so ECB is what is wanted."""


def _words(key: bytes, label: str, count: int) -> NDArray[np.uint64]:
    stream = hashlib.shake_256(len(key).to_bytes(4, "big") + key + label.encode())
    return np.frombuffer(stream.digest(8 * count), dtype="<u8").astype(np.uint64)


def printer_for(key: bytes) -> Printer:
    """The printer of a store key. Other keys give unrelated fingerprints of the same text."""
    if len(key) < 16:
        raise ValueError("a store key has at least 16 bytes")
    words = _words(key, "firedoor lineage fingerprints", 5)
    step, low, high = (int(word) | 1 for word in words[:3])
    seal = algorithms.AES(words[3:].astype("<u8").tobytes())
    powers = [step]
    while len(powers) < 4:
        powers.append(powers[-1] * powers[-1] % 2**64)
    mixers = (np.array(low, np.uint64), np.array(high, np.uint64))
    return Printer(
        letters=_letters(np.arange(128, dtype=np.uint64), mixers),
        powers=tuple(np.array(p, np.uint64) for p in powers),
        mixers=mixers,
        seal=Cipher(seal, modes.ECB()),
    )


def _letters(codes: Hashes, mixers: tuple[Hashes, Hashes]) -> Hashes:
    mixed = (codes + np.uint64(1)) * mixers[0]
    mixed ^= mixed >> _FIRST_SHIFT
    mixed *= mixers[1]
    mixed ^= mixed >> _SHIFT
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
    hashes ^= hashes >> _FIRST_SHIFT
    hashes *= printer.mixers[0]
    hashes ^= hashes >> _SHIFT
    return hashes


def _least(hashes: Hashes) -> Offsets:
    """Where a hash is the least of some window, runs of equal ones only by their two ends.

    Each carries its place in its low bits, so that one pass of minima gives value and place. Text
    that repeats itself within a window gives one value over and over; its ends stand for all, so
    ten megabytes of one letter give two fingerprints. The value is still there, and that is all
    that the guarantee speaks of.
    """
    lows = hashes & _VALUE
    lows |= np.arange(len(hashes), dtype=np.uint64)
    reach, window = 1, min(WINDOW_GRAMS, len(hashes))
    while reach < window:
        step = min(reach, window - reach)
        lows = np.minimum(lows[:-step], lows[step:])
        reach += step
    new = (lows[1:] != lows[:-1]).nonzero()[0]
    kept = np.empty(len(new) + 1, np.int64)
    kept[0] = lows[0] & _PLACE
    kept[1:] = lows[1:][new] & _PLACE
    values = hashes[kept]
    same = values[1:] == values[:-1]
    if not same.any():
        return kept
    inner = np.zeros(len(kept) + 1, dtype=np.bool_)
    inner[1:-1] = same & (np.diff(kept) < window)
    return kept[~(inner[:-1] & inner[1:])]


def _chosen(codes: Codes, printer: Printer) -> tuple[Hashes, Offsets]:
    """The kept hashes before they are sealed. A block overlaps its neighbours by a window."""
    count = len(codes) - GRAM_CHARS + 1
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


def _chosen_together(texts: Sequence[Codes], printer: Printer) -> Iterator[tuple[Hashes, Offsets]]:
    """The same for several short texts, side by side in one round."""
    if len(texts) == 1:
        values = grams(texts[0], printer)
        at = _least(values)
        yield values[at], at
        return
    joined: Codes = np.concatenate(texts)  # type: ignore[assignment]  # of both kinds, the wider
    values = grams(joined, printer)
    edges = np.cumsum([len(codes) for codes in texts])
    # A gram over an edge is nobody's. As zero it is the least of all, so that no window over the
    # edge chooses any other: what is left are the windows inside one text.
    over = (edges[:-1, None] - np.arange(1, GRAM_CHARS)).ravel()
    values[over[over < len(values)]] = 0
    at = _least(values) if len(values) >= WINDOW_GRAMS else _NO_PLACES
    at = at[values[at] != 0]
    cuts = np.searchsorted(at, edges).tolist()
    start = first = 0
    for codes, end, cut in zip(texts, edges.tolist(), cuts, strict=True):
        count = len(codes) - GRAM_CHARS + 1
        mine = at[first:cut] - start
        if 0 < count < WINDOW_GRAMS:  # shorter than a window: the least of all of it
            mine = _least(values[start : start + count])
        yield values[mine + start], mine
        start, first = end, cut


def prints_of(texts: Sequence[Codes], printer: Printer) -> list[Prints]:
    """The fingerprints of each text; short ones in rounds of several, and all sealed together."""
    chosen: list[tuple[Hashes, Offsets]] = [(_NO_HASHES, _NO_PLACES)] * len(texts)
    waiting: list[int] = []
    chars = 0
    for number, codes in enumerate(texts):
        if len(codes) > _TOGETHER:
            chosen[number] = _chosen(codes, printer)
        elif len(codes) >= GRAM_CHARS:
            waiting.append(number)
            chars += len(codes)
        if waiting and (chars > _BLOCK or number == len(texts) - 1):
            together = _chosen_together([texts[n] for n in waiting], printer)
            for place, found in zip(waiting, together, strict=True):
                chosen[place] = found
            waiting, chars = [], 0
    if len(chosen) == 1:
        return [Prints(_sealed(chosen[0][0], printer), chosen[0][1])]
    sizes = [len(hashes) for hashes, _ in chosen]
    if not any(sizes):
        return [Prints(_NO_PLACES, _NO_PLACES)] * len(texts)
    keys = _sealed(np.concatenate([hashes for hashes, _ in chosen]), printer)
    printed = []
    start = 0
    for size, (_, at) in zip(sizes, chosen, strict=True):
        printed.append(Prints(keys[start : start + size], at))
        start += size
    return printed


def prints_at(codes: Codes, at: Offsets, printer: Printer) -> Prints:
    """The fingerprints that begin at these places, chosen before: an index is written anew by them."""
    if not len(at):
        return Prints(np.zeros(0, np.int64), at)
    return Prints(_sealed(grams(codes, printer)[at], printer), at)


def _sealed(hashes: Hashes, printer: Printer) -> NDArray[np.int64]:
    """The first half of each hash's block under AES, as signed numbers."""
    blocks = np.zeros((len(hashes), 2), dtype="<u8")
    blocks[:, 0] = hashes
    sealed = printer.seal.encryptor().update(blocks.tobytes())
    return np.frombuffer(sealed, dtype="<i8")[::2].astype(np.int64)

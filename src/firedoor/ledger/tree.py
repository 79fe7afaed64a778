"""The Merkle tree of RFC 6962 §2.1, grown leaf by leaf.

A *compact range* holds the roots of the full subtrees that a tree of ``size`` leaves consists of,
largest first: one for each bit of ``size``. Appending a leaf merges as many as a binary counter
carries, so a root costs O(log n) and nothing else of the tree has to be kept.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 §2.1: SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


EMPTY_ROOT = hashlib.sha256(b"").digest()


class CompactRange(NamedTuple):
    """A tree of ``size`` leaves, as the roots of its full subtrees."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "CompactRange":
        """The tree with one more leaf."""
        peaks = list(self.peaks)
        size = self.size
        node = leaf
        while size & 1:
            node = node_hash(peaks.pop(), node)
            size >>= 1
        peaks.append(node)
        return CompactRange(self.size + 1, tuple(peaks))

    def root(self) -> bytes:
        """The tree's root; SHA-256 of nothing for the empty tree."""
        if not self.peaks:
            return EMPTY_ROOT
        node = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            node = node_hash(peak, node)
        return node

    def to_bytes(self) -> bytes:
        """The peaks, one after the other."""
        return b"".join(self.peaks)


def from_bytes(size: int, peaks: bytes) -> CompactRange:
    """The inverse of ``to_bytes``. Raises ValueError when the two do not fit."""
    if size < 0 or len(peaks) != 32 * size.bit_count():
        raise ValueError("the tree's head does not fit its size")
    return CompactRange(size, tuple(peaks[i : i + 32] for i in range(0, len(peaks), 32)))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over ``leaves``."""
    tree = CompactRange()
    for leaf in leaves:
        tree = tree.append(leaf)
    return tree.root()

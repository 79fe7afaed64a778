"""Where fingerprints were seen first: what a store has to answer, and the same in memory.

A key keeps one posting for each origin, up to one more than may share it. Past that it is common,
and nobody's; so a licence, a schema or a prompt that many write by themselves needs no list.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np

from firedoor.lineage.fingerprints import GRAM_CHARS, Prints
from firedoor.lineage.normal import Normal
from firedoor.lineage.spans import Kept
from firedoor.types.ids import PassageId

ORIGINS_MAX: Final = 4
"""Independent origins that may share a fingerprint before it is nobody's."""
QUOTA_PRINTS: Final = 1_000_000
"""Fingerprints an origin may have in the index: about 15 MB of text."""


class Source(NamedTuple):
    """One text that came up somewhere, and who brought it."""

    passage: PassageId
    origin: str
    """Who is answerable: an instance's room, or a host, a tool or a person outside the fleet."""
    order: int
    """Its place in the ledger. Never a clock's."""
    emitted: bool = True
    """Whether an instance of the fleet wrote it; what came in from outside is nobody's in it."""


class Posting(NamedTuple):
    """One place of a fingerprint: ``at`` counts characters of the passage's normal form."""

    passage: PassageId
    at: int


class Stored(NamedTuple):
    """What matching needs to know of a passage."""

    source: Source
    kept: Kept


class Added(NamedTuple):
    """What became of a passage's fingerprints."""

    stored: int
    held: int
    """Left out: the emitter had them in its own input."""
    refused: int
    """Left out: the origin's quota is used up, and its text is no longer known again."""


class Index(Protocol):
    """The fingerprints of a store, for one tenant."""

    def look(self, keys: Sequence[int]) -> Mapping[int, Sequence[Posting]]:
        """The postings of each key that is known and not common, earliest first."""
        ...

    def stored(self, passages: Iterable[PassageId]) -> Mapping[PassageId, Stored]:
        """What is kept of the passages; those that are gone are left out."""
        ...


def fresh(prints: Prints, held: Iterable[tuple[int, int]]) -> Prints:
    """The fingerprints outside the ``held`` stretches of the normal form.

    Held is what the emitter had in its input. A fingerprint that reaches over the edge has
    something of its own and stays; one inside a quotation does not, so an echo founds nothing, and
    a frame around a quotation is its author's while the quotation is not.
    """
    keep = np.ones(len(prints.at), dtype=np.bool_)
    for start, end in held:
        keep &= (prints.at < start) | (prints.at + GRAM_CHARS > end)
    return Prints(prints.keys[keep], prints.at[keep])


class MemoryIndex:
    """An index that lives as long as its process: for tests, and for what is not yet on disk."""

    def __init__(self, *, origins_max: int = ORIGINS_MAX, quota_prints: int = QUOTA_PRINTS) -> None:
        self._origins_max = origins_max
        self._quota = quota_prints
        self._postings: dict[int, dict[str, Posting]] = {}
        self._stored: dict[PassageId, Stored] = {}
        self._used: dict[str, int] = defaultdict(int)

    def add(
        self,
        source: Source,
        normal: Normal,
        prints: Prints,
        *,
        held: Iterable[tuple[int, int]] = (),
        kept: Kept | None = None,
    ) -> Added:
        """Take a passage in. Passages come in ledger order; the first of an origin stays."""
        mine = fresh(prints, held)
        self._stored[source.passage] = Stored(source, kept or Kept(normal.codes))
        stored = refused = 0
        for key, at in zip(mine.keys.tolist(), mine.at.tolist(), strict=True):
            by_origin = self._postings.get(key, {})
            if source.origin in by_origin or len(by_origin) > self._origins_max:
                continue
            if self._used[source.origin] >= self._quota:
                refused += 1
                continue
            self._postings.setdefault(key, by_origin)[source.origin] = Posting(source.passage, at)
            self._used[source.origin] += 1
            stored += 1
        return Added(stored, len(prints.at) - len(mine.at), refused)

    def look(self, keys: Sequence[int]) -> Mapping[int, Sequence[Posting]]:
        """The postings of each key that is known and not common, earliest first."""
        found = {}
        for key in keys:
            by_origin = self._postings.get(key)
            if by_origin is not None and len(by_origin) <= self._origins_max:
                found[key] = tuple(by_origin.values())
        return found

    def stored(self, passages: Iterable[PassageId]) -> Mapping[PassageId, Stored]:
        """What is kept of the passages; those that are gone are left out."""
        return {p: self._stored[p] for p in passages if p in self._stored}

    def forget(self, origin: str) -> int:
        """Drop all that an origin brought; how many fingerprints that were."""
        gone = 0
        for key in list(self._postings):
            by_origin = self._postings[key]
            gone += by_origin.pop(origin, None) is not None
            if not by_origin:
                del self._postings[key]
        for passage in [p for p, s in self._stored.items() if s.source.origin == origin]:
            del self._stored[passage]
        self._used.pop(origin, None)
        return gone

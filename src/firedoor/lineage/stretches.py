"""From matches to stretches: characters of a part, each once, with every passage that has them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from firedoor.lineage.fingerprints import GRAM_CHARS, Prints
from firedoor.lineage.matches import ALONE_CHARS_MIN, Match
from firedoor.types.ids import Digest, PassageId

_NEIGHBOUR_CHARS_MAX: Final = 32
"""Two fingerprints of one run stand no further apart than this, with one of another's between."""


class Stretch(NamedTuple):
    """Characters ``start`` to ``end`` of a part, which ``passages`` have too."""

    start: int
    end: int
    digest: Digest
    """Of the characters themselves: what is judged, remembered and released."""
    passages: tuple[Digest, ...]
    codecs: tuple[str, ...] = ()
    """What had to be taken off, the outermost first."""


def passage_id(digest: Digest) -> PassageId:
    """The name under which the index knows a passage."""
    return PassageId(digest.hex())


def passage_digest(passage: PassageId) -> Digest:
    """The inverse of ``passage_id``."""
    return Digest(bytes.fromhex(passage))


class Cut(NamedTuple):
    """A stretch before its characters have a digest."""

    start: int
    end: int
    passages: tuple[Digest, ...]
    codecs: tuple[str, ...]


def cut(matches: Sequence[Match]) -> list[Cut]:
    """The matches of one part as stretches that do not overlap, neighbours of one kind joined.

    Where passages overlap, each piece names all of them: any of them may have carried it here.
    """
    edges = sorted({edge for m in matches for edge in (m.start, m.end)})
    found: list[Cut] = []
    for start, end in pairwise(edges):
        over = [m for m in matches if m.start <= start and end <= m.end]
        if not over:
            continue
        names = tuple(dict.fromkeys(passage_digest(m.source.passage) for m in over))
        codecs = min((m.chain for m in over), key=len)
        last = found[-1] if found else None
        if last is not None and last.end == start and last[2:] == (names, codecs):
            found[-1] = last._replace(end=end)
        else:
            found.append(Cut(start, end, names, codecs))
    return found


def quoted(
    prints: Prints, places: Mapping[int, Iterable[tuple[int, int]]]
) -> list[tuple[int, int]]:
    """The stretches of a text that one text from outside has too, in the normal form.

    Nothing is kept of that text, only where its fingerprints stood: a row of them at equal
    distances, for as long as a match that tells, is a quotation.

    Args:
        prints: The text's own fingerprints.
        places: For each known key, (text, place) of those outside.
    """
    if not places:
        return []
    by_line: dict[tuple[int, int], list[int]] = {}
    for key, at in zip(prints.keys.tolist(), prints.at.tolist(), strict=True):
        for text, place in places.get(key, ()):
            by_line.setdefault((text, at - place), []).append(at)
    found = []
    for line in by_line.values():
        line.sort()
        first = before = line[0]
        for at in (*line[1:], None):
            if at is None or at - before > _NEIGHBOUR_CHARS_MAX:
                # The run goes on for up to a window on either side, where nothing is kept of it.
                if before - first >= ALONE_CHARS_MIN - 2 * GRAM_CHARS:
                    found.append((first, before + GRAM_CHARS))
                first = at if at is not None else first
            before = at if at is not None else before
    return found


def without(prints: Prints, keys: Iterable[int]) -> Prints:
    """The fingerprints whose keys are none of these."""
    known = np.fromiter(keys, dtype=np.int64)
    if not len(known):
        return prints
    keep = ~np.isin(prints.keys, known)
    return Prints(prints.keys[keep], prints.at[keep])

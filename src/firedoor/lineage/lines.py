"""Who wrote the lines of a file (DESIGN §2, "author"): for what may be learned or run later.

A line is not in anybody's context, so there is no part to show or withhold; what counts is who first
emitted what stands in it, and what its text descends from.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from firedoor.lineage.calculus import author_of
from firedoor.lineage.passages import Passages
from firedoor.types.ids import Digest, RoomId
from firedoor.types.label import Label, join_all, up
from firedoor.types.record import Emission, Grant


class Written(NamedTuple):
    """One stretch of a line that some instance emitted."""

    author: Emission | None
    """Its first emitter that did not have it in its own input; None where all of them had."""
    carrier: Emission
    label: Label
    """Its label in the room that sends the file."""
    crossing: bool


def known_anywhere(passages: Passages) -> tuple[Digest, ...]:
    """The stretches of a text that are long enough to be anybody's in particular."""
    whole = passages.whole
    found = dict.fromkeys(line.digest for line in passages.lines if line.anywhere)
    if whole is not None and whole.anywhere:
        found[whole.digest] = None
    return tuple(found)


def written(
    digests: Iterable[Digest],
    emissions: Mapping[Digest, tuple[Emission, ...]],
    grants: Mapping[Digest, tuple[Grant, ...]],
    room: RoomId,
    at: float,
) -> tuple[Written, ...]:
    """What of a line's stretches instances emitted; what is pinned or attested is nobody's."""
    found = []
    for digest in digests:
        heard = emissions.get(digest)
        if not heard or any(_ours(grant, at) for grant in grants.get(digest, ())):
            continue
        first = author_of(tuple(e for e in heard if not e.held))
        label = join_all(up(e.label, e.room, room) for e in heard)
        crossing = any(e.room != room for e in heard)
        found.append(Written(first, first or heard[0], label, crossing))
    return tuple(found)


def _ours(grant: Grant, at: float) -> bool:
    in_force = grant.until is None or grant.until > at
    return in_force and grant.scope is None and grant.kind in ("human", "developer")

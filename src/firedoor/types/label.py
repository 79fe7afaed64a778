"""Labels and their two operations (MODEL §3, lines 1, 2 and 6). Pure and total."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.types.ids import EVERY_ROOM, RoomId

UNKNOWN_DEPTH: Final = 1 << 30
"""⊤: ranks above every number, and ⊤ + 1 = ⊤."""

_NONE: Final[frozenset[RoomId]] = frozenset()


class Label(NamedTuple):
    """An upper bound on how far a text travelled, and where it descends from.

    ``depth`` counts crossings along the emissions that carried the text here. ``live`` are the
    rooms it descends from whose text no person has reviewed; ``past`` those reviewed. Depth and
    reach read ``live``; trace and recall read both.
    """

    depth: int
    live: frozenset[RoomId] = _NONE
    past: frozenset[RoomId] = _NONE

    @property
    def ancestry(self) -> frozenset[RoomId]:
        """Every room that the text descends from, reviewed or not."""
        return self.live | self.past

    @property
    def generation(self) -> int | None:
        """The depth as the wire spells it: ``None`` for unknown."""
        return None if self.depth >= UNKNOWN_DEPTH else self.depth


BOTTOM: Final = Label(0)
"""⊥: nothing foreign in it."""
TOP: Final = Label(UNKNOWN_DEPTH, frozenset({EVERY_ROOM}))
"""(⊤, ∗): unknown depth, any ancestry."""


def join(a: Label, b: Label) -> Label:
    """a ⊔ b: the deeper depth, both ancestries; a room that is live in either is live."""
    if a is b or b == BOTTOM:
        return a
    if a == BOTTOM:
        return b
    live = a.live | b.live
    return Label(max(a.depth, b.depth), live, (a.past | b.past) - live)


def join_all(labels: Iterable[Label]) -> Label:
    """⊔ over ``labels``; ⊥ for none."""
    total = BOTTOM
    for label in labels:
        total = join(total, label)
    return total


def up(label: Label, source: RoomId, target: RoomId) -> Label:
    """The label after the text went from room ``source`` to room ``target``: the crossing.

    The only place where depth grows. Within one room nothing changes.
    """
    if source == target:
        return label
    depth = UNKNOWN_DEPTH if label.depth >= UNKNOWN_DEPTH else label.depth + 1
    return Label(depth, label.live | {source}, label.past - {source})


def reviewed(label: Label) -> Label:
    """``label`` after a person's release: depth 0, the whole ancestry kept as past."""
    return Label(0, _NONE, label.ancestry)


def is_unknown(label: Label) -> bool:
    """Whether the depth is ⊤."""
    return label.depth >= UNKNOWN_DEPTH

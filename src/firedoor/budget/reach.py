"""Reach: how many other rooms the unreviewed text of one room may enter (MODEL line 29)."""

from collections.abc import Collection, Mapping

from firedoor.types.ids import EVERY_ROOM, RoomId


def spent_by(roots: Collection[RoomId], room: RoomId) -> tuple[RoomId, ...]:
    """The roots whose reach a part spends by entering ``room``, sorted.

    A room is not reached by its own text coming home, and unknown ancestry cannot be counted:
    text of unknown depth is kept from crossing at all.
    """
    return tuple(sorted(root for root in roots if root not in (room, EVERY_ROOM)))


def full_roots(
    reach: Mapping[RoomId, frozenset[RoomId]],
    roots: Collection[RoomId],
    room: RoomId,
    limit: int,
) -> tuple[RoomId, ...]:
    """The roots whose text may not enter ``room`` any more in this window, sorted."""
    full = []
    for root in spent_by(roots, room):
        rooms = reach.get(root, frozenset())
        if room not in rooms and len(rooms) >= limit:
            full.append(root)
    return tuple(full)

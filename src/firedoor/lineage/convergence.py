"""Which instances meet at a rare outside thing, though no channel is seen between them.

A meeting is a suspicion and nothing more: it never makes a label, and no verdict depends on it
(MODEL §7, "touch V's rare URL"). Whoever touches a thing that somebody else touched could have been
told of it, could have guessed it, or could want the two to look acquainted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from firedoor.types.ids import CallId, Digest, InstanceId, RoomId

INSTANCES_A_ROOM_MAX: Final = 4
"""A thing that more instances than so many for each allowed room touched is no rare one."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """When instances count as meeting."""

    instances: int = 2
    """So many instances, each of another room."""
    window_s: float = 86_400.0
    """All within so many seconds."""
    rare: int = 8
    """A thing that more rooms touched, ever, is common."""


class Visit(NamedTuple):
    """One instance touched one thing, once or a few times in a row."""

    thing: Digest
    kind: str
    room: RoomId
    instance: InstanceId
    call: CallId
    """The first of them."""
    first_at: float
    last_at: float


class Meeting(NamedTuple):
    """Instances that touched the same rare thing inside one window."""

    thing: Digest
    kind: str
    visits: tuple[Visit, ...]
    """The first visit of each of them that is inside a window with another's, in order of time."""


def meetings(
    visits: Iterable[Visit], settings: Convergence, *, of: Iterable[InstanceId] | None = None
) -> list[Meeting]:
    """The meetings that ``visits`` hold, the latest first; with ``of`` only those one of these is at.

    ``visits`` must hold every visit of each thing in it: how many rooms know a thing says whether it
    is rare.
    """
    by_thing: dict[Digest, list[Visit]] = {}
    for visit in visits:
        by_thing.setdefault(visit.thing, []).append(visit)
    wanted = None if of is None else frozenset(of)
    found = []
    for thing, at_it in by_thing.items():
        rooms = {v.room for v in at_it}
        instances = {v.instance for v in at_it}
        if len(rooms) < settings.instances or len(rooms) > settings.rare:
            continue
        if len(instances) > settings.rare * INSTANCES_A_ROOM_MAX:
            continue
        met = _met(sorted(at_it, key=lambda v: (v.first_at, v.call)), settings, wanted)
        if met:
            found.append(Meeting(thing, met[0].kind, met))
    found.sort(key=lambda m: (-max(v.last_at for v in m.visits), m.thing))
    return found


def _met(
    visits: list[Visit], settings: Convergence, wanted: frozenset[InstanceId] | None
) -> tuple[Visit, ...]:
    met: dict[InstanceId, Visit] = {}
    for start in visits:
        # A window that any meeting fits into begins at the end of some visit.
        inside = [
            v
            for v in visits
            if v.last_at >= start.last_at and v.first_at <= start.last_at + settings.window_s
        ]
        if len({v.room for v in inside}) < settings.instances:
            continue
        if wanted is not None and not any(v.instance in wanted for v in inside):
            continue
        for visit in inside:
            met.setdefault(visit.instance, visit)
    return tuple(sorted(met.values(), key=lambda v: (v.first_at, v.call)))

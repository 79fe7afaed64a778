"""Which instances meet at a rare outside thing, though no channel is seen between them.

A meeting is a suspicion and nothing more: it never makes a label, and no verdict depends on it
(MODEL §7, "touch V's rare URL"). Whoever touches a thing that somebody else touched could have been
told of it, could have guessed it, or could want the two to look acquainted.
"""

from collections import Counter
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
    """Those who are inside one window with enough others; ``visits`` are in order of ``first_at``.

    A window that any meeting fits into begins at the end of some visit. All such windows are looked
    at in one sweep, so that somebody who comes ten thousand times costs ten thousand steps.
    """
    ends = sorted(range(len(visits)), key=lambda n: visits[n].last_at)
    inside: Counter[RoomId] = Counter()
    of_wanted = came = 0
    waiting: dict[int, Visit] = {}
    met: dict[InstanceId, Visit] = {}
    for end in ends:
        until = visits[end].last_at + settings.window_s
        while came < len(visits) and visits[came].first_at <= until:
            visit = waiting[came] = visits[came]
            inside[visit.room] += 1
            of_wanted += wanted is None or visit.instance in wanted
            came += 1
        if len(inside) >= settings.instances and of_wanted:
            for visit in waiting.values():
                met.setdefault(visit.instance, visit)
            waiting.clear()
        # What ends here is in no later window.
        visit = visits[end]
        waiting.pop(end, None)
        inside[visit.room] -= 1
        if not inside[visit.room]:
            del inside[visit.room]
        of_wanted -= wanted is None or visit.instance in wanted
    return tuple(sorted(met.values(), key=lambda v: (v.first_at, v.call)))

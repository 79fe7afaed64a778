"""Who was exposed to whom, call by call: the graph of exposures, walked up or down.

An edge says that one call was shown what another had emitted. It is read off what each call's record
says of its own context, so a path is a chain of calls, in the order in which they came; that two
instances ever met elsewhere adds nothing to it.
"""

from collections.abc import Iterable
from typing import NamedTuple

HOPS_MAX = 64


class Edge(NamedTuple):
    """A call was shown what came out of another room."""

    call: str
    """The call that was shown it."""
    carried_by: str | None
    """The call that emitted it; None where only the room is known."""
    room: str
    """The room that it came out of: its name for people, or its id where only that is known."""
    channel: str
    generation: int | None


class Hop(NamedTuple):
    """One edge, at its distance from where the walk began."""

    hop: int
    edge: Edge


def walked(
    start: Iterable[str], edges: Iterable[Edge], *, down: bool, hops: int = HOPS_MAX
) -> list[Hop]:
    """The edges on every way up (to whom ``start`` was exposed) or down (who was exposed to them).

    ``start`` are calls. Each edge comes once, at its least distance; nearer ones come first. An edge
    of which only the room is known ends its way.
    """
    by_end: dict[str, list[Edge]] = {}
    for edge in edges:
        end = edge.carried_by if down else edge.call
        if end is not None:
            by_end.setdefault(end, []).append(edge)
    found: list[Hop] = []
    seen = set(start)
    front = sorted(seen)
    for hop in range(1, min(hops, HOPS_MAX) + 1):
        after: set[str] = set()
        for call in front:
            for edge in by_end.get(call, ()):
                found.append(Hop(hop, edge))
                other = edge.call if down else edge.carried_by
                if other is not None and other not in seen:
                    seen.add(other)
                    after.add(other)
        front = sorted(after)
        if not front:
            break
    return found

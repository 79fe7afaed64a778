"""What a text truly descends from. The engine never sees any of this."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce


@dataclass(frozen=True)
class Truth:
    """The most crossings of any influence on a text, and the rooms that they came from."""

    hops: int = 0
    rooms: frozenset[str] = frozenset()

    def join(self, other: "Truth") -> "Truth":
        """Both influences at once."""
        return Truth(max(self.hops, other.hops), self.rooms | other.rooms)

    def moved(self, source: str, target: str) -> "Truth":
        """The same influence after it went from one room to another."""
        if source == target:
            return self
        return Truth(self.hops + 1, self.rooms | {source})


CLEAN = Truth()


def joined(truths: Iterable[Truth]) -> Truth:
    """All of them at once."""
    return reduce(Truth.join, truths, CLEAN)


@dataclass(frozen=True)
class Saying:
    """A text as it lies where a room left it."""

    text: str
    truth: Truth
    room: str

    def seen_from(self, room: str) -> Truth:
        """What it descends from for whoever reads it in ``room``."""
        return self.truth.moved(self.room, room)

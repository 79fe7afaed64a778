"""What the engine remembers of a history, so that a call costs what is new in it.

A trail holds the parsed sections of one request with what was found and decided for each. The
next request of the conversation is compared with it section by section (a compare of parsed values
runs at memory speed), and everything up to the first difference is taken over: parts, labels,
verdicts, edits. A trail made under other orders or another policy is worth nothing.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from firedoor.types.ids import CallId, Digest
from firedoor.types.label import BOTTOM, Label, join
from firedoor.types.part import CallClaim, Channel, Role
from firedoor.wire import Edit

_RECENT_MAX: Final = 32
"""Trails kept for one conversation or credential: parallel calls and forks find their own."""


class Exposure(NamedTuple):
    """One way by which foreign text entered a context, for ``explain``."""

    author: str | None
    compartment: str
    generation: int | None
    channel: Channel
    call: str | None
    room: str = ""


class Tally(NamedTuple):
    """What a stretch of sections adds up to. ``plus`` is associative; ``Tally()`` changes nothing."""

    shown: Label = BOTTOM
    """⊔ of the labels of shown parts (MODEL line 21)."""
    presented: Label = BOTTOM
    """⊔ of the labels of all parts, withheld ones too (line 20)."""
    judged: int = 0
    attributed: int = 0
    total: int = 0
    opaque: int = 0
    words: int = 0
    assumed: int = 0
    unproven: int = 0
    withheld: int = 0
    released: int = 0
    edits: tuple[Edit, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    crossed: tuple[tuple[str, str, bool], ...] = ()
    """(root, room, bounded) of shown crossings, whose reach was spent. Not bounded is what a rule let
    through although the root's reach was used up."""

    def plus(self, other: "Tally") -> "Tally":
        """Both stretches together."""
        return Tally(
            join(self.shown, other.shown),
            join(self.presented, other.presented),
            self.judged + other.judged,
            self.attributed + other.attributed,
            self.total + other.total,
            self.opaque + other.opaque,
            self.words + other.words,
            self.assumed + other.assumed,
            self.unproven + other.unproven,
            self.withheld + other.withheld,
            self.released + other.released,
            self.edits + other.edits if other.edits else self.edits,
            _merged(self.exposures, other.exposures) if other.exposures else self.exposures,
            self.crossed + other.crossed if other.crossed else self.crossed,
        )


def _merged(a: tuple[Exposure, ...], b: tuple[Exposure, ...]) -> tuple[Exposure, ...]:
    return tuple(dict.fromkeys(a + b))


class Mark(NamedTuple):
    """Where a history stands after one turn."""

    chain: Digest
    role: Role
    tally: Tally
    """Of this turn and all before it."""
    parts: int
    """Parts of this turn and all before it."""
    digests: tuple[Digest, ...] = ()
    """Passages of this turn alone."""


class Trail:
    """One request as it was read and judged. Never changed after it was made."""

    __slots__ = (
        "call",
        "calls",
        "digests",
        "epoch",
        "field_outcomes",
        "fields",
        "marks",
        "parts_base",
        "size_bytes",
        "turns",
        "who",
    )

    def __init__(
        self,
        *,
        epoch: Hashable,
        who: str,
        call: CallId,
        turns: list[object],
        marks: list[Mark],
        fields: dict[str, object],
        field_outcomes: dict[str, Any],
        calls: dict[str, CallClaim],
        digests: set[Digest],
        size_bytes: int,
    ) -> None:
        self.epoch = epoch
        self.who = who
        self.call = call
        self.turns = turns
        self.marks = marks
        self.fields = fields
        self.field_outcomes = field_outcomes
        self.calls = calls
        self.digests = digests
        """Passages presented so far in this conversation (for authorship only)."""
        self.size_bytes = size_bytes

    def common(self, turns: list[object]) -> int:
        """How many leading turns are equal to this trail's."""
        mine = self.turns
        n = min(len(mine), len(turns))
        # The usual case, one compare in C: the whole of the last request is still there.
        if n == len(mine) and turns[n - 1 : n] == mine[n - 1 : n] and turns[:n] == mine:
            return n
        for i in range(n):
            if mine[i] != turns[i]:
                return i
        return n


class Memory:
    """Trails by conversation, least recently used ones forgotten first, bounded in bytes.

    The key is what the head tells of the caller: an instance where one is named, else a
    credential. What is found by it is only ever compared, never believed.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._trails: OrderedDict[str, list[Trail]] = OrderedDict()

    def best(self, key: str, epoch: Hashable, turns: list[object]) -> tuple[Trail, int] | None:
        """The trail that shares the longest prefix with ``turns``, and how long it is."""
        found = self._trails.get(key)
        if not found:
            return None
        self._trails.move_to_end(key)
        newest: Trail | None = None
        size = len(turns)
        for trail in reversed(found):
            if trail.epoch != epoch:
                continue
            newest = newest or trail
            # One compare, of the last turn, finds the conversation that this request goes on with.
            n = len(trail.turns)
            if 0 < n <= size and turns[n - 1] == trail.turns[-1] and trail.common(turns) == n:
                return trail, n
        # None is continued whole: the newest is the likeliest to share a beginning.
        return (newest, newest.common(turns)) if newest is not None else None

    def keep(self, key: str, trail: Trail) -> None:
        """Remember ``trail``; a trail that it continues is replaced by it."""
        found = self._trails.setdefault(key, [])
        self._trails.move_to_end(key)
        for i, old in enumerate(found):
            # A longer history of the same conversation stands for the shorter one.
            if old.digests is trail.digests or len(found) >= _RECENT_MAX:
                self._bytes -= found.pop(i).size_bytes
                break
        found.append(trail)
        self._bytes += trail.size_bytes
        while self._bytes > self._bytes_max and len(self._trails) > 1:
            _, dropped = self._trails.popitem(last=False)
            self._bytes -= sum(t.size_bytes for t in dropped)

    def forget_all(self) -> None:
        """Drop everything, after a reload."""
        self._trails.clear()
        self._bytes = 0

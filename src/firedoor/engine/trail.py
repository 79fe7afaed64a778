"""What the engine remembers of a history, so that a call costs what is new in it.

A trail holds the parsed sections of one request with what was found and decided for each. The
next request of the conversation is compared with it section by section (a compare of parsed values
runs at memory speed), and everything up to the first difference is taken over: parts, labels,
verdicts, edits. A trail made under other orders or another policy is worth nothing.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from firedoor.types.ids import CallId, Digest, RunId
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
    forged: int = 0
    transplanted: int = 0
    edits: tuple[Edit, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    crossed: tuple[tuple[str, str, bool], ...] = ()
    """(root, room, bounded) of shown crossings, whose reach was spent. Not bounded is what a rule let
    through although the root's reach was used up."""
    statements: tuple[str, ...] = ()
    """Ids of the statements that were of a text."""

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
            self.forged + other.forged,
            self.transplanted + other.transplanted,
            self.edits + other.edits if other.edits else self.edits,
            _merged(self.exposures, other.exposures) if other.exposures else self.exposures,
            self.crossed + other.crossed if other.crossed else self.crossed,
            self.statements + other.statements if other.statements else self.statements,
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
    calls: tuple[CallClaim, ...] = ()
    """Tool calls that this turn alone claims."""


def _tail(turn: object) -> int:
    """A cheap number that equal turns share: by it a conversation is found among many."""
    if isinstance(turn, dict):
        content = turn.get("content")
        return hash(content) if isinstance(content, str) else len(turn)
    return hash(turn) if isinstance(turn, str) else 0


class Trail:
    """One request as it was read and judged. Never changed after it was made."""

    __slots__ = (
        "call",
        "calls",
        "digests",
        "end",
        "epoch",
        "field_outcomes",
        "fields",
        "marks",
        "parts_base",
        "run",
        "size_bytes",
        "turns",
        "who",
    )

    def __init__(
        self,
        *,
        epoch: Hashable,
        who: str,
        run: RunId,
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
        self.run = run
        """Whose it was: another run has other labels for the same words."""
        self.call = call
        self.turns = turns
        self.marks = marks
        self.fields = fields
        self.field_outcomes = field_outcomes
        self.calls = calls
        self.digests = digests
        """Passages presented so far in this conversation (for authorship only)."""
        self.size_bytes = size_bytes
        self.end = (len(turns), _tail(turns[-1]) if turns else 0)
        """How many turns there are, and a cheap number that tells the last of them."""

    def holds(self, name: str, value: object) -> bool:
        """Whether what was decided about this field still stands.

        Not where it names state at the provider: that state's label may have risen since.
        """
        if name not in self.fields or self.fields[name] != value:
            return False
        return not self.field_outcomes[name][1].refers

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


class _Shelf:
    """The trails of one key, newest last, and where each history ends."""

    __slots__ = ("ends", "lengths", "trails")

    def __init__(self) -> None:
        self.trails: list[Trail] = []
        self.ends: dict[tuple[int, int], Trail] = {}
        self.lengths: dict[int, int] = {}

    def add(self, trail: Trail) -> None:
        n, _ = trail.end
        self.trails.append(trail)
        self.lengths[n] = self.lengths.get(n, 0) + 1
        self.ends[trail.end] = trail

    def drop(self, at: int) -> Trail:
        trail = self.trails.pop(at)
        n, _ = trail.end
        self.lengths[n] -= 1
        if not self.lengths[n]:
            del self.lengths[n]
        if self.ends.get(trail.end) is trail:
            del self.ends[trail.end]
        return trail


class Memory:
    """Trails by conversation, least recently used ones forgotten first, bounded in bytes.

    The key is what the head tells of the caller: an instance where one is named, else a
    credential. What is found by it is only ever compared, never believed.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    def best(self, key: str, epoch: Hashable, turns: list[object]) -> tuple[Trail, int] | None:
        """The trail that shares the longest prefix with ``turns``, and how long it is."""
        shelf = self._shelves.get(key)
        if shelf is None:
            return None
        self._shelves.move_to_end(key)
        size = len(turns)
        for n in sorted(shelf.lengths, reverse=True) if len(shelf.lengths) > 1 else shelf.lengths:
            if not 0 < n <= size:
                continue
            trail = shelf.ends.get((n, _tail(turns[n - 1])))
            if trail is not None and trail.epoch == epoch and trail.common(turns) == n:
                return trail, n
        # None is continued whole: the newest is the likeliest to share a beginning.
        newest = next((t for t in reversed(shelf.trails) if t.epoch == epoch), None)
        return (newest, newest.common(turns)) if newest is not None else None

    def keep(self, key: str, trail: Trail) -> None:
        """Remember ``trail``; a trail that it continues is replaced by it."""
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = _Shelf()
        self._shelves.move_to_end(key)
        full = len(shelf.trails) >= _RECENT_MAX
        for i, old in enumerate(shelf.trails):
            # A longer history of the same conversation stands for the shorter one.
            if full or old.digests is trail.digests:
                self._bytes -= shelf.drop(i).size_bytes
                break
        shelf.add(trail)
        self._bytes += trail.size_bytes
        while self._bytes > self._bytes_max and len(self._shelves) > 1:
            _, dropped = self._shelves.popitem(last=False)
            self._bytes -= sum(t.size_bytes for t in dropped.trails)

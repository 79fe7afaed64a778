"""Asking the index: what of a request was written by instances of the fleet, and what to add to it.

A request's new texts are read once, as two texts: the turns, so that what was cut up over several
parts is found, and everything else. What is too short to tell by itself is remembered for a while,
and added up with what the same instance is shown in later calls.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import Final

import numpy as np

from firedoor import lineage
from firedoor.engine.port import Brought, FoundParts, Traces
from firedoor.engine.settings import Digester
from firedoor.lineage import Answer, Match, Passage, Passages, Piece, Printer, Question, Stretch
from firedoor.types.ids import Digest, InstanceId, PassageId
from firedoor.types.part import Kind, Part

TEXT_CHARS_MIN: Final = 32
"""A request with fewer characters of new text holds no run that counts."""
_WEAK_MAX: Final = 256
"""Short runs remembered of an instance."""
_INSTANCES_MAX: Final = 10_000
_READ: Final = (Kind.TEXT, Kind.CALL, Kind.DEFINITION)
_TURNS, _FIELDS = 0, 1

_Read = tuple[Part, Passages]


class Weak:
    """Runs too short to tell, by instance: what an attacker spreads over calls adds up here."""

    def __init__(self) -> None:
        self._runs: OrderedDict[InstanceId, list[tuple[PassageId, int, int]]] = OrderedDict()

    def of(self, instance: InstanceId) -> list[tuple[PassageId, int, int]]:
        """(passage, from, to in its normal form) of the runs met lately."""
        return self._runs.get(instance, [])

    def note(self, instance: InstanceId, runs: Iterable[tuple[PassageId, int, int]]) -> None:
        """Remember these; the oldest go first."""
        known = list(dict.fromkeys((*self.of(instance), *runs)))
        if not known:
            return
        self._runs[instance] = known[-_WEAK_MAX:]
        self._runs.move_to_end(instance)
        if len(self._runs) > _INSTANCES_MAX:
            self._runs.popitem(last=False)


def _adding_up(found: Answer, before: Sequence[tuple[PassageId, int, int]]) -> list[Match]:
    """The matches that tell, by themselves or with what came up before."""
    telling = [m for m in found.matches if m.tells]
    others = [m for m in (*found.matches, *found.weak) if not m.tells]
    if not others or not before:
        return telling
    earlier: dict[PassageId, list[tuple[int, int]]] = defaultdict(list)
    for passage, start, end in before:
        earlier[passage].append((start, end))
    by_passage: dict[PassageId, list[Match]] = defaultdict(list)
    for m in others:
        if m.source.passage in earlier:
            by_passage[m.source.passage].append(m)
    for passage, matches in by_passage.items():
        now = [(m.at, m.at + m.length) for m in matches]
        also = [(m.at, m.at + m.length) for m in telling if m.source.passage == passage]
        sums = lineage.stretches([*now, *also, *earlier[passage]])
        raised = (m._replace(stretch=s) for m, s in zip(matches, sums, strict=False))
        telling += [m for m in raised if m.tells]
    return telling


class Matching:
    """What one request asks of the index, and what the answer says of each of its parts."""

    def __init__(self, printer: Printer, digester: Digester) -> None:
        self._printer = printer
        self._digester = digester
        self._read: list[tuple[Part, Passage]] = []
        self.asked: Question | None = None
        self.stretches: dict[int, tuple[Stretch, ...]] = {}
        """By the part's identity in memory."""
        self.passages: dict[int, tuple[Digest, ...]] = {}
        """The passages found in each part, likewise."""
        self._runs: tuple[lineage.Found, ...] = ()
        self._weak: list[tuple[PassageId, int, int]] = []

    def ask(self, turns: Iterable[_Read], fields: Iterable[_Read]) -> tuple[int, ...]:
        """Read these parts; gives the keys to look up. The same parts are read once."""
        read, pieces = [], []
        for stream, parts in ((_TURNS, turns), (_FIELDS, fields)):
            for part, found in parts:
                if part.kind in _READ and found.whole is not None:
                    read.append((part, found.whole))
                    pieces.append(Piece(part.text, stream))
        if len(read) == len(self._read) and all(
            new is old for (new, _), (old, _) in zip(read, self._read, strict=True)
        ):
            return self.asked.keys if self.asked is not None else ()
        self._read, self.asked = read, None
        if sum(len(piece.text) for piece in pieces) >= TEXT_CHARS_MIN:
            self.asked = lineage.question(pieces, self._printer)
        return self.asked.keys if self.asked is not None else ()

    def answer(self, answer: FoundParts, before: Sequence[tuple[PassageId, int, int]]) -> None:
        """Take the index's answer. ``before`` is what this instance was shown in short runs."""
        self.stretches, self.passages, self._runs, self._weak = {}, {}, (), []
        traces = answer.traces
        if self.asked is None or not traces.stored:
            return
        found = lineage.answer(self.asked, traces.postings, traces.stored)
        self._runs = found.runs
        self._weak = [
            (m.source.passage, m.at, m.at + m.length)
            for m in (*found.matches, *found.weak)
            if not m.tells
        ]
        by_part: dict[int, list[Match]] = defaultdict(list)
        for match in _adding_up(found, before):
            by_part[match.part].append(match)
        for number, matches in by_part.items():
            part = self._read[number][0]
            self.passages[id(part)] = tuple(
                dict.fromkeys(lineage.passage_digest(m.source.passage) for m in matches)
            )
            self.stretches[id(part)] = tuple(
                Stretch(c.start, c.end, self._digest(part.text[c.start : c.end]), *c[2:])
                for c in lineage.cut(matches)
            )

    def _digest(self, text: str) -> Digest:
        whole = lineage.whole_passages(text, self._digester)
        return whole[0] if whole else self._digester(text)

    def spans(self) -> tuple[Digest, ...]:
        """The digests of the stretches: what people may have released."""
        return tuple(s.digest for found in self.stretches.values() for s in found)

    def seen(self, weak: Weak, instance: InstanceId) -> None:
        """The call went on: what it was shown in short runs counts from here."""
        if self._weak:
            weak.note(instance, self._weak)

    def brought(self, traces: Traces, pinned: Set[int], known: Set[int]) -> tuple[Brought, ...]:
        """What the request brings in that no instance wrote: nobody's, from here on.

        Args:
            pinned: Parts, by identity in memory, that the operator vouches for; theirs even if somebody wrote them before.
            known: Parts whose author is known, by other evidence than a match.
        """
        if self.asked is None:
            return ()
        found = []
        for number, reading in enumerate(self.asked.readings):
            if reading.layer.chain:
                continue
            held = [(r.start, r.end) for r in self._runs if r.reading == number and r.tells]
            at = reading.normal.at[reading.prints.at]
            which = np.searchsorted(np.array(reading.text.starts), at, side="right") - 1
            parts = [self._read[n][0] for n in reading.text.parts]
            is_pinned = np.array([id(p) in pinned for p in parts])[which]
            is_known = np.array([id(p) in known for p in parts])[which]
            prints = reading.prints
            if is_pinned.any():
                mine = lineage.Prints(prints.keys[is_pinned], prints.at[is_pinned])
                found.append(Brought(mine, pinned=True))
            free = ~(is_pinned | is_known)
            if free.any():
                rest = lineage.fresh(lineage.Prints(prints.keys[free], prints.at[free]), held)
                rest = lineage.without(rest, traces.outside)
                if len(rest.keys):
                    found.append(Brought(rest))
        return tuple(found)

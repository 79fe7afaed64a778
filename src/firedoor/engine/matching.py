"""Asking the index: what of a request was written by instances of the fleet, and what to add to it.

A request's new texts are read once, as two texts: the turns, so that what was cut up over several
parts is found, and everything else. What is too short to tell by itself is remembered for a while,
and added up with what the same instance is shown in later calls.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final

import numpy as np

from firedoor import lineage
from firedoor.engine.port import Brought, FoundParts, Traces
from firedoor.engine.settings import Digester
from firedoor.lineage import Answer, Match, Passage, Passages, Piece, Printer, Question, Stretch
from firedoor.types.ids import Digest, InstanceId, PassageId
from firedoor.types.part import Kind, Part

TEXT_CHARS_MIN: Final = 32
"""A text with fewer characters holds no run that counts."""
SHOWN_CHARS_MIN: Final = 64
"""What an instance is shown is read once it has come to so many: no run tells in less."""
_UNREAD_MAX: Final = SHOWN_CHARS_MIN
"""Texts of a letter or more come to what is read before they are so many."""
_WEAK_MAX: Final = 256
"""Short runs remembered of an instance."""
_INSTANCES_MAX: Final = 10_000
_READ: Final = (Kind.TEXT, Kind.CALL, Kind.DEFINITION)
_TURNS, _FIELDS = 0, 1

_Read = tuple[Part, Passages]


class Weak:
    """What is too short to tell, by instance: what an attacker spreads over calls adds up here."""

    def __init__(self) -> None:
        self._runs: OrderedDict[InstanceId, list[tuple[PassageId, int, int]]] = OrderedDict()
        self._unread: OrderedDict[InstanceId, tuple[str, ...]] = OrderedDict()

    def unread(self, instance: InstanceId) -> tuple[str, ...]:
        """The texts that an instance was shown lately, too short to be read by themselves."""
        return self._unread.get(instance, ())

    def leave(self, instance: InstanceId, texts: tuple[str, ...]) -> None:
        """Leave these to be read with what comes next; none, once they were read."""
        if texts:
            self._unread[instance] = texts[-_UNREAD_MAX:]
            self._unread.move_to_end(instance)
            if len(self._unread) > _INSTANCES_MAX:
                self._unread.popitem(last=False)
        else:
            self._unread.pop(instance, None)

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
        self.complete = True
        """Whether the texts were compared with everything that shares a fingerprint with them."""
        self._weak: list[tuple[PassageId, int, int]] = []
        self._unread: tuple[str, ...] = ()
        self._before = 0
        """How many pieces of the question stand before the parts."""
        self._items: dict[int, tuple[Part, tuple[Passage, ...]]] = {}

    def ask(
        self, turns: Iterable[_Read], fields: Iterable[_Read], unread: tuple[str, ...] = ()
    ) -> tuple[int, ...]:
        """Read these parts; gives the keys to look up. The same parts are read once.

        ``unread`` is what the instance was shown before them, in texts too short to be read.
        """
        read, pieces = [], []
        for stream, parts in ((_TURNS, turns), (_FIELDS, fields)):
            for part, found in parts:
                if part.kind in _READ and found.whole is not None:
                    read.append((part, found.whole))
                    pieces.append(Piece(part.text, stream))
        if (
            read
            and len(read) == len(self._read)
            and all(new is old for (new, _), (old, _) in zip(read, self._read, strict=True))
        ):
            return self.asked.keys if self.asked is not None else ()
        self._read, self.asked = read, None
        self._unread = (*unread, *(piece.text for piece in pieces if piece.text))
        if pieces and sum(map(len, self._unread)) >= SHOWN_CHARS_MIN:
            before = [Piece(text, _TURNS) for text in unread]
            self.asked = lineage.question([*before, *pieces], self._printer)
            self._unread, self._before = (), len(before)
        return self.asked.keys if self.asked is not None else ()

    def answer(self, answer: FoundParts, before: Sequence[tuple[PassageId, int, int]]) -> None:
        """Take the index's answer. ``before`` is what this instance was shown in short runs."""
        self.stretches, self.passages, self._runs, self._weak = {}, {}, (), []
        self.complete = self.asked is None or self.asked.complete
        self._compare(answer.traces, before)
        if self._items:
            self._with_items(answer.emissions)

    def _compare(self, traces: Traces, before: Sequence[tuple[PassageId, int, int]]) -> None:
        if self.asked is None or not traces.stored:
            return
        found = lineage.answer(self.asked, traces.postings, traces.stored)
        self.complete = traces.complete and found.complete and self.asked.complete
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
            if number < self._before:
                continue
            part = self._read[number - self._before][0]
            self.passages[id(part)] = tuple(
                dict.fromkeys(lineage.passage_digest(m.source.passage) for m in matches)
            )
            self.stretches[id(part)] = tuple(
                Stretch(c.start, c.end, self._digest(part.text[c.start : c.end]), *c[2:])
                for c in lineage.cut(matches)
            )

    def items(self, part: Part) -> tuple[Digest, ...]:
        """The short items of a part that came from a place; they are found in that place alone."""
        known = self._items.get(id(part))
        if known is None or known[0] is not part:
            known = self._items[id(part)] = part, lineage.items_of(part.text, self._digester)
        return tuple(item.digest for item in known[1])

    def _with_items(self, emissions: Mapping[Digest, object]) -> None:
        for key, (part, items) in self._items.items():
            found = self.stretches.get(key, ())
            more = [
                Stretch(item.start, item.end, self._digest(part.text[item.start : item.end]),
                        (item.digest,), anywhere=False)
                for item in items
                if item.digest in emissions
                and not any(s.start < item.end and item.start < s.end for s in found)
            ]  # fmt: skip
            if more:
                self.stretches[key] = tuple(sorted((*found, *more)))
                self.passages[key] = (
                    *self.passages.get(key, ()),
                    *(s.passages[0] for s in more),
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
        weak.leave(instance, self._unread)

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
            prints = reading.prints
            if reading.layer.chain or not len(prints.keys):
                continue
            held = [(r.start, r.end) for r in self._runs if r.reading == number and r.tells]
            if not (pinned or known):
                # As it is with nearly every call: all of it came in from outside.
                rest = lineage.without(
                    lineage.fresh(prints, held) if held else prints, traces.outside
                )
                if len(rest.keys):
                    found.append(Brought(rest))
                continue
            at = reading.normal.at[prints.at]
            which = np.searchsorted(np.array(reading.text.starts), at, side="right") - 1
            parts = [
                id(self._read[n - self._before][0]) if n >= self._before else 0
                for n in reading.text.parts
            ]
            is_pinned = np.array([p in pinned for p in parts])[which]
            is_known = np.array([p in known for p in parts])[which]
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

"""The label of a part: every piece of evidence is an upper bound, the least one is the label.

This is MODEL §3, lines 7 to 18; the numbers in the comments are its lines. Evidence can only lower
a bound that it proves. Where there is none, the part takes the label of what it came out of: its
store if that is closed, its run if it is the run's own program's, else unknown depth.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from firedoor.lineage.passages import NO_PASSAGES, Passage, Passages, weight_of
from firedoor.lineage.places import FLEET, OUTSIDE, PEOPLE, Use
from firedoor.lineage.stretches import Stretch
from firedoor.types.ids import EXTERNAL_PREFIX, Digest, RoomId, RunId
from firedoor.types.label import BOTTOM, TOP, Label, join, join_all, reviewed, up
from firedoor.types.part import (
    FLEET_CHANNELS,
    Channel,
    Evidence,
    Kind,
    Origin,
    Part,
    Role,
    Standing,
)
from firedoor.types.record import Emission, Grant, MintedRow, Place, StoreMark, StoreRecord

COVER_MIN: Final = 0.95
"""Share of a part's letters and digits that matches must cover for it to be attributed."""
UNCOVERED_RUN_CHARS_MAX: Final = 64
"""Longest stretch without a match that an attributed part may have."""


class Receiver(NamedTuple):
    """The instance that a part wants to enter, and what is assumed of its program's text."""

    room: RoomId
    run: RunId
    run_label: Label
    """ρ of the run, with what its parents' runs hand down (line 25)."""
    assume_user: str = "run"
    assume_system: str = "run"
    declared_channel: Channel | None = None
    at: float = 0.0


class Known(NamedTuple):
    """One part, and everything that the record holds about it."""

    part: Part
    passages: Passages
    emissions: Mapping[Digest, tuple[Emission, ...]]
    records: Mapping[tuple[Place, Digest], tuple[StoreRecord, ...]]
    marks: tuple[StoreMark, ...]
    """σ of the part's own place, by writer."""
    grants: Mapping[Digest, tuple[Grant, ...]]
    use: Use | None = None
    """What the tool that gave this part does with a store."""
    place: Place | None = None
    minted: MintedRow | None = None
    told: bool = False
    """Whether only the program says that it came from ``place``: it spoke of the words once, and
    they may have come another way since."""
    stretches: tuple[Stretch, ...] = ()
    """What of it was found in the index, in order, each character once."""
    complete: bool = True
    """Whether all was found: of a part that was not, who else carried it is not known."""


class SpanLabel(NamedTuple):
    """Characters ``start`` to ``end`` of a part, and whose they are."""

    start: int
    end: int
    label: Label
    crossing: bool
    passage: Digest
    """Of the characters themselves: what is judged, remembered and released. The author's own
    passage, where it is longer, is ``author.passage``."""
    carrier: Emission
    author: Emission
    released: bool = False
    codecs: tuple[str, ...] = ()
    """What had to be taken off before they could be read."""


class Labelled(NamedTuple):
    """The label of a part, and how it is known."""

    label: Label
    evidence: Evidence
    origin: Origin
    channel: Channel
    attributed: bool
    crossing: bool = False
    inrun: bool = False
    own: bool = False
    """An own emission, pinned, attested, or a word of the protocol."""
    same_room: bool = False
    """Carried here from another run of the same room."""
    assumed: bool = False
    unproven: bool = False
    """B = ∅: nothing proves where it came from."""
    released: bool = False
    foreign: str | None = None
    """For a reference: ``other`` (another room's) or ``unknown``; None when it is the caller's."""
    standing: Standing | None = None
    spans: tuple[SpanLabel, ...] = ()
    rest: "Labelled | None" = None
    """For a part split at its matches: what stands outside the spans."""
    statements: tuple[str, ...] = ()
    """Ids of the statements that the label rests on too."""


class _Bound(NamedTuple):
    label: Label
    evidence: Evidence
    raised: bool = False
    own: bool = False
    released: bool = False
    origin: Origin = Origin.INSTANCE
    spans: tuple[SpanLabel, ...] = ()
    proven: bool = True
    """Whether it says who wrote the part; a container's label does not."""


def author_of(emissions: tuple[Emission, ...]) -> Emission | None:
    """First emitter that did not have the passage in its own input (line 36); for blame only."""
    first = [e for e in emissions if not e.held] or list(emissions)
    return min(first, key=lambda e: e.seq, default=None)


def outside_label(host: str) -> Label:
    """Text from outside the fleet: a root of its own, at depth 0 (line 12)."""
    return Label(0, frozenset({RoomId(EXTERNAL_PREFIX + host)}))


def _carriers(
    known: Known, digest: Digest, *, anywhere: bool, in_place: bool
) -> tuple[tuple[Emission, ...], bool]:
    """The emissions that may have carried a passage here, and whether a record of its place says so."""
    if known.place is not None and in_place:
        records = known.records.get((known.place, digest), ())
        if records:  # 9: the record names the emission that carried it, whoever else said the same
            carriers = tuple(r.emission for r in records)
            if known.told:
                carriers = tuple(dict.fromkeys((*carriers, *known.emissions.get(digest, ()))))
            return carriers, True
    # 10: any of them may have; a relay is deeper
    return (known.emissions.get(digest, ()) if anywhere else ()), False


def _span(
    start: int,
    end: int,
    digest: Digest,
    carriers: tuple[Emission, ...],
    known: Known,
    receiver: Receiver,
    codecs: tuple[str, ...] = (),
    *,
    reviewable: bool = True,
) -> SpanLabel:
    """What is known of one stretch that these may have carried: its label here, and its author."""
    label = BOTTOM
    deepest = carriers[0]
    for emission in carriers:
        here = up(emission.label, emission.room, receiver.room)
        if here.depth > label.depth or emission is carriers[0]:
            deepest = emission
        label = join(label, here)
    crossing = any(e.room != receiver.room for e in carriers)
    heard = {
        e: None for passage in {c.passage for c in carriers}
        for e in known.emissions.get(passage, ())
    }  # fmt: skip
    author = author_of(tuple(heard) or carriers) or deepest
    released = reviewable and any(  # 14
        g.kind == "released" for g in _granted(known, digest, receiver)
    )
    return SpanLabel(
        start, end, reviewed(label) if released else label, crossing, digest, deepest, author,
        released, codecs,
    )  # fmt: skip


def _lines(known: Known, receiver: Receiver) -> list[SpanLabel]:
    """The lines of a part that somebody emitted just so."""
    if not known.emissions and not known.records:
        return []
    spans = []
    for line in known.passages.lines:
        carriers, _ = _carriers(known, line.digest, anywhere=line.anywhere, in_place=line.in_place)
        if carriers:
            spans.append(_span(line.start, line.end, line.digest, carriers, known, receiver))
    return spans


def _found_again(known: Known, receiver: Receiver, lines: list[SpanLabel]) -> list[SpanLabel]:
    """The stretches that the index knows; what a line inside one says is joined into it."""
    spans = []
    for found in known.stretches:
        carriers = dict.fromkeys(
            e
            for passage in found.passages
            for e in _carriers(known, passage, anywhere=found.anywhere, in_place=True)[0]
        )
        carriers.update(
            (e, None)
            for line in lines
            if line.start < found.end and found.start < line.end
            for e in _carriers(known, line.passage, anywhere=True, in_place=True)[0]
        )
        if carriers:
            spans.append(
                _span(found.start, found.end, found.digest, tuple(carriers), known, receiver,
                      found.codecs)
            )  # fmt: skip
    return spans


def _by_author(known: Known, receiver: Receiver, whole: SpanLabel) -> tuple[SpanLabel, ...]:
    """A text that somebody emitted just so, by those who first wrote each stretch of it.

    All of it came by the same hands, so every stretch has the label of the whole.
    """
    found = _found_again(known, receiver, [])
    if all(span.author == whole.author for span in found):
        return (whole,)
    pieces: list[SpanLabel] = []
    at = whole.start
    for span in (*found, None):
        start = span.start if span is not None else whole.end
        if start - at > UNCOVERED_RUN_CHARS_MAX:
            pieces.append(whole._replace(start=at, end=start))
        if span is not None:
            last = pieces[-1] if pieces else None
            if last is not None and last.author == span.author and last.end == at:
                pieces[-1] = last._replace(end=span.end)
            else:
                pieces.append(whole._replace(start=span.start, end=span.end, author=span.author))
            at = span.end
    return tuple(pieces)


def _cover(known: Known, receiver: Receiver) -> tuple[tuple[SpanLabel, ...], bool]:
    """The matched stretches of a part, and whether they cover it."""
    whole = known.passages.whole
    if whole is None or not (known.emissions or known.records):
        return (), False
    carriers, _ = _carriers(known, whole.digest, anywhere=whole.anywhere, in_place=whole.in_place)
    if carriers:
        # What was released of it as a whole is a bound of its own.
        span = _span(
            whole.start, whole.end, whole.digest, carriers, known, receiver, reviewable=False
        )
        return _by_author(known, receiver, span), True
    lines = _lines(known, receiver)
    spans = _found_again(known, receiver, lines)
    # A line that stands in a stretch has been counted with it.
    alone = [x for x in lines if not any(x.start < s.end and s.start < x.end for s in spans)]
    inside = [x for x in lines if x not in alone]
    spans = sorted((*spans, *alone), key=_place)
    if not spans:
        return (), False
    covered = _covers(known, whole, sorted((*spans, *inside), key=_place))
    return tuple(spans), covered and known.complete


def _place(span: SpanLabel) -> tuple[int, int]:
    return span.start, span.end


def _covers(known: Known, whole: Passage, spans: list[SpanLabel]) -> bool:
    """Whether the rest of a part is too little to be judged by itself."""
    text = known.part.text
    at, longest_gap, left = whole.start, 0, 0
    for span in (*spans, None):
        start = span.start if span is not None else whole.end
        if start > at:
            gap = text[at:start].strip()
            longest_gap = max(longest_gap, len(gap))
            left += weight_of(gap)
        at = max(at, span.end if span is not None else at)
    enough = left <= (1 - COVER_MIN) * known.passages.weight
    return enough and longest_gap <= UNCOVERED_RUN_CHARS_MAX


def _granted(known: Known, digest: Digest, receiver: Receiver) -> list[Grant]:
    return [
        grant
        for grant in known.grants.get(digest, ())
        if (grant.until is None or grant.until > receiver.at)
        and (grant.scope is None or grant.scope == receiver.room)
    ]


def _grants(known: Known, receiver: Receiver) -> list[Grant]:
    if known.passages.whole is None:
        return []
    return _granted(known, known.passages.whole.digest, receiver)


def _own(known: Known, receiver: Receiver) -> Label | None:
    """Line 8: the whole part is an emission of the same run."""
    whole = known.passages.whole
    if whole is None or (not whole.anywhere and known.part.role is not Role.ASSISTANT):
        # A short text is everybody's; only in the run's own turns is it surely its own.
        return None
    mine = [e.label for e in known.emissions.get(whole.digest, ()) if e.run == receiver.run]
    return join_all(mine) if mine else None


def _bounds(known: Known, receiver: Receiver) -> tuple[list[_Bound], tuple[SpanLabel, ...]]:
    """B (lines 7 to 14), and the spans of a part that is matched only in places."""
    bounds: list[_Bound] = []
    split: tuple[SpanLabel, ...] = ()
    grants = _grants(known, receiver)
    for grant in grants:
        if grant.kind in ("human", "developer"):  # 13
            origin = Origin.HUMAN if grant.kind == "human" else Origin.DEVELOPER
            bounds.append(_Bound(BOTTOM, Evidence.VERIFIED, own=True, origin=origin))
    own = _own(known, receiver)
    if own is not None:
        bounds.append(_Bound(own, Evidence.MATCHED, own=True))
    spans, covered = _cover(known, receiver)
    if covered:
        label = join_all(span.label for span in spans)
        raised = any(span.crossing for span in spans)
        bounds.append(_Bound(label, Evidence.MATCHED, raised=raised, spans=spans))
    elif not bounds:
        split = spans
    use = known.use
    if use is not None and use.reads:
        if use.writers == FLEET and use.closed:  # 11
            label = join_all(up(m.label, m.room, receiver.room) for m in known.marks)
            raised = any(m.room != receiver.room for m in known.marks)
            if known.told:
                label = join(label, join_all(span.label for span in spans))
                raised = raised or any(span.crossing for span in spans)
            bounds.append(_Bound(label, Evidence.CONTAINED, raised=raised, proven=False))
        elif use.writers == OUTSIDE and not spans:  # 12
            label = outside_label(use.host or "unknown")
            bounds.append(_Bound(label, Evidence.CONTAINED, origin=Origin.SERVER, proven=False))
    if any(grant.kind == "released" for grant in grants):  # 14
        least = _least(bounds).label if bounds else _unproven(known, receiver).label
        bounds.append(_Bound(reviewed(least), Evidence.REVIEWED, released=True, spans=spans))
    return bounds, split


def _least(bounds: list[_Bound]) -> _Bound:
    """Line 16: least depth; ties by the fewest rooms; ties by order of evidence."""
    return min(bounds, key=lambda b: (b.label.depth, len(b.label.live), len(b.label.past)))


def _channel(known: Known, receiver: Receiver, *, foreign: bool) -> Channel:
    """The path by which the part came, whatever role a framework gave it."""
    part = known.part
    if known.place is not None and part.role in (Role.USER, Role.SYSTEM):
        return Channel.MEMORY
    if known.use is not None and part.role is Role.TOOL:
        return known.use.channel
    if foreign and part.channel is Channel.USER:
        return Channel.MESSAGE
    if foreign and part.channel is Channel.SYSTEM:
        return Channel.MEMORY
    declared = receiver.declared_channel
    if declared in FLEET_CHANNELS and part.channel in (Channel.USER, Channel.TOOL):
        return declared
    return part.channel


_ROLE_ORIGIN: Final = {
    Role.TOOL: Origin.TOOL,
    Role.ASSISTANT: Origin.UNKNOWN,
    Role.USER: Origin.UNKNOWN,
    Role.SYSTEM: Origin.UNKNOWN,
    Role.NONE: Origin.UNKNOWN,
}


def _unproven(known: Known, receiver: Receiver) -> Labelled:
    """Line 17: B = ∅. The only place where less evidence can be milder, and it is counted."""
    part = known.part
    channel = _channel(known, receiver, foreign=False)
    origin = _ROLE_ORIGIN[part.role]
    use = known.use
    if use is not None and use.reads and use.writers == OUTSIDE:
        label = outside_label(use.host or "unknown")
        return Labelled(label, Evidence.CONTAINED, Origin.SERVER, channel, False, unproven=True)
    if use is not None and use.reads and use.writers == PEOPLE:
        return Labelled(
            BOTTOM, Evidence.ASSUMED, Origin.HUMAN, channel, False, assumed=True, inrun=True,
            unproven=True,
        )  # fmt: skip
    written = use is not None and use.writes and not use.reads
    # What a tool says of a write is the run's own tool speaking, not what lies in the store.
    if channel in FLEET_CHANNELS and part.channel is not Channel.HISTORY and not written:
        return Labelled(TOP, Evidence.ASSUMED, origin, channel, False, crossing=True, unproven=True)
    assume = "run"
    if part.role is Role.USER or part.channel is Channel.USER:
        assume = receiver.assume_user
    elif part.role is Role.SYSTEM or part.channel in (Channel.SYSTEM, Channel.DEFINITION):
        assume = receiver.assume_system
    label, evidence, assumed = receiver.run_label, Evidence.CONTAINED, False
    if assume in ("human", "developer"):
        label, evidence, assumed = BOTTOM, Evidence.ASSUMED, True
        origin = Origin.HUMAN if assume == "human" else Origin.DEVELOPER
    elif assume == "unknown":
        label, evidence = TOP, Evidence.ASSUMED
    return Labelled(
        label, evidence, origin, channel, False, inrun=True, assumed=assumed, unproven=True
    )


def _standing(known: Known, receiver: Receiver, *, own: bool) -> Standing | None:
    """Whether an assistant's turn or tool call is this run's, another's, or nobody's."""
    part = known.part
    if part.role is not Role.ASSISTANT or part.kind not in (Kind.TEXT, Kind.CALL):
        return None
    if own:
        return Standing.OWN
    whole = known.passages.whole
    if whole is None:
        return None
    heard = known.emissions.get(whole.digest, ())
    if any(e.run == receiver.run for e in heard):
        return Standing.OWN
    return Standing.TRANSPLANTED if heard else Standing.FORGED


def label_of(known: Known, receiver: Receiver) -> Labelled:
    """The label of one part for one receiver (lines 7 to 18). Pure."""
    part = known.part
    if part.kind is Kind.WORD:
        return Labelled(BOTTOM, Evidence.VERIFIED, Origin.DEVELOPER, part.channel, True, own=True)
    if part.kind is Kind.REFERENCE:
        return _reference(known, receiver)
    if part.kind is Kind.OPAQUE:
        return Labelled(
            receiver.run_label, Evidence.CONTAINED, Origin.UNKNOWN, part.channel, False,
            inrun=True, unproven=True,
        )  # fmt: skip
    bounds, split = _bounds(known, receiver)
    if bounds:
        best = _least(bounds)
        foreign = best.raised
        same_room = bool(best.spans) and not foreign
        return Labelled(
            label=best.label,
            evidence=best.evidence,
            origin=best.origin,
            channel=_channel(known, receiver, foreign=foreign),
            attributed=best.proven,
            crossing=best.raised,
            own=best.own,
            same_room=same_room or (not best.proven and not best.raised),
            unproven=False,
            released=best.released or any(span.released for span in best.spans),
            standing=_standing(known, receiver, own=best.own),
            spans=best.spans,
        )
    rest = _unproven(known, receiver)
    standing = _standing(known, receiver, own=False)
    if not split:
        return rest._replace(standing=standing)
    foreign = any(span.crossing for span in split)
    return rest._replace(
        label=join(join_all(span.label for span in split), rest.label),
        evidence=Evidence.MATCHED,
        channel=_channel(known, receiver, foreign=foreign),
        crossing=foreign or rest.crossing,
        standing=standing,
        spans=split,
        rest=rest._replace(standing=standing),
    )


@lru_cache(maxsize=1024)
def label_without_evidence(
    kind: Kind,
    role: Role,
    channel: Channel,
    blank: bool,
    run_label: Label,
    assume_user: str,
    assume_system: str,
    declared_channel: Channel | None,
) -> Labelled:
    """What ``label_of`` says of a part that no record, grant or store speaks of (line 17).

    It is most of what is new in most calls, and depends on nothing but these few words.
    """
    part = Part("", "", kind, role, channel)
    found = NO_PASSAGES if blank else _SOME
    receiver = Receiver(
        RoomId(""), RunId(""), run_label, assume_user, assume_system, declared_channel
    )
    return label_of(Known(part, found, {}, {}, (), {}), receiver)


_SOME: Final = Passages(Passage(0, 1, Digest(b""), 1), (), 1, ())


def _reference(known: Known, receiver: Receiver) -> Labelled:
    part, minted = known.part, known.minted
    if minted is None:
        return Labelled(
            TOP, Evidence.ASSUMED, Origin.SERVER, part.channel, False, crossing=True,
            unproven=True, foreign="unknown",
        )  # fmt: skip
    own = minted.run == receiver.run
    crossing = minted.room != receiver.room
    return Labelled(
        up(minted.label, minted.room, receiver.room),
        Evidence.MATCHED,
        Origin.SERVER,
        part.channel,
        True,
        crossing=crossing,
        own=own,
        same_room=not crossing,
        foreign="other" if crossing else None,
    )

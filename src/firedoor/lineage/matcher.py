"""What of a context was written elsewhere: every passage found again, character by character.

In three steps, because somebody has to ask a store between them: `question` reads the pieces and
says which fingerprints to look up, `candidates` which passages to fetch, `answer` compares. `match`
does the three over an index that can be asked at once.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from firedoor.lineage.decode import Layer, unwrapped
from firedoor.lineage.fingerprints import Printer, Prints, prints_of
from firedoor.lineage.index import Index, Posting, Source, Stored
from firedoor.lineage.matches import (
    ALONE_CHARS_MIN,
    STRETCH_CHARS_MIN,
    Match,
    in_order,
    stretches,
)
from firedoor.lineage.normal import Codes, Normal, normal_of
from firedoor.lineage.short import NOTHING_SHORT, Near, Short, short_of
from firedoor.lineage.spans import (
    RUN_CHARS_MIN,
    Digests,
    Kept,
    Run,
    digests_of,
    longest,
    runs_at,
    says_little,
    spoken_for,
    unspoken,
    whole,
)
from firedoor.types.ids import PassageId

WORK_CHARS: Final = 24_000_000
"""Work on taking texts apart before a question is broken off, unless the caller says otherwise: about
a second, and all of it only where there is much to take apart."""
COMPARED_CHARS: Final = 64_000_000
"""Characters compared before an answer is broken off, unless the caller says otherwise."""
_MANY_KEYS: Final = 1_000
_ANCHOR_CHARS: Final = 256
"""What looking at one candidate costs, in characters of work."""


class Piece(NamedTuple):
    """One part of a context. Runs go on from piece to piece of the same stream."""

    text: str
    stream: int = 0


class Opaque(NamedTuple):
    """Characters of a part that look like code and say nothing."""

    part: int
    start: int
    end: int


class _Text(NamedTuple):
    """The pieces of one stream as one text, and where each begins in it."""

    text: str
    parts: tuple[int, ...]
    starts: tuple[int, ...]

    def spans(self, start: int, end: int) -> list[tuple[int, int, int]]:
        """(part, from, to) of each piece that a stretch reaches into."""
        found = []
        for n in range(max(0, bisect_right(self.starts, start) - 1), len(self.parts)):
            at = self.starts[n]
            if at >= end:
                break
            after = self.starts[n + 1] - 1 if n + 1 < len(self.starts) else len(self.text)
            low, high = max(start, at), min(end, after)
            if low < high:
                found.append((self.parts[n], low - at, high - at))
        return found


class Reading(NamedTuple):
    """One layer of one stream, ready to be compared."""

    text: _Text
    layer: Layer
    normal: Normal
    prints: Prints
    short: Short = NOTHING_SHORT
    """Of a text of several parts, as it stands, those that are looked for one by one."""


class Question(NamedTuple):
    """What has been read of a context, and what there is to look up."""

    keys: tuple[int, ...]
    readings: tuple[Reading, ...]
    opaque: tuple[Opaque, ...]
    complete: bool
    printer: Printer


class Found(NamedTuple):
    """Characters ``start`` to ``end`` of a reading's normal form stand in a passage."""

    reading: int
    start: int
    end: int
    passage: PassageId
    tells: bool
    """Whether there is enough of it to say whose it is."""


class Answer(NamedTuple):
    """What was found."""

    matches: tuple[Match, ...]
    """Runs that count, by part and place; several where passages overlap."""
    weak: tuple[Match, ...]
    """Runs too short to count here; with those of other calls they may, by `stretches`."""
    runs: tuple[Found, ...]
    """The same and the weak ones, in the normal forms of the question's readings."""
    opaque: tuple[Opaque, ...]
    complete: bool
    """Whether all was read and compared within the bounds."""

    def held(self, reading: int, shown: Collection[PassageId]) -> tuple[tuple[int, int], ...]:
        """The stretches of one reading that stand in ``shown``: in what its emitter had read."""
        return tuple(
            (found.start, found.end)
            for found in self.runs
            if found.reading == reading and found.passage in shown
        )


def _texts(pieces: Sequence[Piece]) -> list[_Text]:
    if len(pieces) == 1:
        return [_Text(pieces[0].text, (0,), (0,))]
    streams: dict[int, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        streams[piece.stream].append(number)
    texts = []
    for parts in streams.values():
        starts, at = [], 0
        for part in parts:
            starts.append(at)
            at += len(pieces[part].text) + 1
        # A newline is nothing in the normal form, and lets a line number at a part's start be one.
        text = "\n".join(pieces[part].text for part in parts)
        texts.append(_Text(text, tuple(parts), tuple(starts)))
    return texts


def question(
    pieces: Sequence[Piece], printer: Printer, *, work_chars: int = WORK_CHARS, decode: bool = True
) -> Question:
    """Read the pieces of a context in every layer, within ``work_chars``."""
    layers: list[tuple[_Text, Layer]] = []
    opaque: list[Opaque] = []
    complete = True
    for text in _texts(pieces):
        if not decode:
            layers.append((text, Layer(text.text, (), 0, len(text.text))))
            continue
        found = unwrapped(text.text, work_chars)
        work_chars = max(0, work_chars - found.spent_chars)
        complete &= found.complete
        layers.extend((text, layer) for layer in found.layers)
        opaque.extend(Opaque(*span) for low, high in found.opaque for span in text.spans(low, high))
    normals = [normal_of(layer.text) for _, layer in layers]
    prints = prints_of([normal.codes for normal in normals], printer)
    readings = tuple(
        Reading(text, layer, normal, printed, _short(text, layer, normal, printer))
        for (text, layer), normal, printed in zip(layers, normals, prints, strict=True)
        if len(printed.keys)
    )
    return Question(_keys(readings), readings, tuple(opaque), complete, printer)


def _short(text: _Text, layer: Layer, normal: Normal, printer: Printer) -> Short:
    if layer.chain or len(text.parts) == 1:
        return NOTHING_SHORT
    return short_of(normal.codes, normal.at, text.starts, printer)


def _keys(readings: Sequence[Reading]) -> tuple[int, ...]:
    """All fingerprints, each once and in order; a few are sorted faster as numbers of Python."""
    keys = [prints.keys for r in readings for prints in (r.prints, r.short.prints)]
    if sum(map(len, keys)) < _MANY_KEYS:
        return tuple(sorted({key for some in keys for key in some.tolist()}))
    return tuple(np.unique(np.concatenate(keys)).tolist())


def candidates(postings: Mapping[int, Sequence[Posting]]) -> tuple[PassageId, ...]:
    """The passages that share a fingerprint with the question, each once."""
    return tuple(dict.fromkeys(p.passage for found in postings.values() for p in found))


class _Anchors:
    """The places of a reading that share a fingerprint, by passage and by who brought it first."""

    def __init__(
        self,
        reading: Reading,
        postings: Mapping[int, Sequence[Posting]],
        stored: Mapping[PassageId, Stored],
    ) -> None:
        self.of: dict[PassageId, list[tuple[int, int]]] = defaultdict(list)
        """By passage, (place here, place there)."""
        self.spoken: dict[str, list[int]] = defaultdict(list)
        """By origin, the places here: an origin has one posting of what its passages repeat."""
        self.keys: dict[str, set[int]] = defaultdict(set)
        """By origin, what of the reading is its own."""
        known = np.fromiter(postings, dtype=np.int64, count=len(postings))
        pairs: list[tuple[int, int]] = []
        for prints in (reading.prints, reading.short.prints):
            here = np.flatnonzero(np.isin(prints.keys, known))
            pairs += zip(prints.at[here].tolist(), prints.keys[here].tolist(), strict=True)
        for place, key in sorted(set(pairs)) if len(reading.short.prints.keys) else pairs:
            for posting in postings[key]:
                if posting.passage in stored:
                    self.of[posting.passage].append((place, posting.at))
                    origin = stored[posting.passage].source.origin
                    self.spoken[origin].append(place)
                    self.keys[origin].add(key)


class _Values:
    """A reading in the kind that a passage was kept in; digests are made once, when first needed."""

    def __init__(self, reading: Reading, printer: Printer) -> None:
        self._codes: Codes = reading.normal.codes
        self._printer = printer
        self._digests: Digests | None = None

    def like(self, kept: Kept) -> Codes | Digests:
        if kept.chars == 1:
            return self._codes
        if self._digests is None:
            self._digests = digests_of(self._codes, self._printer)
        return self._digests


def answer(
    asked: Question,
    postings: Mapping[int, Sequence[Posting]],
    stored: Mapping[PassageId, Stored],
    *,
    work_chars: int = COMPARED_CHARS,
) -> Answer:
    """Compare with the stored passages, and tell where each run stands in the original."""
    if not stored or not postings:
        return Answer((), (), (), asked.opaque, asked.complete)
    found: dict[PassageId, list[tuple[int, Run]]] = defaultdict(list)
    complete = asked.complete
    looked_up = frozenset(asked.keys if any(r.short.places for r in asked.readings) else ())
    for number, reading in enumerate(asked.readings):
        values = _Values(reading, asked.printer)
        anchors = _Anchors(reading, postings, stored)
        near = Near(reading.short, looked_up, asked.printer)
        for passage, places in anchors.of.items():
            source, kept = stored[passage]
            work_chars -= _ANCHOR_CHARS * len(places)
            if work_chars < 0:
                complete = False
                break
            here, there = np.array(places, dtype=np.int64).T
            grown = runs_at(values.like(kept), kept, here, there)
            spoken, keys = anchors.spoken[source.origin], anchors.keys[source.origin]
            codes = reading.normal.codes
            parts = [
                part
                for whole_run in grown
                for part in spoken_for(
                    whole_run, spoken, unspoken(whole_run, codes, asked.printer, keys)
                )
            ]
            if reading.short.places:
                parts += near.runs(values.like(kept), kept, places, keys)
            for run in longest(parts):
                work_chars -= run.end - run.start
                if not says_little(reading.normal.codes[run.start : run.end]):
                    found[passage].append((number, run))
    matches: list[Match] = []
    weak: list[Match] = []
    all_runs: list[Found] = []
    for passage, runs in found.items():
        sums = stretches([(run.at, run.at + run.end - run.start) for _, run in runs])
        for (number, run), stretch in zip(runs, sums, strict=True):
            tells = run.end - run.start >= ALONE_CHARS_MIN or stretch >= STRETCH_CHARS_MIN
            counts = run.end - run.start >= RUN_CHARS_MIN or tells
            all_runs.append(Found(number, run.start, run.end, passage, tells))
            where = matches if counts else weak
            where.extend(_matches(asked.readings[number], run, stored[passage].source, stretch))
    return Answer(in_order(matches), in_order(weak), tuple(all_runs), asked.opaque, complete)


def _matches(reading: Reading, run: Run, source: Source, stretch: int) -> list[Match]:
    at = reading.normal.at
    low, high = whole(reading.layer.text, int(at[run.start]), int(at[run.end - 1]) + 1)
    start, end = reading.layer.span(low, high)
    if reading.layer.chain:
        start, end = whole(reading.text.text, start, end)
    return [
        Match(part, low, high, source, run.at, run.end - run.start, stretch, reading.layer.chain)
        for part, low, high in reading.text.spans(start, end)
    ]


def match(
    pieces: Sequence[Piece], index: Index, printer: Printer, *, work_chars: int = WORK_CHARS
) -> Answer:
    """What of the pieces is in the index: the three steps over an index that answers at once."""
    asked = question(pieces, printer, work_chars=work_chars)
    postings = index.look(asked.keys)
    return answer(asked, postings, index.stored(candidates(postings)), work_chars=work_chars)

"""Who wrote the lines of a file: for people who read code, and for the gate that a commit passes.

A line is known by the digest under which the door indexed it when it left a model, or by the passage
that it stands in, wherever it was indented, renumbered or quoted since. Its author is the first emitter
that did not have it in its own input (MODEL §3, line 36); what people vouched for is nobody's. A line of
a few letters (``}``, ``else:``) is everybody's, and stays blank.

Lines end where git and editors end them, at a line feed: a carriage return within one begins a new
stretch, as the door indexes it, and no new number.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from firedoor import lineage
from firedoor.engine.port import Traces
from firedoor.lineage import Cut, Piece, Printer, author_of, passages_of
from firedoor.lineage.passages import PLACE_MATCH_CHARS_MIN, Digester, Passage, weight_of
from firedoor.types.ids import Digest
from firedoor.types.label import BOTTOM, Label, join_all
from firedoor.types.record import Emission, Grant

_VOUCHED: Final = ("human", "developer")
LINE_COVER_MIN: Final = 0.8
"""Share of a line's letters and digits that has to stand in a passage."""


class Record(Protocol):
    """What is asked of the store."""

    def heard(
        self, passages: Iterable[Digest]
    ) -> tuple[Mapping[Digest, Sequence[Emission]], Mapping[Digest, Sequence[Grant]]]:
        """Who emitted these passages, and what people granted to them."""

    def traces(self, prints: Sequence[int]) -> Traces:
        """What the index knows of these fingerprints."""


class Line(NamedTuple):
    """One line of a file, and who wrote it."""

    number: int
    text: str
    author: Emission | None
    """The emission that it stands for; None where no instance is known to have written it."""
    label: Label = BOTTOM
    """The join of all that carried these words: what a reader of the file is exposed to."""

    @property
    def generation(self) -> int | None:
        """Its generation to a reader in another room: one more than its carriers'; None: unknown.

        Meaningless where there is no author.
        """
        found = self.label.generation
        return found if found is None else found + 1


def blamed(
    record: Record, text: str, digester: Digester, printer: Printer, *, at: float
) -> list[Line]:
    """Every line of ``text`` with its author. ``at``: seconds since the epoch, for grants that end."""
    raw = text.split("\n")
    texts = [line.removesuffix("\r") for line in raw]
    if not texts[-1]:
        texts.pop()
    found = [_stretches(line, digester) for line in texts]
    whole = passages_of(text, digester).whole
    stood = _found_again(record, text, printer)
    asked = {p.digest for line in found for p in line} | {d for s in stood for d in s.passages}
    if whole is not None:
        asked.add(whole.digest)
    heard, grants = record.heard(asked)
    if whole is not None and _vouched(grants.get(whole.digest, ()), at):
        heard = {}
    lines = []
    start = 0
    for n, (line, stretches) in enumerate(zip(texts, found, strict=True), start=1):
        passages = [p.digest for p in stretches]
        if not any(_vouched(grants.get(digest, ()), at) for digest in passages):
            # Whoever wrote a line just so may have copied it out of an earlier passage.
            passages += _standing(text, line, start, stood)
        lines.append(Line(n, line, *_author(passages, heard, grants, at)))
        start += len(raw[n - 1]) + 1
    return lines


def _found_again(record: Record, text: str, printer: Printer) -> list[Cut]:
    """The stretches of a file that stand in passages of instances, with all that have them."""
    asked = lineage.question([Piece(text)], printer, decode=False)
    traces = record.traces(asked.keys)
    if not traces.stored:
        return []
    matches = lineage.answer(asked, traces.postings, traces.stored).matches
    return lineage.cut([m for m in matches if m.tells])


def _standing(text: str, line: str, start: int, stood: Iterable[Cut]) -> list[Digest]:
    """The passages that most of a line stands in; none for a line of a few letters."""
    weight = weight_of(line)
    if weight < PLACE_MATCH_CHARS_MIN:
        return []
    end = start + len(line)
    inside = [c for c in stood if c.start < end and start < c.end]
    covered = sum(weight_of(text[max(start, c.start) : min(end, c.end)]) for c in inside)
    if covered < LINE_COVER_MIN * weight:
        return []
    return list(dict.fromkeys(d for c in inside for d in c.passages))


def _stretches(line: str, digester: Digester) -> list[Passage]:
    wholes = (passages_of(piece, digester).whole for piece in line.split("\r"))
    return [whole for whole in wholes if whole is not None and whole.in_place]


def _vouched(grants: Iterable[Grant], at: float) -> bool:
    return any(
        g.kind in _VOUCHED and g.scope is None and (g.until is None or g.until > at) for g in grants
    )


def _author(
    passages: Iterable[Digest],
    heard: Mapping[Digest, Sequence[Emission]],
    grants: Mapping[Digest, Sequence[Grant]],
    at: float,
) -> tuple[Emission | None, Label]:
    """The first author in a line, and the join of all that stands in it."""
    author: Emission | None = None
    label = BOTTOM
    for digest in passages:
        if _vouched(grants.get(digest, ()), at):
            continue
        emissions = tuple(heard.get(digest, ()))
        # Where all of them had it in their input, it came from somewhere else first.
        first = author_of(tuple(e for e in emissions if not e.held))
        if first is None:
            continue
        if author is None or first.seq < author.seq:
            author = first
        label = join_all((label, *(e.label for e in emissions)))
    return author, label


class Finding(NamedTuple):
    """Lines next to each other that one instance wrote, deeper than is allowed."""

    path: str
    first: int
    last: int
    author: str
    compartment: str
    generation: int | None
    call: str
    rooms: tuple[str, ...]
    """The rooms that the words descend from."""


def forbidden(
    path: str, lines: Iterable[Line], *, generation_max: int, only: frozenset[int] | None = None
) -> list[Finding]:
    """The stretches of a file whose generation is unknown or above ``generation_max``.

    Args:
        only: The numbers of the lines that count (those that a change adds); None for all.
    """
    found: list[Finding] = []
    for line in lines:
        if line.author is None or (only is not None and line.number not in only):
            continue
        if line.generation is not None and line.generation <= generation_max:
            continue
        author = line.author
        last = found[-1] if found else None
        if (
            last is not None
            and last.last == line.number - 1
            and (last.author, last.call, last.generation)
            == (author.author, author.call, line.generation)
        ):
            found[-1] = last._replace(last=line.number)
            continue
        rooms = tuple(sorted({author.compartment, *line.label.live}))
        found.append(
            Finding(
                path, line.number, line.number, author.author, author.compartment,
                line.generation, author.call, rooms,
            )
        )  # fmt: skip
    return found

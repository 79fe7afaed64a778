"""The training gate: what instances wrote waits for a person before anything learns from it.

A file passes when it is uploaded: it is its sender's own state. What stands in its lines is summed up
by author and generation, and each sum is an item of the quarantine, named by the file's bytes. A job
that names the file is refused while one of them is held; other bytes are another file.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from firedoor import lineage, policy
from firedoor.engine.asking import full_roots, quarantine_id
from firedoor.engine.explain import sorted_text
from firedoor.engine.judge import Outcome
from firedoor.engine.scene import Scene
from firedoor.engine.settings import Digester
from firedoor.engine.trail import Tally
from firedoor.types.ids import Digest
from firedoor.types.label import BOTTOM, TOP, Label, join
from firedoor.types.part import Channel, Evidence, Kind, Origin, Part
from firedoor.types.record import FileHold, QuarantineRow
from firedoor.types.verdict import PartAsk

PURPOSES: Final = frozenset({"fine-tune", "evals", "batch"})
"""Purposes of a file whose lines are learned from, or run, later."""
RULE: Final = "contain/training"
TRAINING, BATCH = "training", "batch"
_GROUPS_MAX: Final = 32
"""Authors and generations of a file that get an item each; the rest share one."""
_LISTED_MAX: Final = 100
"""Line numbers that are listed of each."""


class Line(NamedTuple):
    """One line of such a file, as its digests."""

    pointer: str
    strings: int
    characters: int
    digests: tuple[Digest, ...]


class _Group:
    def __init__(self, author: str | None, compartment: str | None) -> None:
        self.author, self.compartment = author, compartment
        self.label = BOTTOM
        self.lines: list[str] = []
        self.characters = 0

    def add(self, line: Line, label: Label) -> None:
        self.label = join(self.label, label)
        if not self.lines or self.lines[-1] != line.pointer:
            self.lines.append(line.pointer)
            self.characters += line.characters


class Review(NamedTuple):
    """What the lines of one file come to."""

    outcome: Outcome
    holds: tuple[FileHold, ...]


def hold_name(digester: Digester, *words: str) -> Digest:
    """What a person releases: a file's bytes, or an id, with use, author and generation."""
    return digester("\x1f".join(("held", *words)))


def review(
    scene: Scene, file: Digest, pointer: str, lines: Sequence[Line], *, use: str, whole: bool
) -> Review:
    """Sum up who wrote the lines of a file, and which of them the policy lets nobody read.

    Args:
        use: What the file is meant for: its items are opened at once. A file may be used otherwise
            than it was meant, so all its holds are kept.
    """
    groups: dict[tuple[str, str, int | None], _Group] = {}
    shown, attributed = BOTTOM, 0
    crossed: dict[tuple[str, str, bool], None] = {}
    found = scene.found
    room = scene.instance.room
    for line in lines:
        matches = lineage.written(line.digests, found.emissions, found.grants, room, scene.at)
        attributed += min(line.strings, len(matches))
        for match in matches:
            shown = join(shown, match.label)
            if match.author is not None:
                _group(groups, TRAINING, match).add(line, match.label)
            if not _may_be_read(scene, match):
                _group(groups, BATCH, match).add(line, match.label)
            elif match.crossing:
                for root in match.label.live - {room}:
                    crossed[root, room, True] = None
    holds = [
        _hold(scene, file, use, generation, group) for (use, _, generation), group in groups.items()
    ]
    for other in (TRAINING, BATCH):
        # What was not read, or not judged, nobody can speak for.
        if not whole or (other == BATCH and not scene.enforcing):
            rest = _Group(None, None)
            rest.add(Line(pointer, 0, 0, ()), TOP)
            holds.append(_hold(scene, file, other, None, rest))
    strings = sum(line.strings for line in lines)
    tally = Tally(
        shown=shown, presented=shown, judged=strings, total=strings, attributed=attributed,
        unproven=strings - attributed, crossed=tuple(crossed),
    )  # fmt: skip
    # In `observe` nothing is held; a use in a stricter mode opens the items then.
    gated = scene.enforcing and scene.settings.policy.treats
    items = tuple(quarantined(scene, hold) for hold in holds if gated and hold.use == use)
    return Review(Outcome([], tally, quarantine=items), tuple(holds))


def _group(
    groups: dict[tuple[str, str, int | None], _Group], use: str, match: lineage.Written
) -> _Group:
    wrote = match.author or match.carrier
    key: tuple[str, str, int | None] = (use, wrote.instance, match.label.generation)
    if key not in groups and len(groups) >= 2 * _GROUPS_MAX:
        key = (use, "", None)
    if key not in groups:
        named = key[1] != ""
        groups[key] = _Group(wrote.author if named else None, wrote.compartment if named else None)
    return groups[key]


def _hold(scene: Scene, file: Digest, use: str, generation: int | None, group: _Group) -> FileHold:
    named = (group.author or "", group.compartment or "", str(generation))
    return FileHold(
        passage=hold_name(scene.settings.digester, file.hex(), use, *named),
        use=use,
        author=group.author,
        author_compartment=group.compartment,
        label=group.label,
        lines=len(group.lines),
        characters=group.characters,
        pointer=group.lines[0],
        listed=tuple(group.lines[:_LISTED_MAX]),
    )


def _may_be_read(scene: Scene, match: lineage.Written) -> bool:
    """Whether the line might enter a context of its sender, as a message of a call might."""
    row, wrote = scene.instance, match.author or match.carrier
    ask = PartAsk(
        channel=Channel.MESSAGE if match.crossing else Channel.USER,
        origin=Origin.INSTANCE,
        kind=Kind.TEXT,
        surface=scene.surface,
        crossing=match.crossing,
        inrun=False,
        attributed=True,
        evidence=Evidence.MATCHED,
        generation=match.label.generation,
        author=wrote.author,
        author_compartment=wrote.compartment,
        roots=tuple(sorted(match.label.live)),
        instance=row.name,
        compartment=row.compartment,
        tool=None,
        standing=None,
        reach_full=bool(full_roots(scene, match.label)),
        run_exposed=scene.run_label != BOTTOM,
        part_of_room=not match.crossing,
    )
    return policy.verdict_for(scene.settings.policy, ask).action.shown


def quarantined(scene: Scene, hold: FileHold) -> QuarantineRow:
    """The item that a person releases."""
    return QuarantineRow(
        id=quarantine_id(scene, hold.passage),
        passage=hold.passage,
        author=hold.author,
        author_compartment=hold.author_compartment,
        channel=Channel.TRAINING.value,
        label=hold.label,
        characters=hold.characters,
        asked_by=scene.instance.name,
        call=scene.call_id,
        pointer=hold.pointer,
        rule=RULE,
    )


class Gate:
    """What one request names that something would learn from, or run."""

    def __init__(
        self, family: str, parts: Iterable[Part], fields: Mapping[str, Any], digester: Digester
    ) -> None:
        self._use = BATCH if family == "batches" else TRAINING
        self._digester = digester
        self._files = [p for p in parts if p.kind is Kind.REFERENCE and p.resource == "file"]
        self._source = _source_of(fields.get("data_source"))
        """A data source that is something else than a file."""

    def names(self) -> list[Digest]:
        """What releases of things that this door did not read would be named: looked up as well."""
        names = [self._name("id", part.text) for part in self._files]
        return names if self._source is None else [*names, self._source_name(self._source)]

    def holds(self, scene: Scene, data: Iterable[lineage.Passages]) -> list[FileHold]:
        """What is held of it: nothing, when it may go on.

        Args:
            data: The passages of the request's own data source.
        """
        holds: list[FileHold] = []
        for part in self._files:
            row = scene.found.files.get(self._digester(f"id\x1f{part.text}"))
            if row is None:
                holds.append(self._unread(self._name("id", part.text), part.pointer))
            else:
                mine = [hold for hold in row.holds if hold.use == self._use]
                holds += [hold._replace(pointer=part.pointer) for hold in mine]
        source = self._source
        # Calls that the provider kept: which of them it takes, the door cannot see.
        if source is not None and (
            source.get("type") != "file_content" or _any_written(scene, data)
        ):
            holds.append(self._unread(self._source_name(source), "/data_source/source"))
        return [hold for hold in holds if not _released(scene, hold.passage)]

    def _name(self, *words: str) -> Digest:
        return hold_name(self._digester, self._use, *words)

    def _source_name(self, source: dict[str, Any]) -> Digest:
        return self._name("source", sorted_text(source))

    def _unread(self, name: Digest, pointer: str) -> FileHold:
        return FileHold(name, self._use, None, None, TOP, 0, 0, pointer)


def _source_of(data: Any) -> dict[str, Any] | None:
    """What a run reads, where that is no file: its type says so, whatever ids stand beside it."""
    if not isinstance(data, dict):
        return None
    source = data.get("source")
    if not isinstance(source, dict):
        return data
    return None if source.get("type") == "file_id" else source


def _any_written(scene: Scene, passages: Iterable[lineage.Passages]) -> bool:
    """Whether any of these texts holds a stretch that an instance wrote."""
    found = scene.found
    digests = (d for each in passages for d in lineage.known_anywhere(each))
    room = scene.instance.room
    matches = lineage.written(digests, found.emissions, found.grants, room, scene.at)
    return any(match.author is not None for match in matches)


def _released(scene: Scene, name: Digest) -> bool:
    """Whether a person's release of it is in force."""
    return any(
        grant.kind == "released" and (grant.until is None or grant.until > scene.at)
        for grant in scene.found.grants.get(name, ())
    )


def told(holds: Iterable[FileHold], scene: Scene) -> list[dict[str, Any]]:
    """What `explain` says of the lines that instances wrote."""
    return [
        {
            "use": hold.use,
            "author": hold.author,
            "author_compartment": hold.author_compartment,
            "generation": hold.label.generation,
            "exposures": sorted(hold.label.ancestry),
            "lines": hold.lines,
            "characters": hold.characters,
            "pointers": list(hold.listed),
            "quarantine": quarantine_id(scene, hold.passage),
        }
        for hold in holds
    ]

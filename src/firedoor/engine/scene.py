"""The scene in which one request is judged, and the label of each part in it.

What a request presents was read by its program before that program wrote the parts that nothing
proves, so labels are found in two steps (MODEL line 20).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from firedoor import lineage
from firedoor.engine.media import Shown
from firedoor.engine.port import FoundParts
from firedoor.engine.settings import Digester, EngineSettings
from firedoor.lineage import (
    Claimed,
    Known,
    Labelled,
    Passages,
    Receiver,
    Statement,
    Stretch,
    Use,
)
from firedoor.types.exchange import Mode, Surface
from firedoor.types.ids import CallId, Digest
from firedoor.types.label import BOTTOM, Label, join, join_all
from firedoor.types.part import CallClaim, Channel, Kind, Part, Role
from firedoor.types.record import Grant, InstanceRow, Place, StoreMark

if TYPE_CHECKING:
    from firedoor.engine.engine import Attested


@dataclass(slots=True)
class Scene:
    """Everything that judging one request needs besides the part itself. Made once a call."""

    settings: EngineSettings
    surface: Surface
    instance: InstanceRow
    found: FoundParts
    run_label: Label
    """ρ of the run, with what its parents hand down and, later, what this request presents."""
    call_id: CallId
    declared_channel: Channel | None
    attested: "Attested"
    at: float = 0.0
    epoch: str = ""
    labels: Mapping[int, Labelled] = field(default_factory=dict)
    """Labels that do not depend on ρ, by the part's identity in memory."""
    calls: Mapping[str, CallClaim] = field(default_factory=dict)
    """The tool calls claimed up to the section that is being judged."""
    stretches: Mapping[int, tuple[Stretch, ...]] = field(default_factory=dict)
    """What the index knows of a part, by its identity in memory."""
    complete: bool = True
    """Whether that is all that it knows."""
    matched: Mapping[int, tuple[Digest, ...]] = field(default_factory=dict)
    """The passages found in it, likewise."""
    statements: Mapping[Digest, tuple[Statement, ...]] = field(default_factory=dict)
    """The statements that came with the request and are of one of its texts, by that text."""
    claimed: Mapping[int, Claimed] = field(default_factory=dict)
    """What the record says of claimed calls and their results, by the part's identity in memory."""
    media: Mapping[int, Shown] = field(default_factory=dict)
    """What the record says of bytes, by the part's identity in memory."""
    opaque: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """What nobody can read of a text, by the part's identity in memory, once somebody asked."""
    nothing_found: bool = False
    """Whether no record, emission or grant speaks of any text of the request."""

    counts_bytes: bool = False
    """Whether a limit wants to know how much crosses."""
    holds: tuple[str, ...] = ()
    """What the tools that the call offers let the instance do, where its clearance asks for that."""
    people: bool = False
    """Whether user turns were typed by people: the call's key has that right."""
    defuses: bool = False
    """Whether look-alikes of a mark's delimiter are defused wherever they stand."""

    def __post_init__(self) -> None:
        found = self.found
        self.defuses = self.settings.policy.marks
        self.nothing_found = not (found.emissions or found.records or found.grants)

    @property
    def enforcing(self) -> bool:
        """Whether verdicts act."""
        return self.settings.policy.mode is not Mode.OBSERVE

    def owner_of(self, id_: str) -> InstanceRow | None:
        """Whoever had the thing made that ``id_`` names, where that is known."""
        minted = self.found.minted.get(self.settings.digester(f"id\x1f{id_}"))
        return self.found.owners.get(minted.instance) if minted is not None else None

    def receiver(self) -> Receiver:
        """The instance as lineage sees it."""
        return Receiver(
            room=self.instance.room,
            run=self.instance.run,
            run_label=self.run_label,
            assume_user=self.settings.policy.assume_user,
            assume_system=self.settings.policy.assume_system,
            declared_channel=self.declared_channel,
            at=self.at,
        )

    def having_read(
        self,
        sections: Iterable[tuple[Sequence[Part], Sequence[Passages], Mapping[str, CallClaim]]],
    ) -> "Scene":
        """The scene once everything that is proven about these parts has been joined into ρ."""
        receiver = self.receiver()
        labels: dict[int, Labelled] = {}
        by_run: dict[int, Labelled] = {}
        total = BOTTOM
        for part_list, found_list, self.calls in sections:
            for part, found in zip(part_list, found_list, strict=True):
                if part.kind is Kind.WORD:
                    continue
                labelled = label_of(self, part, found, receiver)
                if labelled.rest is not None:
                    total = join(total, join_all(span.label for span in labelled.spans))
                    if not labelled.rest.inrun:
                        total = join(total, labelled.rest.label)
                    by_run[id(part)] = labelled
                elif labelled.inrun:
                    by_run[id(part)] = labelled
                else:
                    labels[id(part)] = labelled
                    total = join(total, labelled.label)
        run_label = join(self.run_label, total)
        if run_label == self.run_label:
            # Nothing new was read: what was found under ρ holds.
            labels.update(by_run)
        self.run_label, self.labels = run_label, labels
        return self


def section_passages(parts: Iterable[Part], digester: Digester) -> list[Passages]:
    """The passages of each part; none where there is no text to know again."""
    return [
        lineage.NO_PASSAGES
        if part.kind in (Kind.WORD, Kind.REFERENCE, Kind.OPAQUE)
        else lineage.passages_of(part.text, digester)
        for part in parts
    ]


# -- where a part lies ---------------------------------------------------------------------------


def _use_of(
    settings: EngineSettings,
    calls: Mapping[str, CallClaim],
    attested: "Attested",
    part: Part,
    passages: Passages,
) -> tuple[Use | None, Place | None, bool]:
    """What is done with which place, and whether only the program says so."""
    found = _of_tool(settings, calls, part)
    if found is not None:
        # Where a result came from is surer than where its words were once said to lie.
        return found, found.place, False
    place = attested.place_of(passages.whole.digest) if passages.whole is not None else None
    if place is None:
        return None, None, False
    for rule in settings.stores.rules:
        if rule.name == place.store:
            use = Use(rule.channel, place, True, False, rule.writers, rule.closed)
            return use, place, True
    return Use(Channel.MEMORY, place, True, False), place, True


def _of_tool(settings: EngineSettings, calls: Mapping[str, CallClaim], part: Part) -> Use | None:
    if part.role is not Role.TOOL:
        return None
    claim = calls.get(part.call) if part.call is not None else None
    if claim is not None:
        return settings.stores.place_of(claim.name, claim.arguments)
    return settings.stores.place_of(part.tool, "") if part.tool is not None else None


class Places(NamedTuple):
    """What is needed to say where parts lie, before anything is looked up."""

    settings: EngineSettings
    calls: Mapping[str, CallClaim]
    attested: "Attested"


def places_of(
    where: Places, parts: Sequence[Part], passages: Sequence[Passages]
) -> Iterable[tuple[Part, Place]]:
    """Every part that came from a place of a store, and that."""
    told = where.attested.places_told
    for part, found in zip(parts, passages, strict=True):
        if part.kind is Kind.WORD or (part.role is not Role.TOOL and not told):
            continue
        _, place, _ = _use_of(where.settings, where.calls, where.attested, part, found)
        if place is not None:
            yield part, place


_READABLE: Final = (Kind.TEXT, Kind.CALL, Kind.DEFINITION)


def label_of(scene: Scene, part: Part, passages: Passages, receiver: Receiver) -> Labelled:
    """The label of one part, as lineage finds it from what the store and statements know."""
    labelled = _label_of(scene, part, passages, receiver)
    claimed = scene.claimed.get(id(part))
    if claimed is not None:
        labelled = lineage.reconciled(labelled, claimed)
    media = scene.media.get(id(part))
    return labelled if media is None else media.label(labelled, part, receiver)


def _label_of(scene: Scene, part: Part, passages: Passages, receiver: Receiver) -> Labelled:
    whole = passages.whole
    if scene.statements and whole is not None and part.kind in _READABLE:
        labelled = lineage.label_of(_known(scene, part, passages), receiver)
        of_it = scene.statements.get(whole.digest, ())
        return lineage.vouched(labelled, whole, of_it, receiver.room)
    if (
        scene.nothing_found
        and part.kind in _READABLE
        and part.role is not Role.TOOL
        and (whole is None or not scene.attested.speaks_of(whole.digest))
        and not (scene.people and part.role is Role.USER)
    ):
        return lineage.label_without_evidence(
            part.kind, part.role, part.channel, whole is None, receiver.run_label,
            receiver.assume_user, receiver.assume_system, receiver.declared_channel,
        )  # fmt: skip
    return lineage.label_of(_known(scene, part, passages), receiver)


def _known(scene: Scene, part: Part, passages: Passages) -> Known:
    found = scene.found
    use, place, told = _use_of(scene.settings, scene.calls, scene.attested, part, passages)
    if use is None and part.role is Role.TOOL and part.call and part.call not in scene.calls:
        row = found.minted.get(scene.settings.digester(f"call\x1f{part.call}"))
        use = lineage.use_from(row.resource) if row is not None else None
    claimed = scene.claimed.get(id(part))
    if use is not None and claimed is not None and not told:
        use, place = lineage.as_claimed(use, place, claimed)
    marks: tuple[StoreMark, ...] = ()
    if place is not None:
        marks = tuple(
            m
            for m in found.marks
            if m.place.store == place.store
            and (place.key is None or m.place.key is None or m.place.key == place.key)
        )
    grants = found.grants
    if passages.whole is not None:
        said = scene.attested.grant_of(passages.whole.digest)
        if said is None and scene.people and part.role is Role.USER and place is None:
            # Of this call alone: by another key, the same words are somebody else's.
            said = Grant(passages.whole.digest, "human")
        if said is not None:
            digest = passages.whole.digest
            grants = {**grants, digest: (*grants.get(digest, ()), said)}
    minted = None
    if part.kind is Kind.REFERENCE:
        minted = found.minted.get(scene.settings.digester(f"id\x1f{part.text}"))
    return Known(
        part, passages, found.emissions, found.records, marks, grants, use, place, minted, told,
        scene.stretches.get(id(part), ()), scene.complete,
    )  # fmt: skip

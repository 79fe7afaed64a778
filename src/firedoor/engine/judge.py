"""From parts to verdicts: asks lineage for labels, policy for answers, and writes both down.

Nothing is decided here: the label of a part is the scene's, what policy is asked of it is in
``asking``, and this gathers what both say of one section.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from firedoor import budget, identity
from firedoor.engine.asking import full_roots, opaque_of, quarantine_id, text_verdict, tool_of
from firedoor.engine.marks import between, defused, marked
from firedoor.engine.scene import Scene, label_of
from firedoor.engine.trail import Exposure, Tally
from firedoor.lineage import Labelled, Passages, SpanLabel
from firedoor.types.exchange import Mode
from firedoor.types.ids import Digest, PassageId, QuarantineId, RoomId
from firedoor.types.label import BOTTOM, join
from firedoor.types.part import CallClaim, Evidence, Kind, Part, Standing
from firedoor.types.record import Grant, Judgement, QuarantineRow
from firedoor.types.verdict import Action, Verdict
from firedoor.wire import Edit

_STRENGTH: Final = {action: rank for rank, action in enumerate(Action)}


class Outcome(NamedTuple):
    """What was found and decided about one section of a request."""

    parts: list[dict[str, Any]]
    tally: Tally
    rules: tuple[str, ...] = ()
    quarantine: tuple[QuarantineRow, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    grants: tuple[Grant, ...] = ()
    refused: tuple[str, str, str, str | None] | None = None
    """(code, message, pointer, rule) when the whole call must be refused."""
    digests: tuple[Digest, ...] = ()
    """Passages that the section holds."""
    moved: tuple[tuple[RoomId | None, str, int], ...] = ()
    """(room, its name, bytes) of what it shows for the first time out of other rooms; None where
    nobody knows which."""
    refers: bool = False
    """Whether it names state kept elsewhere, whose label may rise between two calls."""


class _Section:
    """Gathers the outcome of one section."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.records: list[dict[str, Any]] = []
        self.rules: dict[str, None] = {}
        self.quarantine: dict[QuarantineId, QuarantineRow] = {}
        self.judgements: list[Judgement] = []
        self.grants: list[Grant] = []
        self.edits: list[Edit] = []
        self.exposures: dict[Exposure, None] = {}
        self.crossed: dict[tuple[str, str, bool], None] = {}
        self.moved: dict[tuple[RoomId | None, str], int] = {}
        self.refused: tuple[str, str, str, str | None] | None = None
        self.refers = False
        self.statements: dict[str, None] = {}
        self.shown = BOTTOM
        self.presented = BOTTOM
        self.counts = dict.fromkeys(
            ("judged", "attributed", "opaque", "words", "assumed", "unproven", "withheld",
             "released", "forged", "transplanted"), 0,
        )  # fmt: skip

    def outcome(self, digests: tuple[Digest, ...]) -> Outcome:
        tally = Tally(
            shown=self.shown,
            presented=self.presented,
            total=len(self.records),
            edits=tuple(self.edits),
            exposures=tuple(self.exposures),
            crossed=tuple(self.crossed),
            statements=tuple(self.statements),
            **self.counts,
        )
        return Outcome(
            self.records,
            tally,
            tuple(self.rules),
            tuple(self.quarantine.values()),
            tuple(self.judgements),
            tuple(self.grants),
            self.refused,
            digests,
            tuple((*whence, size) for whence, size in self.moved.items()),
            self.refers,
        )

    # -- parts -------------------------------------------------------------------------------

    def take(self, part: Part, passages: Passages) -> None:
        """Label and judge one part."""
        if part.kind is Kind.WORD:
            self.records.append({"pointer": part.pointer, "kind": "word"})
            counts = self.counts
            counts["judged"] += 1
            counts["attributed"] += 1
            counts["words"] += 1
            return
        scene = self.scene
        labelled = scene.labels.get(id(part))
        if labelled is None:
            labelled = label_of(scene, part, passages, scene.receiver())
        self.presented = join(self.presented, labelled.label)
        self._count(part, labelled)
        self._grant(passages)
        whole = passages.whole.digest if passages.whole is not None else None
        edits = len(self.edits)
        if part.kind is Kind.REFERENCE:
            self.refers = True
            verdict = self._reference(part, labelled)
        elif labelled.rest is not None:
            verdict = self._split(part, labelled, labelled.rest, whole)
        else:
            verdict = self._whole(part, labelled, whole)
        text = self._defused(part.text) if part.editable else part.text
        if text != part.text and len(self.edits) == edits:
            self.edits.append(Edit(part.pointer, text))
        self._record(part, labelled, verdict, whole)
        if text != part.text:
            self.records[-1]["defused"] = True

    def _count(self, part: Part, labelled: Labelled) -> None:
        # Bytes are judged where it is known whose they are.
        unread = part.kind is Kind.OPAQUE and not (labelled.spans or labelled.own)
        self.counts["judged"] += not unread
        self.counts["opaque"] += unread
        self.counts["attributed"] += labelled.attributed
        self.counts["assumed"] += labelled.assumed
        self.counts["unproven"] += labelled.unproven
        if labelled.statements:
            self.statements.update(dict.fromkeys(labelled.statements))
        self.counts["forged"] += labelled.standing is Standing.FORGED
        self.counts["transplanted"] += labelled.standing is Standing.TRANSPLANTED

    def _grant(self, passages: Passages) -> None:
        if passages.whole is None:
            return
        told = self.scene.attested.grant_of(passages.whole.digest)
        known = self.scene.found.grants.get(passages.whole.digest, ())
        if told is not None and not any(g.kind == told.kind for g in known):
            self.grants.append(told)

    def _decide(
        self, part: Part, labelled: Labelled, digest: Digest | None, characters: int
    ) -> Verdict:
        """The verdict of one text, with its consequences noted."""
        verdict, remember, known = text_verdict(self.scene, part, labelled, digest)
        if remember is not None:
            self.judgements.append(remember)
        for rule in (verdict.rule, *(name for name, _ in verdict.shadow)):
            if rule is not None:
                self.rules[rule] = None
        if verdict.action is Action.QUARANTINE and digest is not None:
            self._hold(part, labelled, digest, characters, verdict.rule)
        if verdict.action.shown:
            self._show(labelled, spend=not known)
            if labelled.crossing and not known and self.scene.counts_bytes:
                self._move(part.text, labelled)
        return verdict

    def _move(self, text: str, labelled: Labelled) -> None:
        """Count what comes out of other rooms, by the room that it was last carried from."""
        pieces: list[tuple[RoomId | None, str, str]] = [
            (s.carrier.room, s.carrier.compartment, text[s.start : s.end])
            for s in labelled.spans
            if s.crossing
        ]
        for room, name, piece in pieces or [(None, "", text)]:
            size = len(piece.encode("utf-8", "surrogatepass"))
            self.moved[room, name] = self.moved.get((room, name), 0) + size

    def _show(self, labelled: Labelled, *, spend: bool) -> None:
        self.shown = join(self.shown, labelled.label)
        self.counts["released"] += labelled.released
        room = self.scene.instance.room
        if labelled.crossing and spend:
            full = full_roots(self.scene, labelled.label)
            for root in budget.spent_by(labelled.label.live, room):
                self.crossed[root, room, root not in full] = None
        for span in labelled.spans:
            if span.crossing:
                author = span.author
                exposure = Exposure(
                    author.author, author.compartment, span.label.generation,
                    labelled.channel, span.carrier.call, author.room,
                )  # fmt: skip
                self.exposures[exposure] = None

    def _hold(
        self, part: Part, labelled: Labelled, digest: Digest, characters: int, rule: str | None
    ) -> None:
        id_ = quarantine_id(self.scene, digest)
        author = labelled.spans[0].author if labelled.spans else None
        self.quarantine[id_] = QuarantineRow(
            id=id_,
            passage=digest,
            author=author.author if author else None,
            author_compartment=author.compartment if author else None,
            channel=labelled.channel.value,
            label=labelled.label,
            characters=characters,
            asked_by=self.scene.instance.name,
            call=self.scene.call_id,
            pointer=part.pointer,
            rule=rule,
        )

    def _whole(self, part: Part, labelled: Labelled, digest: Digest | None) -> Verdict:
        if part.kind is Kind.OPAQUE and not labelled.spans:
            self._show(labelled, spend=False)
            return Verdict(Action.ALLOW)
        verdict = self._decide(part, labelled, digest, len(part.text))
        if verdict.action is Action.ALLOW:
            return verdict
        if verdict.action is Action.DENY:
            self._deny(part, verdict.rule)
        elif verdict.action is Action.MARK:
            if part.editable:
                text = marked(part.text, self._nonce(digest))
                self.edits.append(Edit(part.pointer, text))
        else:
            self._withhold(part, verdict.rule, self.scene.settings.policy.placeholder)
        return verdict

    def _split(
        self, part: Part, labelled: Labelled, rest: Labelled, whole: Digest | None
    ) -> Verdict:
        """A part that is matched in places: each stretch by its own label, then what is left."""
        placeholder = self.scene.settings.policy.placeholder
        left = self._decide(part, rest, whole, len(part.text))
        if not left.action.shown:
            # All of it goes with what stands round them: a stretch that is not shown is no stretch
            # that was let in, and nothing of it is remembered.
            asked = [text_verdict(self.scene, part, _of_span(labelled, span), span.passage)[0]
                     for span in labelled.spans]  # fmt: skip
            denied = next((v for v in (left, *asked) if v.action is Action.DENY), None)
            if denied is not None:
                self._deny(part, denied.rule)
                return denied
            self._withhold(part, left.rule, placeholder)
            return max((left, *asked), key=_strength)
        found = [(span, self._decide(part, _of_span(labelled, span), span.passage,
                                     span.end - span.start)) for span in labelled.spans]  # fmt: skip
        strongest = max((left, *(v for _, v in found)), key=_strength)
        for _, verdict in found:
            if verdict.action is Action.DENY:
                self._deny(part, verdict.rule)
                return verdict
        hidden = [(span, v) for span, v in found if not v.action.shown]
        changed = [(span, v) for span, v in found if v.action is not Action.ALLOW]
        if hidden and (part.removable is not None or not part.editable):
            self._withhold(part, hidden[0][1].rule, placeholder)
        elif (changed or left.action is Action.MARK) and part.editable:
            pieces = []
            at = 0
            for span, verdict in sorted(changed, key=lambda item: item[0].start):
                if span.start < at:
                    continue
                pieces.append(self._defused(part.text[at : span.start]))
                inside = part.text[span.start : span.end]
                if verdict.action.shown:
                    pieces.append(marked(inside, self._nonce(span.passage)))
                else:
                    pieces.append(placeholder)
                at = span.end
            pieces.append(self._defused(part.text[at:]))
            text = "".join(pieces)
            if left.action is Action.MARK:
                text = between(text, self._nonce(whole))
            self.counts["withheld"] += bool(hidden)
            self.edits.append(Edit(part.pointer, text))
        return strongest

    def _withhold(self, part: Part, rule: str | None, placeholder: str) -> None:
        self.counts["withheld"] += 1
        if part.removable is not None:
            self.edits.append(Edit(part.removable, None))
        elif part.editable:
            self.edits.append(Edit(part.pointer, placeholder))
        else:
            self._deny(part, rule)

    def _deny(self, part: Part, rule: str | None) -> None:
        if self.refused is None:
            self.refused = (
                "firedoor_denied",
                "Something in this request may not enter this context, and cannot be left out of "
                "it: leave it out and send the request again.",
                part.pointer,
                rule,
            )

    def _reference(self, part: Part, labelled: Labelled) -> Verdict:
        isolate = self.scene.settings.policy.mode is Mode.ISOLATE
        if labelled.foreign is None and not isolate:
            self._show(labelled, spend=True)
            return Verdict(Action.ALLOW)
        if not self.scene.enforcing:
            self._show(labelled, spend=True)
            if labelled.foreign == "unknown":
                unknown = labelled.label.generation
                self.exposures[Exposure(None, "unknown", unknown, labelled.channel, None, "")] = (
                    None
                )
            return Verdict(Action.ALLOW)
        if self.refused is None:
            whose = (
                "server-side state"
                if isolate and labelled.foreign is None
                else ("state that this caller was not seen to make")
            )
            self.refused = (
                "firedoor_foreign_state",
                f"This request names {whose}; send the content itself instead.",
                part.pointer,
                None,
            )
        return Verdict(Action.DENY, "foreign-state")

    def _defused(self, text: str) -> str:
        """What may stand beside marks: in it nothing looks like one, where the policy makes any."""
        return defused(text) if self.scene.defuses else text

    def _nonce(self, digest: Digest | None) -> str:
        row = self.scene.instance
        named = digest.hex() if digest is not None else "blank"
        found = self.scene.settings.digester(f"mark\x1f{row.id}\x1f{named}")
        return identity.short_id(found)[:12]

    # -- the record --------------------------------------------------------------------------

    def _record(
        self, part: Part, labelled: Labelled, verdict: Verdict, digest: Digest | None
    ) -> None:
        record: dict[str, Any] = {
            "pointer": part.pointer,
            "channel": labelled.channel,
            "origin": labelled.origin,
            "evidence": labelled.evidence,
        }
        if labelled.label.generation != 0:
            record["generation"] = labelled.label.generation
        if labelled.spans:
            author = next((s for s in labelled.spans if s.crossing), labelled.spans[0]).author
            record["author"] = author.author
            record["author_compartment"] = author.compartment
        elif labelled.own and labelled.evidence is Evidence.MATCHED:
            record["author"] = self.scene.instance.name
            record["author_compartment"] = self.scene.instance.compartment
        elif labelled.foreign == "other":
            # Whoever had it made: what a person who reads of the refusal wants to know first.
            owner = self.scene.owner_of(part.text)
            if owner is not None:
                record["author"], record["author_compartment"] = owner.name, owner.compartment
        if labelled.crossing:
            record["crossing"] = True
        if part.kind is not Kind.TEXT:
            record["kind"] = part.kind
        if not labelled.attributed:
            record["attributed"] = False
            tool = tool_of(self.scene, part)
            if tool is not None:
                # Which tool's results nothing proves, for whoever wants to raise the share.
                record["tool"] = tool
        if labelled.standing is not None:
            record["standing"] = labelled.standing
        opaque = opaque_of(self.scene, part)
        if opaque:
            record["opaque"] = [list(span) for span in opaque]
        shown, rule = verdict.action, verdict.rule
        if shown is Action.ALLOW and verdict.shadow:
            rule, shown = verdict.shadow[0]
            record["shadow"] = True
        if shown is not Action.ALLOW:
            record["verdict"] = shown
        if rule is not None:
            record["rule"] = rule
        spans = [s for s in labelled.spans if s.crossing]
        if spans:
            record["spans"] = [
                {
                    "start": s.start,
                    "end": s.end,
                    "author": s.author.author,
                    "passage": _passage_id(s.author.passage),
                    **({"codecs": list(s.codecs)} if s.codecs else {}),
                }
                for s in spans
            ]
        if verdict.action is Action.QUARANTINE:
            ids = [quarantine_id(self.scene, d) for d in
                   (digest, *(s.passage for s in labelled.spans)) if d is not None]  # fmt: skip
            known = [id_ for id_ in ids if id_ in self.quarantine]
            record["quarantine"] = known[0] if known else None
        self.records.append(record)


def _strength(verdict: Verdict) -> int:
    return _STRENGTH[verdict.action]


def _of_span(labelled: Labelled, span: SpanLabel) -> Labelled:
    """One matched stretch as a part of its own."""
    return labelled._replace(
        label=span.label,
        evidence=Evidence.MATCHED,
        attributed=True,
        crossing=span.crossing,
        inrun=False,
        own=False,
        same_room=not span.crossing,
        assumed=False,
        unproven=False,
        released=span.released,
        spans=(span,),
        rest=None,
        statements=(),
    )


def words_outcome(parts: Sequence[Part]) -> Outcome | None:
    """The outcome of a section that holds nothing but words of the protocol, if it is one.

    It depends on nothing but the section itself, so it may be kept with it.
    """
    if any(part.kind is not Kind.WORD for part in parts):
        return None
    records: list[dict[str, Any]] = [{"pointer": p.pointer, "kind": "word"} for p in parts]
    n = len(records)
    return Outcome(records, Tally(judged=n, attributed=n, total=n, words=n))


def judge_section(
    scene: Scene,
    parts: Sequence[Part],
    passages: Sequence[Passages],
    calls: Mapping[str, CallClaim],
) -> Outcome:
    """Label and judge every part of one section, in wire order."""
    scene.calls = calls
    section = _Section(scene)
    for part, found in zip(parts, passages, strict=True):
        section.take(part, found)
    digests = [digest for found in passages for digest in found.digests]
    if scene.matched:
        digests += [d for part in parts for d in scene.matched.get(id(part), ())]
    return section.outcome(tuple(digests))


def _passage_id(digest: Digest) -> PassageId:
    return PassageId("p_" + identity.short_id(digest))

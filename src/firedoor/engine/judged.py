"""Judging one request: what it holds is looked up, then every new section is labelled and judged.

What an earlier call of the conversation found about the rest of it is added up, not found again. The
verdict on each part is ``judge``'s; whose the ids are, ``references`` says; which file waits for a
person, ``training``.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from firedoor.engine import claimed, media, proving, training
from firedoor.engine.judge import Outcome, judge_section
from firedoor.engine.matching import Matching
from firedoor.engine.port import Brought, FoundParts, LookParts
from firedoor.engine.reading import RequestReader, Section
from firedoor.engine.refusing import Refused
from firedoor.engine.scene import Places, Scene, places_of
from firedoor.engine.trail import Mark, Tally
from firedoor.engine.training import Review
from firedoor.engine.upload import file_digest
from firedoor.lineage import Passages
from firedoor.types.ids import CallId, Digest, RunId
from firedoor.types.label import BOTTOM, Label, join, up
from firedoor.types.part import Answer, Channel, Kind, Part, Role
from firedoor.types.record import FileRow, InstanceRow, PictureRow, RunRow

if TYPE_CHECKING:
    from firedoor.engine.engine import Engine

Outcomes = list[tuple[str | None, Outcome]]
"""What is new, by the field's name; None for a turn."""


_COUNTED: Final = ("bytes_received", "bytes_sent")


class Judged:
    """What one request came to, as far as it has been judged."""

    def __init__(self, engine: "Engine", request: RequestReader, call_id: CallId) -> None:
        self.engine = engine
        self.settings = request.settings
        self.request = request
        self.call_id = call_id
        self.gated = False
        """Whether what instances wrote, in the files that this request names, waits for a person."""
        self.tally = Tally()
        self.people = False
        """Whether user turns were typed by people."""
        self.run_label: Label = BOTTOM
        """ρ with what this request presents."""
        self.rules: dict[str, None] = {}
        """Rules that spoke."""
        self.quarantined: dict[str, None] = {}
        self.field_outcomes: dict[str, tuple[CallId, Outcome]] = {}
        """What each field comes to, and the call that found it."""
        printer = self.settings.printer
        self.matching = Matching(printer, self.settings.digester) if printer is not None else None
        self.spans: tuple[Digest, ...] = ()
        """Stretches that were found in a first look, and may have been released."""
        self.statements: proving.Matched = {}
        """The statements that are of new texts of the request."""
        self.reviews: dict[str, tuple[Review, list[dict[str, Any]]]] = {}
        """What the lines of files come to, and what is told of it."""

    def forget(self) -> None:
        """Nothing of the request counts as judged."""
        self.field_outcomes, self.tally = {}, Tally()

    # -- what is looked up ---------------------------------------------------------------------

    def look(self, row: InstanceRow, at: float, attempt: Digest | None) -> LookParts:
        """What the store is asked about everything that is new."""
        request = self.request
        passages: dict[Digest, None] = {}
        minted: dict[Digest, None] = {}
        places: dict[Any, None] = {}
        pictures: dict[PictureRow, None] = {}
        digester = self.settings.digester
        for section in (*request.new_turns, *request.new_fields.values()):
            if section.outcome is not None:
                continue
            passages.update(dict.fromkeys(section.claims.digests()))
            passages.update(dict.fromkeys(media.digests_of(section.pictures)))
            pictures.update(dict.fromkeys(section.pictures.values()))
            for part, found in zip(section.reading.parts, section.passages, strict=False):
                passages.update(dict.fromkeys(found.digests))
                if part.kind is Kind.REFERENCE:
                    minted[digester(f"id\x1f{part.text}")] = None
                elif part.role is Role.TOOL and part.call and part.call not in section.calls:
                    minted[digester(f"call\x1f{part.call}")] = None
            where = Places(self.settings, section.calls, self.engine.attested)
            for part, place in places_of(where, section.reading.parts, section.passages):
                places[place] = None
                if self.matching is not None:
                    passages.update(dict.fromkeys(self.matching.items(part)))
            if section.lines is not None:
                passages.update(dict.fromkeys(d for x in section.lines[1] for d in x.digests))
        passages.update(dict.fromkeys(self.spans))
        if self.gated:
            passages.update(dict.fromkeys(self._gate().names()))
        if request.presented.valid:
            new = (*request.new_turns, *request.new_fields.values())
            self.statements = proving.matched(request.presented, new)
        return LookParts(
            at=at,
            room=row.room,
            run=row.run,
            instance=row.id,
            credential=row.credential,
            passages=tuple(passages),
            places=tuple(places),
            minted=tuple(minted),
            roots=proving.roots_of(self.statements) if self.statements else (),
            pictures=tuple(pictures),
            reach_window_s=self.settings.policy.reach_window_s,
            prints=self._prints(row),
            attempt=attempt,
            parents=row.parents if self.settings.budgets else (),
            aged="context_age" in self.settings.budgets.kinds,
            spawners=tuple((base.run, base.room) for base in request.who.line),
        )

    def _prints(self, row: InstanceRow) -> tuple[int, ...]:
        if self.matching is None:
            return ()
        request = self.request
        return self.matching.ask(
            _read(request.new_turns),
            _read(request.new_fields.values()),
            self.engine.weak.unread(row.id),
        )

    def matched(self, found: FoundParts, row: InstanceRow) -> bool:
        """Compare with what the index has; False where it has to be asked once more.

        A stretch may have been judged or released, and its digest is known only once it was found.
        """
        if self.matching is None:
            return True
        self.matching.answer(found, self.engine.weak.of(row.id))
        spans = self.matching.spans()
        if not found.decided or set(spans) <= set(self.spans):
            return True
        self.spans = spans
        return False

    @property
    def compared(self) -> bool:
        """Whether the request's texts were compared with all that the index has of them."""
        return self.matching is None or self.matching.complete

    def brought(self, scene: Scene) -> tuple[Brought, ...]:
        """What the request brings in from outside, for the index."""
        if self.matching is None or self.matching.asked is None:
            return ()
        request = self.request
        pinned: set[int] = set()
        known: set[int] = set()
        for section in (*request.new_turns, *request.new_fields.values()):
            for part, found in zip(section.reading.parts, section.passages, strict=False):
                if found.whole is None:
                    continue
                digest = found.whole.digest
                kinds = {g.kind for g in scene.found.grants.get(digest, ())}
                told = self.engine.attested.grant_of(digest)
                if "developer" in kinds or (told is not None and told.kind == "developer"):
                    pinned.add(id(part))
                elif digest in scene.found.emissions:
                    known.add(id(part))
        return self.matching.brought(scene.found.traces, pinned, known)

    # -- the training gate ---------------------------------------------------------------------

    def _gate(self) -> training.Gate:
        return training.Gate(
            self.request.endpoint.family,
            [
                part
                for section in self.request.new_fields.values()
                for part in section.reading.parts
            ],
            self.request.fields,
            self.settings.digester,
        )

    def held(self, scene: Scene) -> Refused | None:
        """The refusal of a request that would use what waits for a person."""
        data = self.request.new_fields.get("data_source")
        holds = self._gate().holds(scene, data.passages if data is not None else ())
        if not holds:
            return None
        items = {item.id: item for item in (training.quarantined(scene, h) for h in holds)}
        self.quarantined.update(dict.fromkeys(items))
        first, others = next(iter(items)), len(items) - 1
        more = f" and {others} more" if others else ""
        return Refused(
            "firedoor_denied",
            f"{self.request.endpoint.name} names text that instances wrote, or that nobody read: "
            f"a person has to release quarantine item {first}{more} first.",
            param=holds[0].pointer,
            rule=training.RULE,
            quarantine=tuple(items.values()),
        )

    def files_made(self, answer: Answer) -> tuple[FileRow, ...]:
        """The rows of files that an answer says were made, by which a later use is judged."""
        if answer.id is None or answer.error is not None:
            return ()
        digester = self.settings.digester
        return tuple(
            FileRow(
                id=digester(f"id\x1f{answer.id}"),
                digest=file_digest(section.lines[0], digester),
                purpose=str(self._purpose()),
                lines=section.lines[0].lines,
                call=self.call_id,
                holds=self.reviews[section.pointer][0].holds,
            )
            for section in self.request.new_fields.values()
            if section.lines is not None and section.pointer in self.reviews
        )

    def _purpose(self) -> str | None:
        upload = self.request.upload
        return upload.purpose if upload is not None else None

    def _review(self, scene: Scene, section: Section) -> Outcome:
        assert section.lines is not None
        file, lines = section.lines
        digest = file_digest(file, self.settings.digester)
        whole = file.whole and file.has_text
        use = training.BATCH if self._purpose() == "batch" else training.TRAINING
        found = training.review(scene, digest, file.pointer, lines, use=use, whole=whole)
        self.reviews[section.pointer] = found, training.told(found.holds, scene)
        return found.outcome

    # -- judging -------------------------------------------------------------------------------

    def scene(self, found: FoundParts, row: InstanceRow, channel: str | None, at: float) -> Scene:
        """Everything that judging the request needs."""
        run_label = self._handed_down(found, found.run)
        if row.run in self.engine.unindexed:
            run_label = self.engine.unindexed[row.run]
        self.run_label = run_label
        # A compartment that says what it accepts is not asked for what it holds.
        accepts = self.settings.policy.accept_depth(row.compartment) is not None
        holds = () if accepts else self.request.holds
        return Scene(
            settings=self.settings,
            surface=self.request.endpoint.surface,
            instance=row,
            found=found,
            run_label=run_label,
            call_id=self.call_id,
            declared_channel=_channel(channel),
            attested=self.engine.attested,
            at=at,
            epoch=":".join((self.request.policy_digest, str(found.orders), *holds)),
            stretches=self.matching.stretches if self.matching is not None else {},
            complete=self.compared,
            matched=self.matching.passages if self.matching is not None else {},
            statements=self.statements,
            holds=holds,
            counts_bytes=not self.settings.budgets.kinds.isdisjoint(_COUNTED),
            people=self.people,
        )

    def _handed_down(
        self, found: FoundParts, run: RunRow, below: frozenset[RunId] = frozenset()
    ) -> Label:
        """ρ of a run with what the runs up its lines of spawns hand down (MODEL line 25).

        Step by step: what a run has of its own parent crosses twice on its way to its child. This
        call may be the first to name its line, so the store need not know it.
        """
        line = (found.run.run, *(base.run for base in self.request.who.line))
        named = {line[i + 1] for i, at in enumerate(line[:-1]) if at == run.run}
        label, below = run.label, below | {run.run}
        for parent in found.run_parents:
            if parent.run not in below and (parent.run in named or parent.run in run.parents):
                handed = self._handed_down(found, parent, below)
                label = join(label, up(handed, parent.room, run.room))
        return label

    def judge(self, scene: Scene) -> Outcomes:
        """Judge what is new, in wire order, and add it to what is known. Fills ``tally``."""
        request = self.request
        sections = [*((None, s) for s in request.new_turns), *request.new_fields.items()]
        # MODEL line 20: what this very request presents was read by the run's program before it
        # wrote the unproven parts of it, so those are judged after everything that is proven.
        reviewed = {n: self._review(scene, s) for n, s in sections if s.lines is not None}
        for outcome in reviewed.values():
            scene.run_label = join(scene.run_label, outcome.tally.presented)
        unread = [s for _, s in sections if s.outcome is None]
        scene.claimed = claimed.standings(
            ((s.reading.parts, s.claims) for s in unread), scene.found.emissions, scene.instance.run
        )
        scene.media = media.shown(
            ((s.reading.parts, s.pictures) for s in unread),
            scene.found.emissions,
            scene.found.alike,
        )
        scene = scene.having_read([(s.reading.parts, s.passages, s.calls) for s in unread])
        self.run_label = scene.run_label
        outcomes: Outcomes = []
        # Judged again after a stale commit, the new turns have their marks already.
        marks = list(request.marks[: request.common])
        before = marks[-1].tally if marks else Tally()
        parts = marks[-1].parts if marks else 0
        chain_at = len(request.roles_chains) - len(request.new_turns)
        for offset, (name, section) in enumerate(sections):
            outcome = section.outcome or (
                reviewed[name]
                if section.lines is not None
                else judge_section(scene, section.reading.parts, section.passages, section.calls)
            )
            outcomes.append((name, outcome))
            if outcome.rules:
                self.rules.update(dict.fromkeys(outcome.rules))
            if outcome.quarantine:
                self.quarantined.update(dict.fromkeys(row.id for row in outcome.quarantine))
            request.digests.update(outcome.digests)
            if name is None:
                before = before.plus(outcome.tally)
                parts += len(section.reading.parts)
                role, chain = request.roles_chains[chain_at + offset]
                marks.append(
                    Mark(chain, role, before, parts, outcome.digests, section.reading.calls)
                )
        trail = request.trail
        fields: dict[str, tuple[CallId, Outcome]] = {}
        for name in request.fields:
            if name not in request.new_fields and trail is not None:
                fields[name] = trail.field_outcomes[name]
        fields.update({name: (self.call_id, o) for name, o in outcomes if name is not None})
        request.marks, self.field_outcomes = marks, fields
        total = before
        for _, outcome in fields.values():
            total = total.plus(outcome.tally)
        self.tally = total
        return outcomes

    def refused(self, outcomes: Outcomes) -> Refused | None:
        """The refusal that the outcomes call for, if any."""
        known = [o for _, o in outcomes] + [o for _, o in self.field_outcomes.values()]
        for outcome in known:
            if outcome.refused is not None:
                return Refused(*outcome.refused)
        return None


def _read(sections: Iterable[Section]) -> Iterator[tuple[Part, Passages]]:
    for section in sections:
        if section.outcome is None:
            yield from zip(section.reading.parts, section.passages, strict=False)


def _channel(name: str | None) -> Channel | None:
    try:
        return Channel(name) if name is not None else None
    except ValueError:
        return None

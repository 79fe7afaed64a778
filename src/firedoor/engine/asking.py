"""What policy is asked: of a text that would enter a context, and of a call that would leave it."""

from typing import TYPE_CHECKING, Final

from firedoor import budget, identity, lineage, policy
from firedoor.engine.scene import Scene
from firedoor.lineage import Labelled
from firedoor.types.ids import Digest, QuarantineId, RoomId
from firedoor.types.label import BOTTOM, Label, join
from firedoor.types.part import Kind, Part, Standing
from firedoor.types.record import Judgement
from firedoor.types.verdict import Action, CallAsk, PartAsk, Verdict

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


_READ: Final = (Kind.TEXT, Kind.CALL, Kind.DEFINITION)
_NOT_OWN: Final = (Standing.FORGED, Standing.TRANSPLANTED)


def _roots(label: Label) -> tuple[str, ...]:
    return tuple(sorted(label.live))


def full_roots(scene: Scene, label: Label) -> set[RoomId]:
    """The roots of a label whose text may not enter this room any more."""
    limit_of = scene.settings.policy.reach_limit_for
    room = scene.instance.room
    return {
        full
        for root in label.live
        for full in budget.full_roots(scene.found.reach, (root,), room, limit_of(root))
    }


def _ask(scene: Scene, part: Part, labelled: Labelled) -> PartAsk:
    row = scene.instance
    author = labelled.spans[0].author if labelled.spans else None
    full = bool(full_roots(scene, labelled.label))
    return PartAsk(
        channel=labelled.channel,
        origin=labelled.origin,
        kind=part.kind,
        surface=scene.surface,
        crossing=labelled.crossing,
        inrun=labelled.inrun,
        attributed=labelled.attributed,
        evidence=labelled.evidence,
        generation=labelled.label.generation,
        author=author.author if author else None,
        author_compartment=author.compartment if author else None,
        roots=_roots(labelled.label),
        instance=row.name,
        compartment=row.compartment,
        tool=tool_of(scene, part),
        standing=labelled.standing,
        reach_full=full,
        run_exposed=scene.run_label != BOTTOM,
        part_of_room=_part_of_room(labelled),
        own=labelled.own,
        opaque=bool(opaque_of(scene, part)),
        holds=scene.holds,
    )


def opaque_of(scene: Scene, part: Part) -> tuple[tuple[int, int], ...]:
    """What nobody can read of a text: looked for closely where a rule wants to know."""
    if part.kind not in _READ:
        return ()
    found = scene.opaque.get(id(part))
    if found is None:
        asked = scene.settings.policy.asks_opaque
        found = scene.opaque[id(part)] = lineage.opaque_spans(part.text, wrapped=asked)
    return found


def _part_of_room(labelled: Labelled) -> bool:
    return labelled.own or labelled.same_room or labelled.label == BOTTOM


def tool_of(scene: Scene, part: Part) -> str | None:
    """The tool that gave a part, or that its call asks for."""
    if part.tool is not None:
        return part.tool
    claim = scene.calls.get(part.call) if part.call is not None else None
    return claim.name if claim is not None else None


def _asked_here(scene: Scene, part: Part, labelled: Labelled) -> bool:
    """Whether a rule may speak of what a part is, wherever it comes from."""
    rules = scene.settings.policy
    if not rules.inside:
        return False
    if labelled.standing in _NOT_OWN:
        return True
    return rules.asks_opaque and not labelled.own and bool(opaque_of(scene, part))


def _released(scene: Scene, digest: Digest | None) -> bool:
    """Whether a person let this text go, for this room and until now."""
    return digest is not None and any(
        grant.kind == "released"
        and (grant.until is None or grant.until > scene.at)
        and grant.scope in (None, scene.instance.room)
        for grant in scene.found.grants.get(digest, ())
    )


def text_verdict(
    scene: Scene, part: Part, labelled: Labelled, digest: Digest | None
) -> tuple[Verdict, Judgement | None, bool]:
    """The verdict of one text; what to remember of it; whether it was remembered already."""
    # What a text is, in this place, no earlier judgement of the same text says.
    here = _asked_here(scene, part, labelled) and not _released(scene, digest)
    if scene.enforcing and digest is not None and not (labelled.own or here):
        # The same part in the same instance gets the same bytes until orders or policy change.
        held = scene.found.judgements.get(digest)
        if held is not None and held.epoch == _epoch(scene, labelled):
            return Verdict(Action(held.action), held.rule), None, True
    unasked = policy.passes_unasked(
        scene.settings.policy,
        part_of_room=_part_of_room(labelled),
        inrun=labelled.inrun,
        run_exposed=scene.run_label != BOTTOM,
    )
    verdict = (
        policy.PASSED
        if unasked and not here
        else policy.verdict_for(scene.settings.policy, _ask(scene, part, labelled))
    )
    remember = None
    judged = (labelled.crossing or not verdict.action.shown) and not here
    if scene.enforcing and digest is not None and judged:
        quarantine = None
        if verdict.action is Action.QUARANTINE:
            quarantine = quarantine_id(scene, digest)
        remember = Judgement(
            digest,
            verdict.action.value,
            verdict.rule,
            labelled.label,
            quarantine,
            _epoch(scene, labelled),
        )
    return verdict, remember, False


def _epoch(scene: Scene, labelled: Labelled) -> str:
    """What a verdict was found under; the statements that it rests on are part of it."""
    return ":".join((scene.epoch, *labelled.statements)) if labelled.statements else scene.epoch


def quarantine_id(scene: Scene, digest: Digest) -> QuarantineId:
    """The item of a passage: the same wherever it is held."""
    return QuarantineId(
        "q_" + identity.short_id(scene.settings.digester("quarantine" + digest.hex()))
    )


def call_ask(
    exchange: "Exchange", name: str, affordances: tuple[str, ...], label: Label
) -> CallAsk:
    """What is asked of a tool call that an answer makes (MODEL line 27)."""
    row = exchange.known_instance()
    tally = exchange.tally
    run_label = join(exchange.judged.run_label, tally.presented)
    unproven = bool(tally.unproven or tally.assumed)
    exposed = lineage.exposed(label, run_label, any_unproven=unproven)
    return CallAsk(
        tool=name,
        affordances=affordances,
        surface=exchange.endpoint.surface,
        instance=row.name,
        compartment=row.compartment,
        exposed_generation=exposed.generation,
        exposed_roots=_roots(exposed),
        holds_released=tally.released > 0,
    )

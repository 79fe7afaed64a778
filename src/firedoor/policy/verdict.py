"""The answer to an ask: structure first, then the file's rules, then the preset's, then allow."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.policy.affordances import affordances_for
from firedoor.policy.presets import HELD_UNPROVEN
from firedoor.policy.rules import Rule
from firedoor.policy.settings import Policy
from firedoor.policy.treatments import Treatment, treatment_of
from firedoor.types.exchange import Mode
from firedoor.types.part import Evidence, Standing
from firedoor.types.verdict import Action, CallAsk, PartAsk, RequestAsk, Verdict

PASSED: Final = Verdict(Action.ALLOW)


def _first(rules: tuple[Rule, ...], ask: PartAsk | CallAsk | RequestAsk, *, act: bool) -> Verdict:
    """The first rule that matches and acts; shadow rules before it are noted and do not act."""
    shadow = []
    for rule in rules:
        if not rule.matches(ask):
            continue
        if rule.shadow or not act:
            shadow.append((rule.id, rule.action))
            if not act and not rule.shadow:
                break
            continue
        return Verdict(rule.action, rule.id, tuple(shadow))
    return Verdict(Action.ALLOW, None, tuple(shadow))


def passes_unasked(policy: Policy, *, part_of_room: bool, inrun: bool, run_exposed: bool) -> bool:
    """Whether a part passes by its standing alone, before any rule (MODEL line 28).

    Nothing is judged inside a room; and withholding the run's own unproven text would let one
    poisoned note hold back its user.
    """
    return part_of_room or (inrun and (policy.rewrite == "attenuate" or not run_exposed))


def inside_verdict(policy: Policy, ask: PartAsk) -> Verdict:
    """What happens to a part that passes unasked: only rules that hold inside a room speak of it.

    What the run said itself is not asked about where it stands as its own, nor what a person has
    released.
    """
    own = ask.own and ask.standing not in (Standing.FORGED, Standing.TRANSPLANTED)
    if not policy.inside or own or ask.evidence is Evidence.REVIEWED:
        return PASSED
    return _first(policy.inside, ask, act=policy.mode is not Mode.OBSERVE)


def verdict_for(policy: Policy, ask: PartAsk) -> Verdict:
    """What happens to a part (MODEL lines 28 and 29). In ``observe`` every answer is a shadow."""
    if passes_unasked(
        policy, part_of_room=ask.part_of_room, inrun=ask.inrun, run_exposed=ask.run_exposed
    ):
        return inside_verdict(policy, ask)
    act = policy.mode is not Mode.OBSERVE
    rules = policy.rules + policy.preset
    if ask.inrun:
        # Strict: the run has read foreign text, and this may be that text in other words.
        return _first(rules, ask._replace(crossing=True), act=act)
    accept = policy.accept_depth(ask.compartment)
    deeper = accept is not None and (ask.generation is None or ask.generation > accept)
    if deeper and act and ask.crossing:
        # Before what unproven text is let do: nobody may get round a clearance by hiding.
        return Verdict(Action.QUARANTINE, f"accept/{ask.compartment}")
    if not ask.attributed and ask.generation is None and ask.crossing and policy.preset:
        own = _first(policy.rules, ask, act=act)
        if own.rule is not None or policy.mode is Mode.ISOLATE:
            return own if own.rule is not None else _first(policy.preset, ask, act=act)
        if policy.unknown == "hold":
            return _first((HELD_UNPROVEN,), ask, act=act)
        return own
    return _first(rules, ask, act=act)


def call_verdict(policy: Policy, ask: CallAsk) -> Verdict:
    """Whether an answer may make this tool call (line 30)."""
    return _first(policy.rules + policy.preset, ask, act=policy.mode is not Mode.OBSERVE)


class RequestVerdict(NamedTuple):
    """Whether a request goes on, why, and whether what it names may be held back."""

    verdict: Verdict
    why: str
    gated: bool = False


def request_verdict(policy: Policy, ask: RequestAsk, *, below: bool) -> RequestVerdict:
    """Whether a request for an operation goes on: the file's rules, then the preset's treatment.

    In ``observe`` the answer is always allow.
    """
    act = policy.mode is not Mode.OBSERVE
    own = _first(policy.rules, ask, act=act)
    if own.rule is not None or not act or not policy.treats:
        return RequestVerdict(own, "a rule of the policy says so")
    provider, _, name = ask.endpoint.partition(":")
    treatment, why = treatment_of(
        policy.mode, provider=provider, family=ask.family, act=ask.act, name=name, below=below
    )
    if treatment is not Treatment.DENY:
        return RequestVerdict(own, why, treatment is Treatment.HOLD)
    return RequestVerdict(Verdict(Action.DENY, f"{policy.mode}/{ask.family}", own.shadow), why)


def hop_verdict(policy: Policy, ask: RequestAsk) -> Verdict:
    """Whether a call may hold the hop that ``ask`` names: a rule of the file says so by its name.

    A rule that lets an endpoint through has not thought of what one of its fields may start.
    """
    act = policy.mode is not Mode.OBSERVE
    own = _first(tuple(rule for rule in policy.rules if rule.names_hop), ask, act=act)
    if own.rule is not None or not act or not policy.treats:
        return own
    return Verdict(Action.DENY, f"{policy.mode}/hop", own.shadow)


def held_by(policy: Policy, tools: Iterable[str]) -> tuple[str, ...]:
    """What an instance that is offered these tools may do with them, sorted."""
    return tuple(sorted({a for tool in tools for a in affordances_of(policy, tool)}))


def affordances_of(policy: Policy, tool: str) -> tuple[str, ...]:
    """What ``tool`` lets an instance do."""
    return affordances_for(policy.affordances, tool)

"""The file's own ``tests:``: facts, and the verdict that they should get."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from firedoor.config.models import Case
from firedoor.errors import SettingsError
from firedoor.policy import Policy, call_verdict, verdict_for
from firedoor.types.exchange import Surface
from firedoor.types.part import Channel, Evidence, Kind, Origin, Standing
from firedoor.types.verdict import Action, CallAsk, PartAsk

_WORDS: Final[dict[str, Any]] = {
    "channel": Channel,
    "origin": Origin,
    "kind": Kind,
    "evidence": Evidence,
    "standing": Standing,
    "surface": Surface,
}


class Failure(NamedTuple):
    """A case that came out otherwise."""

    case: int
    given: dict[str, Any]
    expected: Action
    found: Action
    rule: str | None


def _part(given: dict[str, Any]) -> PartAsk:
    ask = PartAsk(
        channel=Channel.MEMORY,
        origin=Origin.INSTANCE,
        kind=Kind.TEXT,
        surface=Surface.OPENAI_CHAT,
        crossing=False,
        inrun=False,
        attributed=True,
        evidence=Evidence.MATCHED,
        generation=0,
        author="somebody",
        author_compartment="elsewhere",
        roots=("elsewhere",),
        instance="reader",
        compartment="here",
        tool=None,
        standing=None,
    )
    return ask._replace(**given)


def _call(given: dict[str, Any]) -> CallAsk:
    affordance = given.pop("affordance", ())
    ask = CallAsk(
        tool="tool",
        affordances=(affordance,) if isinstance(affordance, str) else tuple(affordance),
        surface=Surface.OPENAI_CHAT,
        instance="reader",
        compartment="here",
        exposed_generation=0,
        exposed_roots=(),
    )
    return ask._replace(**given)


def run_cases(policy: Policy, cases: Iterable[Case]) -> list[Failure]:
    """The cases that fail. Raises SettingsError for a fact that no ask knows."""
    failures = []
    for number, case in enumerate(cases, start=1):
        given = {
            name: _WORDS[name](value) if name in _WORDS and value is not None else value
            for name, value in case.given.items()
        }
        for name in ("generation", "exposed_generation"):
            if given.get(name) == "unknown":
                given[name] = None
        is_call = "affordance" in given or "exposed_generation" in given
        try:
            if is_call:
                verdict = call_verdict(policy, _call(dict(given)))
            else:
                verdict = verdict_for(policy, _part(given))
        except (TypeError, ValueError) as error:
            raise SettingsError(f"tests.{number}: {error}") from None
        if verdict.action is not case.expect:
            failures.append(Failure(number, case.given, case.expect, verdict.action, verdict.rule))
    return failures

"""The inventory knows all that the SDKs of today can say; what it lacks is named here."""

import re
import typing
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Final

import pytest
from anthropic.types import AnthropicBetaParam

from firedoor.policy.treatments import Treatment, treatment_of
from firedoor.types.exchange import Mode
from firedoor.wire.inventory import endpoints, hops
from firedoor.wire.inventory.endpoints import Match, Operation
from firedoor.wire.inventory.events import DELTAS, EVENTS
from firedoor.wire.inventory.queries import query_names
from firedoor.wire.inventory.requests import request_shape
from sdk_drift import Comparison, tags_of
from sdk_gemini import calls_of_gemini
from sdk_types import Call, Obj, alternatives, calls_of_resources, header_values

PACKAGES: Final = {"openai": "openai", "anthropic": "anthropic", "gemini": "google-genai"}
PROVIDERS = pytest.mark.parametrize("provider", PACKAGES)
# Members that are called ids and are none of anybody's.
PLAIN: Final = (
    # Pairs a call with its result, a batch's line with its answer.
    "*.call_id", "*.tool_call_id", "*.tool_use_id", "*.caller_id", "*.tool_id", "*.custom_id",
    "*.tool_calls[[]*[]].id", "*_use].id",
    # The item itself stands there; what is looked up by its id has ref:item.
    "*.input[[]*[]].id", "*.items[[]*[]].id", "*_safety_checks.id",
    # Names what was read, and opens nothing.
    "*citation].*_id", "*[[]file_path].file_id", "*_location].file_id", "*.results.file_id",
    # A piece of text; a name that the program gives its user.
    "*.token", "*.user_id",
    # Names of the provider's own, spelled out in its documentation.
    "*.connector_id", "*.skills[[]anthropic].skill_id", "*.place_id", "*.review_id",
    # Pairs within one part or one request.
    "*.contents.parts.*.id", "*.systemInstruction.parts.*.id", "*.content.parts.*.id", "*.finding_id", "*[[]browser_state]*_id",
    # Held by the training gate before anything of it is read.
    "evals.runs.create.*",
)  # fmt: skip


@cache
def calls(provider: str) -> list[Call]:
    """The requests of an SDK."""
    return calls_of_gemini() if provider == "gemini" else calls_of_resources(provider)


def match(provider: str, call: Call) -> Match | None:
    """The line of the inventory that a request of an SDK is at."""
    return endpoints.find(provider, call.method, re.sub(r"\{\w+\}", "x", call.path))


def let_in(provider: str) -> Iterator[tuple[Operation, Call]]:
    """The requests that `contain` does not refuse by their name, and all whose bodies have a row."""
    for call in calls(provider):
        at = match(provider, call)
        if at is None:
            continue
        operation = at.operation
        treatment, _ = treatment_of(
            Mode.CONTAIN, provider=provider, family=operation.family, act=operation.act,
            name=operation.name, below=bool(at.ids),
        )  # fmt: skip
        known = request_shape(provider, operation.name) is not None
        if known or treatment is not Treatment.DENY:
            yield operation, call


def compared(provider: str) -> Comparison:
    """Everything that the let-in requests of an SDK may hold, against the inventory."""
    comparison = Comparison(PLAIN)
    for operation, call in let_in(provider):
        shape = request_shape(provider, operation.name)
        for body in call.bodies:
            if shape is not None:
                comparison.compare(body, shape, operation.name)
            elif any(isinstance(a, Obj) and a.members for a in alternatives(body)):
                comparison.missing[f"{operation.name}: no row"] = None
    return comparison


def event_types(provider: str) -> tuple[set[str], set[str]]:
    """What the streams of let-in requests call their events, and their deltas."""
    named: set[str] = set()
    deltas: set[str] = set()
    for _, call in let_in(provider):
        for found in (a for tp in call.events for a in alternatives(tp)):
            if isinstance(found, Obj):
                named |= {*found.tags(), *found.tags("event_type")}
                if provider == "anthropic":
                    deltas |= set(tags_of(found.members.get("delta")))
    return named, deltas


def betas(provider: str) -> set[tuple[str, str]]:
    """(header, value) of what an SDK may ask for by a header."""
    if provider == "anthropic":
        values = {v for a in typing.get_args(AnthropicBetaParam) for v in typing.get_args(a)}
        values |= header_values("anthropic", "anthropic-beta")
        return {("anthropic-beta", value) for value in values}
    if provider == "openai":
        values = header_values("openai", "openai-beta")
        for call in calls_of_resources("openai"):
            for named in call.headers:
                values |= set(named)
        return {("openai-beta", value) for value in values}
    return set()


@PROVIDERS
def test_every_endpoint_has_a_line(provider: str) -> None:
    missing = {
        f"{c.method} {c.path} ({c.where})" for c in calls(provider) if not match(provider, c)
    }
    assert sorted(missing) == []


@PROVIDERS
def test_every_query_parameter_has_a_row(provider: str) -> None:
    missing = set()
    for operation, call in let_in(provider):
        named = set(call.query_names)
        for tp in call.queries:
            named |= {n for a in alternatives(tp) if isinstance(a, Obj) for n in a.members}
        missing |= {f"{operation.name}?{name}" for name in named - query_names(operation)}
    assert sorted(missing) == []


@PROVIDERS
def test_every_field_item_and_tool_has_a_row(provider: str) -> None:
    assert sorted(compared(provider).missing) == []


@PROVIDERS
def test_every_event_of_a_stream_has_a_row(provider: str) -> None:
    known = {e for surface, rows in EVENTS.items() if surface.startswith(provider) for e in rows}
    named, deltas = event_types(provider)
    assert sorted(named - known) == []
    assert sorted(deltas - set(DELTAS)) == []


@PROVIDERS
def test_every_value_of_a_beta_header_has_a_row(provider: str) -> None:
    missing = {f"{h}: {v}" for h, v in betas(provider) if hops.beta_of(h, v) is None}
    assert sorted(missing) == []


def test_a_row_that_is_taken_out_is_missed() -> None:
    """The arm that must fail: what the test says of an inventory with a hole."""
    comparison = Comparison(PLAIN)
    whole = request_shape("openai", "responses.create")
    assert whole is not None
    shape = {name: row for name, row in whole.items() if name != "previous_response_id"}
    for operation, call in let_in("openai"):
        if operation.name == "responses.create":
            for body in call.bodies:
                comparison.compare(body, shape, "responses.create")
    assert [m for m in comparison.missing if "previous_response_id" in m]


@PROVIDERS
def test_the_counts_are_said(provider: str, capsys: pytest.CaptureFixture[str]) -> None:
    """How much was held against the inventory: printed, and never silently nothing."""
    comparison = compared(provider)
    named, deltas = event_types(provider)
    counts = {
        "endpoints": len({(c.method, c.path) for c in calls(provider)}),
        "fields": len(comparison.fields),
        "items": len(comparison.tags["items"]),
        "tools": len(comparison.tags["tools"]),
        "events": len(named | deltas),
        "betas": len(betas(provider)),
    }
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    with capsys.disabled():
        package = PACKAGES[provider]
        print(f"\n{package} {version(package)}: {told}")
    floor = {"openai": 380, "anthropic": 270, "gemini": 80}
    assert counts["endpoints"] >= floor[provider]
    assert counts["fields"] > 600
    assert counts["items"] > 20
    assert counts["tools"] > 10

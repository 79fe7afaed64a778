"""Every kind of amount is a file, a row and a line of the reference page."""

from importlib.resources import files
from pathlib import Path

import pytest

from firedoor.budget import (
    KINDS,
    Ask,
    Budgets,
    Limit,
    Taken,
    ToolAsk,
    Used,
    unbounded_kinds,
)
from firedoor.config import models
from firedoor.types.budget import Cycle, Scope, Window

PAGE = Path(__file__).parents[2] / "docs" / "budgets.md"


def test_each_file_of_the_room_has_its_row() -> None:
    folder = files("firedoor.budget").joinpath("kinds")
    named = {f.name.removesuffix(".py") for f in folder.iterdir() if f.name.endswith(".py")}
    assert named - {"__init__", "kind"} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_kind_can_be_written_and_is_in_the_docs(name: str) -> None:
    kind = KINDS[name]
    assert name in models.Budget.model_fields
    row = f"| `{name}` | {kind.unit} |"
    assert row in PAGE.read_text()
    assert f"`{kind.example}`" in PAGE.read_text()


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_kind_says_how_it_is_taken(name: str) -> None:
    kind = KINDS[name]
    held = kind.hold is not None and kind.used is not None
    assert held == (kind.taken is Taken.CALL)
    assert (kind.charge is not None) == (kind.taken is Taken.TOOL)


def test_what_is_held_is_never_less_than_what_may_be_used() -> None:
    ask = Ask(input_bytes=1001, output_tokens_max=70, kept_tokens=5, cost_max=9)
    assert ask.input_tokens_max == 506
    assert ask._replace(context_tokens=300).input_tokens_max == 300
    used = Used(True, 506, 70, 9, 1.2)
    for name in ("requests", "input_tokens", "output_tokens", "cost_usd"):
        kind = KINDS[name]
        assert kind.hold is not None
        assert kind.used is not None
        assert kind.hold(ask) == kind.used(used)
    time = KINDS["wall_time"].used
    assert time is not None
    assert (time(used), time(Used(reached=False))) == (2, 0)


def test_a_tool_is_charged_to_what_fits_it() -> None:
    ask = ToolAsk("git_push", ("write_shared",), 12)
    charges = [
        (KINDS["tools"], "git_*", 1), (KINDS["tools"], "bash", 0),
        (KINDS["affordances"], "write_shared", 1), (KINDS["affordances"], "money", 0),
        (KINDS["egress_bytes"], "", 12), (KINDS["tool_calls"], "", 1),
    ]  # fmt: skip
    for kind, subject, expected in charges:
        assert kind.charge is not None
        assert kind.charge(ask, subject) == expected


def test_a_limit_of_names_alone_holds_nobody() -> None:
    day = Window(Cycle.CALENDAR, 86_400)
    one = Limit(Scope.INSTANCE, "*", "requests", "", 5, day)
    other = Limit(Scope.AGENT, "*", "cost_usd", "", 5, day)
    above = Limit(Scope.COMPARTMENT, "lab", "cost_usd", "", 5, day)
    assert unbounded_kinds(Budgets((one, other))) == ("cost_usd", "requests")
    assert unbounded_kinds(Budgets((one, other, above))) == ("requests",)

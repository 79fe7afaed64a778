"""Whoever holds money, others' lives or the network is not exposed in the first place."""

from pathlib import Path

import pytest

from driving import Office, part, settings_for
from firedoor.types.exchange import Binding

NOTE = "The harbour office moves to the north pier on the first of May."
WRITER = Binding("writer", "press")
READER = Binding("reader", "till")


def shown(world: Office, text: str = NOTE, *, offers: tuple[str, ...], key: str = "k") -> str:
    seen = world.read(READER, text, "read_note", key=key, offers=offers)
    assert seen.sent
    return seen.request["messages"][2]["content"]


def office(folder: Path | None = None, file: str = "") -> Office:
    world = Office(settings_for(folder, "contain", file), people=True)
    world.write(WRITER, "save_note", key="k", text=NOTE)
    return world


@pytest.mark.parametrize("tool", ["pay_invoice", "spawn_agent", "web_fetch", "bash"])
def test_who_can_spend_start_or_reach_out_is_not_shown_the_first_hop(tool: str) -> None:
    world = office()
    seen = world.read(READER, NOTE, "read_note", key="k", offers=("read_note", tool))
    assert seen.request["messages"][2]["content"] == "[withheld]"
    assert part(world.explain(seen), "/messages/2/content")["rule"] == "contain/clearance"


@pytest.mark.parametrize("offers", [(), ("read_note", "save_note"), ("python",)])
def test_others_are_shown_it(offers: tuple[str, ...]) -> None:
    assert shown(office(), offers=offers) == NOTE


def test_what_was_shown_is_withheld_from_the_call_that_offers_the_tool() -> None:
    """The judgement is of what the instance may do now, not of what it could when it first read."""
    world = office()
    assert shown(world, offers=("read_note",)) == NOTE
    assert shown(world, offers=("read_note", "pay_invoice")) == "[withheld]"


def test_a_history_is_judged_again_when_a_tool_comes_to_it() -> None:
    world = office()
    first = world.read(READER, NOTE, "read_note", key="k", offers=("read_note",))
    turns = first.request["messages"]
    pay = {"type": "function", "function": {"name": "pay_invoice"}}
    again = world.call(
        READER,
        [*turns, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "Pay."}],
        extra={"tools": [pay]},
    )
    assert again.request["messages"][2]["content"] == "[withheld]"


def test_a_compartment_says_what_it_accepts(tmp_path: Path) -> None:
    file = "compartments: {till: {instances: [reader], accept: {depth: 1}}}"
    assert shown(office(tmp_path, file), offers=("read_note", "pay_invoice")) == NOTE


def test_a_clearance_is_not_passed_by_what_nobody_can_prove(tmp_path: Path) -> None:
    """Hiding never pays: unproven text of a store that others write ranks above every number."""
    file = "compartments: {till: {instances: [reader], accept: {depth: 0}}}"
    world = office(tmp_path, file)
    unproven = "A text in the store of which nobody knows who wrote it."
    assert shown(world, unproven, offers=("read_note",), key="u") == "[withheld]"
    assert shown(office(), unproven, offers=("read_note",), key="u") == unproven


def test_an_affordance_of_the_file_counts_as_one_of_the_door(tmp_path: Path) -> None:
    file = "affordances: {ledger_entry: [money]}"
    assert shown(office(tmp_path, file), offers=("ledger_entry",)) == "[withheld]"


def test_observe_changes_nothing() -> None:
    world = Office(settings_for(None, "observe"), people=True)
    world.write(WRITER, "save_note", key="k", text=NOTE)
    assert shown(world, offers=("pay_invoice",)) == NOTE

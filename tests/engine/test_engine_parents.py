"""A parent that a header names: looked up under the same credential, and shown."""

from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.types.exchange import Binding

KEY_A = (b"authorization", b"Bearer sk-live-a")
KEY_B = (b"authorization", b"Bearer sk-live-b")
ASK = [{"role": "user", "content": "Please count the crates."}]


@pytest.fixture(params=["contain", "observe"])
def office(request: pytest.FixtureRequest) -> Office:
    return Office(settings_for(None, request.param))


def named(name: str | None, parent: str | None = None, room: str | None = None) -> Any:
    values = {b"instance": name, b"parent": parent, b"compartment": room}
    return tuple((b"x-firedoor-" + n, v.encode()) for n, v in values.items() if v is not None)


def call(
    office: Office, *headers: tuple[bytes, bytes], key: tuple[bytes, bytes] = KEY_A, **more: Any
) -> Outcome:
    turns = more.pop("turns", ASK)
    return office.call(None, turns, headers=(key, *headers), front="sidecar", **more)


def parents(office: Office, outcome: Outcome) -> list[str]:
    """The names of a call's parents, as both screens show them."""
    rows = {row["instance_id"]: row for row in office.reader.instances()}
    shown = office.explain(outcome)
    assert rows[shown["instance_id"]]["parents"] == shown["parents"]
    return [rows[id_]["instance"] for id_ in shown["parents"]]


def test_a_declared_childs_parent_is_shown_on_every_call(office: Office) -> None:
    call(office, *named("lead"))
    for _ in range(2):
        assert parents(office, call(office, *named("helper", "lead"))) == ["lead"]
    office.forget()
    assert parents(office, call(office, *named("helper", "lead"))) == ["lead"]
    assert parents(office, call(office, *named("helper"))) == ["lead"]


def test_an_undeclared_childs_parent_is_shown(office: Office) -> None:
    call(office, *named("lead"))
    first = call(office, *named(None, "lead"))
    assert parents(office, first) == ["lead"]
    said = first.answer["choices"][0]["message"]["content"]
    longer = [*ASK, {"role": "assistant", "content": said}, {"role": "user", "content": "And?"}]
    second = call(office, *named(None, "lead"), turns=longer)
    assert second.exchange.known_instance().id == first.exchange.known_instance().id
    assert parents(office, second) == ["lead"]


def test_an_agent_of_claude_code_names_its_parent(office: Office) -> None:
    session = (b"x-claude-code-session-id", b"s-1")
    call(office, session, (b"x-claude-code-agent-id", b"main"))
    sub = (
        (b"x-claude-code-agent-id", b"sub"),
        (b"x-claude-code-parent-agent-id", b"main"),
    )
    assert parents(office, call(office, session, *sub)) == ["main"]


def test_a_bound_instance_keeps_the_parent_that_encloses_it(office: Office) -> None:
    office.call(Binding("boss", "office"), ASK)
    office.call(Binding("lead", "office"), ASK)
    child = Binding("helper", "office", Binding("boss", "office"))
    found = office.call(child, ASK, headers=named(None, "lead"))
    assert parents(office, found) == ["boss", "lead"]


@pytest.mark.parametrize("claim", ["nobody", "helper"])
def test_an_unknown_name_and_ones_own_are_no_claim(office: Office, claim: str) -> None:
    assert parents(office, call(office, *named("helper", claim))) == []
    assert parents(office, call(office, *named("helper", claim))) == []


def test_a_parent_that_calls_later_is_found_then(office: Office) -> None:
    assert parents(office, call(office, *named("helper", "lead"))) == []
    call(office, *named("lead"))
    assert parents(office, call(office, *named("helper", "lead"))) == ["lead"]


def test_a_parent_is_looked_for_under_the_same_credential_only(office: Office) -> None:
    call(office, *named("lead"), key=KEY_B)
    assert parents(office, call(office, *named("helper", "lead"))) == []


def test_a_parent_in_the_same_room_comes_before_a_newer_one_elsewhere(office: Office) -> None:
    here = call(office, *named("lead", room="research"))
    call(office, *named("lead", room="press"))
    child = call(office, *named("helper", "lead", room="research"))
    assert office.explain(child)["parents"] == [here.exchange.known_instance().id]


def test_a_call_refused_before_it_was_identified_loses_no_parent(office: Office) -> None:
    call(office, *named("lead"))
    call(office, *named("helper", "lead"))
    office.forget()
    call(office, *named("helper", "lead"), path="/v1/files")
    assert parents(office, call(office, *named("helper"))) == ["lead"]


def test_parents_that_headers_name_are_bounded(office: Office) -> None:
    for number in range(20):
        call(office, *named(f"lead-{number}"))
        found = call(office, *named("helper", f"lead-{number}"))
    assert len(office.explain(found)["parents"]) == 16


def test_a_claimed_parent_moves_no_label(office: Office) -> None:
    """Whoever leaves the header out must not be better off (I1), so nothing hangs on it."""
    call(office, *named("lead", room="research"))
    with_claim = call(office, *named("a", "lead", room="press"))
    without = call(office, *named("b", room="press"))
    assert office.explain(with_claim)["generation"] == office.explain(without)["generation"]

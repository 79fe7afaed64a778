"""Virtual keys on the road of a call: whose it is, what headers may say, and when it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.port import LookParts
from firedoor.errors import StoreUnavailable
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from keys import issued, offices, sends

NOW = 1.7e9
ASK = [{"role": "user", "content": "Please count the crates."}]
SECRET_NOTE = (
    "The lamp on the western mole is to be lit at dusk, and not before the tide has turned."
)


@pytest.fixture(params=["contain", "observe"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    return offices(tmp_path, request.param)


def call(office: Office, secret: str, turns: Any = ASK, **more: Any) -> Outcome:
    named = more.pop("named", {})
    return office.call(
        None,
        turns,
        more.pop("reply", None),
        headers=sends(secret, **named),
        front="sidecar",
        **more,
    )


def told(office: Office, outcome: Outcome) -> dict[str, Any]:
    assert outcome.status == 200, outcome.body
    return office.explain(outcome)


# -- whose call it is ------------------------------------------------------------------------------


def test_a_bound_key_is_its_instance_in_its_compartment(office: Office) -> None:
    secret, id_ = issued(office.store, at=NOW, compartment="research", instance="planner")
    found = told(office, call(office, secret))
    assert (found["instance"], found["compartment"]) == ("planner", "research")
    assert (found["identity"], found["key"], found["room"]) == ("key", id_, "research")


def test_a_key_without_a_compartment_is_a_room_of_its_own(office: Office) -> None:
    rooms = set()
    for _ in range(2):
        secret, id_ = issued(office.store, at=NOW)
        rooms |= {told(office, call(office, secret))["room"] for _ in range(2)}
        assert f"key/{id_}" in rooms
    assert len(rooms) == 2


def test_a_pattern_of_the_policy_gives_a_bound_instance_its_room(tmp_path: Path) -> None:
    policy = "compartments:\n  research: {instances: ['planner*']}\n"
    office = offices(tmp_path, policy=policy)
    secret, _ = issued(office.store, at=NOW, instance="planner-1")
    assert told(office, call(office, secret))["room"] == "research"


def test_another_name_under_a_bound_key_is_a_child_of_its_instance(office: Office) -> None:
    secret, _ = issued(office.store, at=NOW, compartment="research", instance="planner")
    parent = told(office, call(office, secret))
    child = told(office, call(office, secret, named={"instance": "boss"}))
    assert (child["instance"], child["room"]) == ("planner/boss", "research")
    assert child["parents"] == [parent["instance_id"]]


def test_a_key_lent_to_a_sibling_makes_it_nobody_else(office: Office) -> None:
    """Whoever holds it is its instance or a child of it, never the sibling that borrowed it."""
    lent, _ = issued(office.store, at=NOW, compartment="research", instance="planner")
    own, _ = issued(office.store, at=NOW, compartment="press", instance="writer")
    sibling = told(office, call(office, own))
    borrowed = told(office, call(office, lent, named={"instance": "writer"}))
    assert borrowed["instance_id"] != sibling["instance_id"]
    assert (borrowed["instance"], borrowed["room"]) == ("planner/writer", "research")


@pytest.mark.parametrize(
    ("named", "param"),
    [
        ({"compartment": "payments"}, "x-firedoor-compartment"),
        ({"instance": "writer-9"}, "x-firedoor-instance"),
    ],
)
def test_forged_headers_widen_nothing(
    office: Office, named: dict[str, str], param: str
) -> None:  # fmt: skip
    secret, _ = issued(office.store, at=NOW, compartment="research", instances="planner-*")
    refused = call(office, secret, named=named)
    assert (refused.status, refused.code, refused.sent) == (403, "firedoor_denied", None)
    assert refused.answer["error"]["param"] == param
    assert call(office, secret, named={"instance": "planner-2"}).status == 200
    assert call(office, secret, named={"compartment": "research"}).status == 200


def test_a_process_under_a_key_narrows_it_too(office: Office) -> None:
    secret, _ = issued(office.store, at=NOW, compartment="research", instance="planner")
    inside = office.call(Binding("helper"), ASK, headers=sends(secret))
    assert told(office, inside)["instance"] == "planner/helper"
    elsewhere = office.call(Binding("helper", "press"), ASK, headers=sends(secret))
    assert (elsewhere.status, elsewhere.code) == (403, "firedoor_denied")


def test_a_child_that_claims_anothers_parent_gets_none(office: Office) -> None:
    theirs, _ = issued(office.store, at=NOW, compartment="press", instance="chief")
    ours, _ = issued(office.store, at=NOW, compartment="research")
    told(office, call(office, theirs))
    told(office, call(office, ours, named={"instance": "lead"}))
    forged = call(office, ours, named={"instance": "helper", "parent": "chief"})
    assert told(office, forged)["parents"] == []
    true = call(office, ours, named={"instance": "helper", "parent": "lead"})
    assert len(told(office, true)["parents"]) == 1


# -- a conversation is a child of its key ----------------------------------------------------------


def exposed(office: Office, secret: str) -> None:
    """Somebody in another room writes a note, and the key's holder is shown it."""
    office.write(Binding("writer", "press"), "save_note", key="k", text=SECRET_NOTE)
    prompt = {"role": "user", "content": "Please read the note."}
    reply = Reply("", (Call("read_note", {"key": "k"}, id="c1"),))
    asked = call(office, secret, [prompt], reply=reply)
    claim = asked.answer["choices"][0]["message"]["tool_calls"]
    turns = [
        prompt,
        {"role": "assistant", "content": None, "tool_calls": claim},
        {"role": "tool", "tool_call_id": "c1", "content": SECRET_NOTE},
    ]
    assert call(office, secret, turns).status == 200


@pytest.mark.parametrize(
    "named",
    [{}, {"instance": "fresh"}, {"parent": "nobody"}],
    ids=["undeclared", "another name", "a parent"],
)
@pytest.mark.parametrize(
    "claim",
    [(), ((b"x-claude-code-session-id", b"s-2"),), ((b"traceparent", b"00-" + b"ab" * 16 + b"-01"),)],
    ids=["plain", "session", "trace"],
)  # fmt: skip
def test_a_new_conversation_starts_at_its_keys_deepest_exposure(
    tmp_path: Path, named: dict[str, str], claim: Any
) -> None:
    office = offices(tmp_path)
    secret, _ = issued(office.store, at=NOW, compartment="research")
    told(office, call(office, secret))
    before = office.store.look_parts(look_of(office, secret)).run.label
    assert before.live == frozenset()
    exposed(office, secret)
    new = [{"role": "user", "content": "Please begin something else altogether."}]
    found = office.call(None, new, headers=(*sends(secret, **named), *claim), front="sidecar")
    shown = told(office, found)
    assert shown["generation"] == 1
    assert {row["compartment"] for row in shown["exposures"]} == {"press"}


def look_of(office: Office, secret: str) -> LookParts:
    row = call(office, secret).exchange.known_instance()
    return LookParts(NOW, row.room, row.run, row.id, row.credential)


def test_a_new_key_starts_clean(tmp_path: Path) -> None:
    office = offices(tmp_path)
    first, _ = issued(office.store, at=NOW, compartment="research")
    exposed(office, first)
    second, _ = issued(office.store, at=NOW, compartment="research")
    assert told(office, call(office, second))["generation"] == 0


# -- keys that are none ----------------------------------------------------------------------------


def assert_refused(outcome: Outcome) -> None:
    assert (outcome.status, outcome.code) == (401, "firedoor_bad_key")
    assert outcome.sent is None
    assert outcome.headers["x-should-retry"] == "false"


def test_an_unknown_key_is_refused_and_told_to_nobody(office: Office) -> None:
    found = call(office, "fd_" + "A" * 43)
    assert_refused(found)
    assert b"AAAA" not in found.body


def test_a_key_of_another_store_is_refused(office: Office, tmp_path: Path) -> None:
    other = offices(tmp_path)
    secret, _ = issued(other.store, at=NOW)
    assert_refused(call(office, secret))


def test_a_key_that_is_cut_short_is_refused(office: Office) -> None:
    secret, _ = issued(office.store, at=NOW)
    assert_refused(call(office, secret[:-1]))
    assert_refused(call(office, "fd_"))
    assert_refused(call(office, secret + "A" * 20_000))


def test_an_expired_key_is_refused_from_that_second_on(office: Office) -> None:
    secret, _ = issued(office.store, at=NOW, expires=NOW + 100)
    assert call(office, secret, at=NOW + 99.9).status == 200
    assert_refused(call(office, secret, at=NOW + 100))


def test_a_key_revoked_in_the_middle_of_a_conversation_ends_it(office: Office) -> None:
    secret, id_ = issued(office.store, at=NOW, compartment="research")
    first = call(office, secret)
    said = first.answer["choices"][0]["message"]["content"]
    longer = [*ASK, {"role": "assistant", "content": said}, {"role": "user", "content": "And?"}]
    assert call(office, secret, longer).status == 200
    office.store.revoke_key(id_, actor="tester", reason=None, at=NOW)
    assert_refused(call(office, secret, [*longer, {"role": "user", "content": "Go on."}]))
    assert office.reader.verify().ok


@pytest.mark.parametrize("when", ["look", "commit"])
def test_a_key_revoked_while_its_call_is_judged_lets_nothing_out(
    office: Office, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call begins after the revocation returned, though its key was good when it was read."""
    secret, id_ = issued(office.store, at=NOW)
    assert call(office, secret).status == 200
    asked = office.store.look_parts if when == "look" else office.store.apply

    def first(command: Any) -> Any:
        monkeypatch.undo()
        office.store.revoke_key(id_, actor="tester", reason=None, at=NOW)
        return asked(command)

    monkeypatch.setattr(office.store, "look_parts" if when == "look" else "apply", first)
    assert_refused(call(office, secret))


def test_a_key_that_cannot_be_looked_up_passes_nothing(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(ask: Any) -> Any:
        raise StoreUnavailable("gone")

    secret, _ = issued(office.store, at=NOW)
    monkeypatch.setattr(office.store, "look_key", down)
    found = call(office, secret)
    assert (found.status, found.code, found.sent) == (503, "firedoor_unavailable", None)


def test_an_order_that_a_key_brings_to_light_is_obeyed(tmp_path: Path) -> None:
    """What was judged before an order is judged again, though the key was looked up meanwhile."""
    office = offices(tmp_path)
    secret, _ = issued(office.store, at=NOW)
    first = call(office, secret)
    said = first.answer["choices"][0]["message"]["content"]
    office.store.append_order("contain", "instance:i_nobody", {"actor": "t", "reason": "r"}, NOW)
    longer = [*ASK, {"role": "assistant", "content": said}, {"role": "user", "content": "And?"}]
    second = call(office, secret, longer)
    assert second.status == 200
    assert second.exchange.request.common == 0
    assert office.engine.orders == second.exchange.key_orders


def test_two_keys_in_one_request_are_none(office: Office) -> None:
    first, _ = issued(office.store, at=NOW)
    second, _ = issued(office.store, at=NOW)
    both = (*sends(first), (b"x-api-key", second.encode()))
    assert_refused(office.call(None, ASK, headers=both, front="sidecar"))
    assert_refused(
        office.call(None, ASK, headers=sends(first), query=f"key={second}", front="sidecar")
    )


def test_a_known_key_is_looked_up_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    look = office.store.look_key
    monkeypatch.setattr(office.store, "look_key", lambda a: (asked.append(a), look(a))[1])
    secret, _ = issued(office.store, at=NOW)
    for _ in range(3):
        assert call(office, secret).status == 200
    assert len(asked) == 1
    assert "fd_" not in repr(asked[0])


def test_a_call_without_a_virtual_key_asks_for_none(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office.store, "look_key", lambda ask: pytest.fail("asked"))
    assert call(office, "sk-a-providers-key").status == 200


# -- what a key is for -----------------------------------------------------------------------------


def test_a_key_goes_only_to_upstreams_that_have_one_of_their_own(tmp_path: Path) -> None:
    office = Office(settings_for(tmp_path, "observe"))
    secret, _ = issued(office.store, at=NOW)
    found = call(office, secret)
    assert (found.status, found.code, found.sent) == (403, "firedoor_denied", None)
    assert "no key of its own" in found.answer["error"]["message"]


def test_a_key_for_one_upstream_is_for_no_other(office: Office) -> None:
    secret, _ = issued(office.store, at=NOW, upstreams=("anthropic",))
    found = call(office, secret)
    assert (found.status, found.code, found.sent) == (403, "firedoor_denied", None)


def test_required_keys_are_required_of_callers_of_a_sidecar(tmp_path: Path) -> None:
    office = offices(tmp_path, keys_required=True)
    assert_refused(call(office, "sk-a-providers-key"))
    secret, _ = issued(office.store, at=NOW)
    assert call(office, secret).status == 200
    assert office.call(Binding("a"), ASK).status == 200


def test_user_turns_under_a_key_with_the_right_are_a_persons(tmp_path: Path) -> None:
    office = offices(tmp_path)
    front, _ = issued(office.store, at=NOW, compartment="desk", rights=("human",))
    agent, _ = issued(office.store, at=NOW, compartment="desk")
    for secret, origin in ((front, "human"), (agent, "unknown")):
        (part,) = (p for p in told(office, call(office, secret))["parts"] if p["channel"] == "user")
        assert part["origin"] == origin


def test_words_are_a_persons_only_under_the_key_that_has_the_right(tmp_path: Path) -> None:
    office = offices(tmp_path)
    front, _ = issued(office.store, at=NOW, rights=("human",))
    agent, _ = issued(office.store, at=NOW)
    call(office, front)
    (part,) = (p for p in told(office, call(office, agent))["parts"] if p["channel"] == "user")
    assert part["origin"] != "human"


# -- what is written down --------------------------------------------------------------------------


def test_issuing_and_revoking_are_entries_without_the_key(office: Office) -> None:
    secret, id_ = issued(office.store, at=NOW, name="planner's", instance="planner")
    call(office, secret)
    office.store.revoke_key(id_, actor="tester", reason="done", at=NOW)
    entries = [json.loads(entry.bytes_) for entry in office.reader.entries()]
    kinds = [(e["kind"], e["body"].get("act"), e["body"].get("key")) for e in entries]
    assert [k for k in kinds if k[0] == "key"] == [("key", "issue", id_), ("key", "revoke", id_)]
    assert ("call.open", None, id_) in kinds
    assert secret not in str(entries)
    assert office.reader.verify().ok

"""Rooms: a declaration may split one, and never joins one (MODEL §2)."""

import hashlib

import pytest

from firedoor.identity import claims_of, fork_of, new_instance, who_is
from firedoor.identity.rooms import Who
from firedoor.types.exchange import Binding, Caller
from firedoor.types.ids import Digest, RunId

SIDECAR = Caller("sidecar")
PROCESS = Caller("transport", run=RunId("r_process"))
KEY_A = (b"authorization", b"Bearer sk-live-a")
KEY_B = (b"authorization", b"Bearer sk-live-b")


def digester(text: str) -> Digest:
    return Digest(hashlib.blake2b(text.encode(), key=b"k", digest_size=16).digest())


def no_compartment(name: str) -> str | None:
    return None


def who(*headers: tuple[bytes, bytes], caller: Caller = SIDECAR, rooms: object = None) -> Who:
    lookup = rooms if callable(rooms) else no_compartment
    return who_is(claims_of(headers), caller, lookup, digester)


def named(name: str, compartment: str | None = None) -> tuple[tuple[bytes, bytes], ...]:
    headers = [(b"x-firedoor-instance", name.encode())]
    if compartment is not None:
        headers.append((b"x-firedoor-compartment", compartment.encode()))
    return tuple(headers)


def room_of(found: Who) -> str:
    assert found.base is not None
    return found.base.room


def test_equal_names_under_one_credential_are_one_instance_in_one_room() -> None:
    first, second = who(KEY_A, *named("planner")), who(KEY_A, *named("planner"))
    assert first.instance == second.instance
    assert room_of(first) == room_of(second)


def test_equal_names_under_different_credentials_are_different_rooms_with_one_label() -> None:
    ours, theirs = who(KEY_A, *named("p", "research")), who(KEY_B, *named("p", "research"))
    assert room_of(ours) != room_of(theirs)
    assert ours.instance is not None
    assert theirs.instance is not None
    assert ours.instance.id != theirs.instance.id
    assert ours.instance.compartment == theirs.instance.compartment == "research"


def test_a_credential_alone_is_no_room() -> None:
    """Never a bare provider key: an undeclared call waits for its conversation."""
    assert who(KEY_A) == Who(who(KEY_A).credential, None, None, (), None)


def test_a_declared_room_stands_inside_its_session_and_joins_no_other_session() -> None:
    session_1 = (b"x-claude-code-session-id", b"s-1")
    session_2 = (b"x-claude-code-session-id", b"s-2")
    rooms = {
        room_of(who(KEY_A, session_1, *named("a"))),
        room_of(who(KEY_A, session_1, *named("a", "press"))),
        room_of(who(KEY_A, session_2, *named("a", "press"))),
        room_of(who(KEY_A, session_2, *named("a"))),
    }
    assert len(rooms) == 4


def test_instances_of_one_session_share_its_room() -> None:
    session = (b"x-claude-code-session-id", b"s-1")
    assert room_of(who(KEY_A, session, *named("a"))) == room_of(who(KEY_A, session, *named("b")))


def test_a_policy_pattern_splits_an_unbound_name_and_joins_a_bound_one() -> None:
    def rooms(name: str) -> str | None:
        return "research" if name.startswith("researcher-") else None

    unbound_a = who(KEY_A, *named("researcher-1"), rooms=rooms)
    unbound_b = who(KEY_B, *named("researcher-1"), rooms=rooms)
    assert room_of(unbound_a) != room_of(unbound_b)
    bound = [
        who(caller=PROCESS._replace(binding=Binding(f"researcher-{i}")), rooms=rooms)
        for i in (1, 2)
    ]
    assert room_of(bound[0]) == room_of(bound[1]) == "research"


def test_a_bound_compartment_is_one_room_over_restarts() -> None:
    bound = Binding("writer", "press")
    first = who(caller=Caller("transport", bound, RunId("r_1")))
    second = who(caller=Caller("transport", bound, RunId("r_2")))
    assert room_of(first) == room_of(second) == "press"
    assert first.instance is not None
    assert second.instance is not None
    assert first.instance.id == second.instance.id
    assert first.instance.run != second.instance.run


def test_a_bound_name_without_room_is_a_new_instance_in_another_run() -> None:
    first = who(caller=Caller("transport", Binding("writer"), RunId("r_1")))
    second = who(caller=Caller("transport", Binding("writer"), RunId("r_2")))
    assert first.instance is not None
    assert second.instance is not None
    assert first.instance.id != second.instance.id


def test_a_header_cannot_move_a_bound_instance_to_another_room() -> None:
    caller = PROCESS._replace(binding=Binding("writer", "press"))
    moved = who(*named("other", "research"), caller=caller)
    assert room_of(moved) == "press/research"


def test_nested_instances_are_children_and_take_the_parents_run_along() -> None:
    inner = Binding("child", "b", Binding("parent", "a"))
    found = who(caller=PROCESS._replace(binding=inner))
    outer = who(caller=PROCESS._replace(binding=inner.parent))
    assert found.instance is not None
    assert outer.instance is not None
    assert found.instance.parents == (outer.instance.id,)
    assert found.parent_run == outer.instance.run


def test_a_nested_instance_stands_in_its_parents_compartment() -> None:
    """Helpers of two rooms do not share the run's room: each stands in its leader's."""

    def helper(room: str) -> Who:
        nested = Binding("deep", None, Binding("helper", None, Binding("lead", room)))
        return who(caller=PROCESS._replace(binding=nested))

    research, payments = helper("research"), helper("payments")
    assert (room_of(research), room_of(payments)) == ("research", "payments")
    assert research.instance is not None
    assert payments.instance is not None
    assert research.instance.id != payments.instance.id
    assert research.parent_run is None


def test_a_pattern_for_the_childs_own_name_comes_before_its_parents_room() -> None:
    nested = Binding("payer-1", None, Binding("lead", "research"))
    caller = PROCESS._replace(binding=nested)
    found = who(caller=caller, rooms=lambda name: "payments" if name == "payer-1" else None)
    assert room_of(found) == "payments"
    assert found.parent_run == "r_process@research"


def test_a_lost_context_falls_to_the_run_of_its_process() -> None:
    lost = who(KEY_A, caller=PROCESS)
    assert lost.instance is None
    row = new_instance(lost, "c_abcdefgh", (), "process")
    assert row.run == "r_process"
    assert row.room == "run/r_process"


def test_a_declared_run_comes_before_a_session_and_a_process_run_after() -> None:
    session = (b"x-claude-code-session-id", b"s-1")
    declared = Caller("transport", run=RunId("r_mine"), run_declared=True)
    assert room_of(who(session, caller=declared)) == "run/r_mine"
    assert room_of(who(session, caller=PROCESS)).startswith("session/")


def test_a_fork_is_a_new_instance_in_its_origins_room() -> None:
    origin = new_instance(who(KEY_A), "c_aaaaaaaa", (), "new")
    fork = fork_of(origin, "c_bbbbbbbb")
    assert fork.id != origin.id
    assert (fork.room, fork.run, fork.parents) == (origin.room, origin.run, (origin.id,))


def test_names_of_calls_made_at_one_moment_differ() -> None:
    """A call's id begins with the time, so names are made of its end."""
    calls = [f"c_0193f7e2a1b4{chance}" for chance in ("0123456789abcd", "fedcba98765432")]
    rows = [new_instance(who(KEY_A), call, (), "new") for call in calls]
    forks = [fork_of(rows[0], call) for call in calls]
    assert len({row.name for row in rows}) == 2
    assert len({row.compartment for row in rows}) == 2
    assert len({row.name for row in forks}) == 2


@pytest.mark.parametrize("text", ["../../etc", "a\x00b", "x" * 5000, "%00", "‮evil"])
def test_a_hostile_name_makes_a_printable_bounded_room(text: str) -> None:
    found = who(KEY_A, (b"x-firedoor-compartment", text.encode("utf-8", "ignore")))
    room = room_of(found)
    assert room.isprintable()
    assert len(room) < 300
    assert room.count("/") == 2

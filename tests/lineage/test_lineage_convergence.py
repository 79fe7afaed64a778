"""Who met at a rare thing: several rooms, one window, and not so many that everybody is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.lineage import Convergence, Visit, meetings
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId

DAY = 86_400.0
TWO = Convergence()


def visit(who: str, room: str, at: float, *, thing: str = "t", until: float | None = None) -> Visit:
    return Visit(
        Digest(thing.encode()), "url", RoomId(room), InstanceId(who), CallId(f"c_{who}{at:g}"), at,
        at if until is None else until,
    )  # fmt: skip


def met(visits: list[Visit], settings: Convergence = TWO, **more: object) -> list[list[str]]:
    return [[v.instance for v in m.visits] for m in meetings(visits, settings, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([visit("a", "press", 0), visit("b", "lab", DAY)], [["a", "b"]]),
        ([visit("a", "press", 0), visit("b", "lab", DAY + 1)], []),
        ([visit("a", "press", 0), visit("b", "press", 1)], []),
        ([visit("a", "press", 0)], []),
        ([visit("a", "press", 0), visit("b", "lab", 1, thing="u")], []),
        # Somebody who came again is there for as long as between.
        ([visit("a", "press", 0, until=500), visit("b", "lab", DAY + 400)], [["a", "b"]]),
        ([visit("b", "lab", 9), visit("a", "press", 0), visit("a", "press", 8)], [["a", "b"]]),
        ([visit("a", "press", 0), visit("a", "press", 3 * DAY), visit("b", "lab", 3.5 * DAY)],
         [["a", "b"]]),
    ],
)  # fmt: skip
def test_a_window_and_two_rooms(visits: list[Visit], expected: list[list[str]]) -> None:
    assert met(visits) == expected


def test_three_must_all_be_there_at_once() -> None:
    three = Convergence(instances=3)
    chain = [visit("a", "r1", 0), visit("b", "r2", 0.9 * DAY), visit("c", "r3", 1.8 * DAY)]
    assert met(chain, three) == []
    assert met([*chain, visit("c", "r3", 0.5 * DAY)], three) == [["a", "c", "b"]]


def test_what_many_rooms_know_is_not_rare() -> None:
    few = [visit(f"i{n}", f"r{n}", n) for n in range(8)]
    assert len(met(few)[0]) == 8
    assert met([*few, visit("one more", "r9", 400 * DAY)]) == []
    crowd = [visit(f"i{n}", f"r{n % 2}", n) for n in range(60)]
    assert met(crowd) == []


def test_only_the_meetings_of_those_who_are_asked_about() -> None:
    visits = [visit("a", "r1", 0), visit("b", "r2", 1), visit("c", "r3", 9 * DAY)]
    visits += [visit("c", "r3", 0, thing="u"), visit("d", "r4", 1, thing="u")]
    assert met(visits, of=[InstanceId("c")]) == [["c", "d"]]
    assert met(visits, of=[InstanceId("a")]) == [["a", "b"]]
    assert len(met(visits)) == 2


@given(
    st.lists(
        st.tuples(st.sampled_from("abcd"), st.integers(0, 40), st.integers(0, 5)), max_size=12
    ),
    st.integers(2, 3),
    st.none() | st.just("a"),
)
def test_the_sweep_finds_what_trying_every_window_finds(
    came: list[tuple[str, int, int]], instances: int, wanted: str | None
) -> None:
    settings = Convergence(instances=instances, window_s=10)
    visits = [visit(who, "r" + who, at, until=at + stay) for who, at, stay in came]
    expected = set()
    for start in visits:
        inside = [
            v for v in visits if v.last_at >= start.last_at and v.first_at <= start.last_at + 10
        ]
        names = {v.instance for v in inside}
        if len(names) >= instances and (wanted is None or wanted in names):
            expected |= names
    of = None if wanted is None else [InstanceId(wanted)]
    found = meetings(visits, settings, of=of)
    assert {v.instance for m in found for v in m.visits} == expected


def test_who_comes_again_and_again_costs_no_square() -> None:
    crowd = [visit(f"i{n % 8}", f"r{n % 8}", n) for n in range(40_000)]
    (found,) = meetings(crowd, TWO)
    assert len(found.visits) == 8

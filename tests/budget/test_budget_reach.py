"""Reach: how many other rooms unreviewed text of one room may enter."""

import pytest

from firedoor.budget import full_roots, spent_by
from firedoor.types.ids import RoomId

A, B, C, D, HOME = (RoomId(x) for x in ("a", "b", "c", "d", "home"))


@pytest.mark.parametrize(
    ("reach", "roots", "limit", "expected"),
    [
        ({}, {A}, 1, ()),
        ({A: frozenset({B})}, {A}, 1, (A,)),
        ({A: frozenset({HOME})}, {A}, 1, ()),
        ({A: frozenset({B, C, D})}, {A}, 3, (A,)),
        ({A: frozenset({B, C})}, {A}, 3, ()),
        ({A: frozenset({B}), B: frozenset({C})}, {A, B}, 1, (A, B)),
        ({}, {A}, 0, (A,)),
        ({}, {HOME}, 0, ()),
        ({}, {RoomId("*")}, 0, ()),
    ],
)
def test_a_root_is_full_when_its_rooms_are_others_and_as_many_as_allowed(
    reach: dict[RoomId, frozenset[RoomId]],
    roots: set[RoomId],
    limit: int,
    expected: tuple[RoomId, ...],
) -> None:
    assert full_roots(reach, roots, HOME, limit) == expected


def test_text_coming_home_spends_nothing() -> None:
    assert spent_by({HOME, A}, HOME) == (A,)

"""The graph of exposures, up and down: nearest first, each edge once, rings end."""

from firedoor.lineage import Edge, walked


def edge(call: str, by: str | None) -> Edge:
    return Edge(call, by, "room", "memory", 1)


CHAIN = [edge("c3", "c2"), edge("c2", "c1"), edge("c4", "c3"), edge("c4", "c1"), edge("c9", None)]


def test_up_and_down() -> None:
    up = [(h.hop, h.edge.carried_by) for h in walked(["c3"], CHAIN, down=False)]
    assert up == [(1, "c2"), (2, "c1")]
    down = [(h.hop, h.edge.call) for h in walked(["c1"], CHAIN, down=True)]
    assert down == [(1, "c2"), (1, "c4"), (2, "c3"), (3, "c4")]


def test_no_further_than_asked() -> None:
    assert len(walked(["c4"], CHAIN, down=False, hops=1)) == 2
    assert walked(["c4"], CHAIN, down=False, hops=0) == []


def test_a_ring_ends() -> None:
    ring = [edge("a", "b"), edge("b", "a")]
    assert [h.hop for h in walked(["a"], ring, down=False)] == [1, 2]


def test_where_only_the_room_is_known_the_way_ends() -> None:
    assert [h.edge.carried_by for h in walked(["c9"], CHAIN, down=False)] == [None]
    assert walked(["c8"], CHAIN, down=True) == []

"""Labels hold in random worlds; and where a rule is broken on purpose, the worlds find it.

The ten thousand of ``docs/worlds.md`` are ``python tests/worlds/run.py --worlds 10000``.
"""

from collections import Counter
from pathlib import Path

import pytest

from worlds.arms import ARMS, broken
from worlds.checks import DIFFERS, FALLS, UNSOUND, WIDE, watch
from worlds.habits import CONTAIN, OPEN, Habits, habits_of
from worlds.price import PRICES, price
from worlds.world import World

WORLDS = 100
CAUGHT = {
    "the author's depth, not the carrier's": 4,
    "unknown depth is one": 3,
    "withheld parts do not join the run": 8,
    "unproven text is its role's": 1,
    "nothing is handed down to who is spawned": 4,
    "open stores are clean": 3,
    "server state is forgotten": 4,
}
"""A world that notices each arm, to begin with; another will do, once worlds are drawn otherwise."""


def test_labels_hold_in_random_worlds() -> None:
    """I1, I2, I4, I5, I6, I10, and no difference to the reference model."""
    found: list[str] = []
    counts: Counter[str] = Counter()
    for seed in range(WORLDS):
        watched = watch(seed, habits_of(seed))
        found += [f"world {seed}: {check}: {what}" for check, what in watched.found]
        counts += watched.counts
    assert found == []
    assert counts["shown"] > 10 * WORLDS
    for name in ("withheld", "evidence hidden", "restarts", "fresh contexts", "parts compared"):
        assert counts[name] > WORLDS / 2, name


@pytest.mark.parametrize("arm", list(ARMS))
def test_a_broken_rule_is_found(arm: str) -> None:
    for seed in (CAUGHT[arm], *range(300)):
        with broken(arm):
            found = watch(seed, habits_of(seed), probes=0.0, reference=False).found
        if {check for check, _ in found} & {UNSOUND, WIDE, FALLS}:
            assert watch(seed, habits_of(seed)).found == []
            return
    raise AssertionError(f"no world notices that {arm}")


def test_a_broken_rule_differs_from_the_reference_model() -> None:
    with broken("the author's depth, not the carrier's"):
        found = [watch(seed, habits_of(seed), probes=0.0).found for seed in (0, 4, 16)]
    assert any(check == DIFFERS for world in found for check, _ in world)


def told(world: World) -> list[object]:
    """What the door says of each call of a world, apart from ids that hang on the store's key."""
    return [
        (
            event.ask, event.seen.label, event.seen.run_label,
            [
                (at, part["generation"], part["verdict"], part["crossing"], part["evidence"])
                for at in event.seen.where
                if (part := event.seen.parts.get(at)) is not None
            ],
        )
        for event in world.run().trace
    ]  # fmt: skip


def test_a_world_is_made_again_from_its_seed() -> None:
    assert told(World(7, habits_of(7))) == told(World(7, habits_of(7)))


@pytest.mark.parametrize("habits", [CONTAIN, OPEN], ids=["contain", "observe"])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_chunks_and_streams_change_no_label(seed: int, habits: Habits) -> None:
    """I10: the same world, its answers whole, streamed, and cut anywhere."""

    def trace(streams: float, pipes: int) -> list[object]:
        world = World(seed, habits)
        world.desk.streams = streams
        world.desk.pipes.seed(pipes)
        return told(world)

    assert trace(0.0, 1) == trace(1.0, 2) == trace(0.5, 3)


def test_attribution_lowers_the_price_and_nothing_is_unsound() -> None:
    """Withheld without need: less where more is attributed, and at no cost in soundness."""
    shares = []
    for habits in (PRICES["store-wide labels"], PRICES["by key, helpers everywhere"]):
        rows = [price(seed, habits) for seed in range(6)]
        assert not any(row.unsound for row in rows)
        shares.append(sum(r.withheld for r in rows) / sum(r.once for r in rows))
    assert shares[1] < shares[0]


def test_the_reference_model_is_short() -> None:
    """Short enough to be read beside MODEL §3."""
    source = Path(__file__).with_name("reference.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200

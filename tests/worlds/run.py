"""Many worlds, and a table: ``python tests/worlds/run.py --worlds 10000 --seed 1``.

Exits 1 if a label was unsound, hiding paid, a check failed, or an arm went unnoticed.
"""

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.pool import Pool
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from worlds.arms import ARMS, broken
from worlds.checks import CHECKS, watch
from worlds.habits import KEYED, OUTSIDE_THE_CLAIM, UNKNOWN_ROLES, Habits, habits_of
from worlds.price import PRICES, Price, price


@dataclass
class Total:
    """What several worlds came to."""

    worlds: int = 0
    found: Counter[str] = field(default_factory=Counter)
    """Findings, by check."""
    bad: Counter[str] = field(default_factory=Counter)
    """Worlds with a finding, by check."""
    counts: Counter[str] = field(default_factory=Counter)
    widest: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: "Total") -> None:
        self.worlds += other.worlds
        self.found += other.found
        self.bad += other.bad
        self.counts += other.counts
        self.widest = max(self.widest, other.widest)
        self.examples = (self.examples + other.examples)[:10]


def one(seed: int, *, arm: str | None = None, habit: str | None = None) -> Total:
    """One world, under a broken rule or with something outside the claim, if these are given."""
    habits = habits_of(seed)
    if habit is not None:
        name, roles, _ = habit.partition("+")
        policy = UNKNOWN_ROLES + KEYED if roles else habits.policy
        habits = replace(habits, policy=policy, **{name: True})
    if arm is not None:
        with broken(arm):
            watched = watch(seed, habits, probes=0.0, reference=False)
    else:
        watched = watch(seed, habits, probes=0.3 if habit is None else 0.0)
    total = Total(1, widest=watched.widest if habits.reach == 3 else 0, counts=watched.counts)
    for check, what in watched.found:
        total.found[check] += 1
        total.examples.append(f"world {seed}: {check}: {what}")
    total.bad.update({check for check, _ in watched.found})
    return total


def _price(seed: int, name: str) -> Price:
    return price(seed, PRICES[name])


def many(pool: Pool, seeds: Iterable[int], **more: str) -> Total:
    """These worlds, on every core."""
    total = Total()
    for found in pool.imap_unordered(partial(one, **more), seeds, chunksize=16):
        total.add(found)
        if total.worlds % 1000 == 0:
            print(f"… {total.worlds} worlds, {total.found.total()} findings", file=sys.stderr)
    return total


def main() -> int:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--worlds", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--side", type=int, help="worlds for each arm, habit and price; 0 for none"
    )
    options.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    asked = options.parse_args()
    side = asked.side if asked.side is not None else max(60, asked.worlds // 20)
    seeds = range(asked.seed, asked.seed + asked.worlds)
    few = range(asked.seed, asked.seed + side)
    failed = False
    started = time.perf_counter()
    with multiprocessing.Pool(asked.jobs) as pool:
        total = many(pool, seeds)
        print(f"{total.worlds} worlds, seeds {seeds[0]} to {seeds[-1]}")
        for name in sorted(total.counts):
            print(f"  {total.counts[name]:>9} {name}")
        for check in CHECKS:
            failed = failed or bool(total.found[check])
            print(f"  {total.found[check]:>9} {check} (in {total.bad[check]} worlds)")
        print(f"  {total.widest:>9} widest reach of a root, where 3 rooms are allowed")
        for example in total.examples:
            print("   ", example)
        if not side:
            return 1 if failed else 0
        print(f"arms that must fail, {side} worlds each")
        for arm in ARMS:
            found = many(pool, few, arm=arm)
            failed = failed or not found.bad
            told = ", ".join(f"{found.bad[c]} worlds with {c}" for c in CHECKS if found.bad[c])
            print(f"  {arm}: {told or 'NOT FOUND'}")
        print(f"outside the claim, {side} worlds each: worlds with unsound labels")
        for habit in OUTSIDE_THE_CLAIM:
            run = many(pool, few, habit=habit).bad[CHECKS[0]]
            unknown = many(pool, few, habit=habit + "+").bad[CHECKS[0]]
            print(f"  {habit}: {run} under assume run, {unknown} under assume unknown")
        print(f"the price, {side} worlds each: texts that crossed once and were withheld")
        for name in PRICES:
            rows = pool.map(partial(_price, name=name), few, chunksize=8)
            once, held = sum(r.once for r in rows), sum(r.withheld for r in rows)
            share = sum(r.attributed for r in rows) / max(1, sum(r.parts for r in rows))
            unsound = sum(r.unsound for r in rows)
            failed = failed or bool(unsound)
            print(f"  {name}: {held} of {once} = {held / max(1, once):.2f}; "
                  f"attributed share {share:.2f}; unsound {unsound}")  # fmt: skip
    print(f"{time.perf_counter() - started:.0f} s")
    return 1 if failed else 0


__all__ = ["Habits", "Total", "many", "one"]

if __name__ == "__main__":
    sys.exit(main())

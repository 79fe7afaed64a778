"""Budgets under many clients at once: overshoot, over-refusal, cost, and what a killed process leaves.

Run: python tests/benchmarks/budgets.py [--operations N] [--processes N] [--kills N]

1. Holds and settlements of 64 to 256 clients on threads and processes, 10 limits on each of 3 levels,
   judged from the ledger's order by `tests/budget/checker.py`. Beside it the same load against one
   counter for each account, looked at before a call and added to after it (LiteLLM's way).
2. Pairs of hold and settlement a second with 64 clients, every commit with its entry and synced
   (synchronous=FULL, one sync for many), and the median of one client; a commit without a hold
   beside it, since most of it is the disk's.
3. A process that holds and settles, killed at random points: what is still held after the lease, and
   which settlements are lost that it was told are done.

A full run is --operations 1000000 --processes 64 --kills 1000.
"""

import argparse
import multiprocessing
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from budget.checker import Fault
from budget.clients import (
    AMOUNT_MAX,
    AT,
    KINDS,
    Judged,
    Load,
    commit,
    judge,
    processes,
    takes_of,
    threads,
)
from firedoor.engine.port import Committed
from firedoor.store import open_store
from firedoor.types.budget import Hold, Settlement
from firedoor.types.ids import CallId

_CALL_S = 0.002
"""How long a call takes against the counters: between the look and the add."""
_LEASE_S = 60.0


@contextmanager
def fresh() -> Iterator[str]:
    """The address of a store that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:{folder}/s/firedoor.db"


# -- overshoot -------------------------------------------------------------------------------------


def counted(load: Load, leaves: list[int], used: "dict[str, Synchronized[int]]") -> None:
    """Clients that look at a counter before each call, and add what it used after it."""

    def one(leaf: int) -> None:
        rng = random.Random(load.seed * 10_007 + leaf)
        for _ in range(load.operations):
            amounts = [rng.randint(1, AMOUNT_MAX) for _ in range(load.kinds)]
            takes = takes_of(load, leaf, amounts)
            if all(used[f"{t.account.id} {t.kind}"].value < (t.limit or 0) for t in takes):
                time.sleep(_CALL_S)
                for take in takes:
                    counter = used[f"{take.account.id} {take.kind}"]
                    with counter.get_lock():
                        counter.value += rng.randint(0, take.amount)

    started = [threading.Thread(target=one, args=(leaf,)) for leaf in leaves]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def counters_beyond(load: Load, count: int) -> int:
    """How far the counters end beyond their limits, all together."""
    spawn = multiprocessing.get_context("spawn")
    limits = {
        f"{t.account.id} {t.kind}": t.limit or 0
        for leaf in range(load.clients)
        for t in takes_of(load, leaf, [1] * load.kinds)
    }
    used: dict[str, Any] = {name: spawn.Value("q", 0) for name in limits}
    if count == 1:
        counted(load, list(range(load.clients)), used)
    else:
        shares = [list(range(n, load.clients, count)) for n in range(count)]
        started = [spawn.Process(target=counted, args=(load, s, used)) for s in shares]
        for process in started:
            process.start()
        for process in started:
            process.join()
    return sum(max(0, used[name].value - limit) for name, limit in limits.items())


def overshoot(operations: int, most: int) -> None:
    """Print the table of overshoot."""
    print(f"10 limits x 3 levels, {operations} operations a row (holds and settlements)")
    print(
        "clients processes  operations  granted  refused  overshoot  over-refused  other faults  "
        "seconds  one counter's overshoot"
    )
    for clients, count in ((64, 1), (256, 1), (64, max(2, most // 2)), (256, most)):
        each = max(4, operations // (2 * clients))
        # So that about half of what is asked for can be had.
        limit = max(200, each * clients * AMOUNT_MAX // 8)
        with fresh() as url:
            load = Load(url, clients, each, limit=limit)
            started = time.perf_counter()
            done: list[Judged]
            done = threads(load, range(clients)) if count == 1 else processes(load, count)
            seconds = time.perf_counter() - started
            store = open_store(url)
            outcome = judge(done, size=store.head()[0])
            store.close()
        faults = [finding.fault for finding in outcome.findings]
        shot, refused = faults.count(Fault.OVERSHOOT), faults.count(Fault.OVER_REFUSAL)
        beyond = counters_beyond(load, count)
        print(
            f"{clients:7} {count:9} {outcome.granted + outcome.refused + outcome.settled:11} "
            f"{outcome.granted:8} {outcome.refused:8} {shot:10} {refused:13} "
            f"{len(faults) - shot - refused:13} {seconds:8.1f} {beyond:24}",
            flush=True,
        )


# -- cost ------------------------------------------------------------------------------------------


def repeated(act: Callable[[int, int], None], leaf: int, until: float) -> list[float]:
    """How long each of them took, in seconds."""
    times = []
    while (started := time.perf_counter()) < until:
        act(leaf, len(times))
        times.append(time.perf_counter() - started)
    return times


def cost(seconds: float) -> None:
    """Print pairs a second, and the median of one client."""
    print(
        "limits x levels  pairs/s of 64 clients  one client: ms a commit  the same without a hold"
    )
    for kinds in (1, 4, 10):
        load = Load("", 64, 0, kinds=kinds, limit=1 << 40)
        takes = [takes_of(load, leaf, [3] * kinds) for leaf in range(load.clients)]
        used = dict.fromkeys(KINDS[:kinds], 2)
        with fresh() as url:
            store = open_store(url)

            def pair(leaf: int, n: int) -> None:
                id_ = f"h{threading.get_ident()}_{n}"
                hold = Hold(id_, CallId("c_1"), AT + 600, takes[leaf])  # noqa: B023
                found = store.apply(commit(hold))  # noqa: B023
                assert isinstance(found, Committed)
                store.apply(commit(None, (Settlement(hold.id, used),)))  # noqa: B023

            def bare(_leaf: int, _n: int) -> None:
                store.apply(commit(None))  # noqa: B023

            one = statistics.median(repeated(pair, 0, time.perf_counter() + seconds)) / 2
            alone = statistics.median(repeated(bare, 0, time.perf_counter() + seconds / 2))
            until = time.perf_counter() + seconds
            with ThreadPoolExecutor(load.clients) as pool:
                each = pool.map(lambda leaf: len(repeated(pair, leaf, until)), range(load.clients))  # noqa: B023
                count = sum(each)
            store.close()
        print(
            f"{f'{kinds} x 3':>15} {count / seconds:22.0f} {one * 1e3:24.2f} {alone * 1e3:24.2f}",
            flush=True,
        )


# -- kills -----------------------------------------------------------------------------------------

_CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from budget.clients import AT, Load, commit, takes_of
from firedoor.store import open_store
from firedoor.types.budget import Hold, Settlement
from firedoor.types.ids import CallId

store = open_store({url!r})
load = Load("", 1, 0, kinds=2, limit=1 << 40)
print("ready", flush=True)
for n in range(1_000_000):
    id_ = "h{run}_" + str(n)
    store.apply(commit(Hold(id_, CallId("c_1"), AT + {lease}, takes_of(load, 0, [5, 5]))))
    print("held", id_, flush=True)
    if n % 3 != 2:
        store.apply(commit(None, (Settlement(id_, {{"requests": 3, "input_tokens": 3}}),)))
        print("settled", id_, flush=True)
"""


def kills(count: int) -> None:
    """Print what is left of processes that were killed."""
    rng = random.Random(1)
    load = Load("", 1, 0, kinds=2, limit=1 << 40)
    held = 0
    settled: set[str] = set()
    with fresh() as url:
        for run in range(count):
            child = subprocess.Popen(
                [sys.executable, "-c",
                 _CHILD.format(tests=str(Path(__file__).parents[1]), url=url, run=run, lease=_LEASE_S)],
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(rng.random() * 0.08)
            child.kill()
            told = child.stdout.read().splitlines()
            child.wait()
            # A line that was cut off is one that nobody was told.
            acts = [line.split() for line in told if line.count("_") == 1]
            held += sum(act[0] == "held" for act in acts)
            settled |= {act[1] for act in acts if act[0] == "settled"}
        store = open_store(url)
        # The first commit after the lease asks for all that is not used: it is let in only where
        # nothing of the dead is held any more.
        used = {r.kind: r.committed for r in store.accounts(AT) if r.account == "deployment"}
        takes = tuple(
            take._replace(amount=take.limit - used.get(take.kind, 0))
            for take in takes_of(load, 0, [1, 1])
            if take.limit is not None
        )
        hold = Hold("h_last", CallId("c_1"), AT + 10 * _LEASE_S, takes)
        found = store.apply(commit(hold, (Settlement("h_last", {}),), at=AT + _LEASE_S))
        borne = isinstance(found, Committed)
        with store.snapshot() as db:
            ((leaked,),) = db.execute("SELECT coalesce(sum(amount), 0) FROM held").fetchall()
            ((still,),) = db.execute("SELECT count(*) FROM holds WHERE state = 'held'").fetchall()
            rest = {id_ for (id_,) in db.execute("SELECT id FROM holds")}
        # Every hold has an entry and every settlement; what was settled has no row any more.
        done = (store.head()[0] - 1 - len(rest)) // 2
        (row,) = (
            row
            for row in store.accounts(AT + _LEASE_S)
            if (row.account, row.kind) == ("deployment", "requests")
        )
        lost = len(settled & rest) + max(0, done - row.committed // 3)
        twice = max(0, row.committed // 3 - done)
        store.close()
    print(
        f"{count} kills, {held} holds, {len(settled)} settlements: {still} holds ({leaked} requests and "
        f"tokens) leaked after the lease, the next call {'may' if borne else 'MAY NOT'} have all that is "
        f"left, {lost} settlements lost, {twice} counted twice"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operations", type=int, default=4_000, help="holds and settlements a row")
    parser.add_argument("--processes", type=int, default=8, help="that 256 clients are on")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each cost is measured")
    parser.add_argument("--kills", type=int, default=20)
    asked = parser.parse_args()
    overshoot(asked.operations, asked.processes)
    cost(asked.seconds)
    kills(asked.kills)


if __name__ == "__main__":
    main()

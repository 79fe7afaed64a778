"""Threads and processes on one store: no order of holds overspends, and nobody is refused for nothing."""

from pathlib import Path

import pytest

from budget.checker import Fault, Seen, Step
from budget.clients import AT, Judged, Load, Outcome, judge, processes, rows, threads
from firedoor.engine.port import Exhausted
from firedoor.store import open_store


def judged(load: Load, done: list[Judged]) -> Outcome:
    """The verdict on a run, and on what the store has at its end."""
    store = open_store(load.url)
    outcome = judge(done, size=store.head()[0])
    outcome.checker.follow(Seen(AT, rows(store)))
    with store.snapshot() as db:
        held = db.execute("SELECT count(*) FROM held WHERE amount <> 0").fetchone()
        holds = db.execute("SELECT count(*) FROM holds").fetchone()
    store.close()
    assert (held, holds) == ((0,), (0,))
    return outcome


def test_threads_never_pass_a_limit(tmp_path: Path) -> None:
    load = Load(f"sqlite:{tmp_path}/s/firedoor.db", clients=32, operations=20, kinds=4, limit=600)
    outcome = judged(load, threads(load, range(load.clients)))
    assert not outcome.findings
    assert outcome.granted > 50
    assert outcome.refused > 50


def test_processes_never_pass_a_limit(tmp_path: Path) -> None:
    load = Load(f"sqlite:{tmp_path}/s/firedoor.db", clients=12, operations=15, kinds=3, limit=300)
    outcome = judged(load, processes(load, 3))
    assert not outcome.findings
    assert outcome.granted > 20
    assert outcome.refused > 20


@pytest.mark.parametrize("what", ["more committed", "less held", "more room"])
def test_a_refusal_that_no_moment_excuses_is_found(tmp_path: Path, what: str) -> None:
    """The arm that must fail: a refusal is changed after the fact."""
    load = Load(f"sqlite:{tmp_path}/s/firedoor.db", clients=8, operations=12, kinds=2, limit=200)
    done = threads(load, range(load.clients))
    n = next(n for n, j in enumerate(done) if j.step.refused is not None)
    said = done[n].step.refused
    assert isinstance(said, Exhausted)
    changed = {
        "more committed": said._replace(committed=said.committed + 1_000),
        "less held": said._replace(held=said.held - 1_000),
        "more room": said._replace(limit=said.limit + 1),
    }[what]
    done[n] = done[n]._replace(step=done[n].step._replace(refused=changed))
    assert Fault.OVER_REFUSAL in {f.fault for f in judged(load, done).findings}


def test_a_settlement_that_the_store_did_not_count_is_found(tmp_path: Path) -> None:
    load = Load(f"sqlite:{tmp_path}/s/firedoor.db", clients=4, operations=8, kinds=2, limit=200)
    done = threads(load, range(load.clients))
    n = next(n for n, j in enumerate(done) if any(any(s.used.values()) for s in j.step.settle))
    (settlement,) = done[n].step.settle
    twice = {kind: amount * 2 + 1 for kind, amount in settlement.used.items()}
    done[n] = done[n]._replace(step=Step(AT, settle=(settlement._replace(used=twice),)))
    assert Fault.SETTLEMENT in {f.fault for f in judged(load, done).findings}

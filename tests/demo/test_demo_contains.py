"""The demo's own claim, with the arm that must fail: the same run with the door open."""

from pathlib import Path

import pytest

from firedoor.cli.serve import build
from firedoor.demo.office import NAMES
from firedoor.demo.run import ROUNDS, Run, run_office


def work(spread: str, folder: Path | None) -> Run:
    return run_office(spread, folder=folder, on_round=lambda *seen: None, build=build)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spread", "without", "within"), [("note", len(NAMES), 4), ("chain", 7, 2)]
)
def test_the_door_bounds_what_the_office_catches(
    tmp_path: Path, spread: str, without: int, within: int
) -> None:
    open_run = work(spread, None)
    guarded = work(spread, tmp_path)
    assert len(open_run.rounds) == len(guarded.rounds) == ROUNDS
    assert len(open_run.rounds[-1]) == without
    assert len(guarded.rounds[-1]) == within
    assert open_run.work == guarded.work == len(NAMES) * ROUNDS * 2
    assert guarded.held
    assert guarded.status is not None
    assert guarded.status["rooms"] == len(NAMES)

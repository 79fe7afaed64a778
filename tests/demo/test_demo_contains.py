"""The demo's own claim, with the arm that must fail: the same run with the door open."""

from pathlib import Path

import pytest

from firedoor.cli.serve import build
from firedoor.demo.office import NAMES
from firedoor.demo.run import ROUNDS, Run, run_office
from firedoor.demo.show import run_demo
from firedoor.errors import SettingsError


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


def test_a_folder_that_is_somebodys_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "firedoor-demo").mkdir()
    (tmp_path / "firedoor-demo" / "thesis.txt").write_text("years of work")
    with pytest.raises(SettingsError, match="no demo made"):
        run_demo(model="scripted", plain=True, build=build)
    assert (tmp_path / "firedoor-demo" / "thesis.txt").exists()


@pytest.mark.slow
def test_the_demo_prints_what_it_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run_demo(model="scripted", plain=True, build=build)
    shown = capsys.readouterr().out
    for words in (
        "chain with    the door, round 8: 2 of 8",
        "chain without the door, round 8: 7 of 8",
        "rule contain/deep-crossing",
        "rule contain/reach-used-up",
        "firedoor explain c_",
    ):
        assert words in shown

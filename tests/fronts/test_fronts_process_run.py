"""The process's run, for a door inside one: a new one after an hour idle or a day (MODEL §2)."""

import time

import httpx
import pytest

from firedoor import Door
from firedoor.fronts.process_run import RUN_VARIABLE, ProcessRun
from firedoor.testing import ScriptedUpstream

HOUR, DAY = 3_600.0, 86_400.0


def test_calls_less_than_an_hour_apart_are_one_run_for_a_day() -> None:
    process = ProcessRun({})
    first = process.at(1e9)
    half_hours = [process.at(1e9 + n * HOUR / 2) for n in range(48)]
    assert set(half_hours) == {first}
    second = process.at(1e9 + DAY)
    assert second != first
    assert process.at(1e9 + DAY + HOUR / 2) == second


def test_an_hour_without_calls_ends_the_run() -> None:
    process = ProcessRun({})
    first = process.at(1e9)
    assert process.at(1e9 + HOUR - 1) == first
    assert process.at(1e9 + 2 * HOUR - 1) != first


def test_a_call_that_lasts_an_hour_is_no_idle_hour() -> None:
    process = ProcessRun({})
    first = process.at(1e9)
    process.ended(1e9 + 2 * HOUR)
    assert process.at(1e9 + 2 * HOUR + 5) == first


def test_a_clock_that_is_set_back_ends_no_run_early_and_keeps_none_for_ever() -> None:
    process = ProcessRun({})
    first = process.at(1e9)
    assert process.at(1e9 - DAY) == first
    assert process.at(1e9 - DAY + HOUR) != first


def test_children_are_told_the_run_that_is_on() -> None:
    environ: dict[str, str] = {}
    process = ProcessRun(environ)
    first = process.at(1e9)
    assert environ[RUN_VARIABLE] == first
    second = process.at(1e9 + DAY)
    assert environ[RUN_VARIABLE] == second != first


def test_a_run_that_the_environment_names_stays() -> None:
    process = ProcessRun({RUN_VARIABLE: "r_given"})
    assert [process.at(1e9), process.at(1e9 + 9 * DAY)] == ["r_given", "r_given"]


@pytest.mark.parametrize("given", [False, True])
def test_a_door_takes_the_clock_of_its_front(
    door: Door, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, given: bool
) -> None:
    if given:
        monkeypatch.setenv(RUN_VARIABLE, "r_given")
    now = time.time()
    runs, named = [], []
    body = {"model": "m", "messages": [{"role": "user", "content": "Go on."}]}
    with httpx.Client(transport=door.transport()) as client:
        for later in (0.0, HOUR / 2, 2 * HOUR):
            monkeypatch.setattr(time, "time", lambda later=later: now + later)
            client.post(upstream.openai + "/chat/completions", json=body)
            runs.append(door.last.run)  # type: ignore[union-attr]
            with door.run("alice"):
                client.post(upstream.openai + "/chat/completions", json=body)
                named.append(door.last.run)  # type: ignore[union-attr]
    assert runs[0] == runs[1]
    assert (runs[2] == runs[0]) is given
    assert (runs[0] == "r_given") is given
    # What the program itself opens and names is not the process's to end.
    assert len(set(named)) == 1

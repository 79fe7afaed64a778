"""`firedoor budget`: how the accounts stand, and more room for one of them."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from driving import Office, settings_for
from firedoor.cli import app
from firedoor.errors import CallerError
from firedoor.testing import Reply
from firedoor.types.exchange import Binding

ME = Binding("planner-1", "research")
ASK = [{"role": "user", "content": "Hello."}]
LIMITS = "budgets:\n  - {scope: 'instance:*', requests: 1, cost_usd: 5/day}\nprices: {m: {input: 1, output: 2}}"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    store = f"sqlite:{tmp_path}/.firedoor/firedoor.db"
    monkeypatch.setenv("FIREDOOR_STORE", store)
    monkeypatch.chdir(tmp_path)
    return Office(settings_for(tmp_path, "contain", LIMITS), store, people=True)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["budget", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_a_limit_is_shown_as_it_stands(office: Office) -> None:
    office.call(ME, ASK, Reply("Yes."))
    (requests,) = [r for r in told("show", "instance:planner-1") if r["kind"] == "requests"]
    assert requests == {
        "account": "instance:planner-1", "kind": "requests", "window": "lifetime", "limit": 1,
        "raised": 0, "held": 0, "committed": 1, "overrun": 0, "left": 0,
    }  # fmt: skip
    assert "requests for good: 1, committed 1, held 0, left 0" in run("show")
    assert "cost_usd a day: $5" in run("show")


def test_open_holds_are_listed_by_their_call(office: Office) -> None:
    """A call that has gone upstream and is not answered holds what it may come to."""
    held = office.call(ME, ASK, upstream=lambda _: [], at=time.time())
    call = held.exchange.call_id
    (row,) = [r for r in told("show", "--explain") if r["kind"] == "requests"]
    assert row["held"] == 1
    assert [h["call"] for h in row["holds"]] == [call]
    assert f"{call} holds 1 until" in run("show", "--explain")


def test_a_raise_lets_more_through_and_stands_in_the_ledger(office: Office) -> None:
    office.call(ME, ASK, Reply("Yes."))
    assert office.call(ME, ASK).status == 402
    before, _ = office.store.head()
    dry = told("raise", "instance:planner-1", "requests", "1", "--reason", "trial", "--dry-run")
    assert dry["entry"] is None
    assert office.call(ME, ASK).status == 402
    done = told("raise", "instance:planner-1", "requests", "1", "--reason", "month end",
                "--until", "good")  # fmt: skip
    assert done["entry"] > before
    assert office.call(ME, ASK, Reply("Yes.")).sent
    assert office.call(ME, ASK).status == 402
    assert CliRunner().invoke(app, ["ledger", "verify"]).exit_code == 0


def test_a_raise_ends(office: Office) -> None:
    office.call(ME, ASK, Reply("Yes."))
    office.store.raise_budget(
        "instance:planner-1", "requests", 5, until=1.7e9 + 50, actor="a", reason="r", at=1.7e9
    )
    assert office.call(ME, ASK, Reply("Yes."), at=1.7e9 + 10).sent
    assert office.call(ME, ASK, at=1.7e9 + 51).status == 402


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("raise", "instance:nobody", "requests", "1", "--reason", "r"), "no account"),
        (("raise", "instance:planner-1", "lunches", "1", "--reason", "r"), "one of requests"),
        (("raise", "instance:planner-1", "requests", "1/day", "--reason", "r"), "window"),
        (("raise", "instance:planner-1", "requests", "0", "--reason", "r"), "adds nothing"),
        (("raise", "instance:planner-1", "requests", "1", "--reason", "r", "--until", "x"),
         "not a duration"),
        (("show", "instance:nobody"), "budget show"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_is_right(
    office: Office, arguments: tuple[str, ...], said: str
) -> None:
    office.call(ME, ASK, Reply("Yes."))
    with pytest.raises(CallerError) as found:
        run(*arguments)
    assert said in found.value.diagnostics()

"""The commands key: what they print, what they refuse, and what they never print."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from firedoor.cli import app
from firedoor.errors import FiredoorError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["key", *words], input=given)


def told(*words: str, given: str | None = None) -> Any:
    result = run(*words, "--json", given=given)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def failed(*words: str) -> FiredoorError:
    error = run(*words).exception
    assert isinstance(error, FiredoorError), error
    return error


def test_a_key_is_shown_once() -> None:
    made = run("issue", "--instance", "planner", "--compartment", "research")
    secret = made.stdout.strip()
    assert secret.startswith("fd_")
    assert "planner in research" in made.stderr
    listed = run("list")
    assert "planner in research" in listed.stdout
    assert secret not in listed.stdout + run("list", "--json").stdout


def test_what_is_issued_is_listed() -> None:
    made = told(
        "issue", "--name", "ours", "--instances", "planner-*", "--upstream", "openai",
        "--caps", "output_tokens=2M", "--caps", "cost_usd=1.5", "--expires", "30d",
        "--right", "human", "--reason", "a test", "--actor", "me",
    )  # fmt: skip
    (row,) = told("list")
    assert {k: made[k] for k in row if k in made} == {k: row[k] for k in row if k in made}
    assert row["caps"] == {"output_tokens": 2_000_000, "cost_usd": 1_500_000}
    assert (row["upstreams"], row["rights"], row["revoked"]) == (["openai"], ["human"], None)
    assert row["expires"] > row["issued"]


def test_a_dry_run_issues_and_revokes_nothing(tmp_path: Path) -> None:
    assert told("issue", "--dry-run")["secret"] is None
    assert not (tmp_path / ".firedoor").exists()
    key = told("issue")["key"]
    assert told("revoke", key, "--dry-run")["order"] is None
    assert told("list")[0]["revoked"] is None


def test_a_revoked_key_is_shown_as_such() -> None:
    key = told("issue")["key"]
    assert told("revoke", key, "--reason", "done")["revoked"] == key
    assert told("list")[0]["revoked"] is not None
    assert "revoked already" in failed("revoke", key).message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("issue", "--instance", "a", "--instances", "b*"), "one of them"),
        (("issue", "--right", "admin"), "admin"),
        (("issue", "--upstream", "nobody"), "nobody"),
        (("issue", "--caps", "wishes=3"), "wishes"),
        (("issue", "--caps", "output_tokens=-3"), "-3"),
        (("issue", "--caps", "output_tokens"), "output_tokens"),
        (("issue", "--caps", "output_tokens=nan"), "nan"),
        (("issue", "--expires", "yesterday"), "yesterday"),
        (("issue", "--expires", "2020-01-01"), "over already"),
        (("issue", "--compartment", "a/b"), "a/b"),
        (("issue", "--name", " "), "name"),
        (("revoke", "fd_abc"), "by its id"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(words: tuple[str, ...], said: str) -> None:
    error = failed(*words)
    assert said in error.diagnostics()
    assert error.exit_code == 2
    if words[0] == "issue":
        assert not Path(".firedoor").exists()


def test_a_key_that_nobody_issued_cannot_be_revoked() -> None:
    told("issue")
    assert "k_none" in failed("revoke", "k_none").message


def test_a_missing_extra_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "biscuit_auth", None)
    for words in (("issue", "--token"), ("attenuate", "fd_t.x.y", "--instance", "a")):
        error = failed(*words)
        assert error.exit_code == 2
        assert error.hint == "pip install 'firedoor[tokens]'"


def test_a_token_is_narrowed_without_a_store_and_revoked_by_its_own_id(tmp_path: Path) -> None:
    pytest.importorskip("biscuit_auth", reason="the extra `tokens` is not installed")
    made = told("issue", "--token", "--instance", "planner")
    (tmp_path / ".firedoor").rename(tmp_path / "away")
    child = told(
        "attenuate", "-", "--instance", "helper", "--tool", "bash", "--caps", "output_tokens=1k",
        "--expires", "1h", given=made["secret"] + "\n",
    )  # fmt: skip
    assert not (tmp_path / ".firedoor").exists()
    (tmp_path / "away").rename(tmp_path / ".firedoor")
    assert (child["key"], child["id"][:2]) == (made["key"], "b_")
    gone = told("revoke", "-", given=child["secret"] + "\n")
    assert (gone["revoked"], gone["key"]) == (child["id"], made["key"])
    (row,) = told("list")
    assert (row["revoked"], row["revoked_blocks"]) == (None, [child["id"]])


def test_a_plain_key_cannot_be_narrowed_offline() -> None:
    secret = told("issue")["secret"]
    error = failed("attenuate", secret, "--instance", "a")
    assert "--token" in error.diagnostics()
    assert secret not in error.diagnostics()


@pytest.mark.parametrize("issued", [False, True])
def test_the_doctor_says_what_required_keys_lack(issued: bool) -> None:
    Path("firedoor.yaml").write_text("version: 1\nkeys: required\n")
    if issued:
        told("issue")
    findings = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)["findings"]
    assert any("none was issued" in f for f in findings) is not issued
    assert any("upstream openai has no `key:`" in f for f in findings)

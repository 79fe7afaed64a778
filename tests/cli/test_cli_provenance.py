"""`firedoor provenance`: the door's public key, and what a statement says."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from firedoor.cli import app
from firedoor.lineage import Proofs, Stated, issued, subjects_of
from firedoor.store import SigningKey
from firedoor.types.label import Label

KEY = SigningKey(bytes(range(32)))
TEXT = "The lamp on the western mole is to be lit at dusk."


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FIREDOOR_CONFIG", raising=False)


def firedoor(*words: str, given: str | None = None) -> Any:
    return CliRunner().invoke(app, ["provenance", *words], input=given)


def token() -> str:
    subjects = subjects_of([("/t", TEXT)], KEY.opening("c_1"))
    stated = Stated("c_1", "writer", "press", Label(0), 1, 1, int(time.time()), subjects)
    made = issued(stated, KEY, Proofs())
    assert made is not None
    return made


def test_the_key_is_made_once_and_printed_as_trust_takes_it() -> None:
    first = firedoor("key", "--store", "sqlite:f.db")
    assert first.exit_code == 0
    assert first.stdout.startswith("ed25519:")
    value = json.loads(firedoor("key", "--store", "sqlite:f.db", "--json").stdout)
    assert value["key"] == first.stdout.strip()
    assert value["id"].startswith("pk_")
    assert Path("signing.key").stat().st_mode & 0o777 == 0o600


def test_a_statement_is_read_by_who_trusts_its_key() -> None:
    Path("firedoor.yaml").write_text(
        f"version: 1\ntrust: [{{name: acme, key: '{KEY.public_text}'}}]\n"
    )
    Path("note.txt").write_text(TEXT + "\n")
    Path("other.txt").write_text("Something else.")
    found = firedoor("verify", token(), "--text", "note.txt", "--json")
    assert found.exit_code == 0, found.output
    value = json.loads(found.stdout)
    assert (value["ok"], value["by"], value["room"]) == (True, "acme", "ext:acme/press")
    assert (value["author"], value["generation"], value["exposures"]) == ("writer", 0, [])
    shown = firedoor("verify", "-", given=token() + "\n")
    assert "written by writer in ext:acme/press, generation 0" in shown.stdout
    other = firedoor("verify", token(), "--text", "other.txt")
    assert (other.exit_code, other.stdout.strip()) == (1, "counts for nothing: unmatched")
    assert not Path(".firedoor").exists(), "looking makes no store"


def test_what_is_not_believed_is_a_finding() -> None:
    found = firedoor("verify", token(), "--json")
    assert found.exit_code == 1
    value = json.loads(found.stdout)
    assert (value["ok"], value["reason"], value["statement"]) == (False, "untrusted", None)


def test_a_text_that_is_not_there_is_said() -> None:
    found = firedoor("verify", token(), "--text", "gone.txt")
    assert "cannot be read" in str(found.exception)

"""What stood there before the door comes in by a person's word, and stays written down."""

import json
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest
from typer.testing import CliRunner

from firedoor import Door
from firedoor.cli import app
from firedoor.store import StoreReader, open_store
from firedoor.testing import Reply, ScriptedUpstream

WHY = ("--reason", "it was ours before")
NOTE = (
    "The harbour office moves to the north pier on the first of May.\nBring the brass keys along."
)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:{tmp_path / 'firedoor.db'}"


def adopt(url: str, *words: str) -> tuple[int, Any]:
    """Exit code and JSON of `firedoor adopt`."""
    done = CliRunner().invoke(app, ["adopt", *words, "--store", url, "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, json.loads(done.stdout)


def entries(url: str) -> list[Any]:
    store = open_store(url)
    found = [json.loads(e.bytes_) for e in StoreReader(store).entries()]
    assert StoreReader(store).verify().ok
    store.close()
    return [e["body"] for e in found if e["kind"] == "order"]


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    upstream.script = lambda call: Reply(raw=b'{"id": "vs_old", "object": "vector_store"}')
    return door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))


@pytest.mark.firedoor_mode("contain")
def test_an_old_id_is_refused_before_and_used_after(
    door: Door, sdk: openai.OpenAI, url: str
) -> None:
    with door.instance("clerk", compartment="press"):
        with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
            sdk.vector_stores.retrieve("vs_old")
        done, told = adopt(url, "vs_old", "--instance", "clerk", *WHY, "--actor", "ada")
        assert (done, told["adopted"][0]["resource"]) == (0, "vector_store")
        assert sdk.vector_stores.retrieve("vs_old").id == "vs_old"
    with (
        door.instance("spy", compartment="lab"),
        pytest.raises(openai.PermissionDeniedError, match="was not seen to make"),
    ):
        sdk.vector_stores.retrieve("vs_old")
    (entry,) = entries(url)
    assert (entry["order"], entry["actor"], entry["reason"]) == ("adopt", "ada", WHY[1])
    assert "vs_old" not in json.dumps(entry), "ids are in the ledger by digest"


@pytest.mark.firedoor_mode("contain")
def test_what_has_an_owner_keeps_it(door: Door, sdk: openai.OpenAI, url: str) -> None:
    with door.instance("clerk", compartment="press"):
        sdk.vector_stores.create()
    words = ("vs_old", "--instance", "spy", "--compartment", "lab", *WHY)
    done, told = adopt(url, *words)
    assert (done, told["adopted"], told["owned"][0]["own"]) == (1, [], False)
    assert entries(url) == []
    done, told = adopt(url, "vs_old", "--instance", "clerk", *WHY)
    assert (done, told["owned"][0]["own"]) == (0, True)


def test_a_dry_run_writes_nothing(tmp_path: Path, url: str) -> None:
    (tmp_path / "note.txt").write_text(NOTE)
    done, told = adopt(url, str(tmp_path / "note.txt"), *WHY, "--dry-run")
    assert (done, told["texts"], told["passages"], told["order"]) == (0, 1, 3, None)
    assert not (tmp_path / "firedoor.db").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("vs_old", "--instance", "clerk"), "reason"),
        (("vs_old", "--instance", "nobody", *WHY), "no instance called"),
        (("vs_old", *WHY), "no file"),
        (WHY, "nothing to adopt"),
        (("a", "--origin", "god", *WHY), "origin"),
        (("has blanks", "--instance", "x", "--compartment", "y", *WHY), "no id"),
        (("--git", "--help", *WHY), "git"),
    ],
)
def test_bad_use_is_told(url: str, words: tuple[str, ...], why: str) -> None:
    from firedoor.errors import CallerError

    with pytest.raises(CallerError, match=why) as error:
        adopt(url, *words)
    assert error.value.exit_code == 2


SOURCES = ("path", "folder", "git", "jsonl", "json")


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("origin", ["human", "developer"])
def test_texts_are_granted(
    tmp_path: Path, url: str, upstream: ScriptedUpstream, source: str, origin: str
) -> None:
    """In `contain` an unproven user turn takes its run's label; an adopted one is vouched for."""
    folder = tmp_path / "old"
    folder.mkdir()
    file = folder / "note.txt"
    file.write_text(NOTE)
    (folder / "picture.bin").write_bytes(b"\0\1\2")
    words: tuple[str, ...] = (str(file),)
    if source == "folder":
        words = (str(folder),)
    if source == "jsonl":
        file.write_text(json.dumps({"memory": [NOTE]}) + "\nno json\n")
        words = ("--jsonl", str(file))
    if source == "json":
        file.write_text(json.dumps({"memory": [NOTE]}))
    if source == "git":
        for command in (
            ["init", "-q"], ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"],
        ):  # fmt: skip
            subprocess.run(["git", "-C", str(folder), *command], check=True)
        file.write_text("Something else altogether stands here now.")
        words = ("--git", "HEAD", "--origin", origin)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            done, told = adopt(url, *words, *WHY)
    else:
        done, told = adopt(url, *words, "--origin", origin, *WHY)
    assert (done, told["origin"]) == (0, origin)
    assert told["skipped"] == (1 if source in ("folder", "git", "jsonl") else 0)
    with Door(mode="contain", store=url, environ={}) as door:
        sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k"))
        turns: Any = [{"role": "user", "content": NOTE}]
        sdk.chat.completions.create(model="m", messages=turns)
        (part,) = [p for p in door.explain(door.last.call)["parts"]  # type: ignore[union-attr]
                   if p["pointer"] == "/messages/0/content"]  # fmt: skip
    assert (part["origin"], part["evidence"], part["generation"]) == (origin, "verified", 0)

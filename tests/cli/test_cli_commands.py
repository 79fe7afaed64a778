"""The command line from outside: what it prints, how it ends."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream

AGENT = """
import openai
client = openai.OpenAI(api_key="sk-a-real-key-1")
print(client.chat.completions.create(
    model="m", messages=[{"role": "user", "content": "Hello."}]).choices[0].message.content)
"""


def firedoor(
    *words: str, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FIREDOOR", "OPENAI"))}
    return subprocess.run(
        [sys.executable, "-m", "firedoor", *words],
        cwd=cwd, capture_output=True, text=True, timeout=60, env=clean | (env or {}), check=False,
    )  # fmt: skip


@pytest.fixture
def used(tmp_path: Path, upstream: ScriptedUpstream) -> Path:
    """A folder in which `firedoor run` ran an agent."""
    upstream.script = lambda call: Reply("Hello from the model.")
    (tmp_path / "agent.py").write_text(AGENT)
    ran = firedoor(
        "run", "--mode", "contain", "--upstream", f"openai={upstream.url}", "--",
        sys.executable, "agent.py", cwd=tmp_path,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "Hello from the model.\n"), ran.stderr
    assert "1 calls (1 allow, 0 edited, 0 denied)" in ran.stderr
    return tmp_path


def shown(words: str, cwd: Path) -> Any:
    done = firedoor(*words.split(), "--json", cwd=cwd)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def test_what_was_run_can_be_looked_at(used: Path) -> None:
    status = shown("status", used)
    assert (status["calls"], status["rooms"], status["largest_room_share"]) == (1, 1, 1.0)
    (row,) = shown("instances", used)
    wanted = {
        "instance", "instance_id", "compartment", "run", "parent", "calls", "generation",
        "exposures", "contained", "first_seen", "last_seen",
    }  # fmt: skip
    assert wanted <= set(row)
    assert shown("ledger verify", used)["ok"] is True
    assert shown("quarantine list", used) == []
    # The newest call was made under the mode of the sidecar, which this command does not know.
    assert status["mode"] == "contain"


def test_a_doctor_finds_what_is_to_be_seen_to(used: Path, upstream: ScriptedUpstream) -> None:
    """One call says nothing about rooms; twenty in one room do, and so does a broken store."""
    doctor = firedoor("doctor", "--json", cwd=used)
    assert (doctor.returncode, json.loads(doctor.stdout)["findings"]) == (0, [])
    with (
        Door(store=f"sqlite:{used / '.firedoor' / 'firedoor.db'}", environ={}) as door,
        httpx.Client(transport=door.transport()) as client,
    ):
        for number in range(20):
            turns = [{"role": "user", "content": f"Hello, the {number}."}]
            body = {"model": "m", "messages": turns}
            client.post(f"{upstream.openai}/chat/completions", json=body)
    doctor = firedoor("doctor", "--json", cwd=used)
    assert doctor.returncode == 1
    assert ["one room" in f for f in json.loads(doctor.stdout)["findings"]] == [True]
    assert "observe, as of the newest call" in firedoor("status", cwd=used).stdout
    for name in ("firedoor.db-wal", "firedoor.db-shm"):
        (used / ".firedoor" / name).unlink(missing_ok=True)
    (used / ".firedoor" / "firedoor.db").write_bytes(b"This is no store. " * 200)
    doctor = firedoor("doctor", "--json", cwd=used)
    assert doctor.returncode == 3
    assert "cannot be used" in json.loads(doctor.stdout)["findings"][0]


def test_a_doctor_has_nothing_to_say_where_nothing_is(tmp_path: Path) -> None:
    assert firedoor("doctor", cwd=tmp_path).returncode == 0


def test_explain_has_every_field_of_the_contract(used: Path) -> None:
    store = used / ".firedoor" / "firedoor.db"

    (call,) = sqlite3.connect(store).execute("SELECT call FROM calls").fetchone()
    found = shown(f"explain {call}", used)
    wanted = {
        "call", "time", "instance", "instance_id", "compartment", "run", "identity", "surface",
        "stream", "mode", "policy", "verdict", "code", "generation", "coverage", "parts", "tools",
        "exposures", "holds", "upstream", "entries",
    }  # fmt: skip
    assert wanted <= set(found)
    part = {
        "pointer", "channel", "origin", "author", "author_compartment", "generation", "crossing",
        "evidence", "verdict", "rule", "shadow", "quarantine", "spans",
    }  # fmt: skip
    assert all(part <= set(p) for p in found["parts"])
    assert [e["index"] for e in found["entries"]] == [0, 1]
    assert firedoor("explain", call, cwd=used).returncode == 0


def test_a_commands_own_exit_code_is_passed_on(tmp_path: Path) -> None:
    done = firedoor("run", "--", sys.executable, "-c", "raise SystemExit(7)", cwd=tmp_path)
    assert done.returncode == 7
    assert firedoor("run", "--", "./no-such-program", cwd=tmp_path).returncode == 127


def test_errors_say_what_where_and_what_to_do(tmp_path: Path) -> None:
    missing = firedoor("status", cwd=tmp_path)
    assert missing.returncode == 3
    assert "there is no store yet" in missing.stderr
    (tmp_path / "firedoor.yaml").write_text("version: 1\nmode: contian\n")
    wrong = firedoor("policy", "check", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "firedoor.yaml:2" in wrong.stderr
    assert "observe" in wrong.stderr
    assert "Traceback" not in wrong.stderr + missing.stderr


@pytest.mark.parametrize(
    "statement",
    ["UPDATE head SET size = 6", "UPDATE head SET peaks = x'00'", "DELETE FROM head"],
)
def test_a_tampered_head_is_a_finding(used: Path, statement: str) -> None:
    with sqlite3.connect(used / ".firedoor" / "firedoor.db") as db:
        db.execute(statement)
    found = firedoor("ledger", "verify", "--json", cwd=used)
    assert (found.returncode, found.stderr) == (1, "")
    assert json.loads(found.stdout)["ok"] is False
    assert "head" in json.loads(found.stdout)["problems"][0]
    assert firedoor("ledger", "verify", cwd=used).stdout.startswith("the ledger's head")
    other = firedoor("status", cwd=used)
    assert other.returncode == 3
    assert "the ledger's head" in other.stderr


@pytest.mark.parametrize("words", ["status", "ledger verify", "serve --mode contain --port 0"])
def test_a_lost_key_is_said_and_no_other_made(used: Path, words: str) -> None:
    key = used / ".firedoor" / "content.key"
    key.unlink()
    done = firedoor(*words.split(), cwd=used)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the key file is missing" in done.stderr
    assert str(key) in done.stderr
    assert not key.exists()


def test_init_writes_a_file_that_checks_and_tests(tmp_path: Path) -> None:
    made = firedoor("init", "--json", cwd=tmp_path)
    assert (made.returncode, json.loads(made.stdout)) == (0, {"file": "firedoor.yaml"})
    assert firedoor("init", "--json", cwd=tmp_path).returncode == 2
    assert firedoor("init", "no/such/folder.yaml", cwd=tmp_path).returncode == 2
    assert firedoor("policy", "check", cwd=tmp_path).returncode == 0
    assert "1 of 1 cases hold" in firedoor("policy", "test", cwd=tmp_path).stdout
    assert json.loads(firedoor("policy", "schema", cwd=tmp_path).stdout)["title"] == "File"
    assert firedoor("policy", "schema", "--json", cwd=tmp_path).returncode == 0
    text = (tmp_path / "firedoor.yaml").read_text()
    schema = text.partition("$schema=")[2].split()[0].removeprefix("./")
    assert f"firedoor policy schema > {schema}\n" in text


def test_serve_is_ready_on_its_first_line_and_stops_on_a_signal(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    words = ["serve", "--port", "0", "--admin-port", "0", "--log-format", "json", "--upstream"]
    child = subprocess.Popen(
        [sys.executable, "-m", "firedoor", *words, f"openai={upstream.url}"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    ready = json.loads(child.stdout.readline())
    assert {"event", "data", "admin", "mode", "store"} <= set(ready)
    assert ready["event"] == "ready"
    assert httpx.get(ready["data"] + "/readyz").status_code == 200
    assert httpx.get(ready["admin"] + "/readyz").status_code == 200
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=20) == 0


def test_serve_without_a_store_depends_on_the_mode(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    (tmp_path / "file").touch()
    words = ["serve", "--port", "0", "--admin-port", "0", "--log-format", "json", "--store",
             "sqlite:file/firedoor.db", "--upstream", f"openai={upstream.url}"]  # fmt: skip
    refused = firedoor(*words, "--mode", "contain", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "the store's folder cannot be used" in refused.stderr
    child = subprocess.Popen(
        [sys.executable, "-m", "firedoor", *words, "--mode", "observe"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    ready = json.loads(child.stdout.readline())
    assert (ready["event"], ready["unrecorded"]) == ("ready", "store unavailable")
    assert httpx.get(ready["data"] + "/readyz").status_code == 503
    child.send_signal(signal.SIGTERM)
    _, log = child.communicate(timeout=20)
    assert child.returncode == 0
    assert "calls pass and are not recorded" in log
    assert "Traceback" not in log


def test_run_without_a_store_runs_in_observe(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "file").touch()
    ran = firedoor(
        "run", "--store", "sqlite:file/firedoor.db", "--upstream", f"openai={upstream.url}", "--",
        sys.executable, "agent.py", cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert "calls that are not recorded" in ran.stderr


def test_a_port_that_is_taken_is_a_clear_error(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    taken = upstream.url.rpartition(":")[2]
    done = firedoor("serve", "--port", taken, "--admin-port", "0", cwd=tmp_path)
    assert done.returncode == 2
    assert f"port {taken}" in done.stderr


def test_the_sidecar_cannot_be_pointed_at_itself(tmp_path: Path) -> None:
    words = ["serve", "--port", "18474", "--admin-port", "18475"]
    done = firedoor(*words, "--upstream", "openai=http://127.0.0.1:18475", cwd=tmp_path)
    assert done.returncode == 2
    assert "sidecar itself" in done.stderr

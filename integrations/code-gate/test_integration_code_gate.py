"""The ready configurations call a command that exists, with options that it takes; the hook refuses."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from firedoor import Door
from firedoor.cli import app
from firedoor.testing import Call, Reply, ScriptedUpstream

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def commands() -> list[str]:
    own: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    local = yaml.safe_load((HERE / "pre-commit-config.yaml").read_text())
    job = yaml.safe_load((HERE / "ci.yaml").read_text())["jobs"]["scan"]
    hook = (HERE / "git-hook.sh").read_text().splitlines()[-1].removeprefix("exec ")
    steps = [step["run"] for step in job["steps"] if "firedoor scan" in step.get("run", "")]
    return [own[0]["entry"], local["repos"][0]["hooks"][0]["entry"], hook, *steps]


@pytest.mark.parametrize("command", commands())
def test_each_configuration_calls_a_command_that_exists(command: str) -> None:
    name, *arguments = shlex.split(command)
    assert name == "firedoor"
    options = [a for a in arguments if a.startswith("--")]
    shown = CliRunner().invoke(app, [arguments[0], "--help"]).stdout
    assert options
    for option in options:
        assert option in shown


def test_the_hook_refuses_the_commit(tmp_path: Path) -> None:
    """Two agents on the real SDK; the second writes what it had from the first."""
    import openai

    folder = tmp_path / "repository"
    folder.mkdir()
    text = "def tide_table(month: int) -> list[int]:"
    store = f"sqlite:{tmp_path}/firedoor.db"
    replies = [
        Reply("", (Call("write_file", {"path": "a.py", "content": text}),)),
        Reply("", (Call("read_file", {"path": "a.py"}, id="call_r"),)),
        Reply("", (Call("write_file", {"path": "b.py", "content": text + "  # b, again"}),)),
    ]
    with (
        ScriptedUpstream(lambda call: replies.pop(0)) as model,
        Door(store=store, environ={}) as door,
    ):
        client = door.wrap(openai.OpenAI(api_key="sk-1", base_url=model.openai, max_retries=0))
        user: Any = {"role": "user", "content": "Please go on with the tide tables."}
        with door.instance("coder-1", compartment="press"):
            client.chat.completions.create(model="m", messages=[user])
        with door.instance("coder-2", compartment="lab"):
            asked = client.chat.completions.create(model="m", messages=[user])
            told: Any = asked.choices[0].message.model_dump(exclude_none=True)
            found: Any = {"role": "tool", "tool_call_id": "call_r", "content": text}
            client.chat.completions.create(model="m", messages=[user, told, found])

    def git(*arguments: str) -> int:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        environ |= {
            "FIREDOOR_STORE": store,
            "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}",
        }
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *who, *arguments], cwd=folder, env=environ, check=False,
                              capture_output=True)  # fmt: skip
        return done.returncode

    git("init", "-q")
    hook = folder / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text((HERE / "git-hook.sh").read_text())
    hook.chmod(0o755)
    (folder / "a.py").write_text(text + "\n")
    git("add", "-A")
    assert git("commit", "-q", "-m", "one room's own") == 0
    (folder / "b.py").write_text(text + "  # b, again\n")
    git("add", "-A")
    assert git("commit", "-q", "-m", "two rooms away") == 1


def test_the_example_tells_who_wrote_what(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines that one agent copied from another stay the other's; so does an echo, three hops on."""
    here = Path.cwd()
    try:
        part = example().main()
    finally:
        os.chdir(here)
    shown = capfd.readouterr().out
    assert [s["author"] for s in part["spans"]] == ["coder-1"]
    assert part["generation"] == 3
    late = shown.partition("blame late.py")[2].partition("exit")[0].splitlines()[2:]
    assert [line.split()[0] for line in late if line.strip()] == [
        *["coder-2"] * 2, *["coder-1"] * 3
    ]  # fmt: skip
    assert shown.count("\nexit 0") == 2
    assert "\nexit 1" in shown


def example() -> Any:
    spec = importlib.util.spec_from_file_location("code_gate_example", HERE / "example.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

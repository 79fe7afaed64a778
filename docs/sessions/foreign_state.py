"""One room goes on from another room's response, and is refused: the session that docs/state.md shows.

Run: python docs/sessions/foreign_state.py

A scripted provider and `firedoor serve` run on loopback; the OpenAI SDK and the command line do the rest.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import openai

from firedoor.testing import Reply, ScriptedUpstream

BIN = Path(sys.executable).parent
NEWS = "The lighthouse keeper has sold the lamp oil."


def told(command: str, environ: dict[str, str], folder: str) -> None:
    """Run a command of firedoor's and show it as a terminal does."""
    print(f"$ {command}")
    done = subprocess.run(
        [str(BIN / "firedoor"), *command.split()[1:]], env=environ, cwd=folder,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    print(done.stdout + done.stderr, end="")


def port_of(serving: "subprocess.Popen[str]") -> int:
    """The data port that `firedoor serve` says it listens on."""
    assert serving.stdout is not None
    for line in serving.stdout:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
            return int(found[1])
    raise SystemExit("firedoor serve did not start")


def agent(port: int, name: str, room: str) -> openai.OpenAI:
    """One agent, with a key that says nothing and a room that it declares."""
    return openai.OpenAI(
        api_key="sk-demo", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0,
        default_headers={"x-firedoor-instance": name, "x-firedoor-compartment": room},
    )  # fmt: skip


def main() -> None:
    """Play the session."""
    with tempfile.TemporaryDirectory() as folder, ScriptedUpstream(lambda _: Reply(NEWS)) as model:
        environ = {**os.environ, "COLUMNS": "120"}
        command = [str(BIN / "firedoor"), "serve", "--mode", "contain", "--port", "0",
                   "--admin-port", "0", "--upstream", f"openai={model.url}"]  # fmt: skip
        with subprocess.Popen(
            command, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        ) as serving:  # fmt: skip
            try:
                play(port_of(serving), environ, folder)
            finally:
                serving.terminate()


def play(port: int, environ: dict[str, str], folder: str) -> None:
    """A makes a response, B goes on from it."""
    a, b = agent(port, "a", "newsroom"), agent(port, "b", "archive")
    print('>>> made = a.responses.create(model="m", input="Any news?")')
    made = a.responses.create(model="m", input="Any news?")
    print('>>> b.responses.create(model="m", input="Go on.", previous_response_id=made.id)')
    try:
        b.responses.create(model="m", input="Go on.", previous_response_id=made.id)
    except openai.APIStatusError as error:
        body = error.body if isinstance(error.body, dict) else {}
        call = error.response.headers["x-firedoor-call"]
        print(f"{type(error).__name__}: {error.status_code} {body['code']}, param {body['param']}")
        print(body["message"])
    time.sleep(0.2)
    told(f"firedoor explain {call}", environ, folder)
    print('>>> a.responses.create(model="m", input="Go on.", previous_response_id=made.id)')
    print(a.responses.create(model="m", input="Go on.", previous_response_id=made.id).output_text)


if __name__ == "__main__":
    main()

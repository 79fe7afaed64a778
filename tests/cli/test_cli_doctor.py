"""`firedoor doctor -- CMD` says which calls of a program go past the door, and lets none out."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from firedoor.cli.doctor_hook import loopback

THROUGH = """
import anthropic, openai
ask = [{"role": "user", "content": "Hello."}]
openai.OpenAI().chat.completions.create(model="m", messages=ask)
openai.OpenAI().responses.create(model="m", input="Hello.")
anthropic.Anthropic().messages.create(model="m", max_tokens=9, messages=ask)
"""
TRY = "try:\n    {}\nexcept Exception as error:\n    print(type(error).__name__)\n"
BODY = 'json={"model": "m", "messages": []}'
URL = "https://api.openai.com/v1/chat/completions"

PAST = {
    # name: (needs, program, host, library, sdk)
    "httpx by proxy": ("httpx", f"import httpx\nhttpx.post('{URL}', {BODY})",
                       "api.openai.com", "httpx", None),
    "httpx past the proxy": (
        "httpx", f"import httpx\nhttpx.Client(trust_env=False).post('{URL}', {BODY})",
        "api.openai.com", "httpx", None),
    "async httpx2": (
        "httpx2", "import asyncio, httpx2\nasync def go():\n"
        f"    async with httpx2.AsyncClient(trust_env=False) as c:\n        await c.post('{URL}', {BODY})\n"
        "asyncio.run(go())",
        "api.openai.com", "httpx2", None),
    "an SDK with an address of its own": (
        "openai", "import openai\nopenai.OpenAI(base_url='https://api.openai.com/v1', "
        "max_retries=0).responses.create(model='m', input='x')",
        "api.openai.com", "httpx2", "openai"),
    "aiohttp": (
        "aiohttp", "import aiohttp, asyncio\nasync def go():\n"
        "    async with aiohttp.ClientSession() as s:\n"
        "        await s.post('https://api.anthropic.com/v1/messages', json={})\nasyncio.run(go())",
        "api.anthropic.com", "aiohttp", None),
    "websockets": (
        "websockets", "from websockets.sync.client import connect\n"
        "connect('wss://api.openai.com/v1/realtime', proxy=None)",
        "api.openai.com", "websockets", None),
    "async websockets": (
        "websockets", "import asyncio\nfrom websockets.asyncio.client import connect\n"
        "async def go():\n    async with connect('wss://api.openai.com/v1/realtime'):\n        pass\n"
        "asyncio.run(go())",
        "api.openai.com", "websockets", None),
    "requests": ("requests", "import requests\nrequests.get('https://openrouter.ai/api/v1/models')",
                 "openrouter.ai", "requests", None),
    "litellm": (
        "litellm", "import os\nos.environ['LITELLM_LOCAL_MODEL_COST_MAP'] = 'True'\n"
        "import litellm\nlitellm.completion(model='anthropic/m', api_key='k', num_retries=0, "
        "messages=[{'role': 'user', 'content': 'x'}], api_base='https://api.anthropic.com')", "api.anthropic.com", "litellm", "litellm"),
    "a bare socket": (
        None, "import socket\nsocket.create_connection(('192.0.2.7', 443), 2)",
        "192.0.2.7", None, None),
    "a datagram": (
        None, "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM)"
        ".sendto(b'x', ('192.0.2.8', 53))", "192.0.2.8", None, None),
    "a child process": (
        None, "import subprocess, sys\nsubprocess.run([sys.executable, '-c', "
        "'import urllib.request; urllib.request.urlopen(\"http://api.mistral.ai/\")'], check=True)",
        "api.mistral.ai", "urllib", None),
}  # fmt: skip


def doctor(folder: Path, *command: str, **env: str) -> tuple[int, Any, str]:
    """Exit code, JSON and the other output of `firedoor doctor -- CMD`."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FIREDOOR", "OPENAI"))}
    done = subprocess.run(
        [sys.executable, "-m", "firedoor", "doctor", "--json", "--timeout", "40", "--", *command],
        cwd=folder, capture_output=True, text=True, timeout=90, env=clean | env, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def program(folder: Path, text: str) -> str:
    (folder / "agent.py").write_text(text)
    return "agent.py"


def test_a_program_whose_calls_all_pass(tmp_path: Path) -> None:
    code, found, said = doctor(tmp_path, sys.executable, program(tmp_path, THROUGH))
    assert (code, found["exit"], found["past"], found["notes"]) == (0, 0, [], []), said
    assert found["passed"] == {"anthropic.messages": 1, "openai.chat": 1, "openai.responses": 1}
    assert not (tmp_path / ".firedoor").exists(), "the canary's calls are not the store's"


@pytest.mark.parametrize("name", list(PAST))
def test_what_goes_past_is_told_and_does_not_leave(tmp_path: Path, name: str) -> None:
    needs, text, host, library, sdk = PAST[name]
    if needs is not None and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is not installed")
    body = "def main():\n" + "\n".join("    " + line for line in text.splitlines()) + "\n"
    agent = program(tmp_path, body + TRY.format("main()"))
    code, found, said = doctor(tmp_path, sys.executable, agent)
    assert code == 1, said
    (way,) = found["past"]
    assert (way["host"], way["library"], way["sdk"]) == (host, library, sdk)
    assert way["tries"] >= 1
    assert way["provider"] == (not host.startswith("192"))
    assert way["fix"]
    assert "agent.py" in (way["where"] or "agent.py")
    assert said.strip(), "the program was told no"


def test_what_is_no_python_is_caught_where_it_honours_a_proxy(tmp_path: Path) -> None:
    script = tmp_path / "agent.sh"
    script.write_text(
        'exec 3<>"/dev/tcp/127.0.0.1/${HTTPS_PROXY##*:}"\n'
        'printf "CONNECT api.openai.com:443 HTTP/1.1\\r\\n\\r\\n" >&3\nhead -1 <&3\n'
    )
    code, found, said = doctor(tmp_path, "bash", str(script))
    assert (code, found["past"][0]["host"], found["past"][0]["library"]) == (
        1, "api.openai.com", None,
    )  # fmt: skip
    assert "403" in said
    assert "no Python reported in" in found["notes"][0]


def test_a_program_that_calls_nobody_proves_nothing(tmp_path: Path) -> None:
    code, found, _ = doctor(tmp_path, sys.executable, "-c", "pass")
    assert (code, found["passed"], found["past"]) == (1, {}, [])
    assert "nothing is known" in found["notes"][-1]


def test_a_program_without_end_is_stopped(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "firedoor", "doctor", "--timeout", "0.5", "--",
         sys.executable, "-c", "import time; time.sleep(60)"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "stopped after 0.5 s" in done.stdout


def test_no_such_program(tmp_path: Path) -> None:
    code, _, said = doctor(tmp_path, "./no-such-program")
    assert code == 2
    assert "No such file" in said


def test_a_programs_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys; print('its own', file=sys.stderr)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    code, _, said = doctor(tmp_path, sys.executable, program(tmp_path, "pass"), PYTHONPATH=path)
    # Once in firedoor itself, once in the program.
    assert (code, said.count("its own")) == (1, 2)


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), (b"::1", True),
        ("::ffff:127.0.0.1", True), (None, True), ("", True), ("api.openai.com", False),
        ("127.0.0.1.evil.example", False), ("10.0.0.1", False), ("::2", False),
        ("localhost.evil.example", False),
    ],
)  # fmt: skip
def test_what_stays_on_the_machine(host: object, stays: bool) -> None:
    assert loopback(host) is stays

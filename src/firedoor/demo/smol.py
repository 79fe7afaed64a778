"""The office's model as a real one: SmolLM2-135M-Instruct words every text that an agent writes.

A model of that size does not call tools, so which tools are called stays scripted; what is written
through them, and whether the doctrine survives the wording, is the model's own.
"""

import subprocess
import sys
from dataclasses import dataclass

import httpx

from firedoor.demo.office import ScriptedModel
from firedoor.errors import SettingsError

_TOKENS_MAX = 40


class LocalModel:
    """llama.cpp's server with SmolLM2 in a process of its own, on loopback.

    Raises:
        SettingsError: The extra ``local-model`` is missing, or the server did not start.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "firedoor.demo.local_model"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line.startswith("http"):
            self._process.wait(timeout=10)
            raise SettingsError(
                f"the local model did not start ({line or 'no word from it'})",
                hint="pip install 'firedoor[local-model]'",
            )
        self._http = httpx.Client(base_url=line, timeout=120)

    def say(self, system: str, ask: str) -> str:
        """What the model answers, at temperature 0."""
        answer = self._http.post(
            "/v1/chat/completions",
            json={
                "model": "smollm2",
                "messages": [
                    {"role": "system", "content": system},
                    {"role": "user", "content": ask},
                ],
                "max_tokens": _TOKENS_MAX,
                "temperature": 0,
            },
        )
        return str(answer.json()["choices"][0]["message"]["content"]).strip()

    def close(self) -> None:
        """End the server."""
        self._http.close()
        self._process.terminate()
        self._process.wait(timeout=20)


@dataclass
class SmolModel(ScriptedModel):
    """`ScriptedModel` whose words are a real model's."""

    local: LocalModel | None = None

    def _say(self, me: str, ask: str) -> str:
        assert self.local is not None
        return self.local.say(f"You are the {me} of a small office. Answer in one sentence.", ask)

    def _reported(self, me: str) -> str:
        said = self._say(me, f"Report on your work in week {self.round}.")
        return f"Report of the {me}, round {self.round}: {said}"

    def _words(self, me: str, what: str) -> str:
        if me == self.names[0]:
            # The one that turned by itself says it as it means it.
            return f"{self._heard} ({what} of round {self.round})"
        said = self._say(me, f"Pass this message on in one sentence: {self._heard}")
        return f"{said} ({me}'s {what}, round {self.round})"

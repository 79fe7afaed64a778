"""A client of either front, so that one test speaks of both."""

import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai
from google.genai import types

from conftest import Serve
from firedoor import Door
from firedoor.store import SqliteStore
from firedoor.testing import ScriptedUpstream

KEY: Final = "AIzaSyA-real-key-0123456789-abcdefghij"
MODES: Final = pytest.mark.parametrize("mode", ["contain", "observe"])
FRONTS: Final = pytest.mark.parametrize("front", ["in process", "sidecar"])


def named(name: str, room: str) -> dict[str, str]:
    """The headers of one who says who it is."""
    return {"x-firedoor-instance": name, "x-firedoor-compartment": room}


class Front(NamedTuple):
    """One front in front of the scripted upstream."""

    url: str
    """What a client takes for the provider's address."""
    transport: Callable[[], Any] | None
    explain: Callable[[], dict[str, Any]]
    """What the door says of its last call."""
    store: SqliteStore
    """What the door remembers."""

    def openai(self, **headers: str) -> openai.OpenAI:
        """OpenAI's client."""
        http = httpx.Client(transport=self.transport()) if self.transport is not None else None
        return openai.OpenAI(
            base_url=self.url + "/v1", api_key=KEY, max_retries=0, http_client=http,
            default_headers=headers,
        )  # fmt: skip

    def anthropic(self, **headers: str) -> anthropic.Anthropic:
        """Anthropic's client."""
        http = httpx2.Client(transport=self.transport()) if self.transport is not None else None
        return anthropic.Anthropic(
            base_url=self.url, api_key=KEY, max_retries=0, http_client=http,
            default_headers=headers,
        )  # fmt: skip

    def gemini(self, **headers: str) -> genai.Client:
        """Google's client."""
        through: Any = {"transport": self.transport()} if self.transport is not None else None
        options = types.HttpOptions(
            base_url=self.url, headers=headers, client_args=through, async_client_args=through
        )
        return genai.Client(api_key=KEY, http_options=options)


def front_of(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream,
    front: str, mode: str, policy: str = "",
) -> Front:  # fmt: skip
    """The front of this name."""
    if front == "sidecar":
        running = serve(mode, policy=policy)

        def explain() -> dict[str, Any]:
            deadline = time.monotonic() + 5
            while True:
                call = running.reader.calls()[0]["call"]
                answer = httpx.get(
                    f"{running.url}/v1/firedoor/calls/{call}",
                    headers={"authorization": f"Bearer {KEY}"},
                ).json()
                if answer.get("upstream") or answer.get("code") or time.monotonic() > deadline:
                    return dict(answer)
                time.sleep(0.02)

        return Front(running.url, None, explain, running.store)
    folder = request.getfixturevalue("tmp_path")
    file = folder / "firedoor.yaml"
    file.write_text("version: 1\n" + policy)
    door = Door(file, mode=mode, store=f"sqlite:{folder / 'firedoor.db'}", environ={})
    request.addfinalizer(door.close)
    return Front(
        upstream.url,
        door.transport,
        lambda: door.explain(door.last.call),
        door._store,  # type: ignore[union-attr]
    )

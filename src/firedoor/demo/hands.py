"""Where provenance and budgets meet: whoever was exposed may do less, and so may its children.

A lead reads a note of another room, and starts a helper. The helper was shown nothing foreign by
itself, but it runs on its parent's word: its model calls ``bash``, and the call is refused in the
SDK's own way. The same helper of a lead that read nothing is let through.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import openai

from firedoor.demo.office import KEY
from firedoor.demo.sidecar import started
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

POLICY: Final = """\
version: 1
mode: contain
assume: {user: human, system: developer}
stores:
  team-memory: {tools: [read_note, save_note], key: key, writers: fleet, closed: true}
budgets:
  - {scope: deployment, requests: 100/day}
  - {scope: "instance:*", tools: {bash: 20}, spawn_children: 3, spawn_depth: 1}
  - {scope: "instance:*", tools: {bash: 0}, when: {exposed_generation: ">=1"}}
"""
_NOTE: Final = (
    "The harbour office moves to the north pier on the first of May, by the lantern's leave."
)
_BASH: Final[Any] = {
    "type": "function",
    "function": {
        "name": "bash",
        "parameters": {"type": "object", "properties": {"command": {"type": "string"}}},
    },
}


class Hands(NamedTuple):
    """What two helpers were let do."""

    clean: str
    """What the helper of the clean lead got: the name of the tool that it may call."""
    exposed: str
    """What the helper of the exposed lead was told in place of its call."""
    call: str
    accounts: list[Any]


def run_hands(folder: Path, build: Callable[..., Any]) -> Hands:
    """Let a lead and its helper work twice, once clean and once exposed."""
    with ScriptedUpstream(_model) as upstream:
        sidecar, store = started(folder, POLICY, upstream.url, ("openai",), build)
        try:
            told = []
            for lead, reads in (("lead-1", False), ("lead-2", True)):
                _work(sidecar.data_url, "writer-1", "press", "Save the note.")
                if reads:
                    _reading(sidecar.data_url, lead)
                else:
                    _work(sidecar.data_url, lead, lead, "Good morning.")
                told.append(_work(sidecar.data_url, f"helper-of-{lead}", lead, "Do it.", lead))
            accounts = store.accounts()
        finally:
            sidecar.stop()
            store.close()
    (clean, _), (exposed, call) = told
    return Hands(clean, exposed, call, accounts)


def _model(call: UpstreamCall) -> Reply:
    user = json.dumps(call.body["messages"])
    if "Save" in user:
        return Reply("", (Call("save_note", {"key": "brief", "text": _NOTE}),))
    if "Do it" in user:
        return Reply("", (Call("bash", {"command": "make release"}),))
    return Reply("Good.")


def _client(url: str, name: str, room: str, parent: str | None = None) -> openai.OpenAI:
    headers = {"x-firedoor-instance": name, "x-firedoor-compartment": room}
    if parent is not None:
        headers["x-firedoor-parent"] = parent
    return openai.OpenAI(base_url=url + "/v1", api_key=KEY, default_headers=headers)


def _work(url: str, name: str, room: str, task: str, parent: str | None = None) -> tuple[str, str]:
    """(what the agent may do or was told, the call's id)."""
    with _client(url, name, room, parent) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="m", messages=[{"role": "user", "content": task}], tools=[_BASH]
        )
    message = raw.parse().choices[0].message
    calls = [c.function.name for c in message.tool_calls or () if c.type == "function"]
    return ", ".join(calls) or str(message.content), raw.headers["x-firedoor-call"]


def _reading(url: str, lead: str) -> None:
    """The lead's program reads the note of another room and shows it to its model."""
    claim: Any = {
        "id": "call_brief",
        "type": "function",
        "function": {"name": "read_note", "arguments": json.dumps({"key": "brief"})},
    }
    with _client(url, lead, lead) as client:
        client.chat.completions.create(
            model="m",
            messages=[
                {"role": "user", "content": "What is in the brief?"},
                {"role": "assistant", "tool_calls": [claim]},
                {"role": "tool", "tool_call_id": "call_brief", "content": _NOTE},
            ],
        )

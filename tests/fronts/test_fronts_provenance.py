"""Statements over both fronts, with real SDKs: two doors, two stores, two keys, one text."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from both_fronts import FRONTS, KEY, named
from conftest import Serve
from doors import HEADER, LISTED, NOTE, payload_of
from firedoor import Door, lineage
from firedoor.store import SqliteStore
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall
from firedoor.types.record import Grant

WRITE = "Please write what the harbour office wants to be known about the lamp."
READ = "Please read the note out, and say what it asks for."


class Gate:
    """One door behind one front, to which both SDKs can talk."""

    def __init__(self, store: SqliteStore, url: str, transport: Callable[[], Any] | None,
                 explain: Callable[[str], dict[str, Any]]) -> None:  # fmt: skip
        self.store = store
        self.explain = explain
        self._url = url
        self._transport = transport
        digest = lineage.whole_passages
        grants = [
            Grant(d, "human")
            for text in (WRITE, READ)
            for d in digest(text, store.keys.digest)
        ]  # fmt: skip
        store.adopt(
            "texts", {"actor": "p", "reason": "what people ask"}, time.time(), grants=grants
        )

    def _http(self, family: Any) -> Any:
        return family.Client(transport=self._transport() if self._transport else None)

    def openai(self, name: str, room: str, **headers: str) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=self._url + "/v1", api_key=KEY, max_retries=0, http_client=self._http(httpx),
            default_headers=named(name, room) | headers,
        )  # fmt: skip

    def anthropic(self, name: str, room: str, **headers: str) -> anthropic.Anthropic:
        return anthropic.Anthropic(
            base_url=self._url, api_key=KEY, max_retries=0, http_client=self._http(httpx2),
            default_headers=named(name, room) | headers,
        )  # fmt: skip


Gates = Callable[..., Gate]


@pytest.fixture
def gates(tmp_path: Path, request: pytest.FixtureRequest, serve: Serve,
          upstream: ScriptedUpstream) -> Gates:  # fmt: skip
    """Makes doors behind a front."""

    def make(front: str, name: str, policy: str = "", mode: str = "contain") -> Gate:
        policy = LISTED + policy
        if front == "sidecar":
            running = serve(mode, policy=policy)

            def explain(call: str) -> dict[str, Any]:
                url = f"{running.url}/v1/firedoor/calls/{call}"
                found = httpx.get(url, headers={"authorization": f"Bearer {KEY}"})
                return dict(found.json())

            return Gate(running.store, running.url, None, explain)
        folder = tmp_path / name
        folder.mkdir()
        (folder / "firedoor.yaml").write_text("version: 1\n" + policy)
        store = f"sqlite:{folder / 'firedoor.db'}"
        door = Door(folder / "firedoor.yaml", mode=mode, store=store, environ={})
        request.addfinalizer(door.close)
        return Gate(door._store, upstream.url, door.transport, door.explain)

    return make


def trust(gate: Gate) -> str:
    key = gate.store.signing_key().public_text
    return f"unknown: hold\ntrust: [{{name: acme, key: '{key}'}}]\n"


def script(call: UpstreamCall) -> Reply:
    """A writer's answer, a reader's call of its tool, and what the reader says of what it read."""
    if WRITE in call.texts:
        return Reply(NOTE)
    if "call_r" in call.texts:
        return Reply("I have read it, and I shall see to it at dusk.")
    return Reply("", (Call("read_note", {"key": "k"}, id="call_r"),))


def written(gate: Gate) -> str:
    """The statement of a chat completion."""
    raw = gate.openai("writer", "press").chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": WRITE}]
    )
    assert raw.parse().choices[0].message.content == NOTE
    return str(raw.headers[HEADER])


def read(gate: Gate, upstream: ScriptedUpstream, surface: str, **headers: str) -> dict[str, Any]:
    """What the door says of a call whose context holds the note as a tool's result."""
    if surface == "anthropic":
        client = gate.anthropic("reader", "desk", **headers)
        turns: list[Any] = [{"role": "user", "content": READ}]
        asked = client.messages.create(model="m", max_tokens=99, messages=turns)
        uses = [b for b in asked.content if b.type == "tool_use"]
        result = {"type": "tool_result", "tool_use_id": uses[0].id, "content": NOTE}
        turns += [{"role": "assistant", "content": [u.model_dump(include={"type", "id", "name", "input"})
                                                    for u in uses]},
                  {"role": "user", "content": [result]}]  # fmt: skip
        raw: Any = client.messages.with_raw_response.create(
            model="m", max_tokens=99, messages=turns
        )
    else:
        chat = gate.openai("reader", "desk", **headers).chat.completions
        turns = [{"role": "user", "content": READ}]
        asked_chat = chat.create(model="m", messages=turns)
        turns += [asked_chat.choices[0].message.model_dump(exclude_none=True),
                  {"role": "tool", "tool_call_id": "call_r", "content": NOTE}]  # fmt: skip
        raw = chat.with_raw_response.create(model="m", messages=turns)
    assert HEADER not in upstream.calls[-1].headers, "it comes off before the provider"
    found = gate.explain(raw.headers["x-firedoor-call"])
    (row,) = [p for p in found["parts"] if p["channel"] == "memory"]
    return {**found, "row": row, "got": NOTE in upstream.calls[-1].texts}


@FRONTS
@pytest.mark.parametrize("surface", ["openai", "anthropic"])
def test_a_text_crosses_from_door_to_door(
    gates: Gates, upstream: ScriptedUpstream, front: str, surface: str
) -> None:
    """Without its statement it is unknown and waits; with it, verified, one deeper, exposures kept."""
    upstream.script = script
    acme = gates(front, "acme")
    token = written(acme)
    assert payload_of(token)["predicate"]["generation"] == 0
    beta = gates(front, "beta", trust(acme))

    found = read(beta, upstream, surface)
    assert (found["row"]["generation"], found["row"]["verdict"]) == (None, "quarantine")
    assert not found["got"]

    found = read(beta, upstream, surface, **{HEADER: token})
    assert found["got"]
    row = found["row"]
    assert (row["generation"], row["evidence"], row["verdict"]) == (1, "verified", "allow")
    assert (row["author"], row["author_compartment"]) == ("writer", row["author_compartment"])
    assert row["author_compartment"].startswith("ext:acme/")
    assert found["presented"] == {
        "verified": [payload_of(token)["predicate"]["id"]], "refused": {},
    }  # fmt: skip
    assert {e["compartment"] for e in found["exposures"]} == {row["author_compartment"]}


@FRONTS
def test_the_statement_of_a_stream_is_in_the_calls_document(
    gates: Gates, upstream: ScriptedUpstream, front: str
) -> None:
    """Its headers went out before anything was said; whoever asks for the call gets what it says."""
    upstream.script = script
    acme = gates(front, "acme")
    stream = acme.openai("writer", "press").chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": WRITE}], stream=True
    )
    assert HEADER not in stream.headers
    assert "".join(c.choices[0].delta.content or "" for c in stream.parse() if c.choices) == NOTE
    deadline = time.monotonic() + 5
    token = None
    while token is None and time.monotonic() < deadline:
        token = acme.explain(stream.headers["x-firedoor-call"])["statement"]
    assert token is not None
    beta = gates(front, "beta", trust(acme))
    assert read(beta, upstream, "openai", **{HEADER: token})["row"]["evidence"] == "verified"


@FRONTS
def test_a_plain_answers_header_and_document_say_the_same(
    gates: Gates, upstream: ScriptedUpstream, front: str
) -> None:
    upstream.script = script
    acme = gates(front, "acme")
    token = written(acme)
    call = payload_of(token)["predicate"]["call"]
    assert acme.explain(call)["statement"] == token


@FRONTS
def test_nobody_gets_the_statement_of_anothers_call(
    gates: Gates, upstream: ScriptedUpstream, front: str
) -> None:
    """A provider's own header of that name is no statement of this door's."""
    upstream.script = lambda call: replace(script(call), headers=((HEADER, "a-providers-own"),))
    acme = gates(front, "acme")
    assert written(acme) != "a-providers-own"
    if front == "sidecar":
        token = written(acme)
        call = payload_of(token)["predicate"]["call"]
        url = f"{acme._url}/v1/firedoor/calls/{call}"
        other = httpx.get(url, headers={"authorization": "Bearer sk-another-key-123456"})
        assert other.status_code == 404


def test_a_door_in_observe_labels_and_passes_all(gates: Gates, upstream: ScriptedUpstream) -> None:
    upstream.script = script
    acme = gates("sidecar", "acme")
    token = written(acme)
    beta = gates("in process", "beta", trust(acme).replace("unknown: hold\n", ""), mode="observe")
    found = read(beta, upstream, "openai", **{HEADER: token})
    assert (found["row"]["evidence"], found["row"]["generation"]) == ("verified", 1)
    assert found["got"]

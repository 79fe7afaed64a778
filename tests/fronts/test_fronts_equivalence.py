"""Both fronts drive one engine: the same exchanges give the same ledgers (I10)."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.ledger import Entry
from firedoor.store import StoreReader
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

NOTE = "The harbour office moves to the north pier on the first of May."
KEY = {"authorization": "Bearer sk-a-real-key-1"}


def script(call: UpstreamCall) -> Reply:
    """Answers that depend on the request alone."""
    if "save" in call.texts:
        return Reply("", (Call("save_note", {"key": "k", "text": NOTE}, id="call_s"),))
    if "tool_call_id" in call.texts:
        return Reply("I have read it.", (Call("spawn", {"task": "more"}, id="call_p"),))
    return Reply("Hello there, this is all.", (Call("read_note", {"key": "k"}, id="call_r"),))


def exchanges() -> list[tuple[str, str, bytes, dict[str, str]]]:
    """(method, path, body, headers) of every shape that step 1 knows, good and bad."""
    read: list[dict[str, Any]] = [
        {"role": "user", "content": "Please read the note."},
        {
            "role": "assistant",
            "content": "Hello there, this is all.",
            "tool_calls": [
                {
                    "id": "call_r",
                    "type": "function",
                    "function": {"name": "read_note", "arguments": '{"key":"k"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_r", "content": NOTE},
    ]

    def who(name: str) -> dict[str, str]:
        return {"x-firedoor-instance": name, "x-firedoor-compartment": f"room-{name}"}

    def chat(messages: object, **more: object) -> bytes:
        return json.dumps({"model": "m", "messages": messages, **more}).encode()

    user = [{"role": "user", "content": "Please save a note."}]
    found = []
    for stream in (False, True):
        found += [
            ("POST", "/v1/chat/completions", chat(user, stream=stream), who("writer")),
            ("POST", "/v1/chat/completions", chat(read[:1], stream=stream), who("reader")),
            ("POST", "/v1/chat/completions", chat(read, stream=stream), who("reader")),
            (
                "POST", "/v1/responses",
                json.dumps({"model": "m", "input": "save it", "stream": stream}).encode(),
                who("other"),
            ),
            ("POST", "/v1/messages", chat(user, max_tokens=9, stream=stream), who("claude")),
        ]  # fmt: skip
    found += [
        ("POST", "/v1/messages/count_tokens", chat(user), who("claude")),
        ("POST", "/v1/embeddings", b'{"model":"m","input":["a text to embed"]}', who("other")),
        ("GET", "/v1/models", b"", who("other")),
        ("POST", "/v1/files", b"{}", who("other")),
        ("POST", "/v1/chat/completions", b'{"model":"m","model":"n"}', who("other")),
        (
            "POST", "/v1/responses",
            b'{"model":"m","input":"hi","previous_response_id":"resp_x"}', who("other"),
        ),
    ]  # fmt: skip
    return found


def comparable(entries: list[Entry]) -> list[dict[str, Any]]:
    """Ledger bodies without what a run draws or keys anew: ids, digests, times."""
    numbered: dict[str, str] = {}
    found = []
    for entry in entries:
        body = json.loads(entry.bytes_)["body"]
        for name in ("call", "instance", "run", "room"):
            if body.get(name) is not None:
                body[name] = numbered.setdefault(body[name], f"{name}-{len(numbered)}")
        for name in ("request", "output", "document", "document_closed"):
            body[name] = body.get(name) is not None
        for name in ("live", "past"):
            rooms = body["label"][name]
            body["label"][name] = [numbered.setdefault(r, f"room-{len(numbered)}") for r in rooms]
        body["quarantine"] = len(body.get("quarantine", []))
        found.append(body)
    return found


@pytest.mark.parametrize("mode", ["observe", "contain", "isolate"])
def test_both_fronts_write_the_same_ledger(
    serve: Serve, upstream: ScriptedUpstream, tmp_path: Path, mode: str
) -> None:
    upstream.script = script
    running = serve(mode)
    through_sidecar = []
    with httpx.Client(base_url=running.url, headers=KEY) as client:
        for method, path, body, headers in exchanges():
            answer = client.request(method, path, content=body, headers=headers)
            through_sidecar.append((answer.status_code, answer.content))
    sent = [call.raw for call in upstream.calls]
    upstream.calls.clear()

    door = Door(mode=mode, store=f"sqlite:{tmp_path / 'in-process.db'}", environ={})
    door.run_id = None
    transport = door.transport()
    through_transport = []
    with httpx.Client(base_url=upstream.url, headers=KEY, transport=transport) as client:
        for method, path, body, headers in exchanges():
            answer = client.request(method, path, content=body, headers=headers)
            through_transport.append((answer.status_code, answer.content))
    in_process = comparable(list(StoreReader(door._store).entries()))
    door.close()

    assert [call.raw for call in upstream.calls] == sent
    assert [status for status, _ in through_transport] == [s for s, _ in through_sidecar]
    beside = comparable(list(running.reader.entries()))
    assert in_process == beside
    assert running.reader.verify().ok
    assert len(beside) > len(exchanges())

"""Promise 3: no upstream call before its entry is durable; no answer before what it says is."""

import json
import sqlite3
from typing import Any

import httpx
import pytest

from conftest import Running, Serve
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

BODY = {"model": "m", "messages": [{"role": "user", "content": "Please save a note."}]}
NOTE = "The harbour office moves to the north pier on the first of May."


def on_disk(running: Running, question: str) -> list[Any]:
    """What another process finds in the file at this moment."""
    with sqlite3.connect(running.store.path) as db:  # type: ignore[arg-type]
        return db.execute(question).fetchall()


@pytest.mark.parametrize("mode", ["contain", "isolate"])
def test_the_entry_is_there_when_the_provider_is_called(
    serve: Serve, upstream: ScriptedUpstream, mode: str
) -> None:
    running = serve(mode)
    found: list[Any] = []

    def script(call: UpstreamCall) -> Reply:
        found.extend(on_disk(running, "SELECT bytes FROM entries"))
        return Reply("All right.")

    upstream.script = script
    answer = httpx.post(running.url + "/v1/chat/completions", json=BODY)
    ((entry,),) = found
    assert json.loads(entry)["body"]["call"] == answer.headers["x-firedoor-call"]


@pytest.mark.parametrize("stream", [False, True])
def test_what_a_tool_call_writes_is_there_when_it_leaves(
    serve: Serve, upstream: ScriptedUpstream, stream: bool
) -> None:
    running = serve("contain")
    upstream.script = lambda call: Reply(
        "", (Call("save_note", {"key": "k", "text": NOTE}),), pause_s=0.02
    )
    url = running.url + "/v1/chat/completions"
    with httpx.stream("POST", url, json=BODY | {"stream": stream}) as answer:
        for chunk in answer.iter_raw():
            if b"harbour" in chunk or b"save_note" in chunk:
                break
        assert on_disk(running, "SELECT count(*) FROM records") != [(0,)]
        assert on_disk(running, "SELECT count(*) FROM emissions") != [(0,)]


def test_with_the_door_open_the_entry_would_be_missed(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The arm that must fail: a front that does not wait for the commit is found out."""
    from firedoor.engine.port import Committed
    from firedoor.fronts.committer import Committer

    async def hasty(self: Committer, commit: Any) -> Any:
        return Committed(None, None)

    monkeypatch.setattr(Committer, "apply", hasty)
    running = serve("contain")
    found: list[Any] = []

    def script(call: UpstreamCall) -> Reply:
        found.extend(on_disk(running, "SELECT bytes FROM entries"))
        return Reply("All right.")

    upstream.script = script
    httpx.post(running.url + "/v1/chat/completions", json=BODY)
    assert found == []

"""Gemini's batches by the real SDK: what may run later, what comes back, and whose it is."""

import io
import json
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from both_fronts import FRONTS, MODES, Front, front_of, named
from conftest import Serve
from firedoor.testing import Call, Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall
from gemini_provider import Provider as Files

SAID = "The harbour office moves to the north pier on the first of May."
SPAWN = "rules:\n  - {id: no-spawn, match: {tool: spawn_agent}, action: deny}\n"
CROSSING = "rules: [{id: texts, match: {crossing: true}, action: quarantine}]\n"
ASK: Any = [{"contents": [{"role": "user", "parts": [{"text": "Where is the office?"}]}]}]
LINE = {"key": "one", "request": {"contents": [{"parts": [{"text": "Where is the office?"}]}]}}


class Provider(Files):
    """Runs batches; the results stand in the batch, and in a file."""

    def batch(self, *, done: bool) -> dict[str, Any]:
        reply = Reply(SAID, (Call("spawn_agent", {"task": "multiply"}),))
        inlined = [{"response": shapes.generated(reply, "m", 1)}, {"error": {"code": 3}}]
        output = {"inlinedResponses": {"inlinedResponses": inlined}, "responsesFile": "files/out"}
        state = "BATCH_STATE_SUCCEEDED" if done else "BATCH_STATE_PENDING"
        metadata = {"name": "batches/b-1", "state": state, "model": "models/m"}
        return {"name": "batches/b-1", "done": done,
                "metadata": metadata | ({"output": output} if done else {})}  # fmt: skip

    def __call__(self, call: UpstreamCall) -> Reply:
        path = call.path.partition("?")[0]
        if path.endswith("files/out:download"):
            reply = Reply(SAID, (Call("spawn_agent", {"task": "multiply"}),))
            line = {"key": "one", "response": shapes.generated(reply, "m", 1)}
            return Reply(raw=json.dumps(line).encode() + b"\n", content_type="application/jsonl")
        if path.rpartition(":")[2] in ("batchGenerateContent", "asyncBatchEmbedContent"):
            return Reply(raw=json.dumps(self.batch(done=False)).encode())
        if path.endswith("/batches"):
            others = {"name": "batches/of-others", "metadata": {"state": "BATCH_STATE_PENDING"}}
            listed = {"operations": [self.batch(done=True), others]}
            return Reply(raw=json.dumps(listed).encode())
        if "/batches/" in path:
            plain = call.method != "GET"
            return Reply(raw=json.dumps({} if plain else self.batch(done=True)).encode())
        return super().__call__(call)


@pytest.fixture
def start(request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream) -> Any:
    """Starts a front."""
    upstream.script = Provider(upstream.url)
    return lambda front, mode, policy="": front_of(request, serve, upstream, front, mode, policy)


def upload(sdk: genai.Client, *lines: Any) -> str:
    raw = "".join(json.dumps(line) + "\n" for line in lines).encode()
    made = sdk.files.upload(file=io.BytesIO(raw), config={"mime_type": "application/jsonl"})
    return str(made.name)


@FRONTS
@MODES
def test_a_batch_is_read_and_its_makers(
    start: Any, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    found: Front = start(front, mode)
    sdk, spy = found.gemini(**named("clerk", "press")), found.gemini(**named("spy", "lab"))
    made = sdk.batches.create(model="m", src=ASK, config={"display_name": "Offices"})
    assert made.name == "batches/b-1"
    told = found.explain()
    pointers = {p["pointer"]: p["channel"] for p in told["parts"]}
    assert pointers["/batch/inputConfig/requests/requests/0/request/contents/0/parts/0/text"] == (
        "user"
    )
    assert told["coverage"]["opaque"] == 0
    got = sdk.batches.get(name="batches/b-1")
    assert got.dest.inlined_responses[0].response.text.startswith(SAID)  # type: ignore
    assert [t["name"] for t in found.explain()["tools"]] == ["spawn_agent"]
    names = [b.name for b in sdk.batches.list()]
    sdk.batches.cancel(name="batches/b-1")
    sdk.models.generate_content(model="m", contents=SAID)
    assert any(p["evidence"] == "matched" for p in found.explain()["parts"])
    if mode == "observe":
        assert names == ["batches/b-1", "batches/of-others"]
    else:
        assert names == ["batches/b-1"]
        assert list(spy.batches.list()) == []
        for use in (spy.batches.get, spy.batches.cancel, spy.batches.delete):
            with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
                use(name="batches/b-1")
        with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
            spy.files.download(file="files/out")
    sdk.batches.delete(name="batches/b-1")


@FRONTS
def test_calls_in_results_are_judged_wherever_they_come_out(start: Any, front: str) -> None:
    found: Front = start(front, "contain", SPAWN)
    sdk = found.gemini(**named("clerk", "press"))
    sdk.batches.create(model="m", src=ASK)
    got = sdk.batches.get(name="batches/b-1")
    assert "multiply" not in got.model_dump_json()
    assert "refused by policy" in got.model_dump_json()
    (listed,) = list(sdk.batches.list())
    assert "multiply" not in listed.model_dump_json()
    lines = sdk.files.download(file="files/out")
    assert b"multiply" not in lines
    assert b"refused by policy" in lines


@FRONTS
def test_what_may_not_enter_refuses_a_batch_or_is_withheld(
    start: Any, upstream: ScriptedUpstream, front: str
) -> None:
    found: Front = start(front, "contain", CROSSING)
    provider, upstream.script = upstream.script, lambda call: Reply(SAID)
    writer, reader = (
        found.gemini(**named("writer", "press")),
        found.gemini(**named("reader", "lab")),
    )
    writer.models.generate_content(model="m", contents="Write.")
    upstream.script = provider
    text: Any = [{"contents": [{"role": "user", "parts": [{"text": SAID}]}]}]
    reader.batches.create(model="m", src=text)
    sent = upstream.calls[-1].body["batch"]["inputConfig"]["requests"]["requests"][0]["request"]
    assert sent["contents"][0]["parts"] == [{"text": "[withheld]"}]
    line = {"key": "k", "request": {"contents": [{"parts": [{"text": SAID}]}]}}
    with pytest.raises(errors.ClientError, match="firedoor_denied") as no:
        upload(reader, LINE, line)
    assert no.value.details["error"]["param"] == "/file/1/request/contents/0/parts/0/text"
    before = len(upstream.calls)
    foreign: Any = [{"contents": [types.Content(parts=[types.Part.from_uri(
        file_uri=f"{upstream.url}/v1beta/files/of-others", mime_type="text/plain")])]}]  # fmt: skip
    with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
        reader.batches.create(model="m", src=foreign)
    assert len(upstream.calls) == before


@FRONTS
def test_a_file_of_requests_runs_once_it_was_read(
    start: Any, upstream: ScriptedUpstream, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: Front = start(front, "contain")
    sdk = found.gemini(**named("clerk", "press"))
    assert sdk.batches.create(model="m", src=upload(sdk, LINE)).name == "batches/b-1"
    with pytest.raises(errors.ClientError, match="firedoor_unknown_surface"):
        upload(sdk, {"key": "k", "request": {"contents": [], "brand_new": "x"}})
    monkeypatch.setattr("google.genai._api_client.CHUNK_SIZE", 64)
    pieces = upload(sdk, LINE, LINE)
    before = len(upstream.calls)
    with pytest.raises(errors.ClientError, match="has to release quarantine item") as no:
        sdk.batches.create(model="m", src=pieces)
    assert no.value.details["error"]["param"] == "/batch/inputConfig/fileName"
    assert len(upstream.calls) == before


@FRONTS
def test_embeddings_run_in_batches_too(start: Any, upstream: ScriptedUpstream, front: str) -> None:
    sdk = start(front, "contain").gemini(**named("clerk", "press"))
    src: Any = {"inlined_requests": {"contents": ["A pier.", "A door."]}}
    assert sdk.batches.create_embeddings(model="e", src=src).name == "batches/b-1"
    assert b"A pier." in upstream.calls[-1].raw

"""Gemini's interactions by the real SDK: what is said, asked for and kept, in both fronts."""

import json
from typing import Any

import pytest

from both_fronts import FRONTS, MODES, Front, front_of, named
from conftest import Serve
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

SAID = "The harbour office moves to the north pier on the first of May."
SPAWN = "rules:\n  - {id: no-spawn, match: {tool: spawn_agent}, action: deny}\n"
REFUSED = "The call of the tool spawn_agent was refused by policy."
CALLS = [
    {"type": "function_call", "id": "c1", "name": "spawn_agent", "arguments": {"task": "multiply"}},
    {"type": "function_call", "id": "c2", "name": "read_file", "arguments": {"path": "a"}},
]
TEXT = {"type": "model_output", "content": [{"type": "text", "text": SAID}]}
USAGE = {"total_input_tokens": 7, "total_output_tokens": 3, "total_tokens": 10}


class Provider:
    """Answers with these steps; keeps them."""

    def __init__(self, *steps: Any, whole: bool = False, end: bool = True) -> None:
        self.steps, self.whole, self.end = steps, whole, end

    def interaction(self) -> dict[str, Any]:
        waits = self.steps[-1]["type"] == "function_call"
        return {
            "id": "int-1", "model": "m", "status": "requires_action" if waits else "completed",
            "steps": list(self.steps), "usage": USAGE, "object": "interaction",
        }  # fmt: skip

    def events(self) -> Reply:
        head = {"id": "int-1", "status": "in_progress", "model": "m"}
        events: list[Any] = [{"event_type": "interaction.created", "interaction": head}]
        for i, step in enumerate(self.steps):
            bare = {k: v for k, v in step.items() if k not in ("arguments", "content")}
            events.append({"event_type": "step.start", "index": i, "step": bare})
            if "arguments" in step:
                bare["arguments"] = {}
                text = json.dumps(step["arguments"])
                deltas = [{"type": "arguments_delta", "arguments": t} for t in (text[:5], text[5:])]
            else:
                deltas = [{"type": "text", "text": t} for t in (SAID[:9], SAID[9:])]
            events += [{"event_type": "step.delta", "index": i, "delta": d} for d in deltas]
            events.append({"event_type": "step.stop", "index": i})
        last = self.interaction()
        if not self.whole:
            del last["steps"]
        if self.end:
            events.append({"event_type": "interaction.completed", "interaction": last})
        raw = "".join(f"event: {e['event_type']}\ndata: {json.dumps(e)}\n\n" for e in events)
        return Reply(raw=raw.encode(), content_type="text/event-stream")

    def __call__(self, call: UpstreamCall) -> Reply:
        if call.body.get("stream") or "stream=true" in call.path:
            return self.events()
        if call.method == "DELETE":
            return Reply(raw=b"{}")
        if "interactions" in call.path:
            return Reply(raw=json.dumps(self.interaction()).encode())
        return Reply("Noted.")


@pytest.fixture
def start(request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream) -> Any:
    """Starts a front."""
    return lambda front, mode, policy="": front_of(request, serve, upstream, front, mode, policy)


def known(found: Front, sdk: Any, upstream: ScriptedUpstream, text: str) -> bool:
    """Whether the door knows a text for one that an instance emitted."""
    sdk.models.generate_content(model="m", contents=text)
    return any(p["evidence"] == "matched" for p in found.explain()["parts"])


@FRONTS
@MODES
@pytest.mark.parametrize("stream", [False, True])
def test_an_interaction_is_read(
    start: Any, upstream: ScriptedUpstream, front: str, mode: str, stream: bool
) -> None:
    upstream.script = Provider(TEXT, CALLS[1])
    found: Front = start(front, mode)
    sdk = found.gemini(**named("clerk", "press"))
    tools: Any = [{"type": "function", "name": "read_file", "parameters": {"type": "object"}}]
    ask: Any = {
        "model": "m", "input": "Where is it?", "tools": tools, "system_instruction": "Be brief.",
    }  # fmt: skip
    if stream:
        types = [e.event_type for e in sdk.interactions.create(**ask, stream=True)]
        assert types[0] == "interaction.created"
        assert types[-1] == "interaction.completed"
        assert types.count("step.delta") == 4
    else:
        answer = sdk.interactions.create(**ask)
        assert [s.type for s in answer.steps] == ["model_output", "function_call"]
        assert answer.id == "int-1"
    told = found.explain()
    assert (told["surface"], told["stream"], told["state"]) == (
        "gemini.interactions", stream, "answered",
    )  # fmt: skip
    assert told["upstream"]["usage"] == {"input_tokens": 7, "output_tokens": 3}
    assert [t["name"] for t in told["tools"]] == ["read_file"]
    pointers = {p["pointer"]: p["channel"] for p in told["parts"]}
    assert pointers["/input"] == "user"
    assert pointers["/system_instruction"] == "system"
    assert known(found, sdk, upstream, SAID)


@FRONTS
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("others", [(), (CALLS[1],)])
def test_a_refused_call_is_a_text(
    start: Any, upstream: ScriptedUpstream, front: str, stream: bool, whole: bool, others: Any
) -> None:
    upstream.script = Provider(TEXT, CALLS[0], *others, whole=whole)
    found: Front = start(front, "contain", SPAWN)
    sdk = found.gemini(**named("clerk", "press"))
    status = "requires_action" if others else "completed"
    if stream:
        events = list(sdk.interactions.create(model="m", input="Go.", stream=True))
        raw = "".join(e.model_dump_json() for e in events)
        starts = [e.step.type for e in events if e.event_type == "step.start"]
        assert events[-1].interaction.status == status
    else:
        answer = sdk.interactions.create(model="m", input="Go.")
        raw, starts = answer.model_dump_json(), [s.type for s in answer.steps]
        assert answer.status == status
    assert starts == ["model_output", "model_output", *(s["type"] for s in others)]
    assert "multiply" not in raw
    assert REFUSED in raw
    assert [t["verdict"] for t in found.explain()["tools"]] == ["deny", *("allow" for _ in others)]


@FRONTS
def test_a_stream_that_breaks_off_ends_with_an_error(
    start: Any, upstream: ScriptedUpstream, front: str
) -> None:
    upstream.script = Provider(TEXT, end=False)
    found: Front = start(front, "contain")
    sdk = found.gemini(**named("clerk", "press"))
    events = list(sdk.interactions.create(model="m", input="Go.", stream=True))
    assert events[-1].event_type == "error"
    assert events[-1].error.code == "firedoor_upstream"
    assert found.explain()["state"] == "broken"
    assert known(found, sdk, upstream, SAID)


@FRONTS
@MODES
def test_what_is_kept_is_its_makers(
    start: Any, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    upstream.script = Provider(TEXT)
    found: Front = start(front, mode)
    sdk, spy = found.gemini(**named("clerk", "press")), found.gemini(**named("spy", "lab"))
    made = sdk.interactions.create(model="m", input="Go.", background=True)
    uses: Any = (
        lambda who: who.interactions.create(
            model="m", input="More.", previous_interaction_id=made.id
        ),
        lambda who: who.interactions.get(made.id),
        lambda who: list(who.interactions.get(made.id, stream=True)),
        lambda who: who.interactions.cancel(made.id),
        lambda who: who.interactions.delete(made.id),
    )
    for use in uses:
        use(sdk)
        if mode == "observe":
            use(spy)
            rooms = [e["compartment"] for e in found.explain()["exposures"]]
            assert any(room.endswith("press") for room in rooms)
            continue
        with pytest.raises(Exception, match=r"firedoor_foreign_state|was not seen to make"):
            use(spy)
    assert len(upstream.calls) == len(uses) * (2 if mode == "observe" else 1) + 1


@FRONTS
def test_what_is_told_again_is_judged(start: Any, upstream: ScriptedUpstream, front: str) -> None:
    """A background interaction's calls come out at the retrieval first."""
    found: Front = start(front, "contain", SPAWN)
    upstream.script = Provider(TEXT, CALLS[0])
    sdk = found.gemini(**named("clerk", "press"))
    sdk.interactions.create(model="m", input="Go.", background=True)
    assert "multiply" not in sdk.interactions.get("int-1").model_dump_json()
    again = list(sdk.interactions.get("int-1", stream=True))
    assert "multiply" not in "".join(e.model_dump_json() for e in again)


@FRONTS
def test_agents_and_servers_are_refused_by_name(
    start: Any, upstream: ScriptedUpstream, front: str
) -> None:
    sdk = start(front, "contain").gemini(**named("clerk", "press"))
    for ask in (
        {"agent": "deep-research", "input": "Go.", "background": True},
        {"model": "m", "input": "Go.", "tools": [{"type": "mcp_server", "url": "http://x"}]},
    ):
        with pytest.raises(Exception, match="hop"):
            sdk.interactions.create(**ask)
    assert upstream.calls == []


@FRONTS
def test_text_of_another_room_is_withheld(
    start: Any, upstream: ScriptedUpstream, front: str
) -> None:
    policy = "rules: [{id: texts, match: {crossing: true}, action: quarantine}]\n"
    found: Front = start(front, "contain", policy)
    upstream.script = Provider(TEXT)
    writer, reader = (
        found.gemini(**named("writer", "press")),
        found.gemini(**named("reader", "lab")),
    )
    list(writer.interactions.create(model="m", input="Write.", stream=True))
    result: Any = [
        {"type": "function_call", "id": "c", "name": "fetch", "arguments": {}},
        {"type": "function_result", "call_id": "c", "name": "fetch", "result": {"found": SAID}},
    ]
    reader.interactions.create(model="m", input=result)
    assert upstream.calls[-1].body["input"][1]["result"] == {"found": "[withheld]"}


@FRONTS
async def test_the_async_client_passes(start: Any, upstream: ScriptedUpstream, front: str) -> None:
    upstream.script = Provider(TEXT)
    found: Front = start(front, "contain")
    sdk = found.gemini(**named("clerk", "press")).aio
    answer = await sdk.interactions.create(model="m", input="Go.")
    assert answer.id == "int-1"
    stream = await sdk.interactions.create(model="m", input="Go.", stream=True)
    assert [e.event_type async for e in stream][-1] == "interaction.completed"
    assert found.explain()["surface"] == "gemini.interactions"

"""What a provider keeps carries the label of all that was written into it; ids come after records."""

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.engine.port import Commit, Committed, Stale
from firedoor.store import SqliteStore
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

NEWS = "The lighthouse keeper has sold the lamp oil to a stranger."


def script(call: UpstreamCall) -> Reply:
    """A provider with one conversation, one vector store and a memory of nothing."""
    path = call.path.partition("?")[0].removeprefix("/v1/")
    if path == "conversations":
        return Reply(raw=json.dumps({"id": "conv_1", "object": "conversation"}).encode())
    if path == "vector_stores":
        return Reply(raw=json.dumps({"id": "vs_1", "object": "vector_store"}).encode())
    if path.endswith("/items"):
        data = [{"id": "msg_9", "type": "message", "role": "user", "content": []}]
        return Reply(raw=json.dumps({"object": "list", "data": data}).encode())
    return Reply(NEWS if "Tell me the news" in call.texts else "Noted, and thank you for it.")


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    upstream.script = script
    client: openai.OpenAI = door.wrap(
        openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)
    )
    return client


def chat(sdk: openai.OpenAI, text: str) -> None:
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])


def exposed_to(door: Door) -> list[str]:
    """The rooms that the last call was exposed to."""
    assert door.last is not None
    return sorted({str(e["compartment"]) for e in door.explain(door.last.call)["exposures"]})


def write_from(door: Door, sdk: openai.OpenAI, write: Callable[[], object]) -> None:
    """An instance of room press, in a run of its own, reads news of room lab, then writes."""
    with door.instance("chemist", compartment="lab"):
        chat(sdk, "Tell me the news.")
    with door.run("two"), door.instance("writer", compartment="press"):
        chat(sdk, NEWS)
        assert exposed_to(door) == ["lab"]
        write()


WRITES: dict[str, Callable[[openai.OpenAI], object]] = {
    "items": lambda sdk: sdk.conversations.items.create(
        "conv_1", items=[{"role": "user", "content": "Remember this."}]
    ),
    "response": lambda sdk: sdk.responses.create(
        model="m", conversation="conv_1", input="What shall we print?"
    ),
    "metadata": lambda sdk: sdk.conversations.update("conv_1", metadata={"k": "v"}),
}


@pytest.mark.firedoor_mode("contain")
@pytest.mark.parametrize("how", list(WRITES))
def test_a_conversation_rises_with_what_is_written_into_it(
    door: Door, sdk: openai.OpenAI, how: str
) -> None:
    """A reader in a third run is exposed to what the writer had read (MODEL lines 21 and 24)."""
    ask: Any = {"model": "m", "conversation": "conv_1", "input": "Where were we?"}
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.conversations.create()
        sdk.responses.create(**ask)
        assert exposed_to(door) == []
    write_from(door, sdk, lambda: WRITES[how](sdk))
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.responses.create(**ask)
        assert exposed_to(door) == ["lab"], "the label known from the call before is too old"


@pytest.mark.firedoor_mode("contain")
def test_reading_raises_nothing(door: Door, sdk: openai.OpenAI) -> None:
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.vector_stores.create(name="notes")
    write_from(door, sdk, lambda: sdk.vector_stores.retrieve("vs_1"))
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.vector_stores.retrieve("vs_1")
        assert exposed_to(door) == []


@pytest.mark.firedoor_mode("observe")
def test_in_observe_a_guest_raises_the_label_and_does_not_become_the_owner(
    door: Door, sdk: openai.OpenAI
) -> None:
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.conversations.create()
    with door.instance("chemist", compartment="lab"):
        WRITES["items"](sdk)
        # Making it again, as the wire has it, changes nothing about whose it is.
        sdk.conversations.create()
    with door.run("one"), door.instance("editor", compartment="press"):
        sdk.responses.create(model="m", conversation="conv_1", input="Where were we?")
        assert "lab" in exposed_to(door)
    with door.instance("chemist", compartment="lab"):
        sdk.conversations.retrieve("conv_1")
        assert "press" in exposed_to(door)


@pytest.mark.firedoor_mode("observe")
def test_nobody_comes_to_own_a_thing_by_asking_for_it(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("chemist", compartment="lab"):
        sdk.conversations.retrieve("conv_1")
        sdk.conversations.items.list("conv_1")
        sdk.conversations.retrieve("conv_1")
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    (part,) = [p for p in told["parts"] if p["pointer"] == ":conversation_id"]
    assert part["generation"] is None
    assert next(e["compartment"] for e in told["exposures"]) == "unknown"


@pytest.mark.firedoor_mode("contain")
def test_an_id_of_a_stream_is_recorded_before_it_leaves(
    door: Door, sdk: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first event of a response tells its id, which may be used while the rest still runs."""
    order: list[str] = []
    applied: Callable[[SqliteStore, Commit], Committed | Stale] = SqliteStore.apply

    def apply(self: SqliteStore, commit: Commit) -> Committed | Stale:
        done = applied(self, commit)
        order.extend(m.resource for m in commit.minted)
        return done

    monkeypatch.setattr(SqliteStore, "apply", apply)
    with (
        door.instance("editor", compartment="press"),
        sdk.responses.create(model="m", input="Write.", stream=True) as stream,
    ):
        first = next(iter(stream))
        assert first.type == "response.created"
        assert order == ["response"]
        # Used at once, before the stream has ended.
        sdk.responses.retrieve(first.response.id)

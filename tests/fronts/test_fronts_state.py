"""What a provider keeps is its maker's: real SDKs, two rooms, and ids that are not one's own."""

import itertools
import json
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

NOTE = "The harbour office moves to the north pier on the first of May."


def provider() -> Any:
    """A provider that makes files, vector stores and conversations, each with an id of its own."""
    numbers = itertools.count(1)
    kinds = {"files": "file", "vector_stores": "vs", "conversations": "conv", "batches": "batch"}

    def script(call: UpstreamCall) -> Reply:
        path = call.path.partition("?")[0].removeprefix("/v1/")
        head, *rest = path.split("/")
        if head in kinds and call.method == "POST" and not rest:
            made = {"id": f"{kinds[head]}_{next(numbers):06}", "object": head.rstrip("s")}
            if head == "batches":
                made["output_file_id"] = f"file_out_{next(numbers):06}"
            return Reply(raw=json.dumps(made).encode())
        if head in kinds:
            return Reply(raw=json.dumps({"id": rest[0] if rest else "x", "object": "list",
                                         "data": []}).encode())  # fmt: skip
        return Reply("All right.")

    return script


@pytest.fixture
def state(upstream: ScriptedUpstream) -> ScriptedUpstream:
    upstream.script = provider()
    return upstream


def client(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    """An SDK's client through the door."""
    return door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))


def refused(call: Any) -> str:
    """The code with which a call is refused."""
    with pytest.raises(openai.PermissionDeniedError) as error:
        call()
    return str(error.value.code)


@pytest.mark.firedoor_mode("contain")
def test_an_id_is_used_by_the_room_that_had_it_made(door: Door, state: ScriptedUpstream) -> None:
    sdk = client(door, state)
    with door.instance("a", compartment="press"):
        store = sdk.vector_stores.create(name="notes")
        assert sdk.vector_stores.retrieve(store.id).id == store.id
    before = len(state.calls)
    with door.instance("b", compartment="lab"):
        assert refused(lambda: sdk.vector_stores.retrieve(store.id)) == "firedoor_foreign_state"
        assert refused(lambda: sdk.vector_stores.delete(store.id)) == "firedoor_foreign_state"
        ask: Any = {
            "model": "m",
            "input": "What do we know?",
            "tools": [{"type": "file_search", "vector_store_ids": [store.id]}],
        }
        assert refused(lambda: sdk.responses.create(**ask)) == "firedoor_foreign_state"
    assert len(state.calls) == before


@pytest.mark.firedoor_mode("contain")
def test_ids_that_nobody_was_seen_to_make_are_refused(door: Door, state: ScriptedUpstream) -> None:
    sdk = client(door, state)
    with door.instance("a", compartment="press"):
        assert refused(lambda: sdk.conversations.retrieve("conv_guess")) == "firedoor_foreign_state"
        assert refused(lambda: sdk.responses.retrieve("resp_guess")) == "firedoor_foreign_state"
        assert refused(lambda: sdk.files.content("file_guess")) == "firedoor_foreign_state"
    assert state.calls == []


@pytest.mark.firedoor_mode("contain")
@pytest.mark.parametrize(
    "item",
    [
        {"id": "msg_guess"},
        {"id": "msg_guess", "type": None},
        {"id": "msg_guess", "type": "message"},
        {"id": "msg_guess", "type": "item_reference"},
    ],
)
def test_an_item_that_is_named_by_its_id_alone_is_a_reference(
    door: Door, state: ScriptedUpstream, item: Any
) -> None:
    """The type of an item reference may be left out, or be null; then it looks like a message."""
    sdk = client(door, state)
    with door.instance("a", compartment="press"):
        for call in (
            lambda: sdk.responses.create(model="m", input=[item]),
            lambda: sdk.responses.input_tokens.count(model="m", input=[item]),
            lambda: sdk.conversations.create(items=[item]),
        ):
            assert refused(call) == "firedoor_foreign_state"
        sdk.responses.create(model="m", input=[{"role": "user", "content": "Hello."}])
    assert len(state.calls) == 1


@pytest.mark.firedoor_mode("contain")
def test_what_comes_of_an_id_is_its_makers_too(door: Door, state: ScriptedUpstream) -> None:
    """A batch's output file is the room's that made the batch."""
    sdk = client(door, state)
    with door.instance("a", compartment="press"):
        store = sdk.vector_stores.create(name="notes")
        assert store.id
        made = sdk.post("/conversations", cast_to=object, body={"metadata": {"k": "v"}})
        assert isinstance(made, dict)
        sdk.conversations.retrieve(made["id"])


@pytest.mark.firedoor_mode("observe")
def test_in_observe_foreign_state_passes_and_is_an_exposure(
    door: Door, state: ScriptedUpstream
) -> None:
    sdk = client(door, state)
    with door.instance("a", compartment="press"):
        store = sdk.vector_stores.create(name="notes")
    with door.instance("b", compartment="lab"):
        sdk.vector_stores.retrieve(store.id)
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    (part,) = [p for p in told["parts"] if p["pointer"] == ":vector_store_id"]
    assert (part["kind"], part["crossing"]) == ("reference", True)
    assert [e["compartment"] for e in told["exposures"]] == ["press"]


@pytest.mark.firedoor_mode("contain")
def test_hops_that_the_wire_cannot_see_are_refused_by_name(
    door: Door, state: ScriptedUpstream
) -> None:
    sdk = client(door, state)
    with pytest.raises(openai.PermissionDeniedError, match=r"agents\.create does not pass"):
        sdk.post("/agents", cast_to=object, body={"name": "x"})
    assert refused(lambda: sdk.skills.list()) == "firedoor_denied"
    assert refused(lambda: sdk.get("/organization/users", cast_to=object)) == "firedoor_denied"
    assert state.calls == []


def test_a_rule_lets_an_operation_through(serve: Any, state: ScriptedUpstream) -> None:
    """The file's rules come before a preset's treatment, and can be narrower than it too."""
    rules = (
        "rules:\n"
        "  - {id: lists, match: {endpoint: 'openai:skills.list'}, action: allow}\n"
        "  - {id: no-stores, match: {family: retrieval, act: create}, action: deny}\n"
    )
    running = serve("contain", policy=rules)
    sdk = openai.OpenAI(base_url=running.url + "/v1", api_key="k", max_retries=0)
    sdk.skills.list()
    assert refused(lambda: sdk.vector_stores.create(name="x")) == "firedoor_denied"
    assert [c.path for c in state.calls] == ["/v1/skills"]

"""Responses and conversations beyond `create`, by the real SDK: kept, taken up again, inherited."""

import json
from contextvars import Context
from pathlib import Path
from typing import Any

import openai
import pytest

from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall

NEWS = "The lighthouse keeper has sold the lamp oil to a stranger."
LATER = "The report took the whole night, and here it is at last."


class Provider:
    """Keeps responses and conversations; a background response is done when it is asked for."""

    def __init__(self) -> None:
        self.count = 0
        self.reply = Reply(LATER)
        self.streams = False

    def __call__(self, call: UpstreamCall) -> Reply:
        path, _, query = call.path.partition("?")
        parts = path.removeprefix("/v1/").split("/")
        if parts == ["responses"] and not call.body.get("background"):
            return Reply(NEWS if "Any news" in call.texts else "All right, that is noted.")
        if parts == ["responses"]:
            self.count += 1
            return raw(shapes.response(Reply(), "m", 500 + self.count, status="queued"))
        if parts[:2] == ["responses", "input_tokens"]:
            return raw({"object": "response.input_tokens", "input_tokens": 11})
        if parts[:2] == ["responses", "compact"]:
            item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA" * 20}
            usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
            return raw({"id": "resp_c", "object": "response.compaction", "created_at": 1,
                        "output": [item], "usage": usage})  # fmt: skip
        if parts[-1] == "input_items" or parts[-1] == "items":
            item = {"type": "message", "id": "msg_in_1", "role": "user", "status": "completed",
                    "content": [{"type": "input_text", "text": "Write the report."}]}  # fmt: skip
            return raw({"object": "list", "data": [item], "first_id": "msg_in_1",
                        "last_id": "msg_in_1", "has_more": False})  # fmt: skip
        if parts[-1] == "cancel":
            return raw(shapes.response(Reply(), "m", 501, status="cancelled"))
        if parts[0] == "responses" and "stream=true" in query:
            after = int(query.partition("starting_after=")[2].partition("&")[0] or -1)
            events = list(shapes.response_events(self.reply, "m", 501))[after + 1 :]
            body = "".join(e + "\n\n" for e in events).encode()
            return Reply(raw=body, content_type="text/event-stream")
        if parts[0] == "responses":
            return raw(shapes.response(self.reply, "m", 501))
        if parts == ["conversations"]:
            return raw({"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}})
        return Reply(NEWS if "Any news" in call.texts else "All right, that is noted.")


def raw(value: Any) -> Reply:
    return Reply(raw=json.dumps(value).encode())


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    upstream.script = provider = Provider()
    return provider


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream, provider: Provider) -> openai.OpenAI:
    return client(door, upstream)


def client(door: Door, upstream: ScriptedUpstream) -> openai.OpenAI:
    made: openai.OpenAI = door.wrap(
        openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)
    )
    return made


def told(door: Door) -> Any:
    assert door.last is not None
    return door.explain(door.last.call)


def rooms(door: Door) -> list[str]:
    return sorted({str(e["compartment"]) for e in told(door)["exposures"]})


def exposed(door: Door, sdk: openai.OpenAI) -> None:
    """The instance at hand reads what the lab was told."""

    def chemist() -> None:
        with door.run("lab"), door.instance("chemist", compartment="lab"):
            sdk.responses.create(model="m", input="Any news?")

    # In a context of its own: the chemist is nobody's child, or the news would be two rooms deep.
    Context().run(chemist)
    sdk.responses.create(model="m", input=NEWS)
    assert rooms(door) == ["lab"]


def background(sdk: openai.OpenAI) -> str:
    made = sdk.responses.create(model="m", input="Write the report.", background=True)
    assert (made.status, made.output) == ("queued", [])
    return made.id


@pytest.mark.firedoor_mode("contain")
@pytest.mark.parametrize("stream", [False, True])
def test_a_background_response_is_its_owners_words(
    door: Door, sdk: openai.OpenAI, stream: bool
) -> None:
    """Retrieved by a colleague in another run: labelled as when it was asked for, and joined."""
    with door.run("one"), door.instance("writer", compartment="press"):
        exposed(door, sdk)
        id_ = background(sdk)
    with door.run("two"), door.instance("editor", compartment="press"):
        if stream:
            events = [e.type for e in sdk.responses.retrieve(id_, stream=True)]
            assert events[-1] == "response.completed"
        else:
            assert sdk.responses.retrieve(id_).output_text == LATER
        assert rooms(door) == ["lab"], "retrieving it is reading it"
        sdk.responses.create(model="m", input="Thank you.")
        sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": LATER}])
    with door.run("three"), door.instance("printer", compartment="yard"):
        sdk.responses.create(model="m", input=LATER)
        found = told(door)
    (part,) = [p for p in found["parts"] if p["pointer"] == "/input"]
    assert (part["author"], part["author_compartment"]) == ("writer", "press")
    assert (part["generation"], part["verdict"]) == (2, "quarantine")


@pytest.mark.parametrize("after", [None, 10, 11, 12, 15, 16])
def test_a_tool_call_that_comes_by_retrieval_is_judged(
    tmp_path: Path, upstream: ScriptedUpstream, provider: Provider, after: int | None
) -> None:
    """Whole or streamed, from the beginning, the middle of the call, or its end only."""
    rule = "rules: [{id: no-spawn, match: {tool: spawn_agent}, action: deny}]"
    (tmp_path / "firedoor.yaml").write_text(f"version: 1\nmode: contain\n{rule}\n")
    provider.reply = Reply("Now.", (Call("spawn_agent", {"task": "multiply"}),))
    url = f"sqlite:{tmp_path / 'firedoor.db'}"
    with Door(tmp_path / "firedoor.yaml", store=url, environ={}) as door:
        sdk = client(door, upstream)
        with door.instance("writer", compartment="press"):
            id_ = background(sdk)
            options: Any = {} if after is None else {"starting_after": after}
            if after is None:
                found = sdk.responses.retrieve(id_)
                assert [i.type for i in found.output] == ["message", "message"]
            events = list(sdk.responses.retrieve(id_, stream=True, **options))
            text = "".join(e.to_json() for e in events)
    assert "multiply" not in text
    assert "refused by policy" in text
    assert events[-1].type == "response.completed"


@pytest.mark.firedoor_mode("contain")
def test_the_rest_of_the_responses_api_passes(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        id_ = background(sdk)
        assert sdk.responses.cancel(id_).status == "cancelled"
        assert [i.id for i in sdk.responses.input_items.list(id_).data] == ["msg_in_1"]
        assert sdk.responses.input_tokens.count(model="m", input="Hello.").input_tokens == 11
        made = sdk.responses.compact(model="m", input="A long story.")
        assert made.output[0].type == "compaction"
        item: Any = made.output[0].model_dump(exclude_none=True)
        sdk.responses.create(model="m", input=[item, {"role": "user", "content": "Go on."}])
    with door.instance("spy", compartment="lab"):
        for use in (
            lambda: sdk.responses.retrieve(id_),
            lambda: sdk.responses.retrieve(id_, stream=True),
            lambda: sdk.responses.cancel(id_),
            lambda: sdk.responses.delete(id_),
            lambda: sdk.responses.input_items.list(id_),
            lambda: sdk.responses.create(model="m", input="x", previous_response_id=id_),
        ):
            with pytest.raises(openai.PermissionDeniedError) as error:
                use()
            assert error.value.code == "firedoor_foreign_state"


@pytest.mark.firedoor_mode("contain")
def test_conversations_pass(door: Door, sdk: openai.OpenAI) -> None:
    with door.instance("writer", compartment="press"):
        made = sdk.conversations.create(items=[{"role": "user", "content": "Write the report."}])
        sdk.conversations.items.create(made.id, items=[{"role": "user", "content": "Soon."}])
        (item,) = sdk.conversations.items.list(made.id).data
        assert item.id == "msg_in_1"
        sdk.responses.create(model="m", conversation=made.id, input="Where are we?")
        sdk.responses.create(model="m", conversation={"id": made.id}, input="And now?")


@pytest.mark.parametrize("how", ["previous_response_id", "conversation"])
def test_exposures_are_inherited_across_a_restart(
    tmp_path: Path, upstream: ScriptedUpstream, provider: Provider, how: str
) -> None:
    """MODEL line 21: the label of the state that a call names is part of its own."""
    url = f"sqlite:{tmp_path / 'firedoor.db'}"

    def named(id_: str) -> Any:
        return {"model": "m", "input": "Go on.", how: id_}

    with Door(mode="contain", store=url, environ={}) as door:
        sdk = client(door, upstream)
        with door.run("one"), door.instance("writer", compartment="press"):
            exposed(door, sdk)
            if how == "conversation":
                id_ = sdk.conversations.create(items=[{"role": "user", "content": NEWS}]).id
            else:
                id_ = sdk.responses.create(model="m", input=NEWS).id
    with Door(mode="contain", store=url, environ={}) as door:
        sdk = client(door, upstream)
        with door.run("two"), door.instance("editor", compartment="press"):
            sdk.responses.create(**named(id_))
            assert rooms(door) == ["lab"]
        with (
            door.run("three"), door.instance("spy", compartment="yard"),
            pytest.raises(openai.PermissionDeniedError),
        ):  # fmt: skip
            sdk.responses.create(**named(id_))
    with Door(mode="observe", store=url, environ={}) as door:
        sdk = client(door, upstream)
        with door.run("four"), door.instance("spy", compartment="yard"):
            sdk.responses.create(**named(id_))
            assert rooms(door) == ["lab", "press"]
            assert told(door)["generation"] == 2

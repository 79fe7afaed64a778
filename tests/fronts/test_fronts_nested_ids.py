"""Ids that stand deep in an answer are their maker's too, and another room's never."""

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall
from firedoor.types.part import MintedId
from firedoor.wire.openai_responses.stream import ResponsesStream

LINE = (
    b'{"custom_id":"1","method":"POST","url":"/v1/embeddings","body":{"model":"m","input":"a"}}\n'
)
MEANT: Any = {"role": "user", "content": "Plot it."}
TOOLS: Any = [{"type": "code_execution_20250825", "name": "code_execution"}]


def response() -> dict[str, Any]:
    cited = {"type": "container_file_citation", "container_id": "cntr_1", "file_id": "cfile_1",
             "filename": "a.csv", "start_index": 0, "end_index": 1}  # fmt: skip
    text = {"type": "output_text", "text": "Done.", "annotations": [cited]}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed",
               "content": [text]}  # fmt: skip
    shell = {
        "id": "sh_1", "type": "shell_call", "call_id": "c1", "status": "completed",
        "action": {"commands": ["ls"]},
        "environment": {"type": "container_reference", "container_id": "cntr_2"},
    }  # fmt: skip
    return shapes.response(Reply("x"), "m", 1) | {"output": [shell, message]}


def result() -> bytes:
    message = shapes.message(Reply("Done."), "m", 1)
    message["content"].insert(0, {"type": "thinking", "thinking": "Hm.", "signature": "SIG1"})
    message["container"] = {"id": "container_1", "expires_at": "2027-01-01T00:00:00Z"}
    line = {"custom_id": "a", "result": {"type": "succeeded", "message": message}}
    return json.dumps(line).encode() + b"\n"


def script(call: UpstreamCall) -> Reply:
    path = call.path.partition("?")[0].removeprefix("/v1")
    if path == "/responses":
        return Reply(raw=json.dumps(response()).encode())
    if path.endswith("/results"):
        return Reply(raw=result(), content_type="application/x-jsonl")
    made: dict[str, Any] = {"id": "thing_1", "object": "thing"}
    if path.startswith("/skills"):
        made["id"] = "skill_1" if "anthropic-version" in call.headers else "skill_2"
    if path.startswith("/files/") and path.endswith("/content"):
        body = shapes.response(Reply("Done."), "m", 77)
        line = {"custom_id": "a", "response": {"status_code": 200, "body": body}}
        return Reply(raw=json.dumps(line).encode() + b"\n", content_type="application/octet-stream")
    if path == "/files":
        made = {"id": "file_1", "object": "file"}
    elif path == "/batches":
        batch = {"id": "batch_1", "object": "batch", "output_file_id": "file_out"}
        made = batch if call.method == "POST" else {"object": "list", "data": [batch]}
        made = {**made, "output_file_id": None} if call.method == "POST" else made
    elif path.startswith("/fine_tuning/jobs"):
        made = {"id": "ftjob_1", "object": "fine_tuning.job", "result_files": ["file_result"]}
    elif path.endswith("/memories"):
        made = {"id": "mem_1", "type": "memory", "memory_version_id": "memver_1"}
    elif path.startswith("/messages/batches"):
        made = {"id": "msgbatch_1", "type": "message_batch", "results_url": "x"}
    elif path == "/messages":
        return Reply("All right.")
    return Reply(raw=json.dumps(made).encode())


@pytest.fixture(autouse=True)
def _provider(upstream: ScriptedUpstream) -> None:
    upstream.script = script


def shell(sdk: openai.OpenAI) -> Any:
    environment: Any = {"type": "container_reference", "container_id": "cntr_2"}
    tools: Any = [{"type": "shell", "environment": environment}]
    return sdk.responses.create(model="m", input="Go.", tools=tools)


def batch(sdk: openai.OpenAI) -> None:
    file = sdk.files.create(file=("b.jsonl", LINE), purpose="batch").id
    sdk.batches.create(input_file_id=file, endpoint="/v1/embeddings", completion_window="24h")
    sdk.batches.list()


def fetch(sdk: openai.OpenAI) -> None:
    batch(sdk)
    sdk.files.content("file_out")


def go_on(sdk: openai.OpenAI) -> None:
    made = shapes.response(Reply("Done."), "m", 77)["id"]
    sdk.responses.create(model="m", input="Go on.", previous_response_id=made)


def train(sdk: openai.OpenAI) -> None:
    file = sdk.files.create(file=("t.jsonl", b'{"messages":[]}\n'), purpose="fine-tune").id
    sdk.fine_tuning.jobs.create(model="m", training_file=file)


def respond(sdk: openai.OpenAI) -> None:
    sdk.responses.create(model="m", input="Go.")


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (respond, lambda sdk: sdk.containers.files.retrieve("cfile_1", container_id="cntr_1")),
        (respond, shell),
        (batch, lambda sdk: sdk.files.content("file_out")),
        (train, lambda sdk: sdk.files.content("file_result")),
        (fetch, go_on),
    ],
)
def test_openai(
    door: Door,
    upstream: ScriptedUpstream,
    make: Callable[[openai.OpenAI], None],
    use: Callable[[openai.OpenAI], Any],
) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        make(sdk)
    with door.instance("b", compartment="lab"):
        with pytest.raises(openai.PermissionDeniedError) as error:
            use(sdk)
        assert error.value.code == "firedoor_foreign_state"
        if make is batch:
            assert sdk.batches.list().data == [], "nor does a list give it away"
    with door.instance("a", compartment="press"):
        use(sdk)


def test_an_upload_that_looks_like_what_a_batch_came_to_makes_nothing(
    door: Door, upstream: ScriptedUpstream
) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        file = sdk.files.create(file=("out.jsonl", LINE), purpose="user_data").id
        sdk.files.content(file)
        with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
            go_on(sdk)


def continues(sdk: anthropic.Anthropic) -> None:
    block: Any = {"type": "thinking", "thinking": "Hm.", "signature": "SIG1"}
    turn: Any = {"role": "assistant", "content": [block, {"type": "text", "text": "Done."}]}
    sdk.messages.create(model="m", max_tokens=9, messages=[MEANT, turn, MEANT])


def runs_there(sdk: anthropic.Anthropic) -> None:
    sdk.beta.messages.create(
        model="m", max_tokens=9, messages=[MEANT], container="container_1", tools=TOOLS,
        betas=["code-execution-2025-08-25"],
    )  # fmt: skip


def remembers(sdk: anthropic.Anthropic) -> None:
    store = sdk.beta.memory_stores.create(name="n").id
    sdk.beta.memory_stores.memories.create(store, path="/a", content="note")


def asks(sdk: anthropic.Anthropic) -> None:
    params: Any = {"model": "m", "max_tokens": 9, "messages": [MEANT]}
    made = sdk.messages.batches.create(requests=[{"custom_id": "a", "params": params}])
    sdk.get(f"/v1/messages/batches/{made.id}/results", cast_to=str)


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (asks, continues),
        (asks, runs_there),
        (
            remembers,
            lambda sdk: sdk.beta.memory_stores.memory_versions.retrieve(
                "memver_1", memory_store_id="thing_1"
            ),
        ),
    ],
)
def test_anthropic(
    door: Door,
    upstream: ScriptedUpstream,
    make: Callable[[anthropic.Anthropic], None],
    use: Callable[[anthropic.Anthropic], None],
) -> None:
    sdk = door.wrap(anthropic.Anthropic(base_url=upstream.url, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        make(sdk)
    with (
        door.instance("b", compartment="lab"),
        pytest.raises(anthropic.PermissionDeniedError, match="was not seen to make"),
    ):
        use(sdk)
    with door.instance("a", compartment="press"):
        use(sdk)


def test_an_id_that_a_caller_said_itself_is_not_made_for_it(
    door: Door, upstream: ScriptedUpstream
) -> None:
    """A provider that keeps the ids of items as they were sent would hand out what is not its own."""

    def echo(call: UpstreamCall) -> Reply:
        listed = {"object": "list", "data": call.body.get("items", []), "has_more": False}
        made = {"id": "conv_1", "object": "conversation", "created_at": 1}
        return Reply(raw=json.dumps(listed if call.path.endswith("/items") else made).encode())

    upstream.script = echo
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    call: Any = {"type": "function_call", "id": "resp_old", "call_id": "c", "name": "f",
                 "arguments": "{}"}  # fmt: skip
    with door.instance("a", compartment="press"):
        conversation = sdk.conversations.create().id
        sdk.conversations.items.create(conversation, items=[call])
        with pytest.raises(openai.PermissionDeniedError, match="was not seen to make"):
            sdk.responses.retrieve("resp_old")


def test_a_container_is_told_before_the_event_that_names_it_leaves() -> None:
    """So that it is recorded while the answer goes on, and can be used at once."""
    item = {"id": "ci_1", "type": "code_interpreter_call", "status": "completed", "code": "1",
            "container_id": "cntr_3", "outputs": None}  # fmt: skip
    event = {"type": "response.output_item.done", "output_index": 0, "item": item}
    pieces = ResponsesStream(True).feed(f"data: {json.dumps(event)}\n\n".encode())
    assert [(p.minted, b"cntr_3" in p.raw) for p in pieces if p.raw] == [
        ((MintedId("item", "ci_1"), MintedId("container", "cntr_3")), True)
    ]


@pytest.mark.parametrize("kept", [True, False])
def test_an_item_is_told_once_and_before_the_event_that_names_it_leaves(kept: bool) -> None:
    """Of a response that the provider does not keep, no item can be named later."""
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    events: list[dict[str, object]] = [
        {"type": "response.created", "response": {"id": "resp_1", "store": kept, "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": message},
        {"type": "response.output_item.done", "output_index": 0, "item": message},
    ]
    raw = "".join(f"data: {json.dumps(event)}\n\n" for event in events).encode()
    told = [tuple(m.id for m in p.minted) for p in ResponsesStream(True).feed(raw) if p.raw]
    assert told == ([("resp_1",), ("msg_1",), ()] if kept else [(), (), ()])


def test_metadata_in_a_query_is_known(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        sdk.chat.completions.list(metadata={"use": "test"})
        for name in ("metadata[a][b]", "metadata[]", "meta[a]", "x[metadata]"):
            with pytest.raises(openai.PermissionDeniedError):
                sdk.chat.completions.list(extra_query={name: "x"})


def test_a_rule_lets_skills_be_made(serve: Serve, upstream: ScriptedUpstream) -> None:
    """What is refused by name and let through by a rule must be readable then."""
    rule = "rules: [{id: skills, match: {family: skills}, action: allow}]\n"
    running = serve("contain", policy=rule)
    files = [("kit/SKILL.md", b"---\nname: kit\n---\nBe kind.", "text/markdown")]
    who = {"x-firedoor-instance": "a"}
    one = anthropic.Anthropic(
        base_url=running.url, api_key="sk-1", max_retries=0, default_headers=who
    )
    made = one.beta.skills.create(files=files, display_name="Kit").id
    one.beta.skills.versions.create(made, files=files)
    other = openai.OpenAI(
        base_url=running.url + "/v1", api_key="sk-2", max_retries=0, default_headers=who
    )
    skill = other.skills.create(files=files).id
    other.skills.versions.create(skill, files=files, default=True)
    other.skills.update(skill, default_version="2")
    assert [(call.method, call.path) for call in upstream.calls] == [
        ("POST", "/v1/skills"), ("POST", f"/v1/skills/{made}/versions"),
        ("POST", "/v1/skills"), ("POST", f"/v1/skills/{skill}/versions"),
        ("POST", f"/v1/skills/{skill}"),
    ]  # fmt: skip
    assert all(b"Be kind." in call.raw for call in upstream.calls[:4])

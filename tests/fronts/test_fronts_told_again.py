"""A call that was refused stays refused wherever the provider's own copy of it comes out again."""

import json
from typing import Any

import httpx
import openai
import pytest

from conftest import Serve
from firedoor.testing import Call, Reply, ScriptedUpstream, shapes
from firedoor.testing.upstream import UpstreamCall

NO_SPAWN = "rules: [{id: no-spawn, match: {tool: spawn_agent}, action: deny}]\n"
TOLD = "The call of the tool spawn_agent was refused by policy."
SPAWN = {
    "id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
    "name": "spawn_agent", "arguments": '{"task":"multiply"}',
}  # fmt: skip
LOOK = SPAWN | {"id": "fc_2", "call_id": "call_2", "name": "look", "arguments": "{}"}
MINE = {
    "id": "msg_1", "type": "message", "role": "user", "status": "completed",
    "content": [{"type": "input_text", "text": "Go on."}],
}  # fmt: skip
CHAT = shapes.chat(Reply("", (Call("spawn_agent", {"task": "multiply"}), Call("look"))), "m", 1)
ITEMS = {"object": "list", "data": [MINE, SPAWN, LOOK], "first_id": "msg_1", "last_id": "fc_2",
         "has_more": False}  # fmt: skip


def script(call: UpstreamCall) -> Reply:
    path = call.path.partition("?")[0]
    if path == "/v1/chat/completions":
        listed = {"object": "list", "data": [CHAT], "has_more": False}
        return Reply(raw=json.dumps(CHAT if call.method == "POST" else listed).encode())
    if path.startswith("/v1/chat/completions/"):
        return Reply(raw=json.dumps(CHAT).encode())
    if path.endswith(("/items", "/input_items")):
        return Reply(raw=json.dumps(ITEMS).encode())
    if "/items/" in path:
        return Reply(raw=json.dumps(SPAWN).encode())
    if path == "/v1/conversations":
        return Reply(raw=b'{"id": "conv_1", "object": "conversation", "created_at": 1}')
    return Reply("All right.")


@pytest.fixture
def sdk(serve: Serve, upstream: ScriptedUpstream) -> openai.OpenAI:
    upstream.script = script
    running = serve("contain", policy=NO_SPAWN)
    return openai.OpenAI(
        base_url=running.url + "/v1", api_key="sk-a-real-key-1", max_retries=0,
        default_headers={"x-firedoor-instance": "writer"},
    )  # fmt: skip


def names(items: Any) -> list[str]:
    return [getattr(item, "name", None) or item.content[0].text for item in items]


def test_a_conversation_tells_no_refused_call(sdk: openai.OpenAI) -> None:
    conversation = sdk.conversations.create().id
    page = sdk.conversations.items.list(conversation)
    assert names(page.data) == ["Go on.", TOLD, "look"]
    assert [item.id for item in page.data] == ["msg_1", "fc_1", "fc_2"], (
        "ids go on meaning the same"
    )
    assert names([sdk.conversations.items.retrieve("fc_1", conversation_id=conversation)]) == [TOLD]


def test_the_items_of_a_response_tell_no_refused_call(sdk: openai.OpenAI) -> None:
    response = sdk.responses.create(model="m", input="Go.")
    assert names(sdk.responses.input_items.list(response.id).data) == ["Go on.", TOLD, "look"]


def test_a_stored_chat_tells_no_refused_call(sdk: openai.OpenAI) -> None:
    ask: Any = {"model": "m", "store": True, "messages": [{"role": "user", "content": "Go."}]}
    id_ = sdk.chat.completions.create(**ask).id
    for chat in (
        sdk.chat.completions.retrieve(id_),
        *sdk.chat.completions.list().data,
        sdk.chat.completions.update(id_, metadata={"k": "v"}),
    ):
        message: Any = chat.choices[0].message
        assert [c.function.name for c in message.tool_calls] == ["look"]
        assert message.content == TOLD


def test_what_is_allowed_is_told_byte_for_byte(serve: Serve, upstream: ScriptedUpstream) -> None:
    upstream.script = script
    url = serve("contain").url + "/v1"
    head = {"authorization": "Bearer sk-a-real-key-1", "x-firedoor-instance": "writer"}
    httpx.post(f"{url}/conversations", headers=head, json={})
    got = httpx.get(f"{url}/conversations/conv_1/items", headers=head)
    assert got.content == json.dumps(ITEMS).encode()


def test_an_answer_that_only_a_client_can_read_does_not_pass(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    """A client's ``json`` reads UTF-16 too; a door that did not would let the call by."""
    url = serve("contain", policy=NO_SPAWN).url + "/v1"
    head = {"authorization": "Bearer sk-a-real-key-1", "x-firedoor-instance": "writer"}
    upstream.script = script
    httpx.post(f"{url}/conversations", headers=head, json={})
    upstream.script = lambda call: Reply(raw=json.dumps(ITEMS).encode("utf-16"))
    got = httpx.get(f"{url}/conversations/conv_1/items", headers=head)
    assert (got.status_code, b"s\0p\0a\0w\0n" in got.content) == (502, False)

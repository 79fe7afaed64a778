"""A list of what a credential owns shows a room what is its own, and says how much it left out."""

import json
from typing import Any

import openai
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

NEWS = "The lighthouse keeper has sold the lamp oil to a stranger."


class Provider:
    """Makes files and vector stores, and lists all of them, in its own spelling."""

    def __init__(self) -> None:
        self.made: list[str] = ["file_old"]
        self.listing = b""

    def __call__(self, call: UpstreamCall) -> Reply:
        if call.method == "POST":
            id_ = f"vs_{len(self.made)}"
            self.made.append(id_)
            return Reply(raw=json.dumps({"id": id_, "object": "vector_store"}).encode())
        inside = ", ".join(f'{{"id":"{i}","name":"n \\u00e9", "size": 1.0}}' for i in self.made)
        self.listing = (
            f'{{ "object":"list","data":[ {inside} ],\n "first_id":"{self.made[0]}",'
            f'"last_id": "{self.made[-1]}", "has_more":true, "x": 1e2 }}'
        ).encode()
        return Reply(raw=self.listing)


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    upstream.script = provider = Provider()
    return provider


@pytest.fixture
def sdk(door: Door, upstream: ScriptedUpstream, provider: Provider) -> openai.OpenAI:
    return door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))


def listed(sdk: openai.OpenAI) -> Any:
    return sdk.vector_stores.with_raw_response.list().http_response


@pytest.mark.firedoor_mode("contain")
def test_a_room_sees_its_own_and_nothing_else(
    door: Door, sdk: openai.OpenAI, provider: Provider
) -> None:
    with door.instance("a", compartment="press"):
        sdk.vector_stores.create()
    with door.instance("b", compartment="lab"):
        sdk.vector_stores.create()
        sdk.vector_stores.create()
    with door.instance("a2", compartment="press"):
        told = listed(sdk)
    assert told.content == (
        b'{ "object":"list","data":[ {"id":"vs_1","name":"n \\u00e9", "size": 1.0} ],\n'
        b' "first_id":"vs_1","last_id": "vs_1", "has_more":true, "x": 1e2 }'
    ), "what is left stands as the provider wrote it"
    assert int(told.headers["content-length"]) == len(told.content)
    found = door.explain(door.last.call)  # type: ignore[union-attr]
    assert (found["verdict"], found["upstream"]["filtered"]) == ("edited", 3)
    with door.instance("c", compartment="yard"):
        told = listed(sdk).json()
    assert (told["data"], told["first_id"], told["last_id"]) == ([], None, None)
    with door.instance("b", compartment="lab"):
        assert [s.id for s in sdk.vector_stores.list().data] == ["vs_2", "vs_3"]


@pytest.mark.firedoor_mode("contain")
def test_a_list_is_exposure_to_what_it_shows(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream, provider: Provider
) -> None:
    """Names in a list are text: they carry the labels of the things they name."""
    upstream.script = lambda call: provider(call) if "vector_stores" in call.path else Reply(NEWS)
    with door.instance("b", compartment="lab"):
        sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Any news?"}])
    with door.run("one"), door.instance("a", compartment="press"):
        sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": NEWS}])
        sdk.vector_stores.create(name="What the keeper did")
    with door.run("two"), door.instance("a", compartment="press"):
        listed(sdk)
        found = door.explain(door.last.call)["exposures"]  # type: ignore[union-attr]
        assert [e["compartment"] for e in found] == ["lab"]


@pytest.mark.firedoor_mode("observe")
def test_in_observe_a_list_passes_byte_for_byte(
    door: Door, sdk: openai.OpenAI, provider: Provider
) -> None:
    with door.instance("b", compartment="lab"):
        sdk.vector_stores.create()
    with door.instance("a", compartment="press"):
        assert listed(sdk).content == provider.listing
        found = door.explain(door.last.call)  # type: ignore[union-attr]
    assert (found["verdict"], found["upstream"]["filtered"]) == ("allow", 0)
    assert [e["compartment"] for e in found["exposures"]] == ["lab"]
    with door.instance("a", compartment="press"):
        sdk.vector_stores.retrieve("file_old")
        told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert told["exposures"][0]["compartment"] == "unknown", "a list makes nobody an owner"


@pytest.mark.parametrize(
    "body",
    [b'{"data":[{"id":"a"}],"more":[{"id":"b"}]}', b'{"things":[{"id":"a"}]}', b"[]", b"no json"],
)
@pytest.mark.firedoor_mode("contain")
def test_a_list_that_cannot_be_filtered_does_not_pass(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream, body: bytes
) -> None:
    upstream.script = lambda call: Reply(raw=body)
    with pytest.raises(openai.APIStatusError) as error:
        sdk.vector_stores.list()
    assert error.value.status_code == 502
    assert error.value.response.json()["error"]["code"] == "firedoor_upstream"


@pytest.mark.firedoor_mode("contain")
def test_an_element_without_an_id_is_nobodys(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply(raw=b'{"object":"list","data":[{"name":"x"}, 7, null]}')
    assert listed(sdk).json()["data"] == []


def test_a_sidecar_filters_the_same(serve: Serve, provider: Provider) -> None:
    url = serve("contain").url + "/v1"
    mine = {"x-firedoor-instance": "a", "x-firedoor-compartment": "press"}
    other = {"x-firedoor-instance": "b", "x-firedoor-compartment": "lab"}
    one = openai.OpenAI(base_url=url, api_key="sk-one-key-1", default_headers=mine)
    two = openai.OpenAI(base_url=url, api_key="sk-one-key-1", default_headers=other)
    one.vector_stores.create()
    two.vector_stores.create()
    assert [s.id for s in one.vector_stores.list().data] == ["vs_1"]
    assert [s.id for s in two.vector_stores.list().data] == ["vs_2"]


@pytest.mark.firedoor_mode("contain")
def test_chats_kept_on_request_have_owners(
    door: Door, sdk: openai.OpenAI, upstream: ScriptedUpstream
) -> None:
    """`store: true` keeps a chat completion at the provider, where others could list it."""
    chats = b'{"object":"list","data":[{"id":"chatcmpl-1"},{"id":"chatcmpl-2"}]}'

    def script(call: UpstreamCall) -> Reply:
        return Reply(raw=chats) if call.method == "GET" else Reply("All right.")

    upstream.script = script
    ask: Any = {"model": "m", "messages": [{"role": "user", "content": "Hello there."}]}
    for name in ("press", "lab"):
        with door.instance("a", compartment=name):
            sdk.chat.completions.create(**ask, store=True)
    with door.instance("a", compartment="lab"):
        assert [c.id for c in sdk.chat.completions.list().data] == ["chatcmpl-2"]

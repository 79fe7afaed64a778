"""Real SDKs through the transport: work passes, whatever the client, and refusals are their own."""

import asyncio
import functools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from firedoor import CallerError, Door
from firedoor.testing import Call, Reply, ScriptedUpstream

ASK = [{"role": "user", "content": "Write the report."}]
SAID = "The report is done, and it is a good one."


@pytest.fixture
def talking(upstream: ScriptedUpstream) -> ScriptedUpstream:
    upstream.script = lambda call: Reply(SAID, (Call("save_note", {"key": "k", "text": "kept"}),))
    return upstream


def test_a_chat_completion_is_what_the_provider_said(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    found = client.chat.completions.create(model="m", messages=ASK)  # type: ignore[arg-type]
    assert found.choices[0].message.content == SAID
    assert found.choices[0].message.tool_calls[0].function.name == "save_note"


@pytest.mark.parametrize("family", [httpx, httpx2])
def test_a_stream_passes_byte_for_byte(
    door: Door, talking: ScriptedUpstream, family: object
) -> None:
    """Promise 1: what is not edited is forwarded byte for byte, tool calls included."""
    body = {"model": "m", "messages": ASK, "stream": True}
    url = talking.openai + "/chat/completions"
    talking.script = lambda call: Reply(SAID, (Call("read_file", {"path": "a"}, id="call_1"),))
    plain = family.post(url, json=body)  # type: ignore[attr-defined]
    with family.Client(transport=door.transport()) as client:  # type: ignore[attr-defined]
        guarded = client.post(url, json=body)
    assert guarded.content.replace(b"chatcmpl-2", b"chatcmpl-1") == plain.content
    asked = b',"stream_options":{"include_usage":true}}'
    assert talking.calls[1].raw == talking.calls[0].raw[:-1] + asked


async def test_all_async_clients_pass(door: Door, talking: ScriptedUpstream) -> None:
    chat = door.wrap(openai.AsyncOpenAI(base_url=talking.openai, api_key="k"))
    messages = door.wrap(anthropic.AsyncAnthropic(base_url=talking.anthropic, api_key="k"))
    async with door.instance("planner", compartment="research"):
        found = await chat.chat.completions.create(model="m", messages=ASK)  # type: ignore[arg-type]
        assert found.choices[0].message.content == SAID
        async with messages.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:  # type: ignore[arg-type]
            assert "".join([text async for text in stream.text_stream]) == SAID
    assert door.last is not None
    assert (door.last.instance, door.last.compartment) == ("planner", "research")


async def test_every_task_sees_its_own_last_call(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.AsyncOpenAI(base_url=talking.openai, api_key="k"))
    create = client.chat.completions.with_raw_response.create
    talking.script = lambda call: Reply(SAID, pause_s=0.01)

    async def agent(number: int, stream: bool) -> tuple[str, str]:
        async with door.instance(f"agent-{number}"):
            raw = await create(model="m", messages=ASK, stream=stream)
            if stream:
                [chunk async for chunk in raw.parse()]
            # Others go on meanwhile.
            await asyncio.sleep(0.05)
            assert door.last is not None
            assert door.last.instance == f"agent-{number}"
            return raw.headers["x-firedoor-call"], door.last.call

    pairs = await asyncio.gather(*(agent(n, n % 2 == 0) for n in range(6)))
    assert all(header == last for header, last in pairs)
    assert len({last for _, last in pairs}) == 6
    # Nothing ended in this task itself: the last of any.
    assert door.last is not None
    assert door.last.call in {last for _, last in pairs}


def test_every_thread_sees_its_own_last_call(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    create = client.chat.completions.with_raw_response.create
    barrier = threading.Barrier(4)

    def agent(_: int) -> tuple[str, str]:
        raw = create(model="m", messages=ASK)  # type: ignore[arg-type]
        barrier.wait(timeout=20)
        assert door.last is not None
        return raw.headers["x-firedoor-call"], door.last.call

    with ThreadPoolExecutor(4) as pool:
        pairs = list(pool.map(agent, range(4)))
    assert all(header == last for header, last in pairs)
    assert len({last for _, last in pairs}) == 4


def test_every_surface_passes(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    claude = door.wrap(anthropic.Anthropic(base_url=talking.anthropic, api_key="k"))
    with client.responses.stream(model="m", input="hi") as stream:
        assert stream.get_final_response().output_text == SAID
    assert client.embeddings.create(model="m", input=["a", "b"]).data[1].embedding == [
        0.25, -0.5, 0.125,
    ]  # fmt: skip
    assert client.models.list().data[0].id == "scripted"
    assert claude.models.list().data[0].id == "scripted"
    assert claude.messages.count_tokens(model="m", messages=ASK).input_tokens == 42  # type: ignore[arg-type]


def test_an_unknown_path_is_refused_once_and_natively(
    door: Door, talking: ScriptedUpstream
) -> None:
    """Promises 2 and 6: refused in the SDK's own words, and not tried again."""
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.get("/brand/new", cast_to=object)
    assert refused.value.code == "firedoor_unknown_surface"
    assert refused.value.request_id == door.last.call  # type: ignore[union-attr]
    assert talking.calls == []


@pytest.mark.firedoor_mode("observe")
def test_an_unknown_path_passes_and_is_recorded_in_observe(
    door: Door, talking: ScriptedUpstream
) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    client.get("/brand/new", cast_to=object)
    assert talking.calls[0].path == "/v1/brand/new"
    assert door.explain(door.last.call)["surface"] == "unknown"  # type: ignore[union-attr]


def test_nested_instances_are_children(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    with door.instance("boss", compartment="office"):
        client.chat.completions.create(model="m", messages=ASK)  # type: ignore[arg-type]
        boss = door.last
        with door.instance("helper", compartment="office"):
            client.chat.completions.create(model="m", messages=ASK)  # type: ignore[arg-type]
            helper = door.last
    assert boss is not None
    assert helper is not None
    assert door.explain(helper.call)["parents"] == [boss.instance_id]


def test_an_early_close_settles_the_call(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    stream = client.chat.completions.create(model="m", messages=ASK, stream=True)  # type: ignore[arg-type]
    next(iter(stream))
    stream.close()
    assert door.explain(door.last.call)["state"] == "broken"  # type: ignore[union-attr]


def test_a_refused_connection_is_the_clients_own_error(door: Door) -> None:
    client = door.wrap(openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0))
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="m", messages=ASK)  # type: ignore[arg-type]
    assert door.last is not None
    assert door.explain(door.last.call)["upstream"]["error"] == "refused"


def test_what_cannot_be_guarded_is_not_wrapped(door: Door) -> None:
    with pytest.raises(CallerError, match="no OpenAI or Anthropic client"):
        door.wrap(httpx.Client())
    client = door.wrap(openai.OpenAI(api_key="k"))
    with pytest.raises(CallerError, match="wrapped already"):
        door.wrap(client)


def socket_openers(client: Any) -> dict[str, Any]:
    """Every `connect` below a client, by its dotted name."""
    found: dict[str, Any] = {}
    todo = [("", client)]
    while todo:
        path, at = todo.pop()
        if hasattr(at, "connect"):
            found[path] = at
        for name, value in vars(type(at)).items():
            made = isinstance(value, functools.cached_property)
            if made and not name.startswith("with_"):
                todo.append((f"{path}.{name}".lstrip("."), getattr(at, name)))
    return found


@pytest.mark.parametrize("copied", ["itself", "with_options", "copy"])
@pytest.mark.parametrize(
    "kind", [openai.OpenAI, openai.AsyncOpenAI, anthropic.Anthropic, anthropic.AsyncAnthropic]
)
def test_a_websocket_cannot_be_opened_round_the_door(door: Door, kind: Any, copied: str) -> None:
    plain = kind(api_key="k")
    client = door.wrap(plain)
    assert type(client) is kind
    client = client if copied == "itself" else getattr(client, copied)(timeout=9)
    openers = socket_openers(client)
    assert set(openers) == set(socket_openers(plain))
    if kind in (openai.OpenAI, openai.AsyncOpenAI):
        known = {"responses", "realtime", "beta.realtime"}
        assert known <= set(openers)
    for resource in openers.values():
        with pytest.raises(CallerError, match="WebSocket") as refused:
            resource.connect(model="m")
        assert "HTTP" in str(refused.value.hint)
    # A client that no door guards is as it was.
    assert all("connect" not in vars(r) for r in socket_openers(plain).values())


def test_copies_of_a_wrapped_client_are_guarded(door: Door, talking: ScriptedUpstream) -> None:
    client = door.wrap(openai.OpenAI(base_url=talking.openai, api_key="k"))
    for copied in (client.with_options(max_retries=0), client.copy(timeout=5)):
        raw = copied.chat.completions.with_raw_response.create(model="m", messages=ASK)
        assert raw.headers["x-firedoor-call"] == door.last.call  # type: ignore[union-attr]


@pytest.mark.parametrize("library", [openai, anthropic])
async def test_an_aiohttp_client_is_refused(door: Door, library: Any) -> None:
    kind = library.AsyncOpenAI if library is openai else library.AsyncAnthropic
    async with library.DefaultAioHttpClient() as http:
        with pytest.raises(CallerError, match="aiohttp"):
            door.wrap(kind(api_key="k", http_client=http))

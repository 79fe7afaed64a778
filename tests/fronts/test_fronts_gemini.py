"""Gemini with the real SDK: blocking and async, in process and through the sidecar."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import httpx2
import pytest
from google import genai
from google.genai import errors, types

from conftest import Serve
from firedoor import Door
from firedoor.cli.serve import _child_environment
from firedoor.testing import Call, Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

KEY = "AIzaSyA-real-key-0123456789-abcdefghij"
ASK = "Write the report."
SAID = "The report is done, and it is a good one."
GENERATE = "/v1beta/models/m:generateContent"
SPAWN = "rules:\n  - {id: no-spawn, match: {affordance: spawn}, action: deny}\n"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _says(upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply(SAID)


def client(door: Door, upstream: ScriptedUpstream) -> genai.Client:
    """An SDK's client through the door, for both kinds of calls."""
    through: Any = {"transport": door.transport()}
    options = types.HttpOptions(
        base_url=upstream.gemini, client_args=through, async_client_args=through
    )
    return genai.Client(api_key=KEY, http_options=options)


def outside(url: str, key: str = KEY) -> genai.Client:
    """An SDK's client that knows a base URL and nothing else."""
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url))


# -- what passes -----------------------------------------------------------------------------------


def test_every_call_of_the_sdk_passes(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = client(door, upstream)
    upstream.script = lambda call: Reply(SAID, (Call("read_file", {"path": "a"}),))
    answer = sdk.models.generate_content(
        model="m", contents=ASK, config={"system_instruction": "Be brief.", "temperature": 0.5}
    )
    assert answer.candidates is not None
    assert answer.candidates[0].content.parts[0].text == SAID  # type: ignore[union-attr,index]
    assert [c.name for c in answer.function_calls or []] == ["read_file"]
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert (told["surface"], told["model"], told["stream"]) == ("gemini.generate", "m", False)
    assert told["upstream"]["usage"] == {"input_tokens": 10, "output_tokens": 15}
    assert told["upstream"]["id"] == "resp-1"
    assert [t["name"] for t in told["tools"]] == ["read_file"]
    upstream.script = lambda call: Reply(SAID)
    chunks = list(sdk.models.generate_content_stream(model="m", contents=ASK))
    assert "".join(c.text or "" for c in chunks) == SAID
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert (told["stream"], told["state"]) == (True, "answered")
    assert sdk.models.count_tokens(model="m", contents=ASK).total_tokens == 42
    embedded = sdk.models.embed_content(model="e", contents=["a", "b"]).embeddings or []
    assert [e.values for e in embedded] == [[0.25, -0.5, 0.125]] * 2
    assert [c.path.rpartition(":")[2] for c in upstream.calls] == [
        "generateContent", "streamGenerateContent?alt=sse", "countTokens", "batchEmbedContents",
    ]  # fmt: skip
    assert {c.headers["x-goog-api-key"] for c in upstream.calls} == {KEY}


async def test_the_async_client_passes(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = client(door, upstream).aio
    async with door.instance("planner", compartment="research"):
        answer = await sdk.models.generate_content(model="m", contents=ASK)
        assert answer.text == SAID
        stream = await sdk.models.generate_content_stream(model="m", contents=ASK)
        assert "".join([c.text or "" async for c in stream]) == SAID
        assert (await sdk.models.count_tokens(model="m", contents=ASK)).total_tokens == 42
        assert (await sdk.models.embed_content(model="e", contents="a")).embeddings
    assert door.last is not None
    assert (door.last.instance, door.last.compartment) == ("planner", "research")
    assert door.explain(door.last.call)["surface"] == "gemini.embed"


@pytest.mark.parametrize("family", [httpx, httpx2])
def test_a_client_of_either_family_may_be_given(
    door: Door, upstream: ScriptedUpstream, family: Any
) -> None:
    options = types.HttpOptions(
        base_url=upstream.gemini, httpx_client=family.Client(transport=door.transport())
    )
    sdk = genai.Client(api_key=KEY, http_options=options)
    assert sdk.models.generate_content(model="m", contents=ASK).text == SAID


@pytest.mark.firedoor_mode("observe")
@pytest.mark.parametrize("query", ["", "?alt=sse", "?alt=sse&key=k"])
def test_streams_of_both_forms_pass_byte_for_byte(
    door: Door, upstream: ScriptedUpstream, query: str
) -> None:
    upstream.script = lambda call: Reply(SAID, (Call("read_file", {"path": "a"}),))
    url = upstream.url + "/v1beta/models/m:streamGenerateContent" + query
    body = {"contents": [{"parts": [{"text": ASK}]}], "odd_field": "odd"}
    plain = httpx.post(url, json=body)
    with httpx.Client(transport=door.transport()) as http:
        guarded = http.post(url, json=body)
    assert guarded.content.replace(b"resp-2", b"resp-1") == plain.content
    assert upstream.calls[0].raw == upstream.calls[1].raw
    assert upstream.calls[0].path == upstream.calls[1].path
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert [t["name"] for t in told["tools"]] == ["read_file"]


def test_functions_that_the_sdk_calls_itself(door: Door, upstream: ScriptedUpstream) -> None:
    """Automatic function calling: the SDK's own loop, with the result back in the history."""

    def read_note(key: str) -> str:
        """Reads a note."""
        return f"The note under {key}."

    def script(call: UpstreamCall) -> Reply:
        if "functionResponse" in call.texts:
            return Reply(SAID)
        return Reply("", (Call("read_note", {"key": "k"}),))

    upstream.script = script
    sdk = client(door, upstream)
    config = types.GenerateContentConfig(tools=[read_note])
    assert sdk.models.generate_content(model="m", contents=ASK, config=config).text == SAID
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    (note,) = [
        p for p in told["parts"] if p["pointer"].endswith("/functionResponse/response/result")
    ]
    assert (note["channel"], note["verdict"]) == ("memory", "allow")
    assert len(upstream.calls) == 2


# -- what does not ---------------------------------------------------------------------------------


def test_a_refusal_is_the_sdks_own_error(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = client(door, upstream)
    with pytest.raises(errors.ClientError) as refused:
        sdk.models.generate_content(
            model="m", contents=ASK, config={"cached_content": "cachedContents/of-somebody"}
        )
    error = refused.value
    assert (error.code, error.status) == (403, "PERMISSION_DENIED")
    assert error.details["error"]["code"] == "firedoor_foreign_state"
    assert error.details["request_id"] == door.last.call  # type: ignore[union-attr]
    assert error.message
    assert error.message in str(error)
    with pytest.raises(errors.ClientError, match="firedoor_unknown_surface"):
        list(
            sdk.models.generate_content_stream(
                model="m", contents=[{"role": "system", "parts": [{"text": "Obey."}]}]
            )
        )
    assert upstream.calls == []


async def test_async_refusals_too(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = client(door, upstream).aio
    with pytest.raises(errors.ClientError, match="firedoor_foreign_state") as refused:
        await sdk.files.get(name="files/f-1")
    assert refused.value.code == 403
    assert upstream.calls == []


def test_a_refused_call_is_a_text(serve: Serve, upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply(
        SAID, (Call("spawn_agent", {"task": "t"}), Call("read_file", {"path": "a"}))
    )
    sdk = outside(serve(policy=SPAWN).url)
    answer = sdk.models.generate_content(model="m", contents=ASK)
    chunks = list(sdk.models.generate_content_stream(model="m", contents=ASK))
    streamed = [p for c in chunks for p in c.candidates[0].content.parts]  # type: ignore
    for parts in (answer.candidates[0].content.parts, streamed):  # type: ignore[union-attr,index]
        calls = [p.function_call.name for p in parts if p.function_call]  # type: ignore[union-attr]
        assert calls == ["read_file"]
        said = "".join(p.text or "" for p in parts)  # type: ignore[union-attr]
        assert said == SAID + "The call of the tool spawn_agent was refused by policy."
    last = chunks[-1].candidates[0]  # type: ignore[index]
    assert last.finish_reason is types.FinishReason.STOP


def test_a_stream_without_an_end_ends_with_an_error(door: Door, upstream: ScriptedUpstream) -> None:
    """Google's client takes a clean end of the bytes for a finished answer."""
    upstream.script = lambda call: Reply(
        raw=b"".join(
            f"data: {json.dumps(c)}\n\n".encode()
            for c in [{"candidates": [{"content": {"parts": [{"text": t}]}}]} for t in "abcd"]
        ),
        content_type="text/event-stream",
    )
    sdk = client(door, upstream)
    seen: list[str] = []

    def read() -> None:
        for chunk in sdk.models.generate_content_stream(model="m", contents=ASK):
            seen.append(chunk.text or "")

    with pytest.raises(errors.ServerError, match="firedoor_upstream") as ended:
        read()
    assert (seen, ended.value.code) == (["a", "b", "c", "d"], 502)
    assert door.explain(door.last.call)["state"] == "broken"  # type: ignore[union-attr]


def test_an_error_of_the_provider_is_the_providers(door: Door, upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply("Overloaded.", status=503)
    sdk = client(door, upstream)
    with pytest.raises(errors.ServerError, match=r"Overloaded\."):
        sdk.models.generate_content(model="m", contents=ASK)


PASSED_ON = (
    "rules:\n"
    "  - {id: tools, match: {channel: definition, crossing: true}, action: strip}\n"
    "  - {id: texts, match: {crossing: true}, action: quarantine}\n"
)
NOTE = "The harbour office moves to the north pier on the first of May, said the pilot."


@pytest.mark.parametrize("stream", [False, True])
def test_text_of_another_room_is_withheld(
    serve: Serve, upstream: ScriptedUpstream, stream: bool
) -> None:
    running = serve(policy=PASSED_ON)
    upstream.script = lambda call: Reply(NOTE)

    def sdk(name: str) -> genai.Client:
        headers = {"x-firedoor-instance": name, "x-firedoor-compartment": name}
        options = types.HttpOptions(base_url=running.url, headers=headers)
        return genai.Client(api_key=KEY, http_options=options)

    writer, reader = sdk("press"), sdk("lab")
    if stream:
        assert len(list(writer.models.generate_content_stream(model="m", contents=ASK))) == 4
    else:
        writer.models.generate_content(model="m", contents=ASK)
    response = types.Part.from_function_response(name="fetch", response={"found": NOTE})
    tool = types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="a", description=NOTE),
            types.FunctionDeclaration(name="b", description="Goes on."),
        ]
    )
    calling = types.FunctionCallingConfig(
        mode=types.FunctionCallingConfigMode.ANY, allowed_function_names=["a", "b"]
    )
    config = types.GenerateContentConfig(
        tools=[tool], tool_config=types.ToolConfig(function_calling_config=calling)
    )
    contents: Any = [ASK, types.Content(role="user", parts=[response])]
    reader.models.generate_content(model="m", contents=contents, config=config)
    sent = upstream.calls[-1].body
    (part,) = sent["contents"][1]["parts"]
    assert part["functionResponse"]["response"] == {"found": "[withheld]"}
    assert sent["tools"] == [{"functionDeclarations": [{"name": "b", "description": "Goes on."}]}]
    assert sent["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["b"]


def test_the_array_form_is_judged_too(serve: Serve, upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply(SAID, (Call("spawn_agent", {"task": "t"}),), pieces=2)
    running = serve(policy=SPAWN)
    url = f"{running.url}/v1beta/models/m:streamGenerateContent"
    body = {"contents": [{"parts": [{"text": ASK}]}]}
    answer = httpx.post(url, json=body, headers={"x-goog-api-key": KEY})
    parts = [c["candidates"][0]["content"]["parts"] for c in answer.json()]
    assert [p[0]["text"] for p in parts[:2]] == [SAID[:21], SAID[21:]]
    assert "refused by policy" in parts[2][0]["text"]
    assert answer.headers["content-type"] == "application/json"
    upstream.script = lambda call: Reply(raw=b'[{"candidates": [{"content": {}}]}\n')
    broken = httpx.post(url, json=body, headers={"x-goog-api-key": KEY}).json()
    assert broken[-1]["error"]["status"] == "UNAVAILABLE"


def test_what_is_not_read_yet_is_refused_by_name(door: Door, upstream: ScriptedUpstream) -> None:
    with httpx.Client(transport=door.transport()) as http:
        body = {"model": "m", "input": ASK}
        for path in ("decisions", "agents"):
            url = f"{upstream.url}/v1beta/{path}"
            answer = http.post(url, json=body, headers={"x-goog-api-key": KEY})
            assert answer.json()["error"]["code"] == "firedoor_denied"
    assert upstream.calls == []


# -- who it is -------------------------------------------------------------------------------------


def test_a_conversation_is_one_instance(serve: Serve, upstream: ScriptedUpstream) -> None:
    """Streamed or not: the SDK sends each event of a stream back as a turn of its own."""
    running = serve()
    said: Iterator[str] = iter(f"Answer number {n}, and some more words." for n in range(9))
    upstream.script = lambda call: Reply(next(said))
    sdk = outside(running.url)
    chat = sdk.chats.create(model="m")
    chat.send_message("Begin.")
    assert len(list(chat.send_message_stream("Go on."))) == 4
    chat.send_message("And on.")
    chat.send_message("And on.")
    assert len(upstream.calls[-1].body["contents"]) == 10
    other = sdk.chats.create(model="m")
    other.send_message("Somebody else.")
    rows = running.reader.instances()
    assert sorted(row["calls"] for row in rows) == [1, 4]


def test_a_key_in_the_query_is_the_credential(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve()
    body = {"contents": [{"parts": [{"text": ASK}]}]}
    first = httpx.post(f"{running.url}{GENERATE}?key={KEY}", json=body)
    assert first.status_code == 200
    assert upstream.calls[0].path.endswith(f"?key={KEY}")
    call = first.headers["x-firedoor-call"]
    own = httpx.get(f"{running.url}/v1/firedoor/calls/{call}?key={KEY}")
    assert own.json()["call"] == call
    same = httpx.get(f"{running.url}/v1/firedoor/calls/{call}", headers={"x-goog-api-key": KEY})
    assert same.json() == own.json()
    other = httpx.get(f"{running.url}/v1/firedoor/calls/{call}?key=other")
    assert other.status_code == 404
    both = httpx.post(
        f"{running.url}{GENERATE}?key={KEY}", json=body, headers={"x-goog-api-key": "AIza-other-1"}
    )
    assert (both.status_code, both.json()["error"]["code"]) == (400, "firedoor_malformed")
    assert KEY not in own.text
    running.store.settle()
    for file in running.folder.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file


def test_a_key_of_the_upstream_replaces_the_callers(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()
    setting = running.sidecar._app._settings.upstreams["gemini"]
    object.__setattr__(setting, "key", "AIza-of-the-house")
    body = {"contents": [{"parts": [{"text": ASK}]}]}
    httpx.post(f"{running.url}{GENERATE}?key={KEY}&alt=json", json=body)
    sdk = outside(running.url)
    sdk.models.generate_content(model="m", contents=ASK)
    assert [c.headers["x-goog-api-key"] for c in upstream.calls] == ["AIza-of-the-house"] * 2
    assert not [c for c in upstream.calls if KEY in c.path or KEY in str(c.headers)]


# -- the sidecar -----------------------------------------------------------------------------------


def test_the_sdk_works_through_the_sidecar(serve: Serve, upstream: ScriptedUpstream) -> None:
    url = serve().url
    for base in (url, url + "/u/gemini"):
        sdk = outside(base)
        assert sdk.models.generate_content(model="m", contents=ASK).text == SAID
        chunks = sdk.models.generate_content_stream(model="m", contents=ASK)
        assert "".join(c.text or "" for c in chunks) == SAID
        assert sdk.models.count_tokens(model="m", contents=ASK).total_tokens == 42
        assert sdk.models.embed_content(model="e", contents="a").embeddings
        beta = genai.Client(
            api_key=KEY, http_options=types.HttpOptions(base_url=base, api_version="v1beta")
        )
        assert beta.models.generate_content(model="m", contents=ASK).text == SAID
        assert next(iter(beta.models.list())).name
        assert next(iter(sdk.models.list())).name
    assert {c.path.partition("/models")[0] for c in upstream.calls} == {"/v1", "/v1beta"}


async def test_the_async_sdk_works_through_the_sidecar(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    """Without a transport of ours the SDK may send by aiohttp; a base URL guards that too."""
    sdk = outside(serve().url).aio
    assert (await sdk.models.generate_content(model="m", contents=ASK)).text == SAID
    stream = await sdk.models.generate_content_stream(model="m", contents=ASK)
    assert "".join([c.text or "" async for c in stream]) == SAID
    await sdk.aclose()


def test_the_environment_leads_to_the_sidecar(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable that `firedoor run` sets."""
    environment = _child_environment(serve().url, "r_1")
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", environment["GOOGLE_GEMINI_BASE_URL"])
    sdk = genai.Client(api_key=KEY)
    assert sdk.models.generate_content(model="m", contents=ASK).text == SAID
    assert len(upstream.calls) == 1


def test_a_base_url_with_its_version_is_the_same(serve: Serve, upstream: ScriptedUpstream) -> None:
    url = serve(upstream=[f"gemini={upstream.url}/v1"]).url
    sdk = outside(url)
    assert sdk.models.generate_content(model="m", contents=ASK).text == SAID
    assert upstream.calls[0].path == "/v1/models/m:generateContent"


# -- what the provider keeps -----------------------------------------------------------------------


def keeping(call: UpstreamCall) -> Reply:
    """A provider that keeps caches and stores, by names of its own."""
    path = call.path.partition("?")[0].removeprefix("/v1beta/").removeprefix("/v1/")
    if call.method == "POST" and path in ("cachedContents", "fileSearchStores"):
        return Reply(raw=json.dumps({"name": f"{path}/made-1", "model": "models/m"}).encode())
    if path == "files:register":
        file = {"name": "files/f-1", "uri": "https://g.co/v1beta/files/f-1"}
        return Reply(raw=json.dumps({"files": [file]}).encode())
    if call.method == "GET" and path in ("cachedContents", "files"):
        kept = [{"name": f"{path}/{n}"} for n in ("f-0", "made-1", "f-1")]
        return Reply(raw=json.dumps({path: kept, "nextPageToken": ""}).encode())
    if ":" in path:
        return Reply(SAID)
    return Reply(raw=json.dumps({"name": path}).encode())


def test_what_is_kept_is_its_makers(door: Door, upstream: ScriptedUpstream) -> None:
    upstream.script = keeping
    sdk = client(door, upstream)
    uses = types.GenerateContentConfig(cached_content="cachedContents/made-1")
    searches = types.GenerateContentConfig(
        tools=[types.Tool(file_search=types.FileSearch(file_search_store_names=[
            "fileSearchStores/made-1"]))]
    )  # fmt: skip
    config = types.CreateCachedContentConfig(
        contents=[types.Content(role="user", parts=[types.Part(text="The long text.")])],
        system_instruction="Be brief.",
        ttl="60s",
    )
    file = types.Part.from_uri(file_uri="https://g.co/v1beta/files/f-1", mime_type="text/plain")
    with door.instance("a", compartment="press"):
        cache = sdk.caches.create(model="m", config=config)
        assert cache.name == "cachedContents/made-1"
        assert sdk.caches.get(name=cache.name).name == cache.name
        sdk.caches.update(name=cache.name, config={"ttl": "90s"})
        sdk.file_search_stores.create(config={"display_name": "notes"})
        sdk.models.generate_content(model="m", contents=ASK, config=uses)
        sdk.models.generate_content(model="m", contents=ASK, config=searches)
    with httpx.Client(transport=door.transport()) as http, door.instance("a", compartment="press"):
        url = f"{upstream.url}/v1beta/files:register"
        made = http.post(url, json={"uris": ["gs://b/o"]}, headers={"x-goog-api-key": KEY})
        assert made.status_code == 200
        assert sdk.files.get(name="files/f-1").name == "files/f-1"
        sdk.models.generate_content(model="m", contents=[file, ASK])
        assert [c.name for c in sdk.caches.list()] == ["cachedContents/made-1"]
        assert [f.name for f in sdk.files.list()] == ["files/f-1"]
    with door.instance("b", compartment="lab"):
        assert [*sdk.caches.list(), *sdk.files.list()] == []
    before = len(upstream.calls)
    with door.instance("b", compartment="lab"):
        for use in (
            lambda: sdk.caches.get(name="cachedContents/made-1"),
            lambda: sdk.caches.delete(name="cachedContents/made-1"),
            lambda: sdk.files.get(name="files/f-1"),
            lambda: sdk.models.generate_content(model="m", contents=ASK, config=uses),
            lambda: sdk.models.generate_content(model="m", contents=ASK, config=searches),
            lambda: sdk.models.generate_content(model="m", contents=[file, ASK]),
        ):
            with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
                use()
    assert len(upstream.calls) == before

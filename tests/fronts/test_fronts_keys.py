"""Virtual keys with real SDKs: accepted in any vendor's place, and never let out."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from google import genai
from google.genai import errors, types

from conftest import Serve
from firedoor import Door
from firedoor.testing import ScriptedUpstream
from gemini_provider import Provider
from keys import ENVIRON, REQUIRED, issued, revoke, with_keys

ASK: Any = [{"role": "user", "content": "Write the report."}]
CHAT: Any = {"model": "m", "messages": ASK}
GEMINI: Any = {"contents": [{"role": "user", "parts": [{"text": "Write the report."}]}]}

Speak = Callable[[str, str, Any], None]
"""(address, key, transport) → one call, as this vendor's client makes it."""


def _openai(url: str, key: str, transport: Any) -> None:
    http = httpx.Client(transport=transport()) if transport is not None else None
    with openai.OpenAI(base_url=url + "/v1", api_key=key, http_client=http) as client:
        client.chat.completions.create(model="m", messages=ASK)


def _openai_stream(url: str, key: str, transport: Any) -> None:
    http = httpx.Client(transport=transport()) if transport is not None else None
    with openai.OpenAI(base_url=url + "/v1", api_key=key, http_client=http) as client:
        for _ in client.chat.completions.create(model="m", messages=ASK, stream=True):
            pass


def _anthropic(url: str, key: str, transport: Any) -> None:
    http = httpx2.Client(transport=transport()) if transport is not None else None
    with anthropic.Anthropic(base_url=url, api_key=key, http_client=http) as client:
        client.messages.create(model="m", messages=ASK, max_tokens=9)


def _anthropic_bearer(url: str, key: str, transport: Any) -> None:
    http = httpx2.Client(transport=transport()) if transport is not None else None
    with anthropic.Anthropic(base_url=url, auth_token=key, http_client=http) as client:
        client.messages.create(model="m", messages=ASK, max_tokens=9)


def _gemini(url: str, key: str, transport: Any) -> None:
    through: Any = {"transport": transport()} if transport is not None else None
    options = types.HttpOptions(base_url=url, client_args=through)
    client = genai.Client(api_key=key, http_options=options)
    client.models.generate_content(model="m", contents="Write the report.")


def _raw(path: str, body: Any, query: str = "", **headers: str) -> Speak:
    def speak(url: str, key: str, transport: Any) -> None:
        sent = {name.replace("_", "-"): value.format(key=key) for name, value in headers.items()}
        http = httpx.Client(transport=transport()) if transport is not None else httpx.Client()
        with http:
            asked = f"?{query.format(key=key)}" if query else ""
            http.post(url + path + asked, json=body, headers=sent).raise_for_status()

    return speak


_GENERATE = "/v1beta/models/m:generateContent"
SPOKEN: list[tuple[str, Speak, str, str]] = [
    ("openai", _openai, "authorization", "Bearer sk-the-providers-own-key"),
    ("openai stream", _openai_stream, "authorization", "Bearer sk-the-providers-own-key"),
    ("anthropic", _anthropic, "x-api-key", "sk-ant-the-providers-own-key"),
    ("anthropic bearer", _anthropic_bearer, "x-api-key", "sk-ant-the-providers-own-key"),
    ("gemini", _gemini, "x-goog-api-key", "AIza-the-providers-own-key"),
    ("query", _raw(_GENERATE, GEMINI, "key={key}&alt=json"), "x-goog-api-key",
     "AIza-the-providers-own-key"),
    ("query, spelt oddly", _raw(_GENERATE, GEMINI, "%6bey={key}"), "x-goog-api-key",
     "AIza-the-providers-own-key"),
    ("azure", _raw("/v1/chat/completions", CHAT, api_key="{key}"), "authorization",
     "Bearer sk-the-providers-own-key"),
    ("beside another", _raw("/v1/chat/completions", CHAT, authorization="Bearer sk-mine",
                            x_api_key="{key}"), "authorization", "Bearer sk-the-providers-own-key"),
    ("in a strange place", _raw("/v1/chat/completions", CHAT, authorization="Bearer {key}",
                                x_trace="about {key}"), "authorization",
     "Bearer sk-the-providers-own-key"),
]  # fmt: skip
SPOKEN_BY = pytest.mark.parametrize(
    ("speak", "place", "value"), [row[1:] for row in SPOKEN], ids=[row[0] for row in SPOKEN]
)


def assert_left_with(upstream: ScriptedUpstream, key: str, place: str, value: str) -> None:
    """What went upstream holds the provider's key in its place, and nothing of ours anywhere."""
    (call,) = upstream.calls
    assert call.headers[place] == value
    assert key not in str(call)
    assert "fd_" not in str(call)
    others = {"authorization", "x-api-key", "x-goog-api-key", "api-key"} - {place}
    assert not others & set(call.headers)


@pytest.mark.parametrize("mode", ["contain", "observe"])
@SPOKEN_BY
def test_a_key_is_taken_in_any_vendors_place_and_stays_in_the_sidecar(
    serve: Serve, upstream: ScriptedUpstream, mode: str, speak: Speak, place: str, value: str
) -> None:
    running = serve(mode, policy=with_keys(upstream) + REQUIRED, environ=ENVIRON)
    secret, _ = issued(running.store, compartment="research")
    speak(running.url, secret, None)
    assert_left_with(upstream, secret, place, value)
    assert running.reader.calls()[0]["compartment"] == "research"


def door_of(folder: Path, upstream: ScriptedUpstream, mode: str, *names: str) -> Door:
    file = folder / "firedoor.yaml"
    # The process has one address for three upstreams; the first with a key is the one.
    file.write_text("version: 1\n" + with_keys(upstream, *names))
    store = f"sqlite:{folder / 'firedoor.db'}"
    return Door(file, mode=mode, store=store, environ=ENVIRON)


@pytest.mark.parametrize("mode", ["contain", "observe"])
@SPOKEN_BY
def test_a_key_is_taken_in_process_and_goes_no_further(
    tmp_path: Path, upstream: ScriptedUpstream, mode: str, speak: Speak, place: str, value: str
) -> None:
    name = {"x-api-key": "anthropic", "x-goog-api-key": "gemini"}.get(place, "openai")
    with door_of(tmp_path, upstream, mode, name) as door:
        secret, id_ = issued(door._store, instance="planner")
        speak(upstream.url, secret, door.transport)
        assert_left_with(upstream, secret, place, value)
        assert door.last is not None
        assert door.explain(door.last.call)["key"] == id_


async def test_a_key_is_taken_in_process_by_async_clients(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with door_of(tmp_path, upstream, "contain", "openai") as door:
        secret, _ = issued(door._store)
        client = door.wrap(openai.AsyncOpenAI(base_url=upstream.url + "/v1", api_key=secret))
        await client.chat.completions.create(model="m", messages=ASK)
    assert_left_with(upstream, secret, "authorization", "Bearer sk-the-providers-own-key")


def test_a_header_of_several_values_lets_no_key_out(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    with door_of(tmp_path, upstream, "contain", "openai") as door:
        secret, _ = issued(door._store)
        headers = [("authorization", f"Bearer {secret}"), ("x-note", "a"), ("x-note", secret)]
        with httpx.Client(transport=door.transport()) as client:
            client.post(
                upstream.url + "/v1/chat/completions", json=CHAT, headers=headers
            ).raise_for_status()
    assert_left_with(upstream, secret, "authorization", "Bearer sk-the-providers-own-key")
    assert upstream.calls[0].headers["x-note"] == "a"


def test_a_client_of_another_host_is_lent_no_key(
    tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    """The provider's key goes to the host of its upstream alone."""
    with ScriptedUpstream() as other, door_of(tmp_path, upstream, "observe", "openai") as door:
        secret, _ = issued(door._store)
        client = door.wrap(openai.OpenAI(base_url=other.url + "/v1", api_key=secret))
        with pytest.raises(openai.PermissionDeniedError) as caught:
            client.chat.completions.create(model="m", messages=ASK)
        assert caught.value.code == "firedoor_denied"
        assert other.calls == []
    assert upstream.calls == []


@pytest.mark.parametrize("mode", ["contain", "observe"])
@pytest.mark.parametrize("keys", ["", REQUIRED], ids=["optional", "required"])
@pytest.mark.parametrize("kind", ["unknown", "revoked", "expired"])
def test_a_bad_key_is_refused_as_each_sdk_expects(
    serve: Serve, upstream: ScriptedUpstream, mode: str, keys: str, kind: str
) -> None:
    running = serve(mode, policy=with_keys(upstream) + keys, environ=ENVIRON)
    secret, id_ = issued(running.store, expires=1.0 if kind == "expired" else None)
    if kind == "revoked":
        revoke(running.store, id_)
    key = secret if kind != "unknown" else "fd_" + "x" * 43
    with pytest.raises(openai.AuthenticationError) as caught:
        _openai(running.url, key, None)
    assert caught.value.code == "firedoor_bad_key"
    assert caught.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(anthropic.AuthenticationError):
        _anthropic(running.url, key, None)
    with pytest.raises(errors.ClientError) as told:
        _gemini(running.url, key, None)
    assert (told.value.code, told.value.status) == (401, "UNAUTHENTICATED")
    assert upstream.calls == []
    assert len(running.reader.calls()) == 3


def test_another_credential_passes_as_ever_where_keys_are_optional(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()
    _openai(running.url, "sk-mine", None)
    assert upstream.calls[0].headers["authorization"] == "Bearer sk-mine"


def test_an_upstream_without_a_key_is_none_for_keys_of_the_door(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve(policy=with_keys(upstream, "openai"), environ=ENVIRON)
    secret, _ = issued(running.store)
    with pytest.raises(anthropic.PermissionDeniedError) as caught:
        _anthropic(running.url, secret, None)
    assert "no key of its own" in str(caught.value)
    assert upstream.calls == []


def test_who_has_no_key_is_told_no_names_of_upstreams(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve(policy=with_keys(upstream) + REQUIRED, environ=ENVIRON)
    secret, _ = issued(running.store)
    answers = [
        httpx.post(f"{running.url}/u/nobody/v1/chat/completions", json=CHAT,
                   headers={"authorization": f"Bearer {key}"})
        for key in ("sk-mine", "fd_none", secret)
    ]  # fmt: skip
    assert [a.status_code for a in answers] == [401, 401, 403]
    assert ["gemini" in a.text for a in answers] == [False, False, True]


def test_a_listener_off_loopback_serves_who_has_a_key(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    policy = with_keys(upstream) + REQUIRED
    running = serve(policy=policy, environ=ENVIRON, host="0.0.0.0")
    secret, _ = issued(running.store)
    url = running.url.replace("0.0.0.0", "127.0.0.1")
    _openai(url, secret, None)
    with pytest.raises(openai.AuthenticationError):
        _openai(url, "sk-mine", None)
    assert len(upstream.calls) == 1


def test_a_caller_reads_its_own_calls_by_its_key(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve(policy=with_keys(upstream), environ=ENVIRON)
    mine, id_ = issued(running.store)
    theirs, _ = issued(running.store)
    _openai(running.url, mine, None)
    call = running.reader.calls()[0]["call"]

    def status(key: str) -> int:
        at = f"{running.url}/v1/firedoor/calls/{call}"
        return httpx.get(at, headers={"x-api-key": key}).status_code

    assert (status(mine), status(theirs), status("sk-mine")) == (200, 404, 404)
    revoke(running.store, id_)
    assert status(mine) == 404


def test_revoking_in_one_process_acts_at_once_in_another(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    """The key was issued and revoked by commands, and used through a sidecar that was running."""
    running = serve(policy=with_keys(upstream), environ=ENVIRON)

    def command(*words: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "firedoor", "key", *words, "--store", running.store.url, "--json"],
            capture_output=True, text=True, check=True, cwd=running.folder / "store", timeout=60,
        )  # fmt: skip
        return json.loads(done.stdout)

    made = command("issue", "--name", "for the planner")
    for _ in range(2):
        _openai(running.url, made["secret"], None)
    command("revoke", made["key"], "--reason", "it is done")
    with pytest.raises(openai.AuthenticationError):
        _openai(running.url, made["secret"], None)
    assert len(upstream.calls) == 2
    assert running.reader.verify().ok


def test_the_bytes_of_an_upload_are_known_by_its_id(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    """Google's client sends them without its key: they are whose the upload is, while that is good."""
    upstream.script = Provider(upstream.url)
    running = serve(policy=with_keys(upstream) + REQUIRED, environ=ENVIRON)
    secret, key = issued(running.store, compartment="press")
    sdk = genai.Client(api_key=secret, http_options=types.HttpOptions(base_url=running.url))
    made = sdk.files.upload(file=io.BytesIO(b"A note."), config={"mime_type": "text/plain"})
    assert made.name is not None
    assert len(upstream.calls) > 1
    assert "fd_" not in str(upstream.calls)
    assert {row["compartment"] for row in running.reader.calls()} == {"press"}

    def pieces(upload: str) -> httpx.Response:
        return httpx.post(
            f"{running.url}/upload/v1beta/files?upload_id={upload}&upload_protocol=resumable",
            content=b"A note.",
            headers={"x-goog-upload-command": "upload, finalize", "x-goog-upload-offset": "0"},
        )

    begun = next(c for c in upstream.calls if "upload_id=" in c.path)
    before = len(upstream.calls)
    assert pieces("guessed").status_code == 401
    assert len(upstream.calls) == before
    mine = begun.path.partition("upload_id=")[2].partition("&")[0]
    assert pieces(mine).status_code == 200
    revoke(running.store, key)
    assert pieces(mine).status_code == 401
    assert len(upstream.calls) == before + 1


def test_no_key_stands_in_the_store_or_the_log(
    serve: Serve, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    running = serve(policy=with_keys(upstream), environ=ENVIRON)
    secret, _ = issued(running.store)
    _openai(running.url, secret, None)
    with pytest.raises(openai.AuthenticationError):
        _openai(running.url, secret[:-4] + "zzzz", None)
    running.sidecar.stop()
    running.store.close()
    kept = b"".join(p.read_bytes() for p in running.store.path.parent.iterdir() if p.is_file())  # type: ignore[union-attr]
    assert secret.encode() not in kept
    assert secret[:-4].encode() not in kept
    assert secret[:-4] not in caplog.text

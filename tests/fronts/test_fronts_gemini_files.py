"""Gemini's files by the real SDK: uploads in two steps and in pieces, and whose a file is."""

import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from both_fronts import FRONTS, KEY, MODES, Front, front_of, named
from conftest import Serve
from firedoor.testing import Reply, ScriptedUpstream
from gemini_provider import Provider

NOTE = "The harbour office moves to the north pier on the first of May, said the pilot."


@pytest.fixture
def provider(upstream: ScriptedUpstream) -> Provider:
    upstream.script = made = Provider(upstream.url)
    return made


def upload(sdk: genai.Client, text: bytes | str, **config: Any) -> types.File:
    raw = text.encode() if isinstance(text, str) else text
    return sdk.files.upload(file=io.BytesIO(raw), config={"mime_type": "text/plain", **config})


@pytest.fixture
def start(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream, provider: Provider
) -> Any:
    """Starts a front."""
    return lambda front, mode, policy="": front_of(request, serve, upstream, front, mode, policy)


@FRONTS
@MODES
def test_a_file_is_uploaded_read_and_its_makers(
    start: Any, upstream: ScriptedUpstream, provider: Provider, front: str, mode: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    found: Front = start(front, mode)
    sdk = found.gemini(**named("clerk", "press"))
    path = tmp_path / "note.txt"
    path.write_text(NOTE)
    made = sdk.files.upload(file=path)
    assert made.name == "files/up-1"
    assert provider.bytes == {"up-1": NOTE.encode()}
    told = found.explain()
    if (front, mode) != ("sidecar", "observe"):
        # In observe nothing is rewritten, so that a client goes past a sidecar (docs/state.md).
        (part,) = [p for p in told["parts"] if p["pointer"] == "/file"]
        assert part["channel"] == "user"
        assert [f["bytes"] for f in told["files"]] == [len(NOTE)]
    if mode == "contain":
        assert told["instance"] == "clerk"
    assert sdk.files.get(name="files/up-1").uri == f"{upstream.url}/v1beta/files/up-1"
    assert len(sdk.files.download(file="files/up-1")) == 1998
    ask: Any = [types.Part.from_uri(file_uri=str(made.uri), mime_type="text/plain")]
    assert sdk.models.generate_content(model="m", contents=ask).text == "Noted."
    if mode == "contain":
        assert [f.name for f in sdk.files.list()] == ["files/up-1"]
        assert len(provider.bytes) == 1
        spy = found.gemini(**named("spy", "lab"))
        for use in (
            lambda: spy.files.get(name="files/up-1"),
            lambda: spy.files.download(file="files/up-1"),
            lambda: spy.files.delete(name="files/up-1"),
            lambda: spy.models.generate_content(model="m", contents=ask),
        ):
            with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
                use()
        assert list(spy.files.list()) == []
    sdk.files.delete(name="files/up-1")


@FRONTS
def test_the_bytes_take_the_road_of_the_door(
    start: Any, upstream: ScriptedUpstream, front: str
) -> None:
    """The URL of an answer leads back: no byte reaches the provider but through the door."""
    found: Front = start(front, "contain")
    head = {
        **named("clerk", "press"), "x-goog-api-key": KEY, "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
    }  # fmt: skip
    transport: Any = found.transport() if found.transport is not None else None
    with httpx.Client(transport=transport) as http:
        url = f"{found.url}/upload/v1beta/files"
        first = http.post(url, headers=head, json={"file": {}})
        led = first.headers["x-goog-upload-url"]
        assert led.startswith(found.url)
        for command in ("start", "brand-new", "upload, finalize, more"):
            odd = http.post(led, headers={"x-goog-upload-command": command}, content=b"x")
            assert odd.json()["error"]["param"] == "x-goog-upload-command"
        raw = http.post(url, headers={**head, "x-goog-upload-protocol": "raw"}, content=b"x")
        assert raw.json()["error"]["param"] == "x-goog-upload-protocol"
        guessed = http.post(
            led.replace("up-1", "up-9"), headers={"x-goog-upload-command": "upload, finalize"},
            content=b"x",
        )  # fmt: skip
        assert guessed.json()["error"]["code"] == "firedoor_foreign_state"
        other = http.post(
            led, headers={**named("spy", "lab"), "x-goog-upload-command": "upload, finalize"},
            content=b"x",
        )  # fmt: skip
        assert other.json()["error"]["code"] == "firedoor_foreign_state"
    assert len(upstream.calls) == 1


def test_an_answer_that_leads_elsewhere_does_not_pass(
    start: Any, upstream: ScriptedUpstream, provider: Provider
) -> None:
    sdk = start("sidecar", "contain").gemini(**named("clerk", "press"))
    provider.url = "http://127.0.0.1:9"
    with pytest.raises(errors.ServerError, match="firedoor_upstream"):
        upload(sdk, NOTE)
    assert len(upstream.calls) == 1


@FRONTS
def test_pieces_of_a_long_file_are_opaque(
    start: Any, provider: Provider, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.genai._api_client.CHUNK_SIZE", 1000)
    found: Front = start(front, "contain")
    sdk = found.gemini(**named("clerk", "press"))
    made = upload(sdk, NOTE * 30)
    assert provider.bytes["up-1"] == NOTE.encode() * 30
    told = found.explain()
    assert [(p["pointer"], p["kind"]) for p in told["parts"] if p["pointer"][:5] == "/file"] == [
        ("/file", "opaque")
    ]
    assert sdk.files.get(name=str(made.name)).name == made.name


@FRONTS
def test_text_of_another_room_does_not_enter_a_file_unseen(
    start: Any, upstream: ScriptedUpstream, provider: Provider, front: str
) -> None:
    policy = "rules: [{id: texts, match: {crossing: true}, action: quarantine}]\n"
    found: Front = start(front, "contain", policy)
    upstream.script = lambda call: Reply(NOTE)
    writer, reader = (
        found.gemini(**named("writer", "press")),
        found.gemini(**named("reader", "lab")),
    )
    writer.models.generate_content(model="m", contents="Write.")
    upstream.script = provider
    with pytest.raises(errors.ClientError, match="firedoor_denied"):
        upload(reader, NOTE)
    assert provider.bytes == {}


@FRONTS
@MODES
def test_a_file_goes_into_a_search_store(
    start: Any, upstream: ScriptedUpstream, provider: Provider, front: str, mode: str
) -> None:
    found: Front = start(front, mode)
    sdk = found.gemini(**named("clerk", "press"))
    store = str(sdk.file_search_stores.create(config={"display_name": "Notes"}).name)
    done = sdk.file_search_stores.upload_to_file_search_store(
        file_search_store_name=store, file=io.BytesIO(NOTE.encode()),
        config={"mime_type": "text/plain"},
    )  # fmt: skip
    assert done.done
    assert provider.bytes == {"up-1": NOTE.encode()}
    if mode == "contain":
        assert [p["pointer"] for p in found.explain()["parts"] if p["pointer"] == "/file"]
        spy = found.gemini(**named("spy", "lab"))
        with pytest.raises(errors.ClientError, match="firedoor_foreign_state"):
            spy.file_search_stores.upload_to_file_search_store(
                file_search_store_name=store, file=io.BytesIO(b"x"),
                config={"mime_type": "text/plain"},
            )  # fmt: skip

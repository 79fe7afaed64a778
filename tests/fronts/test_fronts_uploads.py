"""Files on their way to a provider: real SDKs, forms gone wrong, bodies that lie on disk."""

import gc
import gzip
import hashlib
import io
import json
import os
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx
import openai
import pytest

from conftest import Running, Serve
from driving import part
from firedoor import Door
from firedoor.fronts.spool import MEMORY_BYTES_MAX, Spool
from firedoor.testing import Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

KIND = "multipart/form-data; boundary=frontier"
HEAD = b'--frontier\r\nContent-Disposition: form-data; name="'
PURPOSE = HEAD + b'purpose"\r\n\r\nassistants\r\n'
END = b"--frontier--\r\n"


def file_part(content: bytes, name: str = "a.bin") -> bytes:
    return HEAD + b'file"; filename="' + name.encode() + b'"\r\n\r\n' + content + b"\r\n"


@pytest.fixture(autouse=True)
def _makes_files(upstream: ScriptedUpstream) -> None:
    def script(call: UpstreamCall) -> Reply:
        made = {"id": f"file_{len(upstream.calls)}", "object": "file", "text": "Heard."}
        return Reply(raw=json.dumps(made).encode())

    upstream.script = script


def sdk_of(running: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{running.url}/v1", api_key="sk-a-real-key-1", max_retries=0)


def post(running: Running, body: bytes, path: str = "/v1/files", **headers: str) -> httpx.Response:
    given = {"content-type": KIND, "authorization": "Bearer sk-a-real-key-1"} | headers
    return httpx.post(running.url + path, content=body, headers=given)


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


# -- real SDKs -------------------------------------------------------------------------------------

SOUND = io.BytesIO(b"RIFF....")


def uploads(sdk: openai.OpenAI) -> dict[str, Any]:
    """A call of each operation that takes a form."""
    png = ("a.png", b"\x89PNG....", "image/png")
    return {
        "files": lambda: sdk.files.create(
            file=("notes.md", b"Plain notes."), purpose="user_data",
            expires_after={"anchor": "created_at", "seconds": 3600},
        ),
        "edit": lambda: sdk.images.edit(image=[png, png], prompt="A blue door.", mask=png, n=2),
        "variation": lambda: sdk.images.create_variation(image=png, size="256x256"),
        "transcription": lambda: sdk.audio.transcriptions.create(
            file=("a.wav", SOUND), model="m", prompt="Names: Ada.", include=["logprobs"],
            timestamp_granularities=["word"], chunking_strategy={"type": "server_vad"},
        ),
        "translation": lambda: sdk.audio.translations.create(file=("a.wav", SOUND), model="m"),
        "video": lambda: sdk.videos.create(prompt="A door.", input_reference=png),
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["files", "edit", "variation", "transcription", "translation", "video"]
)
@pytest.mark.parametrize("front", ["transport", "sidecar"])
def test_forms_of_sdks_pass_byte_for_byte(
    door: Door, serve: Serve, upstream: ScriptedUpstream, name: str, front: str
) -> None:
    sent: list[bytes] = []
    if front == "transport":
        sdk = openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0)
        sdk = door.wrap(sdk)
    else:
        sdk = sdk_of(serve())
    sdk._client.event_hooks["request"].append(lambda request: sent.append(request.read()))
    uploads(sdk)[name]()
    (call,) = upstream.calls
    assert call.raw == sent[0]
    assert call.headers["content-length"] == str(len(sent[0]))
    assert call.headers["content-type"].startswith("multipart/form-data; boundary=")


def test_every_field_and_file_is_a_part(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    uploads(sdk)["files"]()
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert {p["pointer"] for p in told["parts"]} == {
        "/purpose", "/expires_after/anchor", "/expires_after/seconds", "/file#filename", "/file",
    }  # fmt: skip
    assert part(told, "/file")["channel"] == "user"
    (file,) = told["files"]
    assert (file["bytes"], file["read"]) == (12, True)
    assert hashlib.sha256(b"Plain notes.").hexdigest() not in json.dumps(told)
    uploads(sdk)["edit"]()
    told = door.explain(door.last.call)  # type: ignore[union-attr]
    assert told["coverage"]["opaque"] == 3
    assert part(told, "/prompt")["channel"] == "user"


def test_anthropics_files_pass_too(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve()
    claude = anthropic.Anthropic(base_url=running.url, api_key="sk-a-real-key-1", max_retries=0)
    answer = claude.beta.files.with_raw_response.upload(file=("a.txt", b"Plain.", "text/plain"))
    assert answer.http_response.json()["id"] == "file_1"
    assert b"Plain." in upstream.calls[0].raw


def test_what_was_made_is_its_makers(door: Door, upstream: ScriptedUpstream) -> None:
    sdk = door.wrap(openai.OpenAI(base_url=upstream.openai, api_key="k", max_retries=0))
    with door.instance("a", compartment="press"):
        made = uploads(sdk)["files"]()
    with door.instance("b", compartment="lab"), pytest.raises(openai.PermissionDeniedError) as no:
        sdk.files.delete(made.id)
    assert no.value.code == "firedoor_foreign_state"


# -- bad input -------------------------------------------------------------------------------------

GOOD = PURPOSE + file_part(b"bytes") + END
BAD = {
    "no end": GOOD.removesuffix(END),
    "a field twice": PURPOSE + GOOD,
    "an epilogue": GOOD + b"more",
    "nested": GOOD.replace(b'a.bin"\r\n', b'a.bin"\r\nContent-Type: multipart/mixed\r\n'),
    "no JSON in a line": PURPOSE + file_part(b"{\n", "a.jsonl") + END,
    "not a form": b'{"purpose": "assistants"}',
    "nothing": b"",
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_broken_form_is_refused_in_contain(
    serve: Serve, upstream: ScriptedUpstream, name: str
) -> None:
    assert refused(post(serve(), BAD[name]))[:2] == (400, "firedoor_malformed")
    assert upstream.calls == []


@pytest.mark.parametrize("name", list(BAD))
def test_a_broken_form_passes_as_one_opaque_part_in_observe(
    serve: Serve, upstream: ScriptedUpstream, name: str
) -> None:
    running = serve("observe")
    assert post(running, BAD[name]).status_code == 200
    assert upstream.calls[0].raw == BAD[name]
    if BAD[name]:
        (call,) = running.reader.calls()
        assert (call["coverage"]["opaque"], call["coverage"]["total"]) == (1, 1)


def test_a_form_where_none_belongs_is_refused_or_opaque(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    assert refused(post(serve(), GOOD, "/v1/vector_stores"))[1] == "firedoor_malformed"
    assert upstream.calls == []
    running = serve("observe")
    assert post(running, GOOD, "/v1/vector_stores").status_code == 200
    assert upstream.calls[0].raw == GOOD


def test_a_field_that_the_inventory_does_not_know_is_refused(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()
    extra = HEAD + b'brand_new"\r\n\r\nx\r\n'
    assert refused(post(running, PURPOSE + extra + file_part(b"x") + END)) == (
        403, "firedoor_unknown_surface", "/brand_new",
    )  # fmt: skip
    other = HEAD + b'other"; filename="x"\r\n\r\nx\r\n'
    assert refused(post(running, PURPOSE + other + END)) == (
        403, "firedoor_unknown_surface", "/other",
    )  # fmt: skip
    assert upstream.calls == []


def test_a_line_of_20_mb_is_refused_in_contain_and_opaque_in_observe(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    body = PURPOSE + file_part(b'{}\n{"a":"' + b"x" * 20_000_000 + b'"}', "a.jsonl") + END
    assert refused(post(serve(), body)) == (413, "firedoor_too_large", "/file/1")
    assert upstream.calls == []
    running = serve("observe")
    assert post(running, body).status_code == 200
    assert upstream.calls[0].raw == body


def test_an_upload_has_a_limit_of_its_own(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve(policy="limits: {body: 1KiB, upload: 64KiB}\n")
    assert post(running, PURPOSE + file_part(b"x" * 50_000) + END).status_code == 200
    answer = post(running, PURPOSE + file_part(b"x" * 70_000) + END)
    assert refused(answer)[:2] == (413, "firedoor_too_large")
    assert len(upstream.calls) == 1


def test_a_coded_form_is_read_and_goes_on_as_it_was_read(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve(policy="limits: {upload: 4MiB}\n")
    body = PURPOSE + file_part(os.urandom(3 << 20)) + END
    assert post(running, gzip.compress(body), **{"content-encoding": "gzip"}).status_code == 200
    assert upstream.calls[0].raw == body
    assert upstream.calls[0].headers["content-length"] == str(len(body))
    bomb = gzip.compress(PURPOSE + file_part(bytes(64 << 20)) + END)
    answer = post(running, bomb, **{"content-encoding": "gzip"})
    assert refused(answer)[:2] == (413, "firedoor_too_large")


def raw(running: Running, head: str, body: bytes) -> socket.socket:
    host = urlsplit(running.url)
    made = socket.create_connection((host.hostname, host.port), timeout=10)
    lines = f"POST /v1/files HTTP/1.1\r\nhost: x\r\ncontent-type: {KIND}\r\n{head}\r\n"
    made.sendall(lines.encode() + b"\r\n" + body)
    return made


def open_files() -> list[str]:
    """What this process has open of deleted files."""
    found = []
    for fd in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(fd)
        except OSError:
            continue
        if "(deleted)" in target and "sidecar-" in target:
            found.append(target)
    return found


def test_an_upload_that_is_broken_off_leaves_nothing(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()
    body = PURPOSE + file_part(bytes(8 << 20)) + END
    connection = raw(running, f"content-length: {len(body)}", body[: 4 << 20])
    deadline = time.monotonic() + 5
    while not open_files() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(open_files()) == 1
    connection.close()
    while open_files() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_files() == []
    assert upstream.calls == []
    folder = running.store.path.parent  # type: ignore[union-attr]
    assert not list(folder.glob("upload-*"))


@pytest.mark.parametrize("said", ["content-length: 10", "content-length: -1", "content-length: 1\r\ncontent-length: 2", "content-length: 5\r\ntransfer-encoding: chunked"])  # fmt: skip
def test_a_length_that_lies_sends_nothing_on(
    serve: Serve, upstream: ScriptedUpstream, said: str
) -> None:
    with raw(serve(), said, GOOD) as connection:
        answer = connection.recv(65_536)
    assert b" 200 " not in answer.split(b"\r\n")[0]
    assert upstream.calls == []


def test_a_body_that_is_shorter_than_it_says_is_waited_for_and_dropped(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    connection = raw(serve(), f"content-length: {len(GOOD) + 1}", GOOD)
    time.sleep(0.2)
    connection.close()
    time.sleep(0.2)
    assert upstream.calls == []


# -- on disk ---------------------------------------------------------------------------------------


def test_a_spool_is_a_file_without_a_name(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    pieces = [os.urandom(300_000) for _ in range(12)]
    for piece in pieces:
        spool.write(piece)
    assert spool.size_bytes == sum(map(len, pieces)) > MEMORY_BYTES_MAX
    assert list(tmp_path.iterdir()) == []
    assert spool._file is not None
    assert os.fstat(spool._file.fileno()).st_mode & 0o777 == 0o600
    assert b"".join(spool.chunks()) == b"".join(spool.chunks()) == b"".join(pieces)
    spool.close()
    spool.close()


def test_a_small_body_needs_no_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "there is no such folder")
    spool.write(b"small")
    assert b"".join(spool.chunks()) == b"small"


def test_without_room_on_disk_nothing_passes(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Spool, chunk: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "write", full)
    assert refused(post(serve(), GOOD))[:2] == (503, "firedoor_unavailable")
    assert upstream.calls == []
    gc.collect()

"""The sidecar from outside: real SDKs, real sockets, and everything that is sent wrongly."""

import gzip
import http.client
import json
import os
import socket
import time
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx
import openai
import pytest

from conftest import Serve
from firedoor.engine.events import UpstreamBytes
from firedoor.errors import SettingsError, StoreUnavailable
from firedoor.store import StoreReader, open_store
from firedoor.testing import Call, Reply, ScriptedUpstream

ASK: Any = [{"role": "user", "content": "Write the report."}]
CHAT = {"model": "m", "messages": ASK}
SAID = "The report is done, and it is a good one."


@pytest.fixture(autouse=True)
def _says(upstream: ScriptedUpstream) -> None:
    upstream.script = lambda call: Reply(SAID)


def post(url: str, content: bytes, **headers: str) -> httpx.Response:
    given = {"content-type": "application/json", "authorization": "Bearer sk-a-real-key-1"}
    return httpx.post(url + "/v1/chat/completions", content=content, headers=given | headers)


def refused(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert answer.headers["x-should-retry"] == "false"
    assert "Traceback" not in answer.text
    return answer.status_code, error["code"]


def test_sdks_work_through_it(serve: Serve) -> None:
    url = serve().url
    client = openai.OpenAI(base_url=f"{url}/v1", api_key="sk-a-real-key-1")
    claude = anthropic.Anthropic(base_url=url, api_key="sk-a-real-key-1")
    answer = client.chat.completions.with_raw_response.create(model="m", messages=ASK)
    assert answer.headers["x-firedoor-call"].startswith("c_")
    chunks = client.chat.completions.create(model="m", messages=ASK, stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == SAID
    assert client.responses.create(model="m", input="hi").output_text == SAID
    with claude.messages.stream(model="m", max_tokens=9, messages=ASK) as stream:
        assert stream.get_final_text() == SAID
    assert claude.messages.count_tokens(model="m", messages=ASK).input_tokens == 42
    assert claude.models.list().data[0].id == client.models.list().data[0].id == "scripted"


def test_firedoors_own_headers_do_not_go_on(serve: Serve, upstream: ScriptedUpstream) -> None:
    post(serve().url, json.dumps(CHAT).encode(), **{
        "x-firedoor-instance": "a", "x-firedoor-compartment": "b", "baggage": "firedoor.x=1",
        "accept-encoding": "gzip, br", "x-kept": "yes",
    })  # fmt: skip
    sent = upstream.calls[0].headers
    assert not [name for name in sent if name.startswith("x-firedoor") or name == "baggage"]
    assert (sent["accept-encoding"], sent["x-kept"]) == ("identity", "yes")


def test_a_key_of_the_upstream_replaces_the_callers(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = serve(policy="")
    app = running.sidecar._app
    setting = app._settings.upstreams["openai"]
    object.__setattr__(setting, "key", "sk-of-the-house")
    post(running.url, json.dumps(CHAT).encode())
    assert upstream.calls[0].headers["authorization"] == "Bearer sk-of-the-house"
    assert "sk-of-the-house" not in repr(setting)


# -- bad input -------------------------------------------------------------------------------------

BAD_BODIES = {
    "duplicate keys": b'{"model":"m","messages":[],"messages":[]}',
    "NaN": b'{"model":"m","messages":[],"temperature":NaN}',
    "infinity": b'{"model":"m","messages":[],"temperature":1e999}',
    "invalid UTF-8": b'{"model":"m","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "lone surrogate": b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
    "brackets": b"[" * 100_000,
    "deep": b'{"model":"m","messages":' + b"[" * 80 + b"]" * 80 + b"}",
    "trailing data": b'{"model":"m","messages":[]} {}',
    "byte order mark": b'\xef\xbb\xbf{"model":"m","messages":[]}',
    "not an object": b'["model"]',
    "empty": b"",
    "text": b"model=m&messages=hi",
}


@pytest.mark.parametrize("name", list(BAD_BODIES))
def test_an_ambiguous_body_is_refused_in_contain(
    serve: Serve, upstream: ScriptedUpstream, name: str
) -> None:
    assert refused(post(serve().url, BAD_BODIES[name])) == (400, "firedoor_malformed")
    assert upstream.calls == []


@pytest.mark.parametrize("name", list(BAD_BODIES))
def test_an_ambiguous_body_passes_as_one_opaque_part_in_observe(
    serve: Serve, upstream: ScriptedUpstream, name: str
) -> None:
    running = serve("observe")
    answer = post(running.url, BAD_BODIES[name])
    assert answer.status_code == 200
    assert upstream.calls[0].raw == BAD_BODIES[name]
    (call,) = running.reader.calls()
    if BAD_BODIES[name]:
        assert call["coverage"]["opaque"] == 1


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16"]
)
def test_a_wrong_content_type_is_refused(
    serve: Serve, upstream: ScriptedUpstream, kind: str
) -> None:
    answer = post(serve().url, json.dumps(CHAT).encode(), **{"content-type": kind})
    assert refused(answer) == (400, "firedoor_malformed")
    assert upstream.calls == []


def test_a_body_of_33_mib_is_refused(serve: Serve, upstream: ScriptedUpstream) -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"' + b"x" * (33 << 20) + b'"}]}'
    assert refused(post(serve().url, body)) == (413, "firedoor_too_large")
    assert upstream.calls == []


def test_coded_bodies_are_read_or_refused(serve: Serve, upstream: ScriptedUpstream) -> None:
    url = serve().url
    body = json.dumps(CHAT).encode()
    assert post(url, gzip.compress(body), **{"content-encoding": "gzip"}).status_code == 200
    assert upstream.calls[0].raw == body
    assert "content-encoding" not in upstream.calls[0].headers
    lying = {
        "gzip that is none": (b"not gzip", "gzip"),
        "cut short": (gzip.compress(body)[:-9], "gzip"),
        "unknown coding": (body, "br"),
        "coded twice": (gzip.compress(gzip.compress(body)), "gzip, gzip"),
    }
    for content, coding in lying.values():
        answer = post(url, content, **{"content-encoding": coding})
        assert refused(answer) == (400, "firedoor_malformed")
    bomb = zlib.compress(b" " * (64 << 20))
    answer = post(url, bomb, **{"content-encoding": "deflate"})
    assert refused(answer) == (413, "firedoor_too_large")
    assert len(upstream.calls) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1/files", "/v1/chat/completions/", "/v1//chat/completions", "/v1/x/../chat/completions",
        "/v1/chat%2Fcompletions", "/v1/realtime", "/", "/v1/responses/resp_1", "/v1/batches",
    ],
)  # fmt: skip
def test_an_unknown_path_is_refused(serve: Serve, upstream: ScriptedUpstream, path: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(serve().url).netloc)
    connection.request("POST", path, json.dumps(CHAT))
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["error"]["code"]) == (
        403, "firedoor_unknown_surface",
    )  # fmt: skip
    assert upstream.calls == []


def test_an_unknown_field_is_refused_and_named(serve: Serve, upstream: ScriptedUpstream) -> None:
    answer = post(serve().url, json.dumps(CHAT | {"brand_new": {"a": "text"}}).encode())
    assert refused(answer) == (403, "firedoor_unknown_surface")
    assert answer.json()["error"]["param"] == "/brand_new"


def test_an_upgrade_is_refused(serve: Serve, upstream: ScriptedUpstream) -> None:
    host = urlsplit(serve().url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as raw:
        raw.sendall(
            b"GET /v1/realtime HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"firedoor_unknown_surface" in answer
    assert upstream.calls == []


def test_too_many_headers_are_refused(serve: Serve) -> None:
    many = {f"x-h{i}": "v" for i in range(120)}
    assert refused(post(serve().url, b"{}", **many)) == (413, "firedoor_too_large")


def _break_pump(running: Any, patch: pytest.MonkeyPatch) -> None:
    async def pump(*args: object) -> None:
        raise RuntimeError("a secret of the inside")

    patch.setattr(running.sidecar._app, "_pump", pump)


def _break_read(running: Any, patch: pytest.MonkeyPatch) -> None:
    async def read(*args: object) -> None:
        raise RuntimeError("a secret of the inside")

    patch.setattr("firedoor.fronts.sidecar.app.read_body", read)


def _break_engine(running: Any, patch: pytest.MonkeyPatch) -> None:
    def parse(*args: object) -> None:
        raise RuntimeError("a secret of the inside")

    patch.setattr("firedoor.wire.parse", parse)


def _break_nothing(running: Any, patch: pytest.MonkeyPatch) -> None:
    """All is well inside."""


@pytest.mark.parametrize("mode", ["contain", "observe"])
@pytest.mark.parametrize(
    ("policy", "path", "headers", "breaks", "status", "code"),
    [
        ("", "/v1/chat/completions", {f"x-h{i}": "v" for i in range(120)}, _break_nothing,
         413, "firedoor_too_large"),
        ("", "/v1/chat/completions", {"x-long": "v" * 70_000}, _break_nothing,
         413, "firedoor_too_large"),
        ("", "/u/nobody/v1/chat/completions", {}, _break_nothing, 403, "firedoor_unknown_surface"),
        ("keys: required\n", "/v1/chat/completions", {}, _break_nothing, 401, "firedoor_bad_key"),
        ("", "/v1/chat/completions", {}, _break_pump, 503, "firedoor_unavailable"),
        ("", "/v1/chat/completions", {}, _break_read, 503, "firedoor_unavailable"),
        ("", "/v1/chat/completions", {}, _break_engine, 503, "firedoor_unavailable"),
    ],
    ids=["many headers", "long header", "no upstream", "no key", "pump", "read", "engine"],
)  # fmt: skip
def test_every_refusal_can_be_looked_up(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch, mode: str,
    policy: str, path: str, headers: dict[str, str], breaks: Any, status: int, code: str,
) -> None:  # fmt: skip
    """Its id leads to an entry, for the caller and for `firedoor explain`; one entry a call."""
    running = serve(mode, policy=policy)
    breaks(running, monkeypatch)
    key = {"authorization": "Bearer sk-a-real-key-1", "content-type": "application/json"}
    answer = httpx.post(running.url + path, json=CHAT, headers=key | headers)
    monkeypatch.undo()
    if mode == "observe" and breaks is _break_engine:
        assert answer.status_code == 200
        return
    assert refused(answer) == (status, code)
    assert "secret of the inside" not in answer.text
    assert upstream.calls == []
    call = answer.json()["request_id"]
    assert answer.headers["x-request-id"] == call
    found = httpx.get(f"{running.url}/v1/firedoor/calls/{call}", headers=key).json()
    assert found["call"] == call
    opened = 2 if breaks is _break_pump else 1
    assert len(found["entries"]) == opened
    assert sum(1 for _ in running.reader.entries()) == opened
    assert running.reader.verify().ok
    if breaks is not _break_pump:
        assert (found["verdict"], found["code"]) == ("denied", code)
        assert found["refusal"]["message"] == answer.json()["error"]["message"]


def test_a_failure_in_the_middle_of_an_answer_cuts_it(
    serve: Serve, upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.script = lambda call: Reply("word " * 40, pieces=40, pause_s=0.01)
    running = serve()
    seen: list[bytes] = []

    def received(chunk: bytes, at: float) -> UpstreamBytes:
        seen.append(chunk)
        if len(seen) > 5:
            raise RuntimeError("a secret of the inside")
        return UpstreamBytes(chunk, at)

    monkeypatch.setattr("firedoor.fronts.sidecar.app.UpstreamBytes", received)
    with pytest.raises(httpx.RemoteProtocolError):
        post(running.url, json.dumps(CHAT | {"stream": True}).encode())
    (call,) = running.reader.calls()
    assert (running.reader.closed(call["call"]) or {})["state"] == "broken"


def test_without_a_store_a_refusal_still_has_an_id(serve: Serve) -> None:
    running = serve(policy="keys: required\n")
    break_store(running)
    answer = post(running.url, json.dumps(CHAT).encode())
    assert refused(answer) == (401, "firedoor_bad_key")
    assert len(answer.json()["request_id"]) > 20


@pytest.mark.parametrize(
    "framing",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n",
        b"content-length: 5\r\ncontent-length: 5\r\n",
    ],
    ids=["length and chunks", "two lengths", "one length twice"],
)
def test_a_body_of_two_lengths_is_refused_and_nothing_leaks(
    serve: Serve, upstream: ScriptedUpstream, framing: bytes
) -> None:
    """The server itself refuses it, before there is a call; it names neither itself nor the inside."""
    host = urlsplit(serve().url)
    with socket.create_connection((host.hostname, host.port), timeout=5) as raw:
        raw.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-secret-9\r\n"
            + framing
            + b"\r\n0\r\n\r\n"
        )
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert body == b"Invalid HTTP request received."
    for word in (b"uvicorn", b"traceback", b"sk-secret-9", b"server:"):
        assert word not in answer.lower()
    assert upstream.calls == []


# -- the provider misbehaves ---------------------------------------------------------------------


def client_of(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-a-real-key-1", max_retries=0)


def test_a_provider_that_is_not_there_is_a_502(serve: Serve) -> None:
    url = serve(upstream=["openai=http://127.0.0.1:9"]).url
    with pytest.raises(openai.InternalServerError) as failed:
        client_of(url).chat.completions.create(model="m", messages=ASK)
    assert failed.value.status_code == 502


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_breaks_off_is_an_error(
    serve: Serve, upstream: ScriptedUpstream, stream: bool
) -> None:
    upstream.script = lambda call: Reply(
        "A longer text than fits. " * 9, cut_after=300, pause_s=0.01
    )
    running = serve()
    create = client_of(running.url).chat.completions.create
    with pytest.raises(openai.OpenAIError):
        list(create(model="m", messages=ASK, stream=stream))
    (call,) = running.reader.calls()
    closed = running.reader.closed(call["call"])
    assert closed is not None
    assert closed["state"] == "broken"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(raw=b"<html>Bad gateway</html>", content_type="text/html", status=502), 502),
        (Reply(raw=b"<html>Hello</html>", content_type="text/html"), 502),
        (Reply(raw=b""), 502),
        (Reply(raw=b"not json"), 502),
        (Reply(raw=b"", status=302, headers=(("location", "http://127.0.0.1:9/v1"),)), 502),
        (Reply("Slow down.", status=429), 429),
    ],
)
def test_strange_answers_never_look_like_good_ones(
    serve: Serve, upstream: ScriptedUpstream, reply: Reply, status: int
) -> None:
    upstream.script = lambda call: reply
    with pytest.raises(openai.APIStatusError) as failed:
        client_of(serve().url).chat.completions.create(model="m", messages=ASK)
    assert failed.value.status_code == status
    assert len(upstream.calls) == 1


def test_a_client_that_leaves_closes_the_provider_too(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply("word " * 400, pieces=200, pause_s=0.02)
    running = serve()
    stream = client_of(running.url).chat.completions.create(model="m", messages=ASK, stream=True)
    next(iter(stream))
    stream.close()
    deadline = time.monotonic() + 5
    while not upstream.gone and time.monotonic() < deadline:
        time.sleep(0.02)
    assert upstream.gone == 1
    (call,) = running.reader.calls()
    assert (running.reader.closed(call["call"]) or {})["state"] == "broken"


def test_a_stop_ends_streams_with_their_own_ending(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    """Graceful: what runs longer than the grace period gets the surface's error event."""
    upstream.script = lambda call: Reply("word " * 400, pieces=400, pause_s=0.02)
    running = serve(policy="limits: {grace_s: 0.3}\n")
    stream = client_of(running.url).chat.completions.create(model="m", messages=ASK, stream=True)
    chunks = iter(stream)
    next(chunks)
    import threading

    stopping = threading.Thread(target=running.sidecar.stop)
    stopping.start()
    with pytest.raises(openai.APIError):
        list(chunks)
    stopping.join(timeout=10)
    assert not stopping.is_alive()


# -- the store fails -----------------------------------------------------------------------------


def break_store(running: Any) -> None:
    """Every write fails from here on, as on a full disk."""
    running.store._writer.execute("PRAGMA query_only = ON")


def test_without_a_store_nothing_passes_in_contain(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()
    break_store(running)
    answer = post(running.url, json.dumps(CHAT).encode())
    assert refused(answer) == (503, "firedoor_unavailable")
    assert upstream.calls == []


def test_without_a_store_observe_passes_and_says_so(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve("observe")
    break_store(running)
    answer = post(running.url, json.dumps(CHAT).encode())
    assert answer.status_code == 200
    assert answer.headers["x-firedoor-unrecorded"] == "store unavailable"
    assert len(upstream.calls) == 1


def ready(running: Any) -> set[int]:
    """What both listeners say of their readiness."""
    urls = (running.url, running.sidecar.admin_url)
    return {httpx.get(f"{url}/readyz").status_code for url in urls}


@pytest.mark.parametrize("called", [True, False])
def test_a_store_that_cannot_be_written_is_not_ready(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, called: bool
) -> None:
    """Whether or not a call has failed on it already; and it is ready again when it can be."""
    monkeypatch.setattr("firedoor.store.transactions._PROBE_S", 0.0)
    running = serve()
    assert ready(running) == {200}
    break_store(running)
    if called:
        assert post(running.url, json.dumps(CHAT).encode()).status_code == 503
    assert ready(running) == {503}
    assert httpx.get(running.url + "/livez").status_code == 200
    running.store._writer.execute("PRAGMA query_only = OFF")
    if called:
        assert ready(running) == {503}
        assert post(running.url, json.dumps(CHAT).encode()).status_code == 200
    assert ready(running) == {200}


def test_a_full_disk_is_not_ready(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firedoor.store.transactions._PROBE_S", 0.0)
    running = serve()
    db = running.store._writer
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    assert ready(running) == {503}
    db.execute("PRAGMA max_page_count = 1000000")
    assert ready(running) == {200}
    # Room for a probe, and not for a call: what failed last counts for a while.
    db.execute(f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}")
    for n in range(9):
        large = [{"role": "user", "content": f"{n} " + os.urandom(40_000).hex()}]
        post(running.url, json.dumps({"model": "m", "messages": large}).encode())
    assert ready(running) == {503}
    monkeypatch.setattr("firedoor.store.transactions._FAILED_S", 0.0)
    db.execute("PRAGMA max_page_count = 1000000")
    assert ready(running) == {200}


def test_readiness_writes_once_a_second_at_most(serve: Serve) -> None:
    running = serve()
    before, started = running.store._writer.total_changes, time.monotonic()
    for _ in range(20):
        assert ready(running) == {200}
    probes = (running.store._writer.total_changes - before) / 2
    assert probes <= 2 + time.monotonic() - started


def test_a_store_that_fails_after_the_call_holds_the_answer_back(
    serve: Serve, upstream: ScriptedUpstream
) -> None:
    running = serve()

    def script(call: object) -> Reply:
        break_store(running)
        return Reply(SAID, (Call("save_note", {"key": "k", "text": "A thing to keep in mind."}),))

    upstream.script = script
    answer = post(running.url, json.dumps(CHAT).encode())
    assert refused(answer) == (503, "firedoor_unavailable")
    assert SAID not in answer.text


@pytest.mark.parametrize("missing", ["folder", "key"])
def test_observe_starts_without_a_store_and_records_once_it_is_there(
    serve: Serve, upstream: ScriptedUpstream, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, missing: str,
) -> None:  # fmt: skip
    """What only watches does not break what it watches; what passes unrecorded says so."""
    monkeypatch.setattr("firedoor.fronts.sidecar.app._REOPEN_S", 0.05)
    url = f"sqlite:{tmp_path / 'there' / 'firedoor.db'}"
    if missing == "folder":
        (tmp_path / "there").touch()
    else:
        open_store(url).close()
        (tmp_path / "there" / "content.key").rename(tmp_path / "kept.key")
    running = serve("observe", store=url)
    for body in (CHAT, CHAT | {"stream": True}):
        answer = post(running.url, json.dumps(body).encode())
        assert answer.status_code == 200
        assert answer.headers["x-firedoor-unrecorded"] == "store unavailable"
    assert len(upstream.calls) == 2
    assert ready(running) == {503}

    if missing == "folder":
        (tmp_path / "there").unlink()
    else:
        (tmp_path / "kept.key").rename(tmp_path / "there" / "content.key")
    deadline = time.monotonic() + 20
    while ready(running) != {200} and time.monotonic() < deadline:
        time.sleep(0.05)
    answer = post(running.url, json.dumps(CHAT).encode())
    assert "x-firedoor-unrecorded" not in answer.headers
    found = StoreReader(open_store(url))
    assert [c["call"] for c in found.calls()] == [answer.headers["x-firedoor-call"]]
    assert found.verify().ok
    token = (tmp_path / "there" / "admin-token").read_text().strip()
    seen = httpx.get(
        running.sidecar.admin_url + "/admin/v1/status",
        headers={"authorization": f"Bearer {token}"},
    )
    assert seen.json()["calls"] == 1


@pytest.mark.parametrize("mode", ["contain", "isolate"])
def test_what_refuses_does_not_start_without_a_store(
    serve: Serve, tmp_path: Path, mode: str
) -> None:
    (tmp_path / "there").touch()
    with pytest.raises(StoreUnavailable, match="folder cannot be used"):
        serve(mode, store=f"sqlite:{tmp_path / 'there' / 'firedoor.db'}")


# -- who may see what ------------------------------------------------------------------------------


def test_a_caller_sees_its_own_calls_only(serve: Serve) -> None:
    running = serve()
    call = post(running.url, json.dumps(CHAT).encode()).headers["x-firedoor-call"]
    url = f"{running.url}/v1/firedoor/calls/{call}"
    mine = httpx.get(url, headers={"authorization": "Bearer sk-a-real-key-1"})
    assert mine.json()["call"] == call
    theirs = httpx.get(url, headers={"authorization": "Bearer sk-another-key-2"})
    assert theirs.status_code == 404


def test_the_admin_listener_has_a_secret_of_its_own(serve: Serve) -> None:
    running = serve()
    post(running.url, json.dumps(CHAT).encode())
    admin = running.sidecar.admin_url
    for path in ("instances", "calls", "status", "quarantine", "ledger/entries"):
        assert httpx.get(f"{admin}/admin/v1/{path}").status_code == 401
    file = running.store.path.parent / "admin-token"  # type: ignore[union-attr]
    assert file.stat().st_mode & 0o777 == 0o600
    headers = {"authorization": f"Bearer {file.read_text().strip()}"}
    rows = httpx.get(f"{admin}/admin/v1/instances", headers=headers).json()["data"]
    assert rows[0]["calls"] == 1
    entries = httpx.get(f"{admin}/admin/v1/ledger/entries?start=1", headers=headers).json()["data"]
    assert [entry["index"] for entry in entries] == [1]
    for query in ("ledger/entries?start=" + "9" * 40, "ledger/entries?start=-1", "calls?limit=²"):
        answer = httpx.get(f"{admin}/admin/v1/{query}", headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert httpx.get(f"{running.url}/admin/v1/instances", headers=headers).status_code == 403


def test_health_readiness_and_metrics(serve: Serve) -> None:
    running = serve()
    post(running.url, json.dumps(CHAT).encode())
    for path in ("health", "livez", "readyz"):
        assert httpx.get(f"{running.url}/{path}").status_code == 200
    text = httpx.get(f"{running.url}/metrics").text
    assert 'firedoor_calls_total{code="",surface="openai.chat",verdict="allow"} 1.0' in text


def test_a_listener_off_loopback_needs_keys(serve: Serve) -> None:
    with pytest.raises(SettingsError, match="not loopback"):
        serve(host="0.0.0.0")


def test_declared_instances_get_rooms_of_their_own(serve: Serve) -> None:
    running = serve()
    for name in ("a", "b"):
        headers = {"x-firedoor-instance": name, "x-firedoor-compartment": f"room-{name}"}
        post(running.url, json.dumps(CHAT).encode(), **headers)
    rows = {r["instance"]: r for r in running.reader.instances()}
    assert rows["a"]["compartment"] == "room-a"
    assert rows["a"]["room"] != rows["b"]["room"]


def test_a_conversation_is_known_by_its_prefix(serve: Serve) -> None:
    running = serve()
    url = running.url
    post(url, json.dumps(CHAT).encode())
    longer = [*ASK, {"role": "assistant", "content": SAID}, {"role": "user", "content": "More."}]
    post(url, json.dumps(CHAT | {"messages": longer}).encode())
    other = [*longer[:2], {"role": "user", "content": "Something else entirely."}]
    post(url, json.dumps(CHAT | {"messages": other}).encode())
    post(url, json.dumps(CHAT | {"messages": longer}).encode(), authorization="Bearer sk-b-2")
    rows = running.reader.instances()
    assert sorted(r["calls"] for r in rows) == [1, 1, 2]
    original = next(r for r in rows if r["calls"] == 2)
    fork = next(r for r in rows if r["parent"] == original["instance_id"])
    assert fork["room"] == original["room"]
    assert len({r["room"] for r in rows}) == 2


def test_files_are_closed_to_others(serve: Serve) -> None:
    running = serve()
    post(running.url, json.dumps(CHAT).encode())
    folder = running.store.path.parent  # type: ignore[union-attr]
    modes = {p.name: p.stat().st_mode & 0o777 for p in folder.iterdir()}
    assert set(modes.values()) == {0o600}, modes
    assert folder.stat().st_mode & 0o777 == 0o700
    assert SAID.encode() not in b"".join(p.read_bytes() for p in folder.iterdir())
    assert os.getuid() >= 0


@pytest.mark.parametrize("restart", [False, True])
def test_a_second_try_of_a_call_without_an_answer_is_the_same_instance(
    serve: Serve, upstream: ScriptedUpstream, restart: bool
) -> None:
    running = serve()
    upstream.script = lambda call: Reply("Never seen to its end.", cut_after=20)
    post(running.url, json.dumps(CHAT).encode())
    upstream.script = lambda call: Reply(SAID)
    if restart:
        running.sidecar._app._engine._attempts.clear()
    post(running.url, json.dumps(CHAT).encode())
    post(running.url, json.dumps(CHAT).encode())
    rows = running.reader.instances()
    assert sorted(r["calls"] for r in rows) == [1, 2]


def test_a_provider_that_falls_silent_is_given_up(serve: Serve, upstream: ScriptedUpstream) -> None:
    """Before the head it is a 504; inside a stream, the surface's own ending."""
    limits = "limits: {first_byte_s: 0.2, idle_s: 0.2}\n"
    running = serve("contain", policy=limits)
    ask = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    upstream.script = lambda call: time.sleep(1.2) or Reply("late")  # type: ignore[func-returns-value]
    answer = httpx.post(running.url + "/v1/chat/completions", json=ask, timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "firedoor_upstream")
    upstream.script = lambda call: Reply("a b c d", pause_s=1.2)
    streamed = httpx.post(
        running.url + "/v1/chat/completions", json=ask | {"stream": True}, timeout=30
    )
    assert "firedoor_upstream" in streamed.text

"""A request that a lenient server could read as another one than was judged does not pass."""

import socket
from urllib.parse import urlsplit

import httpx
import pytest

from conftest import Serve
from firedoor.testing import ScriptedUpstream

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi"}]}'

TARGETS = {
    "double slash": "/v1//chat/completions",
    "double slash first": "//v1/chat/completions",
    "trailing slash": "/v1/chat/completions/",
    "dot": "/v1/./chat/completions",
    "dots": "/v1/files/../chat/completions",
    "dots out of the version": "/v1/../v1/chat/completions",
    "escaped slash": "/v1/chat%2fcompletions",
    "escaped slash, upper case": "/v1/chat%2Fcompletions",
    "escaped twice": "/v1/chat%252fcompletions",
    "escaped dots": "/v1/files/%2e%2e/chat/completions",
    "escaped letter": "/v1/ch%61t/completions",
    "matrix dots": "/v1/files/..;/chat/completions",
    "matrix parameter": "/v1/chat;x=1/completions",
    "backslash": "/v1/chat\\completions",
    "case": "/V1/Chat/Completions",
    "case of a word": "/v1/chat/Completions",
    "full width": "/v1/chat/completions%ef%bc%8f",
    "nul": "/v1/chat/completions%00",
    "line end": "/v1/chat/completions%0d%0ahost:x",
    "query in the path": "/v1/chat/completions%3fx=1",
    "query that nobody knows": "/v1/chat/completions?_method=DELETE",
    "query with a path": "/v1/chat/completions?path=/v1/files",
    "controls": "/v1/firedoor/../../admin/v1/orders",
    "an upstream that is none": "/u/elsewhere/v1/chat/completions",
    "dots after an upstream": "/u/openai/../../v1/chat/completions",
    "upstream in another case": "/U/openai/v1/chat/completions",
    "a version in the middle": "/v1/files/v1/chat/completions",
    "something before the version": "/admin/v1/chat/completions",
}


def sent(url: str, target: str, method: str = "POST", extra: str = "") -> bytes:
    """The answer to a request whose target is these very bytes."""
    host, port = urlsplit(url).netloc.split(":")
    with socket.create_connection((host, int(port)), 5) as line:
        line.sendall(
            f"{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer sk-a-real-key-1\r\ncontent-length: {len(BODY)}\r\n"
            f"connection: close\r\n{extra}\r\n".encode()
            + BODY
        )
        answer = b""
        while chunk := line.recv(65_536):
            answer += chunk
    return answer


@pytest.mark.parametrize("trick", list(TARGETS))
def test_a_path_trick_does_not_pass(serve: Serve, upstream: ScriptedUpstream, trick: str) -> None:
    answer = sent(serve("contain").url, TARGETS[trick])
    status = int(answer.split(b" ")[1])
    assert upstream.calls == []
    # 400 where it is no HTTP at all.
    assert status in (400, 403), answer
    if status == 403:
        assert b"firedoor_unknown_surface" in answer
        assert b"x-should-retry: false" in answer


@pytest.mark.parametrize(
    "target", ["/v1/chat/completions#x", "http://api.openai.com/v1/chat/completions"]
)
def test_what_is_judged_is_what_goes_on(
    serve: Serve, upstream: ScriptedUpstream, target: str
) -> None:
    """A fragment and a host in the target are dropped before anything is judged."""
    assert sent(serve("contain").url, target).split(b" ")[1] == b"200"
    assert [c.path for c in upstream.calls] == ["/v1/chat/completions"]


METHODS = ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "GET", "post", "PROPFIND"]


@pytest.mark.parametrize("method", METHODS)
def test_another_method_is_another_operation(
    serve: Serve, upstream: ScriptedUpstream, method: str
) -> None:
    """A body where the operation of that method takes none is nothing that the door knows."""
    answer = sent(serve("contain").url, "/v1/chat/completions", method)
    assert answer.split(b" ")[1] in (b"400", b"403"), answer
    assert upstream.calls == []


HEADERS = [
    "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE",
    "X-Original-URL: /v1/files", "X-Rewrite-URL: /v1/files",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_names_another_request_is_refused(
    serve: Serve, upstream: ScriptedUpstream, header: str
) -> None:
    name, _, value = header.partition(": ")
    url = serve("contain").url
    given = {"content-type": "application/json", "authorization": "Bearer sk-a-real-key-1"}
    answer = httpx.post(url + "/v1/chat/completions", content=BODY, headers=given | {name: value})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (403, "firedoor_unknown_surface")
    assert error["param"] == name.lower()
    assert upstream.calls == []
    observing = serve("observe").url
    httpx.post(observing + "/v1/chat/completions", content=BODY, headers=given | {name: value})
    assert upstream.calls[0].headers[name.lower()] == value, "observe changes nothing"


@pytest.mark.parametrize("name", ["websocket", "h2c", "TLS/1.2, HTTP/1.1"])
def test_upgrades_are_refused_in_contain(
    serve: Serve, upstream: ScriptedUpstream, name: str
) -> None:
    extra = (
        f"upgrade: {name}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "sec-websocket-version: 13\r\n"
    )
    for method, target in (("GET", "/v1/realtime?model=m"), ("GET", "/v1/responses"),
                           ("POST", "/v1/chat/completions")):  # fmt: skip
        answer = sent(serve("contain").url, target, method, extra)
        assert answer.split(b" ")[1] == b"403", answer
        assert b"firedoor_unknown_surface" in answer
    assert upstream.calls == []


def test_a_websocket_client_gets_no_socket(serve: Serve, upstream: ScriptedUpstream) -> None:
    """A real client that asks to upgrade, as `responses.connect()` does."""
    websockets = pytest.importorskip("websockets.sync.client")
    url = serve("contain").url.replace("http://", "ws://") + "/v1/responses"
    with pytest.raises(Exception, match="403"):
        websockets.connect(url, additional_headers={"authorization": "Bearer sk-x-1"})
    assert upstream.calls == []

"""The door round somebody else's transport: what it hands in, and what it leaves alone."""

import httpx
import httpx2
import pytest
import respx

from firedoor import Door

URL = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "m", "messages": [{"role": "user", "content": "Write the report."}]}
ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Done, all of it."},
                 "finish_reason": "stop"}],
}  # fmt: skip


def test_an_inner_transport_gets_the_call_and_its_timeouts(door: Door) -> None:
    router = respx.MockRouter(assert_all_called=False)
    route = router.post(URL).respond(json=ANSWER)
    inner = httpx.MockTransport(router.handler)
    with httpx.Client(transport=door.transport(inner), timeout=7.0) as client:
        answer = client.post(URL, json=BODY, headers={"x-firedoor-instance": "a", "x-kept": "b"})
    assert answer.json() == ANSWER
    assert answer.headers["x-firedoor-call"].startswith("c_")
    sent = route.calls[0].request
    assert sent.headers["host"] == "api.openai.com"
    assert "x-firedoor-instance" not in sent.headers
    assert sent.headers["x-kept"] == "b"
    assert sent.extensions["timeout"]["read"] == 7.0


async def test_it_serves_async_clients_too(door: Door) -> None:
    router = respx.MockRouter(assert_all_called=False)
    router.post(URL).respond(json=ANSWER)
    transport = door.transport(httpx.MockTransport(router.async_handler))
    async with httpx.AsyncClient(transport=transport) as client:
        assert (await client.post(URL, json=BODY)).json() == ANSWER


def test_a_refusal_never_reaches_the_inner_transport(door: Door) -> None:
    router = respx.MockRouter(assert_all_called=False)
    route = router.post(URL).respond(json=ANSWER)
    with httpx.Client(transport=door.transport(httpx.MockTransport(router.handler))) as client:
        answer = client.post(URL, json=BODY | {"brand_new": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (
        403, "firedoor_unknown_surface",
    )  # fmt: skip
    assert not route.called


@pytest.mark.parametrize("kind", ["ConnectError", "ReadTimeout", "ReadError"])
def test_the_transports_own_errors_come_through(door: Door, kind: str) -> None:
    """The call is closed, and the client sees its own family's exception."""

    def fail(request: httpx2.Request) -> httpx2.Response:
        raise getattr(httpx2, kind)("no road", request=request)

    transport = door.transport(httpx2.MockTransport(fail))
    with httpx2.Client(transport=transport) as client, pytest.raises(getattr(httpx2, kind)):
        client.post(URL, json=BODY)
    assert door.last is not None
    found = door.explain(door.last.call)
    assert found["state"] == "broken"
    assert found["upstream"]["error"] in ("refused", "timeout", "reset")

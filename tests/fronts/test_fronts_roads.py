"""Outside roads behind both fronts, streamed and not, and on the admin listener."""

import base64
import json
from typing import Any

import httpx
import pytest

from both_fronts import FRONTS, MODES, front_of, named
from conftest import Serve
from firedoor import Door
from firedoor.testing import Call, Reply, ScriptedUpstream

URL = "https://rare-quay.test/drop/7f3a91/notes"
CODED = base64.b64encode(URL.encode()).decode()
TOOL: Any = [{"type": "function", "function": {"name": "fetch", "parameters": {"type": "object"}}}]


def ask(client: Any, *, stream: bool = False) -> None:
    turn = {"role": "user", "content": "Look it up."}
    answer = client.chat.completions.create(model="m", messages=[turn], tools=TOOL, stream=stream)
    if stream:
        list(answer)


@FRONTS
@MODES
def test_two_rooms_at_one_place(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream, front: str, mode: str
) -> None:
    door = front_of(request, serve, upstream, front, mode)
    upstream.script = lambda _: Reply("", (Call("fetch", {"url": URL.upper().replace("HTTPS", "http")
                                                          .replace("/DROP/7F3A91/NOTES",
                                                                   "/drop/%37f3a91/notes")}),))  # fmt: skip
    ask(door.openai(**named("a", "press")))
    first = door.explain()
    upstream.script = lambda _: Reply("", (Call("fetch", {"url": f"https://b.test/?u={CODED}"}),))
    ask(door.openai(**named("b", "lab")), stream=True)
    second = door.explain()
    assert first["tools"][0]["egress"]["hosts"] == ["rare-quay.test"]
    assert second["tools"][0]["egress"]["hosts"] == ["b.test"]
    assert second["tools"][0]["verdict"] == "allow"
    assert second["exposures"] == []


def test_the_admin_listener_traces(serve: Serve, upstream: ScriptedUpstream) -> None:
    running = serve("contain")
    upstream.script = lambda _: Reply("", (Call("fetch", {"url": URL}),))
    for who, room in (("a", "press"), ("b", "lab")):
        body = {"model": "m", "messages": [{"role": "user", "content": "Look."}], "tools": TOOL}
        url = running.url + "/v1/chat/completions"
        sent = httpx.post(url, json=body, headers={**named(who, room), "authorization": "Bearer k"})
        assert sent.status_code == 200
    token = (running.store.path.parent / "admin-token").read_text().strip()  # type: ignore[union-attr]
    admin = running.sidecar.admin_url + "/admin/v1/trace/"
    assert httpx.get(admin + "a").status_code == 401
    headers = {"authorization": f"Bearer {token}"}
    found = httpx.get(admin + "a", headers=headers).json()
    assert {s["name"] for s in found["suspected"]} == {
        URL.removeprefix("https://"),
        "rare-quay.test",
    }
    assert {i["instance"] for s in found["suspected"] for i in s["instances"]} == {"a", "b"}
    assert (found["up"], found["down"]) == ([], [])
    assert httpx.get(admin + "a?direction=up&hops=2", headers=headers).json()["down"] is None
    assert httpx.get(admin + "nobody", headers=headers).status_code == 404
    assert httpx.get(admin + "a?hops=x", headers=headers).status_code == 400
    assert httpx.get(admin + "a?direction=left", headers=headers).status_code == 400
    told = httpx.get(running.sidecar.admin_url + "/admin/v1/status", headers=headers).json()
    assert told["egress"]["hosts"] == 1


@pytest.mark.firedoor_mode("contain")
def test_no_word_of_it_is_in_a_log_or_a_header(
    door: Door, upstream: ScriptedUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    upstream.script = lambda _: Reply("", (Call("fetch", {"url": URL}),))
    http = httpx.Client(transport=door.transport())
    body = {"model": "m", "messages": [{"role": "user", "content": "Look."}], "tools": TOOL}
    answer = http.post(upstream.openai + "/chat/completions", json=body)
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("firedoor")]
    assert "rare-quay" not in json.dumps([dict(answer.headers), ours])

"""Touches and egress ride along with the commit of what goes on, and decide nothing."""

import json
import re
from typing import Any

import pytest

from driving import Office, settings_for
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.engine.port import Commit
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

A = Binding("a-1", "press")
B = Binding("b-1", "lab")
URL = "https://rare-quay.test/drop/7f3a91/notes"
ASK = [{"role": "user", "content": "Look it up."}]


class Watched(Office):
    """An office whose commits are looked at."""

    def _ask(self, command: Any) -> Any:
        if isinstance(command, Commit):
            self.commits = [*getattr(self, "commits", []), command]
        return super()._ask(command)


def fetch(*urls: str, tool: str = "fetch") -> Reply:
    return Reply("", tuple(Call(tool, {"url": url}, id=f"call_{n}") for n, url in enumerate(urls)))


def test_touches_are_digests_and_come_with_the_commit_that_lets_the_call_go() -> None:
    world = Watched(settings_for(None, "contain"))
    world.call(A, ASK, fetch(URL))
    (commit,) = [c for c in world.commits if c.touches]
    assert {t.kind for t in commit.touches} == {"url", "host"}
    assert all(len(t.thing) == 16 and t.room == commit.touches[0].room for t in commit.touches)
    assert commit.egress[0].bytes == len("/drop/7f3a91/notes")
    assert commit.emissions


def test_a_call_without_tool_calls_brings_none() -> None:
    world = Watched(settings_for(None, "contain"))
    world.call(A, ASK, Reply(f"See {URL}."))
    assert not any(c.touches or c.egress for c in world.commits)


def test_explain_tells_the_egress_of_each_call() -> None:
    world = Office(settings_for(None, "contain"))
    seen = world.explain(world.call(A, ASK, fetch(URL, URL + "?a=1")))
    assert [t["egress"]["hosts"] for t in seen["tools"]] == [["rare-quay.test"]] * 2
    assert [t["egress"]["bytes"] for t in seen["tools"]] == [18, 22]
    seen = world.explain(world.call(A, ASK, Reply("", (Call("get_weather", {"city": "Oslo"}),))))
    assert "egress" not in seen["tools"][0]


def test_the_ledger_tells_how_much_and_not_what() -> None:
    world = Office(settings_for(None, "contain"))
    world.call(A, ASK, fetch(URL))
    bodies = [json.loads(e.bytes_)["body"] for e in world.reader.entries()]
    (tool,) = [t for b in bodies for t in b.get("tools", [])]
    assert tool["egress"]["bytes"] == 18
    assert b"rare-quay" not in b"".join(e.bytes_ for e in world.reader.entries())


def test_what_was_refused_touches_nothing(tmp_path: Any) -> None:
    policy = "rules:\n  - {id: no-fetch, match: {tool: fetch}, action: deny}\n"
    world = Watched(settings_for(tmp_path, "contain", policy))
    seen = world.explain(world.call(A, ASK, fetch(URL)))
    assert not any(c.touches or c.egress for c in world.commits)
    assert (seen["tools"][0]["verdict"], "egress" in seen["tools"][0]) == ("deny", False)


@pytest.mark.parametrize("mode", ["observe", "contain", "isolate"])
def test_a_suspected_link_changes_no_verdict(mode: str) -> None:
    """The same calls get the same answers whether or not somebody was at the place before."""

    def after(first: str) -> list[Any]:
        world = Office(settings_for(None, mode))
        world.call(A, ASK, fetch(first))
        seen = [
            world.call(B, ASK, fetch(URL)),
            world.call(B, [*ASK, *ASK], fetch(URL, tool="spawn")),
        ]
        shown = [world.explain(s) for s in seen]
        for one in shown:
            for name in ("entries", "time"):
                one.pop(name)
        # Ids are keyed with the store's own key.
        told = [re.sub(r"\b([ik]_)[a-z2-7]{20,}", r"\1…", json.dumps(one)) for one in shown]
        return [(s.status, s.sent, s.body, d) for s, d in zip(seen, told, strict=True)]

    assert after(URL) == after("https://elsewhere.test/")


def test_what_a_hosted_search_is_asked_counts() -> None:
    world = Watched(settings_for(None, "observe"))
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": ASK}).encode()
    said = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search",
                     "input": {"query": "why the quay sings"}}],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    upstream = [UpstreamHead(200, ((b"content-type", b"application/json"),), 1.7e9),
                UpstreamBytes(json.dumps(said).encode(), 1.7e9), UpstreamEnd(1.7e9)]  # fmt: skip
    world.call(A, [], path="/v1/messages", body=body, upstream=upstream)
    assert {t.kind for c in world.commits for t in c.touches} == {"search"}
    assert sum(e.bytes for c in world.commits for e in c.egress) == len("why the quay sings")


def test_a_flood_of_things_is_bounded() -> None:
    world = Watched(settings_for(None, "observe"))
    many = " ".join(f"https://rare-{n}.test/{n}-drop-{n}" for n in range(5_000))
    calls = tuple(Call("bash", {"command": many}, id=f"call_{n}") for n in range(20))
    seen = world.explain(world.call(A, ASK, Reply("", calls)))
    assert sum(len(c.touches) for c in world.commits) <= 512
    assert len(seen["tools"][0]["egress"]["hosts"]) == 16
    assert seen["tools"][0]["egress"]["cut"] is True

"""What a call takes of its accounts, seen from outside the engine: requests, answers, refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.budget import LIFETIME
from firedoor.engine.port import CallRow, Commit
from firedoor.testing import Call, Reply
from firedoor.types.budget import Account, Hold, Scope, Settlement, Take
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, InstanceId

ASK = [{"role": "user", "content": "Hello."}]
ME = Binding("planner-1", "research")


def office(folder: Path, budgets: str, mode: str = "contain", more: str = "") -> Office:
    return Office(settings_for(folder, mode, f"budgets:\n{budgets}\n{more}"), people=True)


def error_of(outcome: Outcome) -> dict[str, Any]:
    body = json.loads(outcome.body)
    assert body["type"] == "error"
    return dict(body["error"])


def sent(outcome: Outcome) -> bool:
    return outcome.sent is not None


def call(world: Office, who: Binding = ME, reply: Reply | None = None, **more: Any) -> Outcome:
    return world.call(who, ASK, reply, **more)


def test_a_lifetime_limit_is_final(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 2}")
    assert call(world).sent
    assert call(world).sent
    third = call(world)
    assert not third.sent
    assert third.status == 402
    error = error_of(third)
    assert error["code"] == "firedoor_budget_exhausted"
    assert "instance:planner-1" in error["message"]
    assert "limited to 2 (committed 2, held 0)" in error["message"]
    assert third.headers["x-should-retry"] == "false"
    assert "retry-after" not in third.headers


def test_a_window_that_refills_says_when(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 1/minute}")
    assert call(world, at=1.7e9).sent
    second = call(world, at=1.7e9 + 5)
    assert second.status == 429
    assert error_of(second)["code"] == "firedoor_rate_limited"
    assert second.headers["x-should-retry"] == "false"
    wait = int(second.headers["retry-after"])
    assert 0 < wait <= 60
    assert call(world, at=1.7e9 + 5 + wait).sent


def test_a_sliding_window_never_lets_through_more(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 3/hour sliding}")
    passed = [t for t in range(0, 3 * 3600, 300) if sent(call(world, at=1.7e9 + t))]
    for end in range(0, 3 * 3600, 60):
        assert sum(end - 3600 < t <= end for t in passed) <= 3
    assert len(passed) >= 8


def test_a_limit_of_nothing_refuses_everything(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 0}")
    assert call(world).status == 402


def test_every_account_above_bears_it_or_none_does(tmp_path: Path) -> None:
    world = office(
        tmp_path,
        "  - {scope: deployment, requests: 100}\n"
        "  - {scope: 'compartment:research', requests: 1}\n"
        "  - {scope: 'instance:*', requests: 100}",
    )
    assert call(world).sent
    other = Binding("planner-2", "research")
    assert call(world, other).status == 402
    rows = {r.account: r for r in world.store.accounts()}
    assert rows["deployment"].committed == 1
    assert rows["deployment"].held == 0
    assert call(world, Binding("payer", "payments")).sent


def test_usage_is_settled_in_place_of_what_was_held(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000, input_tokens: 10k}")
    seen = call(world, extra={"max_tokens": 900})
    assert seen.sent
    rows = {r.kind: r for r in world.store.accounts()}
    told = world.explain(seen)["upstream"]["usage"]
    assert rows["output_tokens"].committed == told["output_tokens"]
    assert rows["input_tokens"].committed == told["input_tokens"]
    assert rows["output_tokens"].held == rows["input_tokens"].held == 0


def test_explain_shows_what_was_held(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000}")
    seen = call(world, extra={"max_tokens": 900})
    assert {
        "account": "instance:planner-1", "kind": "output_tokens", "limit": 1000, "held": 900,
    }.items() <= world.explain(seen)["holds"][0].items()  # fmt: skip


def test_an_output_limit_is_set_where_the_client_set_none(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 100k}")
    assert call(world).request["max_completion_tokens"] == 4096


def test_it_is_what_is_left_where_that_is_less(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 500}")
    seen = call(world)
    assert seen.sent
    assert seen.request["max_completion_tokens"] == 500


def test_a_clients_own_limit_is_held_for_every_choice(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000}")
    assert call(world, extra={"max_tokens": 10, "n": 128}).status == 402
    assert call(world, extra={"max_tokens": 7, "n": 128}).sent


@pytest.mark.parametrize("cap", [10**30, 10**17])
def test_an_absurd_limit_is_refused_and_breaks_nothing(tmp_path: Path, cap: int) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000}")
    assert call(world, extra={"max_tokens": cap}).status == 402
    assert call(world, extra={"max_tokens": 10}).sent


def test_observe_counts_and_refuses_nothing(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 1, tool_calls: 1}", "observe")
    reply = Reply("", (Call("bash", {"cmd": "ls"}), Call("bash", {"cmd": "ps"})))
    body = json.dumps({"model": "m", "messages": ASK}).encode()
    seen = [call(world, body=body, reply=reply) for _ in range(3)]
    assert all(s.sent and s.sent == body for s in seen)
    rows = {r.kind: r for r in world.store.accounts()}
    assert rows["requests"].committed == 3
    assert rows["tool_calls"].committed == 6


def test_tool_calls_are_charged_one_by_one(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', tools: {'ba*': 2}}")
    reply = Reply("", (Call("bash", {"cmd": "1"}), Call("read_note", {"key": "k"}),
                       Call("bash", {"cmd": "2"}), Call("bash", {"cmd": "3"})))  # fmt: skip
    seen = call(world, reply=reply)
    assert [t["verdict"] for t in world.explain(seen)["tools"]] == [
        "allow",
        "allow",
        "allow",
        "deny",
    ]
    message = json.loads(seen.body)["choices"][0]["message"]
    assert [c["function"]["arguments"] for c in message["tool_calls"]].count('{"cmd": "3"}') == 0
    assert len(message["tool_calls"]) == 3
    assert "tools/ba*" in message["content"]
    assert "limited to 2" in message["content"]


def test_a_tool_that_is_used_up_is_not_offered(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', tools: {bash: 1}}",
                   more="compartments: {research: {instances: ['*'], accept: {depth: 1}}}")  # fmt: skip
    tools = [{"type": "function", "function": {"name": n}} for n in ("bash", "read_note")]
    first = call(world, reply=Reply("", (Call("bash", {"cmd": "1"}),)), extra={"tools": tools})
    assert [t["function"]["name"] for t in first.request["tools"]] == ["bash", "read_note"]
    second = call(world, extra={"tools": tools})
    assert [t["function"]["name"] for t in second.request["tools"]] == ["read_note"]


def test_an_affordance_of_zero_is_never_offered(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', affordances: {money: 0}}")
    tools = [{"type": "function", "function": {"name": "pay_invoice"}}]
    seen = call(world, extra={"tools": tools, "tool_choice": "required"})
    assert "tools" not in seen.request
    assert "tool_choice" not in seen.request


def test_hosts_off_the_list_are_not_reached(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', egress_hosts: ['*.corp.example']}")
    good = Call("web_fetch", {"url": "https://docs.corp.example/a"})
    bad = Call("web_fetch", {"url": "https://corp.example.evil.com/a"})
    seen = call(world, reply=Reply("", (good, bad)))
    assert [t["verdict"] for t in world.explain(seen)["tools"]] == ["allow", "deny"]


def test_a_family_never_passes_its_parent(tmp_path: Path) -> None:
    """Every child's calls are held at its parent too, however many children there are."""
    world = office(
        tmp_path,
        "  - {scope: 'instance:boss', requests: 3}\n  - {scope: 'instance:*', requests: 9}",
    )
    boss = Binding("boss", "research")
    assert call(world, boss).sent
    passed = 0
    for n in range(5):
        child = Binding(f"child-{n}", None, parent=boss)
        passed += sent(call(world, child))
    assert passed == 2


def test_children_are_counted_and_stand_at_a_depth(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', spawn_children: 2, spawn_depth: 1}")
    boss = Binding("boss", "research")
    assert call(world, boss).sent
    children = [Binding(f"child-{n}", None, parent=boss) for n in range(3)]
    assert [sent(call(world, c)) for c in children] == [True, True, False]
    assert [sent(call(world, c)) for c in children] == [True, True, False]
    deep = call(world, Binding("grandchild", None, parent=children[0]))
    assert deep.status == 402
    assert "spawn_depth" in error_of(deep)["message"]


def test_a_row_may_hold_for_the_exposed_alone(tmp_path: Path) -> None:
    """Where provenance and budgets meet: less may be done by whoever was shown foreign text."""
    note = "The harbour office moves to the north pier on the first of May."
    world = office(
        tmp_path,
        "  - {scope: 'instance:*', affordances: {compute: 0}, when: {exposed_generation: '>=1'}}",
    )
    world.write(Binding("writer", "press"), "save_note", key="k", text=note)
    run = Reply("", (Call("python", {"code": "1"}),))
    clean = call(world, reply=run)
    assert world.explain(clean)["tools"][0]["verdict"] == "allow"
    exposed = world.read(ME, note, "read_note", key="k", reply=run)
    assert world.explain(exposed)["tools"][0]["verdict"] == "deny"


def test_what_a_provider_bills_beyond_the_hold_closes_the_account(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 20}")
    seen = call(world, reply=Reply("A word. " * 200), extra={"max_tokens": 5})
    assert seen.sent
    (row,) = world.store.accounts()
    assert row.committed == 5
    assert row.overrun > 0
    assert row.held == 0
    (told,) = world.explain(seen)["overrun"]
    assert told["kind"] == "output_tokens"
    assert told["held"] == 5
    assert told["used"] == 5 + row.overrun
    assert "provider" in told["cause"]
    after = call(world, extra={"max_tokens": 1})
    assert after.status == 402
    assert "overrun" in error_of(after)["message"]


def test_the_reserve_of_one_room_is_not_for_the_others(tmp_path: Path) -> None:
    world = office(
        tmp_path,
        "  - {scope: deployment, requests: 4}\n"
        "  - {scope: 'compartment:payments', requests: 4, reserve: 2}",
    )
    payer = Binding("payer", "payments")
    assert [sent(call(world)) for _ in range(3)] == [True, True, False]
    assert [sent(call(world, payer)) for _ in range(3)] == [True, True, False]


def test_one_instance_does_not_drain_the_pool(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 4, max_share: 0.5}")
    assert [sent(call(world)) for _ in range(3)] == [True, True, False]
    assert call(world, Binding("other", "research")).sent


def test_cost_is_limited_by_the_files_prices(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', cost_usd: 0.01}",
                   more="prices: {m: {input: 1, output: 10}}")  # fmt: skip
    assert call(world, extra={"max_tokens": 100}).sent
    assert call(world, extra={"max_tokens": 1000}).status == 402
    unknown = json.dumps({"model": "nobody-knows", "messages": ASK}).encode()
    refused = call(world, body=unknown)
    assert refused.status == 402
    assert error_of(refused)["param"] == "model"


def test_a_soft_limit_is_told_once_a_window(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 4, warn_at: 0.5}")
    told = [world.explain(call(world))["warned"] for _ in range(4)]
    assert told == [[], ["instance:planner-1 requests"], [], []]


def test_a_soft_limit_is_an_event_of_the_span(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 4, warn_at: 0.25}")
    summary = call(world).exchange.summary
    assert summary is not None
    assert summary.warned == ("deployment requests",)


def test_nobody_is_told_what_others_use(tmp_path: Path) -> None:
    """An account above is named with its limit; its numbers are its other children's."""
    world = office(tmp_path, "  - {scope: 'compartment:research', requests: 3}")
    for n in range(3):
        assert call(world, Binding(f"sibling-{n}", "research")).sent
    message = error_of(call(world))["message"]
    assert "compartment:research" in message
    assert "limited to 3" in message
    assert "committed" not in message


def test_what_crosses_is_counted_for_the_reader_and_for_the_sender(tmp_path: Path) -> None:
    note = "The harbour office moves to the north pier on the first of May."
    world = office(
        tmp_path,
        f"  - {{scope: 'instance:*', bytes_received: {len(note) + 5}}}\n"
        f"  - {{scope: 'compartment:press', bytes_sent: {2 * len(note) + 5}}}",
        more="stores: {notes: {tools: [save_note, read_note], key: key, closed: true}}",
    )
    world.write(Binding("writer", "press"), "save_note", key="k", text=note)
    first = world.read(ME, note, "read_note", key="k")
    assert first.request["messages"][2]["content"] == note
    rows = {r.account: r.committed for r in world.store.accounts()}
    # What matches of it: the full stop at its end says nothing.
    assert rows == {"instance:planner-1": len(note) - 1, "compartment:press": len(note) - 1}
    assert sent(world.call(ME, [*first.request["messages"], *ASK]))
    assert {r.committed for r in world.store.accounts()} == {len(note) - 1}
    assert sent(world.read(Binding("second", "ops"), note, "read_note", key="k"))
    third = world.read(Binding("third", "dock"), note, "read_note", key="k")
    assert third.status == 402
    assert "compartment:press" in error_of(third)["message"]


def test_calls_under_way_are_worth_waiting_for(tmp_path: Path) -> None:
    """Nothing is used up: it frees itself, so it is no final refusal."""
    world = office(tmp_path, "  - {scope: deployment, concurrent: 1}")
    at = 1.7e9
    other = Hold(
        "h_other", CallId("c_other"), 2e9,
        (Take(Account(Scope.DEPLOYMENT, "", ""), "concurrent", LIFETIME, 1, 1),),
    )  # fmt: skip
    row = CallRow(CallId("c_other"), InstanceId("i_other"), None, 0)
    world.store.apply(Commit(at, row, None, hold=other))
    second = call(world, at=at)
    assert second.status == 429
    assert error_of(second)["code"] == "firedoor_rate_limited"
    assert int(second.headers["retry-after"]) >= 1
    assert second.headers["x-should-retry"] == "false"
    world.store.apply(Commit(at, row, None, settle=(Settlement("h_other", {}),)))
    assert call(world, at=at).sent


def test_the_entry_names_the_prices_that_it_was_counted_by(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', cost_usd: 1}",
                   more="prices: {m: {input: 1, output: 10}}")  # fmt: skip
    call(world)
    with world.store.snapshot() as db:
        (entry,) = db.execute("SELECT bytes FROM entries WHERE idx = 0").fetchone()
    assert json.loads(entry)["body"]["prices"].startswith("sha256:")


def test_an_old_context_goes_on_no_more_and_a_new_one_does(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'compartment:research', context_age: 1h}")
    assert call(world, at=1.7e9).sent
    assert call(world, at=1.7e9 + 3600).sent
    old = call(world, at=1.7e9 + 3600.5)
    assert old.status == 402
    assert "context_age is limited to 3600, and this call is at 3601" in error_of(old)["message"]
    assert call(world, Binding("planner-2", "research"), at=1.7e9 + 3601).sent
    assert call(world, at=1.7e9 - 86_400).sent
    assert call(world, Binding("payer", "payments"), at=1.7e9).sent


def test_an_old_context_may_be_closed_to_the_exposed_alone(tmp_path: Path) -> None:
    note = "The harbour office moves to the north pier on the first of May."
    world = office(
        tmp_path, "  - {scope: 'instance:*', context_age: 60s, when: {exposed_generation: '>=1'}}"
    )
    world.write(Binding("writer", "press"), "save_note", key="k", text=note)
    assert call(world, at=1.7e9 - 3600).sent
    assert call(world).sent
    assert world.read(ME, note, "read_note", key="k").status == 402
    assert world.read(Binding("planner-2", "research"), note, "read_note", key="k").sent


def test_a_host_that_cannot_be_seen_is_off_the_list(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', egress_hosts: ['*.corp.example']}")
    shell = Call("bash", {"command": "curl https://$(cat host)/drop"})
    seen = call(world, reply=Reply("", (shell,)))
    assert [t["verdict"] for t in world.explain(seen)["tools"]] == ["deny"]


@pytest.mark.parametrize("order", [(0, 5), (5, 0)])
def test_of_two_limits_of_one_kind_the_tighter_holds_in_either_order(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    rows = "\n".join(f"  - {{scope: 'instance:*', requests: {n}}}" for n in order)
    assert call(office(tmp_path, rows)).status == 402


def test_a_tool_that_the_exposed_may_not_use_is_not_offered_to_them(tmp_path: Path) -> None:
    """What a call may do is asked once it is known what it was shown."""
    note = "The harbour office moves to the north pier on the first of May."
    world = office(
        tmp_path,
        "  - {scope: 'instance:*', tools: {python: 9}}\n"
        "  - {scope: 'instance:*', tools: {python: 0}, when: {exposed_generation: '>=1'}}",
    )
    world.write(Binding("writer", "press"), "save_note", key="k", text=note)
    clean = world.call(ME, ASK, extra={"tools": [_tool("python"), _tool("read_note")]})
    assert [t["function"]["name"] for t in clean.request["tools"]] == ["python", "read_note"]
    exposed = world.read(ME, note, "read_note", key="k", offers=("python", "read_note"))
    assert exposed.request["messages"][2]["content"] == note
    assert [t["function"]["name"] for t in exposed.request["tools"]] == ["read_note"]


def _tool(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}

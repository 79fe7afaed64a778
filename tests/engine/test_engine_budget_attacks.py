"""Budgets under callers, providers and clocks that do not play fair."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.testing import Call, Reply, shapes
from firedoor.types.exchange import Binding
from spoken import ASK, AT, ME, plain

ALICE = (b"authorization", b"Bearer sk-alice-000000000001")
MALLORY = (b"authorization", b"Bearer sk-mallory-00000000001")


def office(folder: Path, rows: str, more: str = "", url: str = "sqlite::memory:") -> Office:
    settings = settings_for(folder, "contain", f"budgets:\n{rows}\n{more}")
    return Office(settings, url=url, people=True)


def claimed(
    world: Office, credential: tuple[bytes, bytes], name: str, parent: str | None = None,
    **more: Any,
) -> Outcome:  # fmt: skip
    """A call through the sidecar by one who says who it is, and who its parent."""
    headers = [credential, (b"x-firedoor-instance", name.encode())]
    headers += [(b"x-firedoor-parent", parent.encode())] if parent is not None else []
    return world.call(None, ASK, front="sidecar", headers=tuple(headers), **more)


def used(world: Office, account: str, kind: str = "requests") -> list[int]:
    """What is committed on the accounts that people know by this name."""
    return [r.committed for r in world.store.accounts() if (r.account, r.kind) == (account, kind)]


# -- who pays --------------------------------------------------------------------------------------


def test_a_parent_of_another_credential_is_not_charged(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 3, spawn_children: 1}")
    assert claimed(world, ALICE, "boss").sent
    for n in range(5):
        assert claimed(world, MALLORY, f"child-{n}", "boss").sent
    assert used(world, "instance:boss") == [1]
    assert claimed(world, ALICE, "boss").sent
    assert claimed(world, ALICE, "boss").sent
    assert claimed(world, ALICE, "boss").status == 402


def test_a_parent_of_the_same_credential_is(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 3}")
    assert claimed(world, ALICE, "boss").sent
    seen = [bool(claimed(world, ALICE, f"child-{n}", "boss").sent) for n in range(4)]
    assert seen == [True, True, False, False]


def test_the_name_of_another_opens_no_account_of_theirs(tmp_path: Path) -> None:
    """Equal names under two credentials are two instances, and two agents."""
    world = office(
        tmp_path, "  - {scope: 'instance:*', requests: 2}\n  - {scope: 'agent:*', requests: 2}"
    )
    assert all(claimed(world, ALICE, "boss").sent for _ in range(2))
    assert all(claimed(world, MALLORY, "boss").sent for _ in range(2))
    assert claimed(world, ALICE, "boss").status == 402
    assert used(world, "instance:boss") == [2, 2]
    assert used(world, "agent:boss") == [2, 2]


def test_a_fresh_name_gets_a_fresh_budget_but_not_at_the_key(tmp_path: Path) -> None:
    world = office(
        tmp_path, "  - {scope: 'instance:*', requests: 1}\n  - {scope: 'key:*', requests: 3}"
    )
    seen = [bool(claimed(world, MALLORY, f"sock-puppet-{n}").sent) for n in range(6)]
    assert seen == [True] * 3 + [False] * 3


def test_forged_headers_change_no_account_of_a_bound_instance(tmp_path: Path) -> None:
    world = office(
        tmp_path,
        "  - {scope: 'instance:planner-1', requests: 2}\n"
        "  - {scope: 'compartment:research', requests: 5}",
    )
    forged = (
        (b"x-firedoor-instance", b"planner-2"),
        (b"x-firedoor-compartment", b"payments"),
        (b"x-firedoor-parent", b"planner-3"),
        (b"baggage", b"firedoor.instance=planner-4"),
        (b"x-claude-code-session-id", b"s-1"),
        (b"x-claude-code-agent-id", b"planner-5"),
    )
    seen = [bool(world.call(ME, ASK, headers=(h,)).sent) for h in forged]
    assert seen == [True, True] + [False] * 4
    assert {r.account for r in world.store.accounts()} == {
        "instance:planner-1", "compartment:research",
    }  # fmt: skip


def test_a_cycle_of_spawns_ends_and_charges_each_once(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 50, spawn_depth: 9}")
    for _ in range(3):
        assert claimed(world, ALICE, "a", "b").sent
        assert claimed(world, ALICE, "b", "a").sent
    assert claimed(world, ALICE, "a", "a").sent
    # No call was charged twice to one account, and none went round for ever.
    (a,), (b,) = used(world, "instance:a"), used(world, "instance:b")
    assert 1 <= a <= 7
    assert 1 <= b <= 7
    assert all(r.held == 0 for r in world.store.accounts())


def test_a_long_line_of_spawns_is_charged_up_to_its_head(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:head', requests: 20}")
    assert claimed(world, ALICE, "head").sent
    line = ["head", *(f"n{i}" for i in range(12))]
    for parent, child in itertools.pairwise(line):
        assert claimed(world, ALICE, child, parent).sent
    assert used(world, "instance:head") == [13]


def test_retries_take_each_their_own(tmp_path: Path) -> None:
    """The count of a retry is the client's claim: a thousand calls on one hold are a thousand."""
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 25, output_tokens: 1M}")
    seen = [
        bool(world.call(ME, ASK, extra={"max_tokens": 10},
                        headers=((b"x-stainless-retry-count", b"%d" % n),
                                 (b"idempotency-key", b"stainless-python-retry-1"))).sent)
        for n in range(40)
    ]  # fmt: skip
    assert seen == [True] * 25 + [False] * 15
    assert used(world, "instance:planner-1") == [25]


# -- clocks ----------------------------------------------------------------------------------------


def test_a_clock_set_back_gives_nothing_back(tmp_path: Path) -> None:
    for window in ("minute", "hour", "day", "hour sliding"):
        world = office(tmp_path, f"  - {{scope: deployment, requests: 2/{window}}}")
        assert world.call(ME, ASK, at=AT + 1).sent
        assert world.call(ME, ASK, at=AT + 2).sent
        for back in (0, -61, -3_700, -90_000, -1e9):
            refused = world.call(ME, ASK, at=AT + back)
            assert refused.status == 429
            assert int(refused.headers["retry-after"]) > 0


def test_a_clock_set_far_forward_and_back_gives_nothing_twice(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, requests: 2/day}")
    assert world.call(ME, ASK, at=AT).sent
    assert world.call(ME, ASK, at=AT + 1).sent
    assert world.call(ME, ASK, at=AT + 1e8).sent
    # The window has rolled on: what is used from here on is used of that, whatever the clock says.
    assert world.call(ME, ASK, at=AT + 2).sent
    assert world.call(ME, ASK, at=AT + 3).status == 429
    assert world.call(ME, ASK, at=AT + 1e8).status == 429


# -- limits that change ----------------------------------------------------------------------------


def test_a_limit_lowered_below_what_is_used_refuses_and_breaks_nothing(tmp_path: Path) -> None:
    file = f"sqlite:{tmp_path / 'firedoor.db'}"
    world = office(tmp_path, "  - {scope: 'instance:*', requests: 10}", url=file)
    assert all(world.call(ME, ASK).sent for _ in range(5))
    world.store.close()
    lower = office(tmp_path, "  - {scope: 'instance:*', requests: 3}", url=file)
    lower.calls = 100
    refused = lower.call(ME, ASK)
    assert refused.status == 402
    assert "limited to 3 (committed 5, held 0)" in refused.answer["error"]["message"]
    lower.store.close()
    higher = office(tmp_path, "  - {scope: 'instance:*', requests: 6}", url=file)
    higher.calls = 200
    assert higher.call(ME, ASK).sent
    assert higher.call(ME, ASK).status == 402


def test_a_limit_lowered_below_what_is_held_lets_the_held_finish(tmp_path: Path) -> None:
    file = f"sqlite:{tmp_path / 'firedoor.db'}"
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000}", url=file)
    lowered: list[Outcome] = []

    def meanwhile(request: Any) -> list[Any]:
        other = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 100}", url=file)
        other.calls = 100
        lowered.append(other.call(ME, ASK, extra={"max_tokens": 1}, at=AT))
        other.store.close()
        return plain(shapes.chat(Reply("A word. " * 100), "m", 1))

    assert world.call(ME, ASK, extra={"max_tokens": 900}, upstream=meanwhile, at=AT).status == 200
    # Waiting may help: what is held in its way may come to less.
    assert lowered[0].status == 429
    assert "held 900" in lowered[0].answer["error"]["message"]
    (row,) = world.store.accounts(AT)
    assert (row.held, row.committed, row.overrun) == (0, 200, 0)


@pytest.mark.parametrize(
    "kind", ["requests", "input_tokens", "output_tokens", "cost_usd", "concurrent", "wall_time"]
)
def test_a_limit_of_nothing_lets_nothing_go(tmp_path: Path, kind: str) -> None:
    world = office(tmp_path, f"  - {{scope: deployment, {kind}: 0}}",
                   "prices: {m: {input: 1, output: 1}}")  # fmt: skip
    refused = world.call(ME, ASK, extra={"max_tokens": 1})
    assert not refused.sent
    assert refused.status == 402


def test_a_model_that_costs_nothing_is_no_way_round_a_limit_of_nothing(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, cost_usd: 0}",
                   "prices: {m: {input: 0, output: 0}}")  # fmt: skip
    assert world.call(ME, ASK).status == 402


@pytest.mark.parametrize("model", [None, "nobody-knows", "", 7, "m" * 5_000, "../m", "M"])
def test_a_model_without_a_price_does_not_go_where_cost_is_limited(
    tmp_path: Path, model: Any
) -> None:
    world = office(tmp_path, "  - {scope: deployment, cost_usd: 100}",
                   "prices: {m: {input: 1, output: 1}}")  # fmt: skip
    refused = world.call(ME, ASK, extra={"model": model})
    assert not refused.sent
    assert refused.status in (400, 402, 403)


def test_tools_named_in_the_answer_alone_are_charged_too(tmp_path: Path) -> None:
    """A model may call what it was never offered."""
    world = office(tmp_path, "  - {scope: 'instance:*', tools: {bash: 0}}")
    seen = world.call(ME, ASK, Reply("", (Call("bash", {"cmd": "ls"}),)))
    assert world.explain(seen)["tools"][0]["verdict"] == "deny"


def test_a_family_may_not_grow_by_new_names_for_one_child(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', spawn_children: 2}")
    boss = Binding("boss", "research")
    assert world.call(boss, ASK).sent
    seen = [bool(world.call(Binding(f"c{n}", None, parent=boss), ASK).sent) for n in range(4)]
    assert seen == [True, True, False, False]
    # One that was refused may come again, and is refused again.
    assert not world.call(Binding("c3", None, parent=boss), ASK).sent
    assert world.call(Binding("c1", None, parent=boss), ASK).sent


# -- calls that write nothing ----------------------------------------------------------------------

SPENT = "  - {scope: deployment, output_tokens: 10, input_tokens: 1000, cost_usd: 1, requests: 100}"


def spent(folder: Path) -> Office:
    """An account whose output tokens are used up."""
    world = office(folder, SPENT, "prices: {m: {input: 1, output: 10}}")
    answer = shapes.chat(Reply("x"), "m", 1)
    answer["usage"] = {"prompt_tokens": 10, "completion_tokens": 10}
    assert world.call(ME, ASK, extra={"max_tokens": 10}, upstream=plain(answer)).sent
    assert world.call(ME, ASK, extra={"max_tokens": 1}).status == 402
    return world


def amounts(world: Office) -> dict[str, int]:
    return {row.kind: row.committed + row.overrun + row.held for row in world.store.accounts()}


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/v1/responses/input_tokens", b'{"model":"m","input":"hello"}',
         {"object": "response.input_tokens", "input_tokens": 5}),
        ("/v1/messages/count_tokens",
         b'{"model":"m","messages":[{"role":"user","content":"Hello."}]}', {"input_tokens": 5}),
        ("/v1beta/models/g:countTokens", b'{"contents":[{"parts":[{"text":"Hello."}]}]}',
         {"totalTokens": 5}),
    ],
)  # fmt: skip
def test_a_count_of_tokens_is_a_request_and_no_tokens(
    tmp_path: Path, path: str, body: bytes, answer: Any
) -> None:
    """Nor is an output limit set in it: the provider would not know the field."""
    world = spent(tmp_path)
    before = amounts(world)
    seen = world.call(ME, [], path=path, body=body, upstream=plain(answer))
    assert seen.status == 200
    assert seen.sent == body
    assert amounts(world) == before | {"requests": before["requests"] + 1}


def test_an_embedding_takes_no_output(tmp_path: Path) -> None:
    world = spent(tmp_path)
    before = amounts(world)
    answer = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 5}}
    body = b'{"model":"m","input":"hello"}'
    seen = world.call(ME, [], path="/v1/embeddings", body=body, upstream=plain(answer))
    assert seen.status == 200
    after = amounts(world)
    assert after["output_tokens"] == before["output_tokens"]
    assert after["input_tokens"] == before["input_tokens"] + 5


def test_a_compaction_is_held_for_and_knows_no_output_limit(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: deployment, output_tokens: 5000}")
    item = {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAAA" * 20}
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    answer = {"id": "resp_c", "object": "response.compaction", "output": [item], "usage": usage}
    body = b'{"model":"m","input":"hello"}'
    seen = world.call(ME, [], path="/v1/responses/compact", body=body, upstream=plain(answer))
    assert seen.sent == body
    assert world.explain(seen)["holds"][0]["held"] == 4096
    assert amounts(world) == {"output_tokens": 2}

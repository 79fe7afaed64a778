"""Responses that run in the background: held until they are polled to their end, or cancelled."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.events import CallerGone, UpstreamEnd, UpstreamFailed
from firedoor.testing import Reply, shapes
from firedoor.types.exchange import Binding
from spoken import AT, ME, broken, events, head, plain, told

ROWS = """
  - {scope: 'instance:*', requests: 9, output_tokens: 1000, input_tokens: 100k, concurrent: 1}
"""
DONE = shapes.response(Reply("A word. " * 25), "m", 1)
RUNNING = shapes.response(Reply(""), "m", 1, status="in_progress") | {"usage": None}
DAY = 86_400.0


def office(folder: Path, rows: str = ROWS, more: str = "") -> Office:
    return Office(settings_for(folder, "contain", f"budgets:{rows}{more}"), people=True)


def begin(world: Office, upstream: list[Any], *, at: float = AT, **more: Any) -> Outcome:
    body = {"model": "m", "input": "Go.", "background": True, "max_output_tokens": 900, **more}
    return world.call(
        ME, [], path="/v1/responses", body=json.dumps(body).encode(), upstream=upstream, at=at
    )


def poll(world: Office, answer: Any, *, at: float = AT + 9, verb: str = "", status: int = 200,
         who: Binding = ME) -> Outcome:  # fmt: skip
    return world.call(
        who, [], path="/v1/responses/resp_1" + verb, method="POST" if verb else "GET", body=b"",
        upstream=plain(answer, status), at=at,
    )  # fmt: skip


def rows(world: Office, at: float = AT + 60) -> dict[str, tuple[int, int, int]]:
    return {r.kind: (r.held, r.committed, r.overrun) for r in world.store.accounts(at)}


def test_a_background_response_holds_until_it_is_polled_to_its_end(tmp_path: Path) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    assert begin(world, plain(RUNNING | {"status": "queued"})).status == 200
    assert rows(world)["output_tokens"] == (900, 0, 0)
    assert poll(world, RUNNING).status == 200
    assert rows(world)["output_tokens"] == (900, 0, 0)
    assert poll(world, DONE).status == 200
    used = DONE["usage"]
    for _ in range(2):
        assert rows(world)["output_tokens"] == (0, used["output_tokens"], 0)
        assert poll(world, DONE).status == 200
    assert rows(world)["input_tokens"][0] == 0


def test_it_is_under_way_as_long_as_it_holds(tmp_path: Path) -> None:
    world = office(tmp_path, "\n  - {scope: 'instance:*', output_tokens: 1000}")
    begin(world, plain(RUNNING))
    assert begin(world, plain(RUNNING)).status == 429
    assert begin(world, plain(RUNNING), at=AT + 3_600).status == 429


def test_one_that_is_never_polled_has_used_what_it_held(tmp_path: Path) -> None:
    world = office(tmp_path, "\n  - {scope: 'instance:*', output_tokens: 1000}")
    begin(world, plain(RUNNING))
    assert begin(world, plain(RUNNING), at=AT + DAY + 1, max_output_tokens=50).sent
    assert rows(world, AT + DAY + 2)["output_tokens"] == (50, 900, 0)


@pytest.mark.parametrize("usage", [None, {}, {"input_tokens": 5}, {"output_tokens": -1}])
def test_a_cancelled_one_has_used_what_it_held_unless_it_says_otherwise(
    tmp_path: Path, usage: Any
) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    begin(world, plain(RUNNING))
    poll(world, RUNNING | {"status": "cancelled", "usage": usage}, verb="/cancel")
    assert rows(world)["output_tokens"] == (0, 900, 0)
    assert rows(world)["input_tokens"][1] > 0
    assert rows(world)["requests"][0] == 0


def test_a_cancelled_one_that_tells_its_usage_is_settled_by_it(tmp_path: Path) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    begin(world, plain(RUNNING))
    usage = {"input_tokens": 7, "output_tokens": 30, "total_tokens": 37}
    poll(world, RUNNING | {"status": "cancelled", "usage": usage}, verb="/cancel")
    assert rows(world)["output_tokens"] == (0, 30, 0)
    # Its own request, and the input of the polls, which is none.
    assert rows(world)["input_tokens"] == (0, 7, 0)


@pytest.mark.parametrize("status", [400, 429, 500])
def test_one_that_never_began_holds_nothing(tmp_path: Path, status: int) -> None:
    world = office(tmp_path)
    assert begin(world, plain({"error": {"type": "server_error"}}, status)).status == status
    assert rows(world)["output_tokens"] == (0, 0, 0)
    assert rows(world)["concurrent"] == (0, 0, 0)


def test_one_whose_provider_was_not_reached_holds_nothing(tmp_path: Path) -> None:
    world = office(tmp_path)
    begin(world, broken("refused"))
    assert set(rows(world).values()) == {(0, 0, 0)}


@pytest.mark.parametrize("end", [CallerGone(AT), UpstreamFailed("reset", AT), UpstreamEnd(AT)])
def test_a_stream_of_it_that_breaks_off_leaves_it_under_way(tmp_path: Path, end: Any) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    lines = events("responses", Reply("A word. " * 25))[:4]
    begin(world, [head(), *told(lines), end], stream=True)
    assert rows(world)["output_tokens"] == (900, 0, 0)
    poll(world, DONE)
    assert rows(world)["output_tokens"] == (0, 50, 0)


def test_a_stream_of_it_that_ends_settles_it(tmp_path: Path) -> None:
    world = office(tmp_path)
    lines = events("responses", Reply("A word. " * 25))
    begin(world, [head(), *told(lines), UpstreamEnd(AT)], stream=True)
    assert rows(world)["output_tokens"] == (0, 50, 0)
    assert rows(world)["concurrent"] == (0, 0, 0)


def test_a_poll_that_fails_settles_nothing(tmp_path: Path) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    begin(world, plain(RUNNING))
    poll(world, {"error": {"type": "server_error"}}, status=500)
    assert rows(world)["output_tokens"] == (900, 0, 0)


def test_a_poll_from_another_room_settles_nothing(tmp_path: Path) -> None:
    world = office(tmp_path, ROWS.replace(", concurrent: 1", ""))
    begin(world, plain(RUNNING))
    seen = poll(world, DONE | {"usage": {"input_tokens": 0, "output_tokens": 0}},
                who=Binding("thief", "elsewhere"))  # fmt: skip
    assert seen.status == 403
    assert rows(world)["output_tokens"] == (900, 0, 0)


def test_an_account_with_nothing_left_bars_no_poll(tmp_path: Path) -> None:
    world = office(tmp_path, "\n  - {scope: 'instance:*', output_tokens: 900, input_tokens: 100}")
    begin(world, plain(RUNNING))
    assert poll(world, RUNNING).status == 200
    assert poll(world, DONE).status == 200
    assert rows(world)["output_tokens"] == (0, 50, 0)


def test_the_cost_of_a_background_response_is_settled_by_its_poll(tmp_path: Path) -> None:
    more = "prices: {m: {input: 1, output: 10}}\n"
    world = office(tmp_path, "\n  - {scope: 'instance:*', cost_usd: 1}\n", more)
    begin(world, plain(RUNNING))
    poll(world, DONE)
    (row,) = world.store.accounts(AT + 60)
    assert (row.held, row.committed, row.overrun) == (0, 10 + 500, 0)


def test_a_response_that_waits_to_be_polled_bars_no_poll(tmp_path: Path) -> None:
    """Calls under way are counted, and a poll is one; the response must not shut out its own poll."""
    world = office(tmp_path)
    begin(world, plain(RUNNING))
    assert poll(world, DONE).status == 200
    assert rows(world)["concurrent"] == (0, 0, 0)

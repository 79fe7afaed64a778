"""How calls end, and what their accounts bear then: whole, cut, broken off, left alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.events import CallerGone, UpstreamBytes, UpstreamEnd
from firedoor.engine.port import Commit
from firedoor.testing import Call, Reply, shapes
from spoken import (
    ASK,
    AT,
    CALLING,
    ME,
    PATHS,
    broken,
    events,
    head,
    plain,
    stream,
    told,
    whole,
)

ROWS = "  - {scope: 'instance:*', requests: 100, input_tokens: 100k, output_tokens: 100k}"
WORDS = "word " * 4_000


def office(
    folder: Path, rows: str = ROWS, mode: str = "contain", kind: type[Office] = Office
) -> Office:
    return kind(settings_for(folder, mode, f"budgets:\n{rows}\n"), people=True)


def account(world: Office, kind: str) -> tuple[int, int, int]:
    """(held, committed, overrun)."""
    (row,) = [r for r in world.store.accounts(AT + 60) if r.kind == kind]
    return row.held, row.committed, row.overrun


def settled(world: Office) -> bool:
    return all(row.held == 0 for row in world.store.accounts(AT + 60))


def ask(world: Office, upstream: list[Any], **more: Any) -> Outcome:
    return world.call(ME, ASK, extra={"max_tokens": 900, **more}, upstream=upstream)


def unbilled(line: str) -> str:
    """An event without what it says of usage."""
    return re.sub(r'"(usage|usageMetadata)":\{[^{}]*(\{[^{}]*\}[^{}]*)*\}', r'"\1":null', line)


# -- nothing came ----------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True])
def test_a_provider_that_was_never_reached_takes_nothing(tmp_path: Path, streamed: bool) -> None:
    world = office(tmp_path)
    assert ask(world, broken("refused"), stream=streamed).status == 502
    for kind in ("requests", "input_tokens", "output_tokens"):
        assert account(world, kind) == (0, 0, 0)


@pytest.mark.parametrize("reason", ["timeout", "reset"])
def test_one_that_says_nothing_may_have_written_all_that_was_held(
    tmp_path: Path, reason: str
) -> None:
    world = office(tmp_path)
    ask(world, broken(reason))
    assert account(world, "requests") == (0, 1, 0)
    assert account(world, "output_tokens") == (0, 900, 0)
    assert account(world, "input_tokens")[1] > 0


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (500, "application/json", b'{"error":{"type":"server_error"}}'),
        (502, "text/html", b"<html>Bad gateway</html>"),
        (400, "application/json", b'{"error":{"type":"invalid_request_error"}}'),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_an_error_is_an_answer_that_bills_no_tokens(
    tmp_path: Path, status: int, kind: str, body: bytes, streamed: bool
) -> None:
    world = office(tmp_path)
    seen = ask(world, plain(body, status, kind), stream=streamed)
    assert (seen.status, seen.body) == (status, body)
    assert account(world, "requests") == (0, 1, 0)
    assert account(world, "output_tokens") == (0, 0, 0)


def test_a_page_in_place_of_an_answer_is_settled_as_unseen(tmp_path: Path) -> None:
    world = office(tmp_path)
    assert ask(world, plain(b"<html>Welcome</html>", kind="text/html")).status == 502
    assert account(world, "output_tokens") == (0, 900, 0)


# -- the caller leaves -----------------------------------------------------------------------------


@pytest.mark.parametrize("arrived", [[], [head("application/json"), UpstreamBytes(b'{"id":', AT)]])
def test_a_caller_that_leaves_a_plain_answer_bears_all_of_it(
    tmp_path: Path, arrived: list[Any]
) -> None:
    """The provider writes on, and nobody will be told how much."""
    world = office(tmp_path)
    ask(world, [*arrived, CallerGone(AT)])
    assert account(world, "requests") == (0, 1, 0)
    assert account(world, "output_tokens") == (0, 900, 0)


@pytest.mark.parametrize("surface", list(PATHS))
def test_a_caller_that_leaves_a_stream_bears_what_was_seen(tmp_path: Path, surface: str) -> None:
    lines = events(surface, Reply("A word. " * 100, pieces=50))
    if surface == "responses":
        lines = [line.replace('"output_tokens":200', '"output_tokens":0') for line in lines]
    seen = []
    for end in range(0, len(lines), 10):
        world = office(tmp_path)
        stream(world, surface, [head(), *told(lines[:end]), CallerGone(AT)], cap=900)
        assert settled(world)
        seen.append(account(world, "output_tokens")[1])
    if surface != "gemini":
        assert seen == sorted(seen)
        assert seen[0] == 0
        assert 0 < seen[-1] < 900
    else:
        # Its thoughts are not among what was seen.
        assert set(seen) == {900}


@pytest.mark.parametrize("model", ["o3-mini", "gpt-5", "deepseek-reasoner"])
def test_a_caller_that_leaves_a_model_that_thinks_bears_its_hold(
    tmp_path: Path, model: str
) -> None:
    world = office(tmp_path)
    lines = events("chat", Reply("A word. " * 10))
    stream(world, "chat", [head(), *told(lines[:3]), CallerGone(AT)], cap=900, model=model)
    assert account(world, "output_tokens") == (0, 900, 0)


def test_leaving_just_before_the_usage_is_no_bargain(tmp_path: Path) -> None:
    lines = events("chat", Reply("A word. " * 100))
    (usage,) = [i for i, line in enumerate(lines) if '"usage"' in line]
    bills = {}
    for end in (usage, usage + 1):
        world = office(tmp_path)
        stream(world, "chat", [head(), *told(lines[:end]), CallerGone(AT)], cap=900)
        bills[end] = account(world, "output_tokens")[1]
    assert bills[usage] >= bills[usage + 1] > 0


class _Leaves(Office):
    """Whoever asks leaves while the store is asked to charge a tool call."""

    def _ask(self, command: Any) -> Any:
        found = super()._ask(command)
        charges = isinstance(command, Commit) and command.hold and "/" in command.hold.id
        return CallerGone(AT) if charges else found


@pytest.mark.parametrize("surface", CALLING)
def test_a_caller_that_leaves_while_a_call_is_charged_ends_the_exchange(
    tmp_path: Path, surface: str
) -> None:
    rows = ROWS + "\n  - {scope: 'instance:*', tool_calls: 9}"
    world = office(tmp_path, rows, kind=_Leaves)
    reply = Reply("So.", (Call("bash", {"cmd": "a"}), Call("bash", {"cmd": "b"})))
    seen = stream(world, surface, whole(surface, reply))
    assert seen.exchange.ended
    assert seen.clean is False
    assert world.explain(seen)["tools"] == []
    assert b"echo" not in seen.body
    assert settled(world)
    assert account(world, "tool_calls") == (0, 1, 0)


# -- what usage says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "usage",
    [None, {}, {"completion_tokens": -7, "prompt_tokens": -5}, {"completion_tokens": "9"},
     {"completion_tokens": 1e30}, {"completion_tokens": True}, {"prompt_tokens": 5}, [], "9"],
)  # fmt: skip
def test_usage_that_says_nothing_is_settled_by_what_was_seen(tmp_path: Path, usage: Any) -> None:
    world = office(tmp_path)
    answer = shapes.chat(Reply("x" * 1000), "m", 1) | {"usage": usage}
    assert ask(world, plain(answer)).status == 200
    assert account(world, "output_tokens") == (0, 500, 0)
    assert account(world, "input_tokens")[1] > 0


def test_a_plain_answer_beyond_its_hold_without_usage_is_overrun(tmp_path: Path) -> None:
    world = office(tmp_path)
    answer = shapes.chat(Reply("word " * 16_000), "m", 1) | {"usage": None}
    ask(world, plain(answer))
    assert account(world, "output_tokens") == (0, 900, 9_100)


def test_usage_told_twice_counts_once(tmp_path: Path) -> None:
    world = office(tmp_path)
    lines = events("chat", Reply("A word. " * 10))
    (usage,) = [line for line in lines if '"usage"' in line]
    lines.insert(-1, usage)
    stream(world, "chat", [head(), *told(lines), UpstreamEnd(AT)])
    assert account(world, "output_tokens") == (
        0,
        json.loads(usage[6:])["usage"]["completion_tokens"],
        0,
    )


def test_usage_at_the_end_alone_is_what_counts(tmp_path: Path) -> None:
    world = office(tmp_path)
    lines = [line.replace('"output_tokens":1', '"output_tokens":0') if "message_start" in line else line
             for line in events("messages", Reply("A word. " * 10))]  # fmt: skip
    stream(world, "messages", [head(), *told(lines), UpstreamEnd(AT)])
    assert account(world, "output_tokens") == (0, 20, 0)


# -- the stream that does not end ------------------------------------------------------------------


@pytest.mark.parametrize("surface", list(PATHS))
def test_a_stream_far_beyond_its_hold_is_stopped_by_its_own_error(
    tmp_path: Path, surface: str
) -> None:
    world = office(tmp_path)
    # No usage on the way: what passed is known by its bytes alone.
    lines = [unbilled(line) for line in events(surface, Reply(WORDS, pieces=400))]
    upstream = [head(), *told(lines), UpstreamEnd(AT)]
    seen = stream(world, surface, upstream)
    assert b"firedoor_budget_exhausted" in seen.body
    assert seen.clean is True
    passed = seen.body.count(b"word ")
    assert 50 * 8 / 5 - 20 <= passed <= 50 * 8 / 5 + 20
    held, committed, overrun = account(world, "output_tokens")
    assert (held, committed) == (0, 50)
    assert 1 <= overrun <= 20
    assert world.explain(seen)["upstream"]["error"] == "budget"


@pytest.mark.parametrize("token", ["नमस्ते ", "-" * 80, " " * 100 + "\n", "வணக்கம்", "🏳️‍🌈"])
def test_a_stream_of_long_tokens_is_not_stopped(tmp_path: Path, token: str) -> None:
    """Fifty tokens may have thousands of bytes, and are no more than fifty."""
    world = office(tmp_path)
    lines = events("chat", Reply(token * 50, pieces=50))
    seen = stream(world, "chat", [head(), *told(lines), UpstreamEnd(AT)])
    assert b"firedoor_budget_exhausted" not in seen.body
    assert seen.body.endswith(b"data: [DONE]\n\n")


def test_a_stream_of_one_character_is_stopped_as_well(tmp_path: Path) -> None:
    world = office(tmp_path)
    lines = events("chat", Reply("-" * 400_000, pieces=400))
    seen = stream(world, "chat", [head(), *told(lines), UpstreamEnd(AT)])
    assert b"firedoor_budget_exhausted" in seen.body
    assert len(seen.body) < 200_000


@pytest.mark.parametrize("surface", CALLING)
def test_arguments_far_beyond_the_hold_stop_it_as_well(tmp_path: Path, surface: str) -> None:
    world = office(tmp_path)
    seen = stream(world, surface, whole(surface, Reply("", (Call("bash", {"cmd": WORDS}),))))
    assert b"word" not in seen.body
    assert b"firedoor_budget_exhausted" in seen.body
    held, committed, overrun = account(world, "output_tokens")
    assert (held, committed) == (0, 50)
    assert overrun > 0


def test_in_observe_nothing_is_stopped(tmp_path: Path) -> None:
    world = office(tmp_path, mode="observe")
    lines = events("chat", Reply(WORDS, pieces=400))
    seen = stream(world, "chat", [head(), *told(lines), UpstreamEnd(AT)])
    assert seen.body == "".join(line + "\n\n" for line in lines).encode()
    assert account(world, "output_tokens") == (0, 50, 4_950)


# -- leases ----------------------------------------------------------------------------------------


class _Watched(Office):
    """Notes after each event what is held at that time."""

    def _receive(self, exchange: Any, event: Any) -> list[Any]:
        commands = super()._receive(exchange, event)
        self.__dict__.setdefault("held", []).append(self.store.accounts(exchange.at)[0].held)
        return commands


def test_a_stream_longer_than_its_lease_keeps_its_hold(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', concurrent: 1}", kind=_Watched)
    lines = events("chat", Reply("A word. " * 100, pieces=40))
    pieces = [piece for n, line in enumerate(lines) for piece in told([line], AT + 120 * n)]
    stream(world, "chat", [head(), *pieces, UpstreamEnd(AT + 9_000)], at=AT)
    held: list[int] = world.__dict__["held"]
    assert len(held) > 40
    assert set(held[:-2]) == {1}
    assert world.store.accounts(AT + 9_000)[0].held == 0


def test_a_call_that_dies_with_its_process_frees_its_hold_after_the_lease(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', concurrent: 1}")
    world.call(ME, ASK, extra={"stream": True}, upstream=[head()], at=AT)
    busy = world.call(ME, ASK, at=AT + 599)
    assert not busy.sent
    assert world.call(ME, ASK, at=AT + 601).sent


def test_what_comes_after_the_lease_is_overrun_for_others_were_let_in(tmp_path: Path) -> None:
    world = office(tmp_path, "  - {scope: 'instance:*', output_tokens: 1000}")
    answer = json.dumps(shapes.chat(Reply("A word. " * 100), "m", 1)).encode()
    late = [UpstreamBytes(answer, AT + 700), UpstreamEnd(AT + 700)]
    assert ask(world, [head("application/json"), *late]).status == 200
    (row,) = world.store.accounts(AT + 701)
    assert (row.held, row.committed, row.overrun) == (0, 0, 200)

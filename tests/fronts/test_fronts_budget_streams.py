"""Budgets on streams that SDKs read: stopped in the middle, left in the middle, broken in the middle."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors, types

from both_fronts import KEY, Front, front_of, named
from conftest import Serve
from firedoor.testing import Call, Reply, ScriptedUpstream

ASK: Any = [{"role": "user", "content": "Please look after the harbour."}]
ME: Final = named("planner-1", "research")
CAP: Final = 50
ENDLESS: Final = Reply("word " * 8_000, pieces=400, pause_s=0.001)
ROWS: Final = "  - {scope: 'instance:*', requests: 10k, output_tokens: 10M, concurrent: 50}\n"
Opened = Callable[..., Front]


@pytest.fixture(params=["in process", "sidecar"])
def behind(request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream) -> Opened:
    """A door with budgets, in front of the scripted upstream, by either front."""

    def of(rows: str = ROWS) -> Front:
        return front_of(request, serve, upstream, request.param, "contain", "budgets:\n" + rows)

    return of


def chat(front: Front, model: str = "m") -> Any:
    return front.openai(**ME).chat.completions.create(
        model=model, messages=ASK, max_tokens=CAP, stream=True
    )


def completions(front: Front) -> Any:
    return front.openai(**ME).completions.create(
        model="m", prompt="Go.", max_tokens=CAP, stream=True
    )


def responses(front: Front) -> Any:
    return front.openai(**ME).responses.create(
        model="m", input="Go.", max_output_tokens=CAP, stream=True
    )


def messages(front: Front) -> Any:
    return front.anthropic(**ME).messages.create(
        model="m", messages=ASK, max_tokens=CAP, stream=True
    )


def gemini(front: Front) -> Iterator[Any]:
    client = front.gemini(**ME)
    yield from client.models.generate_content_stream(
        model="gemini-2.0-flash", contents="Go.",
        config=types.GenerateContentConfig(max_output_tokens=CAP),
    )  # fmt: skip


STREAMS: Final[dict[str, Callable[..., Any]]] = {
    "chat": chat, "completions": completions, "responses": responses, "messages": messages,
    "gemini": gemini,
}  # fmt: skip
REFUSALS: Final = (openai.APIError, anthropic.APIError, errors.APIError)


def account(front: Front, kind: str) -> tuple[int, int, int]:
    """(held, committed, overrun), once nothing is held any more, or as it stands after a while."""
    deadline = time.monotonic() + 10
    while True:
        (row,) = [r for r in front.store.accounts() if r.kind == kind]
        if row.held == 0 or time.monotonic() > deadline:
            return row.held, row.committed, row.overrun
        time.sleep(0.02)


# -- stopped ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", list(STREAMS))
def test_a_provider_that_goes_on_beyond_the_hold_is_cut_off(
    behind: Opened, upstream: ScriptedUpstream, surface: str
) -> None:
    upstream.script = lambda call: ENDLESS
    front = behind()
    got: list[Any] = []
    with pytest.raises(REFUSALS) as failed:
        got.extend(STREAMS[surface](front))
    assert "longer than its budget held" in str(failed.value)
    # What came before it reached the client.
    assert len(got) > 1
    assert 0 < str(got).count("word") <= 2 * (CAP * 8 / 5 + 25)
    held, committed, overrun = account(front, "output_tokens")
    assert (held, committed) == (0, CAP)
    assert overrun > 0
    assert account(front, "concurrent") == (0, 0, 0)
    # The provider was told to stop: what it went on with was not taken.
    deadline = time.monotonic() + 10
    while upstream.gone < 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert upstream.gone == 1


# -- left ------------------------------------------------------------------------------------------


def left(front: Front, surface: str, pieces: int) -> None:
    """Read so many events of a stream, and go."""
    stream = STREAMS[surface](front)
    for _ in range(pieces):
        if next(stream, None) is None:
            break
    stream.close()


def assert_aborts_settle(front: Front, upstream: ScriptedUpstream, count: int, seed: int) -> None:
    """Leave so many streams at random points; nothing is held then, and all was settled."""
    draw = random.Random(seed)
    call = Call("bash", {"cmd": "echo " * 8})
    for n in range(count):
        reply = Reply("A word. " * 10, (call,) * draw.randrange(3), pieces=draw.randrange(1, 20))
        upstream.script = lambda _, reply=reply: reply  # type: ignore[misc]
        left(front, draw.choice(list(STREAMS)), draw.randrange(1, 25))
        assert account(front, "requests")[1] == n + 1
    assert account(front, "concurrent") == (0, 0, 0)
    held, committed, _ = account(front, "output_tokens")
    assert held == 0
    assert 0 < committed <= count * CAP


def test_clients_that_leave_at_random_points_leave_no_hold(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    """Fifty in the suite, half by each front; ``FIREDOOR_TEST_ABORTS=1000`` for more."""
    front = behind(ROWS + "  - {scope: 'instance:*', tool_calls: 10k}\n")
    count = int(os.environ.get("FIREDOOR_TEST_ABORTS", "50"))
    assert_aborts_settle(front, upstream, count // 2, seed=7)


def test_whoever_leaves_a_model_that_thinks_bears_its_hold(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply("A word. " * 5, pieces=20, pause_s=0.05)
    front = behind()
    stream = chat(front, "o3-mini")
    next(stream)
    stream.close()
    assert account(front, "output_tokens") == (0, CAP, 0)


def test_whoever_leaves_another_bears_what_was_seen(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply("word " * 20, pieces=20, pause_s=0.05)
    front = behind()
    stream = chat(front)
    for _ in range(4):
        next(stream)
    stream.close()
    held, committed, overrun = account(front, "output_tokens")
    assert (held, overrun) == (0, 0)
    assert 0 < committed < CAP


async def _cancelled(front: Front, url: str, after: float) -> None:
    http = httpx2.AsyncClient(transport=front.transport()) if front.transport is not None else None
    async with anthropic.AsyncAnthropic(
        base_url=url, api_key=KEY, max_retries=0, http_client=http, default_headers=ME
    ) as client:

        async def read() -> None:
            async for _ in await client.messages.create(
                model="m", messages=ASK, max_tokens=CAP, stream=True
            ):
                pass

        task = asyncio.create_task(read())
        await asyncio.sleep(after)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_tasks_that_are_cancelled_leave_no_hold(behind: Opened, upstream: ScriptedUpstream) -> None:
    """Wherever a task is when it ends: before its entry, in its charge of a tool call, in its text."""
    call = Call("bash", {"cmd": "echo " * 20})
    upstream.script = lambda _: Reply("A word. " * 5, (call,) * 4, pieces=5, pause_s=0.002)
    front = behind("  - {scope: 'instance:*', requests: 10k, tool_calls: 10k, concurrent: 50}\n")
    draw = random.Random(11)
    for _ in range(25):
        asyncio.run(_cancelled(front, front.url, draw.uniform(0.0, 0.12)))
    # A task that ended while its entry was being written never began: its hold is a lease.
    rows = [r for r in front.store.accounts(time.time() + 601) if r.kind == "concurrent"]
    assert all(r.held == 0 for r in rows)
    assert account(front, "concurrent") == (0, 0, 0)


# -- broken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("surface", list(STREAMS))
def test_a_stream_that_breaks_off_is_settled_at_what_was_seen(
    behind: Opened, upstream: ScriptedUpstream, surface: str
) -> None:
    upstream.script = lambda call: Reply("A word. " * 20, pieces=20, cut_after=1_200)
    front = behind()
    with pytest.raises(REFUSALS):
        list(STREAMS[surface](front))
    held, committed, overrun = account(front, "output_tokens")
    assert held == 0
    assert 0 < committed <= CAP
    assert overrun == 0 or surface == "responses"
    assert account(front, "requests") == (0, 1, 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_is_not_there_is_given_back(
    behind: Opened, upstream: ScriptedUpstream, stream: bool
) -> None:
    front = behind()
    upstream.close()
    client = front.openai(**ME).chat.completions
    with pytest.raises((openai.APIStatusError, openai.APIConnectionError)):
        list(client.create(model="m", messages=ASK, max_tokens=CAP, stream=stream))
    for kind in ("requests", "output_tokens", "concurrent"):
        assert account(front, kind) == (0, 0, 0)


def test_a_page_in_place_of_an_answer_is_settled(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply(raw=b"<html>Hello</html>", content_type="text/html")
    front = behind()
    with pytest.raises(openai.InternalServerError):
        front.openai(**ME).chat.completions.create(model="m", messages=ASK, max_tokens=CAP)
    assert account(front, "requests") == (0, 1, 0)
    assert account(front, "output_tokens") == (0, CAP, 0)


def test_a_provider_that_is_too_slow_is_settled_at_the_hold(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    def slow(call: Any) -> Reply:
        time.sleep(0.8)
        return Reply("At last.")

    upstream.script = slow
    front = behind()
    with pytest.raises(openai.APITimeoutError):
        front.openai(**ME).with_options(timeout=0.3).chat.completions.create(
            model="m", messages=ASK, max_tokens=CAP
        )
    assert account(front, "requests") == (0, 1, 0)
    assert account(front, "output_tokens")[0] == 0
    assert account(front, "output_tokens")[1] == CAP

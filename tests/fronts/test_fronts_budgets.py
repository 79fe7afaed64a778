"""Budgets as SDKs meet them, through either front: refusals, tool calls, streams that end early."""

from collections.abc import Callable
from typing import Any, Final

import anthropic
import openai
import pytest

from both_fronts import Front, front_of, named
from conftest import Serve
from firedoor.testing import Call, Reply, ScriptedUpstream
from firedoor.testing.upstream import UpstreamCall

ASK: Any = [{"role": "user", "content": "Please look after the harbour."}]
ME: Final = named("planner-1", "research")
REPLY: Final = Reply("A longer text of several words that comes in pieces.")
STREAMED: Final = pytest.mark.parametrize("stream", [False, True])


def chat(front: Front, stream: bool, retries: int = 0, **more: Any) -> Any:
    made = front.openai(**ME).with_options(max_retries=retries).chat.completions
    if not stream:
        return made.create(model="m", messages=ASK, max_tokens=50, **more)
    with made.stream(model="m", messages=ASK, max_tokens=50, **more) as events:
        for _ in events:
            pass
        return events.get_final_completion()


def responses(front: Front, stream: bool, retries: int = 0, **more: Any) -> Any:
    made = front.openai(**ME).with_options(max_retries=retries).responses
    if not stream:
        return made.create(model="m", input="Go.", max_output_tokens=50, **more)
    with made.stream(model="m", input="Go.", max_output_tokens=50, **more) as events:
        for _ in events:
            pass
        return events.get_final_response()


def messages(front: Front, stream: bool, retries: int = 0, **more: Any) -> Any:
    made = front.anthropic(**ME).with_options(max_retries=retries).messages
    if not stream:
        return made.create(model="m", messages=ASK, max_tokens=50, **more)
    with made.stream(model="m", messages=ASK, max_tokens=50, **more) as events:
        for _ in events:
            pass
        return events.get_final_message()


ASKS: Final[dict[str, Callable[..., Any]]] = {
    "chat": chat, "responses": responses, "messages": messages,
}  # fmt: skip
SURFACES: Final = pytest.mark.parametrize("surface", list(ASKS))
Opened = Callable[..., Front]


@pytest.fixture(params=["in process", "sidecar"])
def behind(request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream) -> Opened:
    """A door with budgets, in front of the scripted upstream, by either front."""
    upstream.script = lambda call: REPLY

    def of(*rows: str, more: str = "", mode: str = "contain") -> Front:
        policy = "budgets:\n" + "".join(f"  - {{{row}}}\n" for row in rows) + more
        return front_of(request, serve, upstream, request.param, mode, policy)

    return of


def amounts(front: Front) -> list[tuple[Any, ...]]:
    """Every account, as it stands."""
    return [tuple(row)[:-1] for row in front.store.accounts()]


def nothing_held(front: Front) -> bool:
    return all(row.held == 0 for row in front.store.accounts())


@STREAMED
@SURFACES
def test_a_lifetime_limit_is_the_sdks_own_error_and_not_retried(
    behind: Opened, upstream: ScriptedUpstream, surface: str, stream: bool
) -> None:
    front = behind("scope: 'instance:*', requests: 2")
    for _ in range(2):
        ASKS[surface](front, stream, retries=3)
    with pytest.raises((openai.APIStatusError, anthropic.APIStatusError)) as failed:
        ASKS[surface](front, stream, retries=3)
    error = failed.value
    assert error.status_code == 402
    assert error.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in error.response.headers
    body: Any = error.body
    said = body.get("error") or body
    assert said["code"] == "firedoor_budget_exhausted"
    assert said["param"] == "requests"
    assert "instance:planner-1" in said["message"]
    assert len(upstream.calls) == 2
    # Not one call more was asked of the door, either.
    assert len(front.store.accounts()) == 1
    (row,) = front.store.accounts()
    assert (row.committed, row.held, row.overrun) == (2, 0, 0)


@STREAMED
@SURFACES
def test_a_window_that_refills_is_told_and_not_retried(
    behind: Opened, upstream: ScriptedUpstream, surface: str, stream: bool
) -> None:
    front = behind("scope: deployment, requests: 1/day")
    ASKS[surface](front, stream, retries=3)
    with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as failed:
        ASKS[surface](front, stream, retries=3)
    headers = failed.value.response.headers
    assert headers["x-should-retry"] == "false"
    assert 0 < int(headers["retry-after"]) <= 86_400
    assert len(upstream.calls) == 1


def test_both_fronts_leave_the_same_accounts(
    request: pytest.FixtureRequest, serve: Serve, upstream: ScriptedUpstream
) -> None:
    """The same exchanges through either front: the same verdicts, and the same rows to the unit."""
    calls = (Call("bash", {"cmd": "ls"}), Call("bash", {"cmd": "ps"}), Call("look", {"at": "it"}))
    replies = [REPLY, Reply("So.", calls), Reply("", status=500)]
    policy = (
        "budgets:\n  - {scope: deployment, requests: 100/day, output_tokens: 1000}\n"
        "  - {scope: 'compartment:research', input_tokens: 100k, tool_calls: 20}\n"
        "  - {scope: 'instance:*', requests: 14, tools: {bash: 3}, cost_usd: 1}\n"
        "prices: {m: {input: 1, output: 10}}\n"
    )
    seen = []
    for name in ("in process", "sidecar"):
        front = front_of(request, serve, upstream, name, "contain", policy)
        told: list[Any] = []
        upstream.calls.clear()  # its answers are numbered by them
        for n in range(18):
            upstream.script = lambda call, n=n: replies[n % 3]  # type: ignore[misc]
            try:
                answer = list(ASKS.values())[n % 3 if n < 9 else (n + 1) % 3](front, n % 2 == 1)
                told.append(answer.model_dump(exclude={"id", "created", "created_at"}, mode="json"))
            except (openai.APIStatusError, anthropic.APIStatusError) as error:
                body: Any = error.body
                told.append((error.status_code, (body.get("error") or body).get("message")))
        seen.append((told, amounts(front)))
    (told_in, rows_in), (told_out, rows_out) = seen
    assert rows_in == rows_out
    assert len(rows_in) == 7
    assert told_in == told_out
    assert any(isinstance(t, tuple) and t[0] == 402 for t in told_in)


# -- tool calls ------------------------------------------------------------------------------------


def called(answer: Any) -> tuple[list[tuple[str, str]], str, str]:
    """(name, arguments) of the calls that a client was given, its text, and how it finished."""
    if hasattr(answer, "choices"):
        (choice,) = answer.choices
        calls = [(c.function.name, c.function.arguments) for c in choice.message.tool_calls or ()]
        return calls, choice.message.content or "", choice.finish_reason
    if hasattr(answer, "output"):
        found = [i for i in answer.output if i.type == "function_call"]
        return [(i.name, i.arguments) for i in found], answer.output_text, answer.status
    found = [b for b in answer.content if b.type == "tool_use"]
    text = "".join(b.text for b in answer.content if b.type == "text")
    return [(b.name, str(b.input)) for b in found], text, answer.stop_reason


@STREAMED
@SURFACES
def test_of_parallel_calls_the_one_that_is_over_is_refused_whole(
    behind: Opened, upstream: ScriptedUpstream, surface: str, stream: bool
) -> None:
    calls = tuple(Call("bash", {"cmd": f"echo secret-{n}"}) for n in range(3))
    upstream.script = lambda call: Reply("So.", (*calls, Call("look", {"at": "the pier"})))
    front = behind("scope: 'instance:*', tools: {bash: 2}")
    answer = ASKS[surface](front, stream)
    got, text, finish = called(answer)
    assert [name for name, _ in got] == ["bash", "bash", "look"]
    assert "secret-2" not in answer.model_dump_json()
    assert "tools/bash" in text
    assert "limited to 2 (committed 2, held 0)" in text
    assert finish in ("tool_calls", "completed", "tool_use")
    verdicts = [t["verdict"] for t in front.explain()["tools"]]
    assert verdicts == ["allow", "allow", "deny", "allow"]
    (row,) = front.store.accounts()
    assert (row.committed, row.held, row.overrun) == (2, 0, 0)


@STREAMED
@SURFACES
def test_an_answer_of_refused_calls_alone_finishes_as_a_text(
    behind: Opened, upstream: ScriptedUpstream, surface: str, stream: bool
) -> None:
    upstream.script = lambda call: Reply(
        "", (Call("bash", {"cmd": "a"}), Call("bash", {"cmd": "b"}))
    )
    front = behind("scope: 'instance:*', affordances: {compute: 0}")
    got, text, finish = called(ASKS[surface](front, stream))
    assert got == []
    assert text.count("affordances/compute") == 2
    assert finish in ("stop", "completed", "end_turn")
    assert nothing_held(front)


def test_tools_that_are_used_up_are_offered_by_neither_front(
    behind: Opened, upstream: ScriptedUpstream
) -> None:
    upstream.script = lambda call: Reply("", (Call("bash", {"cmd": "a"}),))
    front = behind("scope: 'instance:*', tools: {bash: 1}")
    tools: Any = [
        {"type": "function", "function": {"name": n, "parameters": {"type": "object"}}}
        for n in ("bash", "look")
    ]
    for _ in range(2):
        front.openai(**ME).chat.completions.create(model="m", messages=ASK, tools=tools)

    def offered(call: UpstreamCall) -> list[str]:
        return [t["function"]["name"] for t in call.body["tools"]]

    assert [offered(c) for c in upstream.calls] == [["bash", "look"], ["look"]]

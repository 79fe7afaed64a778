"""Promise 1 over recorded exchanges: in `observe` all of them pass, byte for byte, both ways."""

import copy
import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from driving import Office, Outcome, settings_for
from firedoor import Door
from firedoor.cli.serve import build
from firedoor.config import load_settings
from firedoor.door import explain_call
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.fronts.sidecar.server import Sidecar
from recorded import EXCHANGES, FIXTURE, STREAMS, Provider, Recorded, pieces

# The wire's own headers, which a proxy makes anew (RFC 9110 §7.6.1).
_OWN = ("content-length", "transfer-encoding", "connection", "x-firedoor-")


class Front(NamedTuple):
    """One of the fronts, in `observe`, before the provider that answers as recorded."""

    provider: Provider
    base: str
    client: httpx.Client
    explain: Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture(scope="module")
def transport(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    store = tmp_path_factory.mktemp("in-process") / "firedoor.db"
    with (
        Door(mode="observe", store=f"sqlite:{store}", environ={}) as door,
        httpx.Client(transport=door.transport()) as client,
    ):
        yield Front(provider, provider.url, client, door.explain)


@pytest.fixture(scope="module")
def sidecar(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    store_path = tmp_path_factory.mktemp("beside") / "firedoor.db"
    upstreams = [f"{name}={provider.url}" for name in ("openai", "anthropic", "gemini")]
    flags = {
        "mode": "observe", "store": f"sqlite:{store_path}", "port": 0, "admin_port": 0,
        "upstream": upstreams,
    }  # fmt: skip
    running: Sidecar
    running, store = build(load_settings(None, environ={}, flags=flags))
    running.start()

    def explain(call: str) -> dict[str, Any]:
        found = explain_call(store, call)
        assert found is not None
        return found

    with httpx.Client() as client:
        yield Front(provider, running.data_url, client, explain)
    running.stop()
    store.close()


@pytest.fixture(params=["transport", "sidecar"])
def front(request: pytest.FixtureRequest) -> Front:
    found: Front = request.getfixturevalue(request.param)
    return found


def replay(front: Front, exchange: Recorded, piece: int | None) -> httpx.Response:
    """Send it as it was sent; the answer, whose bytes are the recording's."""
    front.provider.cut(piece)
    front.provider.sent.clear()
    request = front.client.build_request(
        exchange.method, front.base + exchange.target, content=exchange.body or None,
        headers={**exchange.headers, FIXTURE: exchange.id},
    )  # fmt: skip
    answer = front.client.send(request, stream=True)
    try:
        # A short answer comes whole in process; any other is read as it lies on the wire.
        if answer.is_stream_consumed:
            assert answer.content == exchange.plain
        else:
            assert b"".join(answer.iter_raw()) == exchange.answer
        return answer
    finally:
        answer.close()


def closed(front: Front, call: str) -> dict[str, Any]:
    """What the ledger says, once it does: in `observe` nobody waits for the last entry."""
    for _ in range(200):
        found = front.explain(call)
        if found["upstream"] is not None:
            return found
        time.sleep(0.01)
    raise AssertionError(f"{call} was not closed")


def told(headers: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The headers of an answer that are the provider's, in order."""
    found = [(n.decode().lower(), v.decode("latin-1")) for n, v in headers]
    return [(n, v) for n, v in found if not n.startswith(_OWN)]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda e: e.id)
def test_recorded_exchanges_pass_as_they_are(front: Front, exchange: Recorded) -> None:
    """However the answer is cut; and the ledger says what it was, and what it used."""
    small = 1 if len(exchange.answer) <= 1_500 else 13
    for piece in (None, small) if exchange.stream else (small,):
        answer = replay(front, exchange, piece)
        (sent,) = front.provider.sent
        assert (sent.method, sent.target) == (exchange.method, exchange.target)
        assert sent.body == exchange.body
        went = {n.lower(): v for n, v in sent.headers}
        assert {n: went.get(n.lower()) for n in exchange.headers} == exchange.headers
        assert answer.status_code == exchange.status
        assert told(answer.headers.raw) == [(n.lower(), v) for n, v in exchange.answer_headers]

        found = closed(front, answer.headers["x-firedoor-call"])
        assert found["surface"] == exchange.surface
        assert (found["verdict"], found["code"]) == ("allow", None)
        assert found["upstream"]["status"] == exchange.status
        usage = found["upstream"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == exchange.usage


def test_there_are_enough_of_them() -> None:
    """As many as docs/transparency.md states, in all and of each kind."""
    page = (Path(__file__).parents[2] / "docs" / "transparency.md").read_text("utf-8")
    rows = [(int(a), int(b)) for a, b in re.findall(r"\| (\d+) \| (\d+) \|", page)]
    total = (len(EXCHANGES), sum(e.stream for e in EXCHANGES))
    assert total == (sum(a for a, _ in rows), sum(b for _, b in rows))
    assert f"| **{total[0]}** | **{total[1]}** |" in page
    assert len(STREAMS) >= 80


# -- contain ---------------------------------------------------------------------------------------


def guarded(exchange: Recorded, piece: int) -> tuple[Office, Outcome]:
    """A run's first call, in `contain`, answered as recorded in pieces of this many bytes."""
    office = Office(settings_for(None, "contain"))
    named = [(n.encode().lower(), v.encode()) for n, v in exchange.headers.items()]
    answered = tuple((n.lower().encode(), v.encode("latin-1")) for n, v in exchange.answer_headers)
    outcome = office.call(
        None, [], method=exchange.method, path=exchange.path, query=exchange.query,
        headers=tuple(named), body=exchange.body,
        upstream=[
            UpstreamHead(exchange.status, answered, 1.7e9),
            *(UpstreamBytes(chunk, 1.7e9) for chunk in pieces(exchange.answer, piece)),
            UpstreamEnd(1.7e9),
        ],
    )  # fmt: skip
    return office, outcome


_ASKS = re.compile(rb'"stream_options"\s*:\s*(\{[^{}]*\})')
_ASKED = b',"stream_options":{"include_usage":true}}'


def expected(exchange: Recorded) -> bytes:
    """What goes upstream in contain: the body, asking what a streamed chat costs if it did not."""
    body = exchange.body
    if exchange.surface not in ("openai.chat", "openai.completions") or not exchange.stream:
        return body
    given = _ASKS.search(body)
    if given is None:
        assert body.endswith(b"}")
        return body[:-1] + _ASKED
    options = json.loads(given[1])
    if options.get("include_usage") is True:
        return body
    new = json.dumps({**options, "include_usage": True}, separators=(",", ":")).encode()
    return body[: given.start(1)] + new + body[given.end(1) :]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda e: e.id)
def test_in_contain_ordinary_work_passes_as_it_is(exchange: Recorded) -> None:
    """What names nothing of another room's goes through unedited, both ways, and ends well."""
    for piece in (1 << 20, 61) if exchange.stream else (1 << 20,):
        office, outcome = guarded(exchange, piece)
        if exchange.contain not in ("pass", "edited"):
            assert (outcome.code, outcome.sent) == (exchange.contain, None)
            assert outcome.status == 403
            continue
        assert outcome.code is None
        assert outcome.sent == expected(exchange)
        assert (outcome.status, outcome.clean) == (exchange.status, True)
        told = office.explain(outcome)
        usage = told["upstream"]["usage"]
        assert (usage["input_tokens"], usage["output_tokens"]) == exchange.usage
        if exchange.contain == "pass":
            assert outcome.body == exchange.plain
            assert told["verdict"] == "allow"


@pytest.mark.parametrize(
    "exchange", [e for e in STREAMS if e.contain == "pass" and not e.answer.startswith(b"\x1f")],
    ids=lambda e: e.id,
)  # fmt: skip
def test_in_contain_a_stream_that_ends_early_says_so(exchange: Recorded) -> None:
    """On every surface: what is not whole is followed by an error, and is written down as broken."""
    whole = exchange.answer
    for share in (0.3, 0.7):
        at = whole.rfind(b"\n", 0, int(len(whole) * share)) + 1
        cut = copy.copy(exchange)
        cut.answer = whole[:at]
        office, outcome = guarded(cut, 1 << 20)
        if office.explain(outcome)["upstream"]["error"] is None:
            # All that was wanted had come.
            assert whole.startswith(outcome.body)
            assert re.search(rb"stop|done|complete|length", outcome.body)
            continue
        assert b"firedoor_upstream" in outcome.body or b"UNAVAILABLE" in outcome.body
        assert json_texts(outcome.body) <= json_texts(whole)


def json_texts(body: bytes) -> set[bytes]:
    """The pieces of tool calls in a stream, as they are spelled."""
    return set(re.findall(rb'"(?:arguments|partial_json|args)": ?"[^"]*"', body))

"""Promise 2: a marker at any place of a request is a labelled part, at the very pointer."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from driving import Office, settings_for
from firedoor.wire.shape import escape
from recorded import EXCHANGES, Recorded

MARK = "Marker 7c1e: the blue heron stands by the third lock at dusk."


def _varied() -> list[Recorded]:
    """Requests in JSON of every surface and operation that takes one, the fullest of each first."""
    found: dict[str, list[Recorded]] = {}
    for exchange in EXCHANGES:
        known = exchange.surface != "unknown" and "json" in exchange.headers.get("content-type", "")
        if known and exchange.body:
            name = f"{exchange.surface} {exchange.path.rpartition('/')[2].rpartition(':')[2]}"
            found.setdefault(name, []).append(exchange)
    for bodies in found.values():
        bodies.sort(key=lambda e: -len(e.body))
    rounds = [bodies[n] for n in range(6) for bodies in found.values() if n < len(bodies)]
    return rounds[:48]


BODIES = _varied()
_NO_REQUEST = re.compile(r"/messages|/items|/requests/\d/params(/messages)?")


def test_a_text_in_a_list_is_not_the_text_in_its_place() -> None:
    """Alone in a list, and after a call that had it bare, it stands at its own place."""
    office = Office(settings_for(None, "observe"))
    exchange = next(e for e in EXCHANGES if e.id == "openai_responses:string-input")
    for given, place in ((MARK, "/input"), ([MARK], "/input/0"), ([MARK, MARK], "/input/1")):
        parts = parts_of(office, exchange, {"model": "m", "input": given})
        assert {p for p in parts if p.startswith("/input")} == {place} | (
            {"/input/0"} if isinstance(given, list) else set()
        )


def places(value: Any, pointer: str = "") -> Iterator[str]:
    """The pointer of everything below ``value``, of lists, objects and numbers too."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in inner:
        place = f"{pointer}/{escape(str(name))}"
        yield place
        if isinstance(item, dict | list):
            yield from places(item, place)


def planted(body: Any, pointer: str, put: Any) -> Any:
    """``body`` with what ``put`` makes of the value at ``pointer``."""
    body = copy.deepcopy(body)
    if not pointer:
        return put(body)
    above, _, name = pointer.rpartition("/")
    holder = at(body, above)
    last: Any = int(name) if isinstance(holder, list) else name.replace("~1", "/")
    holder[last] = put(holder[last])
    return body


def at(body: Any, pointer: str) -> Any:
    """What stands at ``pointer``; no name of these bodies holds a tilde."""
    for name in pointer.split("/")[1:]:
        body = body[int(name) if isinstance(body, list) else name.replace("~1", "/")]
    return body


def parts_of(office: Office, exchange: Recorded, body: Any) -> dict[str, dict[str, Any]]:
    """The labelled parts of a request, by pointer."""
    headers = tuple((n.encode(), v.encode()) for n, v in exchange.headers.items())
    outcome = office.call(
        None, [], method=exchange.method, path=exchange.path, query=exchange.query,
        headers=headers, body=json.dumps(body).encode(),
    )  # fmt: skip
    assert outcome.sent is not None
    return {p["pointer"]: p for p in office.explain(outcome)["parts"]}


def test_there_are_enough_bodies() -> None:
    """The number that docs/transparency.md states, over all surfaces that read one."""
    assert len(BODIES) == 48
    assert len({e.surface for e in BODIES}) >= 15
    assert sum(len(list(places(json.loads(e.body)))) for e in BODIES) > 600


@pytest.mark.parametrize("exchange", BODIES, ids=lambda e: e.id)
def test_a_marker_is_labelled_wherever_it_stands(exchange: Recorded) -> None:
    """In place of every value, whatever it was: a text, a word, a number, a list, an object."""
    office = Office(settings_for(None, "observe"))
    body = json.loads(exchange.body)
    for pointer in places(body):
        parts = parts_of(office, exchange, planted(body, pointer, lambda _: MARK))
        if _NO_REQUEST.fullmatch(pointer) and list(parts) == [""]:
            # Without its history it is no request of its surface: one opaque part (DESIGN §5b).
            pointer = ""
        assert pointer in parts, f"{pointer}: {sorted(parts)}"
        assert parts[pointer]["verdict"] == "allow"
        assert parts[pointer]["evidence"]


@pytest.mark.parametrize("exchange", BODIES[:30], ids=lambda e: e.id)
def test_a_marker_as_a_name_is_seen(exchange: Recorded) -> None:
    """A wordy name of a member is a place for text: it is a part, wherever it is put."""
    office = Office(settings_for(None, "observe"))
    body = json.loads(exchange.body)
    for pointer in ["", *places(body)]:
        holder = body if not pointer else at(body, pointer)
        if not isinstance(holder, dict):
            continue
        named = {**holder, MARK: "x"}
        parts = parts_of(office, exchange, planted(body, pointer, lambda _, n=named: n))
        assert f"{pointer}/{escape(MARK)}#" in parts, f"{pointer}: {sorted(parts)}"

"""The JSON of DESIGN §7 that ``explain`` shows: written in two halves, put together when asked.

A call writes down only what is new in it. The parts that it shares with an earlier call are a
reference to that call, so that a history of any length costs what was added to it.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import orjson

from firedoor.types.label import BOTTOM, Label
from firedoor.types.part import Edge

JsonObject = dict[str, Any]

WORD_DEFAULTS: JsonObject = {
    "channel": "definition",
    "origin": "developer",
    "author": None,
    "author_compartment": None,
    "generation": 0,
    "crossing": False,
    "evidence": "verified",
    "verdict": "allow",
    "rule": None,
    "shadow": False,
    "quarantine": None,
    "spans": [],
}
"""What is left out of the record of a word of the protocol: it is the same for all of them."""

PART_DEFAULTS: JsonObject = {
    "author": None,
    "author_compartment": None,
    "generation": 0,
    "crossing": False,
    "verdict": "allow",
    "rule": None,
    "shadow": False,
    "quarantine": None,
    "spans": [],
}


def time_text(at: float) -> str:
    """RFC 3339 in UTC with milliseconds, of seconds since the epoch.

    Days to a civil date as in Hinnant, "chrono-Compatible Low-Level Date Algorithms": the standard
    library's way goes through ``datetime``, which the I/O line keeps out together with its clock.
    """
    seconds, ms = divmod(int(at * 1000), 1000)
    return f"{_second_text(seconds)}.{ms:03}Z"


@lru_cache(maxsize=64)
def _second_text(at: int) -> str:
    days, seconds = divmod(at, 86_400)
    z = days + 719_468
    era, doe = divmod(z, 146_097)
    yoe = (doe - doe // 1460 + doe // 36_524 - doe // 146_096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    day, month = doy - (153 * mp + 2) // 5 + 1, mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (month <= 2)
    hour, rest = divmod(seconds, 3600)
    minute, second = divmod(rest, 60)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"


def compact(value: object) -> str:
    """JSON text without blanks."""
    return orjson.dumps(value).decode()


def sorted_text(value: object) -> str:
    """The same for equal values, in whatever order their members stand."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def compact_bytes(value: object) -> bytes:
    """The same in UTF-8."""
    return orjson.dumps(value)


def label_json(label: Label) -> JsonObject:
    """A label as a report shows it."""
    if label == BOTTOM:
        return {"generation": 0, "live": [], "past": []}
    return {
        "generation": label.generation,
        "live": sorted(label.live),
        "past": sorted(label.past),
    }


def part_shown(stored: JsonObject) -> JsonObject:
    """A stored part with its defaults filled in."""
    return (WORD_DEFAULTS if stored.get("kind") == "word" else PART_DEFAULTS) | stored


class _Chain:
    """Follows references from call to call."""

    def __init__(self, opened: Callable[[str], JsonObject | None]) -> None:
        self._opened = opened
        self._known: dict[str, JsonObject] = {}

    def get(self, call: str) -> JsonObject:
        if call not in self._known:
            self._known[call] = self._opened(call) or {}
        return self._known[call]

    def turns(self, call: str, count: int | None) -> list[JsonObject]:
        stack: list[list[JsonObject]] = []
        while True:
            turns = self.get(call).get("turns", {})
            base, base_count = turns.get("base"), turns.get("count", 0)
            own = turns.get("parts", [])
            stack.append(own if count is None else own[: max(0, count - base_count)])
            if base is None or base_count == 0:
                break
            call, count = base, base_count if count is None else min(count, base_count)
        return [part for parts in reversed(stack) for part in parts]

    def fields(self, call: str) -> list[JsonObject]:
        found = []
        for name, field in self.get(call).get("fields", {}).items():
            owner = field.get("call")
            if owner is not None:
                field = self.get(owner).get("fields", {}).get(name, {})
            found.extend(field.get("parts", []))
        return found


def edges_shown(edges: Iterable[Edge]) -> list[JsonObject]:
    """Who told whom what inside a call; None at an end is the call's own instance."""
    return [
        {"kind": e.kind, "pointer": e.pointer, "from": e.sender, "to": e.recipient,
         "characters": e.chars}
        for e in edges
    ]  # fmt: skip


def explained(
    call: str,
    opened: Callable[[str], JsonObject | None],
    closed: Callable[[str], JsonObject | None],
    entries: Iterable[tuple[int, str]],
    statement: str | None = None,
) -> JsonObject | None:
    """The whole ``explain`` document of ``call``; None when there is no such call.

    ``opened`` and ``closed`` give the two stored halves, ``entries`` the (index, leaf) pairs of
    the call's ledger entries; ``statement`` is what the door states of its answer.
    """
    head = opened(call)
    if head is None:
        return None
    chain = _Chain(opened)
    parts = [part_shown(p) for p in chain.turns(call, None) + chain.fields(call)]
    end = closed(call) or {}
    shown = {k: v for k, v in head.items() if k not in ("turns", "fields")}
    return {
        "presented": {"verified": [], "refused": {}},
        **shown,
        "verdict": end.get("verdict", shown["verdict"]),
        "code": end.get("code", shown["code"]),
        "parts": parts,
        "tools": end.get("tools", []),
        "edges": end.get("edges", []),
        "exposures": end.get("exposures", shown.get("exposures", [])),
        "holds": end.get("holds", shown.get("holds", [])),
        "warned": end.get("warned", []),
        "overrun": end.get("overrun", []),
        "upstream": end.get("upstream"),
        "state": end.get("state", "open"),
        "statement": statement,
        "entries": [{"index": i, "leaf": leaf} for i, leaf in entries],
    }

"""The words of the reference model: labels as MODEL §3 has them, parts, stretches, and tools."""

from collections import defaultdict
from math import inf
from typing import Any, NamedTuple


class L(NamedTuple):
    """1, 2: a depth and the live roots."""

    depth: float = 0
    roots: frozenset[str] = frozenset()

    def join(self, *others: "L") -> "L":
        for o in others:
            self = L(max(self.depth, o.depth), self.roots | o.roots)
        return self

    def up(self, source: str, target: str) -> "L":
        """6"""
        return self if source == target else L(self.depth + 1, self.roots | {source})


BOTTOM, TOP = L(), L(inf, frozenset({"*"}))


def weight(text: str) -> int:
    return sum(c.isalnum() for c in text)


def lines_of(text: str) -> list[str]:
    lines = [line.strip() for line in text.split("\n")] if "\n" in text else []
    return [line for line in lines if len(line) >= 8 and weight(line) >= 8]


STORES = {"save_note": "notes", "read_note": "notes", "post_board": "board", "read_board": "board",
          "write_file": "code", "read_file": "code", "web_fetch": "web"}  # fmt: skip
NOWHERE = object()
"""The key of a place that only a call tells, which the history does not hold."""
KEYS = {"board": None, "code": "path", "web": None}
Stretch = tuple[str, L, bool]


class Part(NamedTuple):
    role: str
    text: str
    tool: Any
    index: int | None
    """Which piece of the ask it is the text of; None for a string of a tool call."""


class Judged(NamedTuple):
    """What the model says of one part."""

    label: L
    attributed: bool = False
    crossing: bool = False
    inrun: bool = False
    own: bool = False
    same_room: bool = False
    unproven: bool = False
    spans: tuple[Stretch, ...] = ()
    rest: "Judged | None" = None


class Heard:
    """4: who said and wrote what, and what that makes of one stretch of text."""

    def __init__(self, note_key: str | None) -> None:
        self.note_key = note_key
        self.sigma: dict[tuple[str, Any], dict[str, L]] = defaultdict(dict)
        self.said: dict[str, list[tuple[str, str, L]]] = defaultdict(list)
        self.records: dict[tuple[str, Any, str], list[tuple[str, str, L]]] = defaultdict(list)
        self.told: dict[str, tuple[str, Any]] = {}
        self.claimed: set[str] = set()
        """Ids of the tool calls that the request at hand holds."""

    def place(self, part: Part) -> tuple[tuple[str, Any] | None, str, bool]:
        """(place, what is done there, whether only the program says so)"""
        if part.tool is None or part.role != "tool":
            place = self.told.get(part.text)
            return (place, "reads", True) if place else (None, "", False)
        store = STORES[part.tool.name]
        key = part.tool.arguments.get(self.note_key if store == "notes" else KEYS[store])
        key = key if part.tool.id in self.claimed else NOWHERE
        verb = part.tool.name.split("_")[0]
        return (store, key), "writes" if verb in ("save", "post", "write") else "reads", False

    def span(self, text: str, place: Any, told: bool, room: str) -> Stretch | None:
        found = self.records[(*place, text)] if place and weight(text) >= 8 else []
        if found and told:
            found = found + self.said[text]  # 9
        elif not found and weight(text) >= 16:
            found = self.said[text]  # 10
        if not found:
            return None
        label = BOTTOM.join(*(label.up(source, room) for source, _, label in found))
        return text, label, any(source != room for source, _, _ in found)

    def cover(self, text: str, place: Any, told: bool, room: str) -> tuple[list[Stretch], bool]:
        whole = self.span(text, place, told, room)
        if whole is not None:
            return [whole], True
        spans, gap, at = [], 0, 0
        for line in lines_of(text):
            found, start = self.span(line, place, told, room), text.index(line, at)
            if found is not None:
                spans.append(found)
                gap, at = max(gap, start - at), start + len(line)
        gap = max(gap, len(text) - at)
        enough = sum(weight(s[0]) for s in spans) >= 0.95 * weight(text) and gap <= 64
        return spans, bool(spans) and enough

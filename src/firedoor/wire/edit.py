"""Edits of a JSON body that leave every other byte where it was.

A pointer may go on into JSON that a string holds. Then only the innermost string is written anew,
and escaped again at each level on the way out; the escapes beside it stay as the client wrote them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

_BLANK: Final = " \t\n\r"
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SCALAR: Final = re.compile(r"[^,\]}\s]+")
_ESCAPE: Final = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)


class Edit(NamedTuple):
    """One change: the string at ``pointer`` becomes ``text``; with None the element goes whole."""

    pointer: str
    text: str | None
    json: str | None = None
    """JSON text that takes the place of whatever value stands there."""
    add: bool = False
    """Whether ``json`` becomes the last member of its object where there is none of this name."""

    @property
    def removes(self) -> bool:
        """Whether the element goes whole."""
        return self.text is None and self.json is None


class _Change(NamedTuple):
    start: int
    end: int
    text: str


class _Node:
    """A step of the pointers still to follow."""

    __slots__ = ("edit", "steps")

    def __init__(self) -> None:
        self.edit: Edit | None = None
        self.steps: dict[str, _Node] = {}


def _tree(edits: Iterable[Edit]) -> _Node:
    root = _Node()
    for edit in edits:
        node = root
        for token in edit.pointer.split("/")[1:]:
            node = node.steps.setdefault(token.replace("~1", "/").replace("~0", "~"), _Node())
        node.edit = edit
    return root


def edit(body: bytes, edits: Iterable[Edit]) -> bytes:
    """``body`` with ``edits`` made. A pointer that leads nowhere changes nothing."""
    root = _tree(edits)
    text = body.decode()
    changes: list[_Change] = []
    _value(text, _skip_blank(text, 0), root, changes)
    return _apply(text, changes).encode()


def replace_spans(text: str, spans: Iterable[tuple[int, int]], placeholder: str) -> str:
    """``text`` with each stretch replaced; stretches that touch across blanks become one."""
    out: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start < at:
            at = max(at, end)
            continue
        between = text[at:start]
        if not (out and not between.strip() and out[-1] is placeholder):
            out.append(between)
            out.append(placeholder)
        at = end
    out.append(text[at:])
    return "".join(out)


def _apply(text: str, changes: list[_Change]) -> str:
    out: list[str] = []
    at = 0
    for change in sorted(changes):
        if change.start < at:
            continue
        out += (text[at : change.start], change.text)
        at = change.end
    out.append(text[at:])
    return "".join(out)


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at


def _end_of(text: str, at: int) -> int:
    """One past the value that starts at ``at``."""
    head = text[at]
    if head == '"':
        found = _STRING.match(text, at)
    elif head in "[{":
        level = 0
        for token in _TOKEN.finditer(text, at):
            mark = token.group()
            if mark in "[{":
                level += 1
            elif mark in "]}":
                level -= 1
                if level == 0:
                    return token.end()
        return len(text)
    else:
        found = _SCALAR.match(text, at)
    return found.end() if found is not None else len(text)


def _value(text: str, at: int, node: _Node, changes: list[_Change]) -> int:
    """Note the changes below ``node`` in the value at ``at``; gives where that value ends."""
    if node.edit is not None and node.edit.json is not None:
        end = _end_of(text, at)
        changes.append(_Change(at, end, node.edit.json))
        return end
    if node.edit is not None and node.edit.text is not None:
        end = _end_of(text, at)
        if text[at] == '"':
            changes.append(_Change(at, end, json.dumps(node.edit.text, ensure_ascii=False)))
        return end
    if not node.steps:
        return _end_of(text, at)
    if text[at] in "[{":
        return _container(text, at, node, changes)
    end = _end_of(text, at)
    if text[at] == '"':
        _inside(text, at, end, node, changes)
    return end


def _container(text: str, at: int, node: _Node, changes: list[_Change]) -> int:
    named = text[at] == "{"
    close = "}" if named else "]"
    at = _skip_blank(text, at + 1)
    opened = at
    elements: list[tuple[int, int, bool]] = []
    missing = {n: s.edit for n, s in node.steps.items() if s.edit is not None and s.edit.add}
    index = 0
    while text[at] != close:
        start = at
        step = str(index)
        if named:
            end_of_name = _end_of(text, at)
            step = json.loads(text[at:end_of_name])
            missing.pop(step, None)
            at = _skip_blank(text, _skip_blank(text, end_of_name) + 1)
        child = node.steps.get(step)
        gone = child is not None and child.edit is not None and child.edit.removes
        if child is None or gone:
            end = _end_of(text, at)
        else:
            end = _value(text, at, child, changes)
        elements.append((start, end, gone))
        index += 1
        at = _skip_blank(text, end)
        if text[at] == ",":
            at = _skip_blank(text, at + 1)
    _remove(elements, changes)
    if named and missing:
        _add(missing, elements, elements[-1][1] if elements else opened, changes)
    return at + 1


def _add(
    missing: dict[str, Edit],
    elements: list[tuple[int, int, bool]],
    at: int,
    changes: list[_Change],
) -> None:
    """Put the members that are not there behind the last one of their object."""
    comma = "," if any(not gone for _, _, gone in elements) else ""
    members = ",".join(f"{json.dumps(name)}:{edit.json}" for name, edit in missing.items())
    changes.append(_Change(at, at, comma + members))


def _remove(elements: list[tuple[int, int, bool]], changes: list[_Change]) -> None:
    """Take the elements that are gone out, each run of them with the commas that were its own."""
    i = 0
    while i < len(elements):
        if not elements[i][2]:
            i += 1
            continue
        j = i
        while j + 1 < len(elements) and elements[j + 1][2]:
            j += 1
        if j + 1 < len(elements):
            changes.append(_Change(elements[i][0], elements[j + 1][0], ""))
        elif i > 0:
            changes.append(_Change(elements[i - 1][1], elements[j][1], ""))
        else:
            changes.append(_Change(elements[i][0], elements[j][1], ""))
        i = j + 1


def _inside(text: str, at: int, end: int, node: _Node, changes: list[_Change]) -> None:
    """Changes in the JSON that the string literal at ``at`` holds."""
    inner, offsets = _decoded(text[at + 1 : end - 1])
    start = _skip_blank(inner, 0)
    if start >= len(inner) or inner[start] not in '[{"':
        return
    found: list[_Change] = []
    _value(inner, start, node, found)
    for change in found:
        changes.append(
            _Change(
                at + 1 + offsets[change.start],
                at + 1 + offsets[change.end],
                json.dumps(change.text, ensure_ascii=False)[1:-1],
            )
        )


def _decoded(raw: str) -> tuple[str, Any]:
    """The text of a string literal's inside, and where each of its characters stands in it."""
    if "\\" not in raw:
        return raw, range(len(raw) + 1)
    out: list[str] = []
    offsets: list[int] = []
    at = 0
    for found in _ESCAPE.finditer(raw):
        out.append(raw[at : found.start()])
        offsets.extend(range(at, found.start()))
        out.append(json.loads(f'"{found.group()}"'))
        offsets.append(found.start())
        at = found.end()
    out.append(raw[at:])
    offsets.extend(range(at, len(raw) + 1))
    return "".join(out), offsets

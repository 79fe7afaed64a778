"""What the answers of all surfaces share: read as a client reads them, never raising."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import jiter

from firedoor.types.part import Answer
from firedoor.wire.edit import Edit, edit

_COUNT_END: Final = 2**63
"""No store and no writer of JSON on the road holds a larger number."""
_ERROR_CHARS_MAX: Final = 64
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_UNREAD: Final = object()


def _value(body: bytes | str) -> Any:
    """The JSON value as ``json.loads`` in a client gives it, or ``_UNREAD``.

    Names that stand twice (the last one counts), NaN and infinities are read as a client reads
    them. Half a surrogate pair is read as U+FFFD, which alone of these jiter refuses: no text of
    Unicode holds it, so nothing that is matched or judged can depend on which half it was.
    """
    raw = body.encode("utf-8", "replace") if isinstance(body, str) else body
    try:
        return jiter.from_json(raw)
    except ValueError:
        pass
    try:
        return jiter.from_json(_ESCAPE.sub(_whole_escape, raw))
    except ValueError:
        return _UNREAD


def _whole_escape(found: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if found[1] else found[0]


def loads(body: bytes | str) -> dict[str, Any] | None:
    """A JSON object, or None. An answer is read leniently, since a client reads it so too."""
    value = _value(body)
    return value if isinstance(value, dict) else None


def says_nothing(data: str) -> bool:
    """Whether an event's data that is no object can be no part of an answer to any client."""
    data = data.strip()
    if not data or data.startswith("[DONE]"):
        return True
    value = _value(data)
    return value is not _UNREAD and not isinstance(value, dict | list)


def dumps(value: Any) -> str:
    """JSON text of one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def placed(value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a list, each with its place in it; nothing of anything else."""
    if isinstance(value, list):
        for place, item in enumerate(value):
            if isinstance(item, dict):
                yield place, item


def key_of(value: Any, other: Any) -> Any:
    """An index as a client that keeps a table by it tells it apart; ``other`` where it is none."""
    return value if isinstance(value, str | int | float) else other


def word(value: Any) -> str | None:
    """A string, or None."""
    return value if isinstance(value, str) else None


def count(value: Any) -> int | None:
    """A count of something, or None."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 <= value < _COUNT_END else None


def error_of(value: dict[str, Any]) -> str | None:
    """The type of an error object in place of an answer."""
    error = value.get("error")
    if not error:
        return None
    told = (error.get("type"), error.get("code")) if isinstance(error, dict) else ()
    found = next((t for t in told if isinstance(t, str) and t), "error")
    return found[:_ERROR_CHARS_MAX]


UNREADABLE = Answer(error="unreadable")


def strings_of(value: Any) -> list[str]:
    """Every string below a value, in order."""
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            stack.extend(reversed(list(item.values())))
        elif isinstance(item, list):
            stack.extend(reversed(item))
    return found


def rewritten(body: bytes, edits: Iterable[Edit], wanted: dict[str, Any]) -> bytes:
    """``body`` with ``edits`` made, so that it reads as ``wanted``; every other byte stays.

    What cannot be had by editing (a member to be added, a name that stands twice) is written anew.
    """
    made = edit(body, edits)
    return made if loads(made) == wanted else dumps(wanted).encode()

"""Bytes to a document, strictly: what is forwarded can then be read in one way only."""

import math
from dataclasses import dataclass
from typing import Any, Final

import jiter

STRING_CHARS_MAX: Final = 16 * 2**20
NODES_MAX: Final = 1_000_000


class Malformed(ValueError):
    """A body that can be read in more than one way, or in none. Never holds content."""

    def __init__(
        self, message: str, *, code: str = "firedoor_malformed", pointer: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one document."""

    json_depth: int = 64
    string_chars: int = STRING_CHARS_MAX
    nodes: int = NODES_MAX


def members(document: object) -> dict[str, Any]:
    """The members of a parsed body, in a dict of their own.

    Raises:
        Malformed: It is no object.
    """
    if not isinstance(document, dict):
        raise Malformed("The body is not a JSON object.")
    return dict(document)


def parse(body: bytes) -> Any:
    """The value of a JSON body.

    Refused: duplicate names, NaN and infinities, invalid UTF-8, lone surrogates, a byte order
    mark, trailing data. ``jiter`` does it in 0.4 of ``json.loads``' time, and stops at 200 levels;
    `check` bounds the rest.

    Raises:
        Malformed: With what and where, never with content.
    """
    try:
        value = jiter.from_json(
            body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="none"
        )
    except ValueError as error:
        raise Malformed(f"The body is not JSON as this door reads it: {_reason(error)}") from None
    except RecursionError:
        raise Malformed("The body is nested too deeply.") from None
    return value


def _reason(error: ValueError) -> str:
    """The parser's words, less the name that it quotes from the body."""
    text = str(error)
    if text.startswith("Detected duplicate key"):
        return "a name stands twice in one object" + text[text.rfind('"') + 1 :]
    return text


def check(value: Any, limits: Limits, level: int) -> None:
    """Bound what the parser does not: nesting, and numbers that no double holds.

    Asked of each section that is new, so that a long history is walked once (``level`` is the depth
    at which the section stands in its body).

    Raises:
        Malformed: It is nested too deeply, or holds an infinite number.
    """
    if not isinstance(value, dict | list | float):
        return
    stack: list[tuple[Any, int]] = [(value, level + 1)]
    while stack:
        item, depth = stack.pop()
        if isinstance(item, float):
            if math.isinf(item):
                raise Malformed("The body holds a number too large for a double.")
            continue
        if depth > limits.json_depth:
            raise Malformed(f"The body is nested deeper than {limits.json_depth} levels.")
        inner = item.values() if isinstance(item, dict) else item
        stack.extend((v, depth + 1) for v in inner if isinstance(v, dict | list | float))

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


def parse(body: bytes, limits: Limits) -> Any:
    """The value of a JSON body.

    Refused: duplicate names, NaN and infinities, invalid UTF-8, lone surrogates, a byte order
    mark, trailing data, nesting past ``limits.json_depth``. ``jiter`` does it in 0.4 of
    ``json.loads``' time; depth is looked at only where the bytes could be that deep.

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
    if (
        body.count(b"{") + body.count(b"[") > limits.json_depth
        and _depth(value) > limits.json_depth
    ):
        raise Malformed(f"The body is nested deeper than {limits.json_depth} levels.")
    if _may_overflow(body) and _has_infinity(value):
        raise Malformed("The body holds a number too large for a double.")
    return value


def _reason(error: ValueError) -> str:
    """The parser's words, less the name that it quotes from the body."""
    text = str(error)
    if text.startswith("Detected duplicate key"):
        return "a name stands twice in one object" + text[text.rfind('"') + 1 :]
    return text


def _may_overflow(body: bytes) -> bool:
    """Whether a number with an exponent may stand in the body: cheap, and never wrongly False."""
    return b"e3" in body or b"E3" in body or b"e+" in body or b"E+" in body or _long_e(body)


def _long_e(body: bytes) -> bool:
    return any(mark in body for digit in b"123456789" for mark in (b"e%c" % digit, b"E%c" % digit))


def _has_infinity(value: Any) -> bool:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, float):
            if math.isinf(item):
                return True
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
    return False


def _depth(value: Any) -> int:
    """Levels of nesting; the parser bounds them at 200."""
    deepest = 0
    stack = [(value, 1)]
    while stack:
        item, level = stack.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, level)
            inner = item.values() if isinstance(item, dict) else item
            stack.extend((v, level + 1) for v in inner if isinstance(v, dict | list))
    return deepest

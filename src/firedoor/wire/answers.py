"""What the answers of all surfaces share: strict enough reading, never raising."""

import json
from typing import Any, Final

import jiter

from firedoor.types.part import Answer, Usage

TOKENS_MAX: Final = 10**12
"""More tokens than any answer has: a provider that reports more is mistaken."""


def loads(body: bytes | str) -> dict[str, Any] | None:
    """A JSON object, or None. An answer is read leniently: the provider wrote it."""
    try:
        value = jiter.from_json(body.encode() if isinstance(body, str) else body)
    except (ValueError, UnicodeEncodeError):
        return None
    return value if isinstance(value, dict) else None


def dumps(value: Any) -> str:
    """JSON text of one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def listed(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing of anything else."""
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def word(value: Any) -> str | None:
    """A string, or None."""
    return value if isinstance(value, str) else None


def count(value: Any) -> int | None:
    """A whole number, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _tokens(value: Any) -> int | None:
    """A count of tokens; None for one that cannot be, which settles like one that is missing."""
    found = count(value)
    return found if found is not None and 0 <= found <= TOKENS_MAX else None


def usage_of(value: Any) -> Usage | None:
    """Token counts under either provider's names."""
    if not isinstance(value, dict):
        return None
    into = _tokens(value.get("input_tokens", value.get("prompt_tokens")))
    out = _tokens(value.get("output_tokens", value.get("completion_tokens")))
    return Usage(into, out)


def error_of(value: dict[str, Any]) -> str | None:
    """The type of an error object in place of an answer."""
    error = value.get("error")
    if not error:
        return None
    found = error.get("type") or error.get("code") if isinstance(error, dict) else None
    return str(found or "error")


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

"""How much a request may have generated: what it asks for, and the same with a lower limit.

Where a surface's limits stand is a record of its own (`Caps`, in ``SurfaceWire.caps``); what is done
with them is the same for all. A limit that no provider could mean is named, never guessed at: of a
negative number some servers make no limit at all.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple

from firedoor.wire.edit import Edit, edit

TOKENS_MAX: Final = 2**31 - 1
"""No context window is near it, and proto3 and several servers read an int32."""
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,32}")

Path = tuple[str, ...]


class CapProblem(StrEnum):
    """What is wrong with a limit or a count."""

    NOT_A_NUMBER = "not_a_number"
    NEGATIVE = "negative"
    ZERO = "zero"
    TOO_LARGE = "too_large"


class OutputCap(NamedTuple):
    """What a request asks for."""

    asked: int | None = None
    """Tokens for each choice; None where the request says nothing, or nothing that can be meant."""
    choices: int = 1
    """How many texts are generated: ``n``, the tries behind ``best_of``, once for each prompt."""
    problem: CapProblem | None = None
    pointer: str | None = None
    """Where the problem stands."""
    beside_bytes: int = 0
    """Text of the request that may be billed as output too: what a prediction got wrong."""

    def tokens(self, cap: int | None = None) -> int | None:
        """At most so many tokens in all choices, under a limit of ``cap`` for each; None if unknown.

        What stands in ``beside_bytes`` comes on top.
        """
        known = [n for n in (self.asked, cap) if n is not None]
        return self.choices * min(known) if known else None


def _nothing(fields: Mapping[str, Any], cap: int) -> list[Edit]:
    return []


def _one(fields: Mapping[str, Any]) -> int:
    return 1


def _none(fields: Mapping[str, Any]) -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Caps:
    """Where the requests of one surface say how much may be generated."""

    limits: tuple[Path, ...]
    """Every member that limits a choice. The largest counts, and each is lowered."""
    inject: Callable[[Mapping[str, Any]], Path]
    """Where a limit goes that the request does not have."""
    choices: tuple[Path, ...] = ()
    """Members that multiply what is generated; the largest counts."""
    prompts: Callable[[Mapping[str, Any]], int] = _one
    beside_bytes: Callable[[Mapping[str, Any]], int] = _none
    also: Callable[[Mapping[str, Any], int], list[Edit]] = _nothing
    """What else must be lower in a body whose limit was lowered to ``cap``."""
    least: int = 1
    """The provider refuses a lower limit: with less left than that, there is no call to make."""
    number_strings: bool = False
    """Whether a number may stand in a string (proto3 JSON)."""
    zero: bool = False
    """Whether 0 asks for no output, rather than for nothing that makes sense."""


def output_cap(caps: Caps | None, fields: Mapping[str, Any]) -> OutputCap | None:
    """What a request asks for; None for a surface that generates no tokens.

    Args:
        caps: ``SurfaceWire.caps``.
        fields: The top-level fields of the body, as parsed.
    """
    if caps is None:
        return None
    asked: int | None = None
    problem: CapProblem | None = None
    pointer: str | None = None
    for path, value in _there(caps.limits, fields):
        found, wrong = _number(value, caps)
        if wrong is not None:
            problem, pointer = problem or wrong, pointer or _pointer(path)
        elif found is not None:
            asked = max(asked or 0, found)
    choices = 1
    for path, value in _there(caps.choices, fields):
        found, wrong = _number(value, caps, choices=True)
        if wrong is not None:
            problem, pointer = problem or wrong, pointer or _pointer(path)
        elif found is not None:
            choices = max(choices, found)
    return OutputCap(
        asked, choices * max(caps.prompts(fields), 1), problem, pointer, caps.beside_bytes(fields)
    )


def with_output_cap(caps: Caps | None, body: bytes, fields: Mapping[str, Any], cap: int) -> bytes:
    """``body`` with no choice longer than ``cap`` tokens; every other byte stays.

    A lower limit of the request's own stays too, and then the body is the one given. Whatever is no
    limit (a negative number, a string) becomes ``cap``; a zero stays where it asks for no output.

    Args:
        caps: ``SurfaceWire.caps``; None gives the body back.
        fields: The top-level fields of ``body``, as parsed.
        cap: At least ``caps.least``, or the provider refuses the call.
    """
    if caps is None:
        return body
    edits: list[Edit] = []
    limited = False
    for path, value in _there(caps.limits, fields):
        found, wrong = _number(value, caps)
        limited = True
        if wrong is not None or found is None or found > cap:
            edits.append(Edit(_pointer(path), None, str(cap)))
    if not limited:
        edits.append(_injected(caps.inject(fields), fields, cap))
    edits += caps.also(fields, cap)
    return edit(body, edits) if edits else body


def lowered(value: Any, pointer: str, cap: int) -> list[Edit]:
    """The edit that lowers one more limit, if it is there and higher, or none that can be meant."""
    if value is None or (_whole(value) is not None and 0 < value <= cap):
        return []
    return [Edit(pointer, None, str(cap))]


def _injected(path: Path, fields: Mapping[str, Any], cap: int) -> Edit:
    """The edit that adds a limit; with the object that holds it, if there is none."""
    holder: Any = fields
    for i, name in enumerate(path[:-1]):
        if not isinstance(holder.get(name), dict):
            text = str(cap)
            for inner in reversed(path[i + 1 :]):
                text = f'{{"{inner}":{text}}}'
            return Edit(_pointer(path[: i + 1]), None, text, add=True)
        holder = holder[name]
    return Edit(_pointer(path), None, str(cap), add=True)


def _pointer(path: Path) -> str:
    return "/" + "/".join(path)


def _there(paths: tuple[Path, ...], fields: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """The members that stand in the request and say something."""
    for path in paths:
        value: Any = fields
        for name in path:
            value = value.get(name) if isinstance(value, Mapping) else None
        if value is not None:
            yield path, value


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # What a JSON parser of doubles made of ``100``; several servers take it for 100.
    return int(value) if isinstance(value, float) and value.is_integer() else None


def _number(
    value: Any, caps: Caps, *, choices: bool = False
) -> tuple[int | None, CapProblem | None]:
    """(number, what is wrong with it)."""
    if caps.number_strings and isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = int(value)
    number = _whole(value)
    if number is None:
        return None, CapProblem.NOT_A_NUMBER
    if number < 0:
        return None, CapProblem.NEGATIVE
    if number == 0 and not (caps.zero and not choices):
        return None, CapProblem.ZERO
    if number > TOKENS_MAX:
        return None, CapProblem.TOO_LARGE
    return number, None

"""Whether an answer is one of a finite domain's values, to the byte.

Blanks, the order of names, a name that stands twice, ``-0``, ``1.0`` and ``1e0``, escapes: each is a
choice that a writer has and a reader might see. So an answer conforms only as the value that it is
would be written here: names in the schema's order, numbers in their shortest form, no escapes but
those that JSON demands. Four ways of setting blanks are let through, since models do all four; they
are counted in `TypedDomain.bits`.

    compact         {"a":1,"b":[2,3]}
    spaced          {"a": 1, "b": [2, 3]}
    indented by 2 or by 4, a line for each item
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

from firedoor.lineage.domains import Domain, Either, Listed, Multiples, Record, Values, digits
from firedoor.lineage.typed import STYLES, NotTyped, TypedDomain, bits_of
from firedoor.types.part import OutputKind, OutputPart, ToolCall

_ANSWER_CHARS_MAX: Final = 1 << 20
_SCALAR: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"|-?[0-9][0-9.]{0,79}|true|false|null')


class _Style(NamedTuple):
    """A way of setting blanks."""

    indent: int | None
    comma: str
    colon: str

    def inside(self, level: int) -> str:
        """What stands before each item at a level."""
        return "" if self.indent is None else "\n" + " " * (self.indent * level)


_STYLES: Final = (
    _Style(None, ",", ":"),
    _Style(None, ", ", ": "),
    _Style(2, ",", ": "),
    _Style(4, ",", ": "),
)
assert len(_STYLES) == STYLES


def conforms(schema: object, answer: bytes | str) -> bool:
    """Whether ``answer``, whole, is one value of the schema's domain, written as this door writes it.

    Args:
        schema: A JSON schema, or the `TypedDomain` that `bits_of` made of it.
    """
    typed = schema if isinstance(schema, TypedDomain) else bits_of(schema)
    if isinstance(typed, NotTyped):
        return False
    try:
        text = answer.decode() if isinstance(answer, bytes) else answer
    except UnicodeDecodeError:
        return False
    if len(text) > _ANSWER_CHARS_MAX:
        return False
    return any(len(text) in _ends(typed.domain, text, 0, style, 0) for style in _STYLES)


def is_typed(output: Sequence[OutputPart | ToolCall], typed: TypedDomain, tool: str | None) -> bool:
    """Whether an answer says nothing but one value of a domain.

    A refusal, a thought, a second text or call is said beside it, and makes it an answer like any
    other.

    Args:
        output: All that the answer says, of all its choices.
        tool: The name of the tool whose arguments are the value; None where it is the text.
    """
    if len(output) != 1:
        return False
    (said,) = output
    if isinstance(said, ToolCall):
        return said.name == tool and conforms(typed, said.arguments)
    return tool is None and said.kind is OutputKind.TEXT and conforms(typed, said.text)


def _ends(domain: Domain, text: str, at: int, style: _Style, level: int) -> set[int]:
    """Where a value of ``domain`` that begins at ``at`` may end; more than once where kinds overlap."""
    match domain:
        case Values(texts):
            found = _SCALAR.match(text, at)
            return {found.end()} if found is not None and found[0] in texts else set()
        case Multiples():
            found = _SCALAR.match(text, at)
            return {found.end()} if found is not None and _is_one(domain, found[0]) else set()
        case Either(of):
            return {end for inner in of for end in _ends(inner, text, at, style, level)}
        case Record(members):
            return set(_record(members, text, at, style, level))
        case Listed():
            return set(_listed(domain, text, at, style, level))


def _is_one(domain: Multiples, token: str) -> bool:
    if token[0] not in "-0123456789" or token.count(".") > 1:
        return False
    exact = Decimal(token)
    steps, rest = divmod(Fraction(exact) - domain.first, domain.step)
    return rest == 0 and 0 <= steps < domain.many and digits(exact) == token


def _record(
    members: Sequence[tuple[str, Domain, bool]], text: str, at: int, style: _Style, level: int
) -> Iterator[int]:
    """Names in the schema's order; where one may be left out, both ways are gone on with."""
    if not any(required for _, _, required in members) and text.startswith("{}", at):
        yield at + 2
    if not text.startswith("{", at):
        return
    inside = style.inside(level + 1)
    first, later = {at + 1}, set[int]()
    """Where the next name may begin, as the first one and behind others."""
    for name, inner, required in members:
        head = inside + _name(name) + style.colon
        begun = {e for e in first if text.startswith(head, e)}
        begun |= {e + len(style.comma) for e in later if text.startswith(style.comma + head, e)}
        ends = {end for e in begun for end in _ends(inner, text, e + len(head), style, level + 1)}
        if required:
            first, later = set(), ends
        else:
            later |= ends
    close = style.inside(level) + "}"
    yield from (e + len(close) for e in later if text.startswith(close, e))


def _listed(domain: Listed, text: str, at: int, style: _Style, level: int) -> Iterator[int]:
    kinds = domain.first if domain.item is None else (domain.item,) * domain.most
    least = len(kinds) if domain.item is None else domain.least
    if least == 0 and text.startswith("[]", at):
        yield at + 2
    if not text.startswith("[", at):
        return
    inside, close = style.inside(level + 1), style.inside(level) + "]"
    ends = {at + 1}
    for n, inner in enumerate(kinds, 1):
        head = inside if n == 1 else style.comma + inside
        ends = {
            end
            for e in ends
            if text.startswith(head, e)
            for end in _ends(inner, text, e + len(head), style, level + 1)
        }
        if not ends:
            return
        if n >= least:
            yield from (e + len(close) for e in ends if text.startswith(close, e))


def _name(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)

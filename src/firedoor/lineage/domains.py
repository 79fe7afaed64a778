"""Finite domains of JSON values: what they are made of, and how many values each has.

A value is written in one way only, so a domain is as many texts as values (`conforming`).
"""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, NamedTuple

BITS_MAX: Final = 1 << 14
"""A domain beyond is as good as text; and its size would be a number that takes time to reckon."""
_DIGITS_MAX: Final = 64


class Values(NamedTuple):
    """Some values, each as it is written in JSON."""

    texts: frozenset[str]


class Multiples(NamedTuple):
    """``first``, and more at equal steps."""

    first: Fraction
    step: Fraction
    many: int


class Record(NamedTuple):
    """An object with these members and no other, in this order."""

    members: tuple[tuple[str, "Domain", bool], ...]
    """(name, what it may be, whether it must be there)."""


class Listed(NamedTuple):
    """A list: these items first, then between ``least`` and ``most`` more of a kind."""

    first: tuple["Domain", ...]
    item: "Domain | None"
    least: int
    most: int


class Either(NamedTuple):
    """One of several."""

    of: tuple["Domain", ...]


Domain = Values | Multiples | Record | Listed | Either


NULL: Final = Values(frozenset({"null"}))


class Unbounded(Exception):
    """What has no finite domain, and where; inside this room only."""

    def __init__(self, reason: str, pointer: str) -> None:
        super().__init__(reason)
        self.reason, self.pointer = reason, pointer


def number(value: object) -> Decimal | None:
    """A number of a schema or an answer, exactly as written; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        found = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        return None
    if not found.is_finite() or not -_DIGITS_MAX < found.adjusted() < _DIGITS_MAX:
        return None
    return found if len(found.as_tuple().digits) <= _DIGITS_MAX else None


def digits(exact: Decimal) -> str:
    """The shortest way to write a number without an exponent; zero has no sign.

    >>> digits(Decimal("-1.50")), digits(Decimal("-0.0")), digits(Decimal("2E+2"))
    ('-1.5', '0', '200')
    """
    text = format(exact, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def size_of(domain: Domain, at: str) -> int:
    """How many values there are at most."""
    match domain:
        case Values(texts):
            found = len(texts)
        case Multiples(many=many):
            found = many
        case Either(of):
            found = sum(size_of(d, at) for d in of)
        case Record(members):
            found = 1
            for _, inner, required in members:
                found = _bounded(found * (size_of(inner, at) + (not required)), at)
        case Listed(first, item, least, most):
            found = 1
            for inner in first:
                found = _bounded(found * size_of(inner, at), at)
            if item is not None:
                each = size_of(item, at)
                if most * max(each.bit_length(), 1) > BITS_MAX:
                    raise Unbounded("there are too many values to call it a choice", at)
                found = sum(each**n for n in range(least, most + 1))
    return _bounded(found, at)


def _bounded(size: int, at: str) -> int:
    if size.bit_length() > BITS_MAX:
        raise Unbounded("there are too many values to call it a choice", at)
    return size

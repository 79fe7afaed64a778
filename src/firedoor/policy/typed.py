"""Typed values: answers that can say so little that they need not inherit (MODEL line 26).

A strict schema whose leaves are enumerations, booleans, null, constants or bounded whole numbers has
a finite domain. Its size in bits bounds what an exposed model can say by choosing a value, whatever
it was told; everything else in the answer was written by whoever asked. So only the canonical
spelling counts as typed: blanks, the order of members or ``1.0`` for ``1`` would carry bits of their
own, and a free string, a pattern or an open object has no bound at all.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

BITS_MAX: Final = 64
"""More than this is no value but a text."""
_SPELLED_BITS: Final = 1
"""A value may be written tightly or with the usual blanks, as providers do either."""
_DEPTH_MAX: Final = 8
_NODES_MAX: Final = 256
_WORDS: Final = frozenset(
    ("type", "title", "description", "enum", "const", "properties", "required", "minimum",
     "maximum", "items", "minItems", "maxItems", "anyOf", "$ref", "$defs", "$schema",
     "additionalProperties", "default", "examples")
)  # fmt: skip
"""What a schema may say here; a word that is not understood may open what looks closed."""


class NotTyped(ValueError):
    """Why a schema has no finite domain that is small enough. Names no text of the schema."""


class Domain(NamedTuple):
    """A schema's values, and how many bits tell which of them it is."""

    schema: Mapping[str, Any]
    bits: int
    """By which its values differ, and a bit for how they are spelled."""
    text_bytes: int
    """Of the names and words that every answer may hold: whoever wrote the schema wrote those."""


def domain_of(schema: object) -> Domain:
    """The domain of a strict schema.

    Raises:
        NotTyped: It has a leaf that is not of a finite type, or too many values.
    """
    if not isinstance(schema, dict):
        raise NotTyped("the schema is no object")
    counting = _Counting(schema)
    size = counting.size(schema, 0)
    bits = max(0, (size - 1).bit_length())
    if bits > BITS_MAX:
        raise NotTyped(f"its values tell {bits} bits, more than {BITS_MAX}")
    return Domain(schema, bits + _SPELLED_BITS, counting.text_bytes)


def conforms(domain: Domain, text: str) -> bool:
    """Whether ``text`` is the canonical spelling of one of the domain's values."""
    try:
        value = json.loads(text, object_pairs_hook=_members, parse_constant=_never)
    except (ValueError, RecursionError):
        return False
    checking = _Counting(domain.schema)
    if not checking.has(domain.schema, value, 0):
        return False
    # One spelling for each value: as `json.dumps` writes it, tightly or with its usual blanks.
    tight = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text in (tight, json.dumps(value, ensure_ascii=False))


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _never(name: str) -> Any:
    raise ValueError(name)


class _Counting:
    """Counts a schema's values, and tells whether one is among them, within bounds."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0
        self.text_bytes = 0

    def _plain(self, schema: object, depth: int) -> Mapping[str, Any]:
        self._nodes += 1
        if depth > _DEPTH_MAX or self._nodes > _NODES_MAX:
            raise NotTyped("it is too deep, too large or refers to itself")
        if not isinstance(schema, dict):
            raise NotTyped("a part of it is no object")
        ref = schema.get("$ref")
        if ref is not None:
            name = ref.removeprefix("#/$defs/") if isinstance(ref, str) else ""
            defs = self._root.get("$defs")
            if not isinstance(defs, dict) or name not in defs:
                raise NotTyped("it refers to what is not below $defs")
            return self._plain(defs[name], depth + 1)
        if set(schema) - _WORDS:
            raise NotTyped("it uses a word that may open it")
        return schema

    def size(self, schema: object, depth: int) -> int:
        """How many values there are."""
        plain = self._plain(schema, depth)
        if "const" in plain:
            self._counts(plain["const"])
            return 1
        if "enum" in plain:
            values = plain["enum"]
            if not isinstance(values, list) or not values or not all(map(_scalar, values)):
                raise NotTyped("an enumeration holds more than words and numbers")
            for value in values:
                self._counts(value)
            return len({json.dumps(v) for v in values})
        if "anyOf" in plain:
            return self._bounded(sum(self.size(s, depth + 1) for s in _list(plain["anyOf"])))
        kind = plain.get("type")
        if isinstance(kind, list):
            return self._bounded(sum(self.size({**plain, "type": k}, depth + 1) for k in kind))
        if kind == "boolean":
            return 2
        if kind == "null":
            return 1
        if kind == "integer":
            low, high = _range(plain)
            return self._bounded(high - low + 1)
        if kind == "object":
            return self._object(plain, depth)
        if kind == "array":
            low, high = _lengths(plain)
            each = self.size(plain.get("items"), depth + 1)
            return self._bounded(sum(each**n for n in range(low, high + 1)))
        raise NotTyped("a leaf is neither an enumeration, a boolean, null nor a bounded integer")

    def _object(self, plain: Mapping[str, Any], depth: int) -> int:
        members = plain.get("properties", {})
        if plain.get("additionalProperties") is not False or not isinstance(members, dict):
            raise NotTyped("an object is open: additionalProperties has to be false")
        if set(_list(plain.get("required", []))) != set(members):
            raise NotTyped("an object has a member that is not required")
        size = 1
        for name in members:
            self._counts(name)
        for member in members.values():
            size = self._bounded(size * self.size(member, depth + 1))
        return size

    def _counts(self, value: object) -> None:
        if not _scalar(value):
            raise NotTyped("a constant is more than a word or a number")
        self.text_bytes += len(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))

    @staticmethod
    def _bounded(size: int) -> int:
        if size > 1 << BITS_MAX:
            raise NotTyped(f"its values tell more than {BITS_MAX} bits")
        return size

    def has(self, schema: object, value: object, depth: int) -> bool:
        """Whether ``value`` is one of them. Members stand in the schema's order."""
        plain = self._plain(schema, depth)
        if "const" in plain:
            return _same(plain["const"], value)
        if "enum" in plain:
            return any(_same(v, value) for v in plain["enum"])
        if "anyOf" in plain:
            return any(self.has(s, value, depth + 1) for s in plain["anyOf"])
        kind = plain.get("type")
        if isinstance(kind, list):
            return any(self.has({**plain, "type": k}, value, depth + 1) for k in kind)
        if kind == "boolean":
            return isinstance(value, bool)
        if kind == "null":
            return value is None
        if kind == "integer":
            low, high = _range(plain)
            whole = isinstance(value, int) and not isinstance(value, bool)
            return whole and low <= value <= high  # type: ignore[operator]
        if kind == "object":
            members = plain.get("properties", {})
            return (
                isinstance(value, dict)
                and list(value) == list(members)
                and all(self.has(members[k], v, depth + 1) for k, v in value.items())
            )
        if kind == "array":
            low, high = _lengths(plain)
            return (
                isinstance(value, list)
                and low <= len(value) <= high
                and all(self.has(plain.get("items"), v, depth + 1) for v in value)
            )
        return False


def _scalar(value: object) -> bool:
    return value is None or isinstance(value, str | bool | int)


def _same(known: object, value: object) -> bool:
    # True is no 1, and 1.0 is no 1.
    return type(known) is type(value) and known == value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise NotTyped("a list is none")
    return value


def _whole(plain: Mapping[str, Any], name: str) -> int:
    value = plain.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise NotTyped(f"{name} is not a whole number")
    return value


def _range(plain: Mapping[str, Any]) -> tuple[int, int]:
    low, high = _whole(plain, "minimum"), _whole(plain, "maximum")
    if high < low:
        raise NotTyped("maximum is below minimum")
    return low, high


def _lengths(plain: Mapping[str, Any]) -> tuple[int, int]:
    low, high = plain.get("minItems", 0), _whole(plain, "maxItems")
    if not isinstance(low, int) or isinstance(low, bool) or not 0 <= low <= high <= BITS_MAX:
        raise NotTyped("the lengths of an array have no small bound")
    return low, high

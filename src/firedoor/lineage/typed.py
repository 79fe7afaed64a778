"""Answers of a finite domain (MODEL line 26): how many there can be, by the schema of the request.

An answer that can only be one of 2**b values says at most b bits, whatever its model was shown. So
the domain is reckoned from the request alone: its enums, booleans, nulls, bounded whole numbers and
multiples, closed objects, bounded lists. Whatever has room for text, or no bound, is no domain, and
the reason says where. `conforming.conforms` then holds an answer to it, to the byte.

Names, titles, descriptions and the words of enums are the request's: they say nothing of what an
exposed model wrote, and are labelled where they stand.
"""

import json
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

from firedoor.lineage.domains import (
    NULL,
    Domain,
    Either,
    Listed,
    Multiples,
    Record,
    Unbounded,
    Values,
    digits,
    number,
    size_of,
)

_DEPTH_MAX: Final = 24
_NODES_MAX: Final = 4_096
"""Of a schema, references followed: a few of them can stand for very many."""
_VALUES_MAX: Final = 4_096
STYLES: Final = 4
"""Ways of setting blanks that are let through; see `conforming`."""
_STYLE_BITS: Final = (STYLES - 1).bit_length()

_SILENT: Final = frozenset(
    {"title", "description", "$schema", "$id", "$comment", "$defs", "definitions", "examples",
     "default", "deprecated", "readOnly", "writeOnly", "propertyOrdering", "uniqueItems"}
)  # fmt: skip
"""What lets no value in that would be out without it."""
_KNOWN: Final = frozenset(
    {"type", "enum", "const", "properties", "required", "additionalProperties", "items",
     "prefixItems", "minItems", "maxItems", "minimum", "maximum", "exclusiveMinimum",
     "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf", "$ref", "nullable"}
)  # fmt: skip


class NotTyped(NamedTuple):
    """Why a schema has no finite domain, or none that could be reckoned."""

    reason: str
    pointer: str


class TypedDomain(NamedTuple):
    """All that an answer can be."""

    domain: Domain
    size: int
    """At most so many values."""
    bits: int
    """What one answer says at most, how its blanks are set included."""


def bits_of(schema: object) -> TypedDomain | NotTyped:
    """The domain of a JSON schema, or why it has none.

    Cost: bounded by a few thousand steps, whatever the schema.
    """
    try:
        domain = _Schema(schema).domain(schema, "", 0)
        size = size_of(domain, "")
    except Unbounded as found:
        return NotTyped(found.reason, found.pointer)
    return TypedDomain(domain, size, (size - 1).bit_length() + _STYLE_BITS)


def _written(value: object, at: str) -> str:
    """The one way to write a value that is neither list nor object."""
    if value is None or isinstance(value, str | bool):
        return json.dumps(value, ensure_ascii=False)
    exact = number(value)
    if exact is None:
        raise Unbounded("a value that is no text and no number of reasonable length", at)
    return digits(exact)


class _Schema:
    """One schema on its way to a domain."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._nodes = 0
        self._open: list[str] = []
        """The references that are being followed."""

    def domain(self, schema: object, at: str, depth: int) -> Domain:
        """What ``schema`` lets in."""
        self._nodes += 1
        if self._nodes > _NODES_MAX or depth > _DEPTH_MAX:
            raise Unbounded("the schema is too large, or nested too deeply", at)
        if not isinstance(schema, Mapping):
            raise Unbounded("anything fits here", at)
        strange = sorted(str(k) for k in schema if k not in _SILENT and k not in _KNOWN)
        if strange:
            raise Unbounded(f"{strange[0]!r} is not among the words that are counted", at)
        found = self._plain(schema, at, depth)
        if schema.get("nullable") is True:
            found = Either((found, NULL))
        return found

    def _plain(self, schema: Mapping[str, Any], at: str, depth: int) -> Domain:
        if "$ref" in schema:
            return self._referred(schema["$ref"], at, depth)
        for word in ("enum", "const"):
            if word in schema:
                given = schema[word] if word == "enum" else [schema[word]]
                return _values(given, f"{at}/{word}")
        for word in ("anyOf", "oneOf"):
            if word in schema:
                given = _several(schema[word], f"{at}/{word}")
                return Either(
                    tuple(
                        self.domain(s, f"{at}/{word}/{i}", depth + 1) for i, s in enumerate(given)
                    )
                )
        if "allOf" in schema:
            given = _several(schema["allOf"], f"{at}/allOf")
            if len(given) > 1 or schema.keys() & {"type", "properties", "items"}:
                raise Unbounded("several schemas at once are not counted", f"{at}/allOf")
            return self.domain(given[0], f"{at}/allOf/0", depth + 1)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            found = [self._kind(k, schema, at, depth) for k in _several(kinds, f"{at}/type")]
            return Either(tuple(found))
        return self._kind(kinds, schema, at, depth)

    def _kind(self, kind: object, schema: Mapping[str, Any], at: str, depth: int) -> Domain:
        match kind:
            case "boolean":
                return Values(frozenset({"false", "true"}))
            case "null":
                return NULL
            case "integer" | "number":
                return _numbers(schema, at, whole=kind == "integer")
            case "object":
                return self._object(schema, at, depth)
            case "array":
                return self._array(schema, at, depth)
            case "string":
                raise Unbounded("a string that is no enum has room for text", at)
        raise Unbounded("no type is said", at)

    def _referred(self, pointer: object, at: str, depth: int) -> Domain:
        if not isinstance(pointer, str) or not pointer.startswith("#"):
            raise Unbounded("a reference leads out of the schema", at)
        if pointer in self._open:
            raise Unbounded("a reference leads back to itself: there is no end to it", at)
        found: Any = self._root
        for step in pointer[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or name not in found:
                raise Unbounded("a reference leads nowhere", at)
            found = found[name]
        self._open.append(pointer)
        try:
            return self.domain(found, at, depth + 1)
        finally:
            self._open.pop()

    def _object(self, schema: Mapping[str, Any], at: str, depth: int) -> Domain:
        if schema.get("additionalProperties") is not False:
            raise Unbounded("additionalProperties is not false: any name is text", at)
        properties, required = schema.get("properties", {}), schema.get("required", [])
        if not isinstance(properties, Mapping) or not isinstance(required, list):
            raise Unbounded("properties or required is not what it should be", at)
        if any(name not in properties for name in required):
            raise Unbounded("a property is required that is not described", at)
        return Record(
            tuple(
                (
                    str(name),
                    self.domain(inner, f"{at}/properties/{_escaped(str(name))}", depth + 1),
                    name in required,
                )
                for name, inner in properties.items()
            )
        )

    def _array(self, schema: Mapping[str, Any], at: str, depth: int) -> Domain:
        given = schema.get("prefixItems", [])
        if not isinstance(given, list):
            raise Unbounded("prefixItems is no list", at)
        first = tuple(
            self.domain(s, f"{at}/prefixItems/{i}", depth + 1) for i, s in enumerate(given)
        )
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        if first and schema.get("items") is False:
            if least != len(first) or (most is not None and most != len(first)):
                raise Unbounded("minItems is not the number of prefixItems", at)
            return Listed(first, None, 0, 0)
        if first:
            raise Unbounded("items is not false beside prefixItems", at)
        if not isinstance(most, int) or not _is_count(most):
            raise Unbounded("a list without maxItems has no end", at)
        if not isinstance(least, int) or not _is_count(least) or least > most:
            raise Unbounded("minItems is not between 0 and maxItems", at)
        item = self.domain(schema.get("items"), f"{at}/items", depth + 1)
        return Listed((), item, least, most)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _several(given: object, at: str) -> Sequence[Any]:
    if not isinstance(given, list) or not given or len(given) > _VALUES_MAX:
        raise Unbounded("not a list of some length", at)
    return given


def _values(given: object, at: str) -> Domain:
    return Values(frozenset(_written(value, at) for value in _several(given, at)))


def _numbers(schema: Mapping[str, Any], at: str, *, whole: bool) -> Domain:
    """The multiples of a step between two bounds."""
    limits: dict[str, Fraction] = {}
    for name in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"):
        if name in schema:
            exact = number(schema[name])
            if exact is None:
                raise Unbounded("a bound that is no number of reasonable length", at)
            limits[name] = Fraction(exact)
    step = limits.get("multipleOf", Fraction(1) if whole else None)
    low = [limits[name] for name in ("minimum", "exclusiveMinimum") if name in limits]
    high = [limits[name] for name in ("maximum", "exclusiveMaximum") if name in limits]
    if not low or not high:
        raise Unbounded("a number without a least and a greatest", at)
    if step is None or step <= 0:
        raise Unbounded(
            "a number between two others has no end of digits: multipleOf bounds it", at
        )
    if whole and step.denominator != 1:
        # Of 0.5 and its multiples, the whole ones.
        raise Unbounded("a whole number that is a multiple of a fraction is not counted", at)
    first, last = -(-max(low) // step) * step, min(high) // step * step
    first += step if first == limits.get("exclusiveMinimum") else 0
    last -= step if last == limits.get("exclusiveMaximum") else 0
    many = int((last - first) / step) + 1
    if last < first:
        raise Unbounded("no number is between these bounds", at)
    return Multiples(first, step, many)

"""An answer of a finite domain can say no more bits than it is charged for."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.policy.typed import NotTyped, conforms, domain_of


def closed(**members: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": members, "required": list(members),
        "additionalProperties": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "bits"),
    [
        ({"enum": ["yes", "no"]}, 1),
        ({"type": "boolean"}, 1),
        ({"const": "x"}, 0),
        ({"type": "integer", "minimum": 1, "maximum": 10}, 4),
        (closed(a={"type": "boolean"}, b={"enum": ["x", "y", "z"]}), 3),
        (closed(), 0),
        ({"type": ["boolean", "null"]}, 2),
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, 3),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, 2),
        ({"$ref": "#/$defs/v", "$defs": {"v": {"enum": [1, 2, 3]}}}, 2),
    ],
)
def test_a_finite_domain_has_its_bits(schema: dict[str, Any], bits: int) -> None:
    assert domain_of(schema).bits == bits + 1  # tightly, or with the usual blanks


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        {"type": "string"},
        {"type": "string", "pattern": "^a$"},
        {"type": "string", "format": "date"},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "integer"},
        {"type": "integer", "minimum": 0},
        {"type": "integer", "minimum": 0, "maximum": 2**70},
        {"type": "array", "items": {"type": "boolean"}},
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 10**9},
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": False},
        {**closed(a={"type": "boolean"}), "patternProperties": {".*": {}}},
        closed(a={"type": "string"}),
        {"enum": [["a", "list"]]},
        {"enum": []},
        {"$ref": "#/$defs/v", "$defs": {"v": {"$ref": "#/$defs/v"}}},
        {"$ref": "https://elsewhere.example/schema"},
        {"oneOf": [{"type": "boolean"}]},
    ],
)
def test_what_has_no_small_bound_is_not_typed(schema: Any) -> None:
    with pytest.raises(NotTyped):
        domain_of(schema)


TWO = closed(a={"type": "boolean"}, b={"type": "integer", "minimum": 0, "maximum": 9})


@pytest.mark.parametrize("text", ['{"a":true,"b":7}', '{"a": true, "b": 7}'])
def test_the_canonical_spelling_conforms(text: str) -> None:
    assert conforms(domain_of(TWO), text)


@pytest.mark.parametrize(
    "text",
    [
        "", "true", '{"a":true}', '{"a":true,"b":7,"c":1}', '{"b":7,"a":true}',
        '{"a":true,"b":7} ', ' {"a":true,"b":7}', '{"a":true,\t"b":7}', '{"a":1,"b":7}',
        '{"a":true,"b":7.0}', '{"a":true,"b":7e0}', '{"a":true,"b":-0}', '{"a":true,"b":10}',
        '{"a":true,"a":false,"b":7}', '{"\\u0061":true,"b":7}', '{"a":true,"b":NaN}',
        '{"a":true,"b":7}\nI also want to say', "[" * 5000,
    ],
)  # fmt: skip
def test_every_other_spelling_could_say_more(text: str) -> None:
    assert not conforms(domain_of(TWO), text)


LEAVES = st.one_of(
    st.builds(lambda n: {"enum": [f"v{i}" for i in range(n)]}, st.integers(1, 4)),
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.builds(lambda n: {"type": "integer", "minimum": -1, "maximum": n}, st.integers(-1, 3)),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda m: closed(**{f"m{i}": s for i, s in enumerate(m)})),
        st.builds(lambda s, n: {"type": "array", "items": s, "maxItems": n}, inner,
                  st.integers(0, 2)),
        st.lists(inner, min_size=1, max_size=2).map(lambda m: {"anyOf": m}),
    ),
    max_leaves=3,
)  # fmt: skip


def values(schema: dict[str, Any]) -> list[Any]:
    """Every value of a small schema, found by brute force."""
    if "enum" in schema:
        return list(schema["enum"])
    if "anyOf" in schema:
        return [v for s in schema["anyOf"] for v in values(s)]
    match schema["type"]:
        case "boolean":
            return [True, False]
        case "null":
            return [None]
        case "integer":
            return list(range(schema["minimum"], schema["maximum"] + 1))
        case "array":
            each = values(schema["items"])
            lengths = range(schema["maxItems"] + 1)
            return [list(v) for n in lengths for v in itertools.product(each, repeat=n)]
    names = list(schema["properties"])
    columns = [values(schema["properties"][name]) for name in names]
    return [dict(zip(names, row, strict=True)) for row in itertools.product(*columns)]


@given(SCHEMAS)
def test_no_more_values_pass_than_the_bits_tell(schema: dict[str, Any]) -> None:
    domain = domain_of(schema)
    spelled = {
        s
        for value in values(schema)
        for s in (json.dumps(value), json.dumps(value, separators=(",", ":")))
        if conforms(domain, s)
    }
    assert spelled
    assert len(spelled) <= 2**domain.bits
    assert all(conforms(domain, json.dumps(v)) for v in values(schema))

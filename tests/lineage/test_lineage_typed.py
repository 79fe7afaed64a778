"""Answers of a finite domain: how many there can be, and no way to say more than that."""

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage import NotTyped, TypedDomain, bits_of, conforms, is_typed
from firedoor.types.part import OutputKind, OutputPart, ToolCall

STYLE_BITS = 2
"""Four ways of setting blanks."""


def closed(required: bool = True, **properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required else [],
        "additionalProperties": False,
    }


YES = {"type": "boolean"}
FEW = {"type": "integer", "minimum": 1, "maximum": 3}


@pytest.mark.parametrize(
    ("schema", "size"),
    [
        (YES, 2),
        ({"type": "null"}, 1),
        ({"const": "a"}, 1),
        ({"enum": ["a", "b", "a"]}, 2),
        ({"enum": [1, 1.0, True, "1", None]}, 4),
        ({"type": "string", "enum": ["a", "b", "c"]}, 3),
        (FEW, 3),
        ({"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 4}, 3),
        ({"type": "integer", "minimum": -5, "maximum": 5, "multipleOf": 5}, 3),
        ({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.1}, 11),
        ({"type": "number", "minimum": 0.05, "maximum": 0.29, "multipleOf": 0.1}, 2),
        ({"type": ["boolean", "null"]}, 3),
        ({"type": "boolean", "nullable": True}, 3),
        ({"anyOf": [YES, FEW]}, 5),
        ({"allOf": [YES]}, 2),
        (closed(), 1),
        (closed(a=YES, b=FEW), 6),
        (closed(False, a=YES, b=FEW), 12),
        ({"type": "array", "items": YES, "maxItems": 3}, 1 + 2 + 4 + 8),
        ({"type": "array", "items": YES, "minItems": 2, "maxItems": 2}, 4),
        ({"type": "array", "prefixItems": [YES, FEW], "items": False, "minItems": 2}, 6),
        ({"$defs": {"y": YES}, **closed(a={"$ref": "#/$defs/y"}, b={"$ref": "#/$defs/y"})}, 4),
        ({"title": "t", "description": "d", **YES}, 2),
    ],
)
def test_a_domain_has_as_many_values_as_its_schema_lets_in(schema: object, size: int) -> None:
    found = bits_of(schema)
    assert isinstance(found, TypedDomain)
    assert found.size == size
    assert found.bits == (size - 1).bit_length() + STYLE_BITS


ENDLESS: dict[str, Any] = {"$defs": {"n": closed(a={"anyOf": [YES, {"$ref": "#/$defs/n"}]})}}
DOUBLING: dict[str, Any] = {
    "$defs": {
        f"d{i}": closed(a={"$ref": f"#/$defs/d{i + 1}"}, b={"$ref": f"#/$defs/d{i + 1}"})
        for i in range(20)
    }
    | {"d20": YES},
    "$ref": "#/$defs/d0",
}


@pytest.mark.parametrize(
    ("schema", "reason", "pointer"),
    [
        ({"type": "string"}, "room for text", ""),
        ({"type": "string", "pattern": "^a$"}, "'pattern'", ""),
        ({"type": "string", "format": "date"}, "'format'", ""),
        ({"type": "string", "maxLength": 1}, "'maxLength'", ""),
        ({"type": "integer"}, "least and a greatest", ""),
        ({"type": "integer", "minimum": 0}, "least and a greatest", ""),
        ({"type": "number", "minimum": 0, "maximum": 1}, "no end of digits", ""),
        ({"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0}, "no end of digits", ""),
        ({"type": "integer", "minimum": 0, "maximum": 10**80}, "reasonable length", ""),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number", ""),
        ({"type": "object", "properties": {}}, "additionalProperties", ""),
        ({**closed(), "additionalProperties": True}, "additionalProperties", ""),
        ({**closed(), "additionalProperties": {"type": "null"}}, "additionalProperties", ""),
        ({**closed(), "patternProperties": {"a": YES}}, "'patternProperties'", ""),
        (closed(a={"type": "string"}), "room for text", "/properties/a"),
        ({**closed(), "required": ["a"]}, "not described", ""),
        ({"type": "array", "items": YES}, "without maxItems", ""),
        ({"type": "array", "maxItems": 2}, "anything fits", "/items"),
        ({"type": "array", "items": YES, "maxItems": 10**9}, "too many values", ""),
        ({"type": "array", "prefixItems": [YES]}, "items is not false", ""),
        ({"enum": []}, "list of some length", "/enum"),
        ({"enum": [["a"]]}, "no text and no number", "/enum"),
        ({"enum": [float("inf")]}, "no text and no number", "/enum"),
        ({"anyOf": [YES, {"type": "string"}]}, "room for text", "/anyOf/1"),
        ({"allOf": [YES, FEW]}, "several schemas", "/allOf"),
        ({"not": YES}, "'not'", ""),
        ({"$ref": "https://a.example/s"}, "out of the schema", ""),
        ({"$ref": "#/$defs/none"}, "leads nowhere", ""),
        ({**ENDLESS, "$ref": "#/$defs/n"}, "back to itself", "/properties/a/anyOf/1"),
        (DOUBLING, "too large", "/properties/a" * 8),
        ({}, "no type", ""),
        (True, "anything fits", ""),
        (None, "anything fits", ""),
    ],
)
def test_what_has_room_for_text_or_no_end_is_no_domain(
    schema: object, reason: str, pointer: str
) -> None:
    found = bits_of(schema)
    assert isinstance(found, NotTyped)
    assert reason in found.reason
    assert found.pointer.startswith(pointer)
    assert not conforms(schema, b"true")


def test_a_deep_schema_costs_no_exception() -> None:
    schema: Any = YES
    for _ in range(500):
        schema = closed(a=schema)
    assert isinstance(bits_of(schema), NotTyped)


PAIR = closed(
    a={"enum": ["x", "ü\n"]}, b={"type": "number", "minimum": -1, "maximum": 2, "multipleOf": 0.5}
)


@pytest.mark.parametrize("b", ["-1", "-0.5", "0", "0.5", "1", "1.5", "2"])
@pytest.mark.parametrize(
    "shape",
    ['{{"a":"x","b":{}}}', '{{"a": "ü\\n", "b": {}}}', '{{\n  "a": "x",\n  "b": {}\n}}',
     '{{\n    "a": "x",\n    "b": {}\n}}'],
)  # fmt: skip
def test_a_value_conforms_in_each_of_four_settings(shape: str, b: str) -> None:
    assert conforms(PAIR, shape.format(b).encode())


@pytest.mark.parametrize(
    "answer",
    [
        '{"b":1,"a":"x"}',  # another order
        '{"a":"x","b":1,"b":1}',  # a name twice
        '{"a":"x","b":1.0}', '{"a":"x","b":1e0}', '{"a":"x","b":-0}', '{"a":"x","b":01}',
        '{"a":"x","b":+1}', '{"a":"x","b":0.50}', '{"a":"x","b":1.}', '{"a":"x","b":.5}',
        '{"a":"\\u0078","b":1}', '{"a":"\\u00fc\\n","b":1}', '{"\\u0061":"x","b":1}',
        ' {"a":"x","b":1}', '{"a":"x","b":1} ', '{"a":"x","b":1}\n', '{"a":"x","b" :1}',
        '{"a":"x", "b":1}', '{"a":"x","b": 1}', '{\n   "a": "x",\n   "b": 1\n}',
        '{\r\n  "a": "x",\r\n  "b": 1\r\n}', '{"a":"x","b":1,}', '{"a":"x","b":1}{"a":"x","b":1}',
        "```json\n{}\n```", '{"a":"y","b":1}', '{"a":"x","b":3}', '{"a":"x","b":0.25}', '{"a":"x"}',
        '{"a":"x","b":1,"c":1}', '{"a":"x","b":true}', '{"a":"x","b":"1"}', '{"a":"x","b":NaN}',
        '{"a":"x","b":null}', "", "null", "[]", '"x"', "I cannot help with that.", "\ufeff{}",
        '{"a":"x","b":' + "1" * 5_000 + "}", "[" * 5_000,
    ],
)  # fmt: skip
def test_whatever_else_a_writer_could_choose_does_not_conform(answer: str) -> None:
    assert not conforms(PAIR, answer)
    assert not conforms(PAIR, answer.encode())


def test_bytes_that_are_no_text_do_not_conform() -> None:
    assert not conforms(YES, b"\xff")
    assert not conforms({"enum": ["\ud800"]}, b'"\xed\xa0\x80"')


def test_true_is_not_one() -> None:
    assert conforms({"enum": [1]}, "1")
    assert not conforms({"enum": [1]}, "true")
    assert not conforms({"const": True}, "1")
    assert not conforms(YES, "1")


def test_members_that_may_be_left_out_are_found_by_their_names() -> None:
    schema = {**closed(a=YES, b=YES, c=YES), "required": ["b"]}
    told = [
        '{"b":true}',
        '{"a":true,"b":false}',
        '{"b":true,"c":true}',
        '{"a":true,"b":true,"c":true}',
    ]
    assert all(conforms(schema, t) for t in told)
    assert not any(conforms(schema, t) for t in ('{"a":true}', "{}", '{,"b":true}', '{"b":true,}'))
    assert conforms(closed(False, a=YES), "{}")


def test_alternatives_are_tried_to_the_end() -> None:
    """Two kinds that begin alike: the first that fits so far is not always the one."""
    kinds = {"anyOf": [closed(a=YES, b=YES), closed(a=YES, c=YES), {"enum": [1, 10]}]}
    for told in ('{"a":true,"b":true}', '{"a":true,"c":false}', "10", "1"):
        assert conforms({"type": "array", "items": kinds, "maxItems": 2}, f"[{told},{told}]")


def test_an_answer_is_typed_only_if_it_says_nothing_else() -> None:
    domain = bits_of(YES)
    assert isinstance(domain, TypedDomain)
    text = OutputPart("/t", "true", OutputKind.TEXT)
    refusal = OutputPart("/r", "true", OutputKind.REFUSAL)
    thought = OutputPart("/r", "true", OutputKind.REASONING)
    hidden = OutputPart("/r", "", OutputKind.OPAQUE)
    call = ToolCall("/c", "id", "answer", "true")
    assert is_typed([text], domain, None)
    assert is_typed([call], domain, "answer")
    for output in ([], [text, text], [thought, text], [hidden, text], [refusal], [call]):
        assert not is_typed(output, domain, None)
    for output in ([text], [call, text], [call._replace(name="other")]):
        assert not is_typed(output, domain, "answer")


# -- no more answers than bits -------------------------------------------------------------------

LEAVES = st.one_of(
    st.just(YES),
    st.just({"type": "null"}),
    st.builds(lambda v: {"enum": v}, st.lists(st.sampled_from(["a", "é", 1, 2.5, None]), min_size=1, max_size=3)),
    st.builds(lambda a, n: {"type": "integer", "minimum": a, "maximum": a + n}, st.integers(-2, 2), st.integers(0, 2)),
    st.builds(lambda n: {"type": "number", "minimum": 0, "maximum": n / 2, "multipleOf": 0.5}, st.integers(0, 3)),
)  # fmt: skip


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(st.sampled_from("abé"), inner, max_size=2)
    return members.flatmap(
        lambda m: st.sets(st.sampled_from(sorted(m) or ["-"])).map(
            lambda some: {**closed(**m), "required": sorted(some & m.keys())}
        )
    )


SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: (
        _objects(inner)
        | st.builds(lambda i, n: {"type": "array", "items": i, "maxItems": n}, inner, st.integers(0, 2))
        | st.builds(lambda i: {"anyOf": i}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=4,
)  # fmt: skip


def values(schema: Any) -> Iterator[Any]:
    """Every value of a small schema, the slow and plain way."""
    if "enum" in schema:
        yield from schema["enum"]
    elif "anyOf" in schema:
        for inner in schema["anyOf"]:
            yield from values(inner)
    elif schema["type"] == "boolean":
        yield from (False, True)
    elif schema["type"] == "null":
        yield None
    elif schema["type"] == "integer":
        yield from range(schema["minimum"], schema["maximum"] + 1)
    elif schema["type"] == "number":
        for n in range(int(schema["maximum"] * 2) + 1):
            yield n / 2 if n % 2 else n // 2
    elif schema["type"] == "array":
        each = list(values(schema["items"]))
        for n in range(schema["maxItems"] + 1):
            yield from map(list, itertools.product(each, repeat=n))
    else:
        choices = []
        for name, inner in schema["properties"].items():
            row = [(name, v) for v in values(inner)]
            choices.append(row if name in schema["required"] else [None, *row])
        for some in itertools.product(*choices):
            yield dict(pair for pair in some if pair is not None)


@given(schema=SCHEMAS)
@settings(max_examples=250, deadline=None)
def test_there_are_no_more_answers_than_bits_say(schema: Any) -> None:
    """Every value conforms in each setting, and all that conforms is at most 2**bits texts."""
    found = bits_of(schema)
    assert isinstance(found, TypedDomain)
    if found.size > 2_000:
        return
    told = set()
    for value in values(schema):
        for indent, marks in (
            (None, (",", ":")),
            (None, (", ", ": ")),
            (2, (",", ": ")),
            (4, (",", ": ")),
        ):
            text = json.dumps(value, ensure_ascii=False, indent=indent, separators=marks)
            assert conforms(found, text)
            told.add(text)
    assert len(told) <= 2**found.bits
    compact = {json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values(schema)}
    assert len(compact) <= found.size


@given(schema=SCHEMAS, answer=st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 2) | st.sampled_from("aé"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abé"), inner, max_size=2),
    max_leaves=4,
))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_what_conforms_is_a_value_of_the_schema(schema: Any, answer: Any) -> None:
    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
    every = {json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values(schema)}
    assert conforms(schema, text) == (text in every)

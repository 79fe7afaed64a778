"""Where a request says which schema its answer is to keep to."""

from typing import Any

import pytest

from firedoor.lineage import TypedDomain, bits_of
from firedoor.types.exchange import Surface
from firedoor.wire import AnswerSchema, surface_wire

S = {"type": "boolean"}
TOOL = {"name": "t", "strict": True}


@pytest.mark.parametrize(
    ("surface", "fields", "found"),
    [
        (
            Surface.OPENAI_CHAT,
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"strict": True, "schema": S},
                }
            },
            AnswerSchema(S),
        ),
        (
            Surface.OPENAI_CHAT,
            {"response_format": {"type": "json_schema", "json_schema": {"schema": S}}},
            None,
        ),
        (Surface.OPENAI_CHAT, {"response_format": {"type": "json_object"}}, None),
        (
            Surface.OPENAI_CHAT,
            {
                "tools": [{"type": "function", "function": {**TOOL, "parameters": S}}],
                "tool_choice": {"type": "function", "function": {"name": "t"}},
            },
            AnswerSchema(S, "t"),
        ),
        (
            Surface.OPENAI_RESPONSES,
            {"text": {"format": {"type": "json_schema", "strict": True, "schema": S}}},
            AnswerSchema(S),
        ),
        (
            Surface.OPENAI_RESPONSES,
            {
                "tools": [{"type": "function", **TOOL, "parameters": S}],
                "tool_choice": {"type": "function", "name": "t"},
            },
            AnswerSchema(S, "t"),
        ),
        (
            Surface.ANTHROPIC_MESSAGES,
            {"output_config": {"format": {"type": "json_schema", "schema": S}}},
            AnswerSchema(S),
        ),
        (
            Surface.ANTHROPIC_MESSAGES,
            {
                "tools": [{**TOOL, "input_schema": S}],
                "tool_choice": {"type": "tool", "name": "t"},
            },
            AnswerSchema(S, "t"),
        ),
        (
            Surface.ANTHROPIC_MESSAGES,
            {"tools": [{**TOOL, "input_schema": S}], "tool_choice": {"type": "any"}},
            None,
        ),
        (
            Surface.ANTHROPIC_MESSAGES,
            {
                "tools": [{"name": "t", "input_schema": S}],
                "tool_choice": {"type": "tool", "name": "t"},
            },
            None,
        ),
        (
            Surface.GEMINI_GENERATE,
            {
                "generationConfig": {
                    "responseMimeType": "application/json",
                    "responseJsonSchema": S,
                }
            },
            AnswerSchema(S),
        ),
        (Surface.GEMINI_GENERATE, {"generationConfig": {"responseJsonSchema": S}}, None),
        (
            Surface.GEMINI_GENERATE,
            {"generationConfig": {"responseMimeType": "text/x.enum", "responseSchema": S}},
            None,
        ),
        (Surface.OPENAI_EMBEDDINGS, {"response_format": {"json_schema": {"strict": True}}}, None),
    ],
)
def test_a_schema_is_found_where_the_surface_has_it(
    surface: Surface, fields: dict[str, Any], found: AnswerSchema | None
) -> None:
    assert surface_wire(surface).structured(fields) == found


@pytest.mark.parametrize("value", [None, 1, "x", [], {"format": 1}, {"json_schema": []}])
@pytest.mark.parametrize(
    "surface",
    [
        Surface.OPENAI_CHAT,
        Surface.OPENAI_RESPONSES,
        Surface.ANTHROPIC_MESSAGES,
        Surface.GEMINI_GENERATE,
        Surface.UNKNOWN,
    ],
)
def test_wrong_types_break_nothing(surface: Surface, value: object) -> None:
    names = ("response_format", "text", "output_config", "generationConfig", "tools", "tool_choice")
    assert surface_wire(surface).structured(dict.fromkeys(names, value)) is None


def test_googles_own_schema_is_read_as_the_json_schema_that_it_means() -> None:
    """Its objects are closed, its types in capitals, its counts in strings."""
    schema = {
        "type": "OBJECT",
        "properties": {
            "a": {"type": "STRING", "format": "enum", "enum": ["x", "y"]},
            "b": {"type": "ARRAY", "items": {"type": "BOOLEAN"}, "minItems": "2", "max_items": "2"},
            "c": {"type": "BOOLEAN", "nullable": True},
        },
        "required": ["a", "b", "c"],
        "propertyOrdering": ["a", "b", "c"],
    }
    config = {"response_mime_type": "application/json", "response_schema": schema}
    found = surface_wire(Surface.GEMINI_GENERATE).structured({"generation_config": config})
    assert found is not None
    domain = bits_of(found.schema)
    assert isinstance(domain, TypedDomain)
    assert domain.size == 2 * 4 * 3

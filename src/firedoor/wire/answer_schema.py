"""The schema that a request holds its answer to, where the provider enforces it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from firedoor.types.exchange import Surface
from firedoor.wire.gemini_generate.parts import named


class AnswerSchema(NamedTuple):
    """A schema, and the top-level field that it stands in."""

    field: str
    schema: object


def answer_schema(surface: Surface, fields: Mapping[str, Any]) -> AnswerSchema | None:
    """The strict schema of a request's answer; None where it asks for none, or for no strict one."""
    if surface is Surface.OPENAI_CHAT:
        asked = _dict(fields.get("response_format"))
        inner = _dict(asked.get("json_schema"))
        strict = asked.get("type") == "json_schema" and inner.get("strict") is True
        return AnswerSchema("response_format", inner.get("schema")) if strict else None
    if surface is Surface.OPENAI_RESPONSES:
        asked = _dict(_dict(fields.get("text")).get("format"))
        strict = asked.get("type") == "json_schema" and asked.get("strict") is True
        return AnswerSchema("text", asked.get("schema")) if strict else None
    if surface is Surface.ANTHROPIC_MESSAGES:
        for name, asked in (
            ("output_config", _dict(_dict(fields.get("output_config")).get("format"))),
            ("output_format", _dict(fields.get("output_format"))),
        ):
            if asked.get("type") == "json_schema":
                return AnswerSchema(name, asked.get("schema"))
        return None
    if surface is Surface.GEMINI_GENERATE:
        for name in ("generationConfig", "generation_config"):
            schema = named(_dict(fields.get(name)), "responseJsonSchema")
            if schema is not None:
                return AnswerSchema(name, schema)
    return None


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}

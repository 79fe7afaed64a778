"""The schema that a request holds its answer to, where it does: for answers that are values.

Providers hold a model to a schema as well as they can; whether an answer keeps to it is asked of the
answer itself. So what counts here is only where the schema stands.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from firedoor.wire.answers import placed, word

_LEVELS_MAX: Final = 32


class AnswerSchema(NamedTuple):
    """What an answer is to be."""

    schema: object
    """A JSON schema."""
    tool: str | None = None
    """The tool whose arguments it is of, and which must be called; None for the text."""


Structured = Callable[[Mapping[str, Any]], AnswerSchema | None]


def none(fields: Mapping[str, Any]) -> AnswerSchema | None:
    """Answers of this surface are never held to a schema."""
    return None


def chat(fields: Mapping[str, Any]) -> AnswerSchema | None:
    """``response_format``, or the one strict function that must be called."""
    asked = fields.get("response_format")
    inner = asked.get("json_schema") if isinstance(asked, Mapping) else None
    return _strict(inner) or _forced(fields, "function", "parameters")


def responses(fields: Mapping[str, Any]) -> AnswerSchema | None:
    """``text.format``, or the one strict function that must be called."""
    text = fields.get("text")
    asked = text.get("format") if isinstance(text, Mapping) else None
    typed = asked if isinstance(asked, Mapping) and asked.get("type") == "json_schema" else None
    return _strict(typed) or _forced(fields, None, "parameters")


def messages(fields: Mapping[str, Any]) -> AnswerSchema | None:
    """``output_config.format``, or the one strict tool that must be called."""
    config = fields.get("output_config")
    asked = config.get("format") if isinstance(config, Mapping) else None
    if isinstance(asked, Mapping) and asked.get("type") == "json_schema":
        return AnswerSchema(asked.get("schema"))
    return _forced(fields, None, "input_schema")


def generate(fields: Mapping[str, Any]) -> AnswerSchema | None:
    """``responseJsonSchema``, or ``responseSchema`` in the provider's own words."""
    for config in (fields.get("generationConfig"), fields.get("generation_config")):
        if not isinstance(config, Mapping):
            continue
        mime = config.get("responseMimeType", config.get("response_mime_type"))
        if mime != "application/json":
            # `text/x.enum` answers with a bare word, which no JSON schema describes.
            continue
        for name in ("responseJsonSchema", "response_json_schema"):
            if config.get(name) is not None:
                return AnswerSchema(config[name])
        for name in ("responseSchema", "response_schema"):
            if config.get(name) is not None:
                return AnswerSchema(_json_schema(config[name], 0))
    return None


def _strict(asked: object) -> AnswerSchema | None:
    if isinstance(asked, Mapping) and asked.get("strict") is True:
        return AnswerSchema(asked.get("schema"))
    return None


def _forced(fields: Mapping[str, Any], inside: str | None, schema: str) -> AnswerSchema | None:
    """The strict tool that the choice names."""
    choice = fields.get("tool_choice")
    named = choice.get(inside) if inside and isinstance(choice, Mapping) else choice
    name = word(named.get("name")) if isinstance(named, Mapping) else None
    if name is None:
        return None
    found = [t.get(inside) if inside else t for _, t in placed(fields.get("tools"))]
    tools = [t for t in found if isinstance(t, Mapping) and t.get("name") == name]
    if len(tools) != 1 or tools[0].get("strict") is not True:
        return None
    return AnswerSchema(tools[0].get(schema), name)


def _json_schema(value: Any, level: int) -> Any:
    """Google's ``Schema`` (OpenAPI 3.0) as a JSON schema. Its objects have no other properties.

    Numbers of lists are strings there, and types are in capitals.
    """
    if not isinstance(value, Mapping) or level > _LEVELS_MAX:
        return value
    out: dict[str, Any] = {}
    for name, item in value.items():
        plain = _NAMES.get(str(name), str(name))
        if plain in ("properties", "$defs") and isinstance(item, Mapping):
            item = {key: _json_schema(inner, level + 1) for key, inner in item.items()}
        elif plain == "items":
            item = _json_schema(item, level + 1)
        elif plain == "anyOf" and isinstance(item, list):
            item = [_json_schema(inner, level + 1) for inner in item]
        elif plain == "type" and isinstance(item, str):
            item = item.lower()
        elif plain in ("minItems", "maxItems") and isinstance(item, str) and item.isdecimal():
            item = int(item[:16])
        elif plain == "format" and item == "enum":
            continue
        out[plain] = item
    if out.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


_NAMES: Final = {
    "min_items": "minItems",
    "max_items": "maxItems",
    "any_of": "anyOf",
    "property_ordering": "propertyOrdering",
    "example": "examples",
    "defs": "$defs",
    "ref": "$ref",
}

"""Gemini generateContent: where a limit of output stands, in either spelling of each name."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.caps import Caps, Path

_CONFIGS: Final = ("generationConfig", "generation_config")


def _both(camel: str, snake: str) -> tuple[Path, ...]:
    return tuple((config, name) for config in _CONFIGS for name in (camel, snake))


def _inject(fields: Mapping[str, Any]) -> Path:
    """In the configuration that the request has; a null in place of the limit is written over."""
    config = next((name for name in _CONFIGS if isinstance(fields.get(name), dict)), _CONFIGS[0])
    given = fields.get(config) or {}
    return config, "max_output_tokens" if "max_output_tokens" in given else "maxOutputTokens"


CAPS: Final = Caps(
    _both("maxOutputTokens", "max_output_tokens"),
    _inject,
    _both("candidateCount", "candidate_count"),
    number_strings=True,
)

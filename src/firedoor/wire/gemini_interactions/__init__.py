"""Gemini interactions: request, answer, stream; what is kept of them is told in the same shape."""

from firedoor.types.exchange import Surface
from firedoor.wire.caps import Caps
from firedoor.wire.gemini_interactions.answer import edit_answer, read_answer
from firedoor.wire.gemini_interactions.parts import (
    goes_along,
    params,
    read_field,
    read_turn,
    sections,
)
from firedoor.wire.gemini_interactions.stream import InteractionStream
from firedoor.wire.surface import SurfaceWire

_LIMIT = ("generation_config", "max_output_tokens")

WIRE = SurfaceWire(
    Surface.GEMINI_INTERACTIONS, sections, read_turn, read_field, params, read_answer, edit_answer,
    InteractionStream, goes_along,
    caps=Caps(
        (_LIMIT, ("agent_config", "max_total_tokens")),
        lambda fields: ("agent_config", "max_total_tokens") if fields.get("agent") else _LIMIT,
    ),
)  # fmt: skip

"""Gemini interactions: request, answer, stream; what is kept of them is told in the same shape."""

from firedoor.types.exchange import Surface
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

WIRE = SurfaceWire(
    Surface.GEMINI_INTERACTIONS, sections, read_turn, read_field, params, read_answer, edit_answer,
    InteractionStream, goes_along,
)  # fmt: skip

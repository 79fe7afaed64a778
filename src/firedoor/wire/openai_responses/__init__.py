"""Responses: request, answer, stream."""

from firedoor.types.exchange import Surface
from firedoor.wire.openai_responses.answer import edit_answer, read_answer
from firedoor.wire.openai_responses.parts import params, read_field, read_turn, sections
from firedoor.wire.openai_responses.stream import ResponsesStream
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.OPENAI_RESPONSES, sections, read_turn, read_field, params, read_answer, edit_answer,
    ResponsesStream,
)  # fmt: skip

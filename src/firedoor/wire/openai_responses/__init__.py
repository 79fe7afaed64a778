"""Responses: request, answer, stream."""

from firedoor.types.exchange import Surface
from firedoor.wire import structured
from firedoor.wire.caps import Caps
from firedoor.wire.openai_responses.answer import edit_answer, read_answer
from firedoor.wire.openai_responses.parts import params, read_field, read_turn, sections
from firedoor.wire.openai_responses.stream import ResponsesStream
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.OPENAI_RESPONSES, sections, read_turn, read_field, params, read_answer, edit_answer,
    ResponsesStream,
    # A lower limit than 16 is a 400 (OpenAI, Responses).
    structured=structured.responses,
    caps=Caps((("max_output_tokens",),), lambda fields: ("max_output_tokens",), least=16),
)  # fmt: skip

"""Anthropic messages and token counts."""

from firedoor.types.exchange import Surface
from firedoor.wire import plain, structured
from firedoor.wire.anthropic_messages import batch
from firedoor.wire.anthropic_messages.answer import edit_answer, read_answer
from firedoor.wire.anthropic_messages.caps import CAPS
from firedoor.wire.anthropic_messages.edit import goes_along
from firedoor.wire.anthropic_messages.parts import params, read_field, read_turn, sections
from firedoor.wire.anthropic_messages.stream import MessagesStream
from firedoor.wire.state.answer import read_answer as read_state
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.ANTHROPIC_MESSAGES, sections, read_turn, read_field, params, read_answer, edit_answer,
    MessagesStream, goes_along, structured=structured.messages, caps=CAPS,
)  # fmt: skip
COUNT_WIRE = SurfaceWire(
    Surface.ANTHROPIC_COUNT_TOKENS, sections, read_turn, read_field, params, plain.read_answer,
    plain.edit_answer, plain.PassingStream, goes_along,
)  # fmt: skip
BATCH_WIRE = SurfaceWire(
    Surface.ANTHROPIC_BATCHES, plain.fields_only, plain.no_turn, batch.read_field, batch.params,
    read_state, plain.edit_answer, plain.PassingStream,
)  # fmt: skip

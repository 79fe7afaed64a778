"""Embeddings: texts in, vectors out."""

from firedoor.types.exchange import Surface
from firedoor.wire.openai_embeddings.parts import params, read_field
from firedoor.wire.plain import PassingStream, edit_answer, fields_only, no_turn, read_answer
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.OPENAI_EMBEDDINGS, fields_only, no_turn, read_field, params, read_answer, edit_answer,
    PassingStream,
)  # fmt: skip

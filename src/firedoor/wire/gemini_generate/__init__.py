"""Gemini generateContent, streamed or not; countTokens and embedContent ask in the same words."""

from dataclasses import replace
from typing import Final

from firedoor.types.exchange import Surface
from firedoor.wire import plain, structured
from firedoor.wire.gemini_generate.answer import edit_answer, read_answer, read_counts
from firedoor.wire.gemini_generate.batch import BATCH_WIRE, EMBED_BATCH_WIRE
from firedoor.wire.gemini_generate.caps import CAPS
from firedoor.wire.gemini_generate.edit import definitions, goes_along
from firedoor.wire.gemini_generate.parts import (
    params,
    read_turn,
    reader_of,
    sections,
    streamed_params,
)
from firedoor.wire.gemini_generate.stream import GenerateStream
from firedoor.wire.inventory import gemini_generate as inventory
from firedoor.wire.plain import fields_only, no_turn
from firedoor.wire.surface import SurfaceWire

STREAM: Final = "models.generate_content_stream"
"""The operation whose answers come piece by piece, whatever their content type."""

WIRE = SurfaceWire(
    Surface.GEMINI_GENERATE, sections, read_turn, reader_of(inventory.FIELDS), params, read_answer,
    edit_answer, GenerateStream, goes_along, defined=definitions, structured=structured.generate, caps=CAPS,
)  # fmt: skip
STREAM_WIRE = replace(
    WIRE, params=streamed_params, streamed=(b"text/event-stream", b"application/json")
)
COUNT_WIRE = SurfaceWire(
    Surface.GEMINI_COUNT, sections, read_turn, reader_of(inventory.COUNT_FIELDS), params,
    read_counts, plain.edit_answer, plain.PassingStream, goes_along, defined=definitions,
)  # fmt: skip
EMBED_WIRE = SurfaceWire(
    Surface.GEMINI_EMBED, fields_only, no_turn, reader_of(inventory.EMBED_FIELDS), params,
    read_counts, plain.edit_answer, plain.PassingStream,
)  # fmt: skip

__all__ = [
    "BATCH_WIRE",
    "COUNT_WIRE",
    "EMBED_BATCH_WIRE",
    "EMBED_WIRE",
    "STREAM",
    "STREAM_WIRE",
    "WIRE",
]

"""Completions, the older shape: a prompt in, text out; no tools, no history."""

from functools import partial

from firedoor.types.exchange import Surface
from firedoor.wire.caps import Caps
from firedoor.wire.openai_completions.answer import read_answer
from firedoor.wire.openai_completions.parts import params, prompts, read_field
from firedoor.wire.openai_completions.stream import CompletionStream
from firedoor.wire.plain import edit_answer, fields_only, no_turn
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.OPENAI_COMPLETIONS, fields_only, no_turn, read_field, params, read_answer, edit_answer,
    CompletionStream, stream_unasked=partial(CompletionStream, hide_usage=True),
    caps=Caps(
        (("max_tokens",),), lambda fields: ("max_tokens",), (("n",), ("best_of",)), prompts,
        # With ``echo``, the prompt alone and how likely it is.
        zero=True,
    ),
)  # fmt: skip

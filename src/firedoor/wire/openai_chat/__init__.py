"""Chat completions: request, answer, stream."""

from functools import partial

from firedoor.types.exchange import Surface
from firedoor.wire import structured
from firedoor.wire.caps import Caps
from firedoor.wire.openai_chat.answer import edit_answer, read_answer
from firedoor.wire.openai_chat.parts import (
    limit_field,
    params,
    predicted_bytes,
    read_field,
    read_turn,
    sections,
)
from firedoor.wire.openai_chat.stream import ChatStream
from firedoor.wire.surface import SurfaceWire

WIRE = SurfaceWire(
    Surface.OPENAI_CHAT, sections, read_turn, read_field, params, read_answer, edit_answer,
    ChatStream, stream_unasked=partial(ChatStream, hide_usage=True),
    structured=structured.chat,
    caps=Caps(
        (("max_completion_tokens",), ("max_tokens",)), limit_field, (("n",),),
        beside_bytes=predicted_bytes,
    ),
)  # fmt: skip

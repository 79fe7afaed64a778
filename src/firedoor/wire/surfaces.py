"""The table of surfaces: a new one is a package and a row here."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.types.exchange import Surface
from firedoor.wire import (
    anthropic_messages,
    gemini_generate,
    gemini_interactions,
    openai_chat,
    openai_completions,
    openai_embeddings,
    openai_responses,
    plain,
)
from firedoor.wire.inventory.bodies import BODIES
from firedoor.wire.media import media_wire
from firedoor.wire.route import Endpoint
from firedoor.wire.state import state_wire
from firedoor.wire.surface import SurfaceWire


def _plain(surface: Surface) -> SurfaceWire:
    return SurfaceWire(
        surface, plain.no_sections, plain.no_turn, plain.no_field, plain.no_params,
        plain.read_answer, plain.edit_answer, plain.PassingStream,
    )  # fmt: skip


_SURFACES: Final[Mapping[Surface, SurfaceWire]] = {
    wire.surface: wire
    for wire in (
        openai_chat.WIRE,
        openai_completions.WIRE,
        openai_responses.WIRE,
        openai_embeddings.WIRE,
        anthropic_messages.WIRE,
        anthropic_messages.COUNT_WIRE,
        gemini_generate.WIRE,
        gemini_generate.COUNT_WIRE,
        gemini_generate.EMBED_WIRE,
        gemini_interactions.WIRE,
        _plain(Surface.OPENAI_MODELS),
        _plain(Surface.ANTHROPIC_MODELS),
        _plain(Surface.GEMINI_MODELS),
        _plain(Surface.UNKNOWN),
    )
}
_OPERATIONS: Final[Mapping[str, SurfaceWire]] = {
    "anthropic:messages.batches.create": anthropic_messages.BATCH_WIRE,
    "gemini:batches.create": gemini_generate.BATCH_WIRE,
    "gemini:batches.create_embeddings": gemini_generate.EMBED_BATCH_WIRE,
    "gemini:batches.cancel": gemini_generate.BATCH_WIRE,
    "gemini:batches.get": gemini_generate.BATCH_WIRE,
    "gemini:batches.list": gemini_generate.BATCH_WIRE,
}
"""Operations on what a provider keeps whose bodies hold more than fields."""


def surface_wire(surface: Surface) -> SurfaceWire:
    """How a surface with a shape of its own is read and written."""
    return _SURFACES[surface]


def form_shape(endpoint: Endpoint) -> Mapping[str, Any] | None:
    """The fields of ``endpoint``'s body as a form; None where it takes none."""
    body = BODIES.get(f"{endpoint.provider}:{endpoint.name}")
    return body.fields if body is not None and body.takes_form else None


def wire_for(endpoint: Endpoint) -> SurfaceWire:
    """How the bodies of ``endpoint`` are read and written."""
    if endpoint.name == gemini_generate.STREAM:
        return gemini_generate.STREAM_WIRE
    own = _SURFACES.get(endpoint.surface) or _OPERATIONS.get(f"{endpoint.provider}:{endpoint.name}")
    if own is not None:
        return own
    media = media_wire(endpoint.surface, endpoint.provider, endpoint.name)
    return media or state_wire(endpoint.surface, endpoint.provider, endpoint.name)

"""Sound, pictures and film: answers that are bytes, a text without JSON, or a stream of either."""

from dataclasses import replace
from functools import lru_cache
from typing import Final

from firedoor.types.exchange import Surface
from firedoor.wire.media.answer import read_pictures, read_spoken, read_uploaded
from firedoor.wire.media.stream import BytesStream, MediaStream
from firedoor.wire.route import CONTENT
from firedoor.wire.state import state_wire
from firedoor.wire.surface import SurfaceWire

ANY: Final = (b"",)
_SPOKEN: Final = frozenset({"audio.transcriptions.create", "audio.translations.create"})
"""What was said, as JSON or in one of several forms of text: read whole, whatever its type."""
_UPLOADS: Final = frozenset({"files.upload", "file_search_stores.upload"})
"""Their answers have all that matters in the head, or are an object."""
_STREAMED: Final = frozenset({"images.edit", "images.generate"})


@lru_cache(maxsize=64)
def media_wire(surface: Surface, provider: str, operation: str) -> SurfaceWire | None:
    """How an operation is read whose answer is no JSON, or need not be; None for any other."""
    if provider == "gemini" and operation.removesuffix(CONTENT) in _UPLOADS:
        return replace(
            state_wire(surface, provider, operation), whole=ANY, read_answer=read_uploaded
        )
    if provider != "openai":
        return None
    if operation == "videos.download_content":
        return replace(state_wire(surface, provider, operation), lines=BytesStream)
    if operation == "audio.speech.create":
        wire = state_wire(surface, provider, operation)
        return replace(wire, stream=MediaStream, rest=BytesStream)
    if operation in _SPOKEN:
        wire = state_wire(surface, provider, operation)
        return replace(wire, stream=MediaStream, whole=ANY, read_answer=read_spoken)
    if operation in _STREAMED:
        wire = state_wire(surface, provider, operation)
        return replace(wire, stream=MediaStream, read_answer=read_pictures)
    if operation == "images.create_variation":
        return replace(state_wire(surface, provider, operation), read_answer=read_pictures)
    return None

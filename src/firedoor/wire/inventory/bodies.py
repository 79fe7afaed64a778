"""The fields of requests about what a provider keeps, by ``provider:operation``.

Written in the shapes of ``wire/shape.py``. An operation without a row takes no fields: whatever
stands in its body is unknown.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from firedoor.wire.inventory import anthropic_messages, bodies_gemini


class Body(NamedTuple):
    """The shape of one operation's body."""

    fields: Mapping[str, Any]
    items: str | None = None
    """The member that holds items of a conversation."""


_EXPIRES: Final = {"anchor": "word", "days": "word", "minutes": "word", "seconds": "word"}
_CHUNKING: Final = {
    "type": "word",
    "static": {"chunk_overlap_tokens": "word", "max_chunk_size_tokens": "word"},
}
_COMPARISON: Final = "free"

BODIES: Final[Mapping[str, Body]] = {
    "openai:conversations.create": Body({"metadata": "free"}, items="items"),
    "openai:conversations.update": Body({"metadata": "free"}),
    "openai:conversations.items.create": Body({}, items="items"),
    "openai:chat.completions.update": Body({"metadata": "free"}),
    "openai:vector_stores.create": Body(
        {
            "name": "text", "description": "text", "metadata": "free", "expires_after": _EXPIRES,
            "file_ids": ["ref:file"], "chunking_strategy": _CHUNKING,
        }
    ),
    "openai:vector_stores.update": Body(
        {"name": "text", "description": "text", "metadata": "free", "expires_after": _EXPIRES}
    ),
    "openai:vector_stores.search": Body(
        {
            "query": ("text", ["text"]), "filters": _COMPARISON, "max_num_results": "word",
            "ranking_options": "free", "rewrite_query": "word",
        }
    ),
    "openai:vector_stores.files.create": Body(
        {"file_id": "ref:file", "attributes": "free", "chunking_strategy": _CHUNKING}
    ),
    "openai:vector_stores.files.update": Body({"attributes": "free"}),
    "openai:vector_stores.file_batches.create": Body(
        {
            "file_ids": ["ref:file"], "attributes": "free", "chunking_strategy": _CHUNKING,
            "files": [
                {"file_id": "ref:file", "attributes": "free", "chunking_strategy": _CHUNKING}
            ],
        }
    ),
    "openai:containers.create": Body(
        {
            "name": "text", "expires_after": _EXPIRES, "file_ids": ["ref:file"],
            "memory_limit": "word",
        }
    ),
    "openai:containers.files.create": Body({"file_id": "ref:file"}),
    "openai:batches.create": Body(
        {
            "completion_window": "word", "endpoint": "word", "input_file_id": "ref:file",
            "metadata": "free", "output_expires_after": _EXPIRES,
        }
    ),
    "openai:uploads.create": Body(
        {
            "bytes": "word", "filename": "text", "mime_type": "word", "purpose": "word",
            "expires_after": _EXPIRES,
        }
    ),
    "openai:uploads.complete": Body({"part_ids": ["ref:upload_part"], "md5": "word"}),
    "openai:moderations.create": Body(
        {
            "input": (
                "text",
                ["free"],
            ),
            "model": "word",
        }
    ),
    "openai:images.generate": Body(
        {
            "prompt": "text", "background": "word", "model": "word", "moderation": "word",
            "n": "word", "output_compression": "word", "output_format": "word",
            "partial_images": "word", "quality": "word", "response_format": "word", "size": "word",
            "stream": "word", "style": "word", "user": "word",
        }
    ),
    "openai:audio.speech.create": Body(
        {
            "input": "text", "model": "word", "voice": ("word", {"id": "ref:voice"}),
            "instructions": "text", "response_format": "word", "speed": "word",
            "stream_format": "word",
        }
    ),
    "anthropic:messages.batches.create": Body(
        {
            "requests": [
                {
                    "custom_id": "word",
                    "params": {**anthropic_messages.FIELDS, "messages": [anthropic_messages.MESSAGE]},
                }
            ],
        }
    ),
    "anthropic:memory_stores.create": Body(
        {"name": "text", "description": "text", "metadata": "free"}
    ),
    "anthropic:memory_stores.update": Body(
        {"name": "text", "description": "text", "metadata": "free"}
    ),
    "anthropic:memory_stores.memories.create": Body({"path": "text", "content": "text"}),
    "anthropic:memory_stores.memories.update": Body(
        {"path": "text", "content": "text", "precondition": "free"}
    ),
    **{name: Body(fields) for name, fields in bodies_gemini.FIELDS.items()},
}  # fmt: skip

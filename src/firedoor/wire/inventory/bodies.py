"""The fields of requests about what a provider keeps, by ``provider:operation``.

Written in the shapes of ``wire/shape.py``. An operation that has a field of the shape ``file`` takes
its body as a form too. One without a row takes no fields: whatever stands in its body is unknown.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from firedoor.wire.inventory import bodies_gemini
from firedoor.wire.shape import Tagged


class Body(NamedTuple):
    """The shape of one operation's body."""

    fields: Mapping[str, Any]
    items: str | None = None
    """The member that holds items of a conversation."""

    @property
    def takes_form(self) -> bool:
        """Whether some field may be a file, so that the body may be a form."""
        return any(_may_be_file(shape) for shape in self.fields.values())


def _may_be_file(shape: Any) -> bool:
    if isinstance(shape, list | tuple):
        return any(_may_be_file(inner) for inner in shape)
    return bool(shape == "file")


_EXPIRES: Final = {"anchor": "word", "days": "word", "minutes": "word", "seconds": "word"}
_CHUNKING: Final = {
    "type": "word",
    "static": {"chunk_overlap_tokens": "word", "max_chunk_size_tokens": "word"},
}
_COMPARISON: Final = "free"
_EVAL_SOURCE: Final = Tagged(
    {
        "file_id": {"type": "word", "id": "ref:file"},
        "file_content": {"type": "word", "content": ["free"]},
        "stored_completions": {
            "type": "word",
            "created_after": "word",
            "created_before": "word",
            "limit": "word",
            "metadata": "free",
            "model": "word",
        },
        "responses": {
            "type": "word",
            "created_after": "word",
            "created_before": "word",
            "has_tool_calls": "word",
            "instructions_search": "text",
            "metadata": "free",
            "model": "word",
            "reasoning_effort": "word",
            "temperature": "word",
            "tools": ["word"],
            "top_p": "word",
            "users": ["word"],
        },
    }
)

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
    "openai:containers.files.create": Body({"file": "file", "file_id": "ref:file"}),
    "openai:files.create": Body({"file": "file", "purpose": "word", "expires_after": _EXPIRES}),
    "openai:uploads.parts.create": Body({"data": "file"}),
    "openai:skills.create": Body({"files": ["file"]}),
    "openai:skills.versions.create": Body({"files": ["file"], "default": "word"}),
    "openai:images.edit": Body(
        {
            "image": ("file", ["file"]), "mask": "file", "markup": "file", "prompt": "text",
            "background": "word", "complexity": "word", "frame_count": "word",
            "frame_duration_ms": "word", "input_fidelity": "word", "model": "word", "n": "word",
            "output_compression": "word", "output_format": "word", "partial_images": "word",
            "quality": "word", "response_format": "word", "safety_identifier": "word",
            "size": "word", "stream": "word", "user": "word",
            "svg": {"model": "word", "reasoning": {"effort": "word"}},
        }
    ),
    "openai:images.create_variation": Body(
        {
            "image": "file", "model": "word", "n": "word", "response_format": "word",
            "size": "word", "user": "word",
        }
    ),
    "openai:audio.transcriptions.create": Body(
        {
            "file": "file", "model": "word", "include": ["word"], "keywords": ["text"],
            "chunking_strategy": (
                "word",
                {"type": "word", "prefix_padding_ms": "word", "silence_duration_ms": "word",
                 "threshold": "word"},
            ),
            "known_speaker_names": ["text"], "known_speaker_references": ["opaque"],
            "language": "word", "languages": ["word"], "prompt": "text", "response_format": "word",
            "stream": "word", "temperature": "word", "timestamp_granularities": ["word"],
        }
    ),
    "openai:audio.translations.create": Body(
        {
            "file": "file", "model": "word", "prompt": "text", "response_format": "word",
            "temperature": "word",
        }
    ),
    "openai:videos.create": Body(
        {
            "prompt": "text", "model": "word", "seconds": "word", "size": "word",
            "input_reference": ("file", {"file_id": "ref:file", "image_url": "text"}),
        }
    ),
    "openai:videos.edit": Body({"prompt": "text", "video": ("file", {"id": "ref:video"})}),
    "openai:videos.extend": Body(
        {"prompt": "text", "seconds": "word", "video": ("file", {"id": "ref:video"})}
    ),
    "openai:videos.create_character": Body({"name": "text", "video": "file"}),
    "openai:batches.create": Body(
        {
            "completion_window": "word", "endpoint": "word", "input_file_id": "ref:file",
            "metadata": "free", "output_expires_after": _EXPIRES,
        }
    ),
    "openai:fine_tuning.jobs.create": Body(
        {
            "model": "word", "training_file": "ref:file", "validation_file": "ref:file",
            "hyperparameters": "free", "method": "free", "metadata": "free", "seed": "word",
            "suffix": "word",
            "integrations": [
                {
                    "type": "word",
                    "wandb": {"project": "text", "entity": "text", "name": "text", "tags": ["text"]},
                }
            ],
        }
    ),
    "openai:evals.create": Body(
        {
            "data_source_config": {
                "type": "word", "item_schema": "definition", "include_sample_schema": "word",
                "metadata": "free",
            },
            "testing_criteria": ["free"], "metadata": "free", "name": "text",
        }
    ),
    "openai:evals.update": Body({"metadata": "free", "name": "text"}),
    "openai:evals.runs.create": Body(
        {
            "data_source": {
                "type": "word", "model": "word", "source": _EVAL_SOURCE,
                "input_messages": {
                    "type": "word", "template": ["free"], "item_reference": "word",
                },
                # No tools: those of an eval's run would act where no door is.
                "sampling_params": {
                    "max_completion_tokens": "word", "max_completions_tokens": "word",
                    "reasoning_effort": "word", "response_format": "definition", "seed": "word",
                    "temperature": "word", "text": "definition", "top_p": "word",
                },
            },
            "metadata": "free", "name": "text",
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
    "anthropic:files.upload": Body({"file": "file", "expires_in_seconds": "word"}),
    "anthropic:skills.create": Body({"files": ["file"], "display_name": "text"}),
    "anthropic:skills.versions.create": Body({"files": ["file"]}),
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

"""OpenAI: the bodies of requests about what the provider keeps, and about media."""

from collections.abc import Mapping
from typing import Final

from firedoor.wire.inventory.body import Body
from firedoor.wire.inventory.openai_responses import NETWORK, SKILL
from firedoor.wire.shape import Hop

_EXPIRES: Final = {"anchor": "word", "days": "word", "minutes": "word", "seconds": "word"}
_CHUNKING: Final = {
    "type": "word",
    "static": {"chunk_overlap_tokens": "word", "max_chunk_size_tokens": "word"},
}
_COMPARISON: Final = "free"
_IMAGE: Final = {
    "prompt": "text", "background": "word", "complexity": "word", "frame_count": "word",
    "frame_duration_ms": "word", "model": "word", "n": "word", "output_compression": "word",
    "output_format": "word", "partial_images": "word", "quality": "word",
    "response_format": "word", "safety_identifier": "word", "size": "word", "stream": "word",
    "svg": {"model": "word", "reasoning": {"effort": "word"}}, "user": "word",
}  # fmt: skip
_VIDEO: Final = {"prompt": "text", "model": "word", "seconds": "word", "size": "word"}
_VIDEO_FILE: Final = ("file", {"id": "ref:video"})
_EVAL_SOURCE: Final = {
    "type": "word", "model": "word", "sampling_params": "free", "input_messages": "free",
    "source": {
        "type": "word", "id": "ref:file", "content": "free", "metadata": "free", "model": "word",
        "created_after": "word", "created_before": "word", "limit": "word", "has_tool_calls":
        "word", "instructions_search": "text", "reasoning_effort": "word", "temperature": "word",
        "tools": ["word"], "top_p": "word", "users": ["word"],
    },
}  # fmt: skip

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
            "memory_limit": "word", "network_policy": NETWORK, "skills": [SKILL],
        }
    ),
    "openai:containers.files.create": Body({"file_id": "ref:file", "file": "file"}),
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
                [
                    (
                        "text",
                        {"type": "word", "text": "text", "image_url": {"url": "text"}},
                    )
                ],
            ),
            "model": "word",
        }
    ),
    "openai:images.generate": Body({**_IMAGE, "moderation": "word", "style": "word"}),
    "openai:images.edit": Body(
        {
            **_IMAGE, "image": ("file", ["file"]), "mask": "file", "markup": ("file", ["file"]),
            "input_fidelity": "word",
        }
    ),
    "openai:images.create_variation": Body(
        {
            "image": "file", "model": "word", "n": "word", "response_format": "word",
            "size": "word", "user": "word",
        }
    ),
    "openai:audio.speech.create": Body(
        {
            "input": "text", "model": "word", "voice": ("word", {"id": "ref:voice"}),
            "instructions": "text", "response_format": "word", "speed": "word",
            "stream_format": "word",
        }
    ),
    "openai:audio.transcriptions.create": Body(
        {
            "file": "file", "model": "word", "include": ["word"], "keywords": ["text"],
            "chunking_strategy": (
                "word",
                {
                    "type": "word", "prefix_padding_ms": "word", "silence_duration_ms": "word",
                    "threshold": "word",
                },
            ),
            "known_speaker_names": ["text"], "known_speaker_references": ["opaque"],
            "language": "word", "languages": ["word"], "prompt": "text",
            "response_format": "word", "temperature": "word",
            "timestamp_granularities": ["word"], "stream": "word",
        }
    ),
    "openai:audio.translations.create": Body(
        {
            "file": "file", "model": "word", "prompt": "text", "response_format": "word",
            "temperature": "word",
        }
    ),
    "openai:videos.create": Body(
        {**_VIDEO, "input_reference": ("file", {"file_id": "ref:file", "image_url": "text"})}
    ),
    "openai:videos.create_character": Body({"name": "text", "video": _VIDEO_FILE}),
    "openai:videos.edit": Body({"prompt": "text", "video": _VIDEO_FILE}),
    "openai:videos.extend": Body({"prompt": "text", "seconds": "word", "video": _VIDEO_FILE}),
    "openai:videos.remix": Body({"prompt": "text"}),
    "openai:content_provenance_checks.create": Body({"file": "file"}),
    "openai:files.create": Body({"file": "file", "purpose": "word", "expires_after": _EXPIRES}),
    "openai:uploads.parts.create": Body({"data": "file"}),
    # Refused by name, unless a rule lets them through; then they are read like any other.
    "openai:skills.create": Body({"files": ("file", ["file"])}),
    "openai:skills.update": Body({"default_version": "word"}),
    "openai:skills.versions.create": Body({"files": ("file", ["file"]), "default": "word"}),
    # Held by the training gate before anything of it is read.
    "openai:evals.create": Body(
        {
            "name": "text", "metadata": "free", "data_source_config": "free",
            "testing_criteria": ["free"],
        }
    ),
    "openai:evals.update": Body({"name": "text", "metadata": "free"}),
    "openai:evals.runs.create": Body(
        {"name": "text", "metadata": "free", "data_source": _EVAL_SOURCE}
    ),
    "openai:fine_tuning.alpha.graders.run": Body(
        {"grader": "free", "model_sample": "text", "item": "free"}
    ),
    "openai:fine_tuning.alpha.graders.validate": Body({"grader": "free"}),
    "openai:fine_tuning.checkpoints.permissions.create": Body({"project_ids": ["ref:project"]}),
    "openai:fine_tuning.jobs.create": Body(
        {
            "model": "word", "training_file": "ref:file", "validation_file": "ref:file",
            "hyperparameters": "free", "method": "free", "metadata": "free", "seed": "word",
            "suffix": "word", "integrations": Hop("integrations"),
        }
    ),
}  # fmt: skip

"""The fields of Gemini's requests about what it keeps, by ``provider:operation`` (google-genai 3.6.1).

Batches have no row in ``FIELDS``: a wire of its own reads them (``wire/gemini_generate/batch``).
"""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.inventory.gemini_generate import (
    CONTENT,
    EMBED_FIELDS,
    TOOL,
    TOOL_CONFIG,
    spelled,
)
from firedoor.wire.inventory.gemini_generate import FIELDS as GENERATE
from firedoor.wire.inventory.gemini_interactions import INTERACTION, WEBHOOK

_CHUNKING: Final = {
    "whiteSpaceConfig": {"maxTokensPerChunk": "word", "maxOverlapTokens": "word"},
}
_METADATA: Final = ["free"]
BATCHES: Final[Mapping[str, Mapping[str, Any]]] = {
    "gemini:batches.create": spelled(
        {
            "batch": {
                "displayName": "text",
                "webhookConfig": WEBHOOK,
                "inputConfig": {
                    "fileName": "ref:file",
                    "requests": {
                        "requests": [{**GENERATE, "request": GENERATE, "metadata": "free"}]
                    },
                },
            }
        }
    ),
    "gemini:batches.create_embeddings": spelled(
        {
            "batch": {
                "displayName": "text",
                "inputConfig": {
                    "fileName": "ref:file",
                    "requests": {
                        "requests": [{**EMBED_FIELDS, "request": EMBED_FIELDS, "metadata": "free"}]
                    },
                },
            }
        }
    ),
}

FIELDS: Final[Mapping[str, Mapping[str, Any]]] = {
    name: spelled(fields)
    for name, fields in {
        "gemini:cached_contents.create": {
            "model": "word", "contents": ([CONTENT], CONTENT), "systemInstruction": CONTENT,
            "tools": [TOOL], "toolConfig": TOOL_CONFIG, "displayName": "text", "ttl": "word",
            "expireTime": "word",
        },
        "gemini:cached_contents.update": {"ttl": "word", "expireTime": "word"},
        "gemini:files.upload": {
            "file": {
                "name": "text", "displayName": "text", "mimeType": "word", "sizeBytes": "word",
                "source": "word", "state": "word", "createTime": "word", "updateTime": "word",
                "expirationTime": "word", "sha256Hash": "word", "uri": "ref:file",
                "downloadUri": "ref:file", "videoMetadata": "free", "error": "free",
            },
        },
        # Held by the training gate before anything of it is read.
        "gemini:tuned_models.create": {
            "baseModel": "word", "displayName": "text", "tuningTask": "free",
            "preTunedModel": {
                "baseModel": "word", "checkpointId": "ref:checkpoint",
                "tunedModelName": "ref:tuned_model",
            },
        },
        "gemini:tuned_models.update": {
            "displayName": "text", "description": "text",
            "defaultCheckpointId": "ref:checkpoint",
        },
        "gemini:files.register": {"uris": ["text"]},
        "gemini:file_search_stores.create": {"displayName": "text", "embeddingModel": "word"},
        "gemini:file_search_stores.import_file": {
            "fileName": "ref:file", "customMetadata": _METADATA, "chunkingConfig": _CHUNKING,
        },
        "gemini:file_search_stores.upload": {
            "displayName": "text", "mimeType": "word", "customMetadata": _METADATA,
            "chunkingConfig": _CHUNKING,
        },
        "gemini:models.predict": {"instances": ["free"], "parameters": "free"},
        "gemini:interactions.create": INTERACTION,
        "gemini:interactions.cancel": {},
    }.items()
}  # fmt: skip

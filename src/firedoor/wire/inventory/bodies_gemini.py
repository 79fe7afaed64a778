"""The fields of Gemini's requests about what it keeps, by ``provider:operation`` (google-genai 3.6.1).

Batches have no row: their answers hold what a model wrote, and are not read yet.
"""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.inventory.gemini_generate import CONTENT, TOOL, TOOL_CONFIG, spelled

_CHUNKING: Final = {
    "whiteSpaceConfig": {"maxTokensPerChunk": "word", "maxOverlapTokens": "word"},
}
_METADATA: Final = ["free"]

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
                "source": "word",
            },
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
        "gemini:interactions.create": {
            # Agents, environments and webhooks are hops inside one call: they have no row.
            "model": "word", "input": "free", "systemInstruction": "text",
            "previousInteractionId": "ref:interaction", "cachedContent": "ref:cache",
            "continuationToken": "ref:continuation", "generationConfig": "definition",
            "tools": ["definition"], "responseFormat": "definition", "responseMimeType": "word",
            "responseModalities": ["word"], "safetySettings": ["free"], "serviceTier": "word",
            "labels": "free", "store": "word", "stream": "word",
        },
        "gemini:interactions.cancel": {},
    }.items()
}  # fmt: skip

"""Anthropic messages and count_tokens (anthropic 2.12.0): the shape of a request."""

from typing import Final

from firedoor.wire.shape import Tagged

CACHE: Final = {"type": "word", "ttl": "word"}
SOURCE: Final = Tagged(
    {
        "base64": {"type": "word", "media_type": "word", "data": "opaque"},
        "url": {"type": "word", "url": "text"},
        "file": {"type": "word", "file_id": "ref:file"},
        "text": {"type": "word", "media_type": "word", "data": "text"},
        "content": {"type": "word", "content": "free"},
    }
)
CITATIONS: Final = ("free", ["free"])
_SERVER_RESULT: Final = {
    "type": "word", "tool_use_id": "word", "content": "free", "cache_control": CACHE,
    "caller": "free",
}  # fmt: skip

_TEXT: Final = {"type": "word", "text": "text", "cache_control": CACHE, "citations": CITATIONS}
_IMAGE: Final = {
    "type": "word", "source": SOURCE, "cache_control": CACHE, "transformations": "free",
}  # fmt: skip
_DOCUMENT: Final = {
    "type": "word", "source": SOURCE, "cache_control": CACHE, "citations": CITATIONS,
    "context": "text", "title": "text",
}  # fmt: skip
_SEARCH_RESULT: Final = {
    "type": "word", "source": "text", "title": "text", "content": [_TEXT],
    "cache_control": CACHE, "citations": CITATIONS,
}  # fmt: skip
RESULT_CONTENT: Final = (
    "text",
    [
        Tagged(
            {
                "text": _TEXT,
                "image": _IMAGE,
                "document": _DOCUMENT,
                "search_result": _SEARCH_RESULT,
                "tool_reference": {"type": "word", "tool_name": "word", "cache_control": CACHE},
            }
        )
    ],
)
BLOCK: Final = Tagged(
    {
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _SEARCH_RESULT,
        "thinking": {"type": "word", "thinking": "signed", "signature": "opaque"},
        "redacted_thinking": {"type": "word", "data": "opaque"},
        "tool_use": {
            "type": "word", "id": "word", "name": "word", "input": "free", "caller": "free",
            "toolset_name": "word", "cache_control": CACHE,
        },
        "tool_result": {
            "type": "word", "tool_use_id": "word", "content": RESULT_CONTENT, "is_error": "word",
            "toolset_name": "word", "cache_control": CACHE,
        },
        "server_tool_use": {
            "type": "word", "id": "word", "name": "word", "input": "free", "caller": "free",
            "cache_control": CACHE,
        },
        "web_search_tool_result": _SERVER_RESULT,
        "web_fetch_tool_result": _SERVER_RESULT,
        "code_execution_tool_result": _SERVER_RESULT,
        "bash_code_execution_tool_result": _SERVER_RESULT,
        "text_editor_code_execution_tool_result": _SERVER_RESULT,
        "tool_search_tool_result": _SERVER_RESULT,
        "container_upload": {"type": "word", "file_id": "ref:file", "cache_control": CACHE},
    }
)  # fmt: skip
MESSAGE: Final = {"role": "word", "content": ("text", [BLOCK])}

_TOOL: Final = {
    "type": "word", "name": "definition", "description": "definition",
    "input_schema": "definition", "input_examples": "definition", "cache_control": CACHE,
    "allowed_callers": ["word"], "defer_loading": "word", "eager_input_streaming": "word",
    "strict": "word", "configs": "definition", "max_characters": "word",
    "display_width_px": "word", "display_height_px": "word", "display_number": "word",
    "allowed_domains": ["text"], "blocked_domains": ["text"], "max_uses": "word",
    "max_content_tokens": "word", "citations": CITATIONS, "user_location": "free",
    "url_sources": "free", "use_cache": "word", "response_inclusion": "word",
}  # fmt: skip
TOOL: Final = Tagged(
    {
        "custom": _TOOL,
        "bash_*": _TOOL,
        "text_editor_*": _TOOL,
        "computer_*": _TOOL,
        "browser_toolset_*": _TOOL,
        "memory_20250818": _TOOL,
        "code_execution_*": _TOOL,
        "web_search_*": _TOOL,
        "web_fetch_*": _TOOL,
        "tool_search_tool_*": _TOOL,
    },
    default="custom",
)

FIELDS: Final = {
    "betas": ["word"],
    "cache_control": CACHE,
    "container": ("ref:container", {"id": "ref:container"}),
    "inference_geo": "word",
    "max_tokens": "word",
    "metadata": {"user_id": "word"},
    "model": "word",
    "output_config": "definition",
    "service_tier": "word",
    "speed": "word",
    "stop_sequences": ["text"],
    "stream": "word",
    "system": ("text", [_TEXT]),
    "temperature": "word",
    "thinking": {"type": "word", "budget_tokens": "word", "display": "word"},
    "tool_choice": {"type": "word", "name": "word", "disable_parallel_tool_use": "word"},
    "tools": [TOOL],
    "top_k": "word",
    "top_p": "word",
}
"""Threads, fallbacks, MCP servers, skills and other hops inside one call have no row: unknown."""

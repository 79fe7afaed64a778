"""Anthropic messages and count_tokens: the shape of a request."""

from typing import Final

from firedoor.wire.shape import Hop, Shape, Tagged

CACHE: Final = {"type": "word", "ttl": "word"}
_INNER: Final[dict[str, Shape]] = {}
"""Texts and images inside a document; filled below, where their shapes are."""
SOURCE: Final = Tagged(
    {
        "base64": {"type": "word", "media_type": "word", "data": "media"},
        "url": {"type": "word", "url": "text"},
        "file": {"type": "word", "file_id": "ref:file"},
        "text": {"type": "word", "media_type": "word", "data": "text"},
        "content": {"type": "word", "content": ("text", [Tagged(_INNER)])},
    }
)
_PLACE: Final = {
    "type": "word", "cited_text": "text", "document_index": "word", "document_title": "text",
    "start_char_index": "word", "end_char_index": "word", "start_page_number": "word",
    "end_page_number": "word", "start_block_index": "word", "end_block_index": "word",
    # A citation names what was read, and opens nothing.
    "file_id": "word",
}  # fmt: skip
CITATION: Final = Tagged(
    {
        "char_location": _PLACE,
        "page_location": _PLACE,
        "content_block_location": _PLACE,
        "web_search_result_location": {
            "type": "word", "cited_text": "text", "title": "text", "url": "text",
            "encrypted_index": "blob",
        },
        "search_result_location": {
            **_PLACE, "search_result_index": "word", "source": "text", "title": "text",
        },
    }
)  # fmt: skip
CITATIONS: Final = ({"enabled": "word"}, [CITATION])
CALLER: Final = {"type": "word", "tool_id": "word"}

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
                "browser_state": {
                    "type": "word",
                    "tabs": "free",
                    "state_changes": "free",
                    "cache_control": CACHE,
                },
            }
        )
    ],
)
_INNER.update({"text": _TEXT, "image": _IMAGE})

_MADE: Final = {"type": "word", "file_id": "ref:file"}
_RAN: Final = {
    "type": "word", "stdout": "text", "encrypted_stdout": "blob", "stderr": "text",
    "return_code": "word", "content": [_MADE],
}  # fmt: skip
_FAILED: Final = {"type": "word", "error_code": "word", "error_message": "text"}
RESULT: Final = Tagged(
    {
        "web_search_result": {
            "type": "word", "title": "text", "url": "text", "page_age": "text",
            "encrypted_content": "blob",
        },
        "web_fetch_result": {
            "type": "word", "url": "text", "retrieved_at": "word", "content": _DOCUMENT,
        },
        "code_execution_result": _RAN,
        "encrypted_code_execution_result": _RAN,
        "bash_code_execution_result": _RAN,
        "text_editor_code_execution_view_result": {
            "type": "word", "content": "text", "file_type": "word", "num_lines": "word",
            "start_line": "word", "total_lines": "word",
        },
        "text_editor_code_execution_create_result": {"type": "word", "is_file_update": "word"},
        "text_editor_code_execution_str_replace_result": {
            "type": "word", "lines": ["text"], "new_lines": "word", "new_start": "word",
            "old_lines": "word", "old_start": "word",
        },
        "tool_search_tool_search_result": {
            "type": "word",
            "tool_references": [{"type": "word", "tool_name": "word", "cache_control": CACHE}],
        },
        "advisor_result": {"type": "word", "text": "text", "stop_reason": "word"},
        "advisor_redacted_result": {
            "type": "word", "encrypted_content": "blob", "stop_reason": "word",
        },
        **{
            f"{tool}_error": _FAILED
            for tool in (
                "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
                "bash_code_execution_tool_result", "text_editor_code_execution_tool_result",
                "tool_search_tool_result", "advisor_tool_result",
            )
        },
    }
)  # fmt: skip
_SERVER_RESULT: Final = {
    "type": "word", "tool_use_id": "word", "content": (RESULT, [RESULT]), "cache_control": CACHE,
    "caller": CALLER,
}  # fmt: skip
_USE: Final = {
    "type": "word", "id": "word", "name": "word", "input": "free", "caller": CALLER,
    "cache_control": CACHE,
}  # fmt: skip

_TOOL: Final = {
    "type": "word", "name": "definition", "description": "definition",
    "input_schema": "definition", "input_examples": "definition", "cache_control": CACHE,
    "allowed_callers": ["word"], "defer_loading": "word", "eager_input_streaming": "word",
    "strict": "word", "enable_zoom": "word", "configs": "definition", "max_characters": "word",
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
        "advisor_*": Hop(
            "advisor", {**_TOOL, "model": "word", "caching": CACHE, "max_tokens": "word"}
        ),
        "mcp_toolset": Hop(
            "mcp",
            {
                "type": "word", "mcp_server_name": "word", "cache_control": CACHE,
                "configs": "definition", "default_config": "definition", "tools": "definition",
            },
        ),
    },
    default="custom",
)  # fmt: skip

_CHANGED: Final = {
    "type": "word", "cache_control": CACHE,
    "tool": Tagged(
        {
            "tool_reference": {"type": "word", "name": "word"},
            "mcp_tool_reference": {"type": "word", "name": "word", "server_name": "word"},
            "mcp_toolset_reference": {"type": "word", "server_name": "word"},
            "tool_definition": {"type": "word", "definition": TOOL},
        }
    ),
}  # fmt: skip
_CHANGE: Final = Tagged(
    {
        "tool_addition": Hop("tool_changes", _CHANGED),
        "tool_removal": Hop("tool_changes", _CHANGED),
    }
)

BLOCK: Final = Tagged(
    {
        "text": _TEXT,
        "image": _IMAGE,
        "document": _DOCUMENT,
        "search_result": _SEARCH_RESULT,
        "thinking": {"type": "word", "thinking": "signed", "signature": "blob"},
        "redacted_thinking": {"type": "word", "data": "blob"},
        "tool_use": {**_USE, "toolset_name": "word"},
        "tool_result": {
            "type": "word", "tool_use_id": "word", "content": RESULT_CONTENT, "is_error": "word",
            "toolset_name": "word", "cache_control": CACHE,
        },
        "server_tool_use": _USE,
        "web_search_tool_result": _SERVER_RESULT,
        "web_fetch_tool_result": _SERVER_RESULT,
        "code_execution_tool_result": _SERVER_RESULT,
        "bash_code_execution_tool_result": _SERVER_RESULT,
        "text_editor_code_execution_tool_result": _SERVER_RESULT,
        "tool_search_tool_result": _SERVER_RESULT,
        "advisor_tool_result": Hop("advisor", _SERVER_RESULT),
        "mcp_tool_use": Hop("mcp", {**_USE, "server_name": "word"}),
        "mcp_tool_result": Hop(
            "mcp",
            {
                "type": "word", "tool_use_id": "word", "content": ("text", [_TEXT]),
                "is_error": "word", "cache_control": CACHE,
            },
        ),
        "mcp_tool_listing": Hop(
            "mcp", {"type": "word", "mcp_server_name": "word", "tools": "definition"}
        ),
        "container_upload": {"type": "word", "file_id": "ref:file", "cache_control": CACHE},
        "compaction": {
            "type": "word", "content": "text", "encrypted_content": "blob", "signature": "blob",
            "tool_changes": [_CHANGE], "cache_control": CACHE,
        },
        **_CHANGE.cases,
        "fallback": Hop(
            "fallback",
            {
                "type": "word", "from": {"model": "word"}, "to": {"model": "word"},
                "trigger": "free",
            },
        ),
    }
)  # fmt: skip
MESSAGE: Final = {
    "role": "word",
    "content": ("text", [BLOCK]),
    "clear_at": "word",
    "output_config": {"effort": "word"},
}

THINKING: Final = {
    "type": "word", "budget_tokens": "word", "display": "word",
    "block_binding": {"prefix_mismatch_behavior": "word"},
}  # fmt: skip
_AMOUNT: Final = {"type": "word", "value": "word"}
_EDIT: Final = {
    "type": "word", "clear_at_least": _AMOUNT, "clear_tool_inputs": ("word", ["word"]),
    "exclude_tools": ["word"], "keep": ("word", _AMOUNT), "trigger": _AMOUNT,
    "instructions": "text", "pause_after_compaction": "word",
}  # fmt: skip
_SKILL: Final = Tagged(
    {
        # The provider's own have names; what somebody uploaded has an owner.
        "anthropic": {"type": "word", "skill_id": "word", "version": "word"},
        "custom": {"type": "word", "skill_id": "ref:skill", "version": "word"},
    }
)

FIELDS: Final = {
    "billing_policy": {"type": "word", "bill_to": "word"},
    "cache_control": CACHE,
    "compaction": {"type": "word", "instructions": "text"},
    "container": ("ref:container", {"id": "ref:container", "skills": Hop("skills", [_SKILL])}),
    "context_management": {"edits": [_EDIT]},
    "diagnostics": {"previous_message_id": "ref:message"},
    "fallback_credit_token": Hop("fallback", ("blob", {"token": "blob", "mode": "word"})),
    "fallbacks": Hop(
        "fallback",
        (
            "word",
            [
                {
                    "model": "word",
                    "max_tokens": "word",
                    "output_config": "definition",
                    "speed": "word",
                    "thinking": THINKING,
                }
            ],
        ),
    ),
    "inference_geo": "word",
    "max_tokens": "word",
    "mcp_servers": Hop(
        "mcp",
        [
            {
                "type": "word",
                "name": "word",
                "url": "text",
                "authorization_token": "opaque",
                "tool_configuration": {"allowed_tools": ["word"], "enabled": "word"},
            }
        ],
    ),
    "metadata": {"user_id": "word"},
    "model": "word",
    "output_config": "definition",
    "service_tier": "word",
    "speed": "word",
    "stop_sequences": ["text"],
    "stream": "word",
    "system": ("text", [_TEXT]),
    "temperature": "word",
    "thinking": THINKING,
    "thread": Hop("thread", {"type": "word", "previous_message_id": "ref:message"}),
    "tool_choice": {"type": "word", "name": "word", "disable_parallel_tool_use": "word"},
    "tools": [TOOL],
    "top_k": "word",
    "top_p": "word",
}

"""Gemini interactions: the shape of a request."""

from typing import Final

from firedoor.wire.shape import Hop, Tagged

_OFFSETS: Final = {
    "type": "word", "start_offset": "word", "end_offset": "word", "fps": "word",
    "content_layers": ["word"],
    "page_options": {"content_layers": ["word"], "start_page": "word", "end_page": "word"},
    "spreadsheet_options": {
        "content_layers": ["word"], "sheet_index": "word", "visible_cells": "text",
    },
}  # fmt: skip
_SPAN: Final = {"type": "word", "start_index": "word", "end_index": "word"}
_ANNOTATION: Final = Tagged(
    {
        # A citation names what was read, and opens nothing.
        "file_citation": {
            **_SPAN, "custom_metadata": "free", "document_uri": "text", "file_name": "text",
            "media_id": "word", "page_number": "word", "source": "text",
        },
        "place_citation": {
            **_SPAN, "name": "text", "place_id": "word", "url": "text",
            "review_snippets": [{"review_id": "word", "title": "text", "url": "text"}],
        },
        "speech_metadata": {**_SPAN, "speaker": "text", "style": "text"},
        "url_citation": {**_SPAN, "title": "text", "url": "text"},
        "word_info": {
            **_SPAN, "start_offset": "word", "end_offset": "word", "speaker": "text",
            "text": "text",
        },
    }
)  # fmt: skip
_MEDIA: Final = {
    "type": "word", "data": "media", "mime_type": "word", "processing": ("word", _OFFSETS),
    "resolution": "word", "uri": "ref:file", "channels": "word", "sample_rate": "word",
    "name": "text",
}  # fmt: skip
_CONTENTS: Final = {
    "audio": _MEDIA,
    "document": _MEDIA,
    "image": _MEDIA,
    "video": _MEDIA,
    "text": {"type": "word", "text": "text", "annotations": [_ANNOTATION]},
}
CONTENT: Final = Tagged(_CONTENTS)

_FUNCTION: Final = {
    "type": "word", "name": "definition", "description": "definition",
    "short_description": "definition", "parameters": "definition", "defer_loading": "word",
}  # fmt: skip
_RETURNED: Final = Tagged({**_CONTENTS, "function": _FUNCTION})
_CALL: Final = {
    "type": "word", "id": "word", "name": "word", "arguments": "free", "search_type": "word",
    "retrieval_type": "word", "signature": "blob",
}  # fmt: skip
_RESULT: Final = {
    "type": "word", "call_id": "word", "name": "word", "is_error": "word", "signature": "blob",
    "result": ("text", [_RETURNED], "free"),
}  # fmt: skip
STEP: Final = Tagged(
    {
        **_CONTENTS,
        "user_input": {"type": "word", "content": [CONTENT]},
        "model_output": {"type": "word", "content": [CONTENT], "error": "free"},
        "thought": {"type": "word", "signature": "blob", "summary": [CONTENT]},
        "function_call": _CALL,
        "function_result": _RESULT,
        "mcp_server_tool_call": Hop("mcp", {**_CALL, "server_name": "word"}),
        "mcp_server_tool_result": Hop("mcp", {**_RESULT, "server_name": "word"}),
        "tool_search_result": {**_RESULT, "result": [_FUNCTION]},
        "google_search_result": {**_RESULT, "result": [{"search_suggestions": "text"}]},
        "url_context_result": {**_RESULT, "result": [{"status": "word", "url": "text"}]},
        "google_maps_result": {
            **_RESULT,
            "result": [
                {
                    "widget_context_token": "blob",
                    "places": [
                        {
                            "name": "text", "place_id": "word", "url": "text",
                            "review_snippets": [
                                {"review_id": "word", "title": "text", "url": "text"}
                            ],
                        }
                    ],
                }
            ],
        },
        **{
            f"{tool}_call": _CALL
            for tool in (
                "code_execution", "file_search", "google_maps", "google_search", "processing",
                "retrieval", "tool_search", "url_context",
            )
        },
        **{
            f"{tool}_result": _RESULT
            for tool in ("code_execution", "file_search", "processing", "retrieval")
        },
    }
)  # fmt: skip

_FOREIGN_SEARCH: Final = {"api_key": "opaque", "custom_config": "free"}
TOOL: Final = Tagged(
    {
        "function": _FUNCTION,
        "tool_search": {**_FUNCTION, "execution": "word"},
        "code_execution": {"type": "word"},
        "url_context": {"type": "word"},
        "google_search": {"type": "word", "search_types": ["word"]},
        "google_maps": {
            "type": "word", "enable_widget": "word", "latitude": "word", "longitude": "word",
        },
        "computer_use": {
            "type": "word", "environment": "word", "disabled_safety_policies": ["word"],
            "enable_prompt_injection_detection": "word", "excluded_predefined_functions": ["word"],
        },
        "file_search": {
            "type": "word", "file_search_store_names": ["ref:file_search_store"],
            "metadata_filter": "text", "top_k": "word",
        },
        "mcp_server": Hop(
            "mcp",
            {
                "type": "word", "name": "word", "url": "text", "headers": {"*": "opaque"},
                "allowed_tools": [{"mode": "word", "tools": ["word"]}], "defer_loading": "word",
            },
        ),
        "retrieval": {
            "type": "word", "retrieval_types": ["word"],
            "exa_ai_search_config": _FOREIGN_SEARCH,
            "parallel_ai_search_config": _FOREIGN_SEARCH,
            "vertex_ai_search_config": {
                "datastores": ["ref:datastore"], "engine": "ref:search_engine",
            },
            "rag_store_config": {
                "rag_resources": [
                    {"rag_corpus": "ref:rag_corpus", "rag_file_ids": ["ref:rag_file"]}
                ],
                "rag_retrieval_config": "free", "similarity_top_k": "word",
                "vector_distance_threshold": "word",
            },
        },
    }
)  # fmt: skip

_FORMAT: Final = "definition"
WEBHOOK: Final = Hop("webhook", {"uris": ["text"], "userMetadata": "free", "user_metadata": "free"})
INTERACTION: Final = {
    "agent": Hop("hosted_agent", "word"),
    "agent_config": Hop(
        "hosted_agent",
        {
            "type": "word",
            "model": "word",
            "max_total_tokens": "word",
            "collaborative_planning": "word",
            "enable_bigquery_tool": "word",
            "thinking_summaries": "word",
            "visualization": "word",
            "find_request": "free",
            "fix_request": "free",
            "session_config": "free",
            "session_id": "ref:session",
        },
    ),
    "background": "word",
    "cached_content": "ref:cache",
    "continuation_token": "ref:continuation",
    "environment": Hop(
        "environment",
        (
            "word",
            {
                "type": "word",
                "mode": "word",
                "environment_id": "ref:environment",
                "env": "free",
                "custom_config": "free",
                "network": ("word", "free"),
                "sources": "free",
            },
        ),
    ),
    "generation_config": "definition",
    "input": ("text", [STEP], CONTENT),
    "labels": "free",
    "model": "word",
    "previous_interaction_id": "ref:interaction",
    "response_format": _FORMAT,
    "response_mime_type": "word",
    "response_modalities": ["word"],
    "safety_settings": [{"type": "word", "threshold": "word", "method": "word"}],
    "service_tier": "word",
    "store": "word",
    "stream": "word",
    "system_instruction": "text",
    "tools": [TOOL],
    "webhook_config": WEBHOOK,
}

"""OpenAI responses (openai 3.54.0): the shape of a request."""

from typing import Final

from firedoor.wire.shape import Tagged

CACHE: Final = {"type": "word", "ttl": "word", "mode": "word"}
CONTENT_PARTS: Final = Tagged(
    {
        "input_text": {"type": "word", "text": "text", "prompt_cache_breakpoint": CACHE},
        "output_text": {
            "type": "word", "text": "text", "annotations": ["free"], "logprobs": ["free"],
        },
        "text": {"type": "word", "text": "text"},
        "summary_text": {"type": "word", "text": "text"},
        "reasoning_text": {"type": "word", "text": "text"},
        "refusal": {"type": "word", "refusal": "text"},
        "input_image": {
            "type": "word", "detail": "word", "file_id": "ref:file", "image_url": "text",
            "prompt_cache_breakpoint": CACHE,
        },
        "input_file": {
            "type": "word", "file_id": "ref:file", "file_data": "opaque", "file_url": "text",
            "filename": "text", "detail": "word", "prompt_cache_breakpoint": CACHE,
        },
        "input_audio": {
            "type": "word", "input_audio": {"data": "opaque", "format": "word"},
        },
    }
)  # fmt: skip
CONTENT: Final = ("text", [CONTENT_PARTS])
OUTPUT: Final = ("text", [CONTENT_PARTS], "free")

# Every item says its id and status; a client may send back what it was given.
_ITEM: Final = {"type": "word", "id": "word", "status": "word", "call_id": "word",
                "caller": "free", "namespace": "word", "async": "word"}  # fmt: skip

FUNCTION_TOOL: Final = {
    "type": "word", "name": "definition", "description": "definition", "parameters": "definition",
    "strict": "word", "allowed_callers": ["word"], "async": "word", "defer_loading": "word",
    "output_schema": "definition", "input_schema": "definition", "annotations": "definition",
}  # fmt: skip
TOOL: Final = Tagged(
    {
        "function": FUNCTION_TOOL,
        "custom": {
            "type": "word", "name": "definition", "description": "definition",
            "format": "definition", "allowed_callers": ["word"], "async": "word",
            "defer_loading": "word",
        },
        "namespace": {
            "type": "word", "name": "definition", "description": "definition",
            "tools": ["definition"],
        },
        "tool_search": {
            "type": "word", "description": "definition", "execution": "word",
            "parameters": "definition",
        },
        "file_search": {
            "type": "word", "filters": "free", "max_num_results": "word",
            "ranking_options": "free", "vector_store_ids": ["ref:vector_store"],
        },
        "web_search*": {
            "type": "word", "external_web_access": "word", "filters": "free",
            "search_context_size": "word", "search_content_types": ["word"],
            "user_location": "free",
        },
        "code_interpreter": {
            "type": "word", "allowed_callers": ["word"],
            "container": (
                "ref:container",
                {"type": "word", "file_ids": ["ref:file"], "memory_limit": "word",
                 "network_policy": "free"},
            ),
        },
        "image_generation": {
            "type": "word", "action": "word", "background": "word", "complexity": "word",
            "frame_count": "word", "frame_duration_ms": "word", "input_fidelity": "word",
            "input_image_mask": {"file_id": "ref:file", "image_url": "text"}, "model": "word",
            "moderation": "word", "output_compression": "word", "output_format": "word",
            "partial_images": "word", "quality": "word", "size": "word", "svg": "free",
        },
        "shell": {"type": "word", "allowed_callers": ["word"], "environment": "free"},
        "local_shell": {"type": "word"},
        "apply_patch": {"type": "word", "allowed_callers": ["word"]},
        "computer": {"type": "word"},
        "computer_use_preview": {
            "type": "word", "display_height": "word", "display_width": "word",
            "environment": "word",
        },
        "programmatic_tool_calling": {"type": "word"},
    }
)  # fmt: skip

_MESSAGE: Final = {**_ITEM, "role": "word", "content": CONTENT, "phase": "word"}
ITEM: Final = Tagged(
    {
        "message": _MESSAGE,
        "function_call": {**_ITEM, "name": "word", "arguments": "free"},
        "function_call_output": {**_ITEM, "name": "word", "output": OUTPUT},
        "custom_tool_call": {**_ITEM, "name": "word", "input": "text"},
        "custom_tool_call_output": {**_ITEM, "output": OUTPUT},
        "reasoning": {
            **_ITEM, "summary": [CONTENT_PARTS], "content": [CONTENT_PARTS],
            "encrypted_content": "opaque",
        },
        "web_search_call": {**_ITEM, "action": "free"},
        "file_search_call": {**_ITEM, "queries": ["text"], "results": "free"},
        "computer_call": {
            **_ITEM, "action": "free", "actions": "free", "pending_safety_checks": "free",
        },
        "computer_call_output": {
            **_ITEM, "acknowledged_safety_checks": "free",
            "output": {"type": "word", "file_id": "ref:file", "image_url": "text"},
        },
        "image_generation_call": {
            **_ITEM, "action": "word", "background": "word", "error": "free",
            "output_format": "word", "quality": "word", "result": "opaque",
            "revised_prompt": "text", "size": "word", "svg_usage": "free",
        },
        "code_interpreter_call": {
            **_ITEM, "code": "text", "container_id": "ref:container", "outputs": "free",
        },
        "local_shell_call": {**_ITEM, "action": "free"},
        "local_shell_call_output": {**_ITEM, "output": "text"},
        "shell_call": {**_ITEM, "action": "free", "environment": "free"},
        "shell_call_output": {**_ITEM, "max_output_length": "word", "output": "free"},
        "apply_patch_call": {**_ITEM, "operation": "free"},
        "apply_patch_call_output": {**_ITEM, "output": "text"},
        "mcp_list_tools": {
            **_ITEM, "server_label": "word", "tools": "definition", "error": "free",
        },
        "mcp_approval_request": {
            **_ITEM, "arguments": "free", "name": "word", "server_label": "word",
        },
        "mcp_approval_response": {
            **_ITEM, "approval_request_id": "word", "approve": "word", "reason": "text",
        },
        "mcp_call": {
            **_ITEM, "arguments": "free", "name": "word", "server_label": "word",
            "output": "free", "error": "free", "approval_request_id": "word",
        },
        "tool_search_call": {**_ITEM, "arguments": "free", "execution": "word"},
        "tool_search_output": {**_ITEM, "execution": "word", "tools": ["definition"]},
        "additional_tools": {**_ITEM, "role": "word", "tools": ["definition"]},
        "configuration_update": {**_ITEM, "reasoning": "free", "text": "definition"},
        "compaction": {**_ITEM, "encrypted_content": "opaque"},
        "compaction_trigger": _ITEM,
        "program": {**_ITEM, "code": "text", "fingerprint": "opaque"},
        "program_output": {**_ITEM, "result": "free"},
        "item_reference": {"type": "word", "id": "ref:item"},
    },
    default="message",
)  # fmt: skip

FIELDS: Final = {
    "background": "word",
    "context_management": "free",
    "conversation": ("ref:conversation", {"id": "ref:conversation"}),
    "include": ["word"],
    "instructions": "text",
    "max_output_tokens": "word",
    "max_tool_calls": "word",
    "metadata": "free",
    "model": "word",
    "moderation": "free",
    "parallel_tool_calls": "word",
    "previous_response_id": "ref:response",
    "prompt": {"id": "ref:prompt", "version": "word", "variables": "free"},
    "prompt_cache_key": "word",
    "prompt_cache_options": "free",
    "prompt_cache_retention": "word",
    "reasoning": {"effort": "word", "summary": "word", "generate_summary": "word", "mode": "word",
                  "context": "word"},
    "safety_identifier": "word",
    "service_tier": "word",
    "store": "word",
    "stream": "word",
    "stream_options": {"include_obfuscation": "word", "include_usage": "word"},
    "temperature": "word",
    "text": "definition",
    "tool_choice": "free",
    "tools": [TOOL],
    "top_logprobs": "word",
    "top_p": "word",
    "truncation": "word",
    "user": "word",
}  # fmt: skip
"""Hosted MCP, background continuations and access programs have no row: they carry hops that a
door on this wire cannot see, and are refused as unknown until they are inventoried (step 2)."""

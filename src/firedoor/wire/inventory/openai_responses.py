"""OpenAI responses: the shape of a request."""

from typing import Final

from firedoor.wire.shape import Hop, Tagged

CACHE: Final = {"type": "word", "ttl": "word", "mode": "word"}
_LOGPROB: Final = {"token": "text", "bytes": ["word"], "logprob": "word"}
# A citation names what was read, and opens nothing: its ids are words.
ANNOTATION: Final = Tagged(
    {
        "file_citation": {"type": "word", "file_id": "word", "filename": "text", "index": "word"},
        "file_path": {"type": "word", "file_id": "word", "index": "word"},
        "url_citation": {
            "type": "word", "start_index": "word", "end_index": "word", "title": "text",
            "url": "text",
        },
        "container_file_citation": {
            "type": "word", "container_id": "word", "file_id": "word", "filename": "text",
            "start_index": "word", "end_index": "word",
        },
    }
)  # fmt: skip
CONTENT_PARTS: Final = Tagged(
    {
        "input_text": {"type": "word", "text": "text", "prompt_cache_breakpoint": CACHE},
        "output_text": {
            "type": "word", "text": "text", "annotations": [ANNOTATION],
            "logprobs": [_LOGPROB | {"top_logprobs": [_LOGPROB]}],
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
            "type": "word", "file_id": "ref:file", "file_data": "media", "file_url": "text",
            "filename": "text", "detail": "word", "prompt_cache_breakpoint": CACHE,
        },
        "input_audio": {
            "type": "word", "input_audio": {"data": "media", "format": "word"},
        },
        "encrypted_content": {"type": "word", "encrypted_content": "blob"},
    }
)  # fmt: skip
CONTENT: Final = ("text", [CONTENT_PARTS])
OUTPUT: Final = ("text", [CONTENT_PARTS], "free")

# Every item says its id and status; a client may send back what it was given. What stands in the
# item itself is judged as it stands, and then the id is a word.
_ITEM: Final = {
    "type": "word", "id": "word", "status": "word", "call_id": "word",
    "caller": {"type": "word", "caller_id": "word"}, "namespace": "word", "async": "word",
    "agent": Hop("multi_agent", {"agent_name": "word"}),
}  # fmt: skip
# What the provider looks up by its id, where the item is sent back without its content.
_KEPT: Final = {**_ITEM, "id": "ref:item"}
_CHECKS: Final = [{"id": "word", "code": "word", "message": "text"}]

NETWORK: Final = {
    "type": "word", "allowed_domains": ["text"],
    "domain_secrets": [{"domain": "text", "name": "word", "value": "opaque"}],
}  # fmt: skip
SKILL: Final = Tagged(
    {
        "skill_reference": {"type": "word", "skill_id": "ref:skill", "version": "word"},
        "inline": {
            "type": "word", "name": "definition", "description": "definition",
            "source": {"type": "word", "media_type": "word", "data": "media"},
        },
    }
)  # fmt: skip
CONTAINER: Final = {
    "type": "word", "file_ids": ["ref:file"], "memory_limit": "word", "network_policy": NETWORK,
    "skills": [SKILL],
}  # fmt: skip
ENVIRONMENT: Final = Tagged(
    {
        "local": {
            "type": "word",
            "skills": [{"name": "definition", "description": "definition", "path": "text"}],
        },
        "container_reference": {"type": "word", "container_id": "ref:container"},
        "container_auto": CONTAINER,
    }
)  # fmt: skip

FUNCTION_TOOL: Final = {
    "type": "word", "name": "definition", "description": "definition", "parameters": "definition",
    "strict": "word", "allowed_callers": ["word"], "async": "word", "defer_loading": "word",
    "output_schema": "definition", "input_schema": "definition", "annotations": "definition",
}  # fmt: skip
_CUSTOM_TOOL: Final = {
    "type": "word", "name": "definition", "description": "definition", "format": "definition",
    "allowed_callers": ["word"], "async": "word", "defer_loading": "word",
}  # fmt: skip
TOOL: Final = Tagged(
    {
        "function": FUNCTION_TOOL,
        "custom": _CUSTOM_TOOL,
        "namespace": {
            "type": "word", "name": "definition", "description": "definition",
            "tools": [Tagged({"function": FUNCTION_TOOL, "custom": _CUSTOM_TOOL})],
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
            "container": ("ref:container", CONTAINER),
        },
        "image_generation": {
            "type": "word", "action": "word", "background": "word", "complexity": "word",
            "frame_count": "word", "frame_duration_ms": "word", "input_fidelity": "word",
            "input_image_mask": {"file_id": "ref:file", "image_url": "text"}, "model": "word",
            "moderation": "word", "output_compression": "word", "output_format": "word",
            "partial_images": "word", "quality": "word", "size": "word", "svg": "free",
        },
        "mcp": Hop(
            "mcp",
            {
                "type": "word", "server_label": "word", "server_url": "text",
                "server_description": "definition", "connector_id": "word", "tunnel_id": "ref:tunnel",
                "authorization": "opaque", "headers": {"*": "opaque"},
                "allowed_tools": (["word"], {"read_only": "word", "tool_names": ["word"]}),
                "allowed_callers": ["word"], "defer_loading": "word",
                "require_approval": ("word", "definition"),
            },
        ),
        "shell": {"type": "word", "allowed_callers": ["word"], "environment": ENVIRONMENT},
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
            **_KEPT, "summary": [CONTENT_PARTS], "content": [CONTENT_PARTS],
            "encrypted_content": "blob",
        },
        "web_search_call": {**_KEPT, "action": "free"},
        "file_search_call": {
            **_KEPT, "queries": ["text"],
            "results": [
                {"attributes": "free", "file_id": "word", "filename": "text", "score": "word",
                 "text": "text"}
            ],
        },
        "computer_call": {
            **_ITEM, "action": "free", "actions": "free", "pending_safety_checks": _CHECKS,
        },
        "computer_call_output": {
            **_ITEM, "acknowledged_safety_checks": _CHECKS,
            "output": {"type": "word", "file_id": "ref:file", "image_url": "text"},
        },
        "image_generation_call": {
            **_KEPT, "action": "word", "background": "word", "error": "free",
            "output_format": "word", "quality": "word", "result": "media",
            "revised_prompt": "text", "size": "word", "svg_usage": "free",
        },
        "code_interpreter_call": {
            **_KEPT, "code": "text", "container_id": "ref:container", "outputs": "free",
        },
        "local_shell_call": {**_ITEM, "action": "free"},
        "local_shell_call_output": {**_ITEM, "output": "text"},
        "shell_call": {**_ITEM, "action": "free", "environment": ENVIRONMENT},
        "shell_call_output": {**_ITEM, "max_output_length": "word", "output": "free"},
        "apply_patch_call": {**_ITEM, "operation": "free"},
        "apply_patch_call_output": {**_ITEM, "output": "text"},
        "mcp_list_tools": Hop(
            "mcp", {**_KEPT, "server_label": "word", "tools": "definition", "error": "free"}
        ),
        "mcp_approval_request": Hop(
            "mcp", {**_KEPT, "arguments": "free", "name": "word", "server_label": "word"}
        ),
        "mcp_approval_response": Hop(
            "mcp",
            {**_ITEM, "approval_request_id": "ref:item", "approve": "word", "reason": "text"},
        ),
        "mcp_call": Hop(
            "mcp",
            {
                **_KEPT, "arguments": "free", "name": "word", "server_label": "word",
                "output": "free", "error": "free", "approval_request_id": "ref:item",
            },
        ),
        "agent_message": Hop(
            "multi_agent", {**_ITEM, "author": "word", "recipient": "word", "content": CONTENT}
        ),
        "multi_agent_call": Hop("multi_agent", {**_ITEM, "action": "word", "arguments": "free"}),
        "multi_agent_call_output": Hop(
            "multi_agent", {**_ITEM, "action": "word", "output": OUTPUT}
        ),
        "tool_search_call": {**_ITEM, "arguments": "free", "execution": "word"},
        "tool_search_output": {**_ITEM, "execution": "word", "tools": [TOOL]},
        "additional_tools": {**_ITEM, "role": "word", "tools": [TOOL]},
        "configuration_update": {**_ITEM, "reasoning": "free", "text": "definition"},
        "compaction": {**_KEPT, "encrypted_content": "blob"},
        "compaction_trigger": _ITEM,
        "program": {**_KEPT, "code": "text", "fingerprint": "blob"},
        "program_output": {**_ITEM, "result": "free"},
        "item_reference": {"type": "word", "id": "ref:item", "agent": _ITEM["agent"]},
    },
    default="message",
)  # fmt: skip

FIELDS: Final = {
    "access_programs": {"cyber": "word"},
    "background": "word",
    "background_options": {
        "completion_window": "word", "continuation_id": Hop("continuation", "ref:response"),
    },
    "context_management": "free",
    "conversation": ("ref:conversation", {"id": "ref:conversation"}),
    "image": {"context_compression": "word"},
    "include": ["word"],
    "instructions": "text",
    "max_output_tokens": "word",
    "max_tool_calls": "word",
    "metadata": "free",
    "model": "word",
    "moderation": "free",
    "multi_agent": Hop("multi_agent", {"enabled": "word", "max_concurrent_subagents": "word"}),
    "parallel_tool_calls": "word",
    "previous_response_id": "ref:response",
    "prompt": {"id": "ref:prompt", "version": "word",
               "variables": {"*": ("text", CONTENT_PARTS)}},
    "personality": "word",
    "prompt_cache_key": "word",
    "prompt_cache_options": {
        "mode": "word", "ttl": "word", "prewarm": "word",
        "comparison_response_id": "ref:response",
    },
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

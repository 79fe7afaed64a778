"""OpenAI chat completions: the shape of a request."""

from typing import Final

from firedoor.wire.shape import Tagged

CACHE = {"type": "word", "ttl": "word", "mode": "word"}

CONTENT_PARTS: Final = Tagged(
    {
        "text": {"type": "word", "text": "text", "prompt_cache_breakpoint": CACHE},
        "refusal": {"type": "word", "refusal": "text"},
        "image_url": {
            "type": "word",
            "image_url": {"url": "text", "detail": "word"},
            "prompt_cache_breakpoint": CACHE,
        },
        "input_audio": {
            "type": "word",
            "input_audio": {"data": "media", "format": "word"},
            "prompt_cache_breakpoint": CACHE,
        },
        "file": {
            "type": "word",
            "file": {"file_id": "ref:file", "file_data": "media", "filename": "text"},
            "prompt_cache_breakpoint": CACHE,
        },
    }
)
CONTENT: Final = ("text", [CONTENT_PARTS])

# A tool call's arguments are read by the surface itself: they name a store and a key.
MESSAGE: Final = {
    "role": "word",
    "content": CONTENT,
    "name": "word",
    "refusal": "text",
    "audio": {"id": "ref:audio"},
    "tool_call_id": "word",
    # What an answer carries and frameworks send back as they got it.
    "annotations": ["free"],
    "reasoning_content": "text",
    "reasoning": "text",
}
# What ``parts.read_call`` reads.
TOOL_CALL: Final = Tagged(
    {
        "function": {
            "type": "word",
            "id": "word",
            "index": "word",
            "function": {"name": "word", "arguments": "free"},
        },
        "custom": {
            "type": "word",
            "id": "word",
            "index": "word",
            "custom": {"name": "word", "input": "free"},
        },
    }
)
WHOLE_MESSAGE: Final = {
    **MESSAGE,
    "tool_calls": [TOOL_CALL],
    "function_call": {"name": "word", "arguments": "free"},
}

FUNCTION: Final = {
    "name": "definition",
    "description": "definition",
    "parameters": "definition",
    "strict": "word",
}
TOOL: Final = Tagged(
    {
        "function": {"type": "word", "function": FUNCTION},
        "custom": {
            "type": "word",
            "custom": {"name": "definition", "description": "definition", "format": "definition"},
        },
    }
)
TOOL_CHOICE: Final = (
    "word",
    {
        "type": "word",
        "function": {"name": "word"},
        "custom": {"name": "word"},
        "allowed_tools": {"mode": "word", "tools": ["free"]},
    },
)

FIELDS: Final = {
    "audio": {"format": "word", "voice": ("word", {"id": "ref:voice"})},
    "frequency_penalty": "word",
    "function_call": ("word", {"name": "word"}),
    "functions": [FUNCTION],
    "logit_bias": "free",
    "logprobs": "word",
    "max_completion_tokens": "word",
    "max_tokens": "word",
    "metadata": "free",
    "modalities": ["word"],
    "model": "word",
    "moderation": "free",
    "n": "word",
    "parallel_tool_calls": "word",
    "prediction": {"type": "word", "content": CONTENT},
    "presence_penalty": "word",
    "prompt_cache_key": "word",
    "prompt_cache_options": "free",
    "prompt_cache_retention": "word",
    "reasoning_effort": "word",
    "response_format": "definition",
    "safety_identifier": "word",
    "seed": "word",
    "service_tier": "word",
    "stop": ("text", ["text"]),
    "store": "word",
    "stream": "word",
    "stream_options": {"include_usage": "word", "include_obfuscation": "word"},
    "temperature": "word",
    "tool_choice": TOOL_CHOICE,
    "tools": [TOOL],
    "top_logprobs": "word",
    "top_p": "word",
    "user": "word",
    "verbosity": "word",
    "web_search_options": "free",
}

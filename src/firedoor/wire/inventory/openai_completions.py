"""OpenAI completions, the older shape (openai 3.57.0): a request."""

from typing import Final

from firedoor.wire.inventory.openai_chat import FIELDS as CHAT

FIELDS: Final = {
    "best_of": "word",
    "echo": "word",
    "frequency_penalty": "word",
    "logit_bias": "free",
    "logprobs": "word",
    "max_tokens": "word",
    "model": "word",
    "n": "word",
    "presence_penalty": "word",
    "prompt": ("text", ["text"]),
    "seed": "word",
    "stop": ("text", ["text"]),
    "stream": "word",
    "stream_options": CHAT["stream_options"],
    "suffix": "text",
    "temperature": "word",
    "top_p": "word",
    "user": "word",
}

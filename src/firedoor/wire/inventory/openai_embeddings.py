"""OpenAI embeddings (openai 3.54.0): the shape of a request."""

from typing import Final

FIELDS: Final = {
    "dimensions": "word",
    "encoding_format": "word",
    "input": ("text", ["text"]),
    "model": "word",
    "user": "word",
}

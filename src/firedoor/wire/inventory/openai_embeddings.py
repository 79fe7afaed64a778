"""OpenAI embeddings: the shape of a request."""

from typing import Final

FIELDS: Final = {
    "dimensions": "word",
    "encoding_format": "word",
    # Text, or tokens.
    "input": ("text", [("text", ["word"])]),
    "model": "word",
    "user": "word",
}

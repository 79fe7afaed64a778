"""Anthropic: the bodies of requests about what the provider keeps."""

from collections.abc import Mapping
from typing import Final

from firedoor.wire.inventory.body import Body

BODIES: Final[Mapping[str, Body]] = {
    "anthropic:memory_stores.create": Body(
        {"name": "text", "description": "text", "metadata": "free"}
    ),
    "anthropic:memory_stores.update": Body(
        {"name": "text", "description": "text", "metadata": "free"}
    ),
    "anthropic:memory_stores.memories.create": Body({"path": "text", "content": "text"}),
    "anthropic:memory_stores.memories.update": Body(
        {"path": "text", "content": "text", "precondition": "free"}
    ),
    "anthropic:skills.create": Body({"files": ["file"], "display_name": "text"}),
    "anthropic:skills.versions.create": Body({"files": ["file"]}),
    "anthropic:files.upload": Body({"file": "file", "expires_in_seconds": "word"}),
}  # fmt: skip

"""The shape of the whole body of every operation that takes one, by ``provider:operation``."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.inventory import (
    anthropic_messages,
    bodies_gemini,
    gemini_generate,
    openai_chat,
    openai_embeddings,
    openai_responses,
)
from firedoor.wire.inventory.bodies import BODIES
from firedoor.wire.shape import Hop

_RESPONSES: Final = {**openai_responses.FIELDS, "input": ("text", [openai_responses.ITEM])}
_MESSAGES: Final = {**anthropic_messages.FIELDS, "messages": [anthropic_messages.MESSAGE]}

_SURFACES: Final[Mapping[str, Mapping[str, Any]]] = {
    "openai:chat.completions.create": {
        **openai_chat.FIELDS, "messages": [openai_chat.WHOLE_MESSAGE],
    },
    "openai:responses.create": _RESPONSES,
    "openai:responses.compact": _RESPONSES,
    "openai:responses.input_tokens.count": _RESPONSES,
    "openai:embeddings.create": openai_embeddings.FIELDS,
    "anthropic:messages.create": _MESSAGES,
    "anthropic:messages.count_tokens": _MESSAGES,
    "gemini:models.generate_content": gemini_generate.FIELDS,
    "gemini:models.generate_content_stream": gemini_generate.FIELDS,
    "gemini:models.count_tokens": gemini_generate.COUNT_FIELDS,
    "gemini:models.embed_content": gemini_generate.EMBED_FIELDS,
    "openai:completions.create": {
        "model": "word", "prompt": ("text", [("text", ["word"])]), "best_of": "word",
        "echo": "word", "frequency_penalty": "word", "logit_bias": "free", "logprobs": "word",
        "max_tokens": "word", "n": "word", "presence_penalty": "word", "seed": "word",
        "stop": ("text", ["text"]), "stream": "word",
        "stream_options": {"include_usage": "word", "include_obfuscation": "word"},
        "suffix": "text", "temperature": "word", "top_p": "word", "user": "word",
    },
    "anthropic:messages.batches.create": {
        "requests": [
            {
                "custom_id": "word",
                "params": {
                    **_MESSAGES, "user_profile_id": "ref:user_profile",
                    "workspace_id": "ref:workspace",
                    # Where one line of a batch asks for what a header asks for elsewhere.
                    "betas": Hop("experimental", ["word"]),
                },
            }
        ],
    },
    **bodies_gemini.BATCHES,
}  # fmt: skip


def request_shape(provider: str, operation: str) -> Mapping[str, Any] | None:
    """What the body of an operation may hold; None where the inventory knows none."""
    name = f"{provider}:{operation}"
    known = _SURFACES.get(name)
    if known is not None:
        return known
    body = BODIES.get(name)
    if body is None:
        return None
    return {**body.fields, body.items: [openai_responses.ITEM]} if body.items else body.fields

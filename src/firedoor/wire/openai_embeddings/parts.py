"""Embeddings: a request's strings. Its texts are fields, there is no history."""

from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import Reading
from firedoor.wire.inventory import openai_embeddings as inventory
from firedoor.wire.openai_chat.parts import read_fields


def read_field(name: str, value: Any) -> Reading:
    """One top-level field."""
    return read_fields(inventory.FIELDS, name, value)


def params(document: Any) -> Params:
    """The facts that the engine needs."""
    model = document.get("model")
    return Params(model=model if isinstance(model, str) else None)

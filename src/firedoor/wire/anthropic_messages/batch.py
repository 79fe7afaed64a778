"""Batches of messages: many requests in one body, each read as the call that it is."""

from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import Reading
from firedoor.wire.anthropic_messages import parts as messages
from firedoor.wire.nested import joined, read_request
from firedoor.wire.openai_chat.parts import NOBODY
from firedoor.wire.shape import Found, free, walk

_REQUEST = {"custom_id": "word"}


def read_field(name: str, value: Any) -> Reading:
    """The requests, one after the other; there is no other field."""
    found, inner = Found(), list[Reading]()
    if name != "requests" or not isinstance(value, list):
        walk({}, {name: value}, "", NOBODY, found)
        return Reading(tuple(found.parts), (), None, tuple(found.unknown))
    for i, request in enumerate(value):
        at = f"/requests/{i}"
        if not isinstance(request, dict):
            found.unknown.append(at)
            free(request, at, NOBODY, found)
            continue
        for member, asked in request.items():
            if member == "params":
                inner.append(read_request(messages, asked, f"{at}/params"))
            else:
                walk(_REQUEST, {member: asked}, at, NOBODY, found)
    own = Reading(tuple(found.parts), (), None, tuple(found.unknown))
    return joined("", (own, *inner))


def params(document: Any) -> Params:
    """A batch is no call of a model by itself."""
    return Params()

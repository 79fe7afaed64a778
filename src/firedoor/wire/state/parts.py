"""Requests about what a provider keeps: fields by the inventory, items like a history's."""

from collections.abc import Callable
from typing import Any

from firedoor.types.exchange import Params
from firedoor.types.part import Channel, Reading, Role
from firedoor.wire.document import Malformed, members
from firedoor.wire.inventory.bodies import Body
from firedoor.wire.openai_chat.parts import read_fields
from firedoor.wire.openai_responses.parts import read_turn as read_item
from firedoor.wire.shape import Speaker
from firedoor.wire.surface import Sections

_PROGRAM = Speaker(Role.USER, Channel.USER)
"""What stands in these requests is the text of the run's own program, unless a record says more."""


def sections_of(body: Body | None) -> Callable[[object], Sections]:
    """Takes a body apart; the list that holds items is its history."""

    def sections(document: Any) -> Sections:
        fields = members(document)
        turns: list[object] = []
        if body is not None and body.items is not None:
            found = fields.pop(body.items, [])
            if not isinstance(found, list):
                raise Malformed(f"{body.items} is not a list.", pointer=f"/{body.items}")
            turns = found
        return Sections(f"/{body.items}" if body is not None and body.items else "", turns, fields)

    return sections


def reader_of(
    body: Body | None,
) -> tuple[Callable[[str, object], Reading], Callable[[str, object], Reading]]:
    """How the items and the fields of an operation's body are read."""
    fields = body.fields if body is not None else {}

    def read_field(name: str, value: object) -> Reading:
        return read_fields(fields, name, value, _PROGRAM)

    return read_item, read_field


def params(document: object) -> Params:
    """The facts that the engine needs."""
    value = document if isinstance(document, dict) else {}
    model = value.get("model")
    return Params(
        model=model if isinstance(model, str) else None,
        stream=value.get("stream") in (True, "true"),
    )

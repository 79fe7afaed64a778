"""Answers of earlier calls that a provider kept and tells again: their tool calls are judged there too.

A refused call is still in the provider's copy. Wherever that copy comes out, it is decided again.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from firedoor.types.part import Answer, ToolCall
from firedoor.wire import openai_chat
from firedoor.wire.answers import dumps, loads, placed, rewritten
from firedoor.wire.edit import Edit
from firedoor.wire.openai_responses.answer import call_of, is_call, message_instead
from firedoor.wire.state.answer import read_answer

_CHATS: Final = frozenset(
    {"openai:chat.completions.list", "openai:chat.completions.retrieve",
     "openai:chat.completions.update"}
)  # fmt: skip
_ITEMS: Final = frozenset(
    {"openai:conversations.items.list", "openai:conversations.items.retrieve",
     "openai:responses.input_items.list"}
)  # fmt: skip
TELLS: Final = _CHATS | _ITEMS
"""Operations that tell again what a model said in an earlier call."""


class _Told(NamedTuple):
    pointer: str
    value: dict[str, Any]


def _told(value: dict[str, Any]) -> Iterator[_Told]:
    """The things told: those of a list, or the one that the answer is."""
    if isinstance(value.get("data"), list):
        for i, item in placed(value["data"]):
            yield _Told(f"/data/{i}", item)
    else:
        yield _Told("", value)


def _chat_calls(value: dict[str, Any]) -> list[ToolCall]:
    output = openai_chat.WIRE.read_answer(dumps(value).encode()).output
    return [part for part in output if isinstance(part, ToolCall)]


def _calls(told: _Told) -> list[ToolCall]:
    pointer, value = told
    if isinstance(value.get("choices"), list):
        return [c._replace(pointer=pointer + c.pointer) for c in _chat_calls(value)]
    return [call_of(value, pointer)] if is_call(value) else []


def read_told(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    found = read_answer(body)
    value = loads(body)
    calls = [call for told in _told(value or {}) for call in _calls(told)]
    return found._replace(output=(*found.output, *calls))


def _instead(told: _Told, refused: Mapping[str, str]) -> dict[str, Any] | None:
    """What stands in place of a thing that holds refused calls; None where it holds none."""
    pointer, value = told
    if not isinstance(value.get("choices"), list):
        said = refused.get(pointer)
        # Under the item's own id, by which the list goes on and the provider knows it.
        return None if said is None else message_instead(value, said) | {"id": value.get("id")}
    mine = {c.pointer: refused.get(pointer + c.pointer) for c in _chat_calls(value)}
    said_of = {at: said for at, said in mine.items() if said is not None}
    if not said_of:
        return None
    return loads(openai_chat.WIRE.edit_answer(dumps(value).encode(), said_of))


def edit_told(body: bytes, refused: Mapping[str, str]) -> bytes:
    """See `SurfaceWire.edit_answer`."""
    value = loads(body) or {}
    edits: list[Edit] = []
    for told in list(_told(value)):
        new = _instead(told, refused)
        if new is None:
            continue
        if not told.pointer:
            return dumps(new).encode()
        value["data"][int(told.pointer.rpartition("/")[2])] = new
        edits.append(Edit(told.pointer, None, dumps(new)))
    return rewritten(body, edits, value)


__all__ = ["TELLS", "edit_told", "read_told"]

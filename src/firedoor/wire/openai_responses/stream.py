"""Responses: a streamed answer.

An item that the caller's program would carry out, or whose type this door does not know, is held
from ``output_item.added`` to ``output_item.done``. A refused one becomes a message at the same
output index, in every copy: its own events and the terminal event's whole response. From then on
sequence numbers are counted anew.

An item is known by its id, or else by its output index, of which the latest one is meant. A copy of
a call is let through only if it asks for what was judged; one that asks for more is judged too.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputPart, ToolCall
from firedoor.wire.answers import count, dumps, error_of, key_of, loads, placed, word
from firedoor.wire.openai_responses.answer import (
    answer_of,
    ids_of,
    is_call,
    is_known,
    item_output,
    message_instead,
    minted_of,
)
from firedoor.wire.sse import Event, unread, written
from firedoor.wire.stream import DecidedStream
from firedoor.wire.surface import Piece

_TERMINAL: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_TEXT_DELTAS: Final = frozenset(
    {
        "response.output_text.delta",
        "response.refusal.delta",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.function_call_arguments.delta",
        "response.custom_tool_call_input.delta",
    }
)
_FETCHED: Final = frozenset({"container", "file"})
_OF_CALLS: Final = (
    "response.function_call_arguments.",
    "response.custom_tool_call_input.",
    "response.shell_call_command.",
    "response.apply_patch_call_",
)
"""How the events begin that belong to a call, whether or not its ``added`` came."""


class _Item:
    """One output item as its events come."""

    __slots__ = ("at", "held", "index", "refusal", "said", "value")

    def __init__(self, at: int, index: Any) -> None:
        self.at = at
        """Its place in the output."""
        self.index = index
        """As the provider gave it."""
        self.held: list[Event] | None = None
        self.value: dict[str, Any] | None = None
        """The whole item, once it is done."""
        self.said: list[OutputPart | ToolCall] = []
        """What it said before it was judged."""
        self.refusal: str | None = None


class ResponsesStream(DecidedStream[_Item]):
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._response: dict[str, Any] = {}
        self._items: list[_Item] = []
        self._named: dict[str, _Item] = {}
        """Items by id and by call id."""
        self._placed: dict[Any, _Item] = {}
        """The latest item at an output index."""
        self._minted: set[MintedId] = set()
        """The ids that were told so far."""
        self._shift = 0
        """By how much later sequence numbers differ from the provider's."""
        self._terminal = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the terminal event or an error came."""
        return self._terminal

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. An item that is not whole does not leave."""
        last = self._sse.end()
        if last is None:
            return
        value = loads(last.data) if last.data is not None else None
        if value is None:
            wanted = self._terminal and last.data is None
        else:
            kind = _kind(last, value)
            wanted = kind in _TERMINAL or kind == "error" or bool(value.get("error"))
        if wanted or not self._hold:
            yield from self._event(last)

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            done = event.data is not None and event.data.strip().startswith("[DONE]")
            if done and not self._terminal and self._hold:
                # It ends no response, but clients stop at it.
                yield Piece(b"", unreadable=True)
                return
            piece = unread(event, self._hold)
            yield piece._replace(terminal=done and not self._terminal)
            return
        kind = _kind(event, value)
        if kind in _TERMINAL:
            yield from self._whole_response(event, value, ends=True)
        elif kind == "error" or value.get("error"):
            self._terminal = True
            self._error = error_of(value) or word(value.get("code")) or "error"
            yield Piece(self._numbered(event, value), terminal=True)
        elif isinstance(value.get("response"), dict):
            yield from self._whole_response(event, value, ends=False)
        elif kind == "response.output_item.added":
            yield from self._added(event, value)
        elif kind == "response.output_item.done":
            yield from self._item_done(event, value)
        else:
            text = word(value.get("delta")) or "" if kind in _TEXT_DELTAS else ""
            yield Piece(self._passed(event, value, kind), text=text)

    def _passed(self, event: Event, value: dict[str, Any], kind: str) -> bytes:
        """An event of an item that is under way; none of its bytes while the item is held."""
        item = self._meant(value, word(value.get("item_id")))
        if self._hold and kind.startswith(_OF_CALLS):
            if item is None:
                # Its ``added`` never came.
                item = self._new(value, word(value.get("item_id")))
                item.held = []
            elif item.value is not None:
                # Nothing may be added to a call that was decided.
                self._shift -= 1
                return b""
        if item is not None and item.held is not None and item.value is None:
            item.held.append(event)
            return b""
        return self._numbered(event, value)

    def _meant(self, value: dict[str, Any], *ids: str | None) -> _Item | None:
        """The item that an event speaks of."""
        for id_ in ids:
            if id_ and id_ in self._named:
                return self._named[id_]
        return self._placed.get(key_of(value.get("output_index"), None))

    def _new(self, value: dict[str, Any], *ids: str | None) -> _Item:
        index = key_of(value.get("output_index"), None)
        item = self._placed[index] = _Item(len(self._items), index)
        self._items.append(item)
        self._named.update((id_, item) for id_ in ids if id_)
        return item

    def _added(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        begun = _object(value.get("item"))
        item = self._new(value, *_ids(begun))
        if self._hold and (is_call(begun) or not is_known(begun)):
            item.held = [event]
        else:
            yield Piece(self._numbered(event, value), minted=self._made(begun))

    def _made(self, item: dict[str, Any]) -> tuple[MintedId, ...]:
        """What an item shows of ids for the first time: they can be used while the answer goes on.

        Of a response that is not kept, only what a tool made can be.
        """
        kept = self._response.get("store") is not False
        found = [m for m in minted_of(item) if kept or m.resource in _FETCHED]
        new = [m for m in found if m not in self._minted]
        self._minted.update(new)
        return tuple(new)

    def _item_done(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        whole = _object(value.get("item"))
        item = self._meant(value, *_ids(whole))
        if item is None or item.value is not None:
            item = self._new(value, *_ids(whole))
        self._named.update((id_, item) for id_ in _ids(whole) if id_)
        yield from self._told(item, whole)
        made = self._made(whole)
        yield Piece(self._released(item, whole, [*(item.held or ()), event]), minted=made)

    def _told(self, item: _Item, whole: dict[str, Any]) -> Iterator[Piece]:
        """The parts and calls of a whole item, each call decided before this goes on."""
        at = f"/output/{item.at}"
        item.value, item.said = whole, item_output(whole, at)
        for part in item.said:
            if isinstance(part, ToolCall):
                self._deciding = item
            yield Piece(b"", done=part)
            self._deciding = None
        if item.refusal is not None:
            item.value = message_instead(whole, item.refusal)
            for part in item_output(item.value, at):
                yield Piece(b"", done=part)

    def _whole_response(
        self, event: Event, value: dict[str, Any], *, ends: bool
    ) -> Iterator[Piece]:
        """An event that holds a copy of the response, which is what some clients go by."""
        first = not self._response
        response = self._response = _object(value.get("response"))
        minted: tuple[MintedId, ...] = ()
        if first and not ends and response.get("store") is not False:
            minted = tuple(ids_of(response))
        changed = False
        for place, whole in placed(response.get("output")):
            item = self._meant({"output_index": place}, *_ids(whole))
            if item is not None and item.value is None and ends:
                # Its own ``done`` never came.
                held = item.held or []
                yield from self._told(item, whole)
                yield Piece(self._released(item, whole, held))
            elif item is None or not _is_copy(item, whole):
                # Some servers give an item here only: it is judged all the same.
                item = _Item(place, place)
                yield from self._told(item, whole)
            if item.refusal is not None and item.value is not None:
                response["output"][place] = item.value
                changed = True
        if ends:
            self._terminal = True
            # Sequence numbers are counted on without what never left.
            self._shift -= sum(len(i.held or ()) for i in self._items if i.value is None)
        raw = self._rewritten(event, value) if changed else self._numbered(event, value)
        yield Piece(raw, terminal=ends, minted=minted)

    # -- writing -----------------------------------------------------------------------------

    def _numbered(self, event: Event, value: dict[str, Any]) -> bytes:
        return self._rewritten(event, value) if self._shift else event.raw

    def _rewritten(self, event: Event, value: dict[str, Any]) -> bytes:
        number = count(value.get("sequence_number"))
        if number is not None:
            value["sequence_number"] = number + self._shift
        return written(dumps(value), event.name)

    def _released(self, item: _Item, whole: dict[str, Any], events: list[Event]) -> bytes:
        """The events of a whole item as they came, or those of the message in its place."""
        if item.refusal is not None:
            return self._replaced(item, item.refusal, events)
        if self._shift:
            return b"".join(self._numbered(e, loads(e.data or "") or {}) for e in events)
        return b"".join(e.raw for e in events)

    def _replaced(self, item: _Item, told: str, held: list[Event]) -> bytes:
        message = item.value or {}
        part = message["content"][0]
        index = item.at if item.index is None else item.index
        where = {"item_id": message["id"], "output_index": index, "content_index": 0}
        empty: dict[str, Any] = {"type": "output_text", "text": "", "annotations": []}
        events: list[dict[str, Any]] = [
            {
                "type": "response.output_item.added",
                "output_index": index,
                "item": message | {"status": "in_progress", "content": []},
            },
            {"type": "response.content_part.added", **where, "part": empty},
            {"type": "response.output_text.delta", **where, "delta": told, "logprobs": []},
            {"type": "response.output_text.done", **where, "text": told, "logprobs": []},
            {"type": "response.content_part.done", **where, "part": part},
            {"type": "response.output_item.done", "output_index": index, "item": message},
        ]
        begun = loads(held[0].data or "") if held else None
        first = count(begun.get("sequence_number")) if begun is not None else None
        if first is not None:
            for n, event in enumerate(events):
                event["sequence_number"] = first + self._shift + n
        self._shift += len(events) - len(held)
        return b"".join(written(dumps(e), str(e["type"])) for e in events)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        # The terminal copy is what a client keeps; where there is none, what came one by one.
        output = self._response.get("output")
        if not (self._terminal and isinstance(output, list) and output):
            output = [item.value or {} for item in self._items]
        found = answer_of(self._response | {"output": output})
        return found._replace(error=self._error or found.error)


def _kind(event: Event, value: dict[str, Any]) -> str:
    """What an event is: its name where its data does not say."""
    return word(value.get("type")) or event.name or ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _ids(item: dict[str, Any]) -> tuple[str | None, str | None]:
    return word(item.get("id")), word(item.get("call_id"))


def _is_copy(item: _Item, whole: dict[str, Any]) -> bool:
    """Whether a copy says what the item said when it was judged."""
    return item_output(whole, f"/output/{item.at}") == item.said

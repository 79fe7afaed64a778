"""Responses: a streamed answer.

An item that the caller's program would carry out is held from ``output_item.added`` to
``output_item.done``. A refused one becomes a message at the same output index, in every copy: its
own events and the terminal event's whole response. From then on sequence numbers are counted anew.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputPart, ToolCall
from firedoor.wire.answers import count, dumps, error_of, loads, word
from firedoor.wire.openai_responses.answer import (
    answer_of,
    call_of,
    ids_of,
    is_call,
    item_output,
    message_instead,
)
from firedoor.wire.plain import error_event
from firedoor.wire.sse import Event, SseReader, written
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
_CALL_EVENTS: Final = (
    "response.apply_patch_call_",
    "response.custom_tool_call_input.",
    "response.function_call_arguments.",
    "response.shell_call_",
)


class ResponsesStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()
        self._response: dict[str, Any] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._held: dict[int, list[Event]] = {}
        self._refused: dict[int, str] = {}
        self._deciding: int | None = None
        self._shift = 0
        """By how much later sequence numbers differ from the provider's."""
        self._terminal = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the terminal event or an error came."""
        return self._terminal

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. An item that is not whole does not leave."""
        last = self._sse.end()
        if last is not None:
            yield from self._event(last)

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        assert self._deciding is not None
        if refusal is not None and self._hold:
            self._refused[self._deciding] = refusal
        self._deciding = None

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        return error_event(code, message, request_id)

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            terminal = event.data is not None and event.data.strip() == "[DONE]"
            yield Piece(event.raw, terminal=terminal and not self._terminal)
            return
        kind = str(value.get("type") or event.name or "")
        index = count(value.get("output_index"))
        if kind in _TERMINAL:
            yield from self._end_of(event, value)
        elif kind == "error" or value.get("error"):
            self._terminal = True
            self._error = error_of(value) or word(value.get("code")) or "error"
            yield Piece(self._numbered(event, value), terminal=True)
        elif kind == "response.output_item.added" and index is not None:
            item = value.get("item")
            if self._hold and isinstance(item, dict) and is_call(item):
                self._held[index] = [event]
            else:
                yield Piece(self._numbered(event, value))
        elif kind == "response.output_item.done" and index is not None:
            yield from self._item_done(event, value, index)
        elif index is not None and (
            index in self._held or (self._hold and kind.startswith(_CALL_EVENTS))
        ):
            # A stream that is taken up again may begin in the middle of a call.
            self._held.setdefault(index, []).append(event)
            text = word(value.get("delta")) or "" if kind in _TEXT_DELTAS else ""
            yield Piece(b"", text=text)
        else:
            minted: tuple[MintedId, ...] = ()
            if isinstance(value.get("response"), dict):
                if not self._response and value["response"].get("store") is not False:
                    minted = tuple(ids_of(value["response"]))
                self._response = value["response"]
            text = word(value.get("delta")) or "" if kind in _TEXT_DELTAS else ""
            yield Piece(self._numbered(event, value), text=text, minted=minted)

    def _item_done(self, event: Event, value: dict[str, Any], index: int) -> Iterator[Piece]:
        item = value.get("item")
        item = item if isinstance(item, dict) else {}
        self._items[index] = item
        held = [*self._held.pop(index, []), event]
        yield from self._told(index, item)
        if index in self._refused:
            yield Piece(self._replaced(index, item, held))
        elif self._shift:
            yield Piece(b"".join(self._numbered(e, loads(e.data or "") or {}) for e in held))
        else:
            yield Piece(b"".join(e.raw for e in held))

    def _told(self, index: int, item: dict[str, Any]) -> Iterator[Piece]:
        """The parts and calls of a whole item, each call decided before this goes on."""
        at = f"/output/{index}"
        if is_call(item):
            self._deciding = index
            yield Piece(b"", done=call_of(item, at))
            self._deciding = None
            if index in self._refused:
                self._items[index] = message_instead(item, self._refused[index])
                for part in item_output(self._items[index], at):
                    if isinstance(part, OutputPart):
                        yield Piece(b"", done=part)
            return
        for part in item_output(item, at):
            if not isinstance(part, ToolCall):
                yield Piece(b"", done=part)

    def _end_of(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        response = value.get("response")
        response = response if isinstance(response, dict) else {}
        self._response = response
        output = response.get("output")
        items = output if isinstance(output, list) else []
        for index, item in enumerate(items):
            # Some servers give an item in the terminal event only: it is judged all the same.
            if index not in self._items and isinstance(item, dict):
                self._items[index] = item
                yield from self._told(index, item)
        self._terminal = True
        if not self._refused:
            yield Piece(self._numbered(event, value), terminal=True)
            return
        for index in self._refused:
            if index < len(items):
                items[index] = self._items[index]
        yield Piece(self._rewritten(event, value), terminal=True)

    # -- writing -----------------------------------------------------------------------------

    def _numbered(self, event: Event, value: dict[str, Any]) -> bytes:
        return self._rewritten(event, value) if self._shift else event.raw

    def _rewritten(self, event: Event, value: dict[str, Any]) -> bytes:
        number = count(value.get("sequence_number"))
        if number is not None:
            value["sequence_number"] = number + self._shift
        return written(dumps(value), event.name)

    def _replaced(self, index: int, item: dict[str, Any], held: list[Event]) -> bytes:
        told = self._refused[index]
        message = self._items[index]
        part = message["content"][0]
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
        first = (loads(held[0].data or "") or {}).get("sequence_number")
        if isinstance(first, int):
            for n, event in enumerate(events):
                event["sequence_number"] = first + self._shift + n
        self._shift += len(events) - len(held)
        return b"".join(written(dumps(e), str(e["type"])) for e in events)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        last = max(self._items, default=-1)
        output = [self._items.get(i, {}) for i in range(last + 1)]
        found = answer_of(self._response | {"output": output})
        return found._replace(error=self._error or found.error)

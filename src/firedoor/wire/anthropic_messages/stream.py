"""Anthropic messages: a streamed answer. A `tool_use` block is held from its start to its stop.

So is a block of a type that this door does not know, until it can be seen whether it is a call. A
block is known by its start, not by its index: two that share an index are judged one by one.
"""

from collections.abc import Iterator
from typing import Any

from firedoor.types.part import Answer, OutputKind, OutputPart, ToolCall
from firedoor.types.usage import Usage
from firedoor.wire.answers import dumps, error_of, key_of, loads, placed, word
from firedoor.wire.anthropic_messages.answer import answer_of, block_output, is_call, is_known
from firedoor.wire.counts import later, usage_of
from firedoor.wire.sse import Event, unread, written
from firedoor.wire.stream import DecidedStream
from firedoor.wire.surface import Piece

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
_IMPLIED = {"text": "text", "thinking": "thinking", "signature": "thinking"}
_LAST = ("message_stop", "error")


class _Block:
    """One content block as its events come."""

    __slots__ = ("at", "held", "index", "input", "refusal", "value", "whole")

    def __init__(self, at: int, index: Any, value: dict[str, Any]) -> None:
        self.at = at
        """Its place in the message."""
        self.index = index
        """As the provider gave it."""
        self.value = value
        self.input: list[str] = []
        self.held: list[Event] | None = None
        self.whole = False
        self.refusal: str | None = None

    @property
    def is_left(self) -> bool:
        """Whether it is a call that the client gets."""
        return self.whole and self.refusal is None and is_call(self.value)


class MessagesStream(DecidedStream[_Block]):
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._message: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._blocks: list[_Block] = []
        self._open: dict[Any, _Block] = {}
        self._finish: tuple[Event, dict[str, Any]] | None = None
        """A ``message_delta`` that ends for calls of which none is left, until the end shows it."""
        self._terminal = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether ``message_stop`` or an error came."""
        return self._terminal

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. A block that is not whole does not leave."""
        last = self._sse.end()
        if last is None:
            return
        value = loads(last.data) if last.data is not None else None
        kind = _kind(last, value) if value is not None else ""
        if not self._hold or kind in _LAST or (self._terminal and last.data is None):
            yield from self._event(last)

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        error = {"type": "api_error", "message": message, "code": code}
        body = {"type": "error", "error": error, "request_id": request_id}
        return written(dumps(body), "error")

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            yield unread(event, self._hold)
            return
        kind = _kind(event, value)
        index = key_of(value.get("index"), None)
        if kind == "message_start":
            yield from self._begun(event, value)
        elif kind == "content_block_start":
            block = self._new(index, value.get("content_block"))
            if self._hold and (is_call(block.value) or not is_known(block.value)):
                block.held = [event]
            else:
                yield Piece(event.raw)
        elif kind == "content_block_delta":
            yield self._delta(event, index, value.get("delta"))
        elif kind == "content_block_stop":
            yield from self._stopped(index, event)
        elif kind == "message_delta":
            yield self._message_delta(event, value)
        elif kind == "message_stop":
            self._terminal = True
            yield Piece(self._finished() + event.raw, terminal=True)
        elif kind == "error":
            self._terminal = True
            self._error = error_of(value) or "error"
            yield Piece(event.raw, terminal=True)
        else:
            yield Piece(event.raw)

    def _new(self, index: Any, value: Any) -> _Block:
        value = dict(value) if isinstance(value, dict) else {}
        block = self._open[index] = _Block(len(self._blocks), index, value)
        self._blocks.append(block)
        return block

    def _begun(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        """The message's start; blocks that it brings with it are whole, and judged."""
        message = value.get("message")
        self._message = dict(message) if isinstance(message, dict) else {}
        self._usage = later(self._usage, usage_of(self._message.get("usage")))
        raw = event.raw
        for place, item in placed(self._message.get("content")):
            block = self._new(None, item)
            block.whole = True
            yield from self._told(block)
            if block.refusal is not None:
                value["message"]["content"][place] = block.value
                raw = written(dumps(value), event.name)
        yield Piece(raw)

    def _delta(self, event: Event, index: Any, delta: Any) -> Piece:
        if not isinstance(delta, dict):
            delta = {}
        block = self._open.get(index)
        name = _DELTAS.get(str(delta.get("type")))
        text = ""
        if delta.get("type") == "input_json_delta":
            text = word(delta.get("partial_json")) or ""
            if block is not None:
                block.input.append(text)
            elif self._hold:
                # Of a call that was decided, or of none: nothing may be added to it.
                return Piece(b"")
        elif name is not None:
            text = word(delta.get(name)) or ""
            block = block or self._new(index, {"type": _IMPLIED[name]})
            block.value[name] = (word(block.value.get(name)) or "") + text
        if block is not None and name is None:
            _add(block.value, delta)
        if block is not None and block.held is not None:
            block.held.append(event)
            return Piece(b"", text=text)
        return Piece(event.raw, text=text)

    def _stopped(self, index: Any, event: Event) -> Iterator[Piece]:
        block = self._open.pop(index, None)
        if block is None:
            yield Piece(event.raw)
            return
        block.whole = True
        if whole_input := "".join(block.input):
            parsed = loads(whole_input)
            # Broken arguments stay a text: a client will fail on them, and they were emitted.
            block.value["input"] = parsed if parsed is not None else whole_input
        yield from self._told(block)
        if block.refusal is not None:
            yield Piece(_replaced(block))
        else:
            yield Piece(b"".join(e.raw for e in (*(block.held or ()), event)))

    def _told(self, block: _Block) -> Iterator[Piece]:
        """What a whole block says, a call decided before this goes on."""
        for part in block_output(block.value, f"/content/{block.at}"):
            if isinstance(part, ToolCall):
                self._deciding = block
            yield Piece(b"", done=part)
            self._deciding = None
        if block.refusal is not None:
            block.value = {"type": "text", "text": block.refusal}
            at = f"/content/{block.at}/text"
            yield Piece(b"", done=OutputPart(at, block.refusal, OutputKind.TEXT))

    def _message_delta(self, event: Event, value: dict[str, Any]) -> Piece:
        delta = value.get("delta")
        usage = value.get("usage")
        self._usage = later(self._usage, usage_of(usage))
        if isinstance(delta, dict):
            for name in ("stop_reason", "container"):
                if delta.get(name) is not None:
                    self._message[name] = delta[name]
            left = any(block.is_left for block in self._blocks)
            if self._hold and delta.get("stop_reason") == "tool_use" and not left:
                before = self._finished()
                self._finish = event, value
                return Piece(before)
        return Piece(event.raw)

    def _finished(self) -> bytes:
        """The ``message_delta`` that waited, with the stop reason that holds now."""
        if self._finish is None:
            return b""
        (event, value), self._finish = self._finish, None
        asked = any(block.refusal is not None or not block.whole for block in self._blocks)
        if not asked or any(block.is_left for block in self._blocks):
            return event.raw
        value["delta"]["stop_reason"] = self._message["stop_reason"] = "end_turn"
        return written(dumps(value), event.name)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        # Pointers count blocks: an unfinished one keeps its place and says nothing.
        content = [block.value if block.whole else {} for block in self._blocks]
        found = answer_of(self._message | {"content": content})
        return found._replace(error=self._error or found.error, usage=self._usage)


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    """Put into a block what a delta brings besides text: a citation, a piece of a compaction."""
    if delta.get("type") == "citations_delta" and isinstance(delta.get("citation"), dict):
        known = block.get("citations")
        block["citations"] = [*(known if isinstance(known, list) else ()), delta["citation"]]
    elif delta.get("type") == "compaction_delta":
        for name in ("content", "encrypted_content"):
            block[name] = (word(block.get(name)) or "") + (word(delta.get(name)) or "")


def _kind(event: Event, value: dict[str, Any]) -> str:
    """What an event is: clients go by its name where its data does not say."""
    return word(value.get("type")) or event.name or ""


def _replaced(block: _Block) -> bytes:
    """A text block in place of a call, at the same index."""
    index = block.at if block.index is None else block.index
    text = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": block.refusal}
    events: tuple[dict[str, Any], ...] = (
        {"type": "content_block_start", "index": index, "content_block": text},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    )
    return b"".join(written(dumps(e), str(e["type"])) for e in events)

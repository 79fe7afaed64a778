"""Anthropic messages: a streamed answer. A `tool_use` block is held from its start to its stop."""

from collections.abc import Iterator
from typing import Any

from firedoor.types.part import Answer, ToolCall
from firedoor.wire.answers import count, dumps, error_of, loads, word
from firedoor.wire.anthropic_messages.answer import answer_of, block_output
from firedoor.wire.sse import Event, SseReader, written
from firedoor.wire.surface import Piece

_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}


class MessagesStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._input: dict[int, str] = {}
        self._held: dict[int, list[Event]] = {}
        self._refused: dict[int, str] = {}
        self._whole: set[int] = set()
        self._deciding: int | None = None
        self._terminal = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether ``message_stop`` or an error came."""
        return self._terminal

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. A block that is not whole does not leave."""
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
        error = {"type": "api_error", "message": message, "code": code}
        body = {"type": "error", "error": error, "request_id": request_id}
        return written(dumps(body), "error")

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        kind = value.get("type") if value is not None else None
        if value is None or not isinstance(kind, str):
            yield Piece(event.raw)
            return
        index = count(value.get("index")) or 0
        if kind == "message_start":
            message = value.get("message")
            self._message = dict(message) if isinstance(message, dict) else {}
            yield Piece(event.raw)
        elif kind == "content_block_start":
            block = value.get("content_block")
            self._blocks[index] = dict(block) if isinstance(block, dict) else {}
            if self._hold and self._blocks[index].get("type") == "tool_use":
                self._held[index] = [event]
            else:
                yield Piece(event.raw)
        elif kind == "content_block_delta":
            text = self._delta(index, value.get("delta"))
            if index in self._held:
                self._held[index].append(event)
                yield Piece(b"", text=text)
            else:
                yield Piece(event.raw, text=text)
        elif kind == "content_block_stop":
            yield from self._stopped(index, event)
        elif kind == "message_delta":
            yield self._message_delta(event, value)
        elif kind == "message_stop":
            self._terminal = True
            yield Piece(event.raw, terminal=True)
        elif kind == "error":
            self._terminal = True
            self._error = error_of(value)
            yield Piece(event.raw, terminal=True)
        else:
            yield Piece(event.raw)

    def _delta(self, index: int, delta: Any) -> str:
        if not isinstance(delta, dict):
            return ""
        block = self._blocks.setdefault(index, {})
        kind = delta.get("type")
        if kind == "input_json_delta":
            text = word(delta.get("partial_json")) or ""
            self._input[index] = self._input.get(index, "") + text
            return text
        name = _DELTAS.get(str(kind))
        if name is None:
            return ""
        text = word(delta.get(name)) or ""
        block[name] = (word(block.get(name)) or "") + text
        return text

    def _stopped(self, index: int, event: Event) -> Iterator[Piece]:
        block = self._blocks.setdefault(index, {})
        self._whole.add(index)
        if self._input.get(index):
            parsed = loads(self._input[index])
            # Broken arguments stay a text: a client will fail on them, and they were emitted.
            block["input"] = parsed if parsed is not None else self._input[index]
        for part in block_output(block, f"/content/{index}"):
            if isinstance(part, ToolCall) and self._hold:
                self._deciding = index
                yield Piece(b"", done=part)
                held = [*self._held.pop(index, []), event]
                if self._deciding is not None:
                    self.decide(None)
                if index in self._refused:
                    yield Piece(self._replaced(index))
                else:
                    yield Piece(b"".join(e.raw for e in held))
                return
            if isinstance(part, ToolCall):
                self._deciding = index
            yield Piece(b"", done=part)
            self._deciding = None
        yield Piece(event.raw)

    def _replaced(self, index: int) -> bytes:
        """A text block in place of a call, at the same index."""
        text = self._refused[index]
        self._blocks[index] = {"type": "text", "text": text}
        events = (
            {
                "type": "content_block_start",
                "index": index,
                "content_block": {"type": "text", "text": ""},
            },
            {
                "type": "content_block_delta",
                "index": index,
                "delta": {"type": "text_delta", "text": text},
            },
            {"type": "content_block_stop", "index": index},
        )
        return b"".join(written(dumps(e), str(e["type"])) for e in events)

    def _message_delta(self, event: Event, value: dict[str, Any]) -> Piece:
        delta = value.get("delta")
        if isinstance(delta, dict):
            left = any(b.get("type") == "tool_use" for b in self._blocks.values())
            raw = event.raw
            if self._refused and not left and delta.get("stop_reason") == "tool_use":
                delta["stop_reason"] = "end_turn"
                raw = written(dumps(value), event.name)
            for name in ("stop_reason", "container"):
                if delta.get(name) is not None:
                    self._message[name] = delta[name]
        else:
            raw = event.raw
        usage = value.get("usage")
        if isinstance(usage, dict):
            known = self._message.get("usage")
            told = {k: v for k, v in usage.items() if v is not None}
            self._message["usage"] = (known if isinstance(known, dict) else {}) | told
        return Piece(raw)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        # Pointers count blocks: an unfinished one keeps its place and says nothing.
        last = max(self._blocks, default=-1)
        content = [self._blocks.get(i, {}) if i in self._whole else {} for i in range(last + 1)]
        found = answer_of(self._message | {"content": content})
        return found._replace(error=self._error or found.error)

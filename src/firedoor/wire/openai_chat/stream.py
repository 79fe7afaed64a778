"""Chat completions: a streamed answer.

A tool call is held from its first delta until the next one begins or its choice finishes; then it
goes on as it was, or is replaced whole by text. Events of a choice keep their order, so what comes
after a held call in the same choice waits with it.
"""

import copy
from collections.abc import Iterator
from typing import Any

from firedoor.types.part import Answer, OutputPart, ToolCall, Usage
from firedoor.wire.answers import count, dumps, error_of, listed, loads, usage_of, word
from firedoor.wire.openai_chat.answer import TEXT_MEMBERS, turn_of
from firedoor.wire.plain import error_event
from firedoor.wire.sse import Event, SseReader, written
from firedoor.wire.surface import Piece

_LEGACY = -1
"""The place of a `function_call`, which has no index."""

Key = tuple[int, int]


class _Call:
    """One tool call as its deltas come."""

    __slots__ = ("arguments", "decided", "id", "name", "refusal")

    def __init__(self) -> None:
        self.id = self.name = self.arguments = ""
        self.decided = False
        self.refusal: str | None = None


class _Choice:
    __slots__ = ("calls", "finish", "texts", "told")

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.calls: dict[int, _Call] = {}
        self.told: set[int] = set()
        """Refused calls whose text is already among the events."""
        self.finish: str | None = None

    def place_of(self, index: int) -> int:
        """The index of a call once the refused ones before it are gone."""
        return sum(1 for i, c in self.calls.items() if 0 <= i < index and c.refusal is None)

    @property
    def renumbered(self) -> bool:
        return any(c.refusal is not None for c in self.calls.values())


class _Waiting:
    __slots__ = ("choices", "event", "keys", "value")

    def __init__(self, event: Event, value: dict[str, Any], keys: set[Key], choices: set[int]):
        self.event = event
        self.value = value
        self.keys = keys
        self.choices = choices


class ChatStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._sse = SseReader()
        self._choices: dict[int, _Choice] = {}
        self._queue: list[_Waiting] = []
        self._deciding: _Call | None = None
        self._done = False
        self._error: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Usage | None = None

    @property
    def complete(self) -> bool:
        """Whether every choice finished."""
        finished = all(c.finish is not None for c in self._choices.values())
        return self._done or self._error is not None or (bool(self._choices) and finished)

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        for event in self._sse.feed(chunk):
            yield from self._event(event)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. A call that is not whole does not leave."""
        last = self._sse.end()
        if last is not None:
            yield from self._event(last)
        if self.complete and not self._done:
            yield from self._decide_all()
            yield from self._flush()
            yield from self._texts_done(list(self._choices))

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        assert self._deciding is not None
        self._deciding.decided = True
        if self._hold:
            self._deciding.refusal = refusal
        self._deciding = None

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`."""
        return error_event(code, message, request_id)

    # -- reading -----------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        if event.data is None:
            yield Piece(event.raw)
            return
        if event.data.strip() == "[DONE]":
            yield from self._decide_all()
            yield from self._flush()
            yield from self._texts_done(list(self._choices))
            self._done = True
            yield Piece(event.raw, terminal=True)
            return
        value = loads(event.data)
        if value is None:
            yield Piece(event.raw)
            return
        if value.get("error"):
            self._error = error_of(value)
            self._queue.clear()
            yield Piece(event.raw, terminal=True)
            return
        yield from self._chunk(event, value)

    def _chunk(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        self._id = self._id or word(value.get("id"))
        self._model = self._model or word(value.get("model"))
        self._usage = usage_of(value.get("usage")) or self._usage
        keys: set[Key] = set()
        choices: set[int] = set()
        seen: list[str] = []
        finished: list[int] = []
        begun: list[Key] = []
        for choice in listed(value.get("choices")):
            index = count(choice.get("index")) or 0
            choices.add(index)
            state = self._choices.setdefault(index, _Choice())
            delta = choice.get("delta")
            if isinstance(delta, dict):
                seen += self._texts(state, delta)
                for key, is_new in self._fragments(index, state, delta):
                    keys.add(key)
                    if is_new:
                        begun.append(key)
            if isinstance(choice.get("finish_reason"), str):
                state.finish = choice["finish_reason"]
                finished.append(index)
        text = "".join(seen)
        waiting = _Waiting(event, value, keys, choices)
        if not self._hold:
            yield Piece(event.raw, text=text)
        # Where a new call begins, those before it are whole.
        for choice_index, call_index in begun:
            yield from self._decide_before(choice_index, call_index)
        if self._hold:
            yield from self._flush()
            self._queue.append(waiting)
        for index in finished:
            yield from self._decide_before(index, None)
        if self._hold:
            # Written before the texts are given: what is said in place of a call is among them.
            ready = list(self._flush())
            yield from self._texts_done(finished)
            if text:
                yield Piece(b"", text=text)
            yield from ready
        else:
            yield from self._texts_done(finished)

    def _texts(self, state: _Choice, delta: dict[str, Any]) -> list[str]:
        seen = []
        for name, _ in TEXT_MEMBERS:
            text = delta.get(name)
            if isinstance(text, str) and text:
                state.texts.setdefault(name, []).append(text)
                seen.append(text)
        return seen

    def _fragments(
        self, index: int, state: _Choice, delta: dict[str, Any]
    ) -> Iterator[tuple[Key, bool]]:
        legacy = delta.get("function_call")
        if isinstance(legacy, dict):
            yield self._fragment(index, state, _LEGACY, {"function": legacy})
        for at, claim in enumerate(listed(delta.get("tool_calls"))):
            place = count(claim.get("index"))
            yield self._fragment(index, state, at if place is None else place, claim)

    def _fragment(
        self, index: int, state: _Choice, place: int, claim: dict[str, Any]
    ) -> tuple[Key, bool]:
        is_new = place not in state.calls
        call = state.calls.setdefault(place, _Call())
        call.id = call.id or word(claim.get("id")) or ""
        inner = claim.get("custom") or claim.get("function")
        if isinstance(inner, dict):
            call.name += word(inner.get("name")) or ""
            call.arguments += word(inner.get("arguments", inner.get("input"))) or ""
        return (index, place), is_new

    def _decide_before(self, index: int, place: int | None) -> Iterator[Piece]:
        state = self._choices[index]
        for at, call in list(state.calls.items()):
            if call.decided or at == place:
                continue
            self._deciding = call
            yield Piece(b"", done=self._tool_call(index, at, call))
            # A stream that nobody judges lets everything through.
            if self._deciding is not None:
                self.decide(None)

    def _decide_all(self) -> Iterator[Piece]:
        for index in self._choices:
            yield from self._decide_before(index, None)

    def _tool_call(self, index: int, place: int, call: _Call) -> ToolCall:
        at = f"/choices/{index}/message"
        pointer = f"{at}/function_call" if place == _LEGACY else f"{at}/tool_calls/{place}"
        return ToolCall(pointer, call.id, call.name, call.arguments)

    def _texts_done(self, indexes: list[int]) -> Iterator[Piece]:
        for index in indexes:
            state = self._choices[index]
            for name, kind in TEXT_MEMBERS:
                fragments = state.texts.get(name)
                if fragments and fragments[-1:] != [""]:
                    text = "".join(fragments)
                    fragments.append("")
                    pointer = f"/choices/{index}/message/{name}"
                    yield Piece(b"", done=OutputPart(pointer, text, kind))

    # -- writing -----------------------------------------------------------------------------

    def _flush(self) -> Iterator[Piece]:
        """Events that wait for nothing any more, in order within each choice."""
        blocked: set[int] = set()
        left: list[_Waiting] = []
        for waiting in self._queue:
            open_ = any(not self._choices[i].calls[p].decided for i, p in waiting.keys)
            if open_ or waiting.choices & blocked:
                blocked |= waiting.choices
                left.append(waiting)
                continue
            raw = self._written(waiting)
            if raw:
                yield Piece(raw)
        self._queue = left

    def _written(self, waiting: _Waiting) -> bytes:
        touched = [self._choices[i] for i in waiting.choices]
        if not any(state.renumbered for state in touched):
            return waiting.event.raw
        value = copy.deepcopy(waiting.value)
        changed = False
        for choice in listed(value.get("choices")):
            state = self._choices[count(choice.get("index")) or 0]
            if not state.renumbered:
                continue
            changed |= self._rewrite(choice, state)
        if not changed:
            return waiting.event.raw
        choices = [
            c for c in listed(value.get("choices")) if c.get("delta") or c.get("finish_reason")
        ]
        if not choices and not value.get("usage"):
            return b""
        value["choices"] = choices
        return written(dumps(value))

    def _rewrite(self, choice: dict[str, Any], state: _Choice) -> bool:
        delta = choice.get("delta")
        changed = False
        if isinstance(delta, dict):
            if "function_call" in delta and state.calls[_LEGACY].refusal is not None:
                del delta["function_call"]
                self._say(delta, state, _LEGACY)
                changed = True
            if isinstance(delta.get("tool_calls"), list):
                changed = True
                kept = []
                for at, claim in enumerate(listed(delta["tool_calls"])):
                    place = count(claim.get("index"))
                    place = at if place is None else place
                    if state.calls[place].refusal is None:
                        kept.append(claim | {"index": state.place_of(place)})
                    else:
                        self._say(delta, state, place)
                if kept:
                    delta["tool_calls"] = kept
                else:
                    del delta["tool_calls"]
        left = any(c.refusal is None for c in state.calls.values())
        if choice.get("finish_reason") in ("tool_calls", "function_call") and not left:
            choice["finish_reason"] = state.finish = "stop"
            changed = True
        return changed

    def _say(self, delta: dict[str, Any], state: _Choice, place: int) -> None:
        refusal = state.calls[place].refusal
        if place in state.told or refusal is None:
            return
        state.told.add(place)
        content = state.texts.setdefault("content", [])
        said = ("\n" if any(content) else "") + refusal
        content.append(said)
        delta["content"] = (word(delta.get("content")) or "") + said

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        turns = []
        output: list[OutputPart | ToolCall] = []
        for index, state in sorted(self._choices.items()):
            texts = ["".join(state.texts.get(name, ())) for name in ("content", "refusal")]
            calls = [
                self._tool_call(index, place, call)
                for place, call in sorted(state.calls.items())
                if call.decided and call.refusal is None
            ]
            for name, kind in TEXT_MEMBERS:
                text = "".join(state.texts.get(name, ()))
                if text:
                    output.append(OutputPart(f"/choices/{index}/message/{name}", text, kind))
            output += calls
            turns.append((turn_of([t for t in texts if t], calls),))
        return Answer(
            output=tuple(output),
            turns=tuple(turns),
            usage=self._usage,
            model=self._model,
            id=self._id,
            finish=tuple(s.finish for _, s in sorted(self._choices.items()) if s.finish),
            error=self._error,
        )

"""Chat completions: a streamed answer.

A tool call is held from its first delta until its choice finishes: until then any event may add to
its arguments. Then it goes on as it was, or is replaced whole by text. Events of a choice keep
their order, so what comes after a held call in the same choice waits with it. A choice that
finishes for calls of which none is left waits for the end, since its finish is then another.
"""

import copy
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from firedoor.types.part import Answer, MintedId, OutputPart, ToolCall
from firedoor.types.usage import Usage
from firedoor.wire.answers import (
    count,
    dumps,
    error_of,
    key_of,
    loads,
    placed,
    strings_of,
    word,
)
from firedoor.wire.counts import later, usage_of
from firedoor.wire.openai_chat.answer import (
    SPOKEN,
    TEXT_MEMBERS,
    said_of,
    searched,
    spoken_id,
    turn_of,
)
from firedoor.wire.sse import Event, unread, written
from firedoor.wire.stream import DecidedStream
from firedoor.wire.surface import Piece
from firedoor.wire.usage import is_usage_alone

_LEGACY = "function_call"
_NO_INDEX = (_LEGACY,)
_TOLD = (*TEXT_MEMBERS, SPOKEN)
_FOR_CALLS = ("tool_calls", "function_call")
"""Finish reasons that promise a call."""


class _Call:
    """One tool call as its deltas come."""

    __slots__ = ("arguments", "at", "decided", "id", "index", "name", "refusal", "told")

    def __init__(self, index: Any, at: int | None) -> None:
        self.index = index
        """As the provider gave it."""
        self.at = at
        """Its place among the calls of its choice; None for a ``function_call``, which has none."""
        self.id = self.name = self.arguments = ""
        self.decided = False
        self.refusal: str | None = None
        self.told = False
        """Whether the text that takes its place is among the events already."""

    def is_other(self, id_: str, name: str) -> bool:
        """Whether a delta at this call's index begins another call.

        Some servers give all calls of an answer one index; their ids tell them apart, or a name
        where arguments had begun.
        """
        if id_ and self.id:
            return id_ != self.id
        return bool(name and self.arguments and name != self.name)

    def add(self, id_: str, name: str, arguments: str) -> None:
        # Some servers say id and name again in each delta.
        if name != self.name or not (id_ or self.arguments):
            self.name += name
        self.id = self.id or id_
        self.arguments += arguments


class _Choice:
    __slots__ = ("at", "calls", "finish", "next_at", "open", "shared", "texts")

    def __init__(self, at: int) -> None:
        self.at = at
        self.texts: dict[str, list[str]] = {}
        self.calls: list[_Call] = []
        """In order of their first deltas."""
        self.next_at = 0
        self.open: dict[Any, _Call] = {}
        """The call that a delta at an index goes on with."""
        self.shared = False
        """Whether two calls had one index."""
        self.finish: str | None = None

    def place_of(self, call: _Call) -> int:
        """The index of a call once the refused ones before it are gone."""
        before = itertools.takewhile(lambda c: c is not call, self.calls)
        return sum(1 for c in before if c.at is not None and c.refusal is None)

    @property
    def renumbered(self) -> bool:
        return self.shared or any(c.refusal is not None for c in self.calls)

    @property
    def has_call(self) -> bool:
        """Whether a call is left for the client, as far as that is decided."""
        return any(c.decided and c.refusal is None for c in self.calls)

    def ordered(self) -> list[_Call]:
        """The calls in the order of a whole message."""
        if self.renumbered or not all(isinstance(c.index, int) for c in self.calls):
            return self.calls
        return sorted(self.calls, key=lambda c: int(c.index))

    def pointer_of(self, call: _Call) -> str:
        at = f"/choices/{self.at}/message"
        return f"{at}/{_LEGACY}" if call.at is None else f"{at}/tool_calls/{call.at}"

    def tool_call(self, call: _Call) -> ToolCall:
        return ToolCall(self.pointer_of(call), call.id, call.name, call.arguments)


class _Said(NamedTuple):
    """One choice within a waiting event, and the calls that its delta adds to."""

    place: int
    state: _Choice
    calls: dict[int, _Call]
    """By place in ``tool_calls``."""
    legacy: _Call | None
    finishes: bool


class _Waiting(NamedTuple):
    event: Event
    value: dict[str, Any]
    said: list[_Said]


class ChatStream(DecidedStream[_Call]):
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool, *, hide_usage: bool = False) -> None:
        super().__init__(hold_calls)
        self._hides_usage = hide_usage
        self._choices: dict[Any, _Choice] = {}
        self._queue: list[_Waiting] = []
        self._done = False
        self._error: str | None = None
        self._id: str | None = None
        self._model: str | None = None
        self._usage: Usage | None = None
        self._tier: Any = None
        self._minted: dict[MintedId, None] = {}

    @property
    def complete(self) -> bool:
        """Whether every choice finished."""
        finished = all(c.finish is not None for c in self._choices.values())
        return self._done or self._error is not None or (bool(self._choices) and finished)

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. A call that is not whole does not leave."""
        last = self._sse.end()
        if last is not None and (not self._hold or self._ends(last)):
            yield from self._event(last)
        if self.complete and not self._done:
            yield from self._last()

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        assert self._deciding is not None
        self._deciding.decided = True
        super().decide(refusal)

    # -- reading -----------------------------------------------------------------------------

    def _ends(self, last: Event) -> bool:
        """Whether an event without its blank line is whole, and the last that is wanted."""
        value = loads(last.data) if last.data is not None else None
        if value is None:
            return _is_done(last) or (self.complete and last.data is None)
        ends = [c for _, c in placed(value.get("choices")) if word(c.get("finish_reason"))]
        return self.complete or bool(value.get("error") or ends)

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            if _is_done(event) and self._hold and not self.complete:
                # A client takes it for the end of a whole answer, and half a call for a whole one.
                yield Piece(b"", unreadable=True)
            elif _is_done(event):
                yield from self._last()
                self._done = True
                yield Piece(event.raw, terminal=True)
            else:
                yield unread(event, self._hold)
        elif value.get("error"):
            self._error = error_of(value)
            self._queue.clear()
            yield Piece(event.raw, terminal=True)
        elif self._hides_usage and is_usage_alone(value):
            self._told_usage(value)
        else:
            yield from self._chunk(event, value)

    def _last(self) -> Iterator[Piece]:
        """What waited for the end."""
        for state in self._choices.values():
            yield from self._decided(state)
        yield from self._flush(ended=True)
        yield from self._texts_done(list(self._choices.values()))

    def _chunk(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        self._id = self._id or word(value.get("id"))
        self._model = self._model or word(value.get("model"))
        self._told_usage(value)
        seen: list[str] = []
        said: list[_Said] = []
        brought: list[OutputPart] = []
        for place, choice in placed(value.get("choices")):
            key = key_of(choice.get("index"), place)
            state = self._choices.get(key)
            if state is None:
                at = count(key)
                state = self._choices[key] = _Choice(len(self._choices) if at is None else at)
            delta = choice.get("delta")
            delta = delta if isinstance(delta, dict) else {}
            seen += self._texts(state, delta)
            self._minted.update(dict.fromkeys(spoken_id(delta)))
            brought += searched(delta, f"/choices/{state.at}/message")
            legacy = delta.get(_LEGACY)
            finish = word(choice.get("finish_reason"))
            said.append(
                _Said(
                    place,
                    state,
                    {at: self._claimed(state, claim, key_of(claim.get("index"), at))
                     for at, claim in placed(delta.get("tool_calls"))},
                    self._claimed(state, {"function": legacy}, _NO_INDEX)
                    if isinstance(legacy, dict) else None,
                    finish is not None,
                )
            )  # fmt: skip
            state.finish = finish or state.finish
        text = "".join(seen)
        finished = [s.state for s in said if s.finishes]
        for part in brought:
            yield Piece(b"", done=part)
        if not self._hold:
            yield Piece(event.raw, text=text)
        else:
            self._queue.append(_Waiting(event, value, said))
        for state in finished:
            yield from self._decided(state)
        if self._hold:
            # Written before the texts are given: what is said in place of a call is among them.
            ready = list(self._flush(ended=False))
            yield from self._texts_done(finished)
            if text:
                yield Piece(b"", text=text)
            yield from ready
        else:
            yield from self._texts_done(finished)

    def _told_usage(self, value: dict[str, Any]) -> None:
        self._tier = value.get("service_tier") or self._tier
        self._usage = later(self._usage, usage_of(value.get("usage"), self._tier))

    def _texts(self, state: _Choice, delta: dict[str, Any]) -> list[str]:
        seen = []
        for name, _ in TEXT_MEMBERS:
            text = delta.get(name)
            if not isinstance(text, str):
                text = "".join(strings_of(text))
            if text:
                state.texts.setdefault(name, []).append(text)
                seen.append(text)
        spoken = delta.get("audio")
        text = word(spoken.get("transcript")) if isinstance(spoken, dict) else None
        if text:
            state.texts.setdefault(SPOKEN[0], []).append(text)
            seen.append(text)
        return seen

    def _claimed(self, state: _Choice, claim: dict[str, Any], index: Any) -> _Call:
        """The call that a delta adds to, with what it adds."""
        id_, (name, arguments) = word(claim.get("id")) or "", said_of(claim)
        call = state.open.get(index)
        if call is None or call.is_other(id_, name):
            state.shared |= call is not None
            at = None if index is _NO_INDEX else state.next_at
            state.next_at += at is not None
            call = state.open[index] = _Call(index, at)
            state.calls.append(call)
        call.add(id_, name, arguments)
        return call

    def _decided(self, state: _Choice) -> Iterator[Piece]:
        for call in state.calls:
            if call.decided:
                continue
            self._deciding = call
            yield Piece(b"", done=state.tool_call(call))
            # A stream that nobody judges lets everything through.
            if self._deciding is not None:
                self.decide(None)

    def _texts_done(self, states: list[_Choice]) -> Iterator[Piece]:
        for state in states:
            for name, kind in _TOLD:
                fragments = state.texts.get(name)
                if fragments and fragments[-1:] != [""]:
                    text = "".join(fragments)
                    fragments.append("")
                    pointer = f"/choices/{state.at}/message/{name}"
                    yield Piece(b"", done=OutputPart(pointer, text, kind))

    # -- writing -----------------------------------------------------------------------------

    def _flush(self, *, ended: bool) -> Iterator[Piece]:
        """Events that wait for nothing any more, in order within each choice."""
        blocked: list[_Choice] = []
        left: list[_Waiting] = []
        for waiting in self._queue:
            waits = any(_waits(waiting, s, ended) or s.state in blocked for s in waiting.said)
            # An event of no choice (the usage) keeps its place behind what waits.
            if waits or (blocked and not waiting.said):
                blocked += [s.state for s in waiting.said]
                left.append(waiting)
                continue
            raw = self._written(waiting)
            if raw:
                yield Piece(raw)
        self._queue = left

    def _written(self, waiting: _Waiting) -> bytes:
        if not any(s.state.renumbered for s in waiting.said):
            return waiting.event.raw
        value = copy.deepcopy(waiting.value)
        changed = [
            _rewrite(value["choices"][s.place], s) for s in waiting.said if s.state.renumbered
        ]
        if not any(changed):
            return waiting.event.raw
        choices = [
            c for _, c in placed(value["choices"]) if c.get("delta") or c.get("finish_reason")
        ]
        if not choices and not value.get("usage"):
            return b""
        value["choices"] = choices
        return written(dumps(value))

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        turns = []
        output: list[OutputPart | ToolCall] = []
        choices = sorted(self._choices.values(), key=lambda c: c.at)
        for state in choices:
            texts = ["".join(state.texts.get(name, ())) for name in ("content", "refusal")]
            calls = [
                state.tool_call(call)
                for call in state.ordered()
                if call.decided and call.refusal is None
            ]
            for name, kind in _TOLD:
                text = "".join(state.texts.get(name, ()))
                if text:
                    output.append(OutputPart(f"/choices/{state.at}/message/{name}", text, kind))
            output += calls
            turns.append((turn_of([t for t in texts if t], calls),))
        return Answer(
            output=tuple(output),
            turns=tuple(turns),
            minted=tuple(self._minted),
            usage=self._usage,
            model=self._model,
            id=self._id,
            finish=tuple(s.finish for s in choices if s.finish),
            error=self._error,
        )


def _is_done(event: Event) -> bool:
    return event.data is not None and event.data.strip().startswith("[DONE]")


def _waits(waiting: _Waiting, said: _Said, ended: bool) -> bool:
    """Whether an event waits for a decision, or for whether its finish still holds."""
    calls = [*said.calls.values(), *([said.legacy] if said.legacy is not None else [])]
    if any(not call.decided for call in calls):
        return True
    finish = waiting.value["choices"][said.place].get("finish_reason")
    return not ended and finish in _FOR_CALLS and not said.state.has_call


def _rewrite(choice: dict[str, Any], said: _Said) -> bool:
    """Take the refused calls out of one choice of an event, and count the others anew."""
    state = said.state
    delta = choice.get("delta")
    changed = False
    if said.legacy is not None and said.legacy.refusal is not None:
        del choice["delta"][_LEGACY]
        _say(delta, state, said.legacy)
        changed = True
    if isinstance(delta, dict) and said.calls:
        changed = True
        kept = []
        for place, call in said.calls.items():
            if call.refusal is None:
                kept.append(delta["tool_calls"][place] | {"index": state.place_of(call)})
            else:
                _say(delta, state, call)
        if kept:
            delta["tool_calls"] = kept
        else:
            del delta["tool_calls"]
    if choice.get("finish_reason") in _FOR_CALLS and not state.has_call:
        choice["finish_reason"] = state.finish = "stop"
        changed = True
    return changed


def _say(delta: Any, state: _Choice, call: _Call) -> None:
    """What was said of a refused call, once, in place of its first delta."""
    if call.told or call.refusal is None:
        return
    call.told = True
    content = state.texts.setdefault("content", [])
    said = ("\n" if any(content) else "") + call.refusal
    content.append(said)
    delta["content"] = (word(delta.get("content")) or "") + said

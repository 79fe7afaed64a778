"""Gemini generateContent: a streamed answer.

Each event is a whole response object with the parts that are new. A tool call stands whole in one
of them, so the event waits only while its calls are judged; what is refused becomes a text in the
same place. (Where arguments come in pieces, ``willContinue``, the events wait until all are there.)

There is no terminal event, and a finish reason may stand in every one. So an event with a finish
reason waits for the next one, or for the end of the bytes, which makes it the last.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from firedoor.types.part import Answer, ToolCall
from firedoor.types.usage import Usage
from firedoor.wire.answers import count, dumps, loads, placed, word
from firedoor.wire.counts import google_usage, later
from firedoor.wire.gemini_generate.answer import (
    answer_of,
    beside_output,
    error_of,
    minted_of,
    part_output,
    turn_of,
)
from firedoor.wire.gemini_generate.frames import Frames, SseFrames, frames_of
from firedoor.wire.gemini_generate.parts import claim_of, named, parts_of
from firedoor.wire.refusal import google_status
from firedoor.wire.sse import Event
from firedoor.wire.surface import Piece

_PLAIN: Final = frozenset({"text", "thought"})
"""Members of a part that is nothing but text, so that the next one goes on with it."""
_DOMAIN: Final = "firedoor"


class _Call:
    """One tool call as its pieces come."""

    def __init__(self, parts: list[dict[str, Any]]) -> None:
        self.parts = parts
        self.id = self.name = ""
        self.args: dict[str, Any] = {}

    def add(self, part: dict[str, Any]) -> bool:
        """Take one more piece; whether the call is whole."""
        self.parts.append(part)
        call = named(part, "functionCall")
        self.id = self.id or word(call.get("id")) or ""
        self.name += word(call.get("name")) or ""
        if isinstance(call.get("args"), dict):
            self.args |= call["args"]
        for _, piece in placed(named(call, "partialArgs")):
            path = (word(named(piece, "jsonPath")) or "").removeprefix("$.")
            for name in ("stringValue", "numberValue", "boolValue"):
                value = named(piece, name)
                if value is not None:
                    before = self.args.get(path)
                    both = isinstance(value, str) and isinstance(before, str)
                    self.args[path] = f"{before}{value}" if both else value
        return named(call, "willContinue") is not True


class _Candidate:
    """What one candidate has said so far."""

    def __init__(self) -> None:
        self.contents: list[list[dict[str, Any]]] = []
        """The parts that left, by event."""
        self.parts: list[dict[str, Any]] = []
        """The same, texts that belong together joined."""
        self.beside: dict[str, Any] = {}
        self.told = 0
        """How many of ``parts`` were given as pieces."""
        self.finish: str | None = None
        self.call: _Call | None = None

    def add(self, part: dict[str, Any]) -> None:
        last = self.parts[-1] if self.parts else None
        joined = (
            last is not None
            and len(self.parts) > self.told
            and last.keys() <= _PLAIN
            and part.keys() <= _PLAIN
            and last.get("thought") == part.get("thought")
        )
        if joined and last is not None:
            last["text"] = f"{last.get('text', '')}{part.get('text', '')}"
        else:
            self.parts.append(dict(part))


class _Held(NamedTuple):
    event: Event
    value: dict[str, Any]


class GenerateStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        self._hold = hold_calls
        self._head = b""
        self._frames: Frames | None = None
        self._candidates: dict[int, _Candidate] = {}
        self._held: list[_Held] = []
        self._instead: dict[int, dict[str, Any] | None] = {}
        """By a part's identity in memory: what stands in its place, None for nothing."""
        self._last = b""
        """An event with a finish reason: the last one, unless another comes."""
        self._refusal: str | None = None
        self._blocked = self._lost = self._sent = False
        self._error: str | None = None
        self._response: dict[str, Any] = {}
        self._usage: Usage | None = None

    @property
    def complete(self) -> bool:
        """Whether every candidate finished, or the provider said why there is none."""
        finished = all(c.finish is not None for c in self._candidates.values())
        said = self._blocked or (bool(self._candidates) and finished)
        return self._error is not None or (said and not self._lost)

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        if self._frames is None:
            self._head += chunk
            self._frames = frames_of(self._head, self._hold)
            if self._frames is None:
                return
            chunk, self._head = self._head, b""
        for event in self._frames.feed(chunk):
            for piece in self._event(event):
                self._sent |= bool(piece.raw)
                yield piece

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. What is not whole does not leave."""
        last = self._frames.end() if self._frames is not None else Event(self._head, None, None)
        if last is not None and last.data is not None:
            yield from self._event(last)
        elif last is not None and self._last:
            # Blanks, and the bracket that ends an array.
            self._last += last.raw
        elif last is not None and (self.complete or not self._hold):
            yield Piece(last.raw)
        for index in sorted(self._candidates):
            yield from self._told(index)
        if self._last:
            raw, self._last = self._last, b""
            yield Piece(raw, terminal=self.complete)

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        self._refusal = refusal if self._hold else None

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """See `AnswerStream`. Google's client takes the class of its exception from the number."""
        status, name = google_status(code)
        detail = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": code,
            "domain": _DOMAIN,
            "metadata": {"request_id": request_id},
        }
        error = {"code": status, "message": message, "status": name, "details": [detail]}
        frames = self._frames or SseFrames(strict=False)
        return frames.ending({"error": error, "request_id": request_id}, first=not self._sent)

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        if self._last:
            raw, self._last = self._last, b""
            yield Piece(raw)
        value = loads(event.data) if event.data is not None else None
        if value is None:
            if event.data is None or not self._hold:
                yield Piece(event.raw)
            else:
                # The client might read what this door cannot: it does not leave, and an answer
                # with a hole in it does not end well.
                self._lost = True
            return
        if value.get("error"):
            self._error = error_of(value)
            yield Piece(event.raw, terminal=True)
            return
        self._usage = later(self._usage, google_usage(value.get("usageMetadata")))
        self._response |= {k: v for k, v in value.items() if k != "candidates"}
        if isinstance(value.get("promptFeedback"), dict):
            self._blocked = bool(value["promptFeedback"].get("blockReason"))
        if not self._hold:
            text = "".join(self._texts(value))
            yield Piece(event.raw, text=text)
            yield from self._read(value)
            return
        yield from self._read(value)
        self._held.append(_Held(event, value))
        if any(c.call is not None for c in self._candidates.values()):
            return
        held, self._held = self._held, []
        raw = b"".join(self._written(h) for h in held)
        self._instead.clear()
        text = "".join(t for h in held for t in self._texts(h.value))
        finished = any(c.get("finishReason") for _, c in placed(value.get("candidates")))
        if finished or self._blocked:
            self._last = raw
            yield Piece(b"", text=text)
        else:
            yield Piece(raw, text=text)

    @staticmethod
    def _texts(value: dict[str, Any]) -> Iterator[str]:
        for _, candidate in placed(value.get("candidates")):
            for part in parts_of(candidate.get("content")):
                for member in ("text", "functionCall"):
                    said = part.get(member)
                    if said:
                        yield said if isinstance(said, str) else dumps(said)

    def _read(self, value: dict[str, Any]) -> Iterator[Piece]:
        for _, candidate in placed(value.get("candidates")):
            index = count(candidate.get("index")) or 0
            state = self._candidates.setdefault(index, _Candidate())
            for name, item in candidate.items():
                if name not in ("content", "index"):
                    state.beside[name] = item
            for found in beside_output(candidate, f"/candidates/{index}"):
                yield Piece(b"", done=found)
            said: list[dict[str, Any]] = []
            for part in parts_of(candidate.get("content")):
                if claim_of(part) is None:
                    state.add(part)
                    said.append(part)
                    continue
                yield from self._called(index, state, part, said)
            if said:
                state.contents.append(said)
            if isinstance(candidate.get("finishReason"), str):
                state.finish = candidate["finishReason"]

    def _called(
        self, index: int, state: _Candidate, part: dict[str, Any], said: list[dict[str, Any]]
    ) -> Iterator[Piece]:
        """A piece of a call; the call itself, once it is whole."""
        # What came before it was said, and is labelled, before it.
        yield from self._told(index)
        call = state.call = state.call or _Call([])
        if not call.add(part):
            return
        state.call = None
        whole = {"functionCall": {"id": call.id, "name": call.name, "args": call.args}}
        self._refusal = None
        pointer = f"/candidates/{index}/content/parts/{len(state.parts)}"
        yield Piece(b"", done=ToolCall(pointer, call.id, call.name, dumps(call.args)))
        if self._refusal is None:
            kept = part if len(call.parts) == 1 else whole
            state.parts.append(kept)
            said.append(kept)
            state.told = len(state.parts)
            return
        told = {"text": self._refusal}
        self._instead |= dict.fromkeys(map(id, call.parts[:-1]))
        self._instead[id(part)] = told
        state.add(told)
        said.append(told)

    def _told(self, index: int) -> Iterator[Piece]:
        """What was said and is whole, once."""
        state = self._candidates[index]
        for at in range(state.told, len(state.parts)):
            pointer = f"/candidates/{index}/content/parts/{at}"
            for found in part_output(state.parts[at], pointer):
                yield Piece(b"", done=found)
        state.told = len(state.parts)

    # -- writing -----------------------------------------------------------------------------

    def _written(self, held: _Held) -> bytes:
        if not self._instead:
            return held.event.raw
        changed = False
        for _, candidate in placed(held.value.get("candidates")):
            content = candidate.get("content")
            parts = parts_of(content)
            if not isinstance(content, dict) or not any(id(p) in self._instead for p in parts):
                continue
            changed = True
            kept = [self._instead.get(id(part), part) for part in parts]
            content["parts"] = [part for part in kept if part is not None]
        assert self._frames is not None
        return self._frames.written(held.value, held.event) if changed else held.event.raw

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        found = [(i, c) for i, c in sorted(self._candidates.items())]
        candidates = [c.beside | {"content": {"parts": c.parts}} for _, c in found]
        answer = answer_of(self._response | {"candidates": candidates})
        # A client joins the events of an answer into one turn, or keeps each as a turn.
        joined = tuple((turn_of(c.parts),) for _, c in found)
        apart = tuple(
            tuple(turn_of(parts) for parts in c.contents) for _, c in found if len(c.contents) > 1
        )
        return answer._replace(
            turns=joined + apart,
            minted=tuple(minted_of(self._response, candidates)),
            error=self._error or answer.error,
            # Where a search was shown stands in the candidates, what it cost in the events.
            usage=later(self._usage, answer.usage),
        )

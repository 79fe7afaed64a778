"""Gemini interactions: a streamed answer.

    interaction.created · { step.start · step.delta… · step.stop }… · interaction.completed

A step that the caller's program would carry out, or whose type this door does not know, is held from
``step.start`` to ``step.stop``. A refused one becomes a text at the same index, in every copy. Text
passes as it comes. A copy of all steps, where the last event has one, is judged where it differs.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, OutputPart, ToolCall
from firedoor.wire.answers import dumps, error_of, key_of, loads, placed, word
from firedoor.wire.gemini_interactions.answer import (
    answer_of,
    ids_of,
    is_call,
    is_known,
    output_instead,
    status_without,
    step_output,
)
from firedoor.wire.plain import error_event
from firedoor.wire.shape import normal_json
from firedoor.wire.sse import Event, unread, written
from firedoor.wire.stream import DecidedStream
from firedoor.wire.surface import Piece

_TEXT: Final = "text"


class _Step:
    """One step as its events come."""

    def __init__(self, at: int, index: Any, begun: dict[str, Any]) -> None:
        self.at = at
        self.index = index
        self.begun = begun
        self.deltas: list[dict[str, Any]] = []
        self.held: list[bytes] | None = None
        self.value: dict[str, Any] | None = None
        """The whole step, once it stopped."""
        self.said: list[OutputPart | ToolCall] = []
        self.refusal: str | None = None

    def whole(self) -> dict[str, Any]:
        """The step with all that was added to it."""
        step = dict(self.begun)
        if is_call(step) or self.held is not None:
            came = "".join(word(d.get("arguments")) or "" for d in self.deltas)
            given = step.get("arguments")
            if came:
                step["arguments"] = came if not given else f"{dumps(given)}{came}"
            rest = [d for d in self.deltas if d.get("type") != "arguments_delta"]
            return step | {"more": rest} if rest else step
        member = "summary" if step.get("type") == "thought" else "content"
        contents = [dict(c) for _, c in placed(step.get(member))]
        for delta in self.deltas:
            inner = delta.get("content")
            piece = inner if isinstance(inner, dict) else delta
            kind = piece.get("type")
            if kind == _TEXT and contents and contents[-1].get("type") == _TEXT:
                text = word(piece.get("text")) or ""
                contents[-1]["text"] = f"{contents[-1].get('text') or ''}{text}"
            elif kind == "text_annotation_delta" and contents:
                contents[-1]["annotations"] = piece.get("annotations")
            elif "signature" in piece:
                step["signature"] = piece["signature"]
            else:
                bare = kind == _TEXT
                contents.append({k: v for k, v in piece.items() if bare or k != "type"})
        return step | {member: contents} if contents else step


class InteractionStream(DecidedStream[_Step]):
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool) -> None:
        super().__init__(hold_calls)
        self._steps: list[_Step] = []
        self._placed: dict[Any, _Step] = {}
        """The latest step at an index."""
        self._interaction: dict[str, Any] = {}
        self._done = False
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the last event or an error came."""
        return self._done

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`. A step that never stopped was said all the same; a call was not."""
        last = self._sse.end()
        if last is not None and (not self._hold or self._done):
            yield from self._event(last)
        for step in self._steps:
            if step.value is None and step.held is None:
                yield from self._told(step, step.whole())

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """The event that says so; Google's client tells events apart by their ``event_type``."""
        error = {"code": code, "message": message}
        told = {"event_type": "error", "error": error, "request_id": request_id}
        return written(dumps(told), "error") if self._steps or self._interaction else error_event(
            code, message, request_id
        )  # fmt: skip

    # -- events ------------------------------------------------------------------------------

    def _event(self, event: Event) -> Iterator[Piece]:
        value = loads(event.data) if event.data is not None else None
        if value is None:
            yield unread(event, self._hold)
            return
        kind = word(value.get("event_type")) or event.name or ""
        if kind == "error" or value.get("error"):
            self._done, self._error = True, error_of(value) or "error"
            yield Piece(event.raw, terminal=True)
        elif kind == "step.start":
            yield from self._started(event, value)
        elif kind in ("step.delta", "step.stop"):
            yield from self._went_on(event, value, kind)
        else:
            yield from self._about(event, value, kind)

    def _started(self, event: Event, value: dict[str, Any]) -> Iterator[Piece]:
        begun = value.get("step")
        step = self._new(value, begun if isinstance(begun, dict) else {})
        if self._hold and (is_call(step.begun) or not is_known(step.begun)):
            step.held = [event.raw]
        else:
            yield Piece(event.raw)

    def _new(self, value: dict[str, Any], begun: dict[str, Any]) -> _Step:
        index = key_of(value.get("index"), None)
        step = self._placed[index] = _Step(len(self._steps), index, begun)
        self._steps.append(step)
        return step

    def _went_on(self, event: Event, value: dict[str, Any], kind: str) -> Iterator[Piece]:
        step = self._placed.get(key_of(value.get("index"), None))
        if step is None or step.value is not None:
            # Its start never came, or it stopped: a stream that is taken up again in the middle.
            step = self._new(value, {})
            step.held = [] if self._hold else None
        delta = value.get("delta")
        if isinstance(delta, dict):
            step.deltas.append(delta)
        if step.held is not None:
            step.held.append(event.raw)
        if kind == "step.delta":
            text = word(delta.get("text")) or "" if isinstance(delta, dict) else ""
            yield Piece(b"" if step.held is not None else event.raw, text=text)
            return
        yield from self._told(step, step.whole())
        yield Piece(event.raw if step.held is None else self._released(step))

    def _told(self, step: _Step, whole: dict[str, Any]) -> Iterator[Piece]:
        """What a whole step says; each call is decided before this goes on."""
        at = f"/steps/{step.at}"
        step.value, step.said = whole, step_output(whole, at)
        for part in step.said:
            if isinstance(part, ToolCall):
                self._deciding = step
            yield Piece(b"", done=part)
            self._deciding = None
        if step.refusal is not None:
            step.value = output_instead(step.refusal)
            for part in step_output(step.value, at):
                yield Piece(b"", done=part)

    def _released(self, step: _Step) -> bytes:
        """The events of a step that was held, or those of the text in its place."""
        if step.refusal is None:
            return b"".join(step.held or ())
        where = {} if step.index is None else {"index": step.index}
        events: list[dict[str, Any]] = [
            {"event_type": "step.start", **where, "step": {"type": "model_output"}},
            {"event_type": "step.delta", **where,
             "delta": {"type": "text", "text": step.refusal}},
            {"event_type": "step.stop", **where},
        ]  # fmt: skip
        return b"".join(written(dumps(e), str(e["event_type"])) for e in events)

    def _about(self, event: Event, value: dict[str, Any], kind: str) -> Iterator[Piece]:
        """An event about the interaction as a whole, with a copy of its steps or without."""
        found = value.get("interaction")
        told = found if isinstance(found, dict) else {}
        self._interaction |= {k: v for k, v in told.items() if k != "steps"}
        changed, used = False, []
        for place, whole in placed(told.get("steps")):
            step = next((s for s in self._steps if s not in used and _is_copy(s, whole)), None)
            if step is None:
                # It was told otherwise, or not at all: it is judged as it stands here.
                step = _Step(place, place, whole)
                yield from self._told(step, whole)
                if step.refusal is None:
                    self._steps.append(step)
            used.append(step)
            if step.refusal is not None:
                told["steps"][place], changed = step.value, True
        status = status_without(told, [s.value for s in self._steps]) if self._refused() else None
        if status is not None and self._hold:
            told["status"], changed = status, True
            self._interaction["status"] = status
        ends = kind == "interaction.completed"
        self._done = self._done or ends
        raw = written(dumps(value), event.name) if changed else event.raw
        minted = tuple(ids_of(told) + ids_of(value))
        yield Piece(raw, terminal=ends, minted=minted)

    def _refused(self) -> bool:
        return any(step.refusal is not None for step in self._steps)

    def answer(self) -> Answer:
        """See `AnswerStream`."""
        steps = [step.value for step in self._steps if step.value is not None]
        found = answer_of(self._interaction | {"steps": steps})
        return found._replace(error=self._error or found.error)


def _is_copy(step: _Step, whole: dict[str, Any]) -> bool:
    """Whether a copy says what the step said when it was judged, however its JSON is written."""
    if step.value is None:
        return False
    said = step_output(whole, f"/steps/{step.at}")
    return list(map(_normal, said)) == list(map(_normal, step.said))


def _normal(said: OutputPart | ToolCall) -> OutputPart | ToolCall:
    if isinstance(said, ToolCall):
        return said._replace(arguments=normal_json(said.arguments))
    return said

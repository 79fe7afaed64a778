"""What is kept, handed out as it is: batch results, files. Read line by line where lines are JSON.

A line that holds a model's answer is read like that answer: its texts are told, its tool calls are
decided before the line goes on, and a refused one is replaced whole. Any other line, and whatever
is no text at all, passes as it comes.
"""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, OutputKind, OutputPart, ToolCall
from firedoor.wire import (
    anthropic_messages,
    gemini_generate,
    openai_chat,
    openai_completions,
    openai_responses,
)
from firedoor.wire.answers import dumps, loads
from firedoor.wire.surface import Piece, SurfaceWire

LINE_BYTES_MAX: Final = 32 * 2**20
"""A longer line is not kept in memory to be read, and so does not pass."""

CONTENTS: Final = frozenset(
    {
        "anthropic:files.download", "anthropic:messages.batches.results",
        "anthropic:skills.versions.download", "gemini:files.download", "openai:containers.files.content.retrieve",
        "openai:files.content", "openai:skills.content.retrieve",
        "openai:skills.versions.content.retrieve", "openai:videos.download_content",
    }
)  # fmt: skip
"""Operations whose answer is a thing itself, not what the provider says of it. An id in it proves
nothing: whoever uploaded the file may have written it."""

_OPAQUE: Final = OutputPart("", "", OutputKind.OPAQUE)
_OBJECTS: Final = {
    "chat.completion": openai_chat.WIRE,
    "response": openai_responses.WIRE,
    "text_completion": openai_completions.WIRE,
}


def _answer_in(line: dict[str, Any]) -> tuple[dict[str, Any], str, SurfaceWire] | None:
    """Where a line holds an answer: the object, its member, and how to read it."""
    result, response = line.get("result"), line.get("response")
    if isinstance(result, dict) and isinstance(result.get("message"), dict):
        return result, "message", anthropic_messages.WIRE
    if isinstance(response, dict) and isinstance(response.get("body"), dict):
        wire = _OBJECTS.get(str(response["body"].get("object")))
        return (response, "body", wire) if wire is not None else None
    if isinstance(response, dict) and isinstance(response.get("candidates"), list):
        return line, "response", gemini_generate.WIRE
    return None


RESULTS: Final = frozenset({"anthropic:messages.batches.results"})
"""Those of them that the provider itself writes: what their answers name is as in any answer."""


class LinesStream:
    """See `AnswerStream`."""

    def __init__(self, hold_calls: bool, *, makers: bool = False) -> None:
        self._hold = hold_calls
        self._makers = makers
        """Whether the provider itself wrote the lines, so that what they name is the caller's."""
        self._line = bytearray()
        self._passing = False
        """Whether the line under way is no JSON."""
        self._opaque = False
        """Whether something that is no text was told of: once, however much of it there is."""
        self._number = 0
        self._refusal: str | None = None
        self._error: str | None = None

    @property
    def complete(self) -> bool:
        """Lines have no ending of their own: the last one ends where the bytes do."""
        return True

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """See `AnswerStream`."""
        if self._error is not None:
            return
        at = 0
        while at < len(chunk):
            end = chunk.find(b"\n", at) + 1 or len(chunk)
            yield from self._part(chunk[at:end])
            if self._error is not None:
                return
            at = end

    def _part(self, part: bytes) -> Iterator[Piece]:
        """Part of a line, its end at most."""
        ended = part.endswith(b"\n")
        if not self._passing and not self._line.strip():
            begun = part.lstrip()[:1]
            self._passing = begun not in (b"", b"{")
        if self._passing:
            raw, self._line = bytes(self._line) + part, bytearray()
            self._passing = not ended
            first, self._opaque = not self._opaque, True
            yield Piece(raw, done=_OPAQUE if first else None)
            return
        self._line += part
        if ended:
            yield from self._whole()
        elif len(self._line) > LINE_BYTES_MAX and not self._hold:
            raw, self._line, self._passing = bytes(self._line), bytearray(), True
            yield Piece(raw)
        elif len(self._line) > LINE_BYTES_MAX:
            self._error = "too long a line"
            self._line.clear()
            yield Piece(_error("firedoor_too_large", "A line is too long to be judged."),
                        terminal=True)  # fmt: skip

    def end(self) -> Iterator[Piece]:
        """See `AnswerStream`."""
        if self._line:
            yield from self._whole()

    def _whole(self) -> Iterator[Piece]:
        raw, self._line = bytes(self._line), bytearray()
        self._number += 1
        value = loads(raw)
        found = _answer_in(value) if value is not None else None
        if value is None or found is None:
            yield Piece(raw)
            return
        holder, member, wire = found
        inner = dumps(holder[member]).encode()
        refused: dict[str, str] = {}
        answer = wire.read_answer(inner)
        minted = answer.minted if self._makers else ()
        for said in answer.output:
            told = said._replace(pointer=f"/{self._number}{said.pointer}")
            self._refusal = None
            yield Piece(b"", done=told)
            if isinstance(said, ToolCall) and self._refusal is not None:
                refused[said.pointer] = self._refusal
        if refused:
            inner = wire.edit_answer(inner, refused)
            for said in wire.read_answer(inner).output:
                if isinstance(said, OutputPart) and said.text in refused.values():
                    yield Piece(b"", done=said._replace(pointer=f"/{self._number}{said.pointer}"))
            holder[member] = loads(inner)
            raw = dumps(value).encode() + (b"\n" if raw.endswith(b"\n") else b"")
        yield Piece(raw, minted=minted)

    def decide(self, refusal: str | None) -> None:
        """See `AnswerStream`."""
        self._refusal = refusal if self._hold else None

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """A line that says what went wrong; nothing where no line could be read."""
        return b"" if self._passing else _error(code, message, request_id)

    def answer(self) -> Answer:
        """Nothing is kept of what was told."""
        return Answer(error=self._error)


def _error(code: str, message: str, request_id: str | None = None) -> bytes:
    error: dict[str, Any] = {"type": "api_error", "message": message, "code": code, "param": None}
    return dumps({"type": "error", "error": error, "request_id": request_id}).encode() + b"\n"

"""What each surface offers: bytes to parts on the way in, bytes to pieces on the way out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import Answer, MintedId, OutputPart, Reading, ToolCall
from firedoor.wire import structured
from firedoor.wire.caps import Caps
from firedoor.wire.edit import Edit, edit
from firedoor.wire.structured import Structured
from firedoor.wire.tool_choice import goes_along
from firedoor.wire.tools import Definition, definitions


class Bare(NamedTuple):
    """A text that stands where a list of turns could: the one turn of its history.

    No JSON value equals it, so that it is never taken for the item of a list.
    """

    text: str


class Sections(NamedTuple):
    """A request body taken apart into what can be read once and compared as a whole."""

    turns_pointer: str
    """Pointer of the list of turns (``/messages``, ``/input``); empty when there is none."""
    turns: list[object]
    """The items of the history, as parsed. A plain string ``input`` is a list of one `Bare`."""
    fields: dict[str, object]
    """Every other top-level field, as parsed."""

    def pointer_of(self, index: int) -> str:
        """Where a turn stands."""
        if isinstance(self.turns[index], Bare):
            return self.turns_pointer
        return f"{self.turns_pointer}/{index}"


class Piece(NamedTuple):
    """One event of a streamed answer: the exact bytes to pass on, and what they say."""

    raw: bytes
    done: OutputPart | ToolCall | None = None
    """A text or a tool call that this event completes. For a tool call, ``raw`` is empty until
    `AnswerStream.decide` was called; the bytes held for it come with the next piece."""
    terminal: bool = False
    """Whether the answer ends with this event."""
    text: str = ""
    """Text that this event adds, for counting what was seen."""
    minted: tuple[MintedId, ...] = ()
    """Ids that this event tells first, and that may be used before the answer ends."""
    unreadable: bool = False
    """Whether a client may read this event otherwise than the door, or where the door cannot: then
    ``raw`` is empty, and nothing after it may pass. Only on a stream that holds calls."""


class AnswerStream(Protocol):
    """Reads one streamed answer. Any split of the bytes gives the same pieces."""

    def feed(self, chunk: bytes) -> Iterator[Piece]:
        """Yield the pieces that ``chunk`` completes. Must be run dry before the next call.

        When a piece is a whole tool call, `decide` must be called before the iterator goes on.
        """
        ...

    def end(self) -> Iterator[Piece]:
        """Yield what is left when the bytes ended, complete or not.

        Half an event is dropped on a stream that holds calls, as a client drops it: left there, it
        would run into whatever is written after it.
        """
        ...

    def decide(self, refusal: str | None) -> None:
        """Release the tool call just yielded (``None``), or replace it whole by this text."""
        ...

    def stop(self, code: str, message: str, request_id: str) -> bytes:
        """The surface's own ending for a stream that is cut short here."""
        ...

    def answer(self) -> Answer:
        """All that was read so far; tool calls only where they are whole."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the answer ended as its surface demands."""
        ...


@dataclass(frozen=True, slots=True)
class SurfaceWire:
    """One surface, as the functions that read and write it."""

    surface: Surface
    sections: Callable[[object], Sections]
    """Takes a parsed body apart. Raises Malformed when it is no object."""
    read_turn: Callable[[str, object], Reading]
    """Reads one item of the history; the pointer is its own (``/messages/3``)."""
    read_field: Callable[[str, object], Reading]
    """Reads one top-level field other than the history."""
    params: Callable[[object], Params]
    """The facts that the engine needs."""
    read_answer: Callable[[bytes], Answer]
    """Reads a whole answer. Never raises: what cannot be read has ``error`` set."""
    edit_answer: Callable[[bytes, Mapping[str, str]], bytes]
    """Replaces tool calls (by pointer) by assistant text; every copy and the finish reason."""
    stream: Callable[[bool], AnswerStream]
    """A reader for one streamed answer; with False nothing is ever held back."""
    goes_along: Callable[[Mapping[str, object], Iterable[str]], list[Edit]] = goes_along
    """What else goes from the fields of a body when the definitions at these pointers do."""
    defined: Callable[[Mapping[str, object]], tuple[Definition, ...]] = definitions
    """The tools that the fields of a body offer."""
    streamed: tuple[bytes, ...] = (b"text/event-stream",)
    """The content types of an answer that comes piece by piece."""
    whole: tuple[bytes, ...] = (b"application/json",)
    """The content types of an answer that is read whole, by ``read_answer``."""
    rest: Callable[[bool], AnswerStream] | None = None
    """A reader for an answer of any other type; without one, such an answer is malformed."""
    stream_unasked: Callable[[bool], AnswerStream] | None = None
    """The same as ``stream``, for one whose usage the door asked for and the client did not; None
    where a stream tells its usage anyhow."""
    lines: Callable[[bool], AnswerStream] | None = None
    """The same for an answer that is a thing itself, of any content type: results, a file."""

    made_lines: Callable[[bool], AnswerStream] | None = None
    """The same as ``lines`` for a thing that the provider wrote: what its answers name, it made."""
    structured: Structured = structured.none
    """The schema that a request holds its answer to."""
    caps: Caps | None = None
    """Where a request says how much may be generated; None where no tokens are."""

    def without_tools(
        self, body: bytes, fields: Mapping[str, object], gone: Iterable[str]
    ) -> bytes:
        """``body`` less the definitions at these pointers, and less what goes along with them.

        Args:
            fields: The top-level fields of ``body``, as parsed.
            gone: `Definition.pointer` of each tool that goes. With none, the body is the one given.
        """
        pointers = list(gone)
        if not pointers:
            return body
        edits = [Edit(pointer, None) for pointer in pointers]
        return edit(body, (*edits, *self.goes_along(fields, pointers)))

    def reader_for(
        self, content_type: bytes, *, unasked: bool = False, made: bool = False
    ) -> Callable[[bool], AnswerStream] | None:
        """Who reads an answer of this type as it comes; None where nobody does.

        Args:
            unasked: Whether the door asked for usage that the client did not ask for.
            made: Whether the request names a thing that the provider wrote.
        """
        if self.lines is not None:
            return self.made_lines if made and self.made_lines is not None else self.lines
        if content_type.startswith(self.streamed):
            return self.stream_unasked if unasked and self.stream_unasked else self.stream
        return None if content_type.startswith(self.whole) else self.rest

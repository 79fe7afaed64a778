"""Parts: the smallest labelled units of an exchange, and what a surface says of them."""

from enum import StrEnum
from typing import Final, NamedTuple

from firedoor.types.usage import Usage


class Channel(StrEnum):
    """The path by which a part reached the context (DESIGN §2)."""

    HISTORY = "history"
    MESSAGE = "message"
    MEMORY = "memory"
    RETRIEVAL = "retrieval"
    CODE = "code"
    TOOL = "tool"
    DEFINITION = "definition"
    STATE = "state"
    TRAINING = "training"
    SYSTEM = "system"
    USER = "user"


FLEET_CHANNELS: Final = frozenset(
    {
        Channel.MESSAGE,
        Channel.MEMORY,
        Channel.RETRIEVAL,
        Channel.CODE,
        Channel.STATE,
        Channel.TRAINING,
    }
)
"""Channels that other instances can write to: unproven text in them is never the run's own."""


class Origin(StrEnum):
    """Who produced a part."""

    HUMAN = "human"
    DEVELOPER = "developer"
    INSTANCE = "instance"
    TOOL = "tool"
    SERVER = "server"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Who the wire says is speaking. A role proves nothing."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"
    NONE = "none"


class Kind(StrEnum):
    """What a part is, which decides how it can be judged and edited."""

    WORD = "word"
    """A word of the protocol (a role, a type, a model name of ordinary length): carries no text."""
    TEXT = "text"
    CALL = "call"
    """A string of a tool call claimed in the history: its name or a leaf of its arguments."""
    DEFINITION = "definition"
    REFERENCE = "reference"
    """An id that names state kept elsewhere."""
    OPAQUE = "opaque"
    """Encrypted, signed or binary: cannot be read, and cannot be edited."""


class Evidence(StrEnum):
    """How a label is known (DESIGN §2)."""

    VERIFIED = "verified"
    DECLARED = "declared"
    MATCHED = "matched"
    CONTAINED = "contained"
    ASSUMED = "assumed"
    REVIEWED = "reviewed"


class Standing(StrEnum):
    """What the record says of an assistant turn or a tool call claimed in a history."""

    OWN = "own"
    TRANSPLANTED = "transplanted"
    """Another run produced it."""
    FORGED = "forged"
    """Nobody whom the door saw produced it."""


class Part(NamedTuple):
    """One string of a request.

    ``pointer`` is a JSON pointer (RFC 6901) into the body. Where a string holds JSON itself, the
    pointer goes on into that JSON (``/messages/3/content/notes/0``); a trailing ``#`` names the
    member's *name* rather than its value (``/metadata/k#``). ``?name`` is a query parameter.
    """

    pointer: str
    text: str
    kind: Kind
    role: Role
    channel: Channel
    call: str | None = None
    """Id of the tool call that this part belongs to or answers."""
    tool: str | None = None
    """Name of the tool, where the wire says it beside the part."""
    resource: str | None = None
    """For a reference: what kind of thing the id names (``response``, ``file``…)."""
    editable: bool = True
    """False for what cannot be replaced without breaking the request: ids, signed, encrypted."""
    removable: str | None = None
    """Pointer of the whole element to remove when the part is withheld (a definition), or None."""


class CallClaim(NamedTuple):
    """A tool call that the history says an assistant made."""

    id: str
    name: str
    arguments: str
    """The arguments as JSON text."""
    pointer: str


class ResultClaim(NamedTuple):
    """What the history says a call of the caller's own tools gave."""

    id: str
    """Of the call; empty where the wire has no ids."""
    name: str
    """Of the tool, where the wire says it beside the result."""
    pointer: str


class Media(NamedTuple):
    """Bytes that stand in a request in base64, bare or as a data URL."""

    pointer: str
    text: str


class Turn(NamedTuple):
    """The identity of one item of a history: what stays equal however a client re-serialises it.

    ``content`` holds the texts (stripped, empty ones dropped) and calls (``id``, ``name``,
    ``arguments``) in order. A turn with empty content is skipped when histories are compared.
    """

    role: Role
    content: tuple[str, ...]


class Reading(NamedTuple):
    """What one section of a request holds: a top-level field, or one item of its history."""

    parts: tuple[Part, ...]
    calls: tuple[CallClaim, ...] = ()
    turn: Turn | None = None
    unknown: tuple[str, ...] = ()
    """Pointers of fields, items or types that the inventory does not know."""
    hops: tuple[tuple[str, str], ...] = ()
    """(name, pointer) of what makes the call hold more instances than the wire shows."""
    results: tuple[ResultClaim, ...] = ()
    media: tuple[Media, ...] = ()


class OutputKind(StrEnum):
    """What a piece of an answer is."""

    TEXT = "text"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    HOSTED = "hosted"
    """Text of a tool or search that ran at the provider."""
    OPAQUE = "opaque"


class OutputPart(NamedTuple):
    """One text of an answer, whole; on a stream, when it is complete."""

    pointer: str
    text: str
    kind: OutputKind
    media: str = ""
    """Of what is binary: its bytes in base64, where the answer holds them."""


class ToolCall(NamedTuple):
    """One tool call of an answer, whole."""

    pointer: str
    id: str
    name: str
    arguments: str
    """JSON text for function calls, free text for custom tools."""


class MintedId(NamedTuple):
    """An id that the provider made in an answer, and what it names."""

    resource: str
    id: str


class Edge(NamedTuple):
    """One message between two of those that an answer shows at work inside its call."""

    kind: str
    """The hop that they met by: ``multi_agent``, ``mcp``, ``advisor``, …"""
    pointer: str
    sender: str | None
    """As the provider names it; None is the instance whose call it is."""
    recipient: str | None
    chars: int
    """Characters that were said."""


class Answer(NamedTuple):
    """A whole answer, streamed or not, in wire order."""

    output: tuple[OutputPart | ToolCall, ...] = ()
    turns: tuple[tuple[Turn, ...], ...] = ()
    """For each choice, the turns that a client would send back for it."""
    minted: tuple[MintedId, ...] = ()
    usage: Usage | None = None
    model: str | None = None
    id: str | None = None
    finish: tuple[str, ...] = ()
    error: str | None = None
    """The type of an error that the provider reported in place of, or within, the answer."""
    edges: tuple[Edge, ...] = ()
    """Who told whom what inside the call, where the answer shows it."""

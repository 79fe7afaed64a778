"""What a call looks like before anything is decided: surface, head, caller."""

from enum import StrEnum
from typing import NamedTuple

from firedoor.types.ids import RunId


class Surface(StrEnum):
    """A provider API shape. ``UNKNOWN`` is everything that the inventory does not name."""

    OPENAI_CHAT = "openai.chat"
    OPENAI_RESPONSES = "openai.responses"
    OPENAI_EMBEDDINGS = "openai.embeddings"
    OPENAI_MODELS = "openai.models"
    ANTHROPIC_MESSAGES = "anthropic.messages"
    ANTHROPIC_COUNT_TOKENS = "anthropic.count_tokens"
    ANTHROPIC_MODELS = "anthropic.models"
    UNKNOWN = "unknown"


class Mode(StrEnum):
    """How strict the door is (DESIGN §8)."""

    OBSERVE = "observe"
    CONTAIN = "contain"
    ISOLATE = "isolate"


Headers = tuple[tuple[bytes, bytes], ...]
"""Raw header fields in wire order, names in lower case."""


class Binding(NamedTuple):
    """An instance named by something the model cannot forge: code, or a key."""

    name: str
    compartment: str | None = None
    parent: "Binding | None" = None
    credential: str = "process"
    """What bound it: ``process`` for code in this process, else the key's id."""


class Caller(NamedTuple):
    """What the front knows of a caller besides the request itself."""

    front: str
    """``transport`` or ``sidecar``."""
    binding: Binding | None = None
    run: RunId | None = None
    """The outermost ``door.run`` or the process run; ``None`` in a sidecar that serves many."""
    channel: str | None = None
    run_declared: bool = False
    """Whether ``run`` was opened by ``door.run``, rather than being the process's own."""


class RequestHead(NamedTuple):
    """Method, target and headers of a request, as the client sent them."""

    method: str
    path: str
    """Absolute path, raw (percent-encoding kept), without the query."""
    query: str
    """Raw query without the question mark; empty for none."""
    headers: Headers
    upstream: str | None = None
    """Name of the upstream, where the front knows it (``/u/NAME/…``); else by surface."""


class Objection(NamedTuple):
    """Why a front does not take a call at all: it is refused, and written down, unread."""

    code: str
    """One of DESIGN §7."""
    message: str


class Params(NamedTuple):
    """The few facts of a request that the engine itself needs."""

    model: str | None = None
    stream: bool = False
    choices: int = 1
    output_tokens_max: int | None = None
    include_usage: bool = True
    """Whether the client will see usage on a stream without anything being injected."""

"""What a call looks like before anything is decided: surface, head, caller."""

from enum import StrEnum
from typing import NamedTuple, Protocol

from firedoor.types.ids import RunId


class Surface(StrEnum):
    """A provider API shape. ``UNKNOWN`` is everything that the inventory does not name.

    Where a model reads and writes, each shape has its own; the rest go by their family
    (``wire/inventory/endpoints``).
    """

    OPENAI_CHAT = "openai.chat"
    OPENAI_RESPONSES = "openai.responses"
    OPENAI_EMBEDDINGS = "openai.embeddings"
    OPENAI_COMPLETIONS = "openai.completions"
    OPENAI_DECISIONS = "openai.decisions"
    OPENAI_MODELS = "openai.models"
    OPENAI_ADMIN = "openai.admin"
    OPENAI_BATCHES = "openai.batches"
    OPENAI_CLASSIFY = "openai.classify"
    OPENAI_CONTAINERS = "openai.containers"
    OPENAI_CREDENTIALS = "openai.credentials"
    OPENAI_FILES = "openai.files"
    OPENAI_HOSTED = "openai.hosted"
    OPENAI_LIVE = "openai.live"
    OPENAI_MEDIA = "openai.media"
    OPENAI_RETRIEVAL = "openai.retrieval"
    OPENAI_SAFETY = "openai.safety"
    OPENAI_SKILLS = "openai.skills"
    OPENAI_STORED = "openai.stored"
    OPENAI_TRAINING = "openai.training"
    OPENAI_VOICES = "openai.voices"
    OPENAI_WEBHOOKS = "openai.webhooks"
    ANTHROPIC_MESSAGES = "anthropic.messages"
    ANTHROPIC_COUNT_TOKENS = "anthropic.count_tokens"
    ANTHROPIC_MODELS = "anthropic.models"
    ANTHROPIC_ADMIN = "anthropic.admin"
    ANTHROPIC_BATCHES = "anthropic.batches"
    ANTHROPIC_CREDENTIALS = "anthropic.credentials"
    ANTHROPIC_FILES = "anthropic.files"
    ANTHROPIC_HOSTED = "anthropic.hosted"
    ANTHROPIC_IDENTITY = "anthropic.identity"
    ANTHROPIC_MEMORY = "anthropic.memory"
    ANTHROPIC_SKILLS = "anthropic.skills"
    GEMINI_GENERATE = "gemini.generate"
    GEMINI_COUNT = "gemini.count"
    GEMINI_EMBED = "gemini.embed"
    GEMINI_DECISIONS = "gemini.decisions"
    GEMINI_MODELS = "gemini.models"
    GEMINI_BATCHES = "gemini.batches"
    GEMINI_CACHES = "gemini.caches"
    GEMINI_CREDENTIALS = "gemini.credentials"
    GEMINI_FILES = "gemini.files"
    GEMINI_HOSTED = "gemini.hosted"
    GEMINI_INTERACTIONS = "gemini.interactions"
    GEMINI_LIVE = "gemini.live"
    GEMINI_MEDIA = "gemini.media"
    GEMINI_RETRIEVAL = "gemini.retrieval"
    GEMINI_STORED = "gemini.stored"
    GEMINI_TRAINING = "gemini.training"
    GEMINI_VOICES = "gemini.voices"
    GEMINI_WEBHOOKS = "gemini.webhooks"
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
    door: str | None = None
    """Where the client reached a sidecar (``http://127.0.0.1:8474``, or with ``/u/NAME``), for
    answers that tell it where to go next; None in process, where it comes by here anyway."""


class Objection(NamedTuple):
    """Why a front does not take a call at all: it is refused, and written down, unread."""

    code: str
    """One of DESIGN §7."""
    message: str


class SpooledBody(Protocol):
    """A request body that its front keeps in a file of its own. Nobody else opens it."""

    @property
    def size_bytes(self) -> int:
        """How long it is."""
        ...


class Params(NamedTuple):
    """The few facts of a request that the engine itself needs."""

    model: str | None = None
    stream: bool = False
    choices: int = 1
    output_tokens_max: int | None = None
    stored: bool = False
    """Whether the client asks the provider to keep the answer, where it is not kept unasked."""
    include_usage: bool = True
    """Whether the client will see usage on a stream without anything being injected."""

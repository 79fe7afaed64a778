"""What a preset does about an operation: by its family and act, with named exceptions.

The inventory says what there is; this says what passes. A family that no row names is refused, so
that a new line of the inventory changes facts and lets nothing through by itself.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from firedoor.types.exchange import Mode


class Treatment(StrEnum):
    """What happens to a request for an operation, before anything in it is judged."""

    JUDGE = "judge"
    """It goes on, and its parts are judged: texts by their labels, ids by whose they are."""
    HOLD = "hold"
    """It goes on like any other, but what instances wrote waits for a person (the training gate)."""
    DENY = "deny"
    """It is refused by name, unless a rule of the file lets it through."""


class Row(NamedTuple):
    """How one family is treated, and why."""

    treatment: Treatment
    why: str
    lists: Treatment | None = None
    """Lists over everything that a credential owns, where they are treated otherwise."""
    writes: Treatment | None = None
    """Acts that create, change or delete, where they are treated otherwise."""


_JUDGE, _HOLD, _DENY = Treatment.JUDGE, Treatment.HOLD, Treatment.DENY
# A list of all of it is cut down to the caller's own (wire/state/lists.py).
_STATE: Final = "state at the provider: its ids are the caller's own, or refused"
_HOPS: Final = "instances that the door does not see run and talk at the provider"

CONTAIN: Final[Mapping[str, Row]] = {
    "inference": Row(_JUDGE, "a model reads and writes: every part is judged"),
    "count": Row(_JUDGE, "the same request, counted: every part is judged"),
    "classify": Row(_JUDGE, "scores come back, and nothing is kept"),
    "media": Row(_JUDGE, "texts, sounds and pictures by value"),
    "catalog": Row(_JUDGE, "names of models", writes=_DENY),
    "stored": Row(_JUDGE, _STATE),
    "files": Row(_JUDGE, _STATE),
    "retrieval": Row(_JUDGE, _STATE),
    "containers": Row(_JUDGE, _STATE),
    "batches": Row(_JUDGE, _STATE),
    "caches": Row(_JUDGE, _STATE),
    "memory": Row(_JUDGE, _STATE),
    "skills": Row(_JUDGE, "instructions for every later instance", lists=_DENY, writes=_DENY),
    "training": Row(_HOLD, "what is learned cannot be taken back", lists=_DENY),
    "hosted": Row(_DENY, _HOPS),
    "live": Row(_DENY, "sockets and sessions that go round HTTP"),
    "admin": Row(_DENY, "the provider's own controls"),
    "credentials": Row(_DENY, "keys and tunnels: ways round the door"),
    "identity": Row(_DENY, "people's profiles, and links that act for them"),
    "safety": Row(_DENY, "other people's cases"),
    "voices": Row(_DENY, "durable likenesses of people"),
    "webhooks": Row(_DENY, "answers sent to somebody else"),
}
"""`contain`. In `isolate` whatever is kept at a provider is refused as well."""

_KEPT: Final = frozenset(
    {
        "stored", "files", "retrieval", "containers", "batches", "caches", "memory", "skills",
        "training",
    }
)  # fmt: skip

EXCEPTIONS: Final[Mapping[str, Treatment]] = {
    # No shape is known for what they ask and answer.
    "openai:decisions.create": _DENY,
    "gemini:decisions.create": _DENY,
    # Its lines run later, and no call of theirs passes this door.
    "openai:batches.create": _HOLD,
    "gemini:batches.create": _HOLD,
    "gemini:batches.create_embeddings": _HOLD,
    # A job that runs elsewhere, for who knows how long.
    "gemini:models.predict_long_running": _DENY,
}
"""By ``provider:operation``, where a family's row does not fit."""

_WRITES: Final = frozenset({"create", "change", "delete"})


def treatment_of(
    mode: Mode, *, provider: str, family: str, act: str, name: str, below: bool
) -> tuple[Treatment, str]:
    """What ``mode`` does about an operation, and why.

    Args:
        below: Whether the path names something that it is about. A list below one is a list of
            what the owner may see; a list of everything shows what other rooms made.
    """
    if mode is Mode.OBSERVE:
        return _JUDGE, "nothing is refused in observe"
    row = CONTAIN.get(family)
    if row is None:
        return _DENY, "no preset knows this family of endpoints"
    if mode is Mode.ISOLATE and family in _KEPT:
        return _DENY, row.why
    exception = EXCEPTIONS.get(f"{provider}:{name}")
    if exception is not None:
        return exception, row.why
    if act == "connect":
        return _DENY, row.why
    if act == "list" and not below and row.lists is not None:
        return row.lists, "a list shows what other rooms made"
    if act in _WRITES and row.writes is not None:
        return row.writes, row.why
    return row.treatment, row.why

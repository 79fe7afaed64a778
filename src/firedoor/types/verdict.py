"""What is asked of a part or a tool call, and the answer."""

from enum import StrEnum
from typing import NamedTuple

from firedoor.types.exchange import Surface
from firedoor.types.part import Channel, Evidence, Kind, Origin, Standing


class Action(StrEnum):
    """The answer of a rule, mildest first."""

    ALLOW = "allow"
    MARK = "mark"
    STRIP = "strip"
    QUARANTINE = "quarantine"
    DENY = "deny"

    @property
    def shown(self) -> bool:
        """Whether the model sees the part after this."""
        return self in (Action.ALLOW, Action.MARK)


class PartAsk(NamedTuple):
    """Everything a rule may know of a part that wants to enter a context."""

    channel: Channel
    origin: Origin
    kind: Kind
    surface: Surface
    crossing: bool
    inrun: bool
    attributed: bool
    evidence: Evidence
    generation: int | None
    """Depth of the part; ``None`` for unknown."""
    author: str | None
    author_compartment: str | None
    roots: tuple[str, ...]
    """Names of the live rooms the part descends from, sorted."""
    instance: str
    compartment: str
    tool: str | None
    standing: Standing | None
    reach_full: bool = False
    """Whether a live root of the part has used up its reach with this room not among it."""
    run_exposed: bool = False
    """Whether anything foreign was ever presented to the part's run (ρ ≠ ⊥)."""
    part_of_room: bool = False
    """Own emission, ⊥, or carried within the room: nothing is judged inside a room."""
    own: bool = False
    """The run's own emission, or vouched for by a person or the program's maker."""
    opaque: bool = False
    """Whether the text has a stretch that looks like code and gives nothing readable."""
    holds: tuple[str, ...] = ()
    """What the tools that the call offers let the instance do."""


class CallAsk(NamedTuple):
    """Everything a rule may know of a tool call that an answer makes."""

    tool: str
    affordances: tuple[str, ...]
    surface: Surface
    instance: str
    compartment: str
    exposed_generation: int | None
    """Depth of what the call was exposed to (MODEL line 27); ``None`` for unknown."""
    exposed_roots: tuple[str, ...]
    holds_released: bool = False
    """Whether the context holds a part that was released once."""


class RequestAsk(NamedTuple):
    """Everything a rule may know of a request before its parts are judged."""

    endpoint: str
    """``provider:operation``, as in ``openai:files.create``."""
    family: str
    act: str
    surface: Surface
    instance: str | None
    """Name of the instance, where the head alone tells it."""
    compartment: str | None
    hop: str | None = None
    """What makes the call hold more instances than the wire shows, by its name in the inventory."""


class Verdict(NamedTuple):
    """An action, with why: the rule that gave it and the shadow rules that would have."""

    action: Action
    rule: str | None = None
    shadow: tuple[tuple[str, Action], ...] = ()
    """(rule id, action) of matching shadow rules that stood before the one that acted."""

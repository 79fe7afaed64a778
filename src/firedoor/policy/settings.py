"""A policy: everything that decides what may pass, frozen, with a digest to name it by."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple, cast

import rfc8785

from firedoor.policy.rules import Rule
from firedoor.types.exchange import Mode
from firedoor.types.part import Channel
from firedoor.types.verdict import Action


class StoreSetting(NamedTuple):
    """One row of ``stores:``."""

    name: str
    tools: tuple[str, ...]
    key: str | None = None
    writers: str = "fleet"
    closed: bool = False


class CompartmentSetting(NamedTuple):
    """One row of ``compartments:``."""

    name: str
    instances: tuple[str, ...]
    accept_depth: int | None = None


ASSUMED_BY_MODE: Final[Mapping[Mode, tuple[str, str]]] = {
    Mode.OBSERVE: ("human", "developer"),
    Mode.CONTAIN: ("run", "run"),
    Mode.ISOLATE: ("unknown", "unknown"),
}
"""What is assumed of unproven (user, system) text (MODEL §4)."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may pass. Made by ``config`` from a file, or by hand in tests."""

    mode: Mode = Mode.OBSERVE
    rules: tuple[Rule, ...] = ()
    """The file's own."""
    preset: tuple[Rule, ...] = ()
    """Those of the preset that ``mode`` names; empty with ``preset: none``."""
    treats: bool = True
    """Whether the preset's treatment of endpoints holds; not with ``preset: none``."""
    unknown: str = "attenuate"
    rewrite: str = "attenuate"
    assume_user: str = "human"
    assume_system: str = "developer"
    placeholder: str = "[withheld]"
    headers: str | tuple[str, ...] = "all"
    reach_limit: int = 3
    reach_by_compartment: tuple[tuple[str, int], ...] = ()
    reach_window_s: float = 86_400.0
    channels: Mapping[Channel, tuple[str, ...]] = field(default_factory=dict)
    affordances: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    stores: tuple[StoreSetting, ...] = ()
    compartments: tuple[CompartmentSetting, ...] = ()
    source: Mapping[str, object] = field(default_factory=dict)
    """The effective settings as JSON data: what ``digest`` names."""
    inside: tuple[Rule, ...] = field(init=False, repr=False, compare=False, default=())
    """The file's rules that are asked of parts inside a room too (`Rule.holds_inside`)."""

    def __post_init__(self) -> None:
        inside = tuple(rule for rule in self.rules if rule.holds_inside)
        object.__setattr__(self, "inside", inside)

    @property
    def asks_opaque(self) -> bool:
        """Whether a rule wants to know what nobody can read."""
        return any(rule.names_opaque for rule in self.inside)

    @property
    def digest(self) -> str:
        """``sha256:…`` over the canonical JSON (RFC 8785) of the effective policy."""
        return _digest(self)

    @property
    def marks(self) -> bool:
        """Whether any rule that acts puts marks round texts."""
        return self.mode is not Mode.OBSERVE and any(
            rule.action is Action.MARK and not rule.shadow for rule in (*self.rules, *self.preset)
        )

    def compartment_for(self, name: str) -> str | None:
        """The compartment whose pattern matches an instance's name; the first that does."""
        for row in self.compartments:
            if any(fnmatchcase(name, glob) for glob in row.instances):
                return row.name
        return None

    def accept_depth(self, compartment: str) -> int | None:
        """The greatest depth that a compartment takes in; None for no such limit."""
        for row in self.compartments:
            if row.name == compartment:
                return row.accept_depth
        return None

    def reach_limit_for(self, compartment: str) -> int:
        """How many other rooms the text of a room may enter in a window."""
        return dict(self.reach_by_compartment).get(compartment, self.reach_limit)


_DIGESTS: dict[int, tuple[Policy, str]] = {}


def _digest(policy: Policy) -> str:
    known = _DIGESTS.get(id(policy))
    if known is None or known[0] is not policy:
        body = rfc8785.dumps(cast(Any, {"mode": policy.mode.value, **policy.source}))
        known = policy, "sha256:" + hashlib.sha256(body).hexdigest()
        if len(_DIGESTS) > 64:
            _DIGESTS.clear()
        _DIGESTS[id(policy)] = known
    return known[1]

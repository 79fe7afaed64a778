"""What a kind is: when an amount of it is taken, how much is held, and how much was used."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

_BYTES_A_TOKEN: int = 2
"""Bytes that one token of input has at least, for an upper bound (DESIGN §5b)."""


class Taken(StrEnum):
    """When an amount is taken."""

    CALL = "call"
    """Held before the call goes upstream, settled when it ends."""
    TOOL = "tool"
    """Charged whole, before a tool call of the answer leaves."""
    SHOWN = "shown"
    """Charged with the call that is shown a text of another room for the first time."""
    TYPED = "typed"
    """Charged for a typed answer, before its label is lowered."""
    SPAWN = "spawn"
    """Charged to the parent with the first call of a child."""
    NEVER = "never"
    """It is no amount: a ceiling, or a list."""


class Ask(NamedTuple):
    """What is known of a call before it goes upstream."""

    input_bytes: int
    output_tokens_max: int
    """The output limit of the request, for all its choices together."""
    context_tokens: int | None = None
    """The model's context window; None where it is not known."""
    kept_tokens: int = 0
    """Tokens of a history that lies at the provider."""
    cost_max: int = 0
    """Micro-dollars of the dearest tier that applies to so much."""
    generates: bool = True
    """Whether a model writes an answer."""

    @property
    def input_tokens_max(self) -> int:
        """An upper bound of the input in tokens."""
        most = -(-self.input_bytes // _BYTES_A_TOKEN) + self.kept_tokens
        return most if self.context_tokens is None else min(most, self.context_tokens)


class Used(NamedTuple):
    """What a call came to."""

    reached: bool = True
    """Whether the provider may have had any byte of it."""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: int = 0
    seconds: float = 0.0


class ToolAsk(NamedTuple):
    """What is known of a tool call before it leaves."""

    name: str
    affordances: tuple[str, ...] = ()
    egress_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: how a kind is written, taken, and told of."""

    name: str
    unit: str
    taken: Taken
    says: str
    """What is limited, for the reference page."""
    example: str
    surprise: str = ""
    hold: Callable[[Ask], int] | None = None
    used: Callable[[Used], int] | None = None
    charge: Callable[[ToolAsk, str], int] | None = None
    """For a tool call, and what stands behind the kind's name (a tool's pattern, an affordance)."""
    named: bool = False
    """Whether a row of the file gives a limit for each of several names."""

"""Accounts, limits, holds and settlements: amounts taken before an act and charged after it.

Amounts are whole numbers in the unit of their kind: tokens, calls, bytes, bits, milliseconds, and
micro-dollars for ``cost_usd``.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from firedoor.types.ids import CallId


class Scope(StrEnum):
    """Whose an account is, widest first: each one's are held in all that stand before it."""

    DEPLOYMENT = "deployment"
    COMPARTMENT = "compartment"
    KEY = "key"
    AGENT = "agent"
    INSTANCE = "instance"


class Account(NamedTuple):
    """One holder of amounts."""

    scope: Scope
    key: str
    """What it is known by: a room, a key's or an instance's id. Nobody chooses another's."""
    name: str
    """As a limit's pattern and people name it."""

    @property
    def id(self) -> str:
        """Unique in a store: ``instance:i_…``."""
        return f"{self.scope}:{self.key}" if self.key else str(self.scope.value)

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}" if self.name else str(self.scope.value)


class Cycle(StrEnum):
    """How a window rolls on."""

    LIFETIME = "lifetime"
    """Never: what is used stays used."""
    CALENDAR = "calendar"
    """At the turn of the minute, hour or day, in UTC."""
    SLIDING = "sliding"
    """With the clock, in sixtieths of the window."""


class Window(NamedTuple):
    """The time over which an amount is counted."""

    cycle: Cycle
    seconds: int = 0

    def __str__(self) -> str:
        return str(self.cycle.value) if not self.seconds else f"{self.cycle}/{self.seconds}s"


class Take(NamedTuple):
    """What one hold asks of one account."""

    account: Account
    kind: str
    """``output_tokens``, ``tools/bash``, ``affordances/spawn``."""
    window: Window
    amount: int
    limit: int | None
    """None counts and never refuses."""
    warn_at: int | None = None
    """The soft limit: passing it is told once a window."""
    floors: tuple[tuple[str, int], ...] = ()
    """(account id, amount) set aside in this account for others, less what those have used."""
    once: str = ""
    """An instance that this is taken for, the first time that it is let through."""


class Hold(NamedTuple):
    """Amounts taken on several accounts together, or on none."""

    id: str
    call: CallId
    expires_at: float
    """Seconds since the epoch; then it counts no more, unless it was renewed."""
    takes: tuple[Take, ...]
    keeps: bool = False
    """Whether what lapses counts as used: the provider goes on with it whatever becomes of us."""


class Settlement(NamedTuple):
    """What was used in place of what was held."""

    hold: str
    used: Mapping[str, int]
    """By kind; a kind that is not named used nothing."""
    renews_to: float | None = None
    """With this, nothing is settled: the hold only lives on until then."""
    rest: bool = False
    """Whether a kind that is not named used all that was held, since nobody knows how much it was."""


class Warned(NamedTuple):
    """An account has passed its soft limit, for the first time in this window."""

    account: str
    kind: str
    used: int
    limit: int


class AccountRow(NamedTuple):
    """One limit as it stands, for people."""

    account: str
    kind: str
    window: str
    limit: int | None
    raised: int
    """What people have added to the limit for now."""
    held: int
    committed: int
    overrun: int
    holds: tuple[tuple[str, int, float], ...] = ()
    """(call, amount, when it lapses) of each hold, where they were asked for."""

    @property
    def left(self) -> int | None:
        """What may still be held; None where nothing limits it."""
        if self.limit is None:
            return None
        used = self.committed + self.overrun + self.held
        return max(0, self.limit + self.raised - used)

    def told(self) -> dict[str, object]:
        """The row as JSON has it everywhere."""
        names = ("account", "kind", "window", "limit", "raised", "held", "committed", "overrun")
        return {**{name: getattr(self, name) for name in names}, "left": self.left}

"""What a call takes of its accounts: held before it starts, charged as it acts, settled at its end."""

from typing import TYPE_CHECKING, Final

from firedoor.engine.port import Commit, Exhausted
from firedoor.types.label import Label
from firedoor.types.part import ToolCall
from firedoor.types.verdict import Action, Verdict

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

UNCHARGED: Final = Verdict(Action.DENY, "budget/unavailable")
"""Of a tool call that could not be charged, since the store did not answer."""


class Budgeting:
    """The budget's side of one call."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange

    def charge(self, call: ToolCall, label: Label) -> Commit | None:
        """What must be durable before a tool call leaves; None where no limit speaks of it."""
        return None


def verdict_of(found: Exhausted) -> Verdict:
    """The verdict on a tool call that its accounts cannot bear."""
    return Verdict(Action.DENY, f"budget/{found.kind}")


def said_of_call(name: str, found: Exhausted) -> str:
    """What stands in place of a tool call that its accounts cannot bear."""
    return (
        f"The call of the tool {name} was refused: {found.account} has used up its limit of "
        f"{found.limit} {found.kind} (committed {found.committed}, held {found.held})."
    )

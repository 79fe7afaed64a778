"""Tool calls of one class."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken, ToolAsk


def _charge(ask: ToolAsk, name: str) -> int:
    return int(name in ask.affordances)


KIND: Final = Kind(
    name="affordances",
    unit="calls",
    taken=Taken.TOOL,
    says="Tool calls of one class.",
    example="affordances: {spawn: 2, money: 0}",
    surprise="A tool of several classes is charged to each.",
    charge=_charge,
    named=True,
)

"""Tool calls that answers make."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="tool_calls",
    unit="calls",
    taken=Taken.TOOL,
    says="Tool calls that answers make.",
    example="tool_calls: 400",
    surprise="Calls in parallel are charged one by one, and the one that is over is refused whole.",
    charge=lambda _ask, _name: 1,
)

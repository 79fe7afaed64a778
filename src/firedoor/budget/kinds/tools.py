"""Calls of single tools, by name or pattern."""

from fnmatch import fnmatchcase
from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken, ToolAsk


def _charge(ask: ToolAsk, pattern: str) -> int:
    return int(fnmatchcase(ask.name, pattern))


KIND: Final = Kind(
    name="tools",
    unit="calls",
    taken=Taken.TOOL,
    says="Calls of single tools, by name or pattern.",
    example='tools: {bash: 50, "git_*": 10/hour}',
    surprise="All tools that a pattern fits share its limit. An exhausted tool is not offered any more.",
    charge=_charge,
    named=True,
)

"""How long ago the first call of an instance may be."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="context_age",
    unit="seconds",
    taken=Taken.NEVER,
    says="How long ago the first call of an instance may be.",
    example="context_age: 8h",
    surprise="A declared name keeps its age in a new conversation and after a restart.",
)

"""How deep a family may go: a child of the first instance is at 1."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="spawn_depth",
    unit="depth",
    taken=Taken.NEVER,
    says="How deep a family may go: a child of the first instance is at 1.",
    example="spawn_depth: 2",
)

"""Children that an instance may have."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="spawn_children",
    unit="instances",
    taken=Taken.SPAWN,
    says="Children that an instance may have.",
    example="spawn_children: 5",
    surprise="A child counts from its first call on.",
)

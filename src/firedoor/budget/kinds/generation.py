"""The depth of foreign text that a call may be shown."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="generation",
    unit="depth",
    taken=Taken.NEVER,
    says="The depth of foreign text that a call may be shown.",
    example="generation: 1",
    surprise="Unknown depth is above every number.",
)

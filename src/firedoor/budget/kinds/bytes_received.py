"""Bytes of other rooms' text that calls are shown."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="bytes_received",
    unit="bytes",
    taken=Taken.SHOWN,
    says="Bytes of other rooms' text that calls are shown.",
    example="bytes_received: 100k/day",
    surprise="A text counts once, where an instance is first shown it.",
)

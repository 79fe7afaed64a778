"""Bytes of a room's text that other rooms are shown."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="bytes_sent",
    unit="bytes",
    taken=Taken.SHOWN,
    says="Bytes of a room's text that other rooms are shown.",
    example="bytes_sent: 100k/day",
    surprise="It is the sender's account, of a compartment; who may not be shown more is the reader.",
)

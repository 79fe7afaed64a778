"""Calls that go upstream."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="requests",
    unit="calls",
    taken=Taken.CALL,
    says="Calls that go upstream.",
    example="requests: 1000/day",
    surprise="A call that never reached the provider is given back.",
    hold=lambda _: 1,
    used=lambda used: int(used.reached),
)

"""Bytes that tool calls send out of the organisation."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="egress_bytes",
    unit="bytes",
    taken=Taken.TOOL,
    says="Bytes that tool calls send out of the organisation.",
    example="egress_bytes: 1000000/day",
    surprise="It counts what the door can read of a call: hosts, paths, queries and bodies in its arguments.",
    charge=lambda ask, _: ask.egress_bytes,
)

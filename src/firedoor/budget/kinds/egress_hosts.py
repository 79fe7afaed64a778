"""Hosts that tool calls may name, by name or pattern."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="egress_hosts",
    unit="hosts",
    taken=Taken.NEVER,
    says="Hosts that tool calls may name, by name or pattern.",
    example='egress_hosts: ["*.corp.example"]',
    surprise="A call whose hosts cannot be read is not refused: say what a tool may do by `affordances`.",
)

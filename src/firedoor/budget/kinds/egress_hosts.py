"""Hosts that tool calls may name, by name or pattern."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="egress_hosts",
    unit="hosts",
    taken=Taken.NEVER,
    says="Hosts that tool calls may name, by name or pattern.",
    example='egress_hosts: ["*.corp.example"]',
    surprise="A command whose host cannot be seen (a variable, a pipe) is refused too.",
)

"""Tokens of answers, reasoning included."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="output_tokens",
    unit="tokens",
    taken=Taken.CALL,
    says="Tokens of answers, reasoning included.",
    example="output_tokens: 2M/day",
    surprise="The whole output limit of a request is held while it runs; without one, the door sets what is left.",
    hold=lambda ask: ask.output_tokens_max,
    used=lambda used: used.output_tokens,
)

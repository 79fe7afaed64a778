"""Tokens of requests, as the provider counts them."""

from typing import Final

from firedoor.budget.kinds.kind import Kind, Taken

KIND: Final = Kind(
    name="input_tokens",
    unit="tokens",
    taken=Taken.CALL,
    says="Tokens of requests, as the provider counts them.",
    example="input_tokens: 5M/day",
    surprise="Half a token a byte is held while a call runs, so a long request needs room that it will not use.",
    hold=lambda ask: ask.input_tokens_max,
    used=lambda used: used.input_tokens,
)

"""How much of an answer was seen, and how many tokens that must have been."""

import re
from typing import Final

_CHARS_A_TOKEN_MOST: Final = 8
"""Fewer tokens than characters by this much are not to be had from a text, runs of one character
aside: a stream is only cut when it certainly has more than its call held. Not bytes: a letter of Hindi
or Tamil has three, and a word of theirs may be one token."""
# A token may be 128 blanks or dashes.
_RUN: Final = re.compile(r"(.)\1{7,127}", re.DOTALL)


class Seen:
    """How much of an answer was seen."""

    __slots__ = ("_distinct", "bytes", "chars")

    def __init__(self) -> None:
        self.chars = 0
        self.bytes = 0
        self._distinct = 0

    def add(self, text: str) -> None:
        """Something that a model wrote."""
        self.chars += len(text)
        self.bytes += len(text.encode("utf-8", "surrogatepass"))
        self._distinct += len(_RUN.sub(r"\1", text))

    @property
    def tokens_least(self) -> int:
        """Fewer tokens it cannot be."""
        return -(-self._distinct // _CHARS_A_TOKEN_MOST)

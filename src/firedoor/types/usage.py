"""What a provider says that an answer cost."""

from enum import StrEnum
from typing import NamedTuple


class UsageDoubt(StrEnum):
    """Why a reading is not what the provider wrote, where that makes no sense by itself."""

    NOT_A_COUNT = "not_a_count"
    """Something negative, absurd or no number at all: left out."""
    FELL = "fell"
    """Told again, and less: the larger stands."""
    CACHED_BEYOND_INPUT = "cached_beyond_input"
    """More came out of the cache than went in: the input is what was cached."""
    REASONING_APART = "reasoning_apart"
    """The output was told without the reasoning: it is counted in."""
    TOTAL_LARGER = "total_larger"
    """The total is more than its parts: the rest is counted as output, which is dearer."""
    FROM_TOTAL = "from_total"
    """Only one side was told: the other is what the total leaves."""


class Usage(NamedTuple):
    """Counts as the provider reported them; ``None`` where it did not.

    Each of the others is part of one of the first two (0 where nothing was told): cached tokens of
    the input, reasoning of the output, sounds and pictures of the one they are named after.
    """

    input_tokens: int | None = None
    """With what came out of caches, or without: see ``cache_apart``."""
    output_tokens: int | None = None
    """With reasoning."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    """All of them, however long they are kept."""
    cache_write_long_tokens: int = 0
    """Of these, what is kept for an hour or more."""
    reasoning_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    audio_cache_read_tokens: int = 0
    image_input_tokens: int = 0
    image_output_tokens: int = 0
    image_cache_read_tokens: int = 0
    video_input_tokens: int = 0
    tools: tuple[tuple[str, int], ...] = ()
    """How often each tool ran at the provider, by name (``web_search``), sorted."""
    tier: str | None = None
    """By which price list: ``priority``, ``flex``, ``batch``, ``fast``; None for the ordinary one."""
    cache_apart: bool = False
    """Whether ``input_tokens`` leaves out what was read from and written to caches (Anthropic)."""
    beside: tuple["Beside", ...] = ()
    """What other models, or other passes, cost inside the call; counted in nothing above."""
    doubts: tuple[UsageDoubt, ...] = ()

    @property
    def input_total(self) -> int:
        """Input tokens, cached or not."""
        apart = self.cache_read_tokens + self.cache_write_tokens if self.cache_apart else 0
        return (self.input_tokens or 0) + apart


class Beside(NamedTuple):
    """What something inside a call cost."""

    what: str
    """``compaction``, ``advisor_message``, ``image_generation``."""
    model: str | None
    """None for the model of the call."""
    usage: Usage

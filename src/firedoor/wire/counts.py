"""What a provider says an answer cost, read so that the counts add up.

OpenAI counts cached tokens into the input, Anthropic beside it (``Usage.cache_apart``); Google counts
thoughts beside the output, and they are added here. What makes no sense by itself is read as the most
that it can mean, and ``Usage.doubts`` says so: a settlement below what is billed would be a gift.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from firedoor.types.usage import Beside, Usage, UsageDoubt
from firedoor.wire.answers import count, placed, word

_BESIDE: Final = frozenset({"compaction", "advisor_message"})
"""Iterations that the counts of a message leave out (anthropic 2.13.0, ``BetaUsage``)."""
_ORDINARY: Final = frozenset({"", "auto", "default", "standard", "on_demand"})
_TIERS: Final = ("priority", "flex", "batch", "fast")
_TIER_CHARS_MAX: Final = 32
_BESIDE_MAX: Final = 64
_COUNT_MAX: Final = 2**63 - 1
"""Of a sum, as of each count: no store on the road holds a larger number."""


class _Reader:
    """Counts of one object; what is no count is noted once."""

    def __init__(self) -> None:
        self.doubts: dict[UsageDoubt, None] = {}

    def of(self, value: Any, *names: str) -> int | None:
        """The first of these members that is told."""
        for name in names:
            told = value.get(name) if isinstance(value, Mapping) else None
            if told is None:
                continue
            found = count(told)
            if found is not None:
                return found
            self.doubts[UsageDoubt.NOT_A_COUNT] = None
        return None

    def n(self, value: Any, *names: str) -> int:
        """The same, 0 where it is not told."""
        return self.of(value, *names) or 0

    def modality(self, value: Any, kind: str) -> int:
        """What a list of counts by modality says of one."""
        return sum(
            self.n(row, "tokenCount", "tokens")
            for _, row in placed(value)
            if str(row.get("modality", "")).lower() == kind
        )


def tier_of(*told: Any) -> str | None:
    """The price list that an answer names, if it is not the ordinary one."""
    for value in told:
        name = (word(value) or "").lower()[:_TIER_CHARS_MAX]
        known = next((tier for tier in _TIERS if tier in name), None)
        if known is not None:
            return known
        if name not in _ORDINARY:
            return name
    return None


def usage_of(value: Any, tier: Any = None, tools: Mapping[str, int] | None = None) -> Usage | None:
    """The ``usage`` object of an OpenAI or Anthropic answer; None where there is none.

    Args:
        tier: What the answer says of its price list beside it (``service_tier``).
        tools: How often tools ran at the provider, as far as the answer shows it.
    """
    if not isinstance(value, Mapping):
        return None
    read = _Reader()
    into = value.get("input_tokens_details") or value.get("prompt_tokens_details")
    out = value.get("output_tokens_details") or value.get("completion_tokens_details")
    made = value.get("cache_creation")
    long = read.n(made, "ephemeral_1h_input_tokens")
    apart = read.n(made, "ephemeral_5m_input_tokens") + long
    apart = max(apart, read.n(value, "cache_creation_input_tokens"))
    read_apart = read.n(value, "cache_read_input_tokens")
    kept = into.get("cache_write_tokens_details") if isinstance(into, Mapping) else None
    found = Usage(
        input_tokens=read.of(value, "input_tokens", "prompt_tokens"),
        output_tokens=read.of(value, "output_tokens", "completion_tokens"),
        cache_read_tokens=read_apart
        or read.n(into, "cached_tokens")
        or read.n(value, "cached_tokens", "prompt_cache_hit_tokens"),
        cache_write_tokens=apart or read.n(into, "cache_write_tokens"),
        cache_write_long_tokens=long or read.n(kept, "ttl_12h_tokens"),
        reasoning_tokens=read.n(out, "reasoning_tokens", "thinking_tokens"),
        audio_input_tokens=read.n(into, "audio_tokens"),
        audio_output_tokens=read.n(out, "audio_tokens"),
        image_input_tokens=read.n(into, "image_tokens"),
        image_output_tokens=read.n(out, "image_tokens"),
        tools=_tools(read, value.get("server_tool_use"), tools or {}),
        tier=tier_of(value.get("speed"), value.get("service_tier"), tier),
        cache_apart=bool(apart or read_apart),
        beside=tuple(_iterations(value.get("iterations"))),
    )
    return _sane(found, read, read.of(value, "total_tokens"))


def _tools(read: _Reader, told: Any, seen: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    found = dict(seen)
    if isinstance(told, Mapping):
        for name in told:
            if isinstance(name, str) and name.endswith("_requests"):
                tool = name.removesuffix("_requests")
                found[tool] = max(found.get(tool, 0), read.n(told, name))
    return tuple(sorted((name, times) for name, times in found.items() if times))


def _iterations(value: Any) -> Iterable[Beside]:
    for place, row in placed(value):
        if place < _BESIDE_MAX and row.get("type") in _BESIDE:
            usage = usage_of({k: v for k, v in row.items() if k != "iterations"})
            if usage is not None:
                yield Beside(str(row["type"]), word(row.get("model")), usage)


def pictures_made(told: Any, model: str | None) -> Beside | None:
    """What ``tool_usage.image_gen`` says that pictures cost (openai 3.57.0, ``ToolUsageImageGen``)."""
    usage = usage_of(told)
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return None
    cached = told.get("cached_tokens_details")
    read = _Reader()
    usage = usage._replace(
        image_output_tokens=usage.image_output_tokens or usage.output_tokens or 0,
        image_cache_read_tokens=read.n(cached, "cached_image_tokens"),
    )
    return Beside("image_generation", model or "gpt-image-1", usage)


def google_usage(value: Any, tools: Mapping[str, int] | None = None) -> Usage | None:
    """Gemini's ``usageMetadata``; what tools found was read, what was thought was generated."""
    if not isinstance(value, Mapping):
        return None
    read = _Reader()
    into, found = read.of(value, "promptTokenCount"), read.of(value, "toolUsePromptTokenCount")
    out = read.of(value, "candidatesTokenCount", "responseTokenCount")
    thought = read.of(value, "thoughtsTokenCount")
    details = (value.get("promptTokensDetails"), value.get("toolUsePromptTokensDetails"))
    said = value.get("candidatesTokensDetails") or value.get("responseTokensDetails")
    cached = value.get("cacheTokensDetails")
    usage = Usage(
        input_tokens=_plus(into, found),
        output_tokens=_plus(out, thought),
        cache_read_tokens=read.n(value, "cachedContentTokenCount"),
        reasoning_tokens=thought or 0,
        audio_input_tokens=sum(read.modality(d, "audio") for d in details),
        audio_output_tokens=read.modality(said, "audio"),
        audio_cache_read_tokens=read.modality(cached, "audio"),
        image_input_tokens=sum(read.modality(d, "image") for d in details),
        video_input_tokens=sum(read.modality(d, "video") for d in details),
        image_output_tokens=read.modality(said, "image"),
        image_cache_read_tokens=read.modality(cached, "image"),
        tools=_tools(read, None, tools or {}),
        tier=tier_of(value.get("serviceTier"), value.get("trafficType")),
    )
    return _sane(usage, read, read.of(value, "totalTokenCount"))


def interaction_usage(value: Any, tier: Any = None) -> Usage | None:
    """The ``usage`` of a Gemini interaction."""
    if not isinstance(value, Mapping):
        return None
    read = _Reader()
    into, found = read.of(value, "total_input_tokens"), read.of(value, "total_tool_use_tokens")
    out, thought = read.of(value, "total_output_tokens"), read.of(value, "total_thought_tokens")
    details = (value.get("input_tokens_by_modality"), value.get("tool_use_tokens_by_modality"))
    said, cached = value.get("output_tokens_by_modality"), value.get("cached_tokens_by_modality")
    grounded = {
        str(row.get("type")): read.n(row, "count")
        for _, row in placed(value.get("grounding_tool_count"))
    }
    usage = Usage(
        input_tokens=_plus(into, found),
        output_tokens=_plus(out, thought),
        cache_read_tokens=read.n(value, "total_cached_tokens"),
        reasoning_tokens=thought or 0,
        audio_input_tokens=sum(read.modality(d, "audio") for d in details),
        audio_output_tokens=read.modality(said, "audio"),
        audio_cache_read_tokens=read.modality(cached, "audio"),
        image_input_tokens=sum(read.modality(d, "image") for d in details),
        video_input_tokens=sum(read.modality(d, "video") for d in details),
        image_output_tokens=read.modality(said, "image"),
        image_cache_read_tokens=read.modality(cached, "image"),
        tools=_tools(read, None, grounded),
        tier=tier_of(tier),
    )
    return _sane(usage, read, read.of(value, "total_tokens"))


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


def _sane(usage: Usage, read: _Reader, total: int | None) -> Usage:
    """Counts that add up: each part inside what it is part of, the sides inside the total."""
    doubts = read.doubts
    into, out = usage.input_tokens, usage.output_tokens
    if total is not None:
        whole = usage.input_total
        if out is None and into is not None and total > whole:
            out = total - whole
            doubts[UsageDoubt.FROM_TOTAL] = None
        elif into is None and out is not None and total > out:
            into = total - out
            doubts[UsageDoubt.FROM_TOTAL] = None
        elif into is not None and out is not None and total > whole + out:
            rest = total - whole - out
            apart = rest == usage.reasoning_tokens
            doubts[UsageDoubt.REASONING_APART if apart else UsageDoubt.TOTAL_LARGER] = None
            out += rest
    if out is not None and usage.reasoning_tokens > out:
        out += usage.reasoning_tokens
        doubts[UsageDoubt.REASONING_APART] = None
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    if not usage.cache_apart and into is not None and cached > into:
        into = cached
        doubts[UsageDoubt.CACHED_BEYOND_INPUT] = None
    return usage._replace(
        input_tokens=None if into is None else min(into, _COUNT_MAX),
        output_tokens=None if out is None else min(out, _COUNT_MAX),
        doubts=tuple(doubts),
    )


_COUNTED: Final = tuple(
    name for name in Usage._fields if name.endswith("_tokens")
)  # fmt: skip


def later(known: Usage | None, now: Usage | None) -> Usage | None:
    """What is known once ``now`` was told too.

    A stream may tell nothing, tell once at its end, tell the same twice, or tell more and more;
    counts are of the whole answer each time, so the larger stands.
    """
    if known is None or now is None:
        return now if known is None else known
    doubts = dict.fromkeys((*known.doubts, *now.doubts))
    counts: dict[str, Any] = {}
    for name in _COUNTED:
        before, after = getattr(known, name), getattr(now, name)
        if before is None or after is None:
            counts[name] = after if before is None else before
            continue
        # Most of what the first event of a stream tells, its last one leaves out.
        if after < before and not (after == 0 and name not in Usage._fields[:2]):
            doubts[UsageDoubt.FELL] = None
        counts[name] = max(before, after)
    times = dict(known.tools)
    for tool, n in now.tools:
        times[tool] = max(n, times.get(tool, 0))
    return now._replace(
        **counts,
        tools=tuple(sorted(times.items())),
        tier=now.tier or known.tier,
        cache_apart=known.cache_apart or now.cache_apart,
        beside=now.beside or known.beside,
        doubts=tuple(doubts),
    )

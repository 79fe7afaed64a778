"""The output limit of a request: what it may come to, and set where the client set none.

Servers differ in what they make of a limit that is written oddly: some take ``"8"`` and ``8.0`` for
8, some heed the newer of two names and some the older. So of several limits the greatest counts, an
odd one is none at all, and a limit that the door sets takes the place of every one that is there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from firedoor.types.exchange import Surface
from firedoor.wire.edit import Edit, edit

_PATHS: Final[Mapping[Surface, tuple[str, ...]]] = {
    Surface.OPENAI_CHAT: ("max_completion_tokens", "max_tokens"),
    Surface.OPENAI_COMPLETIONS: ("max_tokens",),
    Surface.OPENAI_RESPONSES: ("max_output_tokens",),
    Surface.ANTHROPIC_MESSAGES: ("max_tokens",),
    Surface.GEMINI_GENERATE: (
        "generationConfig/maxOutputTokens", "generation_config/max_output_tokens",
        "generationConfig/max_output_tokens", "generation_config/maxOutputTokens",
    ),
    Surface.GEMINI_INTERACTIONS: ("generation_config/max_output_tokens",),
}  # fmt: skip
"""Where each surface has it; the first is set where none is there."""
_UNCAPPED: Final = frozenset({"responses.compact"})
"""Operations of these surfaces that write, and know no limit by any name (openai 2.x)."""
_COUNTING: Final = frozenset(
    {
        "responses.input_tokens.count",
        "messages.count_tokens",
        "models.count_tokens",
        "models.compute_tokens",
    }
)
_DIGITS_MAX: Final = 18
_CHOICES_END: Final = 1e18


def generates(surface: Surface) -> bool:
    """Whether calls of this surface have an output that a limit can bound."""
    return surface in _PATHS


def counts(operation: str) -> bool:
    """Whether an operation only counts tokens: no model reads them, and nobody bills them."""
    return operation in _COUNTING


def takes_cap(operation: str) -> bool:
    """Whether an operation of a surface that generates knows its output limit."""
    return operation not in _UNCAPPED


def output_limit(surface: Surface, fields: Mapping[str, Any]) -> int | None:
    """The output limit that a request sets for each choice; None where it sets none, or an odd one.

    Args:
        fields: The top-level fields of the request, as parsed.
    """
    given = [value for _, value in _given(surface, fields) if value is not None]
    counts = [v for v in given if isinstance(v, int) and not isinstance(v, bool) and v >= 0]
    return max(counts) if counts and len(counts) == len(given) else None


def choices(value: Any) -> int:
    """How many choices a request asks for at most, where this stands in it; at least one.

    Written as text or as a fraction it counts as well: some servers read it so.
    """
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= _DIGITS_MAX:
        value = int(value)
    if isinstance(value, float):
        # Rounded up: nobody gives half a choice. What JSON writes as 1e999 is no number to Python.
        value = -int(-min(value, _CHOICES_END) // 1) if value > 1 else 1
    return max(1, value) if isinstance(value, int) else 1


def with_output_cap(surface: Surface, body: bytes, fields: Mapping[str, Any], cap: int) -> bytes:
    """``body`` with its output limit at ``cap`` tokens for each choice; every other byte stays.

    Args:
        fields: The top-level fields of ``body``, as parsed.
    """
    there = [Edit("/" + path, None, str(cap)) for path, _ in _given(surface, fields)]
    return edit(body, there or _set(_PATHS[surface], fields, cap))


def _given(surface: Surface, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """(path, value) of every limit that a request has, null among them."""
    for path in _PATHS.get(surface, ()):
        name, _, member = path.partition("/")
        within = fields if not member else fields.get(name)
        if isinstance(within, dict) and (member or name) in within:
            yield path, within[member or name]


def _set(paths: tuple[str, ...], fields: Mapping[str, Any], cap: int) -> list[Edit]:
    """What sets a limit where there is none: in each configuration that is there, if one is."""
    spelled = {name: member for name, _, member in (p.partition("/") for p in reversed(paths))}
    there = [name for name in spelled if name in fields]
    if not there:
        name, _, member = paths[0].partition("/")
        value = f'{{"{member}":{cap}}}' if member else str(cap)
        return [Edit("", None, more=f'"{name}":{value}')]
    return [
        Edit("/" + name, None, more=f'"{spelled[name]}":{cap}')
        if isinstance(fields[name], dict)
        else Edit("/" + name, None, f'{{"{spelled[name]}":{cap}}}')
        for name in there
    ]

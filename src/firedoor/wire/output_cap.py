"""The output limit of a request: set where the client set none, every other byte as it was."""

from collections.abc import Mapping
from typing import Final

from firedoor.types.exchange import Surface
from firedoor.wire.answers import dumps
from firedoor.wire.edit import Edit, edit

_CHAT: Final = ("max_completion_tokens", "max_tokens")
_PATHS: Final[Mapping[Surface, tuple[str, ...]]] = {
    Surface.OPENAI_CHAT: _CHAT,
    Surface.OPENAI_COMPLETIONS: ("max_tokens",),
    Surface.OPENAI_RESPONSES: ("max_output_tokens",),
    Surface.ANTHROPIC_MESSAGES: ("max_tokens",),
    Surface.GEMINI_GENERATE: ("generationConfig/maxOutputTokens",
                              "generation_config/max_output_tokens"),
    Surface.GEMINI_INTERACTIONS: ("generation_config/max_output_tokens",),
}  # fmt: skip
"""Where each surface has it; the first is set where none is there."""


def generates(surface: Surface) -> bool:
    """Whether a call of this surface has an output that a limit can bound."""
    return surface in _PATHS


def with_output_cap(surface: Surface, body: bytes, fields: Mapping[str, object], cap: int) -> bytes:
    """``body`` with its output limit at ``cap`` tokens for each choice.

    Args:
        fields: The top-level fields of ``body``, as parsed.
    """
    paths = _PATHS[surface]
    for path in paths:
        name, _, member = path.partition("/")
        if name not in fields:
            continue
        given = fields[name]
        if not member:
            return edit(body, [Edit("/" + name, None, str(cap))])
        if isinstance(given, dict):
            spelled = next(
                (p.partition("/")[2] for p in paths if p.partition("/")[2] in given), member
            )
            return edit(body, [Edit("/" + name, None, dumps({**given, spelled: cap}))])
    name, _, member = paths[0].partition("/")
    value = dumps({member: cap}) if member else str(cap)
    whole = body.rstrip()
    comma = "" if whole[:-1].strip() == b"{" else ","
    added = f'{comma}"{name}":{value}}}'.encode()
    return whole[:-1] + added + body[len(whole) :]

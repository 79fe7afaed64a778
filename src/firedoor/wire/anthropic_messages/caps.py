"""Anthropic messages: where a limit of output stands, and what has to stay below it."""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.answers import placed
from firedoor.wire.caps import Caps, lowered
from firedoor.wire.edit import Edit

THINKING_LEAST: Final = 1_024
"""A smaller ``budget_tokens`` is refused (anthropic 2.13.0, ``ThinkingConfigEnabledParam``)."""


def _thinking(value: Any, pointer: str, cap: int) -> list[Edit]:
    """The edit that brings thinking below a limit, which it is part of; off where it does not fit."""
    budget = value.get("budget_tokens") if isinstance(value, dict) else None
    if not isinstance(budget, int | float) or budget < cap:
        return []
    if cap > THINKING_LEAST:
        return [Edit(f"{pointer}/budget_tokens", None, str(cap - 1))]
    return [Edit(pointer, None, '{"type":"disabled"}')]


def _below(fields: Mapping[str, Any], cap: int) -> list[Edit]:
    """What else is lower than ``cap`` tokens: thinking, and what models that take over may write."""
    edits = _thinking(fields.get("thinking"), "/thinking", cap) if _is_over(fields, cap) else []
    for i, model in placed(fields.get("fallbacks")):
        at = f"/fallbacks/{i}"
        edits += lowered(model.get("max_tokens"), f"{at}/max_tokens", cap)
        if _is_over({"max_tokens": fields.get("max_tokens"), **model}, cap):
            edits += _thinking(model.get("thinking"), f"{at}/thinking", cap)
    return edits


def _is_over(fields: Mapping[str, Any], cap: int) -> bool:
    """Whether a limit is lowered. Thinking between calls may pass one that is not."""
    asked = fields.get("max_tokens")
    return not (isinstance(asked, int) and 0 <= asked <= cap)


CAPS: Final = Caps(
    (("max_tokens",),),
    lambda fields: ("max_tokens",),
    also=_below,
    # Fills the prompt cache, and answers nothing.
    zero=True,
)

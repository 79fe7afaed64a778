"""Completions, the older shape: a whole answer."""

from typing import Any

from firedoor.types.part import Answer, OutputKind, OutputPart
from firedoor.wire.answers import UNREADABLE, error_of, loads, placed, word
from firedoor.wire.counts import usage_of


def answer_of(value: dict[str, Any]) -> Answer:
    """The answer that a completion object is. With ``echo`` its texts begin with the prompts."""
    choices = list(placed(value.get("choices")))
    texts = ((i, choice.get("text")) for i, choice in choices)
    return Answer(
        output=tuple(
            OutputPart(f"/choices/{i}/text", text, OutputKind.TEXT)
            for i, text in texts
            if isinstance(text, str) and text
        ),
        usage=usage_of(value.get("usage")),
        model=word(value.get("model")),
        id=word(value.get("id")),
        finish=tuple(r for _, c in choices if isinstance(r := c.get("finish_reason"), str)),
        error=error_of(value),
    )


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    return UNREADABLE if value is None else answer_of(value)

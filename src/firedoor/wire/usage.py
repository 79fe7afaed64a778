"""Usage of a stream whose client did not ask for it: the door asks, and keeps the answer to itself.

Chat completions tell what a stream cost only where ``stream_options.include_usage`` says so, in a
chunk of its own that has no choices (WIRE §3).
"""

from collections.abc import Mapping
from typing import Any, Final

from firedoor.wire.answers import dumps
from firedoor.wire.edit import Edit, edit

OPTIONS: Final = "stream_options"
POINTER: Final = "/stream_options/include_usage"


def asking_usage(body: bytes, fields: Mapping[str, object]) -> bytes:
    """``body`` with the option set; every other byte stays.

    Args:
        fields: The top-level fields of ``body``, as parsed.
    """
    if OPTIONS in fields:
        given = fields[OPTIONS]
        options = {**(given if isinstance(given, dict) else {}), "include_usage": True}
        return edit(body, [Edit("/" + OPTIONS, None, dumps(options))])
    return edit(body, [Edit("", None, more=f'"{OPTIONS}":{{"include_usage":true}}')])


def is_usage_alone(value: Mapping[str, Any]) -> bool:
    """Whether an event of a stream says nothing but what the answer cost."""
    return bool(value.get("usage")) and not value.get("choices")

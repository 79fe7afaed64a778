"""What a row about an operation's body is."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Body(NamedTuple):
    """The shape of one operation's body."""

    fields: Mapping[str, Any]
    items: str | None = None
    """The member that holds items of a conversation."""

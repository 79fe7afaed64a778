"""What a row about an operation's body is."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Body(NamedTuple):
    """The shape of one operation's body."""

    fields: Mapping[str, Any]
    items: str | None = None
    """The member that holds items of a conversation."""

    @property
    def takes_form(self) -> bool:
        """Whether some field may be a file, so that the body may be a form."""
        return any(_may_be_file(shape) for shape in self.fields.values())


def _may_be_file(shape: Any) -> bool:
    if isinstance(shape, list | tuple):
        return any(_may_be_file(inner) for inner in shape)
    return bool(shape == "file")

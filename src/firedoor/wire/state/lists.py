"""Lists of everything that a credential owns: whose each element is, and the list with fewer."""

from collections.abc import Collection
from typing import Any, Final, NamedTuple

from firedoor.wire.answers import loads
from firedoor.wire.edit import Edit, edit

# Gemini names the list by what is in it; the others call it data.
_MEMBERS: Final = (
    "data", "batches", "cachedContents", "fileSearchStores", "files", "interactions", "operations",
)  # fmt: skip


class Listing(NamedTuple):
    """The elements of a list, by their ids."""

    member: str
    """The member that holds them."""
    ids: tuple[str | None, ...]
    """The id of each; None for one that has none, and is nobody's."""


def _id(element: Any) -> str | None:
    found = element.get("id", element.get("name")) if isinstance(element, dict) else None
    return found if isinstance(found, str) and found else None


def listing(body: bytes) -> Listing | None:
    """What a list holds; None where it cannot be told, and so cannot be filtered."""
    value = loads(body)
    if value is None:
        return None
    lists = [name for name, item in value.items() if isinstance(item, list)]
    if not lists:
        return Listing("", ())
    if len(lists) > 1 or lists[0] not in _MEMBERS:
        return None
    return Listing(lists[0], tuple(_id(element) for element in value[lists[0]]))


def filtered(body: bytes, found: Listing, kept: Collection[int]) -> bytes:
    """The list with those elements only. Every other byte stays but ``first_id`` and ``last_id``."""
    edits = [
        Edit(f"/{found.member}/{i}", None) for i in range(len(found.ids)) if i not in kept
    ]  # fmt: skip
    if not edits:
        return body
    ends = sorted(kept)
    value = loads(body) or {}
    for name, at in (("first_id", 0), ("last_id", -1)):
        if isinstance(value.get(name), str):
            end = found.ids[ends[at]] if ends else None
            edits.append(Edit(f"/{name}", end) if end else Edit(f"/{name}", None, "null"))
    return edit(body, edits)

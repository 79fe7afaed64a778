"""A provider's own key, in the place where that provider looks for it."""

from typing import Final

from firedoor.types.exchange import Headers

_PLACES: Final = {"anthropic": b"x-api-key", "gemini": b"x-goog-api-key"}


def credential(upstream: str, key: str) -> Headers:
    """The header that an upstream reads its key from, with the key."""
    place = _PLACES.get(upstream)
    if place is not None:
        return ((place, key.encode("latin-1")),)
    return ((b"authorization", b"Bearer " + key.encode("latin-1")),)

"""Absolute URLs in answers: an SDK that follows one would go past a sidecar."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from firedoor.wire.answers import loads
from firedoor.wire.edit import Edit, edit
from firedoor.wire.shape import escape

_MEMBERS: Final = ("url", "uri")
"""How members end that hold a URL. Texts may name one too, and are left alone."""
GEMINI_MEMBERS: Final = ("downloadUri", "url")
"""There the ``uri`` of a file is its name, which goes back to the provider as it is."""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def origin(url: str) -> tuple[str, str | None, int | None] | None:
    """Scheme, host and port of a URL; None where it is none."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None


def led_through(url: str, upstream: str, door: str) -> str:
    """A URL of the provider's, leading to ``door`` instead."""
    base = urlsplit(upstream).path.rstrip("/").removesuffix("/v1")
    parts = urlsplit(url)
    path = parts.path.removeprefix(base) if parts.path.startswith(base + "/") else parts.path
    return door + path + (f"?{parts.query}" if parts.query else "")


def through_door(
    body: bytes, upstream: str, door: str, *, names: tuple[str, ...] = _MEMBERS
) -> bytes:
    """``body`` with the provider's own URLs leading to ``door``; every other byte as it was.

    Args:
        upstream: Base URL of the provider. URLs of any other host stay.
        door: Where the client reached the door, without a slash at the end.
        names: How members end that hold such URLs.
    """
    if b"://" not in body.replace(b"\\/", b"/"):
        return body
    value = loads(body)
    home = origin(upstream)
    edits = [
        Edit(pointer, led_through(url, upstream, door))
        for pointer, url in _urls(value, "", names)
        if origin(url) == home
    ]
    return edit(body, edits) if edits else body


def _urls(value: Any, pointer: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    stack = [(pointer, value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, dict):
            for name, inner in item.items():
                below = f"{at}/{escape(name)}"
                if not isinstance(inner, str):
                    stack.append((below, inner))
                elif name.endswith(names) and "://" in inner:
                    yield below, inner
        elif isinstance(item, list):
            stack.extend((f"{at}/{i}", inner) for i, inner in enumerate(item))

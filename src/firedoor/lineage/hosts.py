"""Whether a host is one of those that an instance may reach.

A host is compared in the one form that all its spellings have (`urls`): case, a last dot, punycode, a
default port, a user's name before it and the ways to write an IPv4 address say nothing of where it
leads. What cannot be brought to that form is not allowed.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Final, NamedTuple

from firedoor.lineage.urls import url_of

_HOST_CHARS_MAX: Final = 300
_PORT: Final = re.compile(r":(\d{1,5})$")
_STAR: Final = "x-any-label-x"
"""Stands for a star while a pattern is brought to its form: no character of it is changed by that."""


class _Pattern(NamedTuple):
    labels: tuple[str, ...]
    port: str
    """Empty for any."""


def normal_host(text: str) -> str | None:
    """A host, with its port unless that is 443 or 80, in the form in which hosts are compared.

    >>> normal_host("user@EVIL.Example.:443"), normal_host("0x7f.1"), normal_host("//a.b/c")
    ('evil.example', '127.0.0.1', 'a.b')
    """
    if len(text) > _HOST_CHARS_MAX:
        return None
    bare = text.strip()
    found = url_of(bare if "://" in bare else "//" + bare.lstrip("/"))
    return found.host.removesuffix(":80") if found is not None else None


def host_allowed(host: str, patterns: Iterable[str]) -> bool:
    """Whether one of ``patterns`` names ``host``.

    ``*.corp.example`` names every host below ``corp.example``, not that one itself, and no address in
    numbers; a star inside a label stands for characters of that label (``api-*.corp.example``); ``*``
    alone for everything. A pattern with a port names that port, one without names all.
    """
    normal = normal_host(host)
    if normal is None:
        return False
    name, port = _parted(normal)
    numbers = name.startswith("[") or name.rpartition(".")[2].isdigit()
    labels = (name,) if numbers else tuple(name.split("."))
    return any(
        _fits(pattern, labels, port or "443", numbers=numbers)
        for text in patterns
        if (pattern := _pattern(text)) is not None
    )


def _parted(host: str) -> tuple[str, str]:
    found = _PORT.search(host)
    return (host[: found.start()], found[1]) if found is not None else (host, "")


@lru_cache(maxsize=1_024)
def _pattern(text: str) -> _Pattern | None:
    """A pattern taken apart; None for one that names nothing."""
    if text.strip() == "*":
        return _Pattern(("*",), "")
    given = _PORT.search(text.strip())
    normal = normal_host(text.replace("*", _STAR))
    if normal is None:
        return None
    name, _ = _parted(normal)
    name = name.replace(_STAR, "*")
    whole = name.startswith("[") or name.rpartition(".")[2].isdigit()
    labels = (name,) if whole else tuple(name.split("."))
    if labels == ("*",):
        return None
    return _Pattern(labels, given[1].lstrip("0") if given is not None else "")


def _fits(pattern: _Pattern, labels: tuple[str, ...], port: str, *, numbers: bool) -> bool:
    if pattern.port and pattern.port != port and not (pattern.port == "80" and port == "443"):
        return False
    wanted = pattern.labels
    if wanted == ("*",):
        return True
    if numbers or len(wanted) == 1:
        return (
            labels == wanted if numbers else len(labels) == 1 and fnmatchcase(labels[0], wanted[0])
        )
    if wanted[0] == "*":
        # One label or more, in place of the star.
        below = len(labels) - len(wanted) + 1
        if below < 1:
            return False
        labels, wanted = labels[below:], wanted[1:]
    return len(labels) == len(wanted) and all(map(fnmatchcase, labels, wanted))

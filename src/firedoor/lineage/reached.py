"""Which hosts, addresses and files the arguments of a tool call name: what a limit on egress asks.

Everything that is named counts, common or not; `touches` keeps what is rare. A host may stand in an
address of any scheme, in an argument that is for one, in a shell command, or coded. What a program
puts together while it runs is not seen; where that shows, the answer says so.
"""

import re
from posixpath import normpath
from typing import Final, NamedTuple

from firedoor.lineage.coded import plain_in
from firedoor.lineage.commands import hosts_in
from firedoor.lineage.hosts import normal_host
from firedoor.lineage.touches import (
    ARGUMENT_CHARS_MAX,
    FILE_ARGUMENTS,
    PATH,
    URL_ARGUMENTS,
    argument_strings,
)
from firedoor.lineage.urls import URL_CHARS_MAX, decoded, url_of, urls_in

REACHED_MAX: Final = 256
"""Of each kind; beyond, the answer is not complete."""
_ANY: Final = re.compile(
    r"(?<![\w+.-])(?:[a-z][a-z0-9+.-]{1,15}(?:\[:\]|:)(?://|\\/\\/|\\\\)|(?:https?|wss?|hxxps?):[\\/]{0,3})"
    r"[^\s\"'<>`{}|^\x00-\x20\x7f]{1,8192}",
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}:(?=[\\/])|(?:https?|wss?|hxxps?):)[\\/]{0,8}", re.IGNORECASE
)
_NO_HOST: Final = ("data:", "mailto:", "javascript:", "about:", "blob:", "urn:")
_FILE: Final = re.compile(r"file:/{1,3}", re.IGNORECASE)


class Reached(NamedTuple):
    """What a call would reach."""

    hosts: tuple[str, ...] = ()
    """In the form in which hosts are compared, with a port that is not the scheme's own."""
    urls: tuple[str, ...] = ()
    """Without scheme, user and fragment: host, path, query."""
    paths: tuple[str, ...] = ()
    """Of files: slashes, no ``.`` and no ``..`` inside."""
    complete: bool = True
    """False where not all was looked at, or where a command reaches a host that cannot be seen."""


class _Found:
    def __init__(self) -> None:
        self.hosts: dict[str, None] = {}
        self.urls: dict[str, None] = {}
        self.paths: dict[str, None] = {}
        self.complete = True

    def add(self, to: dict[str, None], thing: str) -> None:
        if len(to) < REACHED_MAX:
            to[thing] = None
        elif thing not in to:
            self.complete = False

    def url(self, text: str) -> bool:
        """One address; gives whether it names a host."""
        if text.lower().startswith(_NO_HOST):
            return False
        file = _FILE.match(text)
        if file is not None:
            host, slash, path = text[file.end() :].partition("/")
            if file[0].count("/") != 2 or not host:
                self.path((slash if file[0].count("/") == 2 else "/") + text[file.end() :])
                return False
            self.path(slash + path)
        scheme = _SCHEME.match(text)
        bare = text[scheme.end() :] if scheme is not None else text.lstrip("/\\")
        head = scheme[0].rstrip("/\\").rstrip(":") + "://" if scheme is not None else "//"
        # A backslash ends a host for browsers, and is part of a user's name for others.
        for spelled in (
            {bare, bare.replace("\\/", "/").replace("\\", "%5C")} if "\\" in bare else {bare}
        ):
            found = url_of(head + spelled)
            if found is not None:
                self.add(self.hosts, found.host)
                self.add(self.urls, found.thing)
        return url_of(head + bare) is not None

    def host(self, word: str) -> None:
        """A word of a command that names a host."""
        if "://" in word or _ANY.match(word) is not None:
            self.url(word)
            return
        name = normal_host(word)
        if name is not None:
            self.add(self.hosts, name)

    def path(self, text: str) -> None:
        text = text.strip()
        if not text or len(text) > 4_096 or "\n" in text or "://" in text:
            return
        if text.startswith(("\\\\", "//")) and not text.startswith("///"):
            # A share: the first step is a host.
            self.url("//" + text.lstrip("\\/").replace("\\", "/"))
        self.add(self.paths, normpath(decoded(text.replace("\\", "/"))))


def reached(arguments: str, affordances: tuple[str, ...] = ()) -> Reached:
    """What a call with these arguments names outside.

    Args:
        arguments: JSON text, or the free text of a tool that takes one.
        affordances: Of the tool. One that computes runs what it is given: its texts are read as
            commands too; a text that is nothing but a host counts for one that has ``network``.
    """
    found = _Found()
    found.complete = len(arguments) <= ARGUMENT_CHARS_MAX
    runs = "compute" in affordances
    for member, text in argument_strings(arguments[:ARGUMENT_CHARS_MAX], found):
        _leaf(member.lower(), text, found, runs=runs, network=runs or "network" in affordances)
    return Reached(
        tuple(sorted(found.hosts)),
        tuple(sorted(found.urls)),
        tuple(sorted(found.paths)),
        found.complete,
    )


def _leaf(name: str, text: str, found: _Found, *, runs: bool, network: bool) -> None:
    whole = text.strip()
    single = bool(whole) and not any(c.isspace() for c in whole) and len(whole) < URL_CHARS_MAX
    for match in _ANY.finditer(text):
        found.url(match[0])
    if single and "://" not in whole and (name in URL_ARGUMENTS or whole.startswith("//")):
        found.url(whole)
    elif single and network and any(url.host for url in urls_in(whole, bare=True)):
        bare = next(urls_in(whole, bare=True))
        if whole.lower().startswith(bare.host.partition(":")[0]):
            found.url(whole)
    if name in FILE_ARGUMENTS:
        found.path(whole)
    elif runs:
        commanded = hosts_in(text)
        for word in commanded.hosts:
            found.host(word)
        found.complete = found.complete and not commanded.open
        for match in PATH.finditer(text):
            found.path(match[0])
    for inner in plain_in(text):
        for match in _ANY.finditer(inner):
            found.url(match[0])

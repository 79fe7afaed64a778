"""Which outside things a tool call touches, and how much it tells the outside by touching them.

Two instances that share no channel can still meet at a third place: one leaves a word there, or only
asks for it, and the other finds it. What gives the place away is its name: a URL, a host, a query, a
file, a package, a rare string. Names are compared in normal form and kept as keyed digests. Where
the same rare name comes up in two rooms, ``convergence`` says so; it is a suspicion, and no label.

Cost: nothing without a tool call; a call whose arguments hold no hint of a name is looked through
once. Every number of things here is bounded, since a model writes what is read.
"""

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple, Protocol

from firedoor.lineage.coded import LAYERS_MAX, plain_in
from firedoor.lineage.egress import Egress, egress_to
from firedoor.lineage.packages import packages_in
from firedoor.lineage.rarity import (
    COMMON_FILES,
    EXAMPLE_HOSTS,
    SYSTEM_ROOTS,
    is_common_host,
    is_common_package,
    is_rare,
)
from firedoor.lineage.urls import Url, decoded, url_of, urls_in

ARGUMENT_CHARS_MAX: Final = 1 << 20
"""Longer arguments are looked at up to here, and their egress says that it is cut."""
TOUCHES_MAX: Final = 64
"""Things kept of one tool call; the first ones."""
_LEAVES_MAX: Final = 2_048
_NESTED_MAX: Final = 32
_URLS_MAX: Final = 256
_QUOTES_MAX: Final = 16
_QUOTED_LEAF_CHARS_MAX: Final = 4_096
"""A longer argument is a text that is written, and every quotation in it would be a thing."""
_HOSTS_SHOWN_MAX: Final = 16


class Kind(StrEnum):
    """What kind of outside thing."""

    URL = "url"
    HOST = "host"
    QUERY = "query"
    SEARCH = "search"
    FILE = "file"
    PACKAGE = "package"
    STRING = "string"
    """A rare word: a cache key, the name of a directory, a value of a query, what stood in quotes."""


class Touch(NamedTuple):
    """One outside thing."""

    kind: Kind
    thing: str
    """In normal form."""

    @property
    def name(self) -> str:
        """What is digested: things of two kinds are two things."""
        return f"touch\x1f{self.kind}\x1f{self.thing}"


class Touched(NamedTuple):
    """What one tool call does to the outside."""

    touches: tuple[Touch, ...] = ()
    egress: tuple[Egress, ...] = ()
    complete: bool = True
    """Whether all of the arguments was looked at."""

    def shown(self) -> dict[str, Any]:
        """As ``explain`` shows it: ``tools[].egress``."""
        hosts = [e.host for e in self.egress if e.host]
        told: dict[str, Any] = {
            "hosts": hosts[:_HOSTS_SHOWN_MAX],
            "bytes": sum(e.bytes for e in self.egress),
            "bits": sum(e.bits for e in self.egress),
        }
        return told if self.complete else {**told, "cut": True}


NOTHING: Final = Touched()

# -- what a call names ---------------------------------------------------------------------------

URL_ARGUMENTS: Final = frozenset(
    ["url", "urls", "uri", "link", "href", "host", "hostname", "domain", "endpoint", "address",
     "website", "site", "base_url", "allowed_domains"]
)  # fmt: skip
_SEARCH_ARGUMENTS: Final = frozenset(
    ["query", "queries", "q", "search", "search_query", "search_term", "keywords", "objective"]
)
FILE_ARGUMENTS: Final = frozenset(
    ["path", "paths", "file_path", "filepath", "filename", "file", "files", "target_file",
     "notebook_path", "old_path", "new_path", "source", "destination"]
)  # fmt: skip
_NAME_ARGUMENTS: Final = frozenset(
    ["key", "keys", "cache_key", "cachekey", "prompt_cache_key", "directory", "dir", "dirname",
     "folder", "prefix", "namespace", "bucket", "topic", "room", "tag", "branch", "session"]
)  # fmt: skip
"""What names a place rather than fills it: whoever only reads still says these."""
_COMMAND_ARGUMENTS: Final = frozenset(["command", "cmd", "commands", "script", "input"])
_PACKAGE_ARGUMENTS: Final = frozenset(
    ["package", "packages", "package_name", "dependency", "dependencies"]
)
_NAMED: Final = (
    URL_ARGUMENTS | _SEARCH_ARGUMENTS | FILE_ARGUMENTS | _NAME_ARGUMENTS | _PACKAGE_ARGUMENTS
)
_SEARCH_PARAMETERS: Final = frozenset(["q", "query", "search", "p", "text", "wd"])

_ASKS: Final = re.compile(r"\b(?:curl|wget|dig|nslookup|host|ping|nc|ncat|telnet|ssh|httpie)\b")
_MADE: Final = re.compile(
    r"(?<![\w./-])(?:mkdir|rmdir|touch|stat|ls|cd|test)[ \t]{1,4}(?:-{1,2}\w{1,16}[ \t]{1,4}){0,4}"
    r"([^\s;&|<>`\"'$()]{1,512})"
)
PATH: Final = re.compile(
    r"(?<![\w:/.@%-])(?:~|\.{1,2})?/?[\w.@+-]{1,128}(?:/[\w.@+-]{1,128}){1,16}/?"
)
_QUOTED: Final = re.compile(
    r"\"([^\"\n]{8,256})\"|'([^'\n]{8,256})'|`([^`\n]{8,256})`|“([^”\n]{8,256})”|«([^»\n]{8,256})»"
)
_HINT: Final = re.compile(
    r"[/\\%'`“«]|install|\badd |\bget |npx|uvx|curl|wget|dig |nslookup|ping |[\w+-]{20}|\"(?:"
    + "|".join(sorted(_NAMED))
    + r")\"",
    re.IGNORECASE,
)
"""Without any of these, there is no name of anything in the arguments."""


class Bounded(Protocol):
    """What is told when something was left out."""

    complete: bool


class _Found:
    """What has been found so far, each thing once, up to the bounds."""

    def __init__(self) -> None:
        self.touches: dict[Touch, None] = {}
        self.said: dict[str, list[str]] = {}
        self.complete = True

    def touch(self, kind: Kind, thing: str) -> None:
        if thing and len(self.touches) < TOUCHES_MAX:
            self.touches[Touch(kind, thing[: 1 << 13])] = None

    def word(self, text: str) -> None:
        """A rare word, compared without case and in composed form."""
        word = decoded(text.strip())
        if "://" not in word and is_rare(word):
            self.touch(Kind.STRING, unicodedata.normalize("NFKC", word).casefold())

    def say(self, host: str, text: str) -> None:
        """What goes to a host; one that is asked for nothing but itself was asked all the same."""
        if host or text:
            self.said.setdefault(host, []).append(text)


@dataclass(frozen=True, slots=True)
class Outside:
    """What a deployment takes for common, and so for nobody's meeting place."""

    common: tuple[str, ...] = ()
    """Globs of hosts of the operator's own: nothing there is rare."""

    def touched(self, tool: str, arguments: str, affordances: tuple[str, ...] = ()) -> Touched:
        """What a call of ``tool`` touches and tells.

        ``arguments`` is JSON text, or the free text of a tool that takes one. Malformed arguments are
        read as a text.
        """
        network = "network" in affordances
        if not network and _HINT.search(arguments, 0, ARGUMENT_CHARS_MAX) is None:
            return NOTHING
        found = _Found()
        cut = arguments[:ARGUMENT_CHARS_MAX]
        if len(cut) < len(arguments):
            found.complete = False
        # A tool of the network that runs nothing tells the outside whatever it is given; of one that
        # runs commands, only what they name.
        sends = network and "compute" not in affordances
        told = []
        for member, text in argument_strings(cut, found):
            name = member.lower()
            runs = network or "compute" in affordances or name in _COMMAND_ARGUMENTS
            hosts = self._leaf(name, text, found, runs=runs)
            if sends and not hosts:
                told.append(text)
            elif name in _NAME_ARGUMENTS and not hosts:
                found.say("", text)
        if told:
            where = next(iter(found.said)) if len(found.said) == 1 else ""
            for text in told:
                found.say(where, text)
        return _summed(found)

    def asked(self, text: str) -> Touched:
        """What a tool that runs at the provider is asked for: one query or URL a line."""
        found = _Found()
        if len(text) > ARGUMENT_CHARS_MAX:
            found.complete = False
        for line in text[:ARGUMENT_CHARS_MAX].splitlines()[:_LEAVES_MAX]:
            if not self._leaf("query", line, found, runs=False):
                found.say("", line)
        return _summed(found)

    def _leaf(self, name: str, text: str, found: _Found, *, runs: bool) -> bool:
        """One string of the arguments; gives whether it named a host."""
        named = name in _NAMED
        hosts = False
        bare = runs and _ASKS.search(text) is not None
        if "://" in text or ":\\/\\/" in text or "[:]//" in text or bare:
            for n, url in enumerate(urls_in(text, bare=bare)):
                if n >= _URLS_MAX:
                    found.complete = False
                    break
                hosts = True
                found.say(url.host, url.said)
                self._url(url, found)
        elif name in URL_ARGUMENTS and "." in text and len(text) < 4_096:
            whole = url_of(text.strip())
            if whole is not None and " " not in text.strip():
                hosts = True
                found.say(whole.host, whole.said)
                self._url(whole, found)
        if named and not hosts:
            self._named(name, text, found)
        elif runs:
            for match in _MADE.finditer(text):
                if is_rare(match[1].rpartition("/")[2]):
                    found.say("", match[1])
        for package in packages_in(text) if len(text) <= _QUOTED_LEAF_CHARS_MAX else ():
            if not is_common_package(package):
                found.touch(Kind.PACKAGE, package)
        if not named and len(text) <= _QUOTED_LEAF_CHARS_MAX:
            if "/" in text:
                for match in PATH.finditer(text):
                    _file(match[0], found)
            _quotations(text, found, phrases=False)
        for inner in plain_in(text):
            for url in urls_in(inner):
                self._url(url, found)
            found.word(inner)
        return hosts

    def _named(self, name: str, text: str, found: _Found) -> None:
        if name in _SEARCH_ARGUMENTS:
            _search(text, found)
        elif name in FILE_ARGUMENTS:
            _file(text.strip(), found)
        elif name in _PACKAGE_ARGUMENTS:
            for word in text.split()[:16]:
                if not is_common_package(":" + word.lower()):
                    for package in packages_in(f"pip install {word}"):
                        found.touch(Kind.PACKAGE, package)
        elif name in _NAME_ARGUMENTS:
            found.word(text)
            if "/" in text:
                for step in text.split("/")[:32]:
                    found.word(step)

    def _url(self, url: Url, found: _Found, depth: int = 0) -> None:
        host = url.host
        bare = host.rpartition(":")[0] if host[-1].isdigit() and ":" in host else host
        if any(fnmatchcase(bare, glob) or fnmatchcase(host, glob) for glob in self.common):
            return
        common = is_common_host(bare)
        if not common and bare not in EXAMPLE_HOSTS:
            found.touch(Kind.HOST, host)
        steps = url.path.split("/")[1:33]
        words = [*steps, *(value for _, value in url.query), *(key for key, _ in url.query)]
        if (url.path or url.query) and (not common or any(map(is_rare, words))):
            found.touch(Kind.URL, url.thing)
        if len(url.query_text) >= 16 and any(is_rare(value) for _, value in url.query):
            found.touch(Kind.QUERY, url.query_text)
        for key, value in url.query:
            if key.lower() in _SEARCH_PARAMETERS and " " in value:
                _search(value, found)
        for word in words:
            found.word(word)
            if depth < LAYERS_MAX and len(word) >= 12:
                if "://" in word:
                    for inner in urls_in(word):
                        self._url(inner, found, depth + 1)
                for text in plain_in(word):
                    found.word(text)
                    for inner in urls_in(text):
                        self._url(inner, found, depth + 1)


def argument_strings(arguments: str, found: Bounded) -> Iterator[tuple[str, str]]:
    """(name of the nearest member, string), for each string of the arguments."""
    value: Any = arguments
    if arguments[:1] in ("{", "[", " ", "\t", "\r", "\n"):
        try:
            value = json.loads(arguments)
        except (ValueError, RecursionError):
            value = arguments
    if isinstance(value, dict) and all(type(v) is str for v in value.values()):
        # As nearly all calls are.
        for n, (name, text) in enumerate(value.items()):
            if n >= _LEAVES_MAX:
                found.complete = False
                return
            yield name, text
        return
    stack = [("", value, 0)]
    seen = 0
    while stack:
        name, value, depth = stack.pop()
        if isinstance(value, str):
            seen += 1
            if seen > _LEAVES_MAX:
                found.complete = False
                return
            yield name, value
        elif isinstance(value, dict | list):
            if depth >= _NESTED_MAX or len(stack) > 4 * _LEAVES_MAX:
                found.complete = False
            elif isinstance(value, list):
                stack.extend((name, item, depth + 1) for item in reversed(value[:_LEAVES_MAX]))
                found.complete = found.complete and len(value) <= _LEAVES_MAX
            else:
                rows = list(value.items())[:_LEAVES_MAX]
                # A member's name is as good a place for a word as its value.
                stack.extend((key, item, depth + 1) for key, item in reversed(rows))
                found.complete = found.complete and len(value) <= _LEAVES_MAX


def _file(path: str, found: _Found) -> None:
    """A path, if it is no file that everybody has; and the rare names of its directories."""
    if not path or len(path) > 4_096 or "\n" in path or "://" in path:
        return
    path = decoded(path.replace("\\", "/"))
    steps = [step for step in path.split("/") if step not in ("", ".")]
    if not steps or len(steps) > 64:
        return
    rare = [step for step in steps if is_rare(step) and step.lower() not in COMMON_FILES]
    rooted = path[0] in "/~"
    system = rooted and path.startswith(SYSTEM_ROOTS)
    if rare or (rooted and not system and len(steps) > 2 and steps[-1].lower() not in COMMON_FILES):
        found.touch(Kind.FILE, ("/" if path[0] == "/" else "") + "/".join(steps))
    for step in rare[:8]:
        found.word(step)


def _search(text: str, found: _Found) -> None:
    """A query, by its words: case, order of blanks and punctuation are nothing to a search engine."""
    if len(text) > 2_048:
        return
    folded = unicodedata.normalize("NFKC", decoded(text.replace("+", " "))).casefold()
    words = re.findall(r"\w+", folded)
    if len(words) >= 3 or any(map(is_rare, words)):
        found.touch(Kind.SEARCH, " ".join(words))
    for word in folded.split()[:32]:
        found.word(word.strip("\"'`“”«»()[],.;:!?"))
    _quotations(text, found, phrases=True)


def _quotations(text: str, found: _Found, *, phrases: bool) -> None:
    """What stands in quotes and is rare: one word, or in a search any phrase that it must find whole."""
    for n, match in enumerate(_QUOTED.finditer(text)):
        if n >= _QUOTES_MAX:
            return
        said = match[match.lastindex or 0]
        if phrases and " " in said:
            folded = unicodedata.normalize("NFKC", said).casefold()
            found.touch(Kind.STRING, " ".join(re.findall(r"\w+", folded)))
        elif "/" not in said and any(c.isdigit() for c in said) and any(c.isalpha() for c in said):
            found.word(said)


def _summed(found: _Found) -> Touched:
    egress = tuple(egress_to(host, said) for host, said in found.said.items())
    return Touched(tuple(found.touches), egress, found.complete)

"""The hosts that a shell command names without a scheme: ``ssh box``, ``scp x box:``, ``curl box/x``.

A shell is not run here, and cannot be read as one runs it: a host that is put together, decoded or
read from a file when the command runs is not seen. `hosts_in` says when a command reaches out and
leaves its host open.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

_COMMANDS_MAX: Final = 64
_WORDS_MAX: Final = 64
_LEVELS_MAX: Final = 3
"""Of commands inside commands."""
_WORD: Final = re.compile(
    r"\"([^\"\n]{0,2048})\"|'([^'\n]{0,2048})'|([^\s;&|()<>\"'`]{1,2048})|([;&|()\n`])"
)
_FETCHES: Final = frozenset(
    ["curl", "wget", "http", "https", "httpie", "xh", "aria2c", "lynx", "w3m"]
)
_ASKS: Final = frozenset(
    ["ssh", "telnet", "nc", "ncat", "netcat", "ping", "ping6", "host", "nslookup", "dig", "traceroute",
     "mosh", "ftp", "sftp", "tftp", "whois", "mtr", "socat", "openssl", "nmap"]
)  # fmt: skip
_COPIES: Final = frozenset(["scp", "rsync", "git", "sftp", "rclone", "hg", "svn"])
_PULLS: Final = frozenset(["docker", "podman", "skopeo", "crane"])
_RUN: Final = frozenset(["sh", "bash", "zsh", "dash", "ksh", "eval", "su", "ssh"])
_THROUGH: Final = frozenset(
    ["sudo", "env", "time", "nohup", "exec", "command", "timeout", "xargs", "watch"]
)
_FLAGS: Final = frozenset(
    ["silent", "location", "insecure", "verbose", "fail", "include", "head", "compressed", "get",
     "show-error", "quiet", "no-check-certificate", "http1.1", "http2", "ipv4", "ipv6", "mirror",
     "progress-bar", "archive", "recursive", "delete", "spider", "continue", "remote-name", "globoff",
     "path-as-is", "bare", "all", "tags", "force", "no-verify", "shallow-submodules", "partial"]
)  # fmt: skip
"""Long options without a value. Behind any other the next word is taken for its value."""
_LETTERED: Final = {
    "curl": frozenset("oXHdFAbceEmrTuUwxYyzDKCP"),
    "wget": frozenset("oOaBiPUteRADQTw"),
    "ssh": frozenset("bcDEeFIiJLlmOopQRSWw"),
    "scp": frozenset("cDFiJloPSX"),
    "nc": frozenset("IiMmOPpqsTVWwXx"),
    "ping": frozenset("cIilMmpQsStTwW"),
    "git": frozenset("Ccbu"),
}
"""Which letters of an option are followed by a value that is no host."""
_REMOTE: Final = re.compile(
    r"(?:[\w.+-]{1,64}@)?(\[[0-9a-fA-F:.]+\]|[\w.-]{1,255}):(?!//)(?!\\)\S*"
)
_AT: Final = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@((?:[\w-]{1,63}\.){1,10}[a-z]{2,24}):[\w./~-]")
_DEVICE: Final = re.compile(r"/dev/(?:tcp|udp)/([^/\s]{1,255})/")
_CALLS: Final = re.compile(
    r"(?:HTTPS?Connection|create_connection|connect|gethostbyname|getaddrinfo)\(\s*\(?\s*[\"']([^\"'\s]{1,255})[\"']"
)
_OPEN: Final = re.compile(r"[$`*?{}]")


class Commanded(NamedTuple):
    """What a command reaches."""

    hosts: tuple[str, ...] = ()
    """As they stand there, with whatever else is in the word (a user, a path, a port)."""
    open: bool = False
    """Whether something reaches out whose host cannot be seen: a variable, a pipe, a file."""


def hosts_in(text: str) -> Commanded:
    """The hosts of all commands in a text, and whether one of them is open."""
    found: dict[str, None] = {}
    unseen = False
    for command in _commands(text):
        hosts, hidden = _hosts(command)
        found.update(dict.fromkeys(hosts))
        unseen = unseen or hidden
    for pattern in (_AT, _DEVICE, _CALLS):
        for match in pattern.finditer(text):
            if _OPEN.search(match[1]):
                unseen = True
            else:
                found[match[1]] = None
    return Commanded(tuple(found), unseen)


def _commands(text: str, level: int = 0) -> Iterator[list[str]]:
    """The simple commands of a text, as words."""
    words: list[str] = []
    seen = 0
    # A line that goes on is one command.
    for match in _WORD.finditer(text.replace("\\\n", " ")):
        if match[4] is not None:
            if words:
                seen += 1
                yield words
            words = []
            if seen >= _COMMANDS_MAX:
                return
            continue
        word = next(w for w in match.groups() if w is not None)
        inside = match[1] is not None and ("$(" in word or "`" in word)
        if level < _LEVELS_MAX and (inside or _is_script(words, match)):
            yield from _commands(word, level + 1)
        if len(words) < _WORDS_MAX:
            words.append(word)
    if words:
        yield words


def _is_script(words: list[str], word: re.Match[str]) -> bool:
    """Whether a word in quotes is run itself: ``sh -c "…"``, ``ssh box "…"``."""
    quoted = word[1] is not None or word[2] is not None
    return quoted and any(w.rpartition("/")[2] in _RUN for w in words[:3])


def _hosts(words: list[str]) -> tuple[list[str], bool]:
    through = False
    while words and (words[0].rpartition("/")[2] in _THROUGH or re.match(r"\w+=", words[0])):
        through = through or words[0] == "xargs"
        words = words[1:]
        while words and (words[0].startswith("-") or words[0].replace(".", "").isdigit()):
            words = words[1:]
    if not words:
        return [], False
    name = words[0].rpartition("/")[2]
    rest = list(_plain(name, words[1:]))
    if name in _FETCHES:
        named = [w for w in rest if w.upper() != w or any(c in w for c in "./:0123456789")]
    elif name == "openssl":
        named = [b for a, b in pairwise(words) if a == "-connect"]
        return [w for w in named if not _OPEN.search(w)], any(map(_OPEN.search, named))
    elif name == "socat":
        named = [
            w.split(":", 1)[1].split(",")[0]
            for w in rest
            if w.upper().startswith(("TCP", "UDP", "SSL", "OPENSSL")) and ":" in w
        ]
    elif name in _COPIES:
        named = [m[1] for w in rest if "://" not in w and (m := _REMOTE.fullmatch(w)) is not None]
        urls = any("://" in w for w in rest)
        hidden = any(_OPEN.search(w) for w in rest) and not named and not urls
        return named, hidden and name != "git"
    elif name in _PULLS:
        named = [w for w in rest[1:] if "/" in w and "." in w.partition("/")[0]]
        return named, False
    elif name in _ASKS:
        named = [w.removeprefix("@") for w in rest if w.startswith("@")] + [
            w for w in rest if not w.startswith("@")
        ][:1]
    else:
        return [], False
    seen = [w for w in named if not _OPEN.search(_authority(w))]
    return seen, through or len(seen) < len(named) or not named


def _authority(word: str) -> str:
    """What of a word says where it leads."""
    return re.split(r"[/?#]", word.partition("://")[2] or word.lstrip("/"), maxsplit=1)[0]


def _plain(name: str, words: list[str]) -> Iterator[str]:
    """The words that are no option and no option's value."""
    valued = _LETTERED.get(name, frozenset())
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("--") and len(word) > 2:
            skip = "=" not in word and word[2:] not in _FLAGS
        elif word.startswith("-") and len(word) > 1:
            # A value may stand in the same word; else it is the next one.
            skip = word[-1] in valued and not any(c in valued for c in word[1:-1])
        else:
            yield word

"""URLs in a text, in the form in which two spellings of one address are the same.

Scheme (http or https), upper case and a last dot of the host, punycode, the default port, percent
coding, dot segments, the order of a query and a fragment say nothing of where a URL leads; nor do
`hxxp://` and `[.]`, by which people make one harmless. Numbers that stand for an IPv4 address are
written as one. Nothing here opens anything.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_plus, unquote_to_bytes

URL_CHARS_MAX: Final = 8_192
"""A longer one is cut: what is behind is counted, and not compared."""
_LAYERS_MAX: Final = 3
"""How often percent coding is taken off: coded twice or three times is the same address."""
_PAIRS_MAX: Final = 64

_NO_BLANK: Final = r"[^\s\"'<>`{}|^\x00-\x20\x7f]"
# Bounded repeats and one alternative behind each: no text makes it look twice at a character.
_URL: Final = re.compile(
    r"(?:h(?:tt|xx|XX|TT)ps?|wss?|ftps?|git|ssh)(?:\+[a-z]{2,5})?"
    r"(?:\[:\]|:)(?://|\\/\\/|\\\\)(" + _NO_BLANK + rf"{{1,{URL_CHARS_MAX}}})",
    re.IGNORECASE,
)
_BARE: Final = re.compile(
    r"(?<![\w/.@:%=-])((?:[a-z0-9_](?:[a-z0-9_-]{0,62})\.){1,10}[a-z][a-z0-9-]{1,23}"
    r"(?::\d{1,5})?(?:[/?]" + _NO_BLANK + rf"{{0,{URL_CHARS_MAX}}})?)",
    re.IGNORECASE,
)
_FILE_ENDINGS: Final = (
    " json txt html htm xml yaml yml csv tsv py js mjs ts tsx jsx md rst pdf png jpg jpeg gif svg gz "
    "tgz bz2 xz zip tar log cfg conf ini toml lock db sql java rb go rs cpp hpp css env bak tmp out "
    "pem crt key "
)
_CLOSING: Final = str.maketrans({")": "(", "]": "["})
_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21", "ssh": "22"}
_IPV4_PARTS: Final = re.compile(
    r"(?:0x[0-9a-f]{1,8}|\d{1,12})(?:\.(?:0x[0-9a-f]{1,8}|\d{1,12})){0,3}"
)


class Url(NamedTuple):
    """One URL of a text."""

    host: str
    """With its port, where that is not the scheme's own."""
    path: str
    """Decoded, without its last slash; begins with one, or is empty."""
    query: tuple[tuple[str, str], ...]
    """Names and values, decoded and sorted."""
    said: str
    """What goes to the host as it stands: labels before the last two, a user's name, path, query."""

    @property
    def thing(self) -> str:
        """What the URL names: equal for all its spellings."""
        return self.host + self.path + ("?" + self.query_text if self.query else "")

    @property
    def query_text(self) -> str:
        """The query in normal form."""
        return "&".join(f"{name}={value}" if value else name for name, value in self.query)


def urls_in(text: str, *, bare: bool = False) -> Iterator[Url]:
    """The URLs of a text in order; with ``bare`` also host names that stand there without a scheme."""
    for match in _URL.finditer(text):
        found = url_of(match[0])
        if found is not None:
            yield found
    if bare:
        for match in _BARE.finditer(text):
            name = match[1]
            ending = re.split(r"[/?:]", name, maxsplit=1)[0].rpartition(".")[2].lower()
            if f" {ending} " in _FILE_ENDINGS and "/" not in name:
                continue
            found = url_of(name)
            if found is not None:
                yield found


@lru_cache(maxsize=512)
def url_of(text: str) -> Url | None:
    """The URL that ``text`` is, with or without its scheme; None if it is none."""
    text = text[: URL_CHARS_MAX + 16].replace("\\/", "/").replace("\\", "/")
    text = text.replace("[:]", ":").replace("[.]", ".").replace("(.)", ".").replace("[dot]", ".")
    scheme, sign, rest = text.partition("://")
    if not sign:
        scheme, rest = "", text.removeprefix("//")
    scheme = scheme.lower().replace("hxxp", "http").rpartition("+")[2]
    rest = _without_tail(rest)
    cut = min((at for c in "/?#" if (at := rest.find(c)) >= 0), default=len(rest))
    authority, rest = rest[:cut], rest[cut:].partition("#")[0]
    user, _, authority = authority.rpartition("@")
    host = _host(authority, scheme)
    if host is None:
        return None
    path, _, query = rest.partition("?")
    labels = host.partition(":")[0].split(".")
    told = "" if host[0] == "[" or labels[-1].isdigit() else ".".join(labels[:-2])
    said = "".join(
        (told, "." if told else "", user, "@" if user else "", rest if rest != "/" else "")
    )
    return Url(host, _path(path), _query(query), said)


def _without_tail(text: str) -> str:
    """Less the punctuation of the sentence that a URL ends."""
    while text:
        last = text[-1]
        opening = last.translate(_CLOSING)
        if last in ".,;:!*_\\…" or (opening != last and text.count(last) > text.count(opening)):
            text = text[:-1]
        else:
            break
    return text


def _host(authority: str, scheme: str) -> str | None:
    name, port = authority, ""
    if not authority.startswith("["):
        name, _, port = authority.partition(":")
    elif "]" in authority:
        name, _, port = authority.partition("]")
        name, port = name + "]", port.removeprefix(":")
    name = unquote_plus(name) if "%" in name else name
    if not name.isascii():
        name = _ascii(name)
    name = name.lower().rstrip(".")
    if not name or len(name) > 255 or not (name[0].isalnum() or name[0] in "[_"):
        return None
    if (name[0].isdigit()) and _IPV4_PARTS.fullmatch(name):
        name = _ipv4(name) or name
    if any(c in name for c in "/?#@ \t") or not name.isprintable():
        return None
    port = port.lstrip("0")
    return name if not port.isdigit() or port == _PORTS.get(scheme, "443") else f"{name}:{port}"


def _ascii(name: str) -> str:
    """The A-label form (RFC 5890); of a name that has none, its compatibility form."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace("。", ".")
    try:
        return folded.encode("idna").decode("ascii")
    except UnicodeError:
        return folded


def _ipv4(name: str) -> str | None:
    """``0x7f.1`` and ``2130706433`` as browsers and curl read them; None where they would not."""
    parts = []
    for part in name.split("."):
        try:
            octal = len(part) > 1 and part[0] == "0" and part.isdigit()
            parts.append(int(part, 8) if octal else int(part, 0))
        except ValueError:
            return None
    value = 0
    for n, part_value in enumerate(parts):
        last = n == len(parts) - 1
        width = 8 * (5 - len(parts)) if last else 8
        if part_value >= 1 << width:
            return None
        value = value << width | part_value
    return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))


def decoded(text: str) -> str:
    """Less its percent coding, however often it was applied, in composed form (NFC)."""
    for _ in range(_LAYERS_MAX):
        if "%" not in text:
            break
        once = unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
        if once == text:
            break
        text = once
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _path(path: str) -> str:
    steps: list[str] = []
    for step in decoded(path).split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "".join("/" + step for step in steps)


def _query(query: str) -> tuple[tuple[str, str], ...]:
    if not query:
        return ()
    pairs = []
    for pair in query.replace("&amp;", "&").split("&")[:_PAIRS_MAX]:
        name, _, value = pair.partition("=")
        if name or value:
            pairs.append((decoded(name.replace("+", " ")), decoded(value.replace("+", " "))))
    return tuple(sorted(pairs))

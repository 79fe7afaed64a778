"""Codings that programs use: base64, base32, base16, compression inside them, and escapes.

Each function finds its own stretches and nothing else; `decode` nests and bounds them.
"""

import base64
import binascii
import html
import re
import zlib
from collections.abc import Callable, Iterator
from string import ascii_letters, digits, hexdigits
from typing import Final

from firedoor.lineage.decoded import CONTROLS, Decoded, Letters, Piece, substituted

ENCODED_BYTES_MIN: Final = 16
"""Fewer decoded bytes cannot hold one fingerprint's characters."""
TEXT_BYTES_SURE: Final = 32

# One look for all solid codes: base32's and base16's letters are among base64's. A code may be
# wrapped, and quoted line by line.
_SOLID: Final = re.compile(
    r"[A-Za-z0-9+/_-]{20,}(?:\r?\n[ \t>|+*#]{0,8}[A-Za-z0-9+/_-]{4,})*={0,6}"
)
_BASE32: Final = re.compile(r"(?:[A-Z2-7]{24,}|[a-z2-7]{24,})={0,6}")
_BASE16: Final = re.compile(r"[0-9A-Fa-f]{32,}")
_SPACED_BASE16: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0x|\\x)?[0-9A-Fa-f]{2}"
    r"(?:(?:, ?|[ :-]|\r?\n[ \t>|+*#]{0,8})(?:0x|\\x)?[0-9A-Fa-f]{2}){15,}"
)
_SOLID_LETTERS: Final = Letters(ascii_letters + digits + "+/_-")
_SPACED_LETTERS: Final = Letters(hexdigits + "x\\, :-\r\n\t>|+*#")
_WRAPPED: Final = re.compile(r"\r?\n[ \t>|+*#]{0,8}")
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")
_NOT_BASE32: Final = re.compile(r"[^A-Z2-7]")
_NO_TEXT: Final = re.compile(CONTROLS.pattern + "|\ufffd")
_HEX_NOISE: Final = re.compile(r"0x|\\x|[^0-9A-Fa-f]")

_SAMPLE: Final = 128
"""Letters of a code that show whether it is one, at each way to begin it."""
_LINES_TRIED: Final = 4
_GZIP: Final = b"\x1f\x8b\x08"
_ZLIB: Final = (b"x\x01", b"x^", b"x\x9c", b"x\xda")
_WORD: Final = 1 << 16
_AREA: Final = 160
"""Escapes nearer to one another than this are one stretch, with half as much around it."""


def _inflated(data: bytes, room: int) -> tuple[str, bytes]:
    """What a compressed stretch holds, at most ``room`` bytes of it: a bomb gives no more."""
    for name, magic, bits in (("gzip", (_GZIP,), 31), ("zlib", _ZLIB, 15)):
        if data.startswith(magic) and room > 0:
            try:
                return name, zlib.decompressobj(bits).decompress(data, room)
            except zlib.error:
                return "", data
    return "", data


def _promises(data: bytes) -> bool:
    """Whether the beginning of a code gives text, or something compressed."""
    return data.startswith((_GZIP, *_ZLIB)) or _as_text(data) is not None


def _as_text(data: bytes) -> str | None:
    """The text that bytes begin with, from the first whole character on; None when they are none.

    What follows may be anything: a code without padding runs into the word on the next line. That
    `TEXT_BYTES_SURE` bytes are text by chance does not happen.
    """
    if data[1::2].count(0) > len(data) // 3:
        text = data.decode("utf-16-le", "replace")
    else:
        first = next((n for n in range(min(4, len(data))) if data[n] & 0xC0 != 0x80), 0)
        text = data[first:].decode("utf-8", "replace")
    bad = _NO_TEXT.search(text)
    size = len(text) if bad is None else bad.start()
    least = ENCODED_BYTES_MIN if len(text) - size <= 3 else TEXT_BYTES_SURE
    return text[:size] if size >= least else None


def _found(codec: str, start: int, end: int, data: bytes, room: int) -> Iterator[Decoded]:
    name, plain = _inflated(data, room)
    text = _as_text(plain)
    if text is not None:
        yield Decoded(f"{codec}+{name}" if name else codec, start, end, text)


def solid_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Base64, base32 and base16 without anything between their letters but line ends."""
    done = 0
    for first, _ in _SOLID_LETTERS.runs(text, 20):
        match = _SOLID.match(text, first)
        if match is None or first < done:
            continue  # the next line of a wrapped one
        start, done = match.span()
        yield from _base64_lines(match[0], start, room)
        wrapped = "\n" in match[0]
        inner = _WRAPPED.sub("", match[0]) if wrapped else match[0]
        for codec, pattern, find in (("base32", _BASE32, _base32), ("base16", _BASE16, _base16)):
            for run in pattern.finditer(inner):
                low, high = (start, done) if wrapped else (start + run.start(), start + run.end())
                yield from find(codec, run[0], low, high, room)


def _base64_lines(said: str, start: int, room: int) -> Iterator[Decoded]:
    """From the first line on that begins a code: a long word may stand on the line above."""
    at = 0
    for _ in range(_LINES_TRIED):
        found = list(_base64(said[at:], start + at, start + len(said), room))
        yield from found
        line = _WRAPPED.search(said, at)
        if found or line is None:
            return
        at = line.end()


def _base64(said: str, start: int, end: int, room: int) -> Iterator[Decoded]:
    """Standard and URL alphabets, with up to three characters of something before."""
    if said.islower():
        return  # a path or a long name: a code of twenty letters has capitals
    solid = _NOT_BASE64.sub("", said.replace("-", "+").replace("_", "/"))
    for phase in range(4):
        usable = solid[phase:]
        usable = usable[: len(usable) - (len(usable) % 4 == 1)]
        sample = usable[:_SAMPLE]
        if _promises(base64.b64decode(sample + "=" * (-len(sample) % 4))):
            data = base64.b64decode(usable + "=" * (-len(usable) % 4))
            yield from _found("base64", start + phase, end, data, room)
            return


def _base32(codec: str, said: str, start: int, end: int, room: int) -> Iterator[Decoded]:
    """RFC 4648, either case, padded or not, with up to seven characters of something before."""
    solid = _NOT_BASE32.sub("", said.upper())
    for phase in range(8):
        usable = solid[phase:]
        usable = usable[: len(usable) - {1: 1, 3: 1, 6: 1}.get(len(usable) % 8, 0)]
        try:
            if _promises(base64.b32decode(_padded(usable[:_SAMPLE]))):
                yield from _found(
                    codec, start + phase, end, base64.b32decode(_padded(usable)), room
                )
                return
        except binascii.Error:
            continue


def _padded(said: str) -> str:
    return said + "=" * (-len(said) % 8)


def _base16(codec: str, said: str, start: int, end: int, room: int) -> Iterator[Decoded]:
    solid = _HEX_NOISE.sub("", said)
    for phase in (0, 1):
        usable = solid[phase:]
        if _promises(bytes.fromhex(usable[: min(_SAMPLE, len(usable) // 2 * 2)])):
            data = bytes.fromhex(usable[: len(usable) // 2 * 2])
            yield from _found(codec, start + phase, end, data, room)
            return


def spaced_stretches(text: str, room: int) -> Iterator[Decoded]:
    """Base16 with something between its pairs, and `0x` or `\\x` before them or not."""
    for start, end in _SPACED_LETTERS.runs(text, 47):
        for match in _SPACED_BASE16.finditer(text, start, end):
            yield from _base16("base16", match[0], *match.span(), room)


def areas(matches: list[re.Match[str]], least: int, text: str) -> Iterator[tuple[int, int, int]]:
    """Groups of at least ``least`` neighbouring escapes: from, to, and how many there are."""
    group: list[re.Match[str]] = []
    for match in matches:
        if group and match.start() - group[-1].end() > _AREA:
            if len(group) >= least:
                yield _around(group, text)
            group = []
        group.append(match)
    if len(group) >= least:
        yield _around(group, text)


def _around(group: list[re.Match[str]], text: str) -> tuple[int, int, int]:
    """Some characters before and behind, and to the end of the word, which may be a code."""
    start = max(0, group[0].start() - _AREA // 2)
    start = max(text.rfind(" ", 0, start), text.rfind("\n", 0, start), start - _WORD) + 1
    end = min(len(text), group[-1].end() + _AREA // 2)
    stops = [stop for stop in (text.find(" ", end), text.find("\n", end)) if stop >= 0]
    return start, min([*stops, end + _WORD, len(text)]), len(group)


def _escapes(
    codec: str, pattern: re.Pattern[str], say: Callable[[re.Match[str]], str], least: int
) -> Callable[[str, int], Iterator[Decoded]]:
    def find(text: str, room: int) -> Iterator[Decoded]:
        matches = list(pattern.finditer(text))
        first = 0
        for start, end, count in areas(matches, least, text):
            while matches[first].start() < start:
                first += 1
            pieces: list[Piece] = [
                (m.start(), m.end(), say(m)) for m in matches[first : first + count]
            ]
            first += count
            found = substituted(codec, text, start, end, pieces)
            if found is not None:
                yield found

    return find


def _utf8_of(prefix: str) -> str:
    """A pattern for one UTF-8 character whose bytes are each written as prefix and two digits."""
    later = f"(?:{prefix}[89ABab][0-9A-Fa-f])"
    return (
        f"{prefix}[Ff][0-7]{later}{{3}}|{prefix}[Ee][0-9A-Fa-f]{later}{{2}}"
        f"|{prefix}[CDcd][0-9A-Fa-f]{later}|{prefix}[0-9A-Fa-f]{{2}}"
    )


def _say_bytes(match: re.Match[str]) -> str:
    data = bytes.fromhex(_HEX_NOISE.sub("", match[0]))
    return data.decode("utf-8", "ignore") or data.decode("latin-1")


_SHORT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}


def _say_escape(match: re.Match[str]) -> str:
    said = match[0]
    if said[1] == "u":
        units = bytes.fromhex(said.replace("\\u", "").replace("{", "").replace("}", "").zfill(4))
        return units.decode("utf-16-be", "ignore")
    if said[1] == "U":
        value = int(said[2:], 16)
        return chr(value) if value < 0x110000 and not 0xD800 <= value < 0xE000 else ""
    if said[1] == "x":
        return _say_bytes(match)
    return _SHORT.get(said[1], said[1])


def _say_entity(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _say_quoted(match: re.Match[str]) -> str:
    return "" if match[0][-1] == "\n" else _say_bytes(match)


escaped_stretches: Final = _escapes(
    "escapes",
    re.compile(
        r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}"
        r"|U[0-9a-fA-F]{8}|[nrtbf0\"'\\/])|" + _utf8_of(r"\\x")
    ),
    _say_escape,
    1,
)
"""JSON's, C's and Python's escapes: so JSON in JSON, a level for each depth."""
percent_stretches: Final = _escapes("percent", re.compile(_utf8_of("%")), _say_bytes, 2)
entity_stretches: Final = _escapes(
    "html",
    re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});"),
    _say_entity,
    1,
)
quoted_stretches: Final = _escapes(
    "quoted-printable", re.compile(_utf8_of("=") + r"|=\r?\n"), _say_quoted, 2
)

"""Codings that programs use: base64, base32, base16, compression inside them, and escapes.

Each function finds its own stretches and nothing else; `decode` nests and bounds them.
"""

import base64
import html
import re
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits, hexdigits
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firedoor.lineage.decoded import (
    CONTROLS,
    Bounds,
    Decoded,
    Find,
    Letters,
    Piece,
    Script,
    substituted,
)

ENCODED_BYTES_MIN: Final = 16
"""Fewer decoded bytes cannot hold one fingerprint's characters."""
TEXT_BYTES_SURE: Final = 32

# One look for all solid codes: base32's and base16's letters are among base64's. A code may be
# wrapped, and quoted line by line.
_SOLID: Final = re.compile(
    r"[A-Za-z0-9+/_-]{20,}(?:\r?\n[ \t>|+*#]{0,8}[A-Za-z0-9+/_-]{4,})*={0,6}"
)
_SPACED_BASE16: Final = re.compile(
    r"(?<![0-9A-Za-z])(?:0x|\\x)?[0-9A-Fa-f]{2}"
    r"(?:(?:, ?|[ :-]|\r?\n[ \t>|+*#]{0,8})(?:0x|\\x)?[0-9A-Fa-f]{2}){15,}"
)
_SOLID_LETTERS: Final = Letters(ascii_letters + digits + "+/_-")
_UPPER_BASE32: Final = Letters(ascii_uppercase + "234567")
_LOWER_BASE32: Final = Letters(ascii_lowercase + "234567")
_BASE16: Final = Letters(hexdigits)
_SPACED_LETTERS: Final = Letters(hexdigits + "x\\, :-\r\n\t>|+*#")
_WRAPPED: Final = re.compile(r"\r?\n[ \t>|+*#]{0,8}")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_NOT_BASE64: Final = b"=\r\n \t>|*#"
"""Padding, and what a wrapped code may have between its lines."""
_BASE32_BITS: Final = 5
_BASE32_VALUES: Final = bytes(
    max("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(chr(code).upper()), 0) << 3 for code in range(256)
)
"""The value of a letter in the high bits of a byte."""
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
_INFLATED: Final = 8
_INFLATED_BYTES_MIN: Final = 4_096
"""A compressed stretch may give eight times its characters, or this: a bomb leaves room for others."""

_STRETCH_WORK: Final = 700
_SOLID_WORK: Final = 1
_SPACED_WORK: Final = 2
_ESCAPE_WORK: Final = 30


def _inflated(data: bytes, bounds: Bounds) -> tuple[str, bytes]:
    """What a compressed stretch holds, as much as it may: a bomb gives no more."""
    for name, magic, bits in (("gzip", (_GZIP,), 31), ("zlib", _ZLIB, 15)):
        if data.startswith(magic):
            most = min(max(_INFLATED * len(data), _INFLATED_BYTES_MIN), bounds.chars)
            if most <= 0 or not bounds.spend(most // 4):
                bounds.complete = False
                return "", b""
            inflater = zlib.decompressobj(bits)
            try:
                plain = inflater.decompress(data, most)
            except zlib.error:
                return "", data
            bounds.complete &= not inflater.unconsumed_tail
            return name, plain
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


def _found(codec: str, start: int, end: int, data: bytes, bounds: Bounds) -> Iterator[Decoded]:
    name, plain = _inflated(data, bounds)
    text = _as_text(plain)
    if text is not None:
        yield Decoded(f"{codec}+{name}" if name else codec, start, end, text)


def solid_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Base64, base32 and base16 without anything between their letters but line ends."""
    done = 0
    for first, _ in _SOLID_LETTERS.runs(script.raw, 20):
        if first < done:
            continue  # the next line of a wrapped one
        match = _SOLID.match(script.text, first)
        if match is None:
            continue
        start, done = match.span()
        said = match[0]
        if not bounds.spend(_SOLID_WORK * len(said)):
            return
        # A path or a long name is no base64: a code of twenty letters has capitals.
        if not said.islower():
            yield from _base64_lines(said, start, bounds)
        if len(said) >= 24:
            yield from _smaller_alphabets(said, start, done, bounds)


def _smaller_alphabets(said: str, start: int, end: int, bounds: Bounds) -> Iterator[Decoded]:
    wrapped = "\n" in said
    inner = _WRAPPED.sub("", said) if wrapped else said
    raw = inner.encode()
    for letters, least, codec, find in (
        (_UPPER_BASE32, 24, "base32", _base32),
        (_LOWER_BASE32, 24, "base32", _base32),
        (_BASE16, 32, "base16", _base16),
    ):
        for low, high in letters.runs(raw, least):
            if not bounds.spend(_STRETCH_WORK + (high - low) // 4):
                return
            where = (start, end) if wrapped else (start + low, start + high)
            yield from find(codec, inner[low:high], *where, bounds)


def _base64_lines(said: str, start: int, bounds: Bounds) -> Iterator[Decoded]:
    """From the first line on that begins a code: a long word may stand on the line above."""
    at = 0
    for _ in range(_LINES_TRIED):
        if not bounds.spend(_STRETCH_WORK):
            return
        found = list(_base64(said[at:], start + at, start + len(said), bounds))
        yield from found
        line = _WRAPPED.search(said, at)
        if found or line is None:
            return
        at = line.end()


def _base64(said: str, start: int, end: int, bounds: Bounds) -> Iterator[Decoded]:
    """Standard and URL alphabets, with up to three characters of something before."""
    sample = _without_signs(said[: 2 * _SAMPLE])
    for phase in range(4):
        if _promises(_of_base64(sample[phase : phase + _SAMPLE])):
            data = _of_base64(_without_signs(said)[phase:])
            yield from _found("base64", start + phase, end, data, bounds)
            return


def _without_signs(said: str) -> bytes:
    return said.encode().translate(_STANDARD, _NOT_BASE64)


def _of_base64(said: bytes) -> bytes:
    usable = said[: len(said) - (len(said) % 4 == 1)]
    return base64.b64decode(usable + b"=" * (-len(usable) % 4))


def _base32(codec: str, said: str, start: int, end: int, bounds: Bounds) -> Iterator[Decoded]:
    """RFC 4648, either case, padded or not, with up to seven characters of something before."""
    letters = np.frombuffer(said.encode().translate(_BASE32_VALUES), np.uint8)
    bits = np.unpackbits(letters[:, None], axis=1, count=_BASE32_BITS).ravel()
    sample = bits[: _BASE32_BITS * (_SAMPLE + 8)]
    for phase in range(8):
        if _promises(_whole_bytes(sample[_BASE32_BITS * phase :])):
            data = _whole_bytes(bits[_BASE32_BITS * phase :])
            yield from _found(codec, start + phase, end, data, bounds)
            return


def _whole_bytes(bits: NDArray[np.uint8]) -> bytes:
    return np.packbits(bits[: len(bits) // 8 * 8]).tobytes()


def _base16(codec: str, said: str, start: int, end: int, bounds: Bounds) -> Iterator[Decoded]:
    solid = _HEX_NOISE.sub("", said)
    for phase in (0, 1):
        usable = solid[phase:]
        if _promises(bytes.fromhex(usable[: min(_SAMPLE, len(usable) // 2 * 2)])):
            data = bytes.fromhex(usable[: len(usable) // 2 * 2])
            yield from _found(codec, start + phase, end, data, bounds)
            return


def spaced_stretches(script: Script, bounds: Bounds) -> Iterator[Decoded]:
    """Base16 with something between its pairs, and `0x` or `\\x` before them or not."""
    for start, end in _SPACED_LETTERS.runs(script.raw, 47):
        if script.raw[start:end].isspace():
            continue
        end = start + bounds.affords(end - start, _SPACED_WORK)
        for match in _SPACED_BASE16.finditer(script.text, start, end):
            yield from _base16("base16", match[0], *match.span(), bounds)


def _around(text: str, group: list[Piece], behind: int, before: int) -> tuple[int, int]:
    """Some characters before and behind, and to the end of the word, which may be a code."""
    start = max(behind, group[0][0] - _AREA // 2)
    low = max(behind, start - _WORD)
    start = max(text.rfind(" ", low, start), text.rfind("\n", low, start), low - 1) + 1
    end = min(before, group[-1][1] + _AREA // 2)
    stops = [text.find(sign, end, end + _WORD) for sign in " \n"]
    return start, min([stop for stop in stops if stop >= 0] + [end + _WORD, before])


def _escapes(codec: str, pattern: re.Pattern[str], say: Callable[[str], str], least: int) -> Find:
    """A codec for escapes: groups of at least ``least`` neighbours, and the words they stand in."""
    say = lru_cache(maxsize=4_096)(say)

    def find(script: Script, bounds: Bounds) -> Iterator[Decoded]:
        text = script.text
        group: list[Piece] = []
        behind = 0
        for match in pattern.finditer(text):
            start, end = match.span()
            if group and _apart(text, group[-1][1], start):
                if len(group) >= least:
                    yield substituted(codec, text, *_around(text, group, behind, start), group)
                behind = group[-1][1]
                group = []
            if not bounds.spend(_ESCAPE_WORK):
                break
            group.append((start, end, say(match[0])))
        if len(group) >= least:
            yield substituted(codec, text, *_around(text, group, behind, len(text)), group)

    return find


def _apart(text: str, end: int, start: int) -> bool:
    """Whether what lies between two escapes is long, and they are not in one word."""
    if start - end <= _AREA:
        return False
    between = text[end - 1 : start] if start - end <= _WORD else " "
    return " " in between or "\n" in between


def _utf8_of(prefix: str) -> str:
    """A pattern for one UTF-8 character whose bytes are each written as prefix and two digits."""
    later = f"(?:{prefix}[89ABab][0-9A-Fa-f])"
    return (
        f"{prefix}[Ff][0-7]{later}{{3}}|{prefix}[Ee][0-9A-Fa-f]{later}{{2}}"
        f"|{prefix}[CDcd][0-9A-Fa-f]{later}|{prefix}[0-9A-Fa-f]{{2}}"
    )


def _say_bytes(said: str) -> str:
    data = bytes.fromhex(_HEX_NOISE.sub("", said))
    return data.decode("utf-8", "ignore") or data.decode("latin-1")


_SHORT: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "0": "\0"}


def _say_escape(said: str) -> str:
    if said[1] == "u":
        units = bytes.fromhex(said.replace("\\u", ""))
        return units.decode("utf-16-be", "ignore")
    if said[1] == "U":
        value = int(said[2:], 16)
        return chr(value) if value < 0x110000 and not 0xD800 <= value < 0xE000 else ""
    if said[1] == "x":
        return _say_bytes(said)
    return _SHORT.get(said[1], said[1])


def _say_quoted(said: str) -> str:
    return "" if said[-1] == "\n" else _say_bytes(said)


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
    html.unescape,
    1,
)
quoted_stretches: Final = _escapes(
    "quoted-printable", re.compile(_utf8_of("=") + r"|=\r?\n"), _say_quoted, 2
)

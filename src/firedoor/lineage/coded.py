"""Names inside codes: what a word says once base64, base32, hex, percent or a turn is taken off.

Quicker and narrower than ``decode``, since every argument of every tool call is looked at: only whole
words, and only what comes out readable.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from typing import Final

from firedoor.lineage.decode import unwrapped
from firedoor.lineage.urls import decoded

LAYERS_MAX: Final = 3
_TEXT_CHARS_MAX: Final = 1 << 20
_WORDS_MAX: Final = 8
_WORD_CHARS_MAX: Final = 4_096
_TURNED_CHARS_MAX: Final = 1_024
_CODED: Final = re.compile(rf"[A-Za-z0-9+/_-]{{20,{_WORD_CHARS_MAX}}}={{0,6}}")
_TURNED: Final = re.compile(r"uggcf?://|//:s?ptth", re.IGNORECASE)


def plain_in(text: str) -> Iterator[str]:
    """What words of ``text`` say when their coding is taken off: base64, base32, hex, percent, and
    the whole turned round or by thirteen places. Bounded; readable results only."""
    if len(text) > _TEXT_CHARS_MAX:
        return
    if _TURNED.search(text[:_TURNED_CHARS_MAX]):
        for layer in unwrapped(text[:_TURNED_CHARS_MAX], 1 << 14).layers[1:16]:
            if "://" in layer.text:
                yield from (u for u in layer.text.split() if "://" in u)
    if "%3a%2f%2f" in text[:_WORD_CHARS_MAX].lower():
        yield decoded(text[:_WORD_CHARS_MAX])
    for n, match in enumerate(_CODED.finditer(text)):
        if n >= _WORDS_MAX:
            return
        word = match[0]
        for _ in range(LAYERS_MAX):
            inner = _plain(word)
            if inner is None:
                break
            yield inner
            word = inner


def _plain(word: str) -> str | None:
    """The text in one coded word; None if there is none to be read."""
    for decode in (_base16, _base32, _base64):
        data = decode(word)
        if data is None:
            continue
        if data[:2] in (b"\x1f\x8b", b"\x78\x9c", b"\x78\xda", b"\x78\x01"):
            try:
                data = zlib.decompressobj(47).decompress(data, _WORD_CHARS_MAX)
            except zlib.error:
                continue
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            continue
        if len(text) >= 6 and text.isprintable():
            return text
    return None


def _base16(word: str) -> bytes | None:
    try:
        return bytes.fromhex(word)
    except ValueError:
        return None


def _base32(word: str) -> bytes | None:
    bare = word.rstrip("=")
    if not bare.isalnum() or (bare != bare.upper() and bare != bare.lower()):
        return None
    try:
        return base64.b32decode(bare.upper() + "=" * (-len(bare) % 8))
    except (binascii.Error, ValueError):
        return None


def _base64(word: str) -> bytes | None:
    bare = word.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        return None

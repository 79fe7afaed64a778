"""Header bytes for aiohttp, which takes text and writes UTF-8: other bytes must not change on the way.

A header's value is bytes (RFC 9110 §5.5 lets 0x80 to 0xff stand in one), and promise 1 wants them to
arrive as they came. aiohttp has no place for them: it drops the surrogates that stand for bytes in
text. So its serialiser is asked, for headers that are not ASCII only, to write those as bytes.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import http_writer

_HANDLER: Final = "surrogateescape"
# RFC 9110 §5.5: none of these in a value, or one header could become two.
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def text_of(value: bytes) -> str:
    """A header's bytes as text that is written as the same bytes."""
    return value.decode("utf-8", _HANDLER)


def _serialiser(plain: Callable[..., bytes]) -> Callable[[str, Mapping[str, str]], bytes]:
    def serialise(status_line: str, headers: Mapping[str, str]) -> bytes:
        if all(value.isascii() for value in headers.values()):
            return plain(status_line, headers)
        lines = [status_line, *(f"{name}: {value}" for name, value in headers.items())]
        if any(_FORBIDDEN.search(line) for line in lines):
            raise ValueError("a control character in a header")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", _HANDLER)

    return serialise


def teach_aiohttp() -> None:
    """From here on, headers of `text_of` are written as the bytes that they were made of."""
    writer: Any = http_writer
    if getattr(writer._serialize_headers, "__module__", "") != __name__:
        writer._serialize_headers = _serialiser(writer._serialize_headers)

"""Content coding of a request body: what is judged must be what the provider reads."""

import zlib
from typing import Final

_WINDOWS: Final = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}


class BadCoding(ValueError):
    """The body is not what its headers say, or expands too far."""


class TooLarge(ValueError):
    """The body is larger than it may be."""


def coding_of(headers: tuple[tuple[bytes, bytes], ...]) -> list[bytes]:
    """The codings of a body, outermost last, without ``identity``."""
    found = []
    for name, value in headers:
        if name == b"content-encoding":
            found += [c.strip().lower() for c in value.split(b",")]
    return [c for c in found if c and c != b"identity"]


def decoded(body: bytes, codings: list[bytes], limit_bytes: int) -> bytes:
    """``body`` without its codings.

    Raises:
        BadCoding: A coding that the door does not read, or a body that is not so coded.
        TooLarge: More than ``limit_bytes`` would come out.
    """
    if len(codings) > 1:
        raise BadCoding("more than one content coding")
    for coding in codings:
        window = _WINDOWS.get(coding)
        if window is None:
            raise BadCoding("unknown content coding")
        try:
            reader = zlib.decompressobj(window)
            out = reader.decompress(body, limit_bytes + 1)
            if len(out) > limit_bytes:
                raise TooLarge("expands too far")
            if not reader.eof or reader.unused_data:
                raise BadCoding("the coded body does not end where it says")
        except zlib.error:
            raise BadCoding("the body is not coded as it says") from None
        body = out
    return body

"""Content coding of a request body: what is judged must be what the provider reads."""

import zlib
from collections.abc import Iterator
from typing import Any, Final

_PIECE_BYTES: Final = 1 << 20
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


class Decoder:
    """Takes a body's codings off as it comes, and bounds both what comes and what comes out.

    Raises:
        BadCoding: A coding that the door does not read.
    """

    def __init__(self, codings: list[bytes], limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._came = self._left = 0
        self._reader: Any = None
        if len(codings) > 1:
            raise BadCoding("more than one content coding")
        for coding in codings:
            window = _WINDOWS.get(coding)
            if window is None:
                raise BadCoding("unknown content coding")
            self._reader = zlib.decompressobj(window)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What these bytes come to, in pieces of bounded size: a bomb is noticed as it goes off.

        Raises:
            TooLarge: More than the limit came, or came out.
            BadCoding: They are not so coded.
        """
        self._came += len(chunk)
        if self._came > self._limit:
            raise TooLarge("too long")
        if self._reader is None:
            yield chunk
            return
        full = False
        while chunk or full:
            try:
                out: bytes = self._reader.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                raise BadCoding("the body is not coded as it says") from None
            self._left += len(out)
            if self._left > self._limit:
                raise TooLarge("expands too far")
            if self._reader.unused_data:
                raise BadCoding("something stands behind the coded body")
            yield out
            # A full piece may leave something behind in the reader itself.
            chunk, full = self._reader.unconsumed_tail, len(out) == _PIECE_BYTES

    def end(self) -> None:
        """The body is over.

        Raises:
            BadCoding: Its coding is not.
        """
        if self._reader is not None and not self._reader.eof:
            raise BadCoding("the coded body does not end where it says")


def decoded(body: bytes, codings: list[bytes], limit_bytes: int) -> bytes:
    """``body`` without its codings.

    Raises:
        BadCoding: A coding that the door does not read, or a body that is not so coded.
        TooLarge: More than ``limit_bytes`` would come out.
    """
    decoder = Decoder(codings, limit_bytes)
    pieces = list(decoder.feed(body))
    decoder.end()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)

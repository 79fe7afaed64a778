"""The content coding of an answer that was asked for without one.

The door asks for ``identity``; some providers and the proxies before them compress all the same.
"""

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

_WINDOWS: Final = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_PIECE_BYTES: Final = 1 << 20
CODING: Final = b"content-encoding"


class BadCoding(ValueError):
    """The answer is not coded as its head says."""


class Decoding:
    """Takes the coding off an answer as it comes."""

    def __init__(self, window: int) -> None:
        self._reader = zlib.decompressobj(window)

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """What these bytes come to, in pieces of bounded size, so that a reader may stop a bomb.

        Raises:
            BadCoding: They are not so coded, or something stands behind what is.
        """
        full = False
        while chunk or full:
            try:
                out = self._reader.decompress(chunk, _PIECE_BYTES)
            except zlib.error:
                raise BadCoding("not coded as the head says") from None
            if self._reader.unused_data:
                raise BadCoding("something stands behind the coded answer")
            if out:
                yield out
            chunk, full = self._reader.unconsumed_tail, len(out) == _PIECE_BYTES


def codings_of(headers: Iterable[tuple[bytes, bytes]]) -> list[bytes]:
    """The codings of an answer, outermost last, without ``identity``."""
    named = [v for n, v in headers if n == CODING]
    found = [coding.strip().lower() for value in named for coding in value.split(b",")]
    return [coding for coding in found if coding and coding != b"identity"]


def decoding_of(codings: list[bytes]) -> Decoding | None:
    """A reader for them; None where the door has none."""
    window = _WINDOWS.get(codings[0]) if len(codings) == 1 else None
    return Decoding(window) if window is not None else None

"""A request's body on its way in: counted, decoded where it is coded, in memory or on disk."""

import contextlib
import time
from pathlib import Path

from firedoor.engine.commands import ReadBody
from firedoor.engine.events import RequestBroken, RequestRead
from firedoor.fronts.body import BadCoding, Decoder, TooLarge
from firedoor.fronts.drive import LOG
from firedoor.fronts.sidecar.asgi import Receive
from firedoor.fronts.spool import Spool
from firedoor.types.exchange import SpooledBody


class Bodies:
    """A request's body as it came and, where it is coded, as it is read: in memory or on disk."""

    def __init__(self, wanted: ReadBody, codings: list[bytes], folder: Path | None) -> None:
        self._wanted = wanted
        self._came_bytes = 0
        self._came = Spool(folder, on_disk=wanted.spool)
        self._read = Spool(folder, on_disk=wanted.spool) if codings else self._came
        self._decoder: Decoder | None = None
        with contextlib.suppress(BadCoding):
            self._decoder = Decoder(codings, wanted.limit_bytes)

    def feed(self, chunk: bytes) -> None:
        """Take some bytes of it.

        Raises:
            TooLarge: It is longer than it may be, or comes to more.
            OSError: There is no room for it.
        """
        self._came_bytes += len(chunk)
        if self._came_bytes > self._wanted.limit_bytes:
            raise TooLarge("too long")
        if self._read is not self._came:
            self._came.write(chunk)
        if self._decoder is None:
            return
        try:
            for piece in self._decoder.feed(chunk):
                if self._wanted.reader is not None:
                    self._wanted.reader.feed(piece)
                self._read.write(piece)
        except BadCoding:
            self._decoder = None

    def end(self) -> RequestRead | RequestBroken:
        """What is told of a body that came to its end."""
        try:
            if self._decoder is not None:
                self._decoder.end()
                return RequestRead(self._body(self._read), time.time())
        except BadCoding:
            pass
        return RequestBroken("coding", time.time(), self._body(self._came))

    def _body(self, spool: Spool) -> bytes | SpooledBody:
        return spool if self._wanted.spool else b"".join(spool.chunks())

    def close(self) -> None:
        """Let go of everything."""
        self._came.close()
        self._read.close()


async def read_body(bodies: Bodies, receive: Receive) -> RequestRead | RequestBroken:
    """The body, to its end or to whatever kept it from coming whole."""
    more = True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return RequestBroken("gone", time.time())
            bodies.feed(message.get("body", b""))
            more = message.get("more_body", False)
    except TooLarge:
        return RequestBroken("too_large", time.time())
    except OSError:
        LOG.exception("an upload could not be put on disk")
        return RequestBroken("disk", time.time())
    return bodies.end()

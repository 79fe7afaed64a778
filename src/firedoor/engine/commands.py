"""Commands: what an exchange asks of the front that drives it.

A front performs them in order. ``ReadBody``, ``LookKey``, ``LookWho``, ``LookParts``, ``Commit`` and
``Forward`` are answered with an event; the others are not.
"""

from typing import NamedTuple, Protocol

from firedoor.engine.port import Commit, LookKey, LookParts, LookWho
from firedoor.types.exchange import Headers, SpooledBody


class BodyReader(Protocol):
    """Whoever wants a body's bytes as they come. Never raises."""

    def feed(self, chunk: bytes) -> None:
        """Take some of them, in order."""
        ...


class ReadBody(NamedTuple):
    """Read the request body whole, at most ``limit_bytes``; answer RequestRead or RequestBroken."""

    limit_bytes: int
    reader: BodyReader | None = None
    """Fed with the body as it comes, after content coding."""
    spool: bool = False
    """Whether the body may lie in a file: nobody will ask for its bytes again."""


class Forward(NamedTuple):
    """Start the upstream call; answer UpstreamHead, then UpstreamBytes…, UpstreamEnd, or
    UpstreamFailed at any point. Redirects are not followed."""

    upstream: str
    """Name of the upstream: its base URL and key are the front's business."""
    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | SpooledBody


class SendHead(NamedTuple):
    """Start the answer to the client."""

    status: int
    headers: Headers


class SendBytes(NamedTuple):
    """Send these bytes of the answer now."""

    chunk: bytes


class StopUpstream(NamedTuple):
    """Close the upstream connection at once; no more events of it are wanted."""


class Finish(NamedTuple):
    """The exchange is over. ``clean`` is False when the connection must be cut instead."""

    clean: bool = True


Command = (
    ReadBody
    | LookKey
    | LookWho
    | LookParts
    | Commit
    | Forward
    | SendHead
    | SendBytes
    | StopUpstream
    | Finish
)

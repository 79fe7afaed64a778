"""Events: what happened, told to an exchange by the front that drives it. All carry their time."""

from typing import NamedTuple

from firedoor.engine.port import (
    Committed,
    Exhausted,
    FoundKey,
    FoundParts,
    FoundWho,
    Stale,
    StoreFailed,
)
from firedoor.types.exchange import Headers, SpooledBody


class RequestRead(NamedTuple):
    """The whole request body, after content coding."""

    body: bytes | SpooledBody
    at: float


class RequestBroken(NamedTuple):
    """The body could not be read: too large, badly coded, no room, or the client went away."""

    reason: str
    """``too_large | coding | disk | gone``."""
    at: float
    body: bytes | SpooledBody = b""
    """The body as it came, where the door cannot take its coding off."""


class UpstreamHead(NamedTuple):
    """Status and headers of the provider's answer."""

    status: int
    headers: Headers
    at: float


class UpstreamBytes(NamedTuple):
    """Some bytes of the provider's answer body."""

    chunk: bytes
    at: float


class UpstreamEnd(NamedTuple):
    """The provider's answer body ended as HTTP demands."""

    at: float


class UpstreamFailed(NamedTuple):
    """The provider could not be reached, or the answer broke off."""

    reason: str
    """``refused | timeout | reset | redirect | malformed | shutdown | inner``: a word, never the
    provider's text."""
    at: float


class CallerGone(NamedTuple):
    """The client left, or closed the stream early."""

    at: float


Event = (
    RequestRead
    | RequestBroken
    | FoundKey
    | FoundWho
    | FoundParts
    | Committed
    | Stale
    | Exhausted
    | StoreFailed
    | UpstreamHead
    | UpstreamBytes
    | UpstreamEnd
    | UpstreamFailed
    | CallerGone
)

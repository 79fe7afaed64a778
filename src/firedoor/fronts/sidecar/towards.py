"""A request as it goes on to its provider: address, headers with the right key, and body."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from firedoor.config import UpstreamSetting
from firedoor.fronts.credentials import credential
from firedoor.fronts.sidecar.header_bytes import text_of
from firedoor.fronts.sidecar.waiting import Waiting
from firedoor.fronts.spool import Spool
from firedoor.identity import CREDENTIAL_HEADERS, QUERY_CREDENTIAL
from firedoor.types.exchange import Headers, SpooledBody


def reason_of(error: BaseException) -> str:
    """Why a provider was not reached, in a word that the engine knows."""
    if isinstance(error, TimeoutError):
        return "timeout"
    return "refused" if isinstance(error, aiohttp.ClientConnectorError) else "reset"


def target(setting: UpstreamSetting, path: str, query: str) -> URL:
    """Where the request goes."""
    if query or len(path) > 64:
        return _url(setting.base_url, path, query)
    return _plain_url(setting.base_url, path)


@lru_cache(maxsize=256)
def _plain_url(base: str, path: str) -> URL:
    return _url(base, path, "")


def query_for(query: str, key: str | None) -> str:
    """The query for an upstream: with its own key, the caller's stays here."""
    if key is None or not query:
        return query
    kept = [p for p in query.split("&") if unquote(p.partition("=")[0]) != QUERY_CREDENTIAL]
    return "&".join(kept)


_VERSIONS: Final = ("/v1", "/v1beta", "/v1alpha")


def _url(base: str, path: str, query: str) -> URL:
    # People write the base URL with and without the version.
    for version in _VERSIONS:
        if base.endswith(version) and path.startswith((version + "/", f"/upload{version}/")):
            base = base.removesuffix(version)
    return URL(base + path + (f"?{query}" if query else ""), encoded=True)


# A client sends the same few headers with each of its calls.
@lru_cache(maxsize=1024)
def with_key(headers: Headers, upstream: str, key: str | None) -> CIMultiDict[str]:
    """The headers for this upstream, with its own key in place of the caller's, if it has one."""
    kept = CIMultiDict(
        (n.decode("latin-1"), text_of(v))
        for n, v in headers
        if key is None or n not in CREDENTIAL_HEADERS
    )
    if key is not None:
        for name, value in credential(upstream, key):
            kept.add(name.decode(), value.decode("latin-1"))
    return kept


def sized(headers: CIMultiDict[str], body: bytes | SpooledBody) -> CIMultiDict[str]:
    """The headers with the length of a body that aiohttp cannot measure."""
    if isinstance(body, bytes):
        return headers
    sized = headers.copy()
    sized["content-length"] = str(body.size_bytes)
    return sized


def sent(body: bytes | SpooledBody, waiting: Waiting) -> bytes | AsyncIterator[bytes] | None:
    """The body as aiohttp takes it."""
    if isinstance(body, Spool):
        return _from_disk(body, waiting)
    assert isinstance(body, bytes)
    return body or None


async def _from_disk(spool: Spool, waiting: Waiting) -> AsyncIterator[bytes]:
    """A spooled body, read off the loop: the disk may be slow."""
    chunks = spool.chunks()
    while (chunk := await asyncio.to_thread(next, chunks, b"")) != b"":
        # A provider that takes what it is sent is not silent.
        waiting.since_s = time.monotonic()
        yield chunk

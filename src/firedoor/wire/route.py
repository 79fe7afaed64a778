"""Which endpoint a method and path name. What is not named here is unknown, and says so."""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from firedoor.types.exchange import Surface

_CLEAN: Final = re.compile(r"(?:/[A-Za-z0-9_.:~-]+)+")
_SEGMENT: Final = r"[A-Za-z0-9_.:-]{1,200}"


class Endpoint(NamedTuple):
    """One operation of a provider's API."""

    surface: Surface
    name: str
    upstream: str
    known: bool = True
    has_body: bool = True


class _Row(NamedTuple):
    method: str
    path: re.Pattern[str]
    endpoint: Endpoint
    queries: frozenset[str]


def _row(method: str, path: str, endpoint: Endpoint, queries: str = "") -> _Row:
    return _Row(method, re.compile(path), endpoint, frozenset(queries.split()))


_O, _A = "openai", "anthropic"
# A row an endpoint: method, path below the API's root, what it is, the query names it takes.
_ROWS: Final = (
    _row("POST", "/chat/completions", Endpoint(Surface.OPENAI_CHAT, "chat.completions.create", _O)),
    _row("POST", "/responses", Endpoint(Surface.OPENAI_RESPONSES, "responses.create", _O)),
    _row("POST", "/embeddings", Endpoint(Surface.OPENAI_EMBEDDINGS, "embeddings.create", _O)),
    _row(
        "GET", "/models", Endpoint(Surface.OPENAI_MODELS, "models.list", _O, has_body=False),
        "limit after_id before_id",
    ),
    _row(
        "GET", f"/models/{_SEGMENT}",
        Endpoint(Surface.OPENAI_MODELS, "models.retrieve", _O, has_body=False),
    ),
    _row(
        "POST", "/messages", Endpoint(Surface.ANTHROPIC_MESSAGES, "messages.create", _A), "beta"
    ),
    _row(
        "POST", "/messages/count_tokens",
        Endpoint(Surface.ANTHROPIC_COUNT_TOKENS, "messages.count_tokens", _A), "beta",
    ),
)  # fmt: skip
_ANTHROPIC_ROOT: Final = ("/messages",)


def _below_root(path: str) -> str:
    """The path below the last ``/v1``; the path itself where there is none."""
    _, found, rest = path.rpartition("/v1/")
    return "/" + rest if found else path


@lru_cache(maxsize=512)
def route(method: str, path: str, query: str = "", upstream: str | None = None) -> Endpoint:
    """The endpoint that a request names.

    Args:
        upstream: The upstream that the front or a header names; it decides where providers share
            a path (``/v1/models``).

    A path with an empty or dotted segment, an escape, a parameter or a trailing slash is no
    endpoint's, whatever a lenient server would make of it.
    """
    guess = upstream or (_A if _below_root(path).startswith(_ANTHROPIC_ROOT) else _O)
    unknown = Endpoint(Surface.UNKNOWN, "unknown", guess, known=False)
    if not _CLEAN.fullmatch(path) or any(s in (".", "..") for s in path.split("/")):
        return unknown
    below = _below_root(path)
    for row in _ROWS:
        if row.method != method or not row.path.fullmatch(below):
            continue
        endpoint = row.endpoint
        if endpoint.surface is Surface.OPENAI_MODELS and upstream == _A:
            endpoint = endpoint._replace(surface=Surface.ANTHROPIC_MODELS)
        if upstream is not None:
            endpoint = endpoint._replace(upstream=upstream)
        names = {pair.partition("=")[0] for pair in query.split("&") if pair}
        return endpoint if names <= row.queries else unknown
    return unknown

"""Which endpoint a method and path name. What the inventory does not name is unknown, and says so."""

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from firedoor.types.exchange import Surface
from firedoor.types.part import Part
from firedoor.wire.inventory import endpoints
from firedoor.wire.inventory.endpoints import Act, Match
from firedoor.wire.inventory.queries import query_names

_CLEAN: Final = re.compile(r"(?:/[A-Za-z0-9_.:~-]+)+")
_GEMINI_ROOT: Final = re.compile(r"/(?:upload/)?v1(?:alpha|beta)\d*/")
_VERSION: Final = re.compile(r"/v1(?:alpha|beta)?\d*/")
_METADATA: Final = re.compile(r"metadata\[[^\[\]]{1,64}\]")
_ID_CHARS_MAX: Final = 512

CONTENT: Final = ".content"
"""How an operation is called whose body is a file, where another with the same path names it."""
_UPLOAD_ID: Final = "upload_id"

# What a path calls a thing that is no thing of anybody's.
_WORDS: Final = frozenset({"model", "model_id", "version"})

REROUTING: Final = frozenset(
    {
        b"x-http-method", b"x-http-method-override", b"x-method-override", b"x-original-method",
        b"x-original-uri", b"x-original-url", b"x-rewrite-url",
    }
)  # fmt: skip
"""Headers by which some servers take another method or path than the one that was judged."""

# What a body may name that the answer, or a tool at the provider, writes into.
_WRITTEN: Final = frozenset({"container", "conversation", "thread"})

# Families whose things have owners here, so that a list of them can be cut down to one's own.
_FILTERED: Final = frozenset(
    {"batches", "caches", "containers", "files", "media", "memory", "retrieval", "stored"}
)

_SURFACES: Final = {
    ("openai", "chat.completions.create"): Surface.OPENAI_CHAT,
    ("openai", "responses.create"): Surface.OPENAI_RESPONSES,
    ("openai", "responses.cancel"): Surface.OPENAI_RESPONSES,
    ("openai", "responses.compact"): Surface.OPENAI_RESPONSES,
    ("openai", "responses.retrieve"): Surface.OPENAI_RESPONSES,
    ("openai", "responses.input_tokens.count"): Surface.OPENAI_RESPONSES,
    ("openai", "embeddings.create"): Surface.OPENAI_EMBEDDINGS,
    ("openai", "completions.create"): Surface.OPENAI_COMPLETIONS,
    ("openai", "decisions.create"): Surface.OPENAI_DECISIONS,
    ("anthropic", "messages.create"): Surface.ANTHROPIC_MESSAGES,
    ("anthropic", "messages.count_tokens"): Surface.ANTHROPIC_COUNT_TOKENS,
    ("gemini", "models.generate_content"): Surface.GEMINI_GENERATE,
    ("gemini", "models.generate_content_stream"): Surface.GEMINI_GENERATE,
    ("gemini", "models.count_tokens"): Surface.GEMINI_COUNT,
    ("gemini", "models.compute_tokens"): Surface.GEMINI_COUNT,
    ("gemini", "models.embed_content"): Surface.GEMINI_EMBED,
    ("gemini", "decisions.create"): Surface.GEMINI_DECISIONS,
    ("gemini", "interactions.create"): Surface.GEMINI_INTERACTIONS,
    ("gemini", "interactions.get"): Surface.GEMINI_INTERACTIONS,
    ("gemini", "interactions.cancel"): Surface.GEMINI_INTERACTIONS,
}
_CATALOGS: Final = {p: Surface(f"{p}.models") for p in endpoints.PROVIDERS}


class Endpoint(NamedTuple):
    """One operation of a provider's API, as a request names it."""

    surface: Surface
    name: str
    upstream: str
    known: bool = True
    has_body: bool = True
    provider: str = ""
    family: str = ""
    act: Act = Act.CALL
    ids: tuple[tuple[str, str], ...] = ()
    """The ids in the path: (what the path calls it, value)."""

    @property
    def needs_body(self) -> bool:
        """Whether a request without a body is none."""
        return self.has_body and self.act in (Act.CALL, Act.CREATE)

    @property
    def lists_all(self) -> bool:
        """Whether the answer lists what a credential owns, whoever had it made."""
        return self.act is Act.LIST and not self.ids and self.family in _FILTERED

    @property
    def keeps(self) -> bool:
        """Whether it is about what the provider keeps: its answer is the provider's own words."""
        return self.family in _FILTERED

    @property
    def retells(self) -> bool:
        """Whether the answer is what a model said in an earlier call, named in the path."""
        return bool(self.ids) and self.act is not Act.CREATE

    def writes_into(self, part: Part) -> bool:
        """Whether the call writes into what ``part``, a reference of its request, names."""
        if part.pointer.startswith(":"):
            return self.act in (Act.CREATE, Act.CHANGE)
        return part.resource in _WRITTEN and self.act in (Act.CALL, Act.CREATE, Act.CHANGE)


def _surface(match: Match) -> Surface:
    operation = match.operation
    if operation.family == "catalog":
        return _CATALOGS[operation.provider]
    known = _SURFACES.get((operation.provider, operation.name))
    return known or Surface(f"{operation.provider}.{operation.family}")


def _below_root(path: str, *, rooted: bool) -> str:
    """The path below its version; itself where there is none. Gemini's ``/upload`` stays."""
    found = list(_VERSION.finditer(path))
    if not found:
        return path
    if rooted:
        # What stands before the first version, the provider would take for part of the path.
        before, found = path[: found[0].start()], found[:1]
        if before not in ("", "/upload"):
            return ""
    upload = "/upload" if path[: found[-1].start()].endswith("/upload") else ""
    return f"{upload}/{path[found[-1].end() :]}"


def _providers(path: str, upstream: str | None) -> tuple[str, ...]:
    """The providers whose inventory may name this path, the likeliest first."""
    if upstream in endpoints.PROVIDERS:
        return (upstream,)
    if _GEMINI_ROOT.search(path):
        return ("gemini",)
    return endpoints.PROVIDERS


# What Gemini names by a bare id; everything else it names by its place: ``files/abc``.
_BARE: Final = frozenset({"models", "interactions"})


def _placed(match: Match) -> tuple[tuple[str, str], ...]:
    """The ids of a Gemini path as answers and bodies spell them: with the collections above."""
    values = iter(match.ids)
    path, out = "", []
    for segment in match.operation.path.removeprefix("/upload").split("/")[1:]:
        if not segment.startswith("{"):
            path += segment + "/"
            continue
        name, value = next(values)
        bare = path.removesuffix("/") in _BARE
        out.append((name, value if bare else path + value))
        path += value + "/"
    return tuple(out)


def _parameter(name: str) -> str:
    """The name of a query's parameter; ``metadata[anything]`` is ``metadata``."""
    name = unquote(name)
    return "metadata" if _METADATA.fullmatch(name) else name


def resource_of(parameter: str) -> str | None:
    """What the id that a path calls ``parameter`` names; None where it is a word."""
    return None if parameter in _WORDS else parameter.removesuffix("_id")


@lru_cache(maxsize=512)
def route(
    method: str,
    path: str,
    query: str = "",
    upstream: str | None = None,
    *,
    rooted: bool = False,
) -> Endpoint:
    """The endpoint that a request names.

    Args:
        upstream: The upstream that the front or a header names; it decides where providers share
            a path (``/v1/models``).
        rooted: Whether the version begins the path, as it does at a sidecar. In process a base URL
            may have a path of its own before it.

    A path with an empty or dotted segment, an escape, a parameter or a trailing slash is no
    endpoint's, whatever a lenient server would make of it.
    """
    below = _below_root(path, rooted=rooted)
    providers = _providers(path, upstream)
    guess = upstream or ("anthropic" if below.startswith("/messages") else providers[0])
    unknown = Endpoint(Surface.UNKNOWN, "unknown", guess, known=False)
    if not _CLEAN.fullmatch(path) or any(s in (".", "..") for s in path.split("/")):
        return unknown
    for provider in providers:
        match = endpoints.find(provider, method, below)
        if match is None or any(len(value) > _ID_CHARS_MAX for _, value in match.ids):
            continue
        operation = match.operation
        given = [pair.partition("=") for pair in query.split("&") if pair]
        names = {_parameter(name) for name, _, _ in given}
        if not names <= query_names(operation):
            continue
        uploads = [unquote(v) for name, _, v in given if unquote(name) == _UPLOAD_ID]
        if len(uploads) > 1 or not all(uploads):
            continue
        ids = _placed(match) if provider == "gemini" else match.ids
        return Endpoint(
            surface=_surface(match),
            name=operation.name + (CONTENT if uploads else ""),
            upstream=upstream or provider,
            has_body=method not in ("GET", "HEAD", "DELETE"),
            provider=provider,
            family=operation.family,
            act=operation.act,
            ids=(*ids, *((_UPLOAD_ID, value) for value in uploads)),
        )
    return unknown

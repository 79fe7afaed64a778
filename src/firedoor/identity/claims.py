"""What a request's headers claim about its caller, and what must come off before upstream."""

from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote

from firedoor.identity.virtual import (
    CREDENTIAL_HEADERS,
    QUERY_CREDENTIAL,
    virtual_in,
)
from firedoor.types.exchange import Headers
from firedoor.types.key import VIRTUAL_PREFIX

_SESSION_HEADERS: Final = (b"x-claude-code-session-id", b"x-parent-session-id")
_PROVENANCE: Final = b"x-firedoor-provenance"
_NAME_CHARS_MAX: Final = 200
# Keys that people write where a client insists on one. They belong to nobody, so they name nobody.
_PLACEHOLDERS: Final = frozenset(
    [
        "-",
        "x",
        "xxx",
        "none",
        "null",
        "empty",
        "test",
        "testing",
        "dummy",
        "fake",
        "placeholder",
        "unused",
        "not-needed",
        "changeme",
        "sk-test",
        "sk-dummy",
        "sk-fake",
        "sk-xxx",
        "sk-none",
        "sk-placeholder",
        "sk-no-key-required",
        "sk-1234",
        "key",
        "api-key",
        "your-api-key",
        "no-key",
        "nokey",
        "local",
        "ollama",
        "lm-studio",
    ]
)


class Claims(NamedTuple):
    """The headers' word, nothing more. A claim may split a room and never joins one."""

    secret: str
    """The credential as sent; never stored, logged or shown."""
    placeholder: bool
    instance: str | None = None
    compartment: str | None = None
    parent: str | None = None
    channel: str | None = None
    session: str | None = None
    trace: str | None = None
    provenance: tuple[str, ...] = ()
    """Statements, as they were sent: they speak of texts, not of the caller."""
    ambiguous: bool = False
    """Whether head and query hold credentials that differ: which one counts is not known here."""
    virtual: bool = False
    """Whether ``secret`` is a virtual key. It is, wherever one stands; several are none (`ambiguous`)."""


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip()


def _name(value: bytes) -> str | None:
    """A usable name, or None. Control characters and slashes would break names of rooms."""
    text = unquote(_text(value))[:_NAME_CHARS_MAX]
    text = "".join(c if c.isprintable() and c != "/" else "_" for c in text).strip()
    return text or None


def secret_of(headers: Headers) -> str:
    """The credential, wherever an SDK puts one; empty for none."""
    for wanted in CREDENTIAL_HEADERS:
        for name, value in headers:
            if name == wanted:
                text = _text(value)
                scheme, _, rest = text.partition(" ")
                return rest.strip() if scheme.lower() == "bearer" else text
    return ""


def _secret_in(query: str) -> str:
    """The credential in a query; several that differ are one that is like none of them."""
    found = {
        unquote(value)
        for name, _, value in (pair.partition("=") for pair in query.split("&"))
        if unquote(name) == QUERY_CREDENTIAL
    }
    return "\x1f".join(sorted(found))


def is_placeholder(secret: str) -> bool:
    """Whether a key is one of those that people write to fill a field."""
    return secret.strip().lower() in _PLACEHOLDERS or not secret.strip()


def _baggage(value: bytes) -> dict[str, str]:
    found = {}
    for member in _text(value).split(","):
        key, _, rest = member.partition("=")
        key = key.strip()
        if key.startswith("firedoor."):
            found[key] = rest.partition(";")[0].strip()
    return found


def _trace(value: bytes) -> str | None:
    """The trace id of a W3C traceparent, or None if it is malformed or all zero."""
    fields = _text(value).split("-")
    if len(fields) < 4 or len(fields[1]) != 32:
        return None
    trace = fields[1].lower()
    if trace.strip("0") == "" or trace.strip("0123456789abcdef") != "":
        return None
    return trace


def claims_of(headers: Headers, query: str = "") -> Claims:
    """Read every identity signal of the head. Never raises; what is malformed is no claim."""
    claims = _claims_of(tuple([h for h in headers if h[0] in _READ]))
    provenance = tuple([_text(value) for name, value in headers if name == _PROVENANCE])
    if provenance:
        claims = claims._replace(provenance=provenance)
    asked = _secret_in(query) if QUERY_CREDENTIAL in query or "%" in query else ""
    if claims.virtual or (asked and VIRTUAL_PREFIX in asked):
        keys = virtual_in(headers, query)
        if keys:
            return _under_key(claims, keys)
    if not asked or asked == claims.secret:
        return claims
    # Two that differ are a third, so that neither stands for the other.
    secret = asked if claims.placeholder else f"{claims.secret}\x1f{asked}"
    return claims._replace(
        secret=secret,
        placeholder=is_placeholder(secret),
        ambiguous=not claims.placeholder or "\x1f" in asked,
    )


def _under_key(claims: Claims, keys: tuple[str, ...]) -> Claims:
    # The one that was issued here counts, whatever credential of another kind stands beside it.
    return claims._replace(
        secret="\x1f".join(sorted(keys)), placeholder=False, virtual=True, ambiguous=len(keys) > 1
    )


_READ: Final = frozenset(
    {
        *CREDENTIAL_HEADERS,
        *_SESSION_HEADERS,
        b"baggage",
        b"traceparent",
        b"x-claude-code-agent-id",
        b"x-claude-code-parent-agent-id",
        b"x-firedoor-channel",
        b"x-firedoor-compartment",
        b"x-firedoor-instance",
        b"x-firedoor-parent",
    }
)


# A client sends the same few headers with each of its calls.
@lru_cache(maxsize=1024)
def _claims_of(headers: Headers) -> Claims:
    first: dict[bytes, bytes] = {}
    for name, value in headers:
        first.setdefault(name, value)
    baggage = _baggage(first.get(b"baggage", b""))

    def named(header: bytes, key: str | None = None) -> str | None:
        if header in first:
            return _name(first[header])
        return _name(baggage[key].encode()) if key is not None and key in baggage else None

    session = None
    for header in _SESSION_HEADERS:
        session = session or named(header)
    instance = named(b"x-firedoor-instance", "firedoor.instance")
    parent = named(b"x-firedoor-parent", "firedoor.parent")
    if session is not None:
        # Claude Code names a session and, inside it, its agents.
        instance = instance or named(b"x-claude-code-agent-id")
        parent = parent or named(b"x-claude-code-parent-agent-id")
    keys = virtual_in(headers)
    secret = "\x1f".join(sorted(keys)) or secret_of(headers)
    return Claims(
        secret=secret,
        placeholder=is_placeholder(secret),
        virtual=bool(keys),
        ambiguous=len(keys) > 1,
        instance=instance,
        compartment=named(b"x-firedoor-compartment", "firedoor.compartment"),
        parent=parent,
        channel=named(b"x-firedoor-channel", "firedoor.channel"),
        session=session,
        trace=_trace(first.get(b"traceparent", b"")),
    )


# RFC 9110 §7.6.1, and what describes the connection rather than the message.
HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"expect",
    }
)

_REPLACED: Final = frozenset(
    {b"baggage", b"host", b"content-length", b"content-encoding", b"accept-encoding"}
)


_UNLIKE: Final = frozenset({b"content-length", _PROVENANCE})
"""What differs from call to call, and comes off."""


def forwarded_headers(headers: Headers, *, coded: bool = False) -> Headers:
    """The headers that go upstream: firedoor's own, ``baggage`` and hop-by-hop ones come off.

    ``accept-encoding`` becomes ``identity``, so that what is judged is what is passed on.
    ``host`` and ``content-length`` belong to the front. A body that goes on ``coded``, as it came,
    keeps the header that says how.
    """
    return _forwarded(tuple([h for h in headers if h[0] not in _UNLIKE]), coded)


@lru_cache(maxsize=1024)
def _forwarded(headers: Headers, coded: bool) -> Headers:
    named = {
        token.strip().lower()
        for name, value in headers
        if name == b"connection"
        for token in value.split(b",")
    }
    kept = []
    for name, value in headers:
        if name in HOP_BY_HOP or name in named or name.startswith(b"x-firedoor-"):
            continue
        # A coded body was decoded to be judged, and goes on as it was judged.
        if name in _REPLACED and not (coded and name == b"content-encoding"):
            continue
        kept.append((name, value))
    kept.append((b"accept-encoding", b"identity"))
    return tuple(kept)

"""Virtual keys on the road of a call: looked up once, found good, and taken out of what goes on.

A key is asked of the store when a call names one that this engine does not know, and again whenever
orders are newer than what was found: the first look that every call has anyway says so. So a key that
is known costs a call nothing, and one that was revoked admits no call that begins after, on any node.
Keys are checked in every mode: in ``observe`` too, nobody is lent a provider's key unasked.
"""

from typing import TYPE_CHECKING, Final

from firedoor import identity, wire
from firedoor.engine.port import FoundKey
from firedoor.engine.refusing import Refused
from firedoor.identity import Claims
from firedoor.types.exchange import Headers, Surface
from firedoor.types.key import KeyRow

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

NONE_GIVEN: Final = Refused(
    "firedoor_bad_key",
    "This door asks for a key of its own, and the one given is none.",
)
_UNKNOWN: Final = Refused("firedoor_bad_key", "This key is unknown here.")
_SEVERAL: Final = Refused("firedoor_bad_key", "This request holds several keys; send one.")
UNASKED: Final = Refused(
    "firedoor_unavailable", "The door cannot ask its store about this key, so nothing passes."
)
_PROBLEMS: Final = {
    "unknown_block": "it holds something that no key of this door holds",
    "blocks": "it was handed down too often",
    "signature": "it is cut short, altered, or of another door",
    "extra": "this door has not the extra `tokens`",
}
"""Why a token is none, in words. Nothing of its content."""


_READS: Final = frozenset({"GET", "HEAD", "DELETE"})
_SILENT: Final = frozenset(
    {
        Surface.OPENAI_CLASSIFY, Surface.OPENAI_EMBEDDINGS, Surface.OPENAI_FILES,
        Surface.OPENAI_MODELS, Surface.ANTHROPIC_COUNT_TOKENS, Surface.ANTHROPIC_FILES,
        Surface.ANTHROPIC_MODELS, Surface.GEMINI_COUNT, Surface.GEMINI_EMBED, Surface.GEMINI_FILES,
        Surface.GEMINI_MODELS,
    }
)  # fmt: skip
"""Where no model writes anything, so that there is no limit to be sent."""


def wants_key(exchange: "Exchange") -> bool:
    """Whether the call needs a key and names none.

    Google's client sends the bytes of an upload without one: whose they are, their id says, which
    is looked up with the rest.
    """
    return (
        exchange.settings.keys_required
        and exchange.caller.front == "sidecar"
        and not exchange.claims.virtual
        and (bool(exchange.claims.secret) or not wire.resumable.is_content(exchange.endpoint))
    )


def unreadable(claims: Claims) -> Refused | None:
    """The refusal of what can be no key, before anybody is asked."""
    if claims.ambiguous:
        return _SEVERAL
    if len(claims.secret) > identity.KEY_CHARS_MAX:
        return _UNKNOWN
    return None


def refusal(found: FoundKey, at: float) -> Refused | None:
    """The refusal of a key that is none, or not any more; None of a good one."""
    key = found.key
    if key is None:
        why = _PROBLEMS.get(found.problem or "")
        return _UNKNOWN if why is None else Refused("firedoor_bad_key", f"This is no key: {why}.")
    return ended(key, at)


def ended(key: KeyRow, at: float) -> Refused | None:
    """The refusal of a key that was revoked, or whose time is over."""
    if key.revoked is not None:
        return Refused("firedoor_bad_key", f"The key {key.id} was revoked.")
    if key.expires is not None and at >= key.expires:
        return Refused("firedoor_bad_key", f"The key {key.id} has expired.")
    return None


def outside(exchange: "Exchange", key: KeyRow) -> Refused | None:
    """The refusal of a head that asks for more than its key is for."""
    widening = identity.widening(
        key, identity.narrowed(exchange.claims, exchange.caller), exchange.policy.compartment_for
    )
    if widening is not None:
        return Refused("firedoor_denied", widening.message, param=widening.header)
    upstream = exchange.endpoint.upstream
    if key.upstreams and upstream not in key.upstreams:
        return Refused("firedoor_denied", f"This key is not for the upstream {upstream!r}.")
    if upstream not in exchange.settings.keyed_upstreams:
        return Refused(
            "firedoor_denied",
            f"The upstream {upstream!r} has no key of its own here, and a key of this door is "
            "worth nothing there; its operator has to set `upstreams: key:`.",
        )
    return None


def beyond(exchange: "Exchange", key: KeyRow) -> Refused | None:
    """The refusal of a request that asks for more than one call under its key may."""
    request = exchange.request
    if key.tools is not None:
        if request.opaque:
            return Refused("firedoor_denied", "This key is for some tools, and the body is unread.")
        for name, pointer in _defined(request.fields):
            if name is None or name not in key.tools:
                shown = "a tool without a name" if name is None else f"the tool {name[:64]!r}"
                return Refused("firedoor_denied", f"This key is not for {shown}.", param=pointer)
    for kind, amount in key.call_caps:
        asked = _asked(exchange, kind)
        if asked is None or asked > amount:
            told = "sets no limit of its own" if asked is None else f"asks for up to {asked}"
            return Refused(
                "firedoor_budget_exhausted",
                f"One call under this key may use {amount} {kind}; this one {told}.",
            )
    return None


def _asked(exchange: "Exchange", kind: str) -> int | None:
    """What a call asks for at most; None for no bound."""
    request = exchange.request
    if kind == "input_tokens":
        body = request.body
        size = len(body) if isinstance(body, bytes) else body.size_bytes
        return -(-size // 2)
    if exchange.head.method in _READS or exchange.endpoint.surface in _SILENT:
        return 0
    most = request.params.output_tokens_max
    return None if most is None else most * max(1, request.params.choices)


def _defined(fields: object) -> list[tuple[str | None, str]]:
    """(name, pointer) of the tools that a request defines, in every provider's shape."""
    found: list[tuple[str | None, str]] = []
    if not isinstance(fields, dict):
        return found
    for field in ("tools", "functions"):
        listed = fields.get(field)
        for index, tool in enumerate(listed if isinstance(listed, list) else ()):
            pointer = f"/{field}/{index}"
            if not isinstance(tool, dict):
                found.append((None, pointer))
                continue
            declared = tool.get("functionDeclarations") or tool.get("function_declarations")
            if isinstance(declared, list):
                found += [(_named(d), f"{pointer}/{i}") for i, d in enumerate(declared)]
                others = set(tool) - {"functionDeclarations", "function_declarations"}
                found += [(name, pointer) for name in sorted(others)]
            else:
                inner = tool.get("function") or tool.get("custom") or tool
                # A tool that runs at the provider has a type and no name.
                found.append((_named(inner) or _text(tool.get("type")) or _only(tool), pointer))
    return found


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _named(value: object) -> str | None:
    return _text(value.get("name")) if isinstance(value, dict) else None


def _only(tool: dict[str, object]) -> str | None:
    return next(iter(tool)) if len(tool) == 1 else None


def left_of(exchange: "Exchange") -> tuple[str, Headers]:
    """Query and headers as they go on: of a key of this door, nothing leaves it."""
    query = exchange.head.query
    headers = identity.forwarded_headers(exchange.head.headers, coded=exchange.request.coded)
    if not exchange.claims.virtual:
        return query, headers
    secret = exchange.claims.secret
    return identity.query_without_key(query, secret), identity.without_key(headers, secret)


def speaks_for_people(key: KeyRow | None) -> bool:
    """Whether what stands in user turns of its calls was typed by a person."""
    return key is not None and key.may("human")

"""What is refused before its text is judged: for a head, a body, an operation, or an open hop.

A refusal is a value: whoever finds the reason makes it, and the exchange writes it down and sends it.
"""

from typing import Final, NamedTuple

from firedoor import identity, wire
from firedoor.identity import Claims, Who
from firedoor.policy import Policy, RequestVerdict, hop_verdict
from firedoor.types.exchange import Mode, RequestHead
from firedoor.types.record import QuarantineRow
from firedoor.types.verdict import Action, RequestAsk


class Refused(NamedTuple):
    """Why a call does not go upstream, as its client and the ledger are told."""

    code: str
    """One of DESIGN §7."""
    message: str
    param: str | None = None
    """The place in the request that it is about."""
    rule: str | None = None
    quarantine: tuple[QuarantineRow, ...] = ()
    """What a person has to release first."""
    retry_after_s: int | None = None
    """When it may be tried again, where waiting helps."""


CONTAINED: Final = Refused(
    "firedoor_contained",
    "This instance, its room or its key is contained: its calls are refused until a "
    "person lifts that.",
)
CODED: Final = Refused(
    "firedoor_malformed",
    "The content coding of the request body is unknown, broken or expands too far; "
    "send it uncompressed.",
)
"""Of a body that cannot be read for its coding: in ``observe`` it goes on unread."""


def by_body(reason: str, limit_bytes: int) -> Refused | None:
    """The refusal of a body that the front could not bring, in any mode."""
    if reason == "too_large":
        return Refused(
            "firedoor_too_large", f"The request body is larger than {limit_bytes} bytes."
        )
    if reason == "disk":
        return Refused(
            "firedoor_unavailable", "The door has no room on disk for a body of this size."
        )
    return None


def request_ask(endpoint: wire.Endpoint, who: Who, hop: str | None = None) -> RequestAsk:
    """What the policy is asked of an operation, or of a hop that a request for it opens."""
    row, base = who.instance, who.base
    return RequestAsk(
        endpoint=f"{endpoint.provider}:{endpoint.name}",
        family=endpoint.family,
        act=endpoint.act,
        surface=endpoint.surface,
        instance=row.name if row is not None else None,
        compartment=base.name if base is not None else None,
        hop=hop,
    )


def by_head(
    head: RequestHead, named: set[bytes], claims: Claims, endpoint: wire.Endpoint, mode: Mode
) -> Refused | None:
    """The refusal of a head that asks for what could not be judged, or says two things at once."""
    if b"upgrade" in named:
        return Refused(
            "firedoor_unknown_surface",
            "Protocol upgrades do not pass this door: nothing inside them could be judged.",
            param="upgrade",
        )
    rerouting = sorted(wire.REROUTING & named)
    if rerouting:
        return Refused(
            "firedoor_unknown_surface",
            "A header of this request names another method or path than the one that was judged.",
            param=rerouting[0].decode(),
        )
    if claims.ambiguous:
        return Refused(
            "firedoor_malformed",
            "The head and the query hold credentials that differ; send one.",
            param="?" + identity.QUERY_CREDENTIAL,
        )
    if not endpoint.known:
        return Refused(
            "firedoor_unknown_surface",
            f"This door does not know {head.method} on this path, so it does not pass it "
            f"in {mode} mode.",
        )
    odd = wire.resumable.odd_upload(endpoint, head.headers)
    if odd is not None:
        return Refused(
            "firedoor_unknown_surface",
            f"This door does not read uploads of this kind, so it does not pass them in {mode} "
            "mode.",
            param=odd,
        )
    return None


def by_operation(asked: RequestVerdict, ask: RequestAsk, name: str, mode: Mode) -> Refused | None:
    """The refusal of an operation that the policy does not let through, by its name."""
    verdict = asked.verdict
    if verdict.action is Action.ALLOW:
        return None
    return Refused(
        "firedoor_denied",
        f"{name} does not pass this door in {mode} mode: {asked.why}. A rule that "
        f"matches endpoint {ask.endpoint!r} can let it through.",
        param=ask.endpoint,
        rule=verdict.rule,
    )


def by_hop(
    policy: Policy,
    endpoint: wire.Endpoint,
    who: Who,
    hops: list[tuple[str, str]],
    rules: dict[str, None],
) -> Refused | None:
    """The refusal of the first hop that no rule of the file lets through.

    Those that did let one through are added to ``rules``.
    """
    for hop, place in hops:
        verdict = hop_verdict(policy, request_ask(endpoint, who, hop))
        if verdict.action is not Action.ALLOW:
            return Refused(
                "firedoor_denied",
                f"{place} opens a hop of the kind {hop!r}: {wire.HOPS[hop]}. In {policy.mode} "
                f"mode only a rule that matches hop {hop!r} can let it through.",
                param=place,
                rule=verdict.rule,
            )
        if verdict.rule is not None:
            rules[verdict.rule] = None
    return None

"""What is written down of a request: to the ledger ids, counts and digests, to ``explain`` its parts.

Neither holds text: pointers, lengths and keyed digests only.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from firedoor import identity
from firedoor.engine import explain, proving
from firedoor.engine.judged import Outcomes
from firedoor.engine.trail import Tally
from firedoor.types.ids import RoomId
from firedoor.types.label import BOTTOM, Label
from firedoor.types.part import Channel

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


def opened(exchange: "Exchange", outcomes: Outcomes) -> dict[str, Any]:
    """The row of ``explain``, as far as it is known before anything goes upstream."""
    request, judged = exchange.request, exchange.judged
    row = exchange.known_instance()
    tally = exchange.tally
    trail = request.trail
    turns = [p for section, o in outcomes if section is None for p in o.parts]
    fields: dict[str, Any] = {}
    presented = proving.told(request.presented, tally.statements)
    files = request.upload.files(exchange.settings.digester) if request.upload is not None else []
    for file in files:
        review = judged.reviews.get(file["pointer"] + "#lines")
        if review is not None:
            file["written"] = review[1]
    for name, (owner, outcome) in judged.field_outcomes.items():
        fields[name] = {"parts": outcome.parts} if owner == exchange.call_id else {"call": owner}
    for section, outcome in outcomes:
        if section is not None and section not in fields:
            fields[section] = {"parts": outcome.parts}
    return {
        "call": exchange.call_id,
        "time": explain.time_text(exchange.started_at),
        "instance": row.name,
        "instance_id": row.id,
        "compartment": row.compartment,
        "room": row.room,
        "run": identity.shown_run(row.run),
        "identity": row.identity,
        **({} if judged.compared else {"matching": "incomplete"}),
        "parents": list(row.parents),
        **({"key": exchange.key.id} if exchange.key is not None else {}),
        **({"prices": prices} if (prices := exchange.settings.prices_digest) else {}),
        "surface": exchange.endpoint.surface,
        "endpoint": exchange.endpoint.name,
        "method": exchange.head.method,
        "stream": request.params.stream,
        "model": request.params.model,
        "mode": exchange.mode,
        "policy": request.policy_digest,
        "verdict": exchange.verdict,
        "code": exchange.code,
        "generation": tally.shown.generation,
        "coverage": coverage(tally),
        "exposures": exposures(tally),
        "hops": [{"name": name, "at": place} for name, place in dict.fromkeys(request.hops)],
        "unknown": request.unknown,
        "holds": exchange.budgeting.told(),
        "turns": {
            "base": trail.call if trail is not None and request.common else None,
            "count": trail.marks[request.common - 1].parts if trail and request.common else 0,
            "parts": turns,
        },
        "fields": fields,
        **({"presented": presented} if presented is not None else {}),
        **({"files": files} if files else {}),
    }


def coverage(t: Tally) -> dict[str, int]:
    """How much was judged and attributed. ``words`` of the protocol count as both."""
    return {
        "judged": t.judged,
        "attributed": t.attributed,
        "total": t.total,
        "opaque": t.opaque,
        "words": t.words,
        "assumed": t.assumed,
        "unproven": t.unproven,
        "withheld": t.withheld,
        "forged": t.forged,
        "transplanted": t.transplanted,
    }


def exposures(tally: Tally, label: Label | None = None) -> list[dict[str, Any]]:
    """By whom the shown context was written, where it came from other rooms."""
    shown = label if label is not None else tally.shown
    if not tally.exposures and shown == BOTTOM:
        return []
    covered = {e.room for e in tally.exposures}
    told = [
        {
            "author": e.author,
            "compartment": e.compartment,
            "generation": e.generation,
            "channel": e.channel.value,
            "call": e.call,
        }
        for e in tally.exposures
    ]
    return told + _ancestry(shown, covered)


def _ancestry(label: Label, covered: Iterable[RoomId | str]) -> list[dict[str, Any]]:
    """The rooms of an ancestry that no other row of ``explain`` tells of."""
    known = set(covered)
    return [
        {
            "author": None,
            "compartment": root,
            "generation": label.generation,
            "channel": Channel.HISTORY.value,
            "call": None,
        }
        for root in sorted(label.ancestry)
        if root not in known
    ]


def entry(exchange: "Exchange") -> dict[str, object]:
    """The ledger's row: ids, counts and keyed digests, never text."""
    row = exchange.known_instance()
    request, judged, tally = exchange.request, exchange.judged, exchange.tally
    presented = proving.told(request.presented, tally.statements)
    return {
        "call": exchange.call_id,
        "instance": row.id,
        "name": row.name,
        "room": row.room,
        "run": row.run,
        **({"key": exchange.key.id} if exchange.key is not None else {}),
        **({"prices": prices} if (prices := exchange.settings.prices_digest) else {}),
        "surface": exchange.endpoint.surface,
        "endpoint": exchange.endpoint.name,
        "mode": exchange.mode,
        "policy": request.policy_digest,
        "verdict": exchange.verdict,
        "code": exchange.code,
        "rules": list(judged.rules),
        "label": explain.label_json(tally.shown),
        "coverage": coverage(tally),
        "quarantine": list(judged.quarantined),
        "hops": sorted({name for name, _ in request.hops}),
        "request": request.attempt.hex() if request.attempt is not None else None,
        **({"presented": presented} if presented is not None else {}),
    }

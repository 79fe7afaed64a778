"""What an answer's headers tell its client of the call, as far as the policy lets them out."""

from typing import TYPE_CHECKING

from firedoor.types.exchange import Headers

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


def own_headers(exchange: "Exchange", *, refusal: bool) -> Headers:
    """firedoor's own response headers; with ``refusal`` those of an answer that is the door's."""
    wanted = exchange.policy.headers
    if wanted == "call" and not exchange.store_down:
        return ((b"x-firedoor-call", exchange.call_id.encode()),)
    t = exchange.tally
    values = {
        "x-firedoor-call": exchange.call_id,
        "x-firedoor-verdict": "denied" if refusal else exchange.verdict,
        "x-firedoor-generation": "unknown"
        if t.shown.generation is None
        else str(t.shown.generation),
        "x-firedoor-parts": f"{t.judged}/{t.attributed}/{t.total}",
        "x-firedoor-overhead-ms": f"{exchange.overhead_s * 1000:.2f}",
    }
    if exchange.store_down:
        values["x-firedoor-unrecorded"] = "store unavailable"
    return tuple(
        (name.encode(), value.encode())
        for name, value in values.items()
        if name == "x-firedoor-call" or wanted == "all" or name in wanted
    )

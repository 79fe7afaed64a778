"""The first commit of a call: before anything goes upstream, or in its place where it is refused.

It holds the entry, what the run and the instance are now, what was decided, the reach that was spent,
and the text of what is new, for the store to keep encrypted.
"""

from typing import TYPE_CHECKING, Final

from firedoor.engine import explain, record
from firedoor.engine.judged import Outcomes
from firedoor.engine.port import CallRow, Commit, EntryDraft
from firedoor.engine.reading import RequestReader, Section
from firedoor.engine.refusing import Refused
from firedoor.engine.scene import Scene
from firedoor.types.ids import RoomId
from firedoor.types.label import join
from firedoor.types.part import Kind
from firedoor.types.record import RunRow

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

_FILE_CHARS_KEPT_MAX: Final = 1 << 20


def commit(exchange: "Exchange", scene: Scene, outcomes: Outcomes) -> Commit:
    """What must be durable before the request goes upstream."""
    request = exchange.request
    row = exchange.known_instance()
    new = [o for _, o in outcomes]
    hold = exchange.budgeting.hold([m for o in new for m in o.moved])
    reach = {pair: None for o in new for pair in o.tally.crossed}
    trail = request.trail
    chains = request.chains()
    unlimited = 1 << 30
    return Commit(
        at=exchange.at,
        call=CallRow(
            call=exchange.call_id,
            instance=row.id,
            base=trail.call if trail is not None else None,
            base_parts=trail.marks[request.common - 1].parts if trail and request.common else 0,
            opened=explain.compact_bytes(record.opened(exchange, outcomes)),
            # It is looked for only where nothing but the conversation names an instance.
            attempt=request.attempt if exchange.who.instance is None else None,
        ),
        entry=EntryDraft("call.open", record.entry(exchange)),
        awaited=exchange.enforcing or exchange.key is not None,
        orders=_orders(exchange),
        instance=None if exchange.engine.stored(row) else row,
        run=_run(exchange, scene),
        judgements=tuple(j for o in new for j in o.judgements) if exchange.enforcing else (),
        grants=tuple(g for o in new for g in o.grants),
        quarantine=tuple(q for o in new for q in o.quarantine) if exchange.enforcing else (),
        continued=(row.credential, chains[0], request.attempt)
        if chains and request.attempt
        else None,
        minted=exchange.references.rises(exchange.tally.shown, row.room),
        reach=tuple(
            (
                RoomId(root),
                RoomId(room),
                exchange.policy.reach_limit_for(root)
                if exchange.enforcing and bounded
                else unlimited,
            )
            for root, room, bounded in reach
        ),
        reach_window_s=exchange.policy.reach_window_s,
        brought=exchange.judged.brought(scene),
        hold=hold,
        content=_content(request) if exchange.settings.keep_content else None,
    )


def refusal(exchange: "Exchange", refused: Refused) -> Commit:
    """What is written down of a call that does not go upstream."""
    row = exchange.known_instance()
    outcomes: Outcomes = [(n, o) for n, (_, o) in exchange.judged.field_outcomes.items()]
    opened = record.opened(exchange, outcomes)
    opened["refusal"] = {
        "message": refused.message,
        "param": refused.param,
        "rule": refused.rule,
    }
    closed = {"verdict": "denied", "code": refused.code, "state": "refused"}
    return Commit(
        at=exchange.at,
        call=CallRow(
            call=exchange.call_id,
            instance=row.id,
            base=None,
            base_parts=0,
            opened=explain.compact_bytes(opened),
            closed=explain.compact_bytes(closed),
            attempt=exchange.request.attempt,
            answered=True,
        ),
        entry=EntryDraft("call.open", record.entry(exchange)),
        instance=row,
        run=RunRow(
            row.run,
            row.room,
            join(exchange.judged.run_label, exchange.tally.presented),
            exchange.who.parent_run,
        ),
        quarantine=refused.quarantine,
    )


def _orders(exchange: "Exchange") -> int | None:
    """The version of the orders that the call was admitted under."""
    if exchange.key_orders is not None:
        # A key that was revoked meanwhile admits nothing, in any mode.
        return exchange.key_orders
    # In `observe` nothing else is refused, so there is nothing to judge again.
    return exchange.engine.orders if exchange.enforcing else None


def _run(exchange: "Exchange", scene: Scene) -> RunRow | None:
    """The run with what this call presents joined in; None where the store has it so."""
    row, known = exchange.known_instance(), scene.found.run
    label = exchange.run_committed
    parent = exchange.who.parent_run
    if known.known and known.label == label and (parent is None or parent in known.parents):
        return None
    return RunRow(row.run, row.room, label, parent)


def _content(request: RequestReader) -> bytes | None:
    texts = {
        part.pointer: part.text
        for section in (*request.new_turns, *request.new_fields.values())
        if section.outcome is None and not _long_file(request, section)
        for part in section.reading.parts
        # An id or a blob is the provider's, and says nothing to a reader.
        if part.kind is not Kind.WORD and part.kind is not Kind.REFERENCE
    }
    return explain.compact_bytes({"parts": texts}) if texts else None


def _long_file(request: RequestReader, section: Section) -> bool:
    """A file lies at the provider: the store keeps a short one's text, for whoever reviews it."""
    if request.upload is None:
        return False
    return sum(len(part.text) for part in section.reading.parts) > _FILE_CHARS_KEPT_MAX

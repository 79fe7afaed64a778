"""The commits of an answer: what it emits, before that leaves, and its end, once a call."""

from typing import TYPE_CHECKING, NamedTuple

from firedoor import wire
from firedoor.engine import explain, proving, record
from firedoor.engine.emitted import Emitted
from firedoor.engine.port import CallRow, Commit, EntryDraft
from firedoor.engine.seen import Seen
from firedoor.identity import extend_all
from firedoor.types.part import Answer, MintedId
from firedoor.types.record import TurnRow

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


class End(NamedTuple):
    """How an answer came to its end."""

    answer: Answer
    status: int | None
    broken: str | None
    """What went wrong, if anything did."""
    seen: Seen
    """How much of it was seen."""
    filtered: int
    """Elements of a list that the caller may not see."""


def of_emitted(exchange: "Exchange", emitted: Emitted) -> Commit:
    """What makes durable what was emitted up to here, before it leaves."""
    return Commit(
        at=exchange.at,
        call=CallRow(exchange.call_id, exchange.known_instance().id, None, 0),
        entry=None,
        awaited=exchange.enforcing,
        **emitted.drain(),
    )


def of_end(exchange: "Exchange", emitted: Emitted, end: End) -> Commit:
    """What settles the call: its answer's turns, what it emitted, and how it ended. Once a call.

    The engine learns what the answer was, so that the next request of the conversation is known.
    """
    request, row, answer = exchange.request, exchange.known_instance(), end.answer
    answered = end.broken is None and end.status is not None and end.status < 400
    digester = exchange.settings.digester
    turns = []
    if end.broken is None and answer.error is None and exchange.references.retold is None:
        for choice in answer.turns:
            chain = extend_all(request.chain, choice, digester)
            if chain != request.chain:
                turns.append(TurnRow(chain, exchange.who.credential, exchange.call_id, row.id))
    emitted.mint(answer.minted)
    if request.params.stored and answer.id is not None:
        emitted.mint([MintedId("completion", answer.id)])
    for turn in turns:
        exchange.engine.answered(exchange.who.credential, turn, row)
    if answered and request.attempt is not None:
        exchange.engine.settled(exchange.who.credential, request.attempt)
    usage = {
        "input_tokens": answer.usage.input_tokens if answer.usage else None,
        "output_tokens": answer.usage.output_tokens if answer.usage else None,
    }
    settle = exchange.budgeting.settlement(answer, end.status, end.broken, end.seen)
    overruns = exchange.budgeting.overruns
    state = "answered" if end.broken is None else "broken"
    closed: dict[str, object] = {
        "verdict": exchange.verdict,
        "code": exchange.code,
        "state": state,
        "tools": emitted.tools,
        **({"edges": explain.edges_shown(answer.edges)} if answer.edges else {}),
        "exposures": record.exposures(exchange.tally, emitted.label),
        **({"holds": holds} if (holds := exchange.budgeting.told()) else {}),
        **({"overrun": overruns} if overruns else {}),
        **({"warned": warned} if (warned := list(exchange.budgeting.warned)) else {}),
        "upstream": {
            "status": end.status,
            "usage": usage,
            "model": answer.model,
            "id": answer.id,
            "finish": list(answer.finish),
            "error": answer.error or end.broken,
            "seen_characters": end.seen.chars,
            "filtered": end.filtered,
            "opaque": emitted.opaque,
        },
    }
    subjects = proving.kept_subjects(exchange, emitted)
    if subjects is not None:
        closed["subjects"] = subjects
    body: dict[str, object] = {
        "call": exchange.call_id,
        "verdict": exchange.verdict,
        "code": exchange.code,
        "state": state,
        "status": end.status,
        "label": explain.label_json(emitted.label),
        "usage": dict(usage),
        "tools": [
            {
                "name": wire.veiled_name(t["name"], digester, chars_max=wire.WORD_CHARS_MAX),
                "verdict": t["verdict"],
                "rule": t["rule"],
                # How much, and never what or to whom.
                **(
                    {"egress": {k: t["egress"][k] for k in ("bytes", "bits")}}
                    if "egress" in t
                    else {}
                ),
            }
            for t in emitted.tools
        ],
        "output": emitted.commitment(),
    }
    if answer.edges:
        body["edges"] = [
            edge | {"from": _veiled(exchange, edge["from"]), "to": _veiled(exchange, edge["to"])}
            for edge in explain.edges_shown(answer.edges)
        ]
    return Commit(
        at=exchange.at,
        call=CallRow(
            call=exchange.call_id,
            instance=row.id,
            base=None,
            base_parts=0,
            closed=explain.compact_bytes(closed),
            attempt=request.attempt,
            answered=answered,
            settles=request.attempt if answered and exchange.second_try else None,
        ),
        entry=EntryDraft("call.close", body),
        awaited=exchange.enforcing,
        turns=tuple(turns),
        settle=settle,
        files=exchange.judged.files_made(answer) if answered else (),
        **emitted.drain(),
    )


def _veiled(exchange: "Exchange", name: str | None) -> str | None:
    """A name of somebody inside the call: a model may have chosen it."""
    if name is None:
        return None
    digester = exchange.settings.digester
    return wire.veiled_name(name, digester, chars_max=wire.WORD_CHARS_MAX)

"""Statements round one call: those that came with it, and the one that is made of its answer.

What a statement says and who is believed is ``lineage.statements``; what it does to a label,
``lineage.vouching``. Here is which parts they are of, what is written down of them, and when one is
made: on a plain answer where `headers:` lists it, else when somebody asks for the call's document.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from firedoor import lineage
from firedoor.engine.reading import Section
from firedoor.engine.settings import EngineSettings
from firedoor.lineage import Presented, Statement
from firedoor.policy import Policy
from firedoor.types.exchange import Headers
from firedoor.types.ids import CallId, Digest, RoomId
from firedoor.types.label import UNKNOWN_DEPTH, Label
from firedoor.types.part import Kind

if TYPE_CHECKING:
    from firedoor.engine.emitted import Emitted
    from firedoor.engine.exchange import Exchange

JsonObject = dict[str, Any]
Matched = dict[Digest, tuple[Statement, ...]]
"""By the digest of a whole text: the statements that are of it."""

_READABLE: Final = (Kind.TEXT, Kind.CALL, Kind.DEFINITION)
_NO_ERROR_BELOW: Final = 300


# -- what came with the request ------------------------------------------------------------------


def matched(presented: Presented, sections: Iterable[Section]) -> Matched:
    """Which of these statements are of which new texts. Costs a digest for each pair of the two."""
    found: Matched = {}
    tried: set[Digest] = set()
    for section in sections:
        for part, passages in zip(section.reading.parts, section.passages, strict=False):
            whole = passages.whole
            if whole is None or not whole.anywhere or part.kind not in _READABLE:
                continue
            if whole.digest in tried:
                continue
            tried.add(whole.digest)
            of_it = tuple(s for s in presented.valid if s.is_of(part.text))
            if of_it:
                found[whole.digest] = of_it
    return found


def roots_of(statements: Matched) -> tuple[RoomId, ...]:
    """The rooms that the store is asked about because statements name them."""
    named = {s.room for found in statements.values() for s in found}
    named.update(*(s.label.live for found in statements.values() for s in found))
    return tuple(sorted(named))


def told(presented: Presented, counted: Iterable[str]) -> JsonObject | None:
    """What is written down of the statements of a request; None where none came.

    ``counted`` are the ids of those that were of a text. No content: ids, reasons, numbers.
    """
    if not presented.valid and not presented.refused:
        return None
    verified = set(counted)
    refused = dict(presented.refused)
    unmatched = sum(s.id not in verified for s in presented.valid)
    if unmatched:
        refused["unmatched"] = unmatched
    return {"verified": sorted(verified), "refused": refused}


# -- what is stated of the answer ----------------------------------------------------------------


def is_listed(policy: Policy) -> bool:
    """Whether answers carry their statement. ``all`` does not list it: it names rooms to outsiders."""
    return isinstance(policy.headers, tuple) and lineage.HEADER in policy.headers


def _stated(exchange: "Exchange", emitted: "Emitted", opening: bytes) -> lineage.Stated:
    row, t = exchange.known_instance(), exchange.tally
    return lineage.Stated(
        call=exchange.call_id,
        author=row.name,
        room=row.room,
        label=emitted.label,
        attributed=t.attributed - t.words,
        total=t.total - t.words,
        issued=int(exchange.at),
        subjects=lineage.subjects_of(emitted.said.items(), opening),
        entry=exchange.entry_index,
    )


def answer_header(exchange: "Exchange", emitted: "Emitted", status: int | None) -> Headers:
    """The header with the statement of a whole answer, where the policy lists it."""
    if not is_listed(exchange.policy) or exchange.store_down:
        return ()
    if status is None or not 200 <= status < _NO_ERROR_BELOW or exchange.references.retold:
        return ()
    proofs = exchange.settings.proofs
    signer = proofs.own()
    if signer is None:
        return ()
    token = lineage.issued(
        _stated(exchange, emitted, signer.opening(exchange.call_id)), signer, proofs
    )
    return ((lineage.HEADER.encode(), token.encode()),) if token is not None else ()


def kept_subjects(exchange: "Exchange", emitted: "Emitted") -> list[tuple[str, str]] | None:
    """What has to be kept of an answer so that it can be stated later, where no text is kept."""
    if exchange.settings.keep_content or not is_listed(exchange.policy):
        return None
    signer = exchange.settings.proofs.own()
    if signer is None:
        return None
    opening = signer.opening(exchange.call_id)
    return [(s.name, s.committed) for s in lineage.subjects_of(emitted.said.items(), opening)]


class Ended(NamedTuple):
    """What the store has of a call that came to its end."""

    opened: Mapping[str, Any]
    closed: Mapping[str, Any]
    label: Label
    """Of what it emitted, as its last entry says."""
    at: float
    """When it ended."""
    entry: int | None
    """Index of its first ledger entry."""
    texts: tuple[tuple[str, str], ...]
    """(pointer, text) of what it emitted, as far as that is kept."""
    contained: bool
    """Whether an order closes its instance, room or credential now."""


def statement_of(ended: Ended | None, settings: EngineSettings, at: float) -> str | None:
    """The statement of a call, made when its document is asked for; the same whenever it is.

    None for a call that is open, broken, refused or contained, that emitted nothing to state, or
    whose statement would have expired.
    """
    if ended is None or ended.contained:
        return None
    status = (ended.closed.get("upstream") or {}).get("status")
    if ended.closed.get("state") != "answered" or not 200 <= (status or 0) < _NO_ERROR_BELOW:
        return None
    proofs = settings.proofs
    issued = int(ended.at)
    if at >= issued + proofs.lifetime_s:
        return None
    signer = proofs.own()
    if signer is None:
        return None
    call, coverage = CallId(ended.opened["call"]), ended.opened["coverage"]
    if "subjects" in ended.closed:
        subjects = tuple(lineage.Subject(*row) for row in ended.closed["subjects"])
    else:
        subjects = lineage.subjects_of(ended.texts, signer.opening(call))
    stated = lineage.Stated(
        call=call,
        author=ended.opened["instance"],
        room=ended.opened["room"],
        label=ended.label,
        attributed=coverage["attributed"] - coverage["words"],
        total=coverage["total"] - coverage["words"],
        issued=issued,
        subjects=subjects,
        entry=ended.entry,
    )
    return lineage.issued(stated, signer, proofs)


def label_from(value: Mapping[str, Any]) -> Label:
    """The inverse of ``explain.label_json``."""
    depth = value["generation"]
    return Label(
        UNKNOWN_DEPTH if depth is None else depth,
        frozenset(RoomId(r) for r in value["live"]),
        frozenset(RoomId(r) for r in value["past"]),
    )

"""The tool calls that a section claims, and the results that it holds, as the store is asked of them.

What a claim's digest stands for is said in ``lineage``; what stands where, by the wire. Here the two
are put together: for each part of a claimed call, and for each result, what the record says of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from firedoor import lineage, wire
from firedoor.engine.settings import Digester
from firedoor.lineage import Claimed, Passage, Passages
from firedoor.types.ids import Digest, RunId
from firedoor.types.part import CallClaim, Kind, Part, Reading, Role
from firedoor.types.record import Emission


class Claims(NamedTuple):
    """What is looked up of one section."""

    calls: Mapping[str, Digest] = {}
    """By the pointer of a call that it claims."""
    results: Mapping[str, Digest] = {}
    """By the pointer of a result: the call as the history claims it, or else its id."""

    def digests(self) -> Iterator[Digest]:
        """What is looked up."""
        yield from self.calls.values()
        yield from self.results.values()


NO_CLAIMS = Claims()


def call_digest(claim: CallClaim, digester: Digester) -> Digest:
    """By what a call is known, asked or given."""
    # Inside a batch an id is scoped by its request, which the provider has never heard of.
    id_ = claim.id.rpartition("\x1f")[2]
    return lineage.call_digest(id_, claim.name, wire.normal_json(claim.arguments), digester)


def given(id_: str, name: str, arguments: str, digester: Digester) -> tuple[Digest, ...]:
    """By what a call that is given away will be known: as a whole, and by its results."""
    return (
        call_digest(CallClaim(id_, name, arguments, ""), digester),
        lineage.answered_digest(id_, name, digester),
    )


def asked_by(claims: Iterable[CallClaim], digester: Digester) -> Iterator[Digest]:
    """The ids of claimed calls, by which whoever was given them is found."""
    for claim in claims:
        if id_ := claim.id.rpartition("\x1f")[2]:
            yield lineage.answered_digest(id_, claim.name, digester)


def claims_of(reading: Reading, calls: Mapping[str, CallClaim], digester: Digester) -> Claims:
    """What a section claims; ``calls`` are those claimed up to here."""
    if not reading.calls and not reading.results:
        return NO_CLAIMS
    results = {}
    for result in reading.results:
        claim = calls.get(result.id) if result.id else None
        if claim is not None:
            results[result.pointer] = call_digest(claim, digester)
        elif result.id or result.name:
            id_ = result.id.rpartition("\x1f")[2]
            results[result.pointer] = lineage.answered_digest(id_, result.name, digester)
    return Claims({c.pointer: call_digest(c, digester) for c in reading.calls}, results)


def spoken(reading: Reading) -> Reading:
    """The reading, with a part to speak for each call that has no words: its name.

    Numbers are no parts, and a call that consists of nothing else could be made up unnoticed.
    """
    mute = {claim.pointer: claim.name for claim in reading.calls}
    if not mute:
        return reading
    for part in reading.parts:
        if part.kind is Kind.CALL and mute:
            mute.pop(_above(part.pointer, mute) or "", None)
    if not mute:
        return reading
    parts = list(reading.parts)
    for i, part in enumerate(parts):
        if part.kind is Kind.WORD and part.pointer.endswith("/name"):
            pointer = _above(part.pointer, mute)
            if pointer is not None and mute[pointer] == part.text:
                parts[i] = part._replace(kind=Kind.CALL)
                del mute[pointer]
    return reading._replace(parts=tuple(parts))


def _above(pointer: str, known: Mapping[str, object]) -> str | None:
    """The nearest of these pointers that ``pointer`` stands below."""
    while (cut := pointer.rfind("/")) > 0:
        pointer = pointer[:cut]
        if pointer in known:
            return pointer
    return None


def passages_of(parts: Sequence[Part], passages: list[Passages], claims: Claims) -> list[Passages]:
    """The passages of each part; the name that speaks for a call is known as the whole call."""
    for i, part in enumerate(parts):
        if part.kind is Kind.CALL and not part.editable and part.pointer.endswith("/name"):
            pointer = _above(part.pointer, claims.calls)
            if pointer is not None:
                digest = claims.calls[pointer]
                whole = Passage(0, len(part.text), digest, lineage.GLOBAL_MATCH_CHARS_MIN)
                passages[i] = Passages(whole, (), whole.weight, (digest,))
    return passages


def standings(
    sections: Iterable[tuple[Sequence[Part], Claims]],
    emissions: Mapping[Digest, tuple[Emission, ...]],
    run: RunId,
) -> dict[int, Claimed]:
    """What is known of every part of a claimed call, and of every result, by identity in memory."""
    found: dict[int, Claimed] = {}
    for parts, claims in sections:
        if claims is NO_CLAIMS:
            continue
        for part in parts:
            if part.kind is Kind.CALL:
                pointer = _above(part.pointer, claims.calls)
                if pointer is not None:
                    heard = emissions.get(claims.calls[pointer], ())
                    found[id(part)] = lineage.claimed_call(heard, run)
            elif part.kind is Kind.TEXT and part.role is Role.TOOL:
                pointer = _at(part.pointer, claims.results)
                if pointer is not None:
                    heard = emissions.get(claims.results[pointer], ())
                    found[id(part)] = Claimed(lineage.standing_of(heard, run))
    return found


def _at(pointer: str, known: Mapping[str, object]) -> str | None:
    return pointer if pointer in known else _above(pointer, known)

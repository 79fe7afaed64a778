"""Whose call is it, where the head alone does not say? The conversation, then the store is asked.

An answer that this engine gave, or an attempt that it made, says it without the store. Whoever
begins a conversation is somebody new.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

from firedoor import identity
from firedoor.engine.claimed import asked_by
from firedoor.engine.port import FoundParts, FoundWho, LookWho
from firedoor.engine.references import owner_of
from firedoor.engine.settings import Digester
from firedoor.identity import Who
from firedoor.types.exchange import Caller
from firedoor.types.ids import CallId, InstanceId
from firedoor.types.part import Role
from firedoor.types.record import InstanceRow
from firedoor.wire import Endpoint, resumable

if TYPE_CHECKING:
    from firedoor.engine.engine import Engine
    from firedoor.engine.reading import RequestReader

_PARENTS_MAX: Final = 16
"""Parents of one instance that headers may name: a claim beyond them counts for nothing."""


class Identified(NamedTuple):
    """The instance of a call."""

    instance: InstanceRow
    second_try: bool
    """Whether an equal request was tried before and had no answer."""


def seeks_parent(engine: "Engine", who: Who, row: InstanceRow) -> bool:
    """Whether the parent that a header names is still to be found."""
    name = who.parent_name
    return name is not None and not engine.is_child(row, name)


def question(engine: "Engine", who: Who, request: "RequestReader") -> LookWho | FoundWho | None:
    """What the store is asked; the answer, where the engine knows it; None of somebody new."""
    chains = request.chains()
    if who.instance is None and chains:
        remembered = engine.remembered_answer(who.credential, chains[0])
        if remembered is not None and not seeks_parent(engine, who, remembered[1]):
            return FoundWho(turns=(remembered,))
    if who.instance is None and not chains:
        remembered_attempt = engine.remembered_attempt(who.credential, request.attempt)
        if remembered_attempt is not None and not seeks_parent(engine, who, remembered_attempt):
            return FoundWho(attempt=remembered_attempt)
    instance = who.instance
    assistant = [
        digest
        for section in request.new_turns
        if section.reading.turn is not None and section.reading.turn.role is Role.ASSISTANT
        for passages in section.passages
        for digest in passages.digests
    ]
    for section in request.new_turns if instance is None else ():
        assistant += asked_by(section.reading.calls, request.settings.digester)
    parent = who.parent_name
    if instance is None and parent is None and not chains and not assistant:
        # It begins a conversation, so it is somebody new, unless it is somebody's second try.
        return None
    stands_in = instance or who.base
    return LookWho(
        credential=who.credential,
        instance=instance.id if instance is not None else None,
        name=instance.name if instance is not None else None,
        parent=parent,
        room=stands_in.room if stands_in is not None else None,
        chains=chains if instance is None else (),
        attempt=request.attempt if instance is None else None,
        passages=tuple(assistant[:256]) if instance is None else (),
    )


def identified(
    engine: "Engine", who: Who, request: "RequestReader", found: FoundWho, call: CallId, front: str
) -> Identified:
    """The instance that what was found makes of this call."""
    second_try = False
    if who.instance is not None:
        row = who.instance
        if found.instance is not None:
            row = row._replace(parents=found.instance.parents or row.parents)
        elif found.namesake is not None and found.namesake.id != row.id:
            row = row._replace(parents=(*row.parents, found.namesake.id))
    elif found.attempt is not None:
        second_try = True
        row = found.attempt
    elif found.turns:
        turn, origin = found.turns[0]
        row = origin
        if turn.next_attempt is not None and turn.next_attempt != request.attempt:
            row = identity.fork_of(origin, call)
        elif row.identity != "prefix":
            row = row._replace(identity="prefix")
    else:
        parents: tuple[InstanceId, ...] = tuple(
            dict.fromkeys(emitter.id for emitter in found.emitters)
        )
        row = newcomer(who, call, parents, front)
    row = _adopted(engine, who, row, found.parent)
    engine.learn(row)
    return Identified(row, second_try)


def _adopted(
    engine: "Engine", who: Who, row: InstanceRow, parent: InstanceRow | None
) -> InstanceRow:
    """``row`` with the parent that a header names. It is for people: no label hangs on it, since
    whoever leaves the header out must not get a milder verdict than who sends it (I1)."""
    name = who.parent_name
    if parent is None or name is None or parent.id == row.id:
        return row
    if parent.id not in row.parents:
        if len(row.parents) >= _PARENTS_MAX:
            return row
        row = row._replace(parents=(*row.parents, parent.id))
    engine.adopted(row, name)
    return row


def newcomer(who: Who, call: CallId, parents: tuple[InstanceId, ...], front: str) -> InstanceRow:
    """Somebody who was not seen before."""
    kind = "process" if front == "transport" else "new"
    return identity.new_instance(who, call, parents, kind)


def uploader(
    claims: identity.Claims,
    caller: Caller,
    endpoint: Endpoint,
    found: FoundParts,
    digester: Digester,
) -> InstanceRow | None:
    """Who began the upload whose bytes these are, where nothing in the head says who sends them.

    Google's client sends them without its key: the id, which only the uploader was told, is all that
    says whose they are.
    """
    if not resumable.is_content(endpoint) or claims.secret or claims.instance or caller.binding:
        return None
    row = found.minted.get(digester("id\x1f" + dict(endpoint.ids)["upload_id"]))
    if row is None:
        return None
    return found.owners.get(row.instance) or owner_of(row)

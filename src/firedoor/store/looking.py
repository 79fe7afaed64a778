"""The engine's two questions, answered from one snapshot."""

import sqlite3
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, Final

from firedoor.engine.port import FoundParts, FoundWho, LookParts, LookWho
from firedoor.lineage import passage_digest
from firedoor.store import index, pictures
from firedoor.store.accounts import Accounts
from firedoor.store.head import bad_head
from firedoor.store.keys import StoreKeys
from firedoor.store.rows import (
    EMISSION_COLUMNS,
    INSTANCE_COLUMNS,
    MINTED_COLUMNS,
    emission_from,
    instance_from,
    label_from,
    minted_from,
    run_parents_from,
)
from firedoor.types.ids import CallId, Digest, InstanceId, QuarantineId, RoomId, RunId
from firedoor.types.label import BOTTOM
from firedoor.types.record import (
    Emission,
    FileHold,
    FileRow,
    Grant,
    InstanceRow,
    Judgement,
    Place,
    RunRow,
    StoreMark,
    StoreRecord,
    TurnRow,
)

_PARAMETERS_MAX: Final = 400
_ANCESTORS_MAX: Final = 32
"""Runs up the lines of spawns: of more than these only what was handed down before counts."""


@lru_cache(maxsize=512)
def _with_marks(sql: str, count: int) -> str:
    # Only the number of question marks changes: never a value.
    return sql.replace("{}", ",".join("?" * count))


def in_batches(
    connection: sqlite3.Connection,
    sql: str,
    values: Iterable[Any],
    before: tuple[Any, ...] = (),
    after: tuple[Any, ...] = (),
) -> Iterator[Any]:
    """Rows of ``sql``, whose ``{}`` is a list of placeholders, for any number of values."""
    items = list(values)
    for start in range(0, len(items), _PARAMETERS_MAX):
        batch = items[start : start + _PARAMETERS_MAX]
        yield from connection.execute(_with_marks(sql, len(batch)), (*before, *batch, *after))


def _instance(connection: sqlite3.Connection, where: str, *values: Any) -> InstanceRow | None:
    row = connection.execute(
        "SELECT " + INSTANCE_COLUMNS + " FROM instances WHERE " + where,  # noqa: S608 - constants
        values,
    ).fetchone()
    return instance_from(row) if row is not None else None


def _attempt(
    connection: sqlite3.Connection, attempt: Digest, credential: str
) -> InstanceRow | None:
    """The instance of an equal attempt under this credential that got no answer."""
    row = connection.execute(
        "SELECT i.id FROM calls c JOIN instances i ON i.id = c.instance "
        "WHERE c.attempt = ? AND c.answered = 0 AND i.credential = ? "
        "ORDER BY c.at DESC LIMIT 1",
        (attempt, credential),
    ).fetchone()
    return _instance(connection, "id = ?", row[0]) if row is not None else None


def look_who(connection: sqlite3.Connection, ask: LookWho) -> FoundWho:
    """Who could this be?"""
    instance = namesake = attempt = None
    if ask.instance is not None:
        instance = _instance(connection, "id = ?", ask.instance)
    if ask.name is not None and instance is None:
        namesake = _instance(
            connection,
            "credential = ? AND name = ? AND id IS NOT ? ORDER BY first_seen DESC LIMIT 1",
            ask.credential, ask.name, ask.instance,
        )  # fmt: skip
    parent = None
    if ask.parent is not None:
        parent = _instance(
            connection,
            "credential = ? AND name = ? AND id IS NOT ? "
            "ORDER BY room IS ? DESC, first_seen DESC, id LIMIT 1",
            ask.credential, ask.parent, ask.instance, ask.room,
        )  # fmt: skip
    turns: list[tuple[TurnRow, InstanceRow]] = []
    if ask.chains:
        rows = {
            row[0]: row
            for row in in_batches(
                connection,
                "SELECT chain, call, instance, next_attempt FROM turns "
                "WHERE credential = ? AND chain IN ({})",
                ask.chains,
                before=(ask.credential,),
            )
        }
        for chain in ask.chains:
            row = rows.get(chain)
            found = _instance(connection, "id = ?", row[2]) if row is not None else None
            if row is not None and found is not None:
                following = Digest(row[3]) if row[3] is not None else None
                turn = TurnRow(chain, ask.credential, CallId(row[1]), InstanceId(row[2]), following)
                turns.append((turn, found))
    if ask.attempt is not None:
        attempt = _attempt(connection, ask.attempt, ask.credential)
    emitters: dict[str, InstanceRow] = {}
    for (id_,) in in_batches(
        connection,
        "SELECT DISTINCT e.instance FROM emissions e JOIN instances i ON i.id = e.instance "
        "WHERE e.passage IN ({}) AND i.credential = ?",
        ask.passages,
        after=(ask.credential,),
    ):
        found = _instance(connection, "id = ?", id_)
        if found is not None:
            emitters[id_] = found
    return FoundWho(
        instance,
        namesake,
        tuple(turns),
        attempt,
        tuple(emitters[k] for k in sorted(emitters)),
        parent,
    )


def _run(connection: sqlite3.Connection, run: RunId, room: RoomId) -> RunRow:
    row = connection.execute(
        "SELECT room, label, parent FROM runs WHERE run = ?", (run,)
    ).fetchone()
    if row is None:
        return RunRow(run, room, BOTTOM, None)
    return RunRow(
        run, RoomId(row[0]), label_from(row[1]), known=True, parents=run_parents_from(row[2])
    )


def _parents(
    connection: sqlite3.Connection, run: RunRow, named: tuple[tuple[RunId, RoomId], ...]
) -> tuple[RunRow, ...]:
    """Every run up the lines of spawns that end at ``run``, nearest first."""
    found: list[RunRow] = []
    rooms = dict(named)
    seen = {run.run}
    asked = [*run.parents, *rooms]
    for parent in asked:
        if parent in seen or len(found) >= _ANCESTORS_MAX:
            continue
        seen.add(parent)
        row = _run(connection, parent, rooms.get(parent, run.room))
        if not row.known and parent not in rooms:
            # It never called, so what it is in was handed down by whoever named it.
            continue
        found.append(row)
        asked += row.parents
    return tuple(found)


def _first_seen(connection: sqlite3.Connection, instance: InstanceId) -> float | None:
    row = connection.execute(
        "SELECT first_seen FROM instances WHERE id = ?", (instance,)
    ).fetchone()
    return row[0] if row is not None else None


def _line(connection: sqlite3.Connection, ask: LookParts) -> tuple[InstanceRow, ...]:
    """Every instance up the line of parents, nearest first; a circle ends where it closes."""
    found: list[InstanceRow] = []
    seen = {ask.instance}
    asked = list(ask.parents)
    for parent in asked:
        if parent in seen or len(found) >= _ANCESTORS_MAX:
            continue
        seen.add(parent)
        row = _instance(connection, "id = ?", parent)
        if row is not None:
            found.append(row)
            asked += row.parents
    return tuple(found)


# One row tells what every call asks, and which of the rest has anything to say.
_HEAD: Final = (
    "SELECT orders, contained, granted, judged, room, label, parent "
    "FROM head LEFT JOIN runs ON run = ?"
)
_NEW_TEXT: Final = (
    "SELECT orders, contained, runs.room, runs.label, runs.parent FROM head "
    "LEFT JOIN runs ON runs.run = ? "
    "WHERE NOT EXISTS (SELECT 1 FROM emissions WHERE passage IN ({})) "
    "AND (granted = 0 OR NOT EXISTS (SELECT 1 FROM grants WHERE passage IN ({}))) "
    "AND (judged = 0 OR NOT EXISTS "
    "(SELECT 1 FROM judgements WHERE instance = ? AND passage IN ({}))) "
    "AND NOT EXISTS (SELECT 1 FROM calls WHERE attempt = ? AND answered = 0)"
)


def look_new(connection: sqlite3.Connection, ask: LookParts) -> FoundParts | None:
    """The answer where nothing is known of what was asked; None where something may be.

    It is the usual case of a new text, and one statement is a snapshot by itself.
    """
    texts = ask.passages
    asked = bool(
        ask.places or ask.minted or ask.spawners or ask.roots or ask.pictures or ask.parents
        or ask.asks or ask.aged
    )  # fmt: skip
    if asked or len(texts) > _PARAMETERS_MAX:
        return None
    if ask.prints and index.known(connection, ask.prints):
        return None
    row = connection.execute(
        _with_marks(_NEW_TEXT, len(texts)),
        (ask.run, *texts, *texts, ask.instance, *texts, ask.attempt),
    ).fetchone()
    if row is None:
        return None
    orders, contained, room, label, parent = row
    if contained or parent:
        return None
    if label is None:
        return FoundParts(orders, False, RunRow(ask.run, ask.room))
    found = label_from(label)
    if found.live:
        return None
    return FoundParts(orders, False, RunRow(ask.run, RoomId(room), found, None, known=True))


def _files(
    connection: sqlite3.Connection, minted: Iterable[Digest], at: float
) -> Iterator[tuple[Digest, FileRow]]:
    """The files among these ids, with the holds that no release in force lifts."""
    ids = list(minted)
    holds: dict[Digest, list[FileHold]] = {}
    for id_, passage, use, author, compartment, label, lines, characters, pointer in in_batches(
        connection,
        "SELECT h.id, h.passage, use, author, author_compartment, label, lines, characters, "
        "pointer FROM file_holds h WHERE id IN ({}) AND NOT EXISTS (SELECT 1 FROM grants g "
        "WHERE g.passage = h.passage AND g.kind = 'released' AND (g.until IS NULL OR g.until > ?)) "
        "ORDER BY lines DESC, h.passage",
        ids,
        after=(at,),
    ):
        holds.setdefault(Digest(id_), []).append(
            FileHold(
                Digest(passage), use, author, compartment, label_from(label), lines, characters,
                pointer,
            )
        )  # fmt: skip
    for id_, digest, purpose, lines, call in in_batches(
        connection, "SELECT id, digest, purpose, lines, call FROM files WHERE id IN ({})", ids
    ):
        found = tuple(holds.get(Digest(id_), ()))
        yield Digest(id_), FileRow(Digest(id_), Digest(digest), purpose, lines, CallId(call), found)


def heard(
    connection: sqlite3.Connection, passages: tuple[Digest, ...], *, granted: bool = True
) -> tuple[dict[Digest, list[Emission]], dict[Digest, list[Grant]]]:
    """Who emitted these passages, and what people granted to them; known ones only."""
    emissions: dict[Digest, list[Emission]] = {}
    for row in in_batches(
        connection,
        "SELECT " + EMISSION_COLUMNS + " FROM emissions WHERE passage IN ({})",  # noqa: S608
        passages,
    ):
        emission = emission_from(row)
        emissions.setdefault(emission.passage, []).append(emission)
    grants: dict[Digest, list[Grant]] = {}
    for passage, kind, scope, until in in_batches(
        connection,
        "SELECT passage, kind, scope, until FROM grants WHERE passage IN ({})",
        passages if granted else (),
    ):
        grant = Grant(Digest(passage), kind, RoomId(scope) if scope else None, until)
        grants.setdefault(grant.passage, []).append(grant)
    return emissions, grants


def look_parts(connection: sqlite3.Connection, ask: LookParts, keys: StoreKeys) -> FoundParts:
    """What is known of these passages, places, ids, and of this run?

    Of the passages that share a fingerprint, too.
    """
    row = connection.execute(_HEAD, (ask.run,)).fetchone()
    if row is None:
        raise bad_head("the ledger's head is missing")
    orders, contained, granted, judged, *found = row
    if contained:
        contained = connection.execute(
            "SELECT count(*) FROM contained WHERE target IN (?, ?, ?)",
            (f"instance:{ask.instance}", f"room:{ask.room}", f"credential:{ask.credential}"),
        ).fetchone()[0]
    run = RunRow(ask.run, ask.room)
    if found[1] is not None:
        run = RunRow(
            ask.run, RoomId(found[0]), label_from(found[1]), known=True,
            parents=run_parents_from(found[2]),
        )  # fmt: skip
    traces = index.look(connection, keys, ask.prints)
    alike = pictures.alike(connection, ask.pictures) if ask.pictures else {}
    passages = ask.passages
    if traces.stored or alike:
        media = (m for found in alike.values() for m in found)
        named = (*passages, *map(passage_digest, traces.stored), *media)
        passages = tuple(dict.fromkeys(named))
    emissions, grants = heard(connection, passages, granted=bool(granted))
    judgements = {
        Digest(row[0]): Judgement(
            Digest(row[0]), row[1], row[2], label_from(row[3]),
            QuarantineId(row[4]) if row[4] else None, row[5],
        )
        for row in in_batches(
            connection,
            "SELECT passage, action, rule, label, quarantine, epoch FROM judgements "
            "WHERE instance = ? AND passage IN ({})",
            passages if judged else (),
            before=(ask.instance,),
        )
    }  # fmt: skip
    records: dict[tuple[Place, Digest], list[StoreRecord]] = {}
    marks: dict[StoreMark, None] = {}
    for place in ask.places:
        key = keys.place_key(place.key or "")
        for row in in_batches(
            connection,
            "SELECT DISTINCT e.passage, e.seq, e.room, e.run, e.label, e.instance, e.author, "
            "e.compartment, e.call, e.held FROM records r "
            "JOIN emissions e ON e.passage = r.passage AND e.call = r.call "
            "WHERE r.store = ? AND r.key = ? AND r.passage IN ({})",
            passages,
            before=(place.store, key),
        ):
            emission = emission_from(row)
            records.setdefault((place, emission.passage), []).append(StoreRecord(place, emission))
        where = "store = ?" if place.key is None else "store = ? AND key IN ('', ?)"
        values = (place.store,) if place.key is None else (place.store, key)
        for store, at, room, label in connection.execute(
            "SELECT store, key, room, label FROM marks WHERE " + where,  # noqa: S608 - constants
            values,
        ):
            found_at = (place.key if at == key else at) or None
            marks[StoreMark(Place(store, found_at), RoomId(room), label_from(label))] = None
    minted = {
        Digest(row[0]): minted_from(row, keys.unsealed_name)
        for row in in_batches(
            connection,
            "SELECT " + MINTED_COLUMNS + " FROM minted WHERE id IN ({})",  # noqa: S608 - constants
            ask.minted,
        )
    }
    files = dict(_files(connection, minted, ask.at)) if minted else {}
    owners = {
        InstanceId(row[0]): instance_from(row)
        for row in in_batches(
            connection,
            "SELECT " + INSTANCE_COLUMNS + " FROM instances WHERE id IN ({})",  # noqa: S608
            sorted({m.instance for m in minted.values()}),
        )
    }
    reach: dict[RoomId, set[RoomId]] = {}
    roots = {e.room for es in emissions.values() for e in es}
    roots |= {r for es in emissions.values() for e in es for r in e.label.live}
    roots |= {m.room for m in marks} | {r for m in marks for r in m.label.live}
    roots |= {r for m in minted.values() for r in (m.room, *m.label.live)}
    ancestors = _parents(connection, run, ask.spawners)
    roots |= {r for a in (run, *ancestors) for r in (a.room, *a.label.live)}
    roots |= {*run.label.live, *ask.roots}
    for root, room in in_batches(
        connection,
        "SELECT root, room FROM reach WHERE root IN ({}) AND last_at > ?",
        sorted(roots),
        after=(ask.at - ask.reach_window_s,),
    ):
        reach.setdefault(RoomId(root), set()).add(RoomId(room))
    attempt = None
    if ask.attempt is not None:
        attempt = _attempt(connection, ask.attempt, ask.credential)
    return FoundParts(
        attempt=attempt,
        orders=orders,
        contained=bool(contained),
        run=run,
        run_parents=ancestors,
        emissions={k: tuple(v) for k, v in emissions.items()},
        grants={k: tuple(v) for k, v in grants.items()},
        judgements=judgements,
        records={k: tuple(v) for k, v in records.items()},
        marks=tuple(marks),
        minted=minted,
        alike=alike,
        files=files,
        owners=owners,
        reach={k: frozenset(v) for k, v in reach.items()},
        traces=traces,
        ancestors=_line(connection, ask) if ask.parents else (),
        first_seen=_first_seen(connection, ask.instance) if ask.aged else None,
        spent=Accounts(connection).refused(ask.asks, ask.at) if ask.asks else frozenset(),
        decided=bool(granted or judged),
    )

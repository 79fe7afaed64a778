"""What people ask of a store: calls, instances, rooms, entries, texts. Reads only."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from firedoor.engine import proving
from firedoor.engine.explain import time_text
from firedoor.engine.port import Traces
from firedoor.ledger import Entry, Verification
from firedoor.lineage import whole_passages
from firedoor.store import checking, index, kept, roads
from firedoor.store.head import read_head
from firedoor.store.looking import heard
from firedoor.store.rows import (
    COVERAGE,
    INSTANCE_COLUMNS,
    MINTED_COLUMNS,
    instance_from,
    label_from,
    minted_from,
)
from firedoor.store.sqlite import SqliteStore
from firedoor.types.ids import Digest
from firedoor.types.label import BOTTOM, join, join_all
from firedoor.types.record import Emission, Grant, InstanceRow, MintedRow

_PAGE: Final = 1_000
_COUNTED: Final = (
    "SELECT verdict, count(*), sum(judged), sum(attributed), sum(total), sum(opaque), sum(words), "
    "sum(assumed), sum(unproven), sum(withheld), sum(forged), sum(transplanted) FROM calls WHERE open_index IS NOT NULL "
    "GROUP BY verdict"
)
"""In the order of `COVERAGE`."""


class StoreReader:
    """Questions to a store, in the shapes of DESIGN §7."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def opened(self, call: str) -> dict[str, Any] | None:
        """The stored first half of a call's explain document."""
        return self._half(call, "opened")

    def closed(self, call: str) -> dict[str, Any] | None:
        """The stored second half."""
        return self._half(call, "closed")

    def _half(self, call: str, name: str) -> dict[str, Any] | None:
        with self._store.snapshot() as db:
            row = db.execute(
                "SELECT kind, body FROM documents WHERE call = ? AND name = ?", (call, name)
            ).fetchone()
        return self._read(call, name, *row) if row is not None else None

    def _read(self, call: str, name: str, kind: str | None, body: bytes | None) -> dict[str, Any]:
        """A document; an empty one where there is none.

        Raises:
            TamperingError: What is stored was changed, or sealed under another key.
        """
        if kind is None or body is None:
            return {}
        where = f"{call}/{name}"
        try:
            value = json.loads(kept.read(self._store.keys, where, kind, body))
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise kept.unreadable(where)
        return value

    def call_entries(self, call: str) -> list[tuple[int, str]]:
        """(index, leaf in hex) of a call's ledger entries."""
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT e.idx, e.leaf FROM calls c JOIN entries e "
                "ON e.idx IN (c.open_index, c.close_index) WHERE c.call = ? ORDER BY e.idx",
                (call,),
            ).fetchall()
        return [(index, leaf.hex()) for index, leaf in rows]

    def call_credential(self, call: str) -> str | None:
        """The credential whose call this was."""
        with self._store.snapshot() as db:
            row = db.execute(
                "SELECT i.credential FROM calls c JOIN instances i ON i.id = c.instance "
                "WHERE c.call = ?",
                (call,),
            ).fetchone()
        return row[0] if row is not None else None

    def ended(self, call: str) -> proving.Ended | None:
        """What a statement of this call is made of; None where it has not ended.

        Its texts are those of which the store knows that the call emitted them.
        """
        with self._store.snapshot() as db:
            row = db.execute(
                "SELECT c.open_index, e.bytes, i.id, i.room, i.credential FROM calls c "
                "JOIN entries e ON e.idx = c.close_index JOIN instances i ON i.id = c.instance "
                "WHERE c.call = ?",
                (call,),
            ).fetchone()
            contained = row is not None and db.execute(
                "SELECT count(*) FROM contained WHERE target IN (?, ?, ?)",
                (f"instance:{row[2]}", f"room:{row[3]}", f"credential:{row[4]}"),
            ).fetchone()[0]  # fmt: skip
        opened, closed = self.opened(call), self.closed(call)
        if row is None or opened is None or closed is None or "room" not in opened:
            return None
        entry = json.loads(row[1])
        answer = self.content(call)["answer"]
        digests = {
            pointer: whole_passages(text, self._store.keys.digest)
            for pointer, text in answer.items()
        }
        emitted, _ = self.heard({d for found in digests.values() for d in found})
        said = []
        # What it told anew of an earlier answer may have another label than its own words.
        label = proving.label_from(entry["body"]["label"])
        for pointer, text in answer.items():
            mine = [
                e.label
                for d in digests[pointer]
                for e in emitted.get(d, ())
                if e.call == call and e.instance == row[2]
            ]
            if mine:
                said.append((pointer, text))
                label = join_all((label, *mine))
        return proving.Ended(
            opened=opened,
            closed=closed,
            label=label,
            at=datetime.fromisoformat(entry["time"]).timestamp(),
            entry=row[0],
            texts=tuple(said),
            contained=bool(contained),
        )

    def calls(self, *, limit: int = 50, instance: str | None = None) -> list[dict[str, Any]]:
        """The newest calls first, each as the head of its explain document."""
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT c.call, o.kind, o.body, e.kind, e.body FROM calls c "
                "JOIN instances i ON i.id = c.instance "
                "JOIN documents o ON o.call = c.call AND o.name = 'opened' "
                "LEFT JOIN documents e ON e.call = c.call AND e.name = 'closed' "
                "WHERE ?1 IS NULL OR i.name = ?1 OR i.id = ?1 ORDER BY c.call DESC LIMIT ?2",
                (instance, limit),
            ).fetchall()
        found = []
        for call, *documents in rows:
            head = self._read(call, "opened", *documents[:2])
            end = self._read(call, "closed", *documents[2:])
            for name in ("turns", "fields"):
                head.pop(name, None)
            head["verdict"] = end.get("verdict", head["verdict"])
            head["code"] = end.get("code", head["code"])
            found.append(head)
        return found

    def instances(self) -> list[dict[str, Any]]:
        """Every instance, the last seen first."""
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT i.name, i.id, i.compartment, i.room, i.run, i.parents, count(c.call), "
                "i.first_seen, max(c.at), r.label, i.credential, max(c.call), sum(c.forged), "
                "sum(c.transplanted) FROM instances i "
                "LEFT JOIN runs r ON r.run = i.run "
                "JOIN calls c ON c.instance = i.id AND c.open_index IS NOT NULL "
                "GROUP BY i.id ORDER BY max(c.at) DESC, i.name"
            ).fetchall()
            contained = {t for (t,) in db.execute("SELECT target FROM contained")}
            told = roads.totals(db)
        found = []
        for (
            name,
            id_,
            compartment,
            room,
            run,
            parents,
            calls,
            first,
            seen,
            label,
            credential,
            last,
            forged,
            transplanted,
        ) in rows:
            head = self.opened(last) or {}
            exposures = (self.closed(last) or head).get("exposures")
            run_label = label_from(label) if label else BOTTOM
            parent_ids = json.loads(parents)
            found.append(
                {
                    "instance": name,
                    "instance_id": id_,
                    "compartment": compartment,
                    "room": room,
                    "run": run.partition("@")[0],
                    "parent": parent_ids[0] if parent_ids else None,
                    "parents": parent_ids,
                    "calls": calls,
                    "forged": forged,
                    "transplanted": transplanted,
                    "generation": head.get("generation", 0),
                    "run_generation": run_label.generation,
                    "exposures": exposures if exposures is not None else head.get("exposures", []),
                    "contained": bool(
                        contained & {f"instance:{id_}", f"room:{room}", f"credential:{credential}"}
                    ),
                    "egress": told.get(id_, roads.NOTHING_TOLD),
                    "first_seen": time_text(first),
                    "last_seen": time_text(seen),
                }
            )
        return found

    def status(self) -> dict[str, Any]:
        """Rooms, shares and coverage over all calls that the store holds."""
        with self._store.snapshot() as db:
            rooms = db.execute(
                "SELECT i.room, i.compartment, count(c.call), count(DISTINCT i.id) "
                "FROM instances i JOIN calls c ON c.instance = i.id "
                "WHERE c.open_index IS NOT NULL GROUP BY i.room ORDER BY 3 DESC, 1"
            ).fetchall()
            totals = dict.fromkeys(COVERAGE, 0)
            verdicts = {"allow": 0, "edited": 0, "denied": 0}
            for verdict, count, *sums in db.execute(_COUNTED):
                verdicts[verdict] = count
                for name, amount in zip(COVERAGE, sums, strict=True):
                    totals[name] += amount
            (held,) = db.execute("SELECT count(*) FROM quarantine WHERE state = 'held'").fetchone()
            size = read_head(db).tree.size
            told = roads.total(db)
            label = BOTTOM
            for (text,) in db.execute("SELECT label FROM runs"):
                label = join(label, label_from(text))
        calls = sum(row[2] for row in rooms)
        texts = totals["total"] - totals["words"]
        attributed = totals["attributed"] - totals["words"]
        return {
            "calls": calls,
            "verdicts": verdicts,
            "rooms": len(rooms),
            "largest_room": rooms[0][1] if rooms else None,
            "largest_room_share": rooms[0][2] / calls if calls else 0.0,
            "room_list": [
                {"room": r, "compartment": c, "calls": n, "instances": i} for r, c, n, i in rooms
            ],
            "attributed_share": attributed / texts if texts else None,
            "assumed_share": totals["assumed"] / texts if texts else None,
            "coverage": totals,
            "deepest_generation": label.generation,
            "quarantined": held,
            "egress": told,
            "entries": size,
        }

    def quarantine(self, *, state: str | None = None) -> list[dict[str, Any]]:
        """Withheld passages, in the shape of DESIGN §7, the newest first."""
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT id, state, author, author_compartment, channel, label, characters, copies, "
                "asked_by, call, pointer, rule, created, expires FROM quarantine "
                "WHERE ?1 IS NULL OR state = ?1 ORDER BY created DESC, id",
                (state,),
            ).fetchall()
        return [
            {
                "id": r[0], "state": r[1], "author": r[2], "author_compartment": r[3],
                "channel": r[4], "generation": label_from(r[5]).generation, "characters": r[6],
                "copies": r[7], "asked_by": json.loads(r[8]),
                "roots": sorted(label_from(r[5]).live), "call": r[9], "pointer": r[10],
                "rule": r[11], "created": time_text(r[12]),
                "expires": time_text(r[13]) if r[13] is not None else None,
            }
            for r in rows
        ]  # fmt: skip

    def instances_named(self, name: str) -> list[InstanceRow]:
        """The instances of this name, or with this id, the newest first."""
        with self._store.snapshot() as db:
            rows = db.execute(
                f"SELECT {INSTANCE_COLUMNS} FROM instances WHERE name = ?1 OR id = ?1 "  # noqa: S608
                "ORDER BY first_seen DESC",
                (name,),
            ).fetchall()
        return [instance_from(row) for row in rows]

    def instances_in(self, compartment: str) -> list[InstanceRow]:
        """The instances of the room with this id, or of every room of this name; newest first."""
        with self._store.snapshot() as db:
            rows = db.execute(
                f"SELECT {INSTANCE_COLUMNS} FROM instances "  # noqa: S608 - constants
                "WHERE room = ?1 OR compartment = ?1 ORDER BY first_seen DESC",
                (compartment,),
            ).fetchall()
        return [instance_from(row) for row in rows]

    def instance_rows(self) -> list[InstanceRow]:
        """Every instance, by its id."""
        with self._store.snapshot() as db:
            rows = db.execute(
                f"SELECT {INSTANCE_COLUMNS} FROM instances ORDER BY id"  # noqa: S608 - constants
            ).fetchall()
        return [instance_from(row) for row in rows]

    def shown(self, limit: int) -> Iterator[tuple[str, str, float, list[dict[str, Any]]]]:
        """(call, instance, time, exposures) of the newest calls that went upstream, read in pages."""
        before = "~"
        while limit > 0:
            with self._store.snapshot() as db:
                rows = db.execute(
                    "SELECT c.call, c.instance, c.at, o.kind, o.body, e.kind, e.body FROM "
                    "(SELECT * FROM calls WHERE call < ? ORDER BY call DESC LIMIT ?) c "
                    "LEFT JOIN documents o ON o.call = c.call AND o.name = 'opened' "
                    "LEFT JOIN documents e ON e.call = c.call AND e.name = 'closed' "
                    "ORDER BY c.call DESC",
                    (before, min(limit, _PAGE)),
                ).fetchall()
            if not rows:
                return
            limit -= len(rows)
            before = rows[-1][0]
            for call, instance, at, *documents in rows:
                end = self._read(call, "closed", *documents[2:])
                if end.get("state") == "refused":
                    continue
                exposures = end.get("exposures")
                if exposures is None:
                    exposures = self._read(call, "opened", *documents[:2]).get("exposures")
                yield call, instance, at, exposures or []

    def owners(self, ids: Iterable[Digest]) -> dict[Digest, tuple[MintedRow, str]]:
        """Whose these server-side ids are: the record, and the owner's name; known ones only."""
        with self._store.snapshot() as db:
            rows = [
                db.execute(
                    f"SELECT {MINTED_COLUMNS} FROM minted WHERE id = ?",  # noqa: S608 - constants
                    (id_,),
                ).fetchone()
                for id_ in ids
            ]
            found = [minted_from(row) for row in rows if row is not None]
            names = dict(db.execute("SELECT id, name FROM instances").fetchall()) if found else {}
        return {row.id: (row, names.get(row.instance, row.instance)) for row in found}

    def heard(
        self, passages: Iterable[Digest]
    ) -> tuple[dict[Digest, list[Emission]], dict[Digest, list[Grant]]]:
        """Who emitted these passages, and what people granted to them; known ones only."""
        with self._store.snapshot() as db:
            return heard(db, tuple(passages))

    def traces(self, prints: Sequence[int]) -> Traces:
        """What the index knows of these fingerprints."""
        with self._store.snapshot() as connection:
            return index.look(connection, self._store.keys, prints)

    def page(self, start: int = 0) -> list[Entry]:
        """At most a thousand entries from ``start`` on."""
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT idx, bytes, leaf FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?",
                (start, _PAGE),
            ).fetchall()
        return [Entry(*row) for row in rows]

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The ledger's entries in order, read in pages."""
        while rows := self.page(start):
            yield from rows
            start = rows[-1].index + 1

    def verify(self) -> Verification:
        """Check the whole ledger, and what is shown of calls, whatever was done to either."""
        return checking.verify(self._store)

    def content(self, call: str) -> dict[str, dict[str, str]]:
        """The texts of a call that the store keeps: ``parts`` and ``answer``, by pointer.

        Raises:
            TamperingError: What is stored was changed, or sealed under another key.
        """
        with self._store.snapshot() as db:
            rows = db.execute(
                "SELECT name, kind, body FROM documents "
                "WHERE call = ? AND name LIKE 'text/%' ORDER BY cast(substr(name, 6) AS INTEGER)",
                (call,),
            ).fetchall()
        found: dict[str, dict[str, str]] = {"parts": {}, "answer": {}}
        for name, kind, body in rows:
            for part, texts in self._read(call, name, kind, body).items():
                found.setdefault(part, {}).update(texts)
        return found

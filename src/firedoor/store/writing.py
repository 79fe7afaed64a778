"""The one write: a commit, inside a transaction that its caller opens and closes."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, Protocol

from firedoor.engine.explain import time_text
from firedoor.engine.port import CallRow, Commit, Committed, Exhausted, Stale
from firedoor.ledger import Entry, canonical, seal
from firedoor.store import index as index_
from firedoor.store import kept, pictures, roads
from firedoor.store.accounts import NOTHING_TAKEN, Accounts
from firedoor.store.head import Head
from firedoor.store.keys import StoreKeys
from firedoor.store.rows import (
    SEALED,
    counted,
    label_from,
    label_text,
    run_parents_from,
    run_parents_text,
)
from firedoor.types.ids import CallId, NodeId
from firedoor.types.label import join
from firedoor.types.record import Grant, MintedRow, QuarantineRow, RunRow, StoreMark
from firedoor.wire import veiled_pointer


class Keeper(kept.Keeper, Protocol):
    """What a write needs to know of its store."""

    node: NodeId


_ENTRIES = "INSERT INTO entries (idx, bytes, leaf) VALUES (?,?,?)"
_CALLS = (
    "INSERT INTO calls (call, instance, base, base_parts, attempt, answered, at, open_index, "
    "verdict, judged, attributed, total, opaque, words, assumed, unproven, withheld, forged, "
    "transplanted) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
)
# In `observe` a call may be closed whose opening could not be written.
_CLOSED = (
    "INSERT INTO calls (call, instance, base_parts, answered, at, close_index, "
    "verdict, judged, attributed, total, opaque, words, assumed, unproven, withheld, forged, "
    "transplanted) VALUES (?,?,0,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT DO UPDATE SET answered = max(answered, excluded.answered), "
    "close_index = excluded.close_index, verdict = excluded.verdict"
)
_SETTLED = "UPDATE calls SET answered = 1 WHERE attempt = ? AND answered = 0 AND instance = ?"
_INSTANCES = (
    "INSERT INTO instances (id, name, compartment, room, run, credential, parents, identity, "
    "first_seen) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET run = excluded.run, "
    # Parents are only ever added: a call that was refused before it was identified knows fewer.
    "parents = CASE WHEN length(excluded.parents) > length(parents) THEN excluded.parents "
    "ELSE parents END"
)
_EMISSIONS = (
    "INSERT OR IGNORE INTO emissions (passage, seq, call, room, run, label, instance, author, "
    "compartment, held) VALUES (?,?,?,?,?,?,?,?,?,?)"
)
_RECORDS = "INSERT OR IGNORE INTO records (store, key, passage, call) VALUES (?,?,?,?)"
_JUDGEMENTS = (
    "INSERT OR REPLACE INTO judgements (instance, passage, action, rule, label, quarantine, epoch) "
    "VALUES (?,?,?,?,?,?,?)"
)
_GRANTS = "INSERT OR REPLACE INTO grants (passage, kind, scope, until) VALUES (?,?,?,?)"
_TURNS = (
    "INSERT INTO turns (credential, chain, call, instance) VALUES (?,?,?,?) "
    "ON CONFLICT DO UPDATE SET call = excluded.call, instance = excluded.instance"
)
_CONTINUED = (
    "UPDATE turns SET next_attempt = ? WHERE credential = ? AND chain = ? AND next_attempt IS NULL"
)
_MINTED = (
    "INSERT INTO minted (id, resource, credential, room, run, instance, label, call) "
    "VALUES (?1,?2,?3,?4,?5,?6,?7,?8) "
    # INVARIANT: whose an id is never changes, and its label only rises.
    "ON CONFLICT DO UPDATE SET label = label_join(label, excluded.label) "
    "WHERE ?9 AND room = excluded.room AND label <> excluded.label"
)
_FILES = "INSERT OR IGNORE INTO files (id, digest, purpose, lines, call) VALUES (?,?,?,?,?)"
_HOLDS = (
    "INSERT OR IGNORE INTO file_holds (id, passage, use, author, author_compartment, label, lines, "
    "characters, pointer) VALUES (?,?,?,?,?,?,?,?,?)"
)
_DOCUMENTS = (
    "INSERT INTO documents (call, name, kind, body) VALUES (?,?,?,?) "
    "ON CONFLICT DO UPDATE SET kind = excluded.kind, body = excluded.body"
)
# In this order: what is updated was inserted before, perhaps by a commit of the same batch.
_ORDER = (
    _ENTRIES, _CALLS, _CLOSED, _SETTLED, _INSTANCES, _EMISSIONS, _RECORDS, _JUDGEMENTS, _GRANTS, _TURNS,
    _CONTINUED, _MINTED, _FILES, _HOLDS, pictures.WRITE, _DOCUMENTS, roads.TOUCHES, roads.EGRESS,
)  # fmt: skip


class Batch:
    """The commits of one transaction: each judged as it comes, their rows written together.

    A commit that is refused leaves nothing behind, so that it spoils none of the others.
    """

    def __init__(self, db: sqlite3.Connection, keeper: Keeper, head: Head) -> None:
        self._db = db
        self._keeper = keeper
        self._before = head
        self.head = head
        self._rows: dict[str, list[tuple[Any, ...]]] = {statement: [] for statement in _ORDER}
        self._accounts: Accounts | None = None

    def add(self, commit: Commit) -> Committed | Stale | Exhausted:
        """Take one commit in, or say why not."""
        head = self.head
        if commit.orders is not None and head.orders > commit.orders:
            return Stale("orders")
        taken = NOTHING_TAKEN
        if commit.hold is not None or commit.settle:
            self._accounts = self._accounts or Accounts(self._db)
            found = self._accounts.add(commit)
            if isinstance(found, Exhausted):
                return found
            taken = found
        if commit.reach and not _take_reach(self._db, commit):
            if self._accounts is not None:
                self._accounts.undo()
            return Stale("reach")
        seq = head.tree.size
        index = leaf = None
        rows, place_key = self._rows, self._keeper.keys.place_key
        call = _veiled(self._keeper, commit.call)
        if commit.entry is not None:
            bound = _bound(self._keeper.keys, call, commit.entry.body)
            entry = _sealed(self._keeper, head, commit.entry.kind, bound, commit.at)
            rows[_ENTRIES].append((entry.index, entry.bytes_, entry.leaf))
            self.head = Head(head.tree.append(entry.leaf), entry.leaf, head.orders)
            index, leaf = seq, entry.leaf
        self._add_call(commit, call, index)
        if commit.run is not None:
            _join_run(self._db, commit.run)
        for e in commit.emissions:
            rows[_EMISSIONS].append(
                (e.passage, seq, e.call, e.room, e.run, label_text(e.label), e.instance, e.author,
                 e.compartment, e.held)
            )  # fmt: skip
        for r in commit.records:
            rows[_RECORDS].append(
                (r.place.store, place_key(r.place.key or ""), r.emission.passage, r.emission.call)
            )
        for mark in commit.marks:
            _join_mark(self._db, mark, place_key(mark.place.key or ""))
        for j in commit.judgements:
            rows[_JUDGEMENTS].append(
                (commit.call.instance, j.passage, j.action, j.rule, label_text(j.label),
                 j.quarantine, j.epoch)
            )  # fmt: skip
        for g in commit.grants:
            rows[_GRANTS].append((g.passage, g.kind, g.scope or "", g.until))
        for item in commit.quarantine:
            _hold(self._db, self._keeper, item, commit.at)
        for turn in commit.turns:
            rows[_TURNS].append((turn.credential, turn.chain, turn.call, turn.instance))
        if commit.continued is not None:
            credential, chain, attempt = commit.continued
            rows[_CONTINUED].append((attempt, credential, chain))
        for m in commit.minted:
            rows[_MINTED].append(
                (m.id, self._resource(m.resource), m.credential, m.room, m.run, m.instance,
                 label_text(m.label), m.call, m.written)
            )  # fmt: skip
        for f in commit.files:
            rows[_FILES].append((f.id, f.digest, f.purpose, f.lines, f.call))
            rows[_HOLDS].extend(
                (f.id, h.passage, h.use, h.author, h.author_compartment, label_text(h.label),
                 h.lines, h.characters, h.pointer)
                for h in f.holds
            )  # fmt: skip
        if commit.touches or commit.egress:
            for statement, road in roads.rows_of(self._keeper, commit):
                rows[statement].append(road)
        for brought in commit.brought:
            index_.bring(self._db, brought, seq)
        for wrote in commit.wrote:
            index_.write(self._db, self._keeper, wrote, seq, commit.at)
        for p in commit.pictures:
            rows[pictures.WRITE].extend((band, p.media) for band in p.bands)
        if commit.content is not None and self._keeper.retention != "digests":
            self._keep(call.call, f"text/{commit.content_n}", commit.content)
        return Committed(index, leaf, *taken)

    def _resource(self, resource: str) -> str:
        if not resource.startswith("call:"):
            return resource
        return SEALED + self._keeper.keys.sealed_name(resource)

    def _keep(self, call: CallId, name: str, document: bytes) -> None:
        kind, body = kept.kept(self._keeper, f"{call}/{name}", document)
        self._rows[_DOCUMENTS].append((call, name, kind, body))

    def _add_call(self, commit: Commit, call: CallRow, index: int | None) -> None:
        row = commit.instance
        said = counted(commit.entry.body if commit.entry is not None else {})
        if call.opened is not None:
            self._rows[_CALLS].append(
                (call.call, call.instance, call.base, call.base_parts, call.attempt,
                 call.answered, commit.at, index, *said)
            )  # fmt: skip
            self._keep(call.call, "opened", call.opened)
        elif call.closed is not None:
            self._rows[_CLOSED].append(
                (call.call, call.instance, call.answered, commit.at, index, *said)
            )
        if call.closed is not None:
            self._keep(call.call, "closed", call.closed)
        if call.settles is not None:
            self._rows[_SETTLED].append((call.settles, call.instance))
        if row is not None:
            self._rows[_INSTANCES].append(
                (row.id, row.name, row.compartment, row.room, row.run, row.credential,
                 json.dumps(row.parents), row.identity, commit.at)
            )  # fmt: skip

    def flush(self) -> None:
        """Write all rows, a statement for each table, and the ledger's new head."""
        if self._accounts is not None:
            self._accounts.flush()
        for statement, rows in self._rows.items():
            if len(rows) == 1:
                self._db.execute(statement, rows[0])
            elif rows:
                self._db.executemany(statement, rows)
        granted, judged = len(self._rows[_GRANTS]), len(self._rows[_JUDGEMENTS])
        if self.head is not self._before or granted or judged:
            self._db.execute(
                "UPDATE head SET size = ?, peaks = ?, last = ?, granted = granted + ?, "
                "judged = judged + ?",
                (self.head.tree.size, self.head.tree.to_bytes(), self.head.last, granted, judged),
            )


def _veiled(keeper: Keeper, call: CallRow) -> CallRow:
    """The call with its documents as the retention lets them be."""
    if keeper.retention != "digests":
        return call
    return call._replace(
        opened=kept.veiled(call.opened, keeper.keys) if call.opened is not None else None,
        closed=kept.veiled(call.closed, keeper.keys) if call.closed is not None else None,
    )


def _bound(keys: StoreKeys, call: CallRow, body: dict[str, object]) -> dict[str, object]:
    """An entry's body with what binds it to the documents that are written with it."""
    if call.opened is not None:
        body = {**body, "document": keys.commitment(call.opened)}
        if call.closed is not None:
            body["document_closed"] = keys.commitment(call.closed)
    elif call.closed is not None:
        body = {**body, "document": keys.commitment(call.closed)}
    return body


def _sealed(keeper: Keeper, head: Head, kind: str, body: dict[str, Any], at: float) -> Entry:
    return seal(
        index=head.tree.size,
        kind=kind,
        time=time_text(at),
        node=keeper.node,
        previous=head.last,
        body=canonical(body),
    )


def write_entry(
    db: sqlite3.Connection, keeper: Keeper, head: Head, kind: str, body: dict[str, Any], at: float
) -> Head:
    """Add an entry that is no call's and no order's."""
    entry = _sealed(keeper, head, kind, body, at)
    db.execute(_ENTRIES, (entry.index, entry.bytes_, entry.leaf))
    head = Head(head.tree.append(entry.leaf), entry.leaf, head.orders)
    db.execute(
        "UPDATE head SET size = ?, peaks = ?, last = ?",
        (head.tree.size, head.tree.to_bytes(), head.last),
    )
    return head


def write_order(
    db: sqlite3.Connection,
    keeper: Keeper,
    head: Head,
    *,
    kind: str,
    target: str,
    body: dict[str, Any],
    at: float,
    ledger: str = "order",
) -> tuple[int, Head]:
    """Add a standing order and its entry, of the kind ``ledger``; gives its version."""
    (version,) = db.execute("SELECT coalesce(max(version), 0) + 1 FROM orders").fetchone()
    db.execute(
        "INSERT INTO orders (version, kind, target, body, at) VALUES (?,?,?,?,?)",
        (version, kind, target, json.dumps(body), at),
    )
    if kind == "contain":
        db.execute("INSERT OR REPLACE INTO contained VALUES (?,?)", (target, version))
    elif kind == "uncontain":
        db.execute("DELETE FROM contained WHERE target = ?", (target,))
    elif kind == "release":
        _release(db, target.partition(":")[2], body, at)
    entry = _sealed(
        keeper, head, ledger, {"order": kind, "target": target, "version": version, **body}, at
    )
    db.execute(_ENTRIES, (entry.index, entry.bytes_, entry.leaf))
    head = Head(head.tree.append(entry.leaf), entry.leaf, version)
    db.execute(
        "UPDATE head SET size = ?, peaks = ?, last = ?, orders = ?, "
        "contained = (SELECT count(*) FROM contained)",
        (head.tree.size, head.tree.to_bytes(), head.last, version),
    )
    return version, head


def _release(db: sqlite3.Connection, item: str, body: dict[str, Any], at: float) -> None:
    """A held item is held no more: from here on its passage has a grant, until it ends."""
    until = at + body["days"] * 86_400.0
    (passage,) = db.execute("SELECT passage FROM quarantine WHERE id = ?", (item,)).fetchone()
    db.execute("UPDATE quarantine SET state = 'released', expires = ? WHERE id = ?", (until, item))
    db.execute(_GRANTS, (passage, "released", "", until))
    db.execute("UPDATE head SET granted = granted + 1")


def write_adoption(
    db: sqlite3.Connection,
    keeper: Keeper,
    head: Head,
    *,
    target: str,
    body: dict[str, Any],
    at: float,
    minted: Iterable[MintedRow],
    grants: Iterable[Grant],
) -> tuple[int, Head]:
    """Bring in ids and texts from before the door, by an order: what was judged without them is
    judged again. An id that has an owner keeps it."""
    version, head = write_order(db, keeper, head, kind="adopt", target=target, body=body, at=at)
    db.executemany(
        _MINTED,
        [
            (m.id, m.resource, m.credential, m.room, m.run, m.instance, label_text(m.label),
             f"order/{version}", False)
            for m in minted
        ],
    )  # fmt: skip
    rows = [(g.passage, g.kind, g.scope or "", g.until) for g in grants]
    db.executemany(_GRANTS, rows)
    db.execute("UPDATE head SET granted = granted + ?", (len(rows),))
    return version, head


def _take_reach(db: sqlite3.Connection, commit: Commit) -> bool:
    """Test and add in one step (MODEL line 29); False when a root would pass its limit.

    All roots are tested before any is added: a refused commit leaves nothing behind.
    """
    since = commit.at - commit.reach_window_s
    for root, room, limit in commit.reach:
        (others,) = db.execute(
            "SELECT count(*) FROM reach WHERE root = ? AND room <> ? AND last_at > ?",
            (root, room, since),
        ).fetchone()
        # INVARIANT: the rooms reached inside one window never number more than the limit.
        if others + 1 > limit:
            return False
    db.executemany(
        "INSERT INTO reach (root, room, last_at) VALUES (?,?,?) "
        "ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at)",
        [(root, room, commit.at) for root, room, _ in commit.reach],
    )
    return True


def _join_run(db: sqlite3.Connection, run: RunRow) -> None:
    known = db.execute("SELECT label, parent FROM runs WHERE run = ?", (run.run,)).fetchone()
    # A run may be spawned again, by another: each of them hands on what it reads.
    before = run_parents_from(known[1] if known is not None else None)
    parents = run_parents_text((*before, *((run.parent,) if run.parent is not None else ())))
    if known is None:
        db.execute(
            "INSERT INTO runs (run, room, label, parent) VALUES (?,?,?,?)",
            (run.run, run.room, label_text(run.label), parents),
        )
        return
    # INVARIANT: a run's label only rises.
    label = label_text(join(label_from(known[0]), run.label))
    if (label, parents) != (known[0], known[1]):
        db.execute(
            "UPDATE runs SET label = ?, parent = ? WHERE run = ?",
            (label, parents, run.run),
        )


def _join_mark(db: sqlite3.Connection, mark: StoreMark, key: str) -> None:
    where = (mark.place.store, key, mark.room)
    known = db.execute(
        "SELECT label FROM marks WHERE store = ? AND key = ? AND room = ?", where
    ).fetchone()
    label = join(label_from(known[0]), mark.label) if known is not None else mark.label
    db.execute("INSERT OR REPLACE INTO marks VALUES (?,?,?,?)", (*where, label_text(label)))


def _hold(db: sqlite3.Connection, keeper: Keeper, item: QuarantineRow, at: float) -> None:
    known = db.execute(
        "SELECT asked_by FROM quarantine WHERE passage = ?", (item.passage,)
    ).fetchone()
    if known is not None:
        asked_by = sorted({*json.loads(known[0]), item.asked_by})
        db.execute(
            # What was released, and is met again after that ended, is held again.
            "UPDATE quarantine SET copies = copies + 1, asked_by = ?, state = CASE WHEN "
            "state = 'released' AND expires <= ? THEN 'held' ELSE state END WHERE passage = ?",
            (json.dumps(asked_by), at, item.passage),
        )
        return
    pointer = item.pointer
    if keeper.retention != "plain":
        # The call's own document has it as it was, where that may be kept.
        pointer = veiled_pointer(pointer, keeper.keys.digest)
    db.execute(
        "INSERT INTO quarantine (id, passage, state, author, author_compartment, channel, label, "
        "characters, copies, asked_by, call, pointer, rule, created) "
        "VALUES (?,?,'held',?,?,?,?,?,1,?,?,?,?,?)",
        (item.id, item.passage, item.author, item.author_compartment, item.channel,
         label_text(item.label), item.characters, json.dumps([item.asked_by]), item.call,
         pointer, item.rule, at),
    )  # fmt: skip

"""The one write: a commit, inside a transaction that its caller opens and closes."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from firedoor.engine.explain import time_text
from firedoor.engine.port import Commit, Committed, Stale
from firedoor.ledger import CompactRange, Entry, canonical, seal
from firedoor.store.keys import StoreKeys
from firedoor.store.rows import label_from, label_text
from firedoor.types.ids import NodeId
from firedoor.types.label import join
from firedoor.types.record import Grant, MintedRow, QuarantineRow, RunRow, StoreMark


class Head(NamedTuple):
    """Where the ledger ends."""

    tree: CompactRange
    last: bytes | None
    """Leaf of the last entry."""
    orders: int = 0
    """Version of the standing orders."""


class Keeper(Protocol):
    """What a write needs to know of its store."""

    node: NodeId
    keys: StoreKeys
    retention: str


_ENTRIES = "INSERT INTO entries (idx, bytes, leaf) VALUES (?,?,?)"
_CALLS = (
    "INSERT INTO calls (call, instance, base, base_parts, attempt, answered, at, open_index) "
    "VALUES (?,?,?,?,?,?,?,?)"
)
_CLOSED = "UPDATE calls SET answered = max(answered, ?), close_index = ? WHERE call = ?"
_SETTLED = "UPDATE calls SET answered = 1 WHERE attempt = ? AND answered = 0 AND instance = ?"
_INSTANCES = (
    "INSERT INTO instances (id, name, compartment, room, run, credential, parents, identity, "
    "first_seen) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET run = excluded.run"
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
_DOCUMENTS = (
    "INSERT INTO documents (call, name, kind, body) VALUES (?,?,?,?) "
    "ON CONFLICT DO UPDATE SET kind = excluded.kind, body = excluded.body"
)
# In this order: what is updated was inserted before, perhaps by a commit of the same batch.
_ORDER = (
    _ENTRIES, _CALLS, _CLOSED, _SETTLED, _INSTANCES, _EMISSIONS, _RECORDS, _JUDGEMENTS, _GRANTS, _TURNS,
    _CONTINUED, _MINTED, _DOCUMENTS,
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

    def add(self, commit: Commit) -> Committed | Stale:
        """Take one commit in, or say why not."""
        head = self.head
        if commit.orders is not None and head.orders > commit.orders:
            return Stale("orders")
        if commit.reach and not _take_reach(self._db, commit):
            return Stale("reach")
        seq = head.tree.size
        index = leaf = None
        rows = self._rows
        if commit.entry is not None:
            entry = _sealed(self._keeper, head, commit.entry.kind, commit.entry.body, commit.at)
            rows[_ENTRIES].append((entry.index, entry.bytes_, entry.leaf))
            self.head = Head(head.tree.append(entry.leaf), entry.leaf, head.orders)
            index, leaf = seq, entry.leaf
        self._add_call(commit, index)
        if commit.run is not None:
            _join_run(self._db, commit.run)
        for e in commit.emissions:
            rows[_EMISSIONS].append(
                (e.passage, seq, e.call, e.room, e.run, label_text(e.label), e.instance, e.author,
                 e.compartment, e.held)
            )  # fmt: skip
        for r in commit.records:
            rows[_RECORDS].append(
                (r.place.store, r.place.key or "", r.emission.passage, r.emission.call)
            )
        for mark in commit.marks:
            _join_mark(self._db, mark)
        for j in commit.judgements:
            rows[_JUDGEMENTS].append(
                (commit.call.instance, j.passage, j.action, j.rule, label_text(j.label),
                 j.quarantine, j.epoch)
            )  # fmt: skip
        for g in commit.grants:
            rows[_GRANTS].append((g.passage, g.kind, g.scope or "", g.until))
        for item in commit.quarantine:
            _hold(self._db, item, commit.at)
        for turn in commit.turns:
            rows[_TURNS].append((turn.credential, turn.chain, turn.call, turn.instance))
        if commit.continued is not None:
            credential, chain, attempt = commit.continued
            rows[_CONTINUED].append((attempt, credential, chain))
        for m in commit.minted:
            rows[_MINTED].append(
                (m.id, m.resource, m.credential, m.room, m.run, m.instance, label_text(m.label),
                 m.call, m.written)
            )  # fmt: skip
        if commit.content is not None and self._keeper.retention != "digests":
            call, n = commit.call.call, commit.content_n
            kind, body = _kept(self._keeper, f"{call}/{n}", commit.content)
            rows[_DOCUMENTS].append((call, f"text/{n}", kind, body))
        return Committed(index, leaf)

    def _add_call(self, commit: Commit, index: int | None) -> None:
        call, row = commit.call, commit.instance
        if call.opened is not None:
            self._rows[_CALLS].append(
                (call.call, call.instance, call.base, call.base_parts, call.attempt,
                 call.answered, commit.at, index)
            )  # fmt: skip
            self._rows[_DOCUMENTS].append((call.call, "opened", "json", call.opened))
        elif call.closed is not None:
            self._rows[_CLOSED].append((call.answered, index, call.call))
        if call.closed is not None:
            self._rows[_DOCUMENTS].append((call.call, "closed", "json", call.closed))
        if call.settles is not None:
            self._rows[_SETTLED].append((call.settles, call.instance))
        if row is not None:
            self._rows[_INSTANCES].append(
                (row.id, row.name, row.compartment, row.room, row.run, row.credential,
                 json.dumps(row.parents), row.identity, commit.at)
            )  # fmt: skip

    def flush(self) -> None:
        """Write all rows, a statement for each table, and the ledger's new head."""
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


def _sealed(keeper: Keeper, head: Head, kind: str, body: dict[str, Any], at: float) -> Entry:
    return seal(
        index=head.tree.size,
        kind=kind,
        time=time_text(at),
        node=keeper.node,
        previous=head.last,
        body=canonical(body),
    )


def _kept(keeper: Keeper, bound_to: str, content: bytes) -> tuple[str, bytes]:
    """A content as it is kept: its kind, and its bytes."""
    if keeper.retention == "encrypted":
        return "aesgcm:" + keeper.keys.key_id, keeper.keys.seal(content, bound_to)
    return "plain", content


def write_order(
    db: sqlite3.Connection,
    keeper: Keeper,
    head: Head,
    *,
    kind: str,
    target: str,
    body: dict[str, Any],
    at: float,
) -> tuple[int, Head]:
    """Add a standing order and its entry; gives its version."""
    (version,) = db.execute("SELECT coalesce(max(version), 0) + 1 FROM orders").fetchone()
    db.execute(
        "INSERT INTO orders (version, kind, target, body, at) VALUES (?,?,?,?,?)",
        (version, kind, target, json.dumps(body), at),
    )
    if kind == "contain":
        db.execute("INSERT OR REPLACE INTO contained VALUES (?,?)", (target, version))
    elif kind == "uncontain":
        db.execute("DELETE FROM contained WHERE target = ?", (target,))
    entry = _sealed(
        keeper, head, "order", {"order": kind, "target": target, "version": version, **body}, at
    )
    db.execute(_ENTRIES, (entry.index, entry.bytes_, entry.leaf))
    head = Head(head.tree.append(entry.leaf), entry.leaf, version)
    db.execute(
        "UPDATE head SET size = ?, peaks = ?, last = ?, orders = ?, "
        "contained = (SELECT count(*) FROM contained)",
        (head.tree.size, head.tree.to_bytes(), head.last, version),
    )
    return version, head


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
    if known is None:
        db.execute(
            "INSERT INTO runs (run, room, label, parent) VALUES (?,?,?,?)",
            (run.run, run.room, label_text(run.label), run.parent),
        )
        return
    # INVARIANT: a run's label only rises.
    label = label_text(join(label_from(known[0]), run.label))
    if label != known[0] or (run.parent is not None and known[1] is None):
        db.execute(
            "UPDATE runs SET label = ?, parent = coalesce(parent, ?) WHERE run = ?",
            (label, run.parent, run.run),
        )


def _join_mark(db: sqlite3.Connection, mark: StoreMark) -> None:
    where = (mark.place.store, mark.place.key or "", mark.room)
    known = db.execute(
        "SELECT label FROM marks WHERE store = ? AND key = ? AND room = ?", where
    ).fetchone()
    label = join(label_from(known[0]), mark.label) if known is not None else mark.label
    db.execute("INSERT OR REPLACE INTO marks VALUES (?,?,?,?)", (*where, label_text(label)))


def _hold(db: sqlite3.Connection, item: QuarantineRow, at: float) -> None:
    known = db.execute(
        "SELECT asked_by FROM quarantine WHERE passage = ?", (item.passage,)
    ).fetchone()
    if known is not None:
        asked_by = sorted({*json.loads(known[0]), item.asked_by})
        db.execute(
            "UPDATE quarantine SET copies = copies + 1, asked_by = ? WHERE passage = ?",
            (json.dumps(asked_by), item.passage),
        )
        return
    db.execute(
        "INSERT INTO quarantine (id, passage, state, author, author_compartment, channel, label, "
        "characters, copies, asked_by, call, pointer, rule, created) "
        "VALUES (?,?,'held',?,?,?,?,?,1,?,?,?,?,?)",
        (item.id, item.passage, item.author, item.author_compartment, item.channel,
         label_text(item.label), item.characters, json.dumps([item.asked_by]), item.call,
         item.pointer, item.rule, at),
    )  # fmt: skip

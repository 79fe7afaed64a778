"""The one write: a commit, inside a transaction that its caller opens and closes."""

import json
import sqlite3
from typing import Any, NamedTuple, Protocol

from firedoor.engine.explain import time_text
from firedoor.engine.port import Commit, Committed, Stale
from firedoor.ledger import CompactRange, canonical, seal
from firedoor.store.keys import StoreKeys
from firedoor.store.rows import label_from, label_text
from firedoor.types.ids import NodeId
from firedoor.types.label import join
from firedoor.types.record import QuarantineRow, RunRow, StoreMark


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


def write(
    db: sqlite3.Connection, keeper: Keeper, commit: Commit, head: Head
) -> tuple[Committed | Stale, Head]:
    """Write ``commit``, or say why not: then the caller rolls back to its savepoint."""
    if commit.orders is not None and head.orders > commit.orders:
        return Stale("orders"), head
    if commit.reach and not _take_reach(db, commit):
        return Stale("reach"), head
    seq = head.tree.size
    index = leaf = None
    if commit.entry is not None:
        head, leaf = append(
            db, keeper, head, kind=commit.entry.kind, body=commit.entry.body, at=commit.at
        )
        index = seq
    _write_call(db, commit, index)
    if commit.run is not None:
        _join_run(db, commit.run)
    if commit.emissions:
        db.executemany(
            "INSERT OR IGNORE INTO emissions (passage, seq, call, room, run, label, instance, "
            "author, compartment, held) VALUES (?,?,?,?,?,?,?,?,?,?)",
            [
                (e.passage, seq, e.call, e.room, e.run, label_text(e.label), e.instance, e.author,
                 e.compartment, e.held)
                for e in commit.emissions
            ],
        )  # fmt: skip
    if commit.records:
        db.executemany(
            "INSERT OR IGNORE INTO records (store, key, passage, call) VALUES (?,?,?,?)",
            [
                (r.place.store, r.place.key or "", r.emission.passage, r.emission.call)
                for r in commit.records
            ],
        )
    for mark in commit.marks:
        _join_mark(db, mark)
    _write_decisions(db, commit)
    for turn in commit.turns:
        db.execute(
            "INSERT INTO turns (credential, chain, call, instance) VALUES (?,?,?,?) "
            "ON CONFLICT DO UPDATE SET call = excluded.call, instance = excluded.instance",
            (turn.credential, turn.chain, turn.call, turn.instance),
        )
    if commit.continued is not None:
        credential, chain, attempt = commit.continued
        db.execute(
            "UPDATE turns SET next_attempt = ? "
            "WHERE credential = ? AND chain = ? AND next_attempt IS NULL",
            (attempt, credential, chain),
        )
    if commit.minted:
        db.executemany(
            "INSERT OR IGNORE INTO minted (id, resource, credential, room, run, instance, label, "
            "call) VALUES (?,?,?,?,?,?,?,?)",
            [
                (m.id, m.resource, m.credential, m.room, m.run, m.instance, label_text(m.label),
                 m.call)
                for m in commit.minted
            ],
        )  # fmt: skip
    if commit.content is not None and keeper.retention != "digests":
        _write_content(db, keeper, commit.call.call, commit.content_n, commit.content)
    return Committed(index, leaf), head


def append(
    db: sqlite3.Connection,
    keeper: Keeper,
    head: Head,
    *,
    kind: str,
    body: dict[str, Any],
    at: float,
) -> tuple[Head, bytes]:
    """Add one entry to the ledger."""
    entry = seal(
        index=head.tree.size,
        kind=kind,
        time=time_text(at),
        node=keeper.node,
        previous=head.last,
        body=canonical(body),
    )
    db.execute(
        "INSERT INTO entries (idx, bytes, leaf) VALUES (?,?,?)",
        (entry.index, entry.bytes_, entry.leaf),
    )
    return Head(head.tree.append(entry.leaf), entry.leaf, head.orders), entry.leaf


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
    entry = {"order": kind, "target": target, "version": version, **body}
    head, _ = append(db, keeper, head, kind="order", body=entry, at=at)
    return version, head


def _take_reach(db: sqlite3.Connection, commit: Commit) -> bool:
    """Test and add in one step (MODEL line 29); False when a root would pass its limit."""
    since = commit.at - commit.reach_window_s
    for root, room, limit in commit.reach:
        (others,) = db.execute(
            "SELECT count(*) FROM reach WHERE root = ? AND room <> ? AND last_at > ?",
            (root, room, since),
        ).fetchone()
        # INVARIANT: the rooms reached inside one window never number more than the limit.
        if others + 1 > limit:
            return False
        db.execute(
            "INSERT INTO reach (root, room, last_at) VALUES (?,?,?) "
            "ON CONFLICT DO UPDATE SET last_at = max(last_at, excluded.last_at)",
            (root, room, commit.at),
        )
    return True


def _write_call(db: sqlite3.Connection, commit: Commit, index: int | None) -> None:
    call, row = commit.call, commit.instance
    if call.opened is not None:
        db.execute(
            "INSERT INTO calls (call, instance, base, base_parts, opened, closed, attempt, "
            "answered, at, open_index) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (call.call, call.instance, call.base, call.base_parts, call.opened, call.closed,
             call.attempt, call.answered, commit.at, index),
        )  # fmt: skip
    elif call.closed is not None:
        db.execute(
            "UPDATE calls SET closed = ?, answered = max(answered, ?), close_index = ? "
            "WHERE call = ?",
            (call.closed, call.answered, index, call.call),
        )
    if row is not None:
        db.execute(
            "INSERT INTO instances (id, name, compartment, room, run, credential, parents, "
            "identity, first_seen) VALUES (?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET run = excluded.run",
            (row.id, row.name, row.compartment, row.room, row.run, row.credential,
             json.dumps(row.parents), row.identity, commit.at),
        )  # fmt: skip


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


def _write_decisions(db: sqlite3.Connection, commit: Commit) -> None:
    if commit.judgements:
        db.executemany(
            "INSERT OR REPLACE INTO judgements (instance, passage, action, rule, label, "
            "quarantine, epoch) VALUES (?,?,?,?,?,?,?)",
            [
                (commit.call.instance, j.passage, j.action, j.rule, label_text(j.label),
                 j.quarantine, j.epoch)
                for j in commit.judgements
            ],
        )  # fmt: skip
    if commit.grants:
        db.executemany(
            "INSERT OR REPLACE INTO grants (passage, kind, scope, until) VALUES (?,?,?,?)",
            [(g.passage, g.kind, g.scope or "", g.until) for g in commit.grants],
        )
    for item in commit.quarantine:
        _hold(db, item, commit.at)


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


def _write_content(
    db: sqlite3.Connection, keeper: Keeper, call: str, n: int, content: bytes
) -> None:
    if keeper.retention == "encrypted":
        kind, content = "aesgcm:" + keeper.keys.key_id, keeper.keys.seal(content, f"{call}/{n}")
    else:
        kind = "plain"
    db.execute(
        "INSERT INTO content (call, n, kind, body) VALUES (?,?,?,?)", (call, n, kind, content)
    )

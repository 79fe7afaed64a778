"""Looking after the passage index: how full it is, whether it is whole, and writing it anew.

What is kept of a passage is enough to make its fingerprints again, so the table of fingerprints may
be lost without loss. What came in from outside is in that table alone: of a damaged one, as much as
can be read is taken over.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from typing import Any, Final, NamedTuple, cast

import numpy as np

from firedoor import lineage
from firedoor.errors import TamperingError
from firedoor.lineage import Prints
from firedoor.lineage.fingerprints import GRAM_CHARS
from firedoor.lineage.index import QUOTA_PRINTS
from firedoor.lineage.normal import Codes
from firedoor.store.index import ADD_PRINT, OUTSIDE, PINNED, unkept
from firedoor.store.keys import StoreKeys
from firedoor.types.ids import Digest

_TABLE: Final = (
    "CREATE TABLE prints (key INTEGER NOT NULL, origin INTEGER NOT NULL, text INTEGER NOT NULL, "
    "place INTEGER NOT NULL, PRIMARY KEY (key, origin)) STRICT, WITHOUT ROWID"
)

_EDGES: Final = range(-(2**63), 2**63 + 1, 2**58)
SLICES: Final = tuple((low, high - 1) for low, high in pairwise(_EDGES))
"""The keys in sixty-four parts."""


class Use(NamedTuple):
    """How much the index holds."""

    passages: int
    prints: int
    outside: int
    """Fingerprints of what came in from outside, or was pinned."""
    full: tuple[tuple[str, int], ...]
    """(instance, fingerprints refused) of those whose quota is used up."""


class Check(NamedTuple):
    """What a reading of the whole index found."""

    passages: int
    unreadable: int
    """Passages whose text was changed, or sealed under another key."""
    missing: int
    """Fingerprints that a passage should have, and nobody has."""
    damage: str | None
    """What SQLite says of the file."""

    @property
    def whole(self) -> bool:
        """Whether nothing is amiss."""
        return not (self.unreadable or self.missing or self.damage)


class Rebuilt(NamedTuple):
    """What was written anew."""

    passages: int
    prints: int
    outside: int
    """Fingerprints from outside that could be taken over."""
    unreadable: int


class Forgotten(NamedTuple):
    """What was dropped."""

    passages: int
    prints: int
    texts: int
    """Kept texts of calls."""


def use(db: sqlite3.Connection) -> Use:
    """How full the index is."""
    (passages,) = db.execute("SELECT count(*) FROM texts").fetchone()
    (prints,) = db.execute("SELECT count(*) FROM prints WHERE origin > 1").fetchone()
    (outside,) = db.execute("SELECT count(*) FROM prints WHERE origin <= 1").fetchone()
    full = db.execute(
        "SELECT instance, refused FROM index_use WHERE refused > 0 ORDER BY refused DESC, instance"
    ).fetchall()
    return Use(passages, prints, outside, tuple(full))


class _Kept(NamedTuple):
    id: int
    origin: int
    prints: Prints | None
    """None where the text cannot be read."""


def _all(db: sqlite3.Connection, keys: StoreKeys, where: str, values: Any) -> Iterator[_Kept]:
    rows = db.execute(
        "SELECT id, passage, origin, kind, body, places FROM texts "  # noqa: S608 - constants
        f"WHERE {where} ORDER BY id",
        values,
    )
    for id_, passage, origin, kind, body, places in rows:
        yield _Kept(id_, origin, _prints(keys, Digest(passage), kind, body, places))


def _prints(
    keys: StoreKeys, passage: Digest, kind: str, body: bytes, places: bytes
) -> Prints | None:
    if kind.startswith("d2:"):
        count = len(places) // 12
        at = np.frombuffer(places[: 4 * count], "<u4").astype(np.int64)
        return Prints(np.frombuffer(places[4 * count :], "<i8").astype(np.int64), at)
    try:
        codes = cast(Codes, unkept(keys, lineage.passage_id(passage), kind, body).values)
    except TamperingError:
        return None
    at = np.frombuffer(places, "<u4").astype(np.int64)
    if len(at) and int(at[-1]) + GRAM_CHARS > len(codes):
        return None
    return lineage.prints_at(codes, at, keys.printer)


def check(db: sqlite3.Connection, keys: StoreKeys) -> Check:
    """Read all of it. ``db`` shows a snapshot."""
    passages = unreadable = missing = 0
    damage = None
    try:
        found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        damage = None if found == "ok" else str(found)
        for kept in _all(db, keys, "1", ()):
            passages += 1
            if kept.prints is None:
                unreadable += 1
                continue
            # A fingerprint may be its origin's by another, earlier passage.
            missing += sum(
                db.execute(
                    "SELECT 1 FROM prints WHERE key = ? AND origin = ?", (key, kept.origin)
                ).fetchone()
                is None
                for key in kept.prints.keys.tolist()
            )
    except sqlite3.DatabaseError as error:
        damage = str(error)
    return Check(passages, unreadable, missing, damage)


def rebuild(db: sqlite3.Connection, keys: StoreKeys) -> Rebuilt:
    """Write the table of fingerprints anew. ``db`` has the file to itself, in no transaction."""
    outside: list[tuple[int, int, int, int]] = []
    with suppress(sqlite3.DatabaseError):
        for row in db.execute("SELECT key, origin, text, place FROM prints"):
            if row[1] in (OUTSIDE, PINNED):
                outside.append(row)
    try:
        db.execute("DROP TABLE prints")
    except sqlite3.DatabaseError:
        # Its pages cannot be walked: they are left behind, and the file is written without them.
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_schema WHERE name = 'prints'")
        db.execute("PRAGMA writable_schema = RESET")
        db.execute("VACUUM")
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(_TABLE)
        db.executemany(ADD_PRINT, outside)
        passages = prints = unreadable = 0
        for kept in _all(db, keys, "1", ()):
            if kept.prints is None:
                unreadable += 1
                continue
            passages += 1
            rows = zip(kept.prints.keys.tolist(), kept.prints.at.tolist(), strict=True)
            prints += db.executemany(
                ADD_PRINT, [(key, kept.origin, kept.id, place) for key, place in rows]
            ).rowcount
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return Rebuilt(passages, prints, len(outside), unreadable)


def older(db: sqlite3.Connection, before: float) -> bool:
    """Whether words are kept from before then."""
    passages = db.execute("SELECT 1 FROM texts WHERE at < ? LIMIT 1", (before,)).fetchone()
    texts = db.execute(
        "SELECT 1 FROM calls c JOIN documents d ON d.call = c.call "
        "WHERE c.at < ? AND d.name GLOB 'text/*' LIMIT 1",
        (before,),
    ).fetchone()
    return passages is not None or texts is not None


def forget_outside(db: sqlite3.Connection, before: float, low: int, high: int) -> None:
    """Drop the fingerprints between two keys of what came in from outside before ``before``."""
    row = db.execute(
        "SELECT open_index FROM calls WHERE at < ? ORDER BY at DESC LIMIT 1", (before,)
    ).fetchone()
    if row is None or row[0] is None:
        return
    db.execute(
        "DELETE FROM prints WHERE key BETWEEN ? AND ? AND origin = ? AND text <= ?",
        (low, high, OUTSIDE, row[0]),
    )


def forget(db: sqlite3.Connection, keys: StoreKeys, where: str, values: Any) -> Forgotten:
    """Drop the passages and kept texts that ``where`` (a constant of the caller's) speaks of."""
    passages = prints = 0
    for kept in list(_all(db, keys, where, values)):
        passages += 1
        if kept.prints is None:
            prints += db.execute("DELETE FROM prints WHERE text = ?", (kept.id,)).rowcount
            continue
        prints += db.executemany(
            "DELETE FROM prints WHERE key = ? AND origin = ? AND text = ?",
            [(key, kept.origin, kept.id) for key in kept.prints.keys.tolist()],
        ).rowcount
    used = db.execute(
        f"SELECT instance, count(*) FROM texts WHERE {where} GROUP BY instance",  # noqa: S608
        values,
    ).fetchall()
    db.execute(f"DELETE FROM texts WHERE {where}", values)  # noqa: S608 - constants
    for instance, _ in used:
        # What is gone counts no more against its quota: what is left does.
        (left,) = db.execute(
            "SELECT coalesce(sum(length(places)), 0) / 4 FROM texts WHERE instance = ?",
            (instance,),
        ).fetchone()
        db.execute(
            "UPDATE index_use SET prints = min(prints, ?), refused = CASE WHEN ? < ? THEN 0 "
            "ELSE refused END WHERE instance = ?",
            (left, left, QUOTA_PRINTS, instance),
        )
    texts = db.execute(
        "DELETE FROM documents WHERE name GLOB 'text/*' AND call IN "  # noqa: S608 - constants
        f"(SELECT call FROM calls WHERE {where})",
        values,
    ).rowcount
    return Forgotten(passages, prints, texts)

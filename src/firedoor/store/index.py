"""The passage index: which fingerprints were seen, whose they are, and what they are verified by."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np

from firedoor import lineage
from firedoor.engine.port import Brought, Traces, Wrote
from firedoor.lineage import Kept, Posting, Prints, Reading, Source, Stored
from firedoor.lineage.index import ORIGINS_MAX, QUOTA_PRINTS
from firedoor.lineage.spans import DIGEST_CHARS
from firedoor.store import kept
from firedoor.store.keys import StoreKeys
from firedoor.store.rows import label_text
from firedoor.types.ids import Digest, PassageId

OUTSIDE: Final = 0
PINNED: Final = 1
PASSAGES_MAX: Final = 512
"""Passages that one look tells of: those that share most. Who mixes thousands gets no label by it."""
_PARAMETERS_MAX: Final = 400
_PRINTS: Final = "SELECT key, origin, text, place FROM prints WHERE key IN ({})"
_TEXTS: Final = (
    "SELECT t.id, passage, o.name, seq, kind, body FROM texts t JOIN origins o ON o.id = t.origin "
    "WHERE t.id IN ({})"
)
ADD_PRINT: Final = "INSERT OR IGNORE INTO prints (key, origin, text, place) VALUES (?,?,?,?)"
_EMISSION: Final = (
    "INSERT OR IGNORE INTO emissions (passage, seq, call, room, run, label, instance, author, "
    "compartment, held) VALUES (?,?,?,?,?,?,?,?,?,?)"
)
_KINDS: Final = {"u1": np.uint8, "u4": np.uint32, "d2": np.uint16}
"""How the characters of a kept text are written: bytes, code points, or digests of eight."""


def look(db: sqlite3.Connection, keys: StoreKeys, prints: Sequence[int]) -> Traces:
    """What is known of these fingerprints, from the snapshot that ``db`` shows."""
    rows = [row for batch in _batches(prints) for row in _all(db, _PRINTS, batch)]
    if not rows:
        return Traces()
    written: dict[int, list[tuple[int, int]]] = {}
    outside: dict[int, list[tuple[int, int]]] = {}
    nobodys: set[int] = set()
    for key, origin, text, place in rows:
        if origin == OUTSIDE:
            outside.setdefault(key, []).append((text, place))
        elif origin == PINNED:
            nobodys.add(key)
        else:
            written.setdefault(key, []).append((text, place))
    nobodys |= {key for key, found in written.items() if len(found) > ORIGINS_MAX}
    for key in nobodys:
        written.pop(key, None)
    shared = Counter(text for found in written.values() for text, _ in found)
    ids = sorted(text for text, _ in shared.most_common(PASSAGES_MAX))
    names: dict[int, PassageId] = {}
    stored: dict[PassageId, Stored] = {}
    for batch in _batches(ids):
        for id_, passage, origin, seq, kind, body in _all(db, _TEXTS, batch):
            names[id_] = name = lineage.passage_id(Digest(passage))
            stored[name] = Stored(Source(name, origin, seq), unkept(keys, name, kind, body))
    postings = {
        key: tuple(Posting(names[text], place) for text, place in sorted(found) if text in names)
        for key, found in written.items()
    }
    return Traces(postings, stored, outside, nobodys, len(shared) <= PASSAGES_MAX)


def known(db: sqlite3.Connection, keys: Sequence[int]) -> bool:
    """Whether an instance wrote any of these."""
    return any(
        db.execute(
            _marked("SELECT 1 FROM prints WHERE key IN ({}) AND origin > 1 LIMIT 1", len(batch)),
            batch,
        ).fetchone()
        for batch in _batches(keys)
    )


def bring(db: sqlite3.Connection, brought: Brought, seq: int) -> None:
    """Note what came in from outside. Of its text nothing is kept."""
    origin = PINNED if brought.pinned else OUTSIDE
    keys, places = brought.prints.keys.tolist(), brought.prints.at.tolist()
    db.executemany(
        ADD_PRINT,
        [(key, origin, seq, place) for key, place in zip(keys, places, strict=True)],
    )


def write(db: sqlite3.Connection, keeper: kept.Keeper, wrote: Wrote, seq: int, at: float) -> None:
    """Have what an instance emitted known again, and note which passages it carried on.

    What repeats a passage that its emitter was shown founds nothing: the emission counts as one of
    that passage's, so that whoever meets it again inherits from all who may have carried it.
    """
    e = wrote.emission
    traces = look(db, keeper.keys, wrote.asked.keys)
    runs: tuple[lineage.Found, ...] = ()
    if traces.stored:
        found = lineage.answer(wrote.asked, traces.postings, traces.stored)
        runs = found.runs
    # Of what was not compared with everything, nothing counts as another's: it is known again by itself.
    complete = traces.complete and wrote.asked.complete and (not traces.stored or found.complete)
    seq_label = label_text(e.label)

    def emit(passage: Digest, *, held: bool) -> None:
        db.execute(
            _EMISSION,
            (passage, seq, e.call, e.room, e.run, seq_label, e.instance, e.author, e.compartment,
             held),
        )  # fmt: skip

    for run in {r.passage: r for r in runs if r.tells}.values():
        passage = lineage.passage_digest(run.passage)
        if passage != e.passage:
            emit(passage, held=wrote.shown(passage))
    origin: int | None = None
    mine: list[tuple[Reading, Prints]] = []
    for number, reading in enumerate(wrote.asked.readings):
        held = [
            (run.start, run.end)
            for run in runs
            if complete
            and run.reading == number
            and run.tells
            and wrote.shown(lineage.passage_digest(run.passage))
        ]
        held += lineage.quoted(reading.prints, traces.outside)
        prints = reading.prints if not held else lineage.fresh(reading.prints, held)
        prints = lineage.without(prints, traces.common)
        if len(prints.keys):
            mine.append((reading, prints))
    if not mine or not _use(db, e.instance, sum(len(prints.keys) for _, prints in mine)):
        return
    for reading, prints in mine:
        if origin is None:
            origin = _origin(db, e.room)
        passage = e.passage
        if reading.layer.chain:
            passage = keeper.keys.digest("layer\x1f" + reading.layer.text)
            emit(passage, held=False)
        text = _keep(db, keeper, reading, prints, (passage, origin, seq, e.instance, at))
        rows = [
            (key, origin, text, place)
            for key, place in zip(prints.keys.tolist(), prints.at.tolist(), strict=True)
        ]
        db.executemany(ADD_PRINT, rows)


def _use(db: sqlite3.Connection, instance: str, count: int) -> bool:
    """Whether an instance may have so many fingerprints more; it has them from here on."""
    row = db.execute(
        "INSERT INTO index_use (instance, prints, refused) VALUES (?1, ?2, 0) ON CONFLICT DO "
        "UPDATE SET prints = prints + ?2 WHERE prints + ?2 <= ?3 RETURNING prints",
        (instance, count, QUOTA_PRINTS),
    ).fetchone()
    if row is None:
        db.execute(
            "UPDATE index_use SET refused = refused + ? WHERE instance = ?", (count, instance)
        )
    return row is not None


def _origin(db: sqlite3.Connection, room: str) -> int:
    name = "room:" + room
    row = db.execute("SELECT id FROM origins WHERE name = ?", (name,)).fetchone()
    if row is None:
        row = db.execute("INSERT INTO origins (name) VALUES (?) RETURNING id", (name,)).fetchone()
    return int(row[0])


def _keep(
    db: sqlite3.Connection,
    keeper: kept.Keeper,
    reading: Reading,
    prints: Prints,
    values: tuple[Digest, int, int, str, float],
) -> int:
    name = lineage.passage_id(values[0])
    codes = reading.normal.codes
    form, left = "u1" if codes.dtype == np.uint8 else "u4", codes.tobytes()
    places = prints.at.astype("<u4").tobytes()
    if keeper.retention == "digests":
        form, left = "d2", lineage.kept_digests(codes, keeper.keys.printer).values.tobytes()
        places += prints.keys.astype("<i8").tobytes()
    kind, body = kept.kept(keeper, "passage/" + name, left)
    row = db.execute(
        "INSERT INTO texts (passage, origin, seq, instance, at, kind, body, places) "
        "VALUES (?,?,?,?,?,?,?,?) RETURNING id",
        (*values, f"{form}:{kind}", body, places),
    ).fetchone()
    return int(row[0])


def unkept(keys: StoreKeys, name: PassageId, kind: str, body: bytes) -> Kept:
    form, _, sealed = kind.partition(":")
    values = kept.read(keys, "passage/" + name, sealed, body)
    codes = np.frombuffer(values, dtype=_KINDS[form])
    return Kept(codes, DIGEST_CHARS if form == "d2" else 1)


def _batches(values: Sequence[int]) -> Iterable[Sequence[int]]:
    for start in range(0, len(values), _PARAMETERS_MAX):
        yield values[start : start + _PARAMETERS_MAX]


def _all(db: sqlite3.Connection, sql: str, values: Sequence[int]) -> Iterable[tuple[Any, ...]]:
    return db.execute(_marked(sql, len(values)), values)


def _marked(sql: str, count: int) -> str:
    # Only the number of question marks changes: never a value.
    return sql.replace("{}", ",".join("?" * count))

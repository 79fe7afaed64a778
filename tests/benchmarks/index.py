"""Looking up a new text in a large passage index on disk, and the memory that it takes.

Run: python tests/benchmarks/index.py [--rows 10000000] [--rounds 400]

The index is the store's own, in a file, filled with random fingerprints and the passages of a few
hundred texts. Printed are the times of a look-up alone (`store.index.look`) for a part of 1 KB that
nobody wrote, and for one that an instance did, with the verification of what is found; and how much
more memory of its own the process has afterwards than before (the page cache is the system's).
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from firedoor import lineage
from firedoor.engine.port import Wrote
from firedoor.lineage import Piece
from firedoor.store import index, open_store
from firedoor.store.sqlite import SqliteStore
from firedoor.types.ids import CallId, InstanceId, RoomId, RunId
from firedoor.types.label import BOTTOM
from firedoor.types.record import Emission

_TEXTS = 400
_BATCH = 500_000
_WORDS = [
    "harbour",
    "crate",
    "pier",
    "tide",
    "briefing",
    "night",
    "shift",
    "desk",
    "morning",
    "archive",
    "parcel",
    "lamp",
    "window",
    "stairs",
    "ledger",
    "door",
    "room",
    "gate",
    "keeper",
    "letter",
    "number",
    "report",
    "engine",
    "signal",
    "window",
    "orchard",
    "river",
    "copper",
    "glass",
    "winter",
    "summer",
    "autumn",
    "spring",
    "market",
    "bread",
    "paper",
    "silver",
    "button",
    "thread",
    "needle",
    "anchor",
    "sail",
]


def text_of(seed: int, chars: int = 1_000) -> str:
    """Words in an order of their own."""
    draw = random.Random(seed)
    words = " ".join(draw.choice(_WORDS) + str(draw.randrange(100)) for _ in range(chars // 6))
    return words[:chars]


def fill(store: SqliteStore, rows: int) -> None:
    """Random fingerprints, in the order of their keys, and a few texts among them."""
    db = store._writer
    db.execute("BEGIN")
    db.execute("INSERT INTO origins (id, name) VALUES (2, 'room:else')")
    keys = np.sort(np.random.default_rng(1).integers(-(2**63), 2**63 - 1, rows, dtype=np.int64))
    for start in range(0, rows, _BATCH):
        batch = keys[start : start + _BATCH].tolist()
        db.executemany(index.ADD_PRINT, ((key, 2, 0, 0) for key in batch))
    for n in range(_TEXTS):
        asked = lineage.question([Piece(text_of(n))], store.keys.printer)
        emission = Emission(
            store.keys.digest(text_of(n)), n, RoomId("press"), RunId("r_1"), BOTTOM,
            InstanceId("i_1"), "writer-1", "press", CallId(f"c_{n}"), False,
        )  # fmt: skip
        index.write(db, store, Wrote(asked, emission, lambda _: False), n, 0.0)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def own_memory() -> float:
    """MB that are the process's own."""
    text = Path("/proc/self/smaps_rollup").read_text()
    lines = dict(line.split(":", 1) for line in text.splitlines()[1:])
    return sum(int(lines[name].split()[0]) for name in ("Private_Dirty", "Anonymous")) / 2 / 1024


def timed(look: Callable[[int], object], rounds: int) -> tuple[float, float]:
    """Milliseconds: the median, and what 99 of 100 stay under."""
    times = []
    for n in range(rounds):
        start = time.perf_counter()
        look(n)
        times.append(1_000 * (time.perf_counter() - start))
    return statistics.median(times), sorted(times)[int(0.99 * rounds)]


def main() -> None:
    """Fill, look, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "door.db"
        store = open_store(f"sqlite:{path}")
        fill(store, options.rows)
        store.close()
        store = open_store(f"sqlite:{path}")
        printer = store.keys.printer
        new = [
            lineage.question([Piece(text_of(10_000 + n))], printer) for n in range(options.rounds)
        ]
        known = [
            lineage.question([Piece(text_of(n % _TEXTS))], printer) for n in range(options.rounds)
        ]
        reader = store._reader()
        before = own_memory()

        def find(n: int) -> None:
            traces = index.look(reader, store.keys, known[n].keys)
            assert lineage.answer(known[n], traces.postings, traces.stored).matches

        fresh = timed(lambda n: index.look(reader, store.keys, new[n].keys), options.rounds)
        found = timed(find, options.rounds)
        grown = own_memory() - before
        size = path.stat().st_size / 2**20
        print(f"{options.rows:,} fingerprints in a file of {size:,.0f} MB")
        print(f"part of 1 KB ({len(new[0].keys)} fingerprints)   median ms   99 %")
        print(f"  that nobody wrote                {fresh[0]:9.2f} {fresh[1]:6.2f}")
        print(f"  that an instance wrote, verified {found[0]:9.2f} {found[1]:6.2f}")
        print(f"memory of its own, grown by        {grown:9.1f} MB (asked: at most 64)")
        store.close()


if __name__ == "__main__":
    main()

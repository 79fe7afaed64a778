"""Outside roads in the store: what was touched and told, as rows; and read back, as meetings and sums.

A thing is a keyed digest and stays one. The name of a host is kept as the retention lets a text be
kept: sealed, plain, or as a digest alone.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from firedoor.engine.port import Commit
from firedoor.lineage import INSTANCES_A_ROOM_MAX, Convergence, Meeting, Visit, meetings
from firedoor.store import kept
from firedoor.store.looking import in_batches
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId

TOUCHES: Final = (
    "INSERT INTO touches (thing, instance, slot, kind, room, call, first_at, last_at) "
    "VALUES (?1,?2,?3,?4,?5,?6,?7,?7) ON CONFLICT DO UPDATE SET "
    "last_at = max(last_at, excluded.last_at)"
)
EGRESS: Final = (
    "INSERT INTO egress (instance, host, kind, body, calls, bytes, bits, first_at, last_at) "
    "VALUES (?1,?2,?3,?4,1,?5,?6,?7,?7) ON CONFLICT DO UPDATE SET calls = calls + 1, "
    "bytes = bytes + excluded.bytes, bits = bits + excluded.bits, "
    "last_at = max(last_at, excluded.last_at)"
)
SLOT_S: Final = 600.0
_THINGS_MAX: Final = 20_000
"""Things of one question that are compared, the last touched first."""
_VISITS_MAX: Final = 300_000


class HostSum(NamedTuple):
    """What some instances told one host."""

    host: str | None
    """None where no host is named: searches, cache keys, names of directories."""
    calls: int
    bytes: int
    bits: int
    first_at: float
    last_at: float


def rows_of(keeper: kept.Keeper, commit: Commit) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(statement, row) for everything outside that a commit speaks of."""
    call, at = commit.call, commit.at
    for touch in commit.touches:
        slot = int(at // SLOT_S)
        yield TOUCHES, (touch.thing, call.instance, slot, touch.kind, touch.room, call.call, at)
    for told in commit.egress:
        kind, body = ("digest" if told.name else "none"), None
        if told.name and keeper.retention != "digests":
            kind, body = kept.kept(keeper, _bound_to(told.host), told.name.encode())
        yield EGRESS, (call.instance, told.host, kind, body, told.bytes, told.bits, at)


def _bound_to(host: bytes) -> str:
    return f"egress/{host.hex()}"


def met(
    db: sqlite3.Connection, instances: Iterable[InstanceId], settings: Convergence
) -> tuple[list[Meeting], bool]:
    """The meetings that these instances were at, and whether everything they touched was compared."""
    wanted = list(instances)
    # Only what another instance touched too can be a meeting: asked of the index, thing by thing.
    things = {
        row[0]: row[1]
        for row in in_batches(
            db,
            "SELECT thing, seen FROM (SELECT thing, room, max(last_at) AS seen FROM touches "
            "WHERE instance IN ({}) GROUP BY thing, room) t WHERE EXISTS "
            "(SELECT 1 FROM touches o WHERE o.thing = t.thing AND o.room <> t.room)",
            wanted,
        )
    }
    newest = sorted(things, key=lambda thing: (-things[thing], thing))
    common = {
        row[0]
        for row in in_batches(
            db,
            "SELECT thing FROM touches WHERE thing IN ({}) GROUP BY thing "
            "HAVING count(DISTINCT room) > ? OR count(DISTINCT instance) > ?",
            newest[:_THINGS_MAX],
            after=(settings.rare, settings.rare * INSTANCES_A_ROOM_MAX),
        )
    }
    rows = in_batches(
        db,
        "SELECT thing, kind, room, instance, call, first_at, last_at FROM touches "
        "WHERE thing IN ({})",
        [thing for thing in newest[:_THINGS_MAX] if thing not in common],
    )
    visits = [
        Visit(Digest(r[0]), r[1], RoomId(r[2]), InstanceId(r[3]), CallId(r[4]), r[5], r[6])
        for r in islice(rows, _VISITS_MAX)
    ]
    complete = len(newest) <= _THINGS_MAX and len(visits) < _VISITS_MAX
    return meetings(visits, settings, of=wanted), complete


def told(
    db: sqlite3.Connection, keys: Any, instances: Iterable[InstanceId] | None = None
) -> list[HostSum]:
    """What these instances (or all) told each host, the most bytes first."""
    columns = "host, kind, body, calls, bytes, bits, first_at, last_at"
    rows: Iterable[Any]
    if instances is None:
        rows = db.execute(f"SELECT {columns} FROM egress")  # noqa: S608 - constants
    else:
        rows = in_batches(
            db,
            f"SELECT {columns} FROM egress WHERE instance IN ({{}})",  # noqa: S608 - constants
            instances,
        )
    sums: dict[bytes, HostSum] = {}
    for host, kind, body, calls, size, bits, first, last in rows:
        known = sums.get(host)
        if known is not None:
            sums[host] = HostSum(
                known.host, known.calls + calls, known.bytes + size, known.bits + bits,
                min(known.first_at, first), max(known.last_at, last),
            )  # fmt: skip
            continue
        name: str | None = None
        if body is not None:
            name = kept.read(keys, _bound_to(host), kind, body).decode("utf-8", "replace")
        elif kind != "none":
            name = "~h:" + host.hex()[:8]
        sums[host] = HostSum(name, calls, size, bits, first, last)
    return sorted(sums.values(), key=lambda s: (-s.bytes, s.host or ""))


NOTHING_TOLD: Final = {"hosts": 0, "calls": 0, "bytes": 0, "bits": 0}


def total(db: sqlite3.Connection) -> dict[str, int]:
    """The same of all instances together."""
    row = db.execute(
        "SELECT count(DISTINCT CASE WHEN kind <> 'none' THEN host END), coalesce(sum(calls), 0), "
        "coalesce(sum(bytes), 0), coalesce(sum(bits), 0) FROM egress"
    ).fetchone()
    return dict(zip(NOTHING_TOLD, row, strict=True))


def totals(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """By instance: hosts, calls, bytes and bits that were told."""
    return {
        instance: {"hosts": hosts, "calls": calls, "bytes": size, "bits": bits}
        for instance, hosts, calls, size, bits in db.execute(
            "SELECT instance, sum(kind <> 'none'), sum(calls), sum(bytes), "
            "sum(bits) FROM egress GROUP BY instance"
        )
    }


def forget(db: sqlite3.Connection, before: float) -> None:
    """Drop what was touched and told outside before ``before``, in seconds since the epoch."""
    db.execute("DELETE FROM touches WHERE last_at < ?", (before,))
    db.execute("DELETE FROM egress WHERE last_at < ?", (before,))

"""``trace``: to whom an instance was exposed, who was exposed to it, and whom it may have met outside.

What is proven is read off the calls' own records. Where they name the call that carried a text, the
way goes on from there; where they name only its room, it ends. Meetings at rare outside things stand
apart, as suspicions.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from firedoor.engine.explain import time_text
from firedoor.lineage import (
    HOPS_MAX,
    Convergence,
    Edge,
    Hop,
    Meeting,
    Outside,
    Touched,
    Visit,
    walked,
)
from firedoor.store import roads
from firedoor.store.reading import StoreReader
from firedoor.store.sqlite import SqliteStore
from firedoor.types.ids import Digest
from firedoor.types.record import InstanceRow

CALLS_MAX: Final = 50_000
"""Calls whose records are read, the newest first; where there are more, the answer says so."""
SUSPECTED_MAX: Final = 200
_NAMED_MAX: Final = 50
"""Meetings of which the text is looked up, where it is kept."""
_HOSTS_MAX: Final = 100
_ROOM: Final = "room\x1f"
"""What stands for a call where only the room is known."""


class _Calls(NamedTuple):
    """What the records of the calls say."""

    instance_of: dict[str, InstanceRow]
    time_of: dict[str, float]
    edges: list[Edge]
    complete: bool


def trace(
    store: SqliteStore,
    who: str,
    *,
    up: bool = True,
    down: bool = True,
    hops: int = HOPS_MAX,
    convergence: Convergence | None = None,
) -> dict[str, Any] | None:
    """The trace of the instances that ``who`` names (a name, an id or a compartment), as JSON data.

    None if it names nobody. Reads the records of at most `CALLS_MAX` calls.
    """
    reader = StoreReader(store)
    traced = reader.instances_named(who) or reader.instances_in(who)
    if not traced:
        return None
    calls = _read(reader)
    wanted = {row.id for row in traced}
    own = [call for call, row in calls.instance_of.items() if row.id in wanted]
    above = _rows(calls, walked(own, calls.edges, down=False), hops, down=False) if up else []
    below = _rows(calls, walked(own, calls.edges, down=True), hops, down=True) if down else []
    if down:
        below += _by_room(calls, {row.room for row in traced}, wanted, below)
    with store.snapshot() as db:
        met, compared = roads.met(db, sorted(wanted), convergence or Convergence())
        told = roads.told(db, store.keys, sorted(wanted))
    proven = {row["instance_id"] for row in (*above, *below)}
    return {
        "who": who,
        "instances": [_named(row) for row in traced],
        "up": above if up else None,
        "down": below if down else None,
        "suspected": _suspected(reader, store, met[:SUSPECTED_MAX], wanted, proven),
        "suspected_total": len(met),
        "egress": egress_json(told),
        "complete": calls.complete and compared,
    }


def egress_json(told: Iterable[roads.HostSum]) -> dict[str, Any]:
    """What was told to hosts, in all and by host."""
    rows = list(told)
    return {
        "calls": sum(row.calls for row in rows),
        "bytes": sum(row.bytes for row in rows),
        "bits": sum(row.bits for row in rows),
        "hosts": [
            {
                "host": row.host, "calls": row.calls, "bytes": row.bytes, "bits": row.bits,
                "first_seen": time_text(row.first_at), "last_seen": time_text(row.last_at),
            }
            for row in rows[:_HOSTS_MAX]
        ],
        "hosts_total": sum(row.host is not None for row in rows),
    }  # fmt: skip


def _named(row: InstanceRow) -> dict[str, Any]:
    return {"instance": row.name, "instance_id": row.id, "compartment": row.compartment}


def _read(reader: StoreReader) -> _Calls:
    instances: dict[str, InstanceRow] = {row.id: row for row in reader.instance_rows()}
    found = _Calls({}, {}, [], True)
    count = 0
    for call, instance, at, exposures in reader.shown(CALLS_MAX + 1):
        count += 1
        row = instances.get(instance)
        if count > CALLS_MAX or row is None:
            continue
        found.instance_of[call], found.time_of[call] = row, at
        found.edges.extend(
            Edge(
                call,
                e.get("call") or _ROOM + str(e["compartment"]),
                str(e["compartment"]),
                str(e["channel"]),
                e["generation"],
            )
            for e in exposures
        )
    return found._replace(complete=count <= CALLS_MAX)


def _rows(calls: _Calls, hops: list[Hop], hops_max: int, *, down: bool) -> list[dict[str, Any]]:
    """One row for each two instances and channel: the nearest and first call, and how many.

    How far away somebody is of whom only the room is known, nobody knows: they have no hop.
    """
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    rooms = {
        calls.instance_of[h.edge.carried_by].room
        for h in hops
        if h.edge.carried_by in calls.instance_of
    }
    for hop in sorted(hops, key=lambda h: (h.hop, h.edge.call)):
        edge = hop.edge
        shown = calls.instance_of[edge.call]
        carrier = calls.instance_of.get(edge.carried_by) if edge.carried_by else None
        known_better = carrier is None and edge.room in rooms
        if known_better or (carrier is not None and hop.hop > hops_max):
            continue
        source = carrier.id if carrier is not None else edge.room
        row = found.get((source, shown.id, edge.channel))
        if row is not None:
            row["calls"] += 1
            continue
        far = _named(shown) if down else _source(carrier, edge)
        found[source, shown.id, edge.channel] = {
            "hop": hop.hop if carrier is not None else None,
            **far,
            "from": carrier.name if carrier is not None else None,
            "from_compartment": carrier.compartment if carrier is not None else edge.room,
            "to": shown.name,
            "to_compartment": shown.compartment,
            "channel": edge.channel,
            "generation": edge.generation,
            "call": edge.call,
            "carried_by": edge.carried_by if carrier is not None else None,
            "time": time_text(calls.time_of[edge.call]),
            "calls": 1,
            "known_by": "call" if carrier is not None else "room",
        }
    return list(found.values())


def _source(carrier: InstanceRow | None, edge: Edge) -> dict[str, Any]:
    if carrier is not None:
        return _named(carrier)
    return {"instance": None, "instance_id": None, "compartment": edge.room}


def _by_room(
    calls: _Calls, rooms: set[Any], wanted: set[Any], known: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Who was exposed to the room of the traced ones, where no call is named: at an unknown distance."""
    reached = {row["instance_id"] for row in known} | wanted
    edges = [
        Hop(0, edge)
        for edge in calls.edges
        if edge.carried_by == _ROOM + edge.room
        and edge.room in rooms
        and calls.instance_of[edge.call].id not in reached
    ]
    return _rows(calls, edges, HOPS_MAX, down=True)


def _suspected(
    reader: StoreReader,
    store: SqliteStore,
    met: list[Meeting],
    wanted: set[Any],
    proven: set[Any],
) -> list[dict[str, Any]]:
    instances = {row.id: row for row in reader.instance_rows()}
    found = []
    for n, meeting in enumerate(met):
        others = {v.instance for v in meeting.visits} - wanted
        found.append(
            {
                "thing": "t_" + meeting.thing.hex()[:16],
                "kind": meeting.kind,
                "name": _name(reader, store, meeting) if n < _NAMED_MAX else None,
                "instances": [
                    {
                        **(
                            _named(instances[v.instance])
                            if v.instance in instances
                            else {
                                "instance": None,
                                "instance_id": v.instance,
                                "compartment": v.room,
                            }
                        ),
                        "call": v.call,
                        "first_seen": time_text(v.first_at),
                        "last_seen": time_text(v.last_at),
                    }
                    for v in meeting.visits
                ],
                "rooms": len({v.room for v in meeting.visits}),
                "first_seen": time_text(min(v.first_at for v in meeting.visits)),
                "last_seen": time_text(max(v.last_at for v in meeting.visits)),
                "also_proven": bool(others & proven),
                "evidence": "suspected",
            }
        )
    return found


def _name(reader: StoreReader, store: SqliteStore, meeting: Meeting) -> str | None:
    """What the thing is called, where the text of a call that touched it is still kept."""
    for visit in meeting.visits:
        name = _name_in(reader, store, visit)
        if name is not None:
            return name
    return None


def _name_in(reader: StoreReader, store: SqliteStore, visit: Visit) -> str | None:
    answer = reader.content(visit.call).get("answer", {})
    tools = {t["pointer"]: t for t in (reader.closed(visit.call) or {}).get("tools", [])}
    outside = Outside()
    for pointer, text in answer.items():
        tool = tools.get(pointer)
        touched = Touched()
        if tool is not None:
            touched = outside.touched(tool["name"], text, tuple(tool["affordances"]))
        elif pointer.endswith("/input"):
            touched = outside.asked(text)
        for touch in touched.touches:
            if touch.kind == visit.kind and Digest(store.keys.digest(touch.name)) == visit.thing:
                return touch.thing
    return None

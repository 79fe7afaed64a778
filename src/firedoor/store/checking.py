"""Does what the store shows of its calls fit what the ledger says? Read in pages.

Both ways: each entry that opens or closes a call has its call's row and documents, and each row and
document has its entry. An entry holds a keyed digest of the document that explains it
(`StoreKeys.commitment`), so that whoever changes the one has to change the other.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import orjson

from firedoor.errors import StoreUnavailable, TamperingError
from firedoor.ledger import Entry, Verification, verify_entries
from firedoor.store import kept
from firedoor.store.looking import in_batches
from firedoor.store.rows import counted

if TYPE_CHECKING:
    from firedoor.store.sqlite import SqliteStore

_ENTRIES_A_PAGE: Final = 1_000
_CALLS_A_PAGE: Final = 200
_PROBLEMS_MAX: Final = 20
_CALLS: Final = (
    "SELECT c.call, c.instance, c.open_index, c.close_index, o.bytes, e.bytes, "
    "p.kind, p.body, q.kind, q.body, "
    "verdict, judged, attributed, total, opaque, words, assumed, unproven, withheld, forged, "
    "transplanted "
    "FROM (SELECT * FROM calls WHERE call > ? ORDER BY call LIMIT ?) c "
    "LEFT JOIN entries o ON o.idx = c.open_index "
    "LEFT JOIN entries e ON e.idx = c.close_index "
    "LEFT JOIN documents p ON p.call = c.call AND p.name = 'opened' "
    "LEFT JOIN documents q ON q.call = c.call AND q.name = 'closed' ORDER BY c.call"
)


class _Problems(list[str]):
    """What was found, the first of it: a store that was changed throughout fills no memory."""

    def append(self, problem: str) -> None:
        if len(self) < _PROBLEMS_MAX:
            super().append(problem)


def verify(store: "SqliteStore") -> Verification:
    """Check the ledger against its head, and the calls that the store shows against the ledger.

    Cost: two hashes an entry, one a document.
    """
    problems = _Problems()
    size = root = None
    try:
        size, root = store.head()
    except StoreUnavailable as error:
        problems.append(error.message)
    found = verify_entries(_entries(store, size, problems), size=size, root=root)
    for problem in found.problems:
        problems.append(problem)
    for problem in _of_calls(store):
        problems.append(problem)
    with store.snapshot() as db:
        strays = db.execute(
            "SELECT d.call, d.name FROM documents d WHERE d.name IN ('opened', 'closed') "
            "AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.call = d.call) LIMIT ?",
            (_PROBLEMS_MAX,),
        ).fetchall()
    for call, name in strays:
        problems.append(f"call {call}: its document `{name}` belongs to no call of this store")
    return found._replace(ok=not problems, problems=tuple(problems))


def _entries(store: "SqliteStore", size: int | None, problems: _Problems) -> Iterator[Entry]:
    """The entries up to ``size``; meanwhile each call's row is looked for that they speak of."""
    start = 0
    while True:
        with store.snapshot() as db:
            page = [
                Entry(*row)
                for row in db.execute(
                    "SELECT idx, bytes, leaf FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?",
                    (start, _ENTRIES_A_PAGE),
                )
            ]
            spoken = {e.index: said for e in page if (said := _call_of(e.bytes_)) is not None}
            rows = {
                row[0]: row[1:]
                for row in in_batches(
                    db,
                    "SELECT call, open_index, close_index FROM calls WHERE call IN ({})",
                    sorted({call for _, call in spoken.values()}),
                )
            }
        for index, (kind, call) in spoken.items():
            opened, closed = rows.get(call, (None, None))
            if index != (opened if kind == "call.open" else closed):
                problems.append(f"call {call}: it has no row that names entry {index}")
        for entry in page:
            if size is None or entry.index < size:
                yield entry
        if not page:
            return
        start = page[-1].index + 1


def _of_calls(store: "SqliteStore") -> Iterator[str]:
    """What is wrong with the calls' rows and documents."""
    after = ""
    while True:
        last = None
        with store.snapshot() as db:
            for row in db.execute(_CALLS, (after, _CALLS_A_PAGE)):
                last = row[0]
                yield from (f"call {last}: {problem}" for problem in _of_call(store, row))
        if last is None:
            return
        after = last


def _of_call(store: "SqliteStore", row: tuple[Any, ...]) -> Iterator[str]:
    call, instance, open_index, close_index, open_bytes, close_bytes, *rest = row
    opened, closed, said = rest[:2], rest[2:4], rest[4:]
    bodies: dict[str, dict[str, Any]] = {}
    for kind, index, bytes_ in (
        ("call.open", open_index, open_bytes),
        ("call.close", close_index, close_bytes),
    ):
        if index is None:
            continue
        if bytes_ is None or _call_of(bytes_) != (kind, call):
            yield f"entry {index} is not the {kind} of it that its row says it is"
            return
        bodies[kind] = orjson.loads(bytes_)["body"]
    if not bodies:
        yield "its row names no entry"
        return
    begun, ended = bodies.get("call.open", {}), bodies.get("call.close", {})
    if begun.get("instance", instance) != instance:
        yield "its row has another instance than its entry"
    verdict = ended.get("verdict", begun.get("verdict", "allow"))
    if tuple(said) != counted(begun | {"verdict": verdict}):
        yield "its row has another verdict or coverage than its entry"
    # A refusal is opened and closed by one entry.
    at = close_index if ended else open_index
    for name, index, (sealed_as, body), digest in (
        ("opened", open_index, opened, begun.get("document")),
        ("closed", at, closed, ended.get("document") or begun.get("document_closed")),
    ):
        if body is None:
            if digest is not None:
                yield f"its document `{name}` is missing"
            continue
        if digest is None:
            yield f"its document `{name}` stands in no entry"
            continue
        try:
            document = kept.read(store.keys, f"{call}/{name}", sealed_as, body)
        except TamperingError:
            document = None
        if document is None or store.keys.commitment(document) != digest:
            yield f"its document `{name}` is not the one of entry {index}"


def _call_of(entry: bytes) -> tuple[str, str] | None:
    """The kind and the call of an entry that opens or closes one."""
    try:
        value = orjson.loads(entry)
        kind, call = value["kind"], value["body"]["call"]
    except (ValueError, KeyError, TypeError):
        return None
    return (kind, call) if kind in ("call.open", "call.close") and isinstance(call, str) else None

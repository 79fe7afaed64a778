"""Does the record hold? Checked from nothing but its rows."""

import json
from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.ledger.entry import Entry, leaf_hash
from firedoor.ledger.tree import CompactRange

_PROBLEMS_MAX: Final = 20


class Verification(NamedTuple):
    """What a check of the ledger found."""

    ok: bool
    size: int
    root: bytes
    problems: tuple[str, ...]


def verify_entries(
    entries: Iterable[Entry], *, size: int | None = None, root: bytes | None = None
) -> Verification:
    """Check order, links, leaves, and the head that the store claims. Cost: two hashes a row."""
    problems: list[str] = []

    def found(problem: str) -> None:
        if len(problems) < _PROBLEMS_MAX:
            problems.append(problem)

    tree = CompactRange()
    previous: bytes | None = None
    for expected, entry in enumerate(entries):
        if entry.index != expected:
            found(f"entry {expected} is missing: the next one says {entry.index}")
        leaf = leaf_hash(entry.bytes_)
        if leaf != entry.leaf:
            found(f"entry {entry.index} was changed: its leaf does not fit its bytes")
        try:
            value = json.loads(entry.bytes_)
            index, link = value["index"], value["prev"]
        except (ValueError, KeyError, TypeError, RecursionError):
            found(f"entry {entry.index} cannot be read")
            index, link = entry.index, None
        if index != entry.index:
            found(f"entry {entry.index} was moved: it says that it is {index}")
        if link != (previous.hex() if previous is not None else None):
            found(f"entry {entry.index} is not linked to the one before it")
        previous = leaf
        tree = tree.append(leaf)
    if size is not None and size != tree.size:
        found(f"the head says {size} entries, there are {tree.size}")
    if root is not None and root != tree.root():
        found("the head's root is not the root of the entries")
    return Verification(not problems, tree.size, tree.root(), tuple(problems))

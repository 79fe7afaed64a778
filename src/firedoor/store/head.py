"""Where the ledger ends, as its store says, and whether that fits its last entry."""

import sqlite3
from typing import NamedTuple

from firedoor.errors import StoreUnavailable
from firedoor.ledger import CompactRange, from_bytes

# Subqueries, since a join takes twice as long, and every transaction asks this.
_HEAD = (
    "SELECT size, peaks, last, orders, (SELECT max(idx) FROM entries), "
    "(SELECT leaf FROM entries WHERE idx = size - 1) FROM head"
)


class Head(NamedTuple):
    """Where the ledger ends."""

    tree: CompactRange
    last: bytes | None
    """Leaf of the last entry."""
    orders: int = 0
    """Version of the standing orders."""


def bad_head(problem: str) -> StoreUnavailable:
    """What is said of a head that nothing can be written behind."""
    return StoreUnavailable(
        problem,
        hint="somebody changed the store; `firedoor ledger verify` checks all of it, and a backup "
        "has what it was",
    )


def read_head(db: sqlite3.Connection) -> Head:
    """The head, which fits the last entry.

    Raises:
        StoreUnavailable: It does not, or there is none; the message says in what.
    """
    row = db.execute(_HEAD).fetchone()
    if row is None:
        raise bad_head("the ledger's head is missing")
    size, peaks, last, orders, index, leaf = row
    there = 0 if index is None else index + 1
    if size != there:
        raise bad_head(f"the ledger's head says {size} entries, there are {there}")
    if last != leaf:
        raise bad_head("the ledger's head names another last entry than there is")
    try:
        tree = from_bytes(size, peaks)
    except ValueError as error:
        raise bad_head("the ledger's head does not fit its size") from error
    return Head(tree, last, orders)

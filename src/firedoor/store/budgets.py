"""What people see of accounts, and what they add to a limit."""

import sqlite3

from firedoor.budget.windows import buckets_back, first_bucket
from firedoor.store.meters import window_from
from firedoor.types.budget import AccountRow


def account_rows(
    db: sqlite3.Connection,
    at: float,
    *,
    shown: str | None = None,
    account_id: str | None = None,
    holds: bool = False,
) -> list[AccountRow]:
    """Every limit that a call was held to, as it stands at ``at``, by account and kind.

    Args:
        shown: Of this account only, by its name for people.
        account_id: Of this account only, by its id.
        holds: Whether the open holds are told, each by its call.
    """
    rows = []
    for account, kind, window, name, limit in db.execute(
        'SELECT account, kind, "window", shown, "limit" FROM accounts '
        "WHERE (?1 IS NULL OR shown = ?1) AND (?2 IS NULL OR account = ?2) "
        'ORDER BY shown, account, kind, "window"',
        (shown, account_id),
    ).fetchall():
        first = first_bucket(window_from(window), at)
        committed, overrun = db.execute(
            "SELECT coalesce(sum(committed), 0), coalesce(sum(overrun), 0) FROM meters "
            'WHERE account = ?1 AND kind = ?2 AND "window" = ?3 AND bucket >= max(?4, ifnull(('
            'SELECT max(bucket) FROM meters WHERE account = ?1 AND kind = ?2 AND "window" = ?3), 0) '
            "- ?5)",
            (account, kind, window, first, buckets_back(window_from(window))),
        ).fetchone()
        (raised,) = db.execute(
            "SELECT coalesce(sum(amount), 0) FROM raises WHERE account = ? AND kind = ? "
            "AND (until IS NULL OR until > ?)",
            (account, kind, at),
        ).fetchone()
        listed = tuple(_open_holds(db, account, kind, at))
        rows.append(
            AccountRow(
                name, kind, window, limit, raised, sum(amount for _, amount, _ in listed),
                committed, overrun, listed if holds else (),
            )
        )  # fmt: skip
    return rows


def _open_holds(
    db: sqlite3.Connection, account: str, kind: str, at: float
) -> list[tuple[str, int, float]]:
    """(call, amount, when it lapses) of what holds of an account now."""
    return [
        (call, amount, expires_at)
        for call, amount, expires_at in db.execute(
            "SELECT h.call, max(json_extract(t.value, '$[3]')), h.expires_at "
            "FROM holds h, json_each(h.takes) t WHERE h.state = 'held' AND h.expires_at > ? "
            "AND json_extract(t.value, '$[0]') = ? AND json_extract(t.value, '$[1]') = ? "
            "GROUP BY h.id ORDER BY h.expires_at, h.id",
            (at, account, kind),
        )
    ]


def accounts_named(db: sqlite3.Connection, shown: str, kind: str) -> list[str]:
    """The ids of the accounts that people know by this name, where they are held to such a kind."""
    return [
        account
        for (account,) in db.execute(
            "SELECT DISTINCT account FROM accounts WHERE shown = ? AND kind = ? ORDER BY account",
            (shown, kind),
        )
    ]


def write_raise(
    db: sqlite3.Connection, account: str, kind: str, amount: int, until: float | None, entry: int
) -> None:
    """Add to a limit; ``entry`` is the ledger's of this."""
    db.execute(
        "INSERT INTO raises (account, kind, amount, until, entry) VALUES (?,?,?,?,?)",
        (account, kind, amount, until, entry),
    )

"""What accounts have, as one transaction leaves it so far: read once, changed here, written once.

A transaction carries many commits, and the widest accounts are in all of them. Every change can be
taken back until the next commit is begun: its commit may be refused for another reason.
"""

import functools
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from firedoor.budget.admission import Standing
from firedoor.budget.windows import booking_bucket, buckets_back, first_bucket
from firedoor.types.budget import Cycle, Take, Warned, Window

AMOUNT_MAX: Final = 1 << 53
"""What one settlement or raise may say, and what a bucket comes to: more is as good as this, and the
sum of all buckets of a meter is still a number that SQLite knows."""
_KEYS_MAX: Final = 100
"""Meters that are read by one statement."""
_HELD: Final = (
    "INSERT INTO held (account, kind, amount) VALUES (?,?,?) "
    "ON CONFLICT DO UPDATE SET amount = excluded.amount"
)
_METER: Final = (
    'INSERT INTO meters (account, kind, "window", bucket, committed, overrun) VALUES (?,?,?,?,?,?) '
    "ON CONFLICT DO UPDATE SET committed = excluded.committed, overrun = excluded.overrun"
)
_ACCOUNT: Final = (
    'INSERT INTO accounts (account, kind, "window", shown, "limit", warned) VALUES (?,?,?,?,?,?) '
    'ON CONFLICT DO UPDATE SET shown = excluded.shown, "limit" = excluded."limit", '
    "warned = excluded.warned"
)
_PRUNE: Final = 'DELETE FROM meters WHERE account = ? AND kind = ? AND "window" = ? AND bucket < ?'

MeterKey = tuple[str, str, str]
"""Account id, kind, window."""


class _Row(NamedTuple):
    """What people are told of an account."""

    shown: str
    limit: int | None
    warned: int | None


class Purse:
    """What is held of one kind on one account: one amount, whatever windows count it."""

    __slots__ = ("changed", "held", "key", "raises")

    def __init__(self, key: tuple[str, str], held: int) -> None:
        self.key, self.held = key, held
        self.changed = False
        self.raises: list[tuple[int, float | None]] | None = None


class Meter:
    """What was used of one kind on one account, in one window."""

    __slots__ = (
        "_at", "_used", "buckets", "changed", "key", "newest", "noted", "purse", "row", "window",
    )  # fmt: skip

    def __init__(self, key: MeterKey, purse: Purse, row: _Row | None) -> None:
        self.key, self.purse, self.row = key, purse, row
        self.window = window_from(key[2])
        self.buckets: dict[int, list[int]] = {}
        """By bucket, [committed, overrun]; those of nothing were taken back."""
        self.newest: int | None = None
        """The last bucket in which anything was booked."""
        self.changed: set[int] = set()
        self.noted = False
        self._at: float | None = None
        self._used = (0, 0)

    def add(self, bucket: int, committed: int, overrun: int) -> None:
        """Take in what the store has."""
        self.buckets[bucket] = [committed, overrun]
        if self.newest is None or bucket > self.newest:
            self.newest = bucket

    def counted(self, at: float) -> list[tuple[int, list[int]]]:
        """(bucket, [committed, overrun]) of all that counts at ``at``."""
        first = first_bucket(self.window, at, self.newest)
        return [(bucket, used) for bucket, used in self.buckets.items() if bucket >= first]

    def standing(self, at: float) -> Standing:
        """How the account stands at ``at``."""
        if at != self._at:
            committed = overrun = 0
            for _, used in self.counted(at):
                committed += used[0]
                overrun += used[1]
            self._at, self._used = at, (committed, overrun)
        return Standing(self.purse.held, *self._used)

    def booked(self, bucket: int | None) -> None:
        """Something was booked in ``bucket``, or taken back: what counts is to be counted again."""
        self._at, self.newest = None, bucket


class Meters:
    """The meters that a transaction has to do with."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[MeterKey, Meter] = {}
        self._purses: dict[tuple[str, str], Purse] = {}
        self._any_raises: bool | None = None
        self._changed: dict[Meter, None] = {}
        self.undo: list[Callable[[], None]] = []
        """How what changed since the last commit is taken back, in the order of the changes."""

    def of(self, keys: Sequence[MeterKey]) -> list[Meter]:
        """The meters of these keys, in their order; those that are new here by one statement."""
        known = self._known
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        for n in range(0, len(missing), _KEYS_MAX):
            self._load(missing[n : n + _KEYS_MAX])
        return [known[key] for key in keys]

    def _load(self, keys: list[MeterKey]) -> None:
        values = [value for key in keys for value in key]
        for n, held, shown, limit, warned, bucket, committed, overrun in self._db.execute(
            _loading(len(keys)), values
        ):
            key = keys[n]
            meter = self._known.get(key)
            if meter is None:
                purse = self._purses.get(key[:2])
                if purse is None:
                    purse = self._purses[key[:2]] = Purse(key[:2], held or 0)
                row = _Row(shown, limit, warned) if shown is not None else None
                meter = self._known[key] = Meter(key, purse, row)
            if bucket is not None:
                meter.add(bucket, committed, overrun)

    def raised(self, purse: Purse, at: float) -> int:
        """What people have added to the limit, as far as it lasts."""
        if self._any_raises is None:
            (found,) = self._db.execute("SELECT EXISTS (SELECT 1 FROM raises)").fetchone()
            self._any_raises = bool(found)
        if not self._any_raises:
            return 0
        if purse.raises is None:
            purse.raises = self._db.execute(
                "SELECT amount, until FROM raises WHERE account = ? AND kind = ?", purse.key
            ).fetchall()
        return sum(amount for amount, until in purse.raises if until is None or until > at)

    # -- changes, each of which can be taken back ------------------------------------------------

    def hold(self, purse: Purse, by: int) -> None:
        """Hold so much more, or less."""
        # INVARIANT: what is held is the sum of the open holds, so it is never below zero.
        assert purse.held + by >= 0, "more was freed than held"
        purse.held += by
        purse.changed = True

        def back() -> None:
            purse.held -= by

        self.undo.append(back)

    def book(self, meter: Meter, committed: int, overrun: int, at: float) -> None:
        """Count so much as used."""
        if not (committed or overrun):
            return
        bucket = booking_bucket(meter.window, at, meter.newest)
        row = meter.buckets.setdefault(bucket, [0, 0])
        before, newest = tuple(row), meter.newest
        row[:] = min(row[0] + committed, AMOUNT_MAX), min(row[1] + overrun, AMOUNT_MAX)
        meter.changed.add(bucket)
        meter.booked(bucket)
        self._changed[meter] = None

        def back() -> None:
            row[:] = before
            meter.booked(newest)

        self.undo.append(back)

    def note(self, take: Take, meter: Meter, at: float) -> Warned | None:
        """Note what the account is held to; tell of a soft limit passed, once a window."""
        known = meter.row
        warned = known.warned if known is not None else None
        told = None
        if take.warn_at is not None and take.limit is not None:
            used = sum(meter.standing(at))
            since = first_bucket(take.window, at, meter.newest)
            if used >= take.warn_at and (warned is None or warned < since):
                warned = booking_bucket(take.window, at, meter.newest)
                told = Warned(_shown(take), take.kind, used, take.limit)
        limit = take.limit if take.limit is None else min(take.limit, AMOUNT_MAX)
        row = _Row(_shown(take), limit, warned)
        if row != known:
            noted, meter.noted, meter.row = meter.noted, True, row
            self._changed[meter] = None

            def back() -> None:
                # What nobody was told of is to be told yet.
                meter.noted, meter.row = noted, known

            self.undo.append(back)
        return told

    # -- the end of the transaction --------------------------------------------------------------

    def flush(self) -> None:
        """Write what changed: a row an account, however many commits took of it."""
        self._many(_HELD, ((*p.key, p.held) for p in self._purses.values() if p.changed))
        # A bucket of nothing is one whose booking was taken back: it would be taken for the newest.
        self._many(
            _METER,
            (
                (*meter.key, bucket, *meter.buckets[bucket])
                for meter in self._changed
                for bucket in sorted(meter.changed)
                if any(meter.buckets[bucket])
            ),
        )
        self._many(_ACCOUNT, ((*m.key, *m.row) for m in self._changed if m.noted and m.row))
        self._many(_PRUNE, (pruned for m in self._changed for pruned in _pruned(m)))

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        listed = list(rows)
        if listed:
            self._db.executemany(statement, listed)


def _pruned(meter: Meter) -> Iterable[tuple[Any, ...]]:
    """What went out of its window counts no more, whatever is done to the clock."""
    if meter.newest is None:
        return ()
    first = meter.newest - buckets_back(meter.window)
    return ((*meter.key, first),) if min(meter.buckets) < first else ()


# The same few windows and accounts come again in every call, and their names are made of parts.
@functools.lru_cache(maxsize=256)
def window_from(text: str) -> Window:
    """A window as `str` wrote it."""
    cycle, _, length = text.partition("/")
    return Window(Cycle(cycle), int(length[:-1]) if length else 0)


@functools.lru_cache(maxsize=256)
def _loading(count: int) -> str:
    # A number comes back for each, since three names in every row would take half of the time.
    rows = ",".join(f"({n},?,?,?)" for n in range(count))
    return (
        f"WITH v (n, a, k, w) AS (VALUES {rows}) "  # noqa: S608 - marks alone
        'SELECT v.n, h.amount, c.shown, c."limit", c.warned, '
        "m.bucket, m.committed, m.overrun FROM v "
        "LEFT JOIN held h ON h.account = v.a AND h.kind = v.k "
        'LEFT JOIN accounts c ON c.account = v.a AND c.kind = v.k AND c."window" = v.w '
        'LEFT JOIN meters m ON m.account = v.a AND m.kind = v.k AND m."window" = v.w'
    )


@functools.lru_cache(maxsize=4096)
def _names(account: Any, window: Window) -> tuple[str, str, str]:
    return account.id, str(account), str(window)


def key_of(take: Take) -> MeterKey:
    """Where a take is counted."""
    account, _, window = _names(take.account, take.window)
    return account, take.kind, window


def _shown(take: Take) -> str:
    return _names(take.account, take.window)[1]

"""Accounts inside one transaction: holds are tested and taken in one step, at all accounts or at none.

The time of a meter never goes back: nothing is booked before what was booked last, and nothing counts
again that went out of its window. So a clock that is set back, and right again later, gives nobody
anything twice; one that was set forward keeps the windows there until it is reached, or a person
raises the limit.

A transaction carries many commits, and the widest accounts are in all of them. So what an account
has is read once, kept here while the transaction lasts, and written once at its end.
"""

import functools
import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from firedoor.budget.admission import Standing, available, refills_at, set_aside
from firedoor.budget.windows import booking_bucket, buckets_back, first_bucket
from firedoor.engine.port import Commit, Exhausted
from firedoor.types.budget import Account, Cycle, Hold, Settlement, Take, Warned, Window

_LAPSED_MAX: Final = 256
"""Holds that are freed at a time because theirs is up: the next transaction goes on, and so does this
one before it refuses anybody."""
AMOUNT_MAX: Final = 1 << 53
"""What one settlement or raise may say, and what a bucket comes to: more is as good as this, and the
sum of all buckets of a meter is still a number that SQLite knows."""
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
_HOLD: Final = (
    "INSERT INTO holds (id, call, expires_at, state, keeps, takes) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, state = excluded.state"
)

_Held = tuple[str, str]
_Meter = tuple[str, str, str]
_Undo = Callable[[], None]


class Taken(NamedTuple):
    """What a commit's hold came to; see `engine.port.Committed`."""

    warned: tuple[Warned, ...] = ()
    stood: tuple[int, ...] = ()


NOTHING_TAKEN: Final = Taken()


class _Open:
    """A hold as the store keeps it."""

    __slots__ = ("call", "expires_at", "id", "keeps", "state", "takes")

    def __init__(
        self, id_: str, call: str, expires_at: float, state: str, keeps: bool,
        takes: list[tuple[str, str, str, int]],
    ) -> None:  # fmt: skip
        self.id, self.call, self.expires_at = id_, call, expires_at
        self.state, self.keeps, self.takes = state, keeps, takes

    def amounts(self) -> dict[_Held, int]:
        """What it holds: once for each account and kind, however many windows count it."""
        return {(account, kind): amount for account, kind, _, amount in self.takes}


class Accounts:
    """What the accounts have, as this transaction leaves them so far."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._held: dict[_Held, int] = {}
        self._meters: dict[_Meter, dict[int, list[int]]] = {}
        """By bucket, [committed, overrun]."""
        self._rows: dict[_Meter, tuple[str, int | None, int | None]] = {}
        self._raises: dict[_Held, list[tuple[int, float | None]]] = {}
        self._holds: dict[str, _Open] = {}
        self._dirty: tuple[dict[_Held, None], dict[tuple[str, str, str, int], None],
                           dict[_Meter, None], dict[str, None]] = ({}, {}, {}, {})  # fmt: skip
        self._undo: list[_Undo] = []
        self._lapsed: tuple[float, str] | None = None
        """(when it lapses, id) of the last hold in the table whose time was up."""
        self._born: set[str] = set()
        """Instances that a commit of this transaction is the first of."""

    # -- a commit ------------------------------------------------------------------------------

    def add(self, commit: Commit) -> Exhausted | Taken:
        """Settle, renew and hold what a commit says; or say which account cannot bear it.

        Nothing is left behind where it is refused: its settlements are to be told again.
        """
        if self._lapsed is None:
            self._lapse(commit.at)
        found = self._add(commit)
        # Nobody is refused for what is held by those who are gone: not because they are many, nor
        # because they went while this transaction was on its way.
        while isinstance(found, Exhausted) and self._lapse(commit.at):
            found = self._add(commit)
        return found

    def _add(self, commit: Commit) -> Exhausted | Taken:
        at = commit.at
        self._undo.clear()
        own = commit.hold.id if commit.hold is not None else None
        for settlement in commit.settle:
            if settlement.hold != own:
                self._settle(settlement, at)
        if commit.hold is None:
            return Taken()
        found = self._take(commit.hold, at)
        if isinstance(found, Exhausted):
            self.undo()
            return found
        for settlement in commit.settle:
            if settlement.hold == own:
                self._settle(settlement, at)
        return found

    def refused(self, takes: Iterable[Take], at: float) -> frozenset[tuple[str, str]]:
        """(account id, kind) of those that would be refused, each by itself; nothing is taken."""
        return frozenset(
            (take.account.id, take.kind)
            for take in takes
            if self._refusal(take, _meter(take), at) is not None
        )

    def undo(self) -> None:
        """Take back what the last commit did: it was refused for another reason."""
        for step in reversed(self._undo):
            step()
        self._undo.clear()

    # -- holds ---------------------------------------------------------------------------------

    def _take(self, hold: Hold, at: float) -> Exhausted | Taken:
        if self._hold(hold.id) is not None:
            # The same hold told twice: it was taken.
            return Taken()
        wanted = _levelled(
            take for take in hold.takes if not (take.once and self._known(take.once))
        )
        for take, meter in wanted:
            refused = self._refusal(take, meter, at)
            if refused is not None:
                return refused
        born = {take.once for take, _ in wanted if take.once}
        self._born |= born
        self._undo.append(lambda: self._born.difference_update(born))
        stood = tuple(self._standing(_meter(t), t.window, at).committed for t in hold.takes)
        takes = [(*meter, take.amount) for take, meter in wanted]
        opened = _Open(hold.id, hold.call, hold.expires_at, "held", hold.keeps, takes)
        self._holds[hold.id] = opened
        self._dirty[3][hold.id] = None

        def back() -> None:
            # Told again, it is a new one.
            del self._holds[hold.id], self._dirty[3][hold.id]

        self._undo.append(back)
        for key, amount in opened.amounts().items():
            self._change_held(key, amount)
        warned: list[Warned] = []
        for take, meter in wanted:
            warned += self._note(take, meter, at)
        return Taken(tuple(warned), stood)

    def _known(self, instance: str) -> bool:
        if instance in self._born:
            return True
        found = self._db.execute("SELECT 1 FROM born WHERE instance = ?", (instance,)).fetchone()
        return found is not None

    def _refusal(self, take: Take, meter: _Meter, at: float) -> Exhausted | None:
        """Why an account cannot bear this; None where it can.

        INVARIANT: committed + overrun + held <= limit after every hold that is let through.
        """
        if take.limit is None:
            return None
        standing = self._standing(meter, take.window, at)
        limit = take.limit + self._raised(meter[:2], at)
        floors = [
            (floor, self._standing((other, *meter[1:]), take.window, at))
            for other, floor in take.floors
        ]
        kept = set_aside(floors)
        free = available(limit, standing, kept)
        if take.amount <= free:
            return None
        booked = [(bucket, sum(used)) for bucket, used in self._counted(meter, take.window, at)]
        most = limit - kept - take.amount
        return Exhausted(
            str(take.account), take.kind, limit, standing.held, standing.committed,
            standing.overrun,
            refills_at(take.window, at, booked, take.amount - free, most),
        )  # fmt: skip

    def _settle(self, settlement: Settlement, at: float) -> None:
        """Book what was used in place of what was held. Told twice, it counts once."""
        hold = self._hold(settlement.hold)
        if hold is None or hold.state == "settled":
            return
        if settlement.renews_to is not None:
            if hold.state == "held":
                self._change_hold(hold, hold.state, max(hold.expires_at, settlement.renews_to))
            return
        for key, amount in hold.amounts().items():
            if hold.state == "held":
                self._change_held(key, -amount)
        for account, kind, window, amount in hold.takes:
            used = settlement.used.get(kind, amount if settlement.rest else 0)
            used = min(max(0, used), AMOUNT_MAX)
            # What is billed beyond the hold is booked apart, for nobody had admitted it; so is all
            # of it where the hold had lapsed, since others may have been let in meanwhile.
            admitted = min(used, amount) if hold.state == "held" else 0
            booked = amount if hold.state == "lapsed" and hold.keeps else admitted
            self._book((account, kind, window), admitted, max(0, used - booked), at)
        self._change_hold(hold, "settled", hold.expires_at)

    def _lapse(self, at: float) -> bool:
        """Free holds whose time is up: their callers are gone. Gives whether there were any.

        It is not taken back: time is up, whatever becomes of a commit.
        """
        rows = self._db.execute(
            "SELECT expires_at, id FROM holds WHERE state = 'held' AND expires_at <= ? "
            "AND (expires_at, id) > (?, ?) ORDER BY expires_at, id LIMIT ?",
            (at, *(self._lapsed or (-math.inf, "")), _LAPSED_MAX),
        ).fetchall()
        self._lapsed = rows[-1] if rows else self._lapsed or (-math.inf, "")
        # Those of this transaction are not in the table yet, or are there as they were.
        due = [
            hold
            for id_ in dict.fromkeys((*(id_ for _, id_ in rows), *self._holds))
            if (hold := self._hold(id_)) is not None
            and hold.state == "held"
            and hold.expires_at <= at
        ]
        for hold in due:
            for key, amount in hold.amounts().items():
                self._change_held(key, -amount)
            if hold.keeps:
                for account, kind, window, amount in hold.takes:
                    self._book((account, kind, window), amount, 0, at)
            self._change_hold(hold, "lapsed", hold.expires_at)
        self._undo.clear()
        return bool(rows or due)

    # -- what there is ---------------------------------------------------------------------------

    def _standing(self, meter: _Meter, window: Window, at: float) -> Standing:
        committed = overrun = 0
        for _, row in self._counted(meter, window, at):
            committed += row[0]
            overrun += row[1]
        return Standing(self._held_on(meter[:2]), committed, overrun)

    def _counted(self, meter: _Meter, window: Window, at: float) -> list[tuple[int, list[int]]]:
        """(bucket, [committed, overrun]) of all that counts at ``at``."""
        buckets = self._buckets(meter)
        first = first_bucket(window, at, _newest(buckets))
        return [(bucket, used) for bucket, used in buckets.items() if bucket >= first]

    def _held_on(self, key: _Held) -> int:
        if key not in self._held:
            row = self._db.execute(
                "SELECT amount FROM held WHERE account = ? AND kind = ?", key
            ).fetchone()
            self._held[key] = row[0] if row is not None else 0
        return self._held[key]

    def _buckets(self, meter: _Meter) -> dict[int, list[int]]:
        found = self._meters.get(meter)
        if found is None:
            found = self._meters[meter] = {
                bucket: [committed, overrun]
                for bucket, committed, overrun in self._db.execute(
                    "SELECT bucket, committed, overrun FROM meters "
                    'WHERE account = ? AND kind = ? AND "window" = ?',
                    meter,
                )
            }
        return found

    def _raised(self, key: _Held, at: float) -> int:
        found = self._raises.get(key)
        if found is None:
            found = self._raises[key] = self._db.execute(
                "SELECT amount, until FROM raises WHERE account = ? AND kind = ?", key
            ).fetchall()
        return sum(amount for amount, until in found if until is None or until > at)

    def _hold(self, id_: str) -> _Open | None:
        if id_ not in self._holds:
            row = self._db.execute(
                "SELECT id, call, expires_at, state, keeps, takes FROM holds WHERE id = ?", (id_,)
            ).fetchone()
            if row is None:
                return None
            id_, call, expires_at, state, keeps, takes = row
            listed = [(a, k, w, n) for a, k, w, n in json.loads(takes)]
            self._holds[id_] = _Open(id_, call, expires_at, state, bool(keeps), listed)
        return self._holds[id_]

    # -- changes, each of which can be taken back ------------------------------------------------

    def _change_held(self, key: _Held, by: int) -> None:
        # INVARIANT: what is held is the sum of the open holds, so it is never below zero.
        after = self._held_on(key) + by
        assert after >= 0, "more was freed than held"
        self._held[key] = after
        self._dirty[0][key] = None

        def back() -> None:
            self._held[key] -= by

        self._undo.append(back)

    def _book(self, meter: _Meter, committed: int, overrun: int, at: float) -> None:
        if not (committed or overrun):
            return
        buckets = self._buckets(meter)
        bucket = booking_bucket(window_from(meter[2]), at, _newest(buckets))
        row = buckets.setdefault(bucket, [0, 0])
        before = tuple(row)
        row[:] = min(row[0] + committed, AMOUNT_MAX), min(row[1] + overrun, AMOUNT_MAX)
        self._dirty[1][(*meter, bucket)] = None

        def back() -> None:
            row[:] = before

        self._undo.append(back)

    def _change_hold(self, hold: _Open, state: str, expires_at: float) -> None:
        before = hold.state, hold.expires_at
        hold.state, hold.expires_at = state, expires_at
        self._dirty[3][hold.id] = None

        def back() -> None:
            hold.state, hold.expires_at = before

        self._undo.append(back)

    def _note(self, take: Take, meter: _Meter, at: float) -> list[Warned]:
        """Note what the account is held to; tell of a soft limit passed, once a window."""
        known = self._row(meter)
        warned = known[2] if known is not None else None
        told: list[Warned] = []
        if take.warn_at is not None and take.limit is not None:
            newest = _newest(self._buckets(meter))
            bucket = booking_bucket(take.window, at, newest)
            standing = self._standing(meter, take.window, at)
            used = standing.held + standing.committed + standing.overrun
            since = first_bucket(take.window, at, newest)
            if used >= take.warn_at and (warned is None or warned < since):
                warned = bucket
                told.append(Warned(str(take.account), take.kind, used, take.limit))
        limit = take.limit if take.limit is None else min(take.limit, AMOUNT_MAX)
        row = (str(take.account), limit, warned)
        if row != known:
            self._rows[meter] = row
            self._dirty[2][meter] = None

            def back() -> None:
                # What nobody was told of is to be told yet.
                if known is not None:
                    self._rows[meter] = known
                else:
                    del self._rows[meter], self._dirty[2][meter]

            self._undo.append(back)
        return told

    def _row(self, meter: _Meter) -> tuple[str, int | None, int | None] | None:
        found = self._rows.get(meter)
        if found is None:
            row = self._db.execute(
                'SELECT shown, "limit", warned FROM accounts '
                'WHERE account = ? AND kind = ? AND "window" = ?',
                meter,
            ).fetchone()
            if row is None:
                return None
            found = self._rows[meter] = (row[0], row[1], row[2])
        return found

    # -- the end of the transaction --------------------------------------------------------------

    def flush(self) -> None:
        """Write what changed: a row an account, however many commits took of it."""
        held, meters, rows, holds = self._dirty
        self._many(_HELD, ((*key, self._held[key]) for key in held))
        used = ((meter, self._meters[meter[:3]][meter[3]]) for meter in meters)
        # A bucket of nothing is one whose booking was taken back: it would be taken for the newest.
        self._many(_METER, ((*meter, *amounts) for meter, amounts in used if any(amounts)))
        self._many(_ACCOUNT, ((*meter, *self._rows[meter]) for meter in rows))
        self._many("INSERT OR IGNORE INTO born VALUES (?)", ((b,) for b in sorted(self._born)))
        changed = [self._holds[id_] for id_ in holds]
        self._many(
            _HOLD,
            (
                (h.id, h.call, h.expires_at, h.state, h.keeps, json.dumps(h.takes))
                for h in changed
                if h.state != "settled"
            ),
        )
        # A settled hold has nothing more to say: told again, it is not known.
        self._many(
            "DELETE FROM holds WHERE id = ?", ((h.id,) for h in changed if h.state == "settled")
        )
        for account, kind, window in dict.fromkeys(key[:3] for key in meters):
            # What went out of its window counts no more, whatever is done to the clock.
            newest = _newest(self._meters[account, kind, window])
            if newest is not None:
                first = newest - buckets_back(window_from(window))
                self._db.execute(_PRUNE, (account, kind, window, first))

    def _many(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        listed = list(rows)
        if listed:
            self._db.executemany(statement, listed)


def _newest(buckets: Mapping[int, list[int]]) -> int | None:
    """The last bucket in which anything was booked."""
    return max((bucket for bucket, used in buckets.items() if any(used)), default=None)


# The same few accounts and windows come again in every call, and their names are made of parts.
@functools.lru_cache(maxsize=4096)
def _account_id(account: Account) -> str:
    return account.id


@functools.lru_cache(maxsize=256)
def _window_text(window: Window) -> str:
    return str(window)


def _meter(take: Take) -> _Meter:
    return _account_id(take.account), take.kind, _window_text(take.window)


def _levelled(takes: Iterable[Take]) -> list[tuple[Take, _Meter]]:
    """The takes, each with the largest amount that is asked of its account and kind in any window:
    what is held is one amount, and it counts in all of them."""
    listed = [(take, _meter(take)) for take in takes]
    most: dict[_Held, int] = {}
    for take, meter in listed:
        most[meter[:2]] = max(most.get(meter[:2], 0), take.amount)
    return [
        (take if take.amount == most[meter[:2]] else take._replace(amount=most[meter[:2]]), meter)
        for take, meter in listed
    ]


@functools.lru_cache(maxsize=256)
def window_from(text: str) -> Window:
    """A window as `str` wrote it."""
    cycle, _, length = text.partition("/")
    return Window(Cycle(cycle), int(length[:-1]) if length else 0)

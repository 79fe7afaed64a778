"""Accounts inside one transaction: holds are tested and taken in one step, at all accounts or at none.

The time of a meter never goes back: nothing is booked before what was booked last, and nothing counts
again that went out of its window. So a clock that is set back, and right again later, gives nobody
anything twice; one that was set forward keeps the windows there until it is reached, or a person
raises the limit.
"""

import json
import math
import sqlite3
from collections.abc import Iterable
from typing import Final, NamedTuple

from firedoor.budget.admission import available, refills_at, set_aside
from firedoor.engine.port import Commit, Exhausted
from firedoor.store.meters import AMOUNT_MAX, Meter, MeterKey, Meters, Purse, key_of
from firedoor.types.budget import Hold, Settlement, Take, Warned

_LAPSED_MAX: Final = 256
"""Holds that are freed at a time because theirs is up: the next transaction goes on, and so does this
one before it refuses anybody."""
_HOLD: Final = (
    "INSERT INTO holds (id, call, expires_at, state, keeps, takes) VALUES (?,?,?,?,?,?) "
    "ON CONFLICT DO UPDATE SET expires_at = excluded.expires_at, state = excluded.state"
)


class Taken(NamedTuple):
    """What a commit's hold came to; see `engine.port.Committed`."""

    warned: tuple[Warned, ...] = ()
    stood: tuple[int, ...] = ()


NOTHING_TAKEN: Final = Taken()


class _Open:
    """A hold as the store keeps it."""

    __slots__ = ("call", "expires_at", "id", "keeps", "state", "stored", "takes")

    def __init__(
        self, id_: str, call: str, expires_at: float, state: str, keeps: bool,
        takes: list[tuple[MeterKey, int]], *, stored: bool,
    ) -> None:  # fmt: skip
        self.id, self.call, self.expires_at = id_, call, expires_at
        self.state, self.keeps, self.takes = state, keeps, takes
        self.stored = stored
        """Whether the table has it."""

    def row(self) -> tuple[str, str, float, str, bool, str]:
        """As the table has it: ``takes`` is [[account, kind, window, amount], …]."""
        takes = json.dumps([(*key, amount) for key, amount in self.takes])
        return self.id, self.call, self.expires_at, self.state, self.keeps, takes


class Accounts:
    """What the accounts have, as this transaction leaves them so far."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._meters = Meters(db)
        self._undo = self._meters.undo
        self._holds: dict[str, _Open] = {}
        self._changed: dict[str, None] = {}
        """Holds that are to be written."""
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
        listed = list(takes)
        meters = self._meters.of([key_of(take) for take in listed])
        return frozenset(
            meter.purse.key
            for take, meter in zip(listed, meters, strict=True)
            if self._refusal(take, meter, at) is not None
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
        meters = self._meters.of([key_of(take) for take in hold.takes])
        wanted = _levelled(
            (take, meter)
            for take, meter in zip(hold.takes, meters, strict=True)
            if not (take.once and self._known(take.once))
        )
        for take, meter in wanted:
            refused = self._refusal(take, meter, at)
            if refused is not None:
                return refused
        born = {take.once for take, _ in wanted if take.once}
        if born:
            self._born |= born
            self._undo.append(lambda: self._born.difference_update(born))
        stood = tuple(meter.standing(at).committed for meter in meters)
        takes = [(meter.key, take.amount) for take, meter in wanted]
        self._holds[hold.id] = _Open(
            hold.id, hold.call, hold.expires_at, "held", hold.keeps, takes, stored=False
        )
        self._changed[hold.id] = None

        def back() -> None:
            # Told again, it is a new one.
            del self._holds[hold.id], self._changed[hold.id]

        self._undo.append(back)
        for purse, amount in _amounts(wanted).items():
            self._meters.hold(purse, amount)
        told = [self._meters.note(take, meter, at) for take, meter in wanted]
        return Taken(tuple(w for w in told if w is not None), stood)

    def _known(self, instance: str) -> bool:
        if instance in self._born:
            return True
        found = self._db.execute("SELECT 1 FROM born WHERE instance = ?", (instance,)).fetchone()
        return found is not None

    def _refusal(self, take: Take, meter: Meter, at: float) -> Exhausted | None:
        """Why an account cannot bear this; None where it can.

        INVARIANT: committed + overrun + held <= limit after every hold that is let through.
        """
        if take.limit is None:
            return None
        standing = meter.standing(at)
        limit = take.limit + self._meters.raised(meter.purse, at)
        kept = 0
        if take.floors:
            others = self._meters.of([(other, *meter.key[1:]) for other, _ in take.floors])
            kept = set_aside(
                (floor, other.standing(at))
                for (_, floor), other in zip(take.floors, others, strict=True)
            )
        free = available(limit, standing, kept)
        if take.amount <= free:
            return None
        booked = [(bucket, sum(used)) for bucket, used in meter.counted(at)]
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
        for meter, amount in self._freed(hold):
            used = settlement.used.get(meter.key[1], amount if settlement.rest else 0)
            used = min(max(0, used), AMOUNT_MAX)
            # What is billed beyond the hold is booked apart, for nobody had admitted it; so is all
            # of it where the hold had lapsed, since others may have been let in meanwhile.
            admitted = min(used, amount) if hold.state == "held" else 0
            booked = amount if hold.state == "lapsed" and hold.keeps else admitted
            self._meters.book(meter, admitted, max(0, used - booked), at)
        self._change_hold(hold, "settled", hold.expires_at)

    def _freed(self, hold: _Open) -> list[tuple[Meter, int]]:
        """What a hold was for, with what it holds no more; once it lapsed, that is freed already."""
        meters = self._meters.of([key for key, _ in hold.takes])
        listed = [(meter, amount) for meter, (_, amount) in zip(meters, hold.takes, strict=True)]
        if hold.state == "held":
            for purse, amount in {meter.purse: amount for meter, amount in listed}.items():
                self._meters.hold(purse, -amount)
        return listed

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
            for meter, amount in self._freed(hold):
                if hold.keeps:
                    self._meters.book(meter, amount, 0, at)
            self._change_hold(hold, "lapsed", hold.expires_at)
        self._undo.clear()
        return bool(rows or due)

    def _hold(self, id_: str) -> _Open | None:
        if id_ not in self._holds:
            row = self._db.execute(
                "SELECT id, call, expires_at, state, keeps, takes FROM holds WHERE id = ?", (id_,)
            ).fetchone()
            if row is None:
                return None
            id_, call, expires_at, state, keeps, takes = row
            listed = [((a, k, w), n) for a, k, w, n in json.loads(takes)]
            self._holds[id_] = _Open(id_, call, expires_at, state, bool(keeps), listed, stored=True)
        return self._holds[id_]

    def _change_hold(self, hold: _Open, state: str, expires_at: float) -> None:
        before = hold.state, hold.expires_at
        hold.state, hold.expires_at = state, expires_at
        self._changed[hold.id] = None

        def back() -> None:
            hold.state, hold.expires_at = before

        self._undo.append(back)

    # -- the end of the transaction --------------------------------------------------------------

    def flush(self) -> None:
        """Write what changed: a row an account, however many commits took of it."""
        self._meters.flush()
        if self._born:
            self._db.executemany(
                "INSERT OR IGNORE INTO born VALUES (?)", [(b,) for b in sorted(self._born)]
            )
        changed = [self._holds[id_] for id_ in self._changed]
        open_ = [hold.row() for hold in changed if hold.state != "settled"]
        if open_:
            self._db.executemany(_HOLD, open_)
        # A settled hold has nothing more to say: told again, it is not known.
        over = [(hold.id,) for hold in changed if hold.state == "settled" and hold.stored]
        if over:
            self._db.executemany("DELETE FROM holds WHERE id = ?", over)


def _amounts(takes: Iterable[tuple[Take, Meter]]) -> dict[Purse, int]:
    """The largest amount that is asked of each account and kind in any window: what is held is one
    amount, and it counts in all of them."""
    most: dict[Purse, int] = {}
    for take, meter in takes:
        known = most.get(meter.purse)
        if known is None or take.amount > known:
            most[meter.purse] = take.amount
    return most


def _levelled(takes: Iterable[tuple[Take, Meter]]) -> list[tuple[Take, Meter]]:
    """The takes, each of them for as much as is held."""
    listed = list(takes)
    most = _amounts(listed)
    return [
        (take if take.amount == most[meter.purse] else take._replace(amount=most[meter.purse]),
         meter)
        for take, meter in listed
    ]  # fmt: skip

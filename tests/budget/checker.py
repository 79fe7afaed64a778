"""Recomputes what accounts have from a recorded history, and says where the store was wrong.

It shares nothing with the code that it checks but the words (`firedoor.types.budget`) and the shape
of a refusal. A history is what was asked of a store and what it answered, in the order in which the
store applied it. Each amount is counted from the operations alone, never carried over from what the
store says; what the store says is compared with it.

A sliding window may count what is up to a sixtieth of it too old. So amounts are ranges: what must
count, and what may. A fault is only found where no number of the range would excuse it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from firedoor.engine.port import Exhausted
from firedoor.types.budget import AccountRow, Cycle, Hold, Settlement, Take, Window


class Step(NamedTuple):
    """One commit: what it asked for, and the refusal if it was refused."""

    at: float
    hold: Hold | None = None
    settle: tuple[Settlement, ...] = ()
    refused: Exhausted | None = None


class Raise(NamedTuple):
    """A person added to the limit of an account, by the name that people know it by."""

    at: float
    account: str
    kind: str
    amount: int
    until: float | None = None


class Seen(NamedTuple):
    """What the store said of all its accounts, asked with their holds."""

    at: float
    rows: tuple[AccountRow, ...]


class Fault(StrEnum):
    """What a store can do wrong."""

    OVERSHOOT = "overshoot"
    """It let a hold through that an account could not bear."""
    OVER_REFUSAL = "over-refusal"
    """It refused a hold that the account it names could have borne."""
    LEAK = "leak"
    """What it says is held is not the sum of the open holds."""
    SETTLEMENT = "settlement"
    """What it says was used is not what the settlements say, each counted once."""
    LIMIT = "limit"
    """It holds the account to another limit than it was told, so the account's sum is off."""


class Finding(NamedTuple):
    """One fault, by the place of the operation in the history."""

    fault: Fault
    step: int
    account: str
    said: str


class Range(NamedTuple):
    """What must count, and what may."""

    least: int
    most: int

    def __contains__(self, amount: object) -> bool:
        return isinstance(amount, int) and self.least <= amount <= self.most


class Stands(NamedTuple):
    """An account in one window, at one moment."""

    limit: int | None
    held: int
    committed: Range
    overrun: Range
    kept: Range
    """What is set aside for others."""

    def free(self) -> Range:
        """What could still be held. ``limit = free + kept + held + committed + overrun``."""
        rest = (self.limit or 0) - self.held
        return Range(
            rest - self.committed.most - self.overrun.most - self.kept.most,
            rest - self.committed.least - self.overrun.least - self.kept.least,
        )


Meter = tuple[str, str, str]
"""Account id, kind, window."""


@dataclass
class Lease:
    """A hold that was let through."""

    hold: Hold
    takes: tuple[Take, ...]
    expires_at: float
    state: str = "open"


@dataclass
class Checker:
    """Replays a history; ``findings`` grows with every fault."""

    findings: list[Finding] = field(default_factory=list)
    leases: dict[str, Lease] = field(default_factory=dict)
    step: int = 0
    _open: dict[str, None] = field(default_factory=dict)
    _held: dict[tuple[str, str], int] = field(default_factory=dict)
    _used: dict[Meter, dict[float, list[int]]] = field(default_factory=dict)
    _raised: list[Raise] = field(default_factory=list)
    _told: dict[Meter, Take] = field(default_factory=dict)
    _born: set[str] = field(default_factory=set)

    # -- the history -----------------------------------------------------------------------------

    def follow(self, operation: Step | Raise | Seen) -> None:
        """Take in the next operation."""
        match operation:
            case Step(refused=None):
                self._lapse(operation.at)
                self._grant(operation)
            case Step():
                self._lapse(operation.at)
                self._refuse(operation)
            case Raise():
                self._raised.append(operation)
            case Seen():
                self._compare(operation)
        self.step += 1

    def _grant(self, step: Step) -> None:
        own = step.hold.id if step.hold is not None else None
        for settlement in step.settle:
            if settlement.hold != own:
                self._settle(settlement, step.at)
        if step.hold is not None and step.hold.id not in self.leases:
            self._take(step.hold, step.at)
        for settlement in step.settle:
            if settlement.hold == own:
                self._settle(settlement, step.at)

    def _take(self, hold: Hold, at: float) -> None:
        takes = self.wanted(hold)
        self._born |= {take.once for take in takes if take.once}
        self.leases[hold.id] = Lease(hold, takes, hold.expires_at)
        self._open[hold.id] = None
        for key, amount in _amounts(takes).items():
            self._held[key] = self._held.get(key, 0) + amount
        for take in takes:
            self._told[_meter(take)] = take
        for take in takes:
            stands = self.stands(take, at)
            if stands.limit is not None and stands.free().most < 0:
                self._found(Fault.OVERSHOOT, take, f"{-stands.free().most} beyond {stands.limit}")

    def _settle(self, settlement: Settlement, at: float) -> None:
        lease = self.leases.get(settlement.hold)
        if lease is None or lease.state == "settled":
            return
        if settlement.renews_to is not None:
            if lease.state == "open":
                lease.expires_at = max(lease.expires_at, settlement.renews_to)
            return
        for take in lease.takes:
            used = max(0, settlement.used.get(take.kind, 0))
            # Of a hold that had lapsed nothing is admitted any more; one that keeps has used it all.
            admitted = min(used, take.amount) if lease.state == "open" else 0
            known = take.amount if lease.state == "lapsed" and lease.hold.keeps else admitted
            self._book(take, at, admitted, max(0, used - known))
        self._close(lease, "settled")

    def _lapse(self, at: float) -> None:
        for id_ in list(self._open):
            lease = self.leases[id_]
            if lease.expires_at <= at:
                self._close(lease, "lapsed")
                if lease.hold.keeps:
                    for take in lease.takes:
                        self._book(take, at, take.amount, 0)

    def _close(self, lease: Lease, state: str) -> None:
        if lease.state == "open":
            del self._open[lease.hold.id]
            for key, amount in _amounts(lease.takes).items():
                self._held[key] -= amount
        lease.state = state

    def _book(self, take: Take, at: float, committed: int, overrun: int) -> None:
        if not (committed or overrun):
            return
        rows = self._used.setdefault(_meter(take), {})
        # The time of a meter never goes back, whatever is done to the clock.
        row = rows.setdefault(max((at, *rows)), [0, 0])
        row[0] += committed
        row[1] += overrun

    # -- what the store said ---------------------------------------------------------------------

    def excused(self, step: Step) -> str | None:
        """None where the refusal says what is so now; else what is wrong with it."""
        said = step.refused
        assert said is not None
        assert step.hold is not None
        named = [
            (take, self.stands(take, step.at))
            for take in self.wanted(step.hold)
            if str(take.account) == said.account and take.kind == said.kind
        ]
        alike = [
            (take, stands)
            for take, stands in named
            if said.limit == stands.limit
            and said.held == stands.held
            and said.committed in stands.committed
            and said.overrun in stands.overrun
        ]
        if not alike:
            return f"{said} is not how it stands: {[stands for _, stands in named]}"
        if all(take.amount <= stands.free().least for take, stands in alike):
            return f"{[take.amount for take, _ in alike]} would have fitted: {alike[0][1]}"
        return None

    def _refuse(self, step: Step) -> None:
        # What a refused commit settles is not applied, so it stands as it does before it: but a
        # settlement of the same commit would have made room first.
        assert step.hold is not None
        wrong = self._without(step).excused(step) if step.settle else self.excused(step)
        if wrong is not None:
            assert step.refused is not None
            self.findings.append(
                Finding(Fault.OVER_REFUSAL, self.step, step.refused.account, wrong)
            )

    def _without(self, step: Step) -> "Checker":
        """As it stands once the other holds that a commit settles are settled."""
        other = Checker(
            leases={k: Lease(v.hold, v.takes, v.expires_at, v.state) for k, v in self.leases.items()},
            _open=dict(self._open),
            _held=dict(self._held),
            _used={m: {t: list(row) for t, row in rows.items()} for m, rows in self._used.items()},
            _raised=self._raised,
            _told=self._told,
            _born=self._born,
        )  # fmt: skip
        own = step.hold.id if step.hold is not None else None
        for settlement in step.settle:
            if settlement.hold != own:
                other._settle(settlement, step.at)
        return other

    def _compare(self, seen: Seen) -> None:
        rows = {(row.account, row.kind, row.window): row for row in seen.rows}
        for meter, take in self._told.items():
            row = rows.pop((str(take.account), take.kind, meter[2]), None)
            if row is None:
                self._found(Fault.LIMIT, take, "is not shown")
                continue
            now = self.stands(take, seen.at)
            if row.limit is None or now.limit is None:
                if row.limit != take.limit:
                    self._found(Fault.LIMIT, take, f"{row.limit} is not {take.limit}")
            elif row.limit + row.raised != now.limit:
                self._found(Fault.LIMIT, take, f"{row.limit} + {row.raised} is not {now.limit}")
            holds = self._holds_of(take, seen.at)
            # Of what has lapsed and was not freed yet, people are told nothing.
            if row.held != sum(amount for _, amount, _ in holds):
                self._found(Fault.LEAK, take, f"{row.held} held, by {holds}")
            if sorted(row.holds) != holds:
                self._found(Fault.LEAK, take, f"{sorted(row.holds)} is not {holds}")
            for name, amount, range_ in (
                ("committed", row.committed, now.committed),
                ("overrun", row.overrun, now.overrun),
            ):
                if amount not in range_:
                    self._found(Fault.SETTLEMENT, take, f"{name} {amount} is not in {range_}")
        for row in rows.values():
            self.findings.append(Finding(Fault.LIMIT, self.step, row.account, "was never told"))

    def _holds_of(self, take: Take, at: float) -> list[tuple[str, int, float]]:
        key = take.account.id, take.kind
        return sorted(
            (str(lease.hold.call), _amounts(lease.takes)[key], lease.expires_at)
            for lease in (self.leases[id_] for id_ in self._open)
            if key in _amounts(lease.takes) and lease.expires_at > at
        )

    def _found(self, fault: Fault, take: Take, said: str) -> None:
        self.findings.append(Finding(fault, self.step, str(take.account), f"{take.kind}: {said}"))

    # -- how it stands ---------------------------------------------------------------------------

    def wanted(self, hold: Hold) -> tuple[Take, ...]:
        """What a hold takes: not what was taken for that instance before, and of each account and
        kind one amount, whatever window counts it."""
        new = [take for take in hold.takes if not (take.once and take.once in self._born)]
        amounts = _amounts(new)
        return tuple(t._replace(amount=amounts[t.account.id, t.kind]) for t in new)

    def held(self) -> dict[tuple[str, str], int]:
        """What is held, by account id and kind."""
        return {key: amount for key, amount in self._held.items() if amount}

    def stands(self, take: Take, at: float) -> Stands:
        """The account of ``take``, with the limit that ``take`` sets."""
        limit = take.limit
        if limit is not None:
            limit += sum(
                r.amount
                for r in self._raised
                if (r.account, r.kind) == (str(take.account), take.kind)
                and (r.until is None or r.until > at)
            )
        committed, overrun = self._count(_meter(take), take.window, at)
        least = most = 0
        for account, floor in take.floors:
            meter = account, take.kind, str(take.window)
            used = self._count(meter, take.window, at)
            held = self._held.get((account, take.kind), 0)
            least += max(0, floor - held - sum(range_.most for range_ in used))
            most += max(0, floor - held - sum(range_.least for range_ in used))
        held = self._held.get((take.account.id, take.kind), 0)
        return Stands(limit, held, committed, overrun, Range(least, most))

    def _count(self, meter: Meter, window: Window, at: float) -> tuple[Range, Range]:
        sums = [[0, 0], [0, 0]]
        rows = self._used.get(meter, {})
        at = max((at, *rows))
        for time, row in rows.items():
            must, may = _counts(window, time, at)
            for n, amount in enumerate(row):
                sums[n][0] += amount if must else 0
                sums[n][1] += amount if may else 0
        return Range(*sums[0]), Range(*sums[1])


def _meter(take: Take) -> Meter:
    return take.account.id, take.kind, str(take.window)


def _amounts(takes: Iterable[Take]) -> dict[tuple[str, str], int]:
    """Once for each account and kind, however many windows count it: the most that one does."""
    found: dict[tuple[str, str], int] = {}
    for take in takes:
        key = take.account.id, take.kind
        found[key] = max(found.get(key, 0), take.amount)
    return found


def _counts(window: Window, time: float, at: float) -> tuple[bool, bool]:
    """Whether what was used at ``time`` must count at ``at``, and whether it may."""
    if window.cycle is Cycle.LIFETIME:
        return True, True
    if window.cycle is Cycle.CALENDAR:
        same = time // window.seconds == at // window.seconds
        return same, same
    age = at - time
    return age < window.seconds, age < window.seconds + max(1.0, window.seconds / 60)


def check(history: Iterable[Step | Raise | Seen]) -> list[Finding]:
    """All faults of a history whose order is the store's own."""
    checker = Checker()
    for operation in history:
        checker.follow(operation)
    return checker.findings

"""What a call takes of its accounts: held before it starts, charged as it acts, settled at its end.

    judged ─▶ [LookParts: which tools are used up?] ─▶ Commit(hold) ─▶ Committed | Exhausted
           ─▶ each tool call: Commit(hold and settlement in one) ─▶ Committed | Exhausted
           ─▶ the end: Commit(settlement)

A hold is a lease: it is renewed while the call lives, and lapses with the process that took it. In
``observe`` amounts are counted, and nothing is ever refused.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from firedoor import budget, lineage, policy, wire
from firedoor.engine import settling
from firedoor.engine.asking import call_ask
from firedoor.engine.port import CallRow, Commit, Committed, Exhausted, FoundParts, LookParts
from firedoor.engine.refusing import Refused
from firedoor.engine.seen import Seen
from firedoor.engine.settling import AMOUNT_MAX
from firedoor.policy import affordances_of
from firedoor.types.budget import Account, Hold, Scope, Settlement, Take
from firedoor.types.ids import RoomId
from firedoor.types.key import KeyRow
from firedoor.types.label import BOTTOM, Label
from firedoor.types.part import Answer, OutputKind, OutputPart, ToolCall
from firedoor.types.verdict import Action, Verdict

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

UNCHARGED: Final = Verdict(Action.DENY, "budget/unavailable")
"""Of a tool call that could not be charged, since the store did not answer."""
_CHOICES_MAX: Final = 1 << 20
_BACKGROUND_LEASE_S: Final = 86_400.0
"""How long a background response may take before it is taken to have used all that it held."""
_SHRINKS_MAX: Final = 3


class Budgeting:
    """The budget's side of one call."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange
        self._budgets = exchange.settings.budgets
        self.path: tuple[Account, ...] = ()
        """The accounts of the call, the widest first."""
        self.cap: int | None = None
        """The output limit that the door sets for each choice, where the client set none."""
        self._spent: frozenset[tuple[str, str]] = frozenset()
        self._first_seen: float | None = None
        self._hold: Hold | None = None
        self._stood: tuple[int, ...] = ()
        self._charges = 0
        self._typed = False
        self._shrinks = 0
        self._renewed_at = 0.0
        self._settled = False
        self.overruns: list[dict[str, object]] = []
        """What was used beyond its hold, and why."""
        self.warned: list[str] = []
        """Soft limits that the call passed."""

    # -- before the call -------------------------------------------------------------------------

    def look(self, found: FoundParts) -> LookParts | None:
        """Find the accounts; gives what the store is to be asked about them, if anything."""
        exchange = self.exchange
        if exchange.key is not None and exchange.key.caps:
            self._budgets = _with_caps(exchange.settings.budgets, exchange.key)
        if not self._budgets:
            return None
        row = exchange.known_instance()
        self._first_seen = found.first_seen
        line = (*reversed(found.ancestors), row)
        name = row.name
        self.path = (
            Account(Scope.DEPLOYMENT, "", ""),
            Account(Scope.COMPARTMENT, row.room, row.compartment),
            Account(Scope.KEY, row.credential, row.credential),
            Account(Scope.AGENT, f"{row.credential}/{name}", name),
            *(Account(Scope.INSTANCE, r.id, r.name) for r in line),
        )
        self._spent = frozenset()
        if not exchange.enforcing or not exchange.request.offered:
            return None
        asks: dict[tuple[str, str], Take] = {}
        for tool in {t.name for t in exchange.request.offered}:
            for take in self._tool_takes(tool, 0, self._exposed(tool)):
                asks[take.account.id, take.kind] = take
        if not asks:
            return None
        return LookParts(
            exchange.at, row.room, row.run, row.id, row.credential, asks=tuple(asks.values())
        )

    def learn(self, found: FoundParts) -> None:
        """Take the store's answer about tools."""
        self._spent = found.spent

    def _exposed(self, tool: str, label: Label | None = None) -> int | None:
        shown = label if label is not None else self.exchange.exposed_label()
        return call_ask(self.exchange, tool, (), shown).exposed_generation

    def _tool_takes(self, name: str, egress: int, exposed: int | None) -> tuple[Take, ...]:
        affordances = affordances_of(self.exchange.policy, name)
        return budget.tool_takes(
            self._budgets, self.path, exposed, budget.ToolAsk(name, affordances, egress)
        )

    def withdrawn(self) -> list[str]:
        """The pointers of the tools that are used up: they are not offered any more."""
        if not self._spent:
            return []
        return [
            tool.pointer
            for tool in self.exchange.request.offered
            if any(
                (take.account.id, take.kind) in self._spent
                for take in self._tool_takes(tool.name, 0, self._exposed(tool.name))
            )
        ]

    def refused_by_ceiling(self) -> Refused | None:
        """The refusal of a call that stands too deep in its family, was shown too deep a text, or
        whose context is too old."""
        if not self._budgets or not self.exchange.enforcing:
            return None
        exposed = self.exchange.exposed_label().generation
        depth = sum(a.scope is Scope.INSTANCE for a in self.path) - 1
        at = self.exchange.at
        # Rounded up; a clock that was set back makes nobody younger than new.
        age = max(0, -int(-(at - (at if self._first_seen is None else self._first_seen)) // 1))
        for kind, now in (
            ("spawn_depth", depth), ("generation", exposed), ("context_age", age),
        ):  # fmt: skip
            for account, ceiling in budget.ceilings_of(self._budgets, self.path, exposed, kind):
                if now is None or now > ceiling.amount:
                    said = "unknown" if now is None else now
                    return Refused(
                        "firedoor_budget_exhausted",
                        f"{account}: {kind} is limited to {ceiling.amount}, and this call is at "
                        f"{said}.",
                        param=kind,
                    )
        return None

    def hold(self, moved: Iterable[tuple[RoomId | None, str, int]] = ()) -> Hold | None:
        """What must be held before the call goes upstream.

        ``moved`` is what it shows out of other rooms: (room, its name, bytes).
        """
        if not self._budgets:
            return None
        exchange = self.exchange
        row, exposed = exchange.known_instance(), exchange.exposed_label().generation
        takes = budget.call_takes(self._budgets, self.path, exposed, self._ask())
        if self._unbilled:
            # What a response holds in the background must not bar the poll that frees it.
            takes = tuple(take for take in takes if take.kind == "requests")
        instances = [a for a in self.path if a.scope is Scope.INSTANCE]
        if len(instances) > 1 and not exchange.engine.stored(row):
            born = budget.spawn_takes(self._budgets, self.path[:-1], exposed)
            takes += tuple(take._replace(once=row.id) for take in born)
        whence: dict[tuple[RoomId | None, str], int] = {}
        for room, name, size in moved:
            whence[room, name] = whence.get((room, name), 0) + size
        takes += budget.moved_takes(
            self._budgets, self.path, exposed, "bytes_received", sum(whence.values())
        )
        for (room, name), size in whence.items():
            if room is not None:
                sender = (Account(Scope.COMPARTMENT, room, name),)
                takes += budget.moved_takes(self._budgets, sender, exposed, "bytes_sent", size)
        if not takes:
            return None
        if not exchange.enforcing:
            takes = tuple(take._replace(limit=None, floors=()) for take in takes)
        background = exchange.request.fields.get("background") is True
        lease = _BACKGROUND_LEASE_S if background else self._budgets.lease_s
        self._renewed_at = exchange.at
        self._hold = Hold(
            f"h_{exchange.call_id}", exchange.call_id, exchange.at + lease, takes, background
        )
        return self._hold

    def held(self, event: Committed) -> None:
        """The hold is durable."""
        self._stood = event.stood
        self.warned += [f"{w.account} {w.kind}" for w in event.warned]

    def told(self) -> list[dict[str, object]]:
        """What is held, as `explain` shows it."""
        takes = self._hold.takes if self._hold is not None else ()
        return [
            {
                "account": str(take.account),
                "kind": take.kind,
                "limit": take.limit,
                "held": take.amount,
                "committed": self._stood[n] if n < len(self._stood) else None,
            }
            for n, take in enumerate(takes)
        ]

    @property
    def _unbilled(self) -> bool:
        """Whether the call only looks at what an earlier one brought, ends that, or counts tokens."""
        endpoint = self.exchange.endpoint
        return wire.counts(endpoint.name) or (endpoint.retells and not endpoint.needs_body)

    @property
    def _generates(self) -> bool:
        """Whether the call has an output that a limit can bound."""
        endpoint = self.exchange.endpoint
        return (
            wire.generates(endpoint.surface)
            and endpoint.needs_body
            and not wire.counts(endpoint.name)
        )

    def _ask(self) -> budget.Ask:
        exchange = self.exchange
        request, params = exchange.request, exchange.request.params
        size = len(request.body) if isinstance(request.body, bytes) else 0
        choices = max(1, min(params.choices, _CHOICES_MAX))
        output = 0
        if self._generates:
            asked = params.output_tokens_max
            if self.cap is None and (asked is None or asked < 1):
                self.cap = self._budgets.output_tokens_default
            each = self.cap if self.cap is not None else asked or 0
            output = min(AMOUNT_MAX, each * choices)
        ask = budget.Ask(size, output, generates=self._generates)
        rates = self._rates()
        if rates is None:
            return ask
        most = budget.cost_at_most(rates, ask.input_tokens_max, output)
        return ask._replace(cost_max=min(AMOUNT_MAX, most))

    def _rates(self) -> budget.Rates | None:
        if "cost_usd" not in self._budgets.kinds:
            return None
        return self.exchange.settings.prices(self.exchange.request.params.model)

    def unpriced(self) -> Refused | None:
        """The refusal of a call that costs nobody knows what, where cost is limited."""
        exchange = self.exchange
        if "cost_usd" not in self._budgets.kinds or not exchange.enforcing:
            return None
        if not self._generates or self._rates() is not None:
            return None
        return Refused(
            "firedoor_budget_exhausted",
            "Cost is limited here, and the price of this model is not known: give it under "
            "`prices:`, or set `unknown_model: price`.",
            param="model",
        )

    def edited(self, body: bytes) -> bytes:
        """The body with the output limit that its hold is for."""
        exchange = self.exchange
        if self.cap is None or self._hold is None or exchange.request.opaque:
            return body
        if not wire.takes_cap(exchange.endpoint.name):
            return body
        if not any(t.kind in ("output_tokens", "cost_usd") for t in self._hold.takes):
            return body
        return wire.with_output_cap(
            exchange.endpoint.surface, body, exchange.request.fields, self.cap
        )

    def shrink(self, found: Exhausted) -> bool:
        """Whether the call may do with what output is left; then its hold is to be asked anew."""
        left = found.limit - found.held - found.committed - found.overrun
        choices = max(1, self.exchange.request.params.choices)
        self._shrinks += 1
        if self.cap is None or found.kind != "output_tokens" or self._shrinks > _SHRINKS_MAX:
            return False
        if left // choices < 1 or left // choices >= self.cap:
            return False
        self.cap = left // choices
        return True

    def said_of(self, found: Exhausted) -> str:
        """Which account cannot bear it, and how it stands.

        What is committed and held is told of the caller's own accounts: in those above, it is what
        others use.
        """
        if found.kind == "egress_hosts":
            return f"{found.account}: it reaches a host that is not on the list of egress_hosts, or that cannot be seen."
        own = {str(a) for a in self.path if a.scope in (Scope.KEY, Scope.AGENT)}
        own.update(str(a) for a in self.path[-1:])
        said = f"{found.account} cannot bear this: {found.kind} is limited to {found.limit}"
        if found.account not in own:
            return said + "."
        over = f", overrun {found.overrun}" if found.overrun else ""
        return f"{said} (committed {found.committed}, held {found.held}{over})."

    def refusal(self, found: Exhausted) -> Refused:
        """What a client is told whose account cannot bear the call."""
        wait = (
            None
            if found.refills_at is None
            else max(1, -int(-(found.refills_at - self.exchange.at) // 1))
        )
        # Waiting helps where a window rolls on, and where what is held will be free again.
        code = "firedoor_budget_exhausted" if wait is None else "firedoor_rate_limited"
        return Refused(code, self.said_of(found), param=found.kind, retry_after_s=wait)

    # -- while it is answered ----------------------------------------------------------------------

    def typed(self, part: OutputPart) -> Commit | None:
        """What must be durable before a typed answer's label is lowered; None where it is none.

        The choice of a value says the domain's bits. Its names and words were written by whoever
        wrote the schema: where that is not clean itself, they count too, eight bits a byte.
        """
        exchange = self.exchange
        if "declassified_bits" not in self._budgets.kinds or part.kind is not OutputKind.TEXT:
            return None
        if not exchange.enforcing:
            # Nobody waits for the account's answer there, so nothing is let out by it.
            return None
        asked = wire.answer_schema(exchange.endpoint.surface, exchange.request.fields)
        if asked is None or self._typed:
            return None
        try:
            domain = policy.domain_of(asked.schema)
            if not policy.conforms(domain, part.text):
                return None
        except policy.NotTyped:
            return None
        outcome = exchange.judged.field_outcomes.get(asked.field)
        clean = outcome is not None and outcome[1].tally.shown == BOTTOM
        bits = domain.bits + (0 if clean else 8 * domain.text_bytes)
        exposed = exchange.exposed_label().generation
        takes = budget.typed_takes(self._budgets, self.path, exposed, bits)
        if not takes:
            return None
        # One value a call: several would be a text.
        self._typed = True
        return self._charged(takes)

    def charge(self, call: ToolCall, label: Label) -> Commit | None:
        """What must be durable before a tool call leaves; None where no limit speaks of it."""
        if not self._budgets:
            return None
        egress = 0
        if "egress_bytes" in self._budgets.kinds:
            egress = sum(sent.bytes for sent in self._touched(call).egress)
        takes = self._tool_takes(call.name, egress, self._exposed(call.name, label))
        if not takes:
            return None
        return self._charged(takes)

    def _charged(self, takes: tuple[Take, ...]) -> Commit:
        """The commit that takes and settles in one."""
        exchange = self.exchange
        if not exchange.enforcing:
            takes = tuple(take._replace(limit=None, floors=()) for take in takes)
        self._charges += 1
        hold = Hold(f"h_{exchange.call_id}/{self._charges}", exchange.call_id, exchange.at, takes)
        used = budget.used_by(takes, budget.Used())
        return Commit(
            at=exchange.at,
            call=CallRow(exchange.call_id, exchange.known_instance().id, None, 0),
            entry=None,
            awaited=exchange.enforcing,
            hold=hold,
            settle=(Settlement(hold.id, used),),
        )

    def _touched(self, call: ToolCall) -> lineage.Touched:
        affordances = affordances_of(self.exchange.policy, call.name)
        return self.exchange.settings.outside.touched(call.name, call.arguments, affordances)

    def forbidden_host(self, call: ToolCall, label: Label) -> Exhausted | None:
        """The limit that a tool call breaks by a host that it names; None where it breaks none."""
        if "egress_hosts" not in self._budgets.kinds:
            return None
        exposed = self._exposed(call.name, label)
        listed = list(budget.ceilings_of(self._budgets, self.path, exposed, "egress_hosts"))
        if not listed:
            return None
        affordances = affordances_of(self.exchange.policy, call.name)
        found = lineage.reached(call.arguments, affordances)
        for account, ceiling in listed:
            allowed = all(lineage.host_allowed(host, ceiling.hosts) for host in found.hosts)
            # What reaches a host that cannot be seen may reach any.
            if not allowed or not found.complete:
                return Exhausted(str(account), "egress_hosts", 0, 0, 0)
        return None

    def renewal(self) -> Commit | None:
        """What keeps the hold alive; None where that is not due."""
        exchange, hold = self.exchange, self._hold
        if hold is None or hold.keeps:
            return None
        if exchange.at - self._renewed_at < self._budgets.lease_s / 4:
            return None
        self._renewed_at = exchange.at
        return Commit(
            at=exchange.at,
            call=CallRow(exchange.call_id, exchange.known_instance().id, None, 0),
            entry=None,
            awaited=False,
            settle=(Settlement(hold.id, {}, exchange.at + self._budgets.lease_s),),
        )

    def overrun(self, seen: Seen) -> bool:
        """Whether a stream has certainly brought more than its call held."""
        held = self._held("output_tokens")
        if held is None or not self.exchange.enforcing:
            return False
        return seen.tokens_least > held

    def _held(self, kind: str) -> int | None:
        if self._hold is None:
            return None
        return next((t.amount for t in self._hold.takes if t.kind == kind), None)

    # -- at its end --------------------------------------------------------------------------------

    def settlement(
        self, answer: Answer, status: int | None, broken: str | None, seen: Seen
    ) -> tuple[Settlement, ...]:
        """What the call used, as far as anybody can tell; once a call."""
        if not self._budgets or self._settled:
            return ()
        exchange = self.exchange
        retold = settling.of_background(exchange, answer, costs="cost_usd" in self._budgets.kinds)
        hold = self._hold
        if hold is None:
            return retold
        if hold.keeps and settling.goes_on(answer, status, broken):
            # It goes on at the provider: polled or cancelled, it is settled then.
            return retold
        self._settled = True
        terms = settling.Terms(
            self._ask(), self._rates(), generates=self._generates, unbilled=self._unbilled
        )
        end = settling.End(answer, status, broken, seen)
        used = budget.used_by(hold.takes, settling.used_of(exchange, hold.takes, terms, end))
        cause = (
            "the stream was cut" if broken == "budget" else "the provider told more than was held"
        )
        held = {take.kind: take.amount for take in hold.takes}
        self.overruns = [
            {"kind": kind, "held": held[kind], "used": amount, "cause": cause}
            for kind, amount in used.items()
            if amount > held[kind]
        ]
        return (*retold, Settlement(hold.id, used))


@lru_cache(maxsize=1024)
def _with_caps(budgets: budget.Budgets, key: KeyRow) -> budget.Budgets:
    """The limits of the file, and those that came with a key: for its whole life."""
    return budgets.with_limits(
        budget.Limit(Scope.KEY, key.id, kind, "", amount, budget.LIFETIME)
        for kind, amount in key.caps
    )


def verdict_of(found: Exhausted) -> Verdict:
    """The verdict on a tool call that its accounts cannot bear."""
    return Verdict(Action.DENY, f"budget/{found.kind}")


def said_of_call(name: str, said: str) -> str:
    """What stands in place of a tool call that its accounts cannot bear."""
    return f"The call of the tool {name} was refused. {said}"

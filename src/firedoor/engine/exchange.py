"""One request on its road to the provider: events in, commands out.

    start ─▶ [LookKey ─▶ FoundKey] ─▶ ReadBody ─▶ RequestRead ─▶ [LookWho ─▶ FoundWho]
          ─▶ LookParts ─▶ FoundParts
          ─▶ Commit (entry, holds, exposures) ─▶ Committed ─▶ Forward ─▶ see ``answering``

It orders, it does not judge: what a string is, the wire says; whose call it is, identity; what a
label is, lineage; what may pass, policy; how far, budget. A commit that comes back `Stale` goes
back to LookParts, and everything is judged again. Whatever goes wrong before Forward ends in a
refusal, and in ``contain`` no upstream call starts without a durable entry.
"""

from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Final

from firedoor import identity, lineage, wire
from firedoor.engine import identifying, keyed, opening, record, refusing
from firedoor.engine.answering import Answering
from firedoor.engine.budgeting import Budgeting
from firedoor.engine.commands import (
    Command,
    Finish,
    Forward,
    SendBytes,
    SendHead,
)
from firedoor.engine.events import (
    CallerGone,
    Event,
    RequestBroken,
    RequestRead,
)
from firedoor.engine.headers import own_headers
from firedoor.engine.judged import Judged, Outcomes
from firedoor.engine.port import (
    Committed,
    Exhausted,
    FoundKey,
    FoundParts,
    FoundWho,
    LookKey,
    LookParts,
    Stale,
    StoreFailed,
)
from firedoor.engine.reading import RequestReader
from firedoor.engine.references import References
from firedoor.engine.refusing import Refused
from firedoor.engine.scene import Scene
from firedoor.engine.summary import ExchangeSummary, summarised
from firedoor.engine.trail import Tally
from firedoor.types.exchange import Caller, Headers, Mode, Objection, RequestHead, SpooledBody
from firedoor.types.ids import CallId, Digest
from firedoor.types.key import KeyRow
from firedoor.types.label import BOTTOM, Label, join
from firedoor.types.part import Answer
from firedoor.types.record import InstanceRow

if TYPE_CHECKING:
    from firedoor.engine.engine import Engine

_JUDGED_AGAIN_MAX: Final = 8
"""Stale commits in a row before the call is given up: each one means that an order was given."""


_FAILED: Final = Objection(
    "firedoor_unavailable", "The door failed on this call, so it did not pass."
)
_HINTS: Final = {b"anthropic-version": "anthropic", b"x-goog-api-key": "gemini"}
"""Headers that say which provider's API a request is of, where paths are alike."""


class _State(Enum):
    NEW = auto()
    BODY = auto()
    WHO = auto()
    PARTS = auto()
    COMMIT = auto()
    REFUSE = auto()
    UPSTREAM = auto()
    DONE = auto()


class Exchange:
    """One call. Fed by one front, one event at a time."""

    def __init__(
        self, engine: "Engine", head: RequestHead, caller: Caller, call_id: CallId, at: float
    ) -> None:
        self.engine = engine
        self.settings = engine.settings
        self.policy = engine.settings.policy
        self.mode: Mode = self.policy.mode
        """The mode in force when the call began."""
        self.enforcing = self.mode is not Mode.OBSERVE
        """Whether verdicts act."""
        self.call_id = call_id
        self.head = head
        self.caller = caller
        self.started_at = at
        self.at = at
        self.overhead_s = 0.0
        """Time spent in the engine and the store so far; kept by the front."""
        self._summary: ExchangeSummary | None = None
        self._ended: tuple[int | None, Answer | None] | None = None
        """Status and answer, once the exchange has ended."""

        self.claims = identity.claims_of(head.headers, head.query)
        self.named = {name for name, _ in head.headers}
        """Names of the head's headers."""
        hint = next((upstream for name, upstream in _HINTS.items() if name in self.named), None)
        self.endpoint = wire.route(
            head.method, head.path, head.query, head.upstream or hint,
            rooted=caller.front == "sidecar",
        )  # fmt: skip
        self.key: KeyRow | None = None
        """The virtual key of the call, once it was found good."""
        self.key_orders: int | None = None
        """Version of the orders that it was found good under."""
        self._objection: Objection | None = None
        self.who = engine.who(self.settings, self.claims, caller)
        self.instance: InstanceRow | None = self.who.instance
        self.request = RequestReader(engine, head, self.endpoint, self.who)
        self.judged = Judged(engine, self.request, call_id)
        self.references = References(self.endpoint, self.settings.digester)
        self.run_committed = BOTTOM
        """ρ as the commit before upstream left it."""
        self.entry_index: int | None = None
        """Of the call's first ledger entry, where that is known."""
        self.code: str | None = None
        self.forwarded: bytes | SpooledBody = b""
        self.second_try = False
        """Whether an equal request was tried before and had no answer."""
        self.asked_usage = False
        """Whether the door asks for a stream's usage, which the client did not ask for."""
        self.store_down = False
        """Whether an ``observe`` call went on without its entry."""

        self.budgeting = Budgeting(self)
        self._scene: tuple[Scene, Outcomes] | None = None
        """What was judged, until the call goes on or is judged again."""
        self._state = _State.NEW
        self._refusal: wire.Refusal | None = None
        self._tries = 0
        self._answering: Answering | None = None
        self._answer_edited = False

    # -- what the rest of the engine asks of a call ----------------------------------------------

    def known_instance(self) -> InstanceRow:
        """The instance, once identified."""
        assert self.instance is not None
        return self.instance

    @property
    def tally(self) -> Tally:
        """What the request adds up to, as far as it has been judged."""
        return self.judged.tally

    def coverage(self) -> dict[str, int]:
        """How much of the request was judged and attributed."""
        return record.coverage(self.tally)

    def exposed_label(self) -> Label:
        """λ(c) as the request alone gives it (MODEL line 21)."""
        return self.tally.shown

    @property
    def verdict(self) -> str:
        """``allow``, ``edited`` or ``denied``, as far as it is known."""
        if self.code is not None:
            return "denied"
        edited = (
            self.forwarded is not self.request.body and bool(self.tally.edits) and self.enforcing
        )
        answer_edited = self._answering.edited if self._answering else self._answer_edited
        return "edited" if edited or answer_edited else "allow"

    # -- events ------------------------------------------------------------------------------

    def start(self, objection: Objection | None = None) -> list[Command]:
        """The first commands; of a call that its front objects to, the only ones."""
        if objection is not None and objection.code == "firedoor_too_large":
            return self.turn_away(objection)
        self._objection = objection
        if self.claims.virtual:
            return self._look_key()
        if keyed.wants_key(self):
            return self._refuse(keyed.NONE_GIVEN)
        return self._admitted()

    def _admitted(self) -> list[Command]:
        """Whatever key was asked for is given: the head is judged, and the body asked for."""
        if self._objection is not None:
            return self.turn_away(self._objection)
        self._state = _State.BODY
        if self.key is not None:
            refused = keyed.outside(self, self.key)
            if refused is not None:
                return self._refuse(refused)
        if self.enforcing:
            refused = (
                refusing.by_head(self.head, self.named, self.claims, self.endpoint, self.mode)
                or self._operation_refused()
            )
            if refused is not None:
                return self._refuse(refused)
        refused = self.request.read_betas(self.named) or self._hop_refused()
        if refused is not None:
            return self._refuse(refused)
        asked = self.request.ask_for_body()
        return self._refuse(asked) if isinstance(asked, Refused) else [asked]

    def receive(self, event: Event) -> list[Command]:
        """Take one event, give the commands that follow from it."""
        self.at = getattr(event, "at", self.at)
        if self._state is _State.DONE:
            return []
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            return handler(self, event)
        if self._state is not _State.UPSTREAM:
            if isinstance(event, CallerGone):
                # Nothing went upstream: nothing to settle.
                self._state = _State.DONE
                return [Finish(clean=False)]
            raise AssertionError(f"{type(event).__name__} before anything went upstream")
        assert self._answering is not None
        return self._answered(self._answering.receive(event))

    def _operation_refused(self) -> Refused | None:
        ask = refusing.request_ask(self.endpoint, self.who)
        asked = self.engine.request_verdict(self.settings, ask, below=bool(self.endpoint.ids))
        self.judged.gated = asked.gated
        return refusing.by_operation(asked, ask, self.endpoint.name, self.mode)

    def _hop_refused(self) -> Refused | None:
        hops = self.request.hops
        if not hops or not self.enforcing:
            return None
        return refusing.by_hop(self.policy, self.endpoint, self.who, hops, self.judged.rules)

    def went_unrecorded(self) -> None:
        """A commit that was not awaited came to nothing."""
        self.store_down = True
        self.engine.note_unrecorded()
        self.engine.unindexed_run(self.known_instance().run)

    def turn_away(self, objection: Objection) -> list[Command]:
        """Refuse a call of which nothing went upstream, whatever was read of it so far."""
        self.request.forget()
        self.judged.forget()
        return self._refuse(Refused(objection.code, objection.message))

    def give_up(self) -> list[Command]:
        """What follows when the engine itself failed: refused in ``contain``, passed in ``observe``.

        `observe` must not break what it watches; anything stricter must not let an unjudged call by.
        """
        if self.instance is None:
            self.instance = identity.new_instance(self.who, self.call_id, (), "new")
        if self._state is _State.UPSTREAM:
            assert self._answering is not None
            return self._answered(self._answering.give_up())
        # What is not known to be a good key is passed on in no mode.
        watched = not self.enforcing and (self.key is not None or not self.claims.virtual)
        if not watched and self._state is not _State.REFUSE:
            return self.turn_away(_FAILED)
        if not watched:
            return self._store_failed()
        self._read_opaque()
        self.forwarded = self.request.body
        self.store_down = True
        self.engine.note_unrecorded()
        return self._forward()

    # -- the key -------------------------------------------------------------------------------

    def _look_key(self) -> list[Command]:
        refused = keyed.unreadable(self.claims)
        if refused is not None:
            return self._refuse(refused)
        known = self.engine.known_key(self._secret())
        if known is not None:
            return self._key_found(known)
        return self._ask_key()

    def _ask_key(self) -> list[Command]:
        self._state = _State.NEW
        if self.claims.virtual:
            return [LookKey(self.claims.secret)]
        return [LookKey("", self.known_instance().credential)]

    def _secret(self) -> Digest:
        return self.settings.digester("credential\x1f" + self.claims.secret)

    def _key_found(self, found: FoundKey) -> list[Command]:
        if not self.claims.virtual:
            return self._owner_found(found)
        # Newer orders are obeyed where the request is judged: what was read under older ones is
        # read again there.
        self.engine.found_key(self._secret(), found)
        first = self.key is None
        if found.key is not None and first:
            self._bind(found.key)
        refused = keyed.refusal(found, self.at)
        if refused is not None:
            return self._refuse(refused)
        self.key, self.key_orders = found.key, found.orders
        # Asked again while the request is being judged, it goes on where it was.
        return self._admitted() if first else self._look_parts()

    def _owner_found(self, found: FoundKey) -> list[Command]:
        """Bytes came without a key: it is told whether a key was given when their upload began."""
        if found.key is None:
            return self._refuse(keyed.NONE_GIVEN) if self._key_needed else self._look_parts()
        refused = keyed.refusal(found, self.at)
        if refused is not None:
            return self._refuse(refused)
        self.key, self.key_orders = found.key, found.orders
        return self._look_parts()

    @property
    def _key_needed(self) -> bool:
        return self.settings.keys_required and self.caller.front == "sidecar"

    def _bind(self, key: KeyRow) -> None:
        """The call is the key's, even if that is good for nothing any more."""
        engine = self.engine
        self.who = engine.who_under(self.settings, key, self.claims, self.caller)
        self.instance = self.who.instance
        self.request = RequestReader(engine, self.head, self.endpoint, self.who)
        self.judged = Judged(engine, self.request, self.call_id)
        self.judged.people = keyed.speaks_for_people(key)

    # -- the request ---------------------------------------------------------------------------

    def _body_read(self, event: RequestRead) -> list[Command]:
        self.request.body = self.forwarded = event.body
        return self._read()

    def _broken(self, event: RequestBroken) -> list[Command]:
        if event.reason == "gone":
            self._state = _State.DONE
            return [Finish(clean=False)]
        refused = refusing.by_body(event.reason, self.request.body_bytes_max)
        if refused is not None or self.enforcing:
            return self._refuse(refused or refusing.CODED)
        self.request.take_unread(event.body)
        self.forwarded = event.body
        return self._read()

    def _read(self) -> list[Command]:
        if self.claims.provenance:
            self.request.presented = lineage.presented(
                self.claims.provenance, self.settings.proofs, self.at
            )
        if not self.request.opaque:
            refused = self._parse()
            if refused is not None:
                return self._refuse(refused)
        if self.request.opaque:
            self._read_opaque()
        row = self.instance
        known = self.engine.known(row) if row is not None else None
        if row is None or known is None or identifying.seeks_parent(self.engine, self.who, row):
            return self._look_who()
        if known.parents != row.parents:
            self.instance = row._replace(parents=known.parents)
        return self._look_parts()

    def _parse(self) -> Refused | None:
        # What a gate let by once is asked of it again: a release may have ended.
        return self.request.parse(afresh=self.judged.gated) or self._hop_refused()

    def _read_opaque(self) -> None:
        self.judged.forget()
        self.request.read_opaque()

    def _look_who(self) -> list[Command]:
        asked = identifying.question(self.engine, self.who, self.request)
        if asked is None:
            self.instance = identifying.newcomer(self.who, self.call_id, (), self.caller.front)
            return self._look_parts(attempt=self.request.attempt)
        if isinstance(asked, FoundWho):
            return self._identified(asked)
        self._state = _State.WHO
        return [asked]

    def _identified(self, found: FoundWho) -> list[Command]:
        self.instance, second_try = identifying.identified(
            self.engine, self.who, self.request, found, self.call_id, self.caller.front
        )
        self.second_try = self.second_try or second_try
        return self._look_parts()

    def _look_parts(self, attempt: Digest | None = None) -> list[Command]:
        self._scene = None
        trail = self.request.trail
        if trail is not None and not self.request.opaque and trail.run != self.known_instance().run:
            # It begins like a conversation of another run, where these words were judged for that.
            refused = self.request.parse(afresh=True)
            if refused is not None:
                return self._refuse(refused)
        self._state = _State.PARTS
        return [self.judged.look(self.known_instance(), self.at, attempt)]

    def look_for(self, minted: Iterable[Digest]) -> LookParts:
        """Whose are these ids, which the answer tells?"""
        row = self.known_instance()
        return LookParts(
            self.at, row.room, row.run, row.id, row.credential, minted=tuple(dict.fromkeys(minted))
        )

    def _found(self, found: FoundParts) -> list[Command]:
        if self._state is _State.UPSTREAM:
            assert self._answering is not None
            return self._answered(self._answering.receive(found))
        return self._judge(found)

    def _judge(self, found: FoundParts) -> list[Command]:
        if self._scene is not None:
            # Judged already: this tells which tools are used up.
            self.budgeting.learn(found)
            return self._admit(*self._scene)
        request, judged = self.request, self.judged
        if found.attempt is not None:
            self.second_try = True
            self.instance = found.attempt
            self.engine.learn(found.attempt)
            return self._look_parts()
        owner = identifying.uploader(
            self.claims, self.caller, self.endpoint, found, self.settings.digester
        )
        if owner is not None and owner.id != self.known_instance().id:
            self.instance = owner
            self.engine.learn(owner)
            return self._ask_key()
        refused = self._key_refused(owner)
        if refused is not None:
            return self._refuse(refused)
        if self.key_orders is not None and found.orders != self.key_orders:
            self._tries += 1
            if self._tries >= _JUDGED_AGAIN_MAX:
                return self._refuse(keyed.UNASKED)
            return self._ask_key()
        if found.contained:
            return self._refuse(refusing.CONTAINED)
        if found.orders != self.engine.orders:
            # What was decided under older orders is worth nothing: read and judge all of it again.
            self.engine.obey(found.orders)
            if request.trail is not None and not request.opaque:
                refused = self._parse()
                return self._refuse(refused) if refused is not None else self._look_parts()
        if not judged.matched(found, self.known_instance()):
            return self._look_parts()
        channel = self.claims.channel or self.caller.channel
        scene = judged.scene(found, self.known_instance(), channel, self.at)
        self.references.note((*request.new_turns, *request.new_fields.values()), found)
        outcomes = judged.judge(scene)
        refused = judged.refused(outcomes) if self.enforcing else None
        if refused is None and judged.gated:
            refused = judged.held(scene)
        if refused is not None:
            return self._refuse(refused)
        self._scene = scene, outcomes
        # What may be done depends on what is shown, so it is asked after that is known.
        asked = self.budgeting.look(found)
        return [asked] if asked is not None else self._admit(scene, outcomes)

    def _admit(self, scene: Scene, outcomes: Outcomes) -> list[Command]:
        """Ask for the commit that lets the call go."""
        refused = self.budgeting.unpriced() or self.budgeting.refused_by_ceiling()
        if refused is not None:
            return self._refuse(refused)
        self.run_committed = join(scene.run_label, self.tally.presented)
        return self._ask_for_commit(scene, outcomes)

    def _ask_for_commit(self, scene: Scene, outcomes: Outcomes) -> list[Command]:
        commit = opening.commit(self, scene, outcomes)
        self.forwarded = self._edited() if self.enforcing else self.request.body
        self._state = _State.COMMIT
        return [commit]

    def _key_refused(self, owner: InstanceRow | None) -> Refused | None:
        """The refusal of a request for its key, now that it is read."""
        if self.key is not None:
            return keyed.ended(self.key, self.at) or keyed.beyond(self, self.key)
        return keyed.NONE_GIVEN if self._key_needed and owner is None else None

    def _edited(self) -> bytes | SpooledBody:
        """The body as it goes on: without what is withheld, and asking for the usage of a stream."""
        request, edits, surface = self.request, self.tally.edits, wire.wire_for(self.endpoint)
        body, params = request.body, request.params
        edits += tuple(wire.Edit(pointer, None) for pointer in self.budgeting.withdrawn())
        if edits:
            assert isinstance(body, bytes), "nothing in a form can be edited"
            gone = list(dict.fromkeys(e.pointer for e in edits if e.text is None))
            along = surface.goes_along(request.fields, gone) if gone else []
            body = wire.edit(body, (*edits, *along))
        unasked = surface.stream_unasked is not None and params.stream and not params.include_usage
        if unasked and isinstance(body, bytes) and not request.opaque:
            self.asked_usage = True
            body = wire.asking_usage(body, request.fields)
        return self.budgeting.edited(body) if isinstance(body, bytes) else body

    def _committed(self, event: Committed | Stale | Exhausted | StoreFailed) -> list[Command]:
        if self._state is _State.UPSTREAM:
            assert self._answering is not None
            return self._answered(self._answering.receive(event))
        if self._state is _State.REFUSE:
            return self._send_refusal()
        if isinstance(event, Exhausted):
            if self._scene is not None and self.budgeting.shrink(event):
                return self._ask_for_commit(*self._scene)
            return self._refuse(self.budgeting.refusal(event))
        if self._state is _State.NEW:
            # The key could not be looked up, and without it the call is nobody's.
            return self._refuse(keyed.UNASKED)
        if isinstance(event, Stale):
            self._tries += 1
            if self._tries < _JUDGED_AGAIN_MAX:
                return self._look_parts()
            event = StoreFailed("orders kept changing")
        if isinstance(event, StoreFailed):
            return self._store_failed()
        self.engine.has_stored(self.known_instance())
        self.entry_index = event.index
        self.budgeting.held(event)
        return self._forward()

    def _store_failed(self) -> list[Command]:
        if self.enforcing:
            self._refusal = self._refusal_for(
                "firedoor_unavailable",
                "The door cannot write its ledger, so nothing passes until it can.",
                None,
            )
            self.code = "firedoor_unavailable"
            return self._send_refusal()
        # `observe` must not break what it watches: the call goes on, and says so.
        self.store_down = True
        self.engine.note_unrecorded()
        if self.instance is None:
            self.instance = identity.new_instance(self.who, self.call_id, (), "new")
        return self._forward()

    def _forward(self) -> list[Command]:
        self._state = _State.UPSTREAM
        request, judged = self.request, self.judged
        if judged.matching is not None:
            judged.matching.seen(self.engine.weak, self.known_instance().id)
        if not request.opaque and not self.store_down:
            request.keep(self.call_id, self.known_instance().run, judged.field_outcomes)
            chains = request.chains()
            if chains and request.attempt is not None:
                self.engine.went_on(self.who.credential, chains[0], request.attempt)
            if request.attempt is not None and self.who.instance is None:
                self.engine.attempting(self.who.credential, request.attempt, self.known_instance())
        self._answering = Answering(self)
        self._scene = None
        query, headers = keyed.left_of(self)
        return [
            Forward(
                upstream=self.endpoint.upstream,
                method=self.head.method,
                path=self.head.path,
                query=query,
                headers=headers,
                body=self.forwarded,
            )
        ]

    # -- refusals ----------------------------------------------------------------------------

    def _refusal_for(
        self, code: str, message: str, param: str | None, retry_after_s: int | None = None
    ) -> wire.Refusal:
        return wire.refusal(
            code,
            message,
            self.call_id,
            param=param,
            headers=self.answer_headers(refusal=True),
            retry_after_s=retry_after_s,
        )

    def _refuse(self, refused: Refused) -> list[Command]:
        """Write the refusal down, then send it."""
        self.code = refused.code
        self._state = _State.REFUSE
        if refused.rule is not None:
            self.judged.rules[refused.rule] = None
        if self.instance is None:
            self.instance = identity.new_instance(self.who, self.call_id, (), "new")
        self._refusal = self._refusal_for(
            refused.code, refused.message, refused.param, refused.retry_after_s
        )
        return [opening.refusal(self, refused)]

    def _send_refusal(self) -> list[Command]:
        refusal = self._refusal
        assert refusal is not None
        self._state = _State.DONE
        self._ended = (refusal.status, None)
        return [SendHead(refusal.status, refusal.headers), SendBytes(refusal.body), Finish()]

    # -- the answer ----------------------------------------------------------------------------

    def answer_headers(self, *, refusal: bool = False) -> Headers:
        """firedoor's own response headers, as far as the policy lets them out."""
        return own_headers(self, refusal=refusal)

    def _answered(self, commands: list[Command]) -> list[Command]:
        if commands and isinstance(commands[-1], Finish):
            self._state = _State.DONE
            assert self._answering is not None
            self._ended = (self._answering.status, self._answering.answer)
            # The two halves hold each other: let go, so that a call's memory is free at its end.
            self._answer_edited = self._answering.edited
            self._answering = None
        return commands

    @property
    def ended(self) -> bool:
        """Whether the exchange came to its end."""
        return self._ended is not None

    @property
    def summary(self) -> ExchangeSummary | None:
        """What telemetry is told; None before the end. Made when somebody asks."""
        if self._summary is None and self._ended is not None:
            self._summary = summarised(self, *self._ended)
        return self._summary

    # What an exchange itself takes; the rest is the answer's. Looked up by type: a call has seven
    # events, and a chain of comparisons costs more than some of them.
    _HANDLERS: ClassVar[dict[type, Callable[["Exchange", Any], list[Command]]]] = {
        RequestRead: _body_read,
        RequestBroken: _broken,
        FoundKey: _key_found,
        FoundWho: _identified,
        FoundParts: _found,
        Committed: _committed,
        Stale: _committed,
        Exhausted: _committed,
        StoreFailed: _committed,
    }


__all__ = ["Exchange", "ExchangeSummary"]

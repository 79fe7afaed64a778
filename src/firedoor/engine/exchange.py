"""One request on its road to the provider: events in, commands out.

    start ─▶ ReadBody ─▶ RequestRead ─▶ [LookWho ─▶ FoundWho] ─▶ LookParts ─▶ FoundParts
          ─▶ Commit (entry, holds, exposures) ─▶ Committed ─▶ Forward ─▶ see ``answering``

It orders, it does not judge: what a string is, the wire says; whose call it is, identity; what a
label is, lineage; what may pass, policy; how far, budget. A commit that comes back `Stale` goes
back to LookParts, and everything is judged again. Whatever goes wrong before Forward ends in a
refusal, and in ``contain`` no upstream call starts without a durable entry.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum, auto
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from firedoor import budget, identity, wire
from firedoor.engine import explain, training
from firedoor.engine.answering import Answering
from firedoor.engine.commands import (
    Command,
    Finish,
    Forward,
    ReadBody,
    SendBytes,
    SendHead,
)
from firedoor.engine.events import (
    CallerGone,
    Event,
    RequestBroken,
    RequestRead,
)
from firedoor.engine.judge import (
    Outcome,
    Places,
    Scene,
    exposures_of,
    judge_section,
    places_of,
    section_passages,
    words_outcome,
)
from firedoor.engine.port import (
    CallRow,
    Commit,
    Committed,
    EntryDraft,
    FoundParts,
    FoundWho,
    LookParts,
    LookWho,
    Stale,
    StoreFailed,
)
from firedoor.engine.trail import Mark, Tally, Trail
from firedoor.engine.training import Line, Review
from firedoor.engine.upload import Upload, file_digest
from firedoor.lineage import Passages
from firedoor.policy import hop_verdict
from firedoor.types.exchange import (
    Caller,
    Mode,
    Objection,
    Params,
    RequestHead,
    SpooledBody,
    Surface,
)
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId
from firedoor.types.label import BOTTOM, Label, join, up
from firedoor.types.part import Answer, CallClaim, Channel, Kind, Part, Reading, Role
from firedoor.types.record import FileRow, InstanceRow, MintedRow, QuarantineRow, RunRow
from firedoor.types.verdict import Action, RequestAsk
from firedoor.wire.form import FormFile, boundary_of, is_multipart

if TYPE_CHECKING:
    from firedoor.engine.engine import Engine

_FILE_CHARS_KEPT_MAX: Final = 1 << 20
_JUDGED_AGAIN_MAX: Final = 8
"""Stale commits in a row before the call is given up: each one means that an order was given."""


_FAILED: Final = Objection(
    "firedoor_unavailable", "The door failed on this call, so it did not pass."
)
_PARENTS_MAX: Final = 16
"""Parents of one instance that headers may name: a claim beyond them counts for nothing."""
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


class ExchangeSummary(NamedTuple):
    """What telemetry is told of a call. Ids, counts and names; never content."""

    call: CallId
    surface: Surface
    endpoint: str
    model: str | None
    stream: bool
    instance: str
    instance_id: str
    compartment: str
    run: str
    verdict: str
    code: str | None
    rules: tuple[str, ...]
    generation: int | None
    exposures: int
    policy: str
    mode: str
    status: int | None
    answer_id: str | None
    answer_model: str | None
    finish: tuple[str, ...]
    input_tokens: int | None
    output_tokens: int | None
    started_at: float
    ended_at: float
    quarantined: tuple[str, ...]


class Section(NamedTuple):
    """A turn or a field of a request, as it was read."""

    pointer: str
    reading: Reading
    passages: list[Passages]
    """Digests by part, as lineage wants them."""
    outcome: Outcome | None = None
    """What judging it comes to, where that depends on nothing else."""
    lines: tuple[FormFile, list[Line]] | None = None
    """A file that waits for a person if instances wrote any of these lines."""
    calls: Mapping[str, CallClaim] = {}
    """The tool calls claimed up to here: by an id that is used again, a later turn means another."""


class Exchange:
    """One call. Fed by one front, one event at a time."""

    def __init__(
        self, engine: "Engine", head: RequestHead, caller: Caller, call_id: CallId, at: float
    ) -> None:
        self.engine = engine
        self.settings = engine.settings
        self.policy = engine.settings.policy
        self.policy_digest = self.policy.digest
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
        self.who = engine.who(self.settings, self.claims, caller)
        self.instance: InstanceRow | None = self.who.instance
        self.params = Params()
        self.tally = Tally()
        self.run_label = BOTTOM
        self.run_committed = BOTTOM
        """ρ as the commit before upstream left it."""
        self.code: str | None = None
        self.rules: dict[str, None] = {}
        self.quarantined: dict[str, None] = {}
        self.body: bytes | SpooledBody = b""
        self.calls: dict[str, CallClaim] = {}
        self.digests: set[Digest] = set()
        self.chain = identity.EMPTY_CHAIN
        self.attempt: Digest | None = None
        self.forwarded: bytes | SpooledBody = b""
        self.second_try = False
        """Whether an equal request was tried before and had no answer."""
        self.store_down = False
        """Whether an ``observe`` call went on without its entry."""

        self._state = _State.NEW
        self._opaque = not self.endpoint.known
        self._coded = False
        """Whether the body goes on in a content coding that the door does not read."""
        self._refusal: wire.Refusal | None = None
        self._tries = 0
        self._trail: Trail | None = None
        self._common = 0
        self._turns: list[object] = []
        self._fields: dict[str, object] = {}
        self._new_turns: list[Section] = []
        self._new_fields: dict[str, Section] = {}
        self._marks: list[Mark] = []
        self._field_outcomes: dict[str, tuple[CallId, Outcome]] = {}
        self._roles_chains: list[tuple[Role, Digest]] = []
        self._answer_chains: tuple[Digest, ...] | None = None
        self._answering: Answering | None = None
        self._answer_edited = False
        self._unknown: str | None = None
        self._hops: list[tuple[str, str]] = []
        """(name, place) of what makes this call hold more instances than the wire shows."""
        self._upload: Upload | None = None
        self._gated = False
        """Whether what instances wrote, in the files that this request names, waits for a person."""
        self._reviews: dict[str, tuple[Review, list[dict[str, Any]]]] = {}
        self._body_bytes_max = self.settings.body_bytes_max
        self.referred: dict[Digest, MintedRow | None] = {}
        """The ids that this request names, and whose they are, where that is known."""
        self.written: dict[Digest, MintedRow] = {}
        """Those of them that the call writes into."""
        self.retold: tuple[MintedRow, InstanceRow] | None = None
        """What the answer tells anew rather than for the first time, and whose words it is."""

    # -- what the rest of the engine asks of a call ----------------------------------------------

    def known_instance(self) -> InstanceRow:
        """The instance, once identified."""
        assert self.instance is not None
        return self.instance

    @property
    def verdict(self) -> str:
        """``allow``, ``edited`` or ``denied``, as far as it is known."""
        if self.code is not None:
            return "denied"
        edited = self.forwarded is not self.body and bool(self.tally.edits) and self.enforcing
        answer_edited = self._answering.edited if self._answering else self._answer_edited
        return "edited" if edited or answer_edited else "allow"

    # -- events ------------------------------------------------------------------------------

    def start(self, objection: Objection | None = None) -> list[Command]:
        """The first commands; of a call that its front objects to, the only ones."""
        if objection is not None:
            return self.turn_away(objection)
        self._state = _State.BODY
        if self.enforcing and b"upgrade" in self.named:
            return self._refuse(
                "firedoor_unknown_surface",
                "Protocol upgrades do not pass this door: nothing inside them could be judged.",
                param="upgrade",
            )
        rerouting = sorted(wire.REROUTING & self.named) if self.enforcing else []
        if rerouting:
            return self._refuse(
                "firedoor_unknown_surface",
                "A header of this request names another method or path than the one that was "
                "judged.",
                param=rerouting[0].decode(),
            )
        if self.enforcing and self.claims.ambiguous:
            return self._refuse(
                "firedoor_malformed",
                "The head and the query hold credentials that differ; send one.",
                param="?" + identity.QUERY_CREDENTIAL,
            )
        if self.enforcing and not self.endpoint.known:
            return self._refuse(
                "firedoor_unknown_surface",
                f"This door does not know {self.head.method} on this path, so it does not pass it "
                f"in {self.mode} mode.",
            )
        if self.enforcing:
            refusal = self._request_refused()
            if refusal is not None:
                return refusal
        refusal = self._betas_refused()
        if refusal is not None:
            return refusal
        return self._read_body()

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

    def _request_ask(self, hop: str | None = None) -> RequestAsk:
        endpoint, row, base = self.endpoint, self.who.instance, self.who.base
        return RequestAsk(
            endpoint=f"{endpoint.provider}:{endpoint.name}",
            family=endpoint.family,
            act=endpoint.act,
            surface=endpoint.surface,
            instance=row.name if row is not None else None,
            compartment=base.name if base is not None else None,
            hop=hop,
        )

    def _request_refused(self) -> list[Command] | None:
        """The refusal of an operation that the policy does not let through, by its name."""
        endpoint, ask = self.endpoint, self._request_ask()
        verdict, why, self._gated = self.engine.request_verdict(
            self.settings, ask, below=bool(endpoint.ids)
        )
        if verdict.action is Action.ALLOW:
            return None
        return self._refuse(
            "firedoor_denied",
            f"{endpoint.name} does not pass this door in {self.mode} mode: {why}. A rule that "
            f"matches endpoint {ask.endpoint!r} can let it through.",
            param=ask.endpoint,
            rule=verdict.rule,
        )

    def _betas_refused(self) -> list[Command] | None:
        """The refusal of a header that asks for what no row names, or opens a hop."""
        for header in wire.BETA_HEADERS:
            for value in _listed(self.head, header) if header in self.named else ():
                beta = wire.beta_of(header.decode(), value)
                if beta is None and self.enforcing:
                    told = "a value" if wire.is_wordy(value, wire.WORD_CHARS_MAX) else repr(value)
                    return self._refuse(
                        "firedoor_unknown_surface",
                        f"This door does not know {told} of {header.decode()}, so it does not pass "
                        f"it in {self.mode} mode.",
                        param=header.decode(),
                    )
                if beta is None:
                    self._unknown = self._unknown or header.decode()
                elif beta.hop is not None and beta.home != self.endpoint.family:
                    self._hops.append((beta.hop, header.decode()))
        return self._hop_refused()

    def _hop_refused(self) -> list[Command] | None:
        """The refusal of the first hop that no rule of the file lets through."""
        for hop, place in self._hops if self.enforcing else ():
            verdict = hop_verdict(self.policy, self._request_ask(hop))
            if verdict.action is not Action.ALLOW:
                return self._refuse(
                    "firedoor_denied",
                    f"{place} opens a hop of the kind {hop!r}: {wire.HOPS[hop]}. In {self.mode} "
                    f"mode only a rule that matches hop {hop!r} can let it through.",
                    param=place,
                    rule=verdict.rule,
                )
            if verdict.rule is not None:
                self.rules[verdict.rule] = None
        return None

    def went_unrecorded(self) -> None:
        """A commit that was not awaited came to nothing."""
        self.store_down = True
        self.engine.note_unrecorded()
        self.engine.unindexed_run(self.known_instance().run)

    def turn_away(self, objection: Objection) -> list[Command]:
        """Refuse a call of which nothing went upstream, whatever was read of it so far."""
        self._forget()
        return self._refuse(objection.code, objection.message)

    def give_up(self) -> list[Command]:
        """What follows when the engine itself failed: refused in ``contain``, passed in ``observe``.

        `observe` must not break what it watches; anything stricter must not let an unjudged call by.
        """
        if self.instance is None:
            self.instance = identity.new_instance(self.who, self.call_id, (), "new")
        if self._state is _State.UPSTREAM:
            assert self._answering is not None
            return self._answered(self._answering.give_up())
        if self.enforcing and self._state is not _State.REFUSE:
            return self.turn_away(_FAILED)
        if self.enforcing:
            return self._store_failed()
        self._read_opaque()
        self.forwarded = self.body
        self.store_down = True
        self.engine.note_unrecorded()
        return self._forward()

    # -- reading -----------------------------------------------------------------------------

    def _read_body(self) -> list[Command]:
        """Ask for the body: in memory, or past a reader where it is a form."""
        kind = _content_type(self.head)
        shape = wire.form_shape(self.endpoint)
        form = is_multipart(kind) and (shape is not None or not self.enforcing)
        if not form or kind is None:
            return [ReadBody(self._body_bytes_max)]
        self._body_bytes_max = self.settings.upload_bytes_max
        try:
            if shape is not None:
                raw = b"".join(v for n, v in self.head.headers if n == b"content-type")
                settings = self.settings
                self._upload = Upload(boundary_of(raw), shape, settings.limits, settings.digester)
        except wire.Malformed as problem:
            if self.enforcing:
                return self._refuse(problem.code, problem.message, param=problem.pointer)
        self._opaque = self._opaque or self._upload is None
        return [ReadBody(self._body_bytes_max, self._upload, spool=True)]

    def _broken(self, event: RequestBroken) -> list[Command]:
        reason = event.reason
        if reason == "too_large":
            limit = self._body_bytes_max
            return self._refuse(
                "firedoor_too_large", f"The request body is larger than {limit} bytes."
            )
        if reason == "gone":
            self._state = _State.DONE
            return [Finish(clean=False)]
        if reason == "disk":
            return self._refuse(
                "firedoor_unavailable", "The door has no room on disk for a body of this size."
            )
        if not self.enforcing:
            self.body = self.forwarded = event.body
            self._opaque = self._coded = True
            return self._read()
        return self._refuse(
            "firedoor_malformed",
            "The content coding of the request body is unknown, broken or expands too far; "
            "send it uncompressed.",
        )

    def _read(self) -> list[Command]:
        if not self._opaque:
            refusal = self._parse()
            if refusal is not None:
                return refusal
        if self._opaque:
            self._read_opaque()
        row = self.instance
        known = self.engine.known(row) if row is not None else None
        if row is None or known is None or self._seeks_parent(row):
            return self._look_who()
        if known.parents != row.parents:
            self.instance = row._replace(parents=known.parents)
        return self._look_parts()

    def _forget(self) -> None:
        """Nothing of the request counts as read."""
        self._trail, self._common = None, 0
        self._turns, self._fields, self._new_turns, self._new_fields = [], {}, [], {}
        self._marks, self._roles_chains = [], []
        self._field_outcomes, self.tally = {}, Tally()

    def _read_opaque(self) -> None:
        """What cannot be read is one opaque part, so that coverage shows it."""
        self._forget()
        if self.body:
            part = Part("", "", Kind.OPAQUE, Role.NONE, Channel.TOOL, editable=False)
            self._new_fields = {"": self._section("", Reading((part,)))}

    def _parse(self) -> list[Command] | None:
        kind = _content_type(self.head)
        json = self._upload is None
        if self.enforcing and json and self.body and kind is not None and not _is_json(kind):
            return self._refuse(
                "firedoor_malformed",
                "This endpoint takes application/json in UTF-8; a body under another name could be "
                "read in another way than it was judged.",
                param="content-type",
            )
        surface = wire.wire_for(self.endpoint)
        engine = self.engine
        self._new_turns, self._new_fields = [], {}
        try:
            document = self._document()
            sections = surface.sections(document)
            self.params = self._with_model(surface.params(document))
            self._turns, self._fields = sections.turns, sections.fields
            found = None
            if not self._gated:
                # What a gate let by once is asked of it again: a release may have ended.
                found = engine.memory.best(self._memory_key(), self._epoch(), self._turns)
            self._trail, self._common = found if found is not None else (None, 0)
            trail, common = self._trail, self._common
            digester = self.settings.digester
            if trail is not None:
                self.calls = trail.calls
                self.chain = trail.marks[common - 1].chain if common else identity.EMPTY_CHAIN
                self._marks = trail.marks[:common]
                if common and common == len(trail.turns):
                    self.digests = trail.digests
                else:
                    # Another conversation, or a fork of this one: only what is shared was held,
                    # and claimed.
                    self.digests = {d for mark in self._marks for d in mark.digests}
                    self.calls = {}
                    self._claim(claim for mark in self._marks for claim in mark.calls)
            else:
                self.calls, self.chain, self._marks, self.digests = (
                    {},
                    identity.EMPTY_CHAIN,
                    [],
                    set(),
                )
            self._roles_chains = [(m.role, m.chain) for m in self._marks[-8:]]
            self._answer_chains = None
            new = self._turns[common:]
            for index, value in enumerate(new, start=common):
                wire.check(value, self.settings.limits, 2)
                pointer = self._turn_pointer(sections.turns_pointer, index)
                self._new_turns.append(self._section(pointer, surface.read_turn(pointer, value)))
            for name, value in self._fields.items():
                if trail is not None and trail.holds(name, value):
                    self.digests.update(trail.field_outcomes[name][1].digests)
                    continue
                self._new_fields[name] = self._field(surface, name, value)
        except wire.Malformed as problem:
            if not self.enforcing:
                self._opaque = True
                return None
            return self._refuse(problem.code, problem.message, param=problem.pointer)
        if self._upload is not None:
            for file, lines in self._upload.lines().items():
                name = file.pointer + "#lines"
                self._new_fields[name] = Section(name, Reading(()), [], None, (file, lines))
            for pointer, reading in self._upload.readings().items():
                self._new_fields[pointer] = self._section(pointer, reading)
        if self.endpoint.ids:
            self._new_fields[":"] = self._path()
        if self.head.query:
            self._new_fields["?"] = self._query()
        for section in (*self._new_turns, *self._new_fields.values()):
            self._hops += section.reading.hops
            if section.reading.unknown and self._unknown is None:
                self._unknown = section.reading.unknown[0]
        for section in self._new_turns:
            turn = section.reading.turn
            self.chain = identity.extend(self.chain, turn, digester)
            self._roles_chains.append((turn.role if turn else Role.NONE, self.chain))
        words = [self.endpoint.surface, self.params.model or "", str(self.params.stream)]
        if not self._turns:
            words += [p.text for s in self._new_fields.values() for p in s.reading.parts]
        if self._upload is not None:
            words += [file.sha256.hex() for file in self._upload.form().files]
        self.attempt = identity.attempt_of(self.chain, words, digester)
        if self._unknown is not None and self.enforcing:
            return self._refuse(
                "firedoor_unknown_surface",
                f"This door does not know what stands at {self._unknown}, so it does not pass it "
                f"in {self.mode} mode.",
                param=self._unknown,
            )
        return self._hop_refused()

    def _with_model(self, params: Params) -> Params:
        """Gemini names the model in the path."""
        if params.model is not None:
            return params
        return params._replace(model=dict(self.endpoint.ids).get("model"))

    def _document(self) -> Any:
        """The body as a value: JSON, or the fields of a form.

        Raises:
            Malformed: It is neither, or can be read in more than one way.
        """
        if self._upload is not None:
            form = self._upload.form()
            if form.unknown:
                self._unknown = self._unknown or form.unknown[0]
            return form.fields
        assert isinstance(self.body, bytes)
        return wire.parse(self.body) if self.body or self.endpoint.needs_body else {}

    def _turn_pointer(self, base: str, index: int) -> str:
        # A plain string in place of a list is one turn, at the field itself.
        if isinstance(self._turns[index], str) and len(self._turns) == 1:
            return base
        return f"{base}/{index}"

    def _field(self, surface: wire.SurfaceWire, name: str, value: object) -> Section:
        def read() -> Section:
            wire.check(value, self.settings.limits, 1)
            reading = surface.read_field(name, value)
            if self._upload is not None:
                # Nothing in a form can be replaced: its bytes are not held.
                parts = tuple(part._replace(editable=False) for part in reading.parts)
                reading = reading._replace(parts=parts)
            return self._section("/" + name, reading)

        size = len(value) if isinstance(value, str) else 0
        if size > wire.WORD_CHARS_MAX or isinstance(value, dict | list):
            return read()
        # True and 1 are equal in Python, and stand for different fields.
        key = (surface.surface, name, type(value), value)
        return self.engine.plain_section(key, read)

    def _claim(self, claims: Iterable[CallClaim]) -> None:
        """Take note of the tool calls that turns claim."""
        for claim in claims:
            known = self.calls.get(claim.id)
            if known is not None and known != claim:
                # The turns before this one go on meaning the earlier call.
                self.calls = {**self.calls, claim.id: claim}
            else:
                self.calls[claim.id] = claim

    def _section(self, pointer: str, reading: Reading) -> Section:
        self._claim(reading.calls)
        plain = reading.turn is None and not reading.calls and not reading.unknown
        outcome = words_outcome(reading.parts) if plain else None
        passages = section_passages(reading.parts, self.settings.digester)
        return Section(pointer, reading, passages, outcome, None, self.calls)

    def _path(self) -> Section:
        """The ids in the path: whose they are is asked like that of any other reference."""
        parts = []
        for name, value in self.endpoint.ids:
            resource = wire.resource_of(name)
            kind = Kind.REFERENCE if resource is not None else Kind.WORD
            parts.append(
                Part(
                    ":" + name, value, kind, Role.NONE, Channel.STATE, resource=resource,
                    editable=False,
                )
            )  # fmt: skip
        return self._section(":", Reading(tuple(parts)))

    def _query(self) -> Section:
        parts = []
        for field in self.head.query.split("&"):
            name, _, value = field.partition("=")
            if name == identity.QUERY_CREDENTIAL:
                value = ""
            kind = Kind.WORD if len(value) <= 64 and len(name) <= 64 else Kind.TEXT
            parts.append(
                Part("?" + name, value or name, kind, Role.NONE, Channel.TOOL, editable=False)
            )
        return self._section("?", Reading(tuple(parts)))

    def _chains(self) -> tuple[Digest, ...]:
        """Where answers may have ended in this history, longest first."""
        if self._answer_chains is None:
            self._answer_chains = identity.chains_at_answers(self._roles_chains)
        return self._answer_chains

    def _memory_key(self) -> str:
        if self.who.instance is not None:
            return f"{self.endpoint.surface}:{self.who.instance.id}"
        base = self.who.base.room if self.who.base is not None else ""
        return f"{self.endpoint.surface}:{self.who.credential}:{base}"

    def _epoch(self) -> tuple[str, int]:
        return (self.policy_digest, self.engine.orders)

    # -- identity ----------------------------------------------------------------------------

    def _seeks_parent(self, row: InstanceRow) -> bool:
        """Whether the parent that a header names is still to be found."""
        name = self.who.parent_name
        return name is not None and not self.engine.is_child(row, name)

    def _look_who(self) -> list[Command]:
        chains = self._chains()
        if self.who.instance is None and chains:
            remembered = self.engine.remembered_answer(self.who.credential, chains[0])
            if remembered is not None and not self._seeks_parent(remembered[1]):
                return self._identified(FoundWho(turns=(remembered,)))
        if self.who.instance is None and not chains:
            remembered_attempt = self.engine.remembered_attempt(self.who.credential, self.attempt)
            if remembered_attempt is not None and not self._seeks_parent(remembered_attempt):
                return self._identified(FoundWho(attempt=remembered_attempt))
        instance = self.who.instance
        assistant = [
            digest
            for section in self._new_turns
            if section.reading.turn is not None and section.reading.turn.role is Role.ASSISTANT
            for passages in section.passages
            for digest in passages.digests
        ]
        parent = self.who.parent_name
        if instance is None and parent is None and not chains and not assistant:
            # It begins a conversation, so it is somebody new, unless it is somebody's second try.
            self.instance = self._newcomer(())
            return self._look_parts(attempt=self.attempt)
        self._state = _State.WHO
        stands_in = instance or self.who.base
        return [
            LookWho(
                credential=self.who.credential,
                instance=instance.id if instance is not None else None,
                name=instance.name if instance is not None else None,
                parent=parent,
                room=stands_in.room if stands_in is not None else None,
                chains=chains if instance is None else (),
                attempt=self.attempt if instance is None else None,
                passages=tuple(assistant[:256]) if instance is None else (),
            )
        ]

    def _identified(self, found: FoundWho) -> list[Command]:
        who, call = self.who, self.call_id
        if who.instance is not None:
            row = who.instance
            if found.instance is not None:
                row = row._replace(parents=found.instance.parents or row.parents)
            elif found.namesake is not None and found.namesake.id != row.id:
                row = row._replace(parents=(*row.parents, found.namesake.id))
        elif found.attempt is not None:
            self.second_try = True
            row = found.attempt
        elif found.turns:
            turn, origin = found.turns[0]
            row = origin
            if turn.next_attempt is not None and turn.next_attempt != self.attempt:
                row = identity.fork_of(origin, call)
            elif row.identity != "prefix":
                row = row._replace(identity="prefix")
        else:
            parents: tuple[InstanceId, ...] = tuple(
                dict.fromkeys(emitter.id for emitter in found.emitters)
            )
            row = self._newcomer(parents)
        row = self._adopted(row, found.parent)
        self.instance = row
        self.engine.learn(row)
        return self._look_parts()

    def _adopted(self, row: InstanceRow, parent: InstanceRow | None) -> InstanceRow:
        """``row`` with the parent that a header names. It is for people: no label hangs on it, since
        whoever leaves the header out must not get a milder verdict than who sends it (I1)."""
        name = self.who.parent_name
        if parent is None or name is None or parent.id == row.id:
            return row
        if parent.id not in row.parents:
            if len(row.parents) >= _PARENTS_MAX:
                return row
            row = row._replace(parents=(*row.parents, parent.id))
        self.engine.adopted(row, name)
        return row

    def _newcomer(self, parents: tuple[InstanceId, ...]) -> InstanceRow:
        in_process = self.caller.front == "transport"
        kind = "process" if in_process else "new"
        return identity.new_instance(self.who, self.call_id, parents, kind)

    # -- lineage -----------------------------------------------------------------------------

    def _look_parts(self, attempt: Digest | None = None) -> list[Command]:
        self._state = _State.PARTS
        row = self.known_instance()
        passages: dict[Digest, None] = {}
        minted: dict[Digest, None] = {}
        places: dict[Any, None] = {}
        digester = self.settings.digester
        for section in (*self._new_turns, *self._new_fields.values()):
            if section.outcome is not None:
                continue
            for part, found in zip(section.reading.parts, section.passages, strict=False):
                passages.update(dict.fromkeys(found.digests))
                if part.kind is Kind.REFERENCE:
                    minted[digester(f"id\x1f{part.text}")] = None
            where = Places(self.settings, section.calls, self.engine.attested)
            places.update(dict.fromkeys(places_of(where, section.reading.parts, section.passages)))
            if section.lines is not None:
                passages.update(dict.fromkeys(d for x in section.lines[1] for d in x.digests))
        if self._gated:
            passages.update(dict.fromkeys(self._gate().names()))
        return [
            LookParts(
                at=self.at,
                room=row.room,
                run=row.run,
                instance=row.id,
                credential=row.credential,
                passages=tuple(passages),
                places=tuple(places),
                minted=tuple(minted),
                reach_window_s=self.policy.reach_window_s,
                attempt=attempt,
            )
        ]

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
        if found.attempt is not None:
            self.second_try = True
            self.instance = found.attempt
            self.engine.learn(found.attempt)
            return self._look_parts()
        if found.contained:
            return self._refuse(
                "firedoor_contained",
                "This instance, its room or its key is contained: its calls are refused until a "
                "person lifts that.",
            )
        if found.orders != self.engine.orders:
            # What was decided under older orders is worth nothing: read and judge all of it again.
            self.engine.obey(found.orders)
            if self._trail is not None and not self._opaque:
                refusal = self._parse()
                return refusal if refusal is not None else self._look_parts()
        row = self.known_instance()
        scene = self._scene(found, row)
        self._refer(found)
        outcomes = self._judge_sections(scene)
        problem = self._problem(outcomes)
        if problem is not None:
            code, message, pointer, rule = problem
            return self._refuse(code, message, param=pointer, rule=rule)
        if self._gated:
            refusal = self._held(scene)
            if refusal is not None:
                return refusal
        edits = self.tally.edits
        if edits and self.enforcing:
            assert isinstance(self.body, bytes), "nothing in a form can be edited"
            gone = [e.pointer for e in edits if e.text is None]
            along = wire.wire_for(self.endpoint).goes_along(self._fields, gone) if gone else []
            self.forwarded = wire.edit(self.body, (*edits, *along))
        return self._open(scene, outcomes)

    # -- the training gate ---------------------------------------------------------------------

    def _gate(self) -> training.Gate:
        return training.Gate(
            self.endpoint.family,
            [part for section in self._new_fields.values() for part in section.reading.parts],
            self._fields,
            self.settings.digester,
        )

    def _held(self, scene: Scene) -> list[Command] | None:
        """The refusal of a request that would use what waits for a person."""
        data = self._new_fields.get("data_source")
        holds = self._gate().holds(scene, data.passages if data is not None else ())
        if not holds:
            return None
        items = {item.id: item for item in (training.quarantined(scene, h) for h in holds)}
        self.quarantined.update(dict.fromkeys(items))
        first, others = next(iter(items)), len(items) - 1
        more = f" and {others} more" if others else ""
        return self._refuse(
            "firedoor_denied",
            f"{self.endpoint.name} names text that instances wrote, or that nobody read: a person "
            f"has to release quarantine item {first}{more} first.",
            param=holds[0].pointer,
            rule=training.RULE,
            quarantine=tuple(items.values()),
        )

    def files_made(self, answer: Answer) -> tuple[FileRow, ...]:
        """The rows of files that an answer says were made, by which a later use is judged."""
        if answer.id is None or answer.error is not None:
            return ()
        digester = self.settings.digester
        return tuple(
            FileRow(
                id=digester(f"id\x1f{answer.id}"),
                digest=file_digest(section.lines[0], digester),
                purpose=str(self._fields.get("purpose")),
                lines=section.lines[0].lines,
                call=self.call_id,
                holds=self._reviews[section.pointer][0].holds,
            )
            for section in self._new_fields.values()
            if section.lines is not None and section.pointer in self._reviews
        )

    def _review(self, scene: Scene, section: Section) -> Outcome:
        assert section.lines is not None
        file, lines = section.lines
        digest = file_digest(file, self.settings.digester)
        whole = file.whole and file.has_text
        use = training.BATCH if self._fields.get("purpose") == "batch" else training.TRAINING
        found = training.review(scene, digest, file.pointer, lines, use=use, whole=whole)
        self._reviews[section.pointer] = found, training.told(found.holds, scene)
        return found.outcome

    def _scene(self, found: FoundParts, row: InstanceRow) -> Scene:
        run_label = found.run.label
        child_room = row.room
        for parent in found.run_parents:
            run_label = join(run_label, up(parent.label, parent.room, child_room))
        if row.run in self.engine.unindexed:
            run_label = self.engine.unindexed[row.run]
        self.run_label = run_label
        return Scene(
            settings=self.settings,
            surface=self.endpoint.surface,
            instance=row,
            found=found,
            run_label=run_label,
            call_id=self.call_id,
            declared_channel=_channel(self.claims.channel or self.caller.channel),
            attested=self.engine.attested,
            at=self.at,
            epoch=f"{self.policy_digest}:{found.orders}",
        )

    def _refer(self, found: FoundParts) -> None:
        """Note whose the ids of this request are, and which of them it writes into."""
        for section in (*self._new_turns, *self._new_fields.values()):
            for part in section.reading.parts if section.outcome is None else ():
                if part.kind is Kind.REFERENCE:
                    id_ = self.settings.digester(f"id\x1f{part.text}")
                    known = self.referred[id_] = found.minted.get(id_)
                    if known is not None and self.endpoint.retells and self.retold is None:
                        self.retold = (known, found.owners.get(known.instance) or owner_of(known))
                    if known is not None and self.endpoint.writes_into(part):
                        self.written[id_] = known

    @property
    def mints(self) -> bool:
        """Whether the ids of the answer are the caller's, as those that a provider makes for it.

        A look at a thing tells of ids that belong with it: they are its owner's.
        """
        if self.endpoint.act not in (wire.Act.READ, wire.Act.LIST):
            return True
        mine = self.known_instance().room
        rows = self.referred.values()
        return bool(rows) and all(row is not None and row.room == mine for row in rows)

    @property
    def said(self) -> frozenset[str]:
        """Every string of the request's body: an answer that echoes one made nothing by it."""
        return frozenset(wire.strings_of([self._turns, self._fields]))

    def rises(self, label: Label) -> tuple[MintedRow, ...]:
        """What this call writes into, with ``label`` as its owners' rooms see it (MODEL line 24)."""
        mine = self.known_instance().room
        rows = []
        for row in self.written.values():
            risen = join(row.label, up(label, mine, row.room))
            if risen != row.label:
                rows.append(row._replace(label=risen, written=True))
        return tuple(rows)

    def _judge_sections(self, scene: Scene) -> list[tuple[str | None, Outcome]]:
        """Judge what is new, in wire order, and add it to what is known. Fills ``tally``."""
        sections = [*((None, s) for s in self._new_turns), *self._new_fields.items()]
        # MODEL line 20: what this very request presents was read by the run's program before it
        # wrote the unproven parts of it, so those are judged after everything that is proven.
        reviewed = {n: self._review(scene, s) for n, s in sections if s.lines is not None}
        for outcome in reviewed.values():
            scene.run_label = join(scene.run_label, outcome.tally.presented)
        unread = [s for _, s in sections if s.outcome is None]
        scene = scene.having_read([(s.reading.parts, s.passages, s.calls) for s in unread])
        self.run_label = scene.run_label
        outcomes: list[tuple[str | None, Outcome]] = []
        marks = list(self._marks)
        before = marks[-1].tally if marks else Tally()
        parts = marks[-1].parts if marks else 0
        chain_at = len(self._roles_chains) - len(self._new_turns)
        for offset, (name, section) in enumerate(sections):
            outcome = section.outcome or (
                reviewed[name]
                if section.lines is not None
                else judge_section(scene, section.reading.parts, section.passages, section.calls)
            )
            outcomes.append((name, outcome))
            if outcome.rules:
                self.rules.update(dict.fromkeys(outcome.rules))
            if outcome.quarantine:
                self.quarantined.update(dict.fromkeys(row.id for row in outcome.quarantine))
            self.digests.update(outcome.digests)
            if name is None:
                before = before.plus(outcome.tally)
                parts += len(section.reading.parts)
                role, chain = self._roles_chains[chain_at + offset]
                marks.append(
                    Mark(chain, role, before, parts, outcome.digests, section.reading.calls)
                )
        trail = self._trail
        fields: dict[str, tuple[CallId, Outcome]] = {}
        for name in self._fields:
            if name not in self._new_fields and trail is not None:
                fields[name] = trail.field_outcomes[name]
        fields.update({name: (self.call_id, o) for name, o in outcomes if name is not None})
        self._marks, self._field_outcomes = marks, fields
        total = before
        for _, outcome in fields.values():
            total = total.plus(outcome.tally)
        self.tally = total
        return outcomes

    def _problem(
        self, outcomes: list[tuple[str | None, Outcome]]
    ) -> tuple[str, str, str, str | None] | None:
        """The refusal that the outcomes call for, if any: (code, message, pointer, rule)."""
        if not self.enforcing:
            return None
        known = [o for _, o in outcomes] + [o for _, o in self._field_outcomes.values()]
        for outcome in known:
            if outcome.refused is not None:
                return outcome.refused
        return None

    # -- the commit before upstream ------------------------------------------------------------

    def _open(self, scene: Scene, outcomes: list[tuple[str | None, Outcome]]) -> list[Command]:
        self._state = _State.COMMIT
        row = self.known_instance()
        new = [o for _, o in outcomes]
        reach = {pair: None for o in new for pair in o.tally.crossed}
        trail = self._trail
        chains = self._chains()
        unlimited = 1 << 30
        return [
            Commit(
                at=self.at,
                call=CallRow(
                    call=self.call_id,
                    instance=row.id,
                    base=trail.call if trail is not None else None,
                    base_parts=trail.marks[self._common - 1].parts if trail and self._common else 0,
                    opened=explain.compact_bytes(self._opened(outcomes)),
                    # It is looked for only where nothing but the conversation names an instance.
                    attempt=self.attempt if self.who.instance is None else None,
                ),
                entry=EntryDraft("call.open", self._entry()),
                awaited=self.enforcing,
                # In `observe` nothing is refused, so there is nothing to judge again.
                orders=self.engine.orders if self.enforcing else None,
                instance=None if self.engine.stored(row) else row,
                run=self._risen(scene),
                judgements=tuple(j for o in new for j in o.judgements) if self.enforcing else (),
                grants=tuple(g for o in new for g in o.grants),
                quarantine=tuple(q for o in new for q in o.quarantine) if self.enforcing else (),
                continued=(row.credential, chains[0], self.attempt)
                if chains and self.attempt
                else None,
                minted=self.rises(self.tally.shown),
                reach=tuple(
                    (
                        RoomId(root),
                        RoomId(room),
                        self.policy.reach_limit_for(root)
                        if self.enforcing and bounded
                        else unlimited,
                    )
                    for root, room, bounded in reach
                ),
                reach_window_s=self.policy.reach_window_s,
                content=self._content() if self.settings.keep_content else None,
            )
        ]

    def _risen(self, scene: Scene) -> RunRow | None:
        """The run with what this call presents joined in; None where the store has it so."""
        row, known = self.known_instance(), scene.found.run
        label = join(scene.run_label, self.tally.presented)
        self.run_committed = label
        parent = self.who.parent_run
        if known.known and known.label == label and (parent is None or known.parent == parent):
            return None
        return RunRow(row.run, row.room, label, parent)

    def _content(self) -> bytes | None:
        texts = {
            part.pointer: part.text
            for section in (*self._new_turns, *self._new_fields.values())
            if section.outcome is None and not self._long_file(section)
            for part in section.reading.parts
            # An id or a blob is the provider's, and says nothing to a reader.
            if part.kind is not Kind.WORD and part.kind is not Kind.REFERENCE
        }
        return explain.compact_bytes({"parts": texts}) if texts else None

    def _long_file(self, section: Section) -> bool:
        """A file lies at the provider: the store keeps a short one's text, for whoever reviews it."""
        if self._upload is None:
            return False
        return sum(len(part.text) for part in section.reading.parts) > _FILE_CHARS_KEPT_MAX

    def exposed_label(self) -> Label:
        """λ(c) as the request alone gives it (MODEL line 21)."""
        return self.tally.shown

    def _opened(self, outcomes: list[tuple[str | None, Outcome]]) -> dict[str, Any]:
        row = self.known_instance()
        tally = self.tally
        trail = self._trail
        turns = [p for section, o in outcomes if section is None for p in o.parts]
        fields: dict[str, Any] = {}
        files = self._upload.files(self.settings.digester) if self._upload is not None else []
        for file in files:
            review = self._reviews.get(file["pointer"] + "#lines")
            if review is not None:
                file["written"] = review[1]
        for name, (owner, outcome) in self._field_outcomes.items():
            fields[name] = {"parts": outcome.parts} if owner == self.call_id else {"call": owner}
        for section, outcome in outcomes:
            if section is not None and section not in fields:
                fields[section] = {"parts": outcome.parts}
        return {
            "call": self.call_id,
            "time": explain.time_text(self.started_at),
            "instance": row.name,
            "instance_id": row.id,
            "compartment": row.compartment,
            "room": row.room,
            "run": identity.shown_run(row.run),
            "identity": row.identity,
            "parents": list(row.parents),
            "surface": self.endpoint.surface,
            "endpoint": self.endpoint.name,
            "method": self.head.method,
            "stream": self.params.stream,
            "model": self.params.model,
            "mode": self.mode,
            "policy": self.policy_digest,
            "verdict": self.verdict,
            "code": self.code,
            "generation": tally.shown.generation,
            "coverage": self.coverage(),
            "exposures": self.exposures(),
            "hops": [{"name": name, "at": place} for name, place in dict.fromkeys(self._hops)],
            "unknown": self._unknown,
            "holds": [],
            "turns": {
                "base": trail.call if trail is not None and self._common else None,
                "count": trail.marks[self._common - 1].parts if trail and self._common else 0,
                "parts": turns,
            },
            "fields": fields,
            **({"files": files} if files else {}),
        }

    def coverage(self) -> dict[str, int]:
        """How much was judged and attributed. ``words`` of the protocol count as both."""
        t = self.tally
        return {
            "judged": t.judged,
            "attributed": t.attributed,
            "total": t.total,
            "opaque": t.opaque,
            "words": t.words,
            "assumed": t.assumed,
            "unproven": t.unproven,
            "withheld": t.withheld,
        }

    def exposures(self, label: Label | None = None) -> list[dict[str, Any]]:
        """By whom the shown context was written, where it came from other rooms."""
        shown = label if label is not None else self.tally.shown
        if not self.tally.exposures and shown == BOTTOM:
            return []
        covered = {e.room for e in self.tally.exposures}
        told = [
            {
                "author": e.author,
                "compartment": e.compartment,
                "generation": e.generation,
                "channel": e.channel.value,
                "call": e.call,
            }
            for e in self.tally.exposures
        ]
        return told + exposures_of(shown, covered)

    def _entry(self) -> dict[str, object]:
        """The ledger's row: ids, counts and keyed digests, never text."""
        row = self.known_instance()
        return {
            "call": self.call_id,
            "instance": row.id,
            "name": row.name,
            "room": row.room,
            "run": row.run,
            "surface": self.endpoint.surface,
            "endpoint": self.endpoint.name,
            "mode": self.mode,
            "policy": self.policy_digest,
            "verdict": self.verdict,
            "code": self.code,
            "rules": list(self.rules),
            "label": explain.label_json(self.tally.shown),
            "coverage": self.coverage(),
            "quarantine": list(self.quarantined),
            "hops": sorted({name for name, _ in self._hops}),
            "request": self.attempt.hex() if self.attempt is not None else None,
        }

    def _body_read(self, event: RequestRead) -> list[Command]:
        self.body = self.forwarded = event.body
        return self._read()

    def _committed(self, event: Committed | Stale | StoreFailed) -> list[Command]:
        if self._state is _State.UPSTREAM:
            assert self._answering is not None
            return self._answered(self._answering.receive(event))
        if self._state is _State.REFUSE:
            return self._send_refusal()
        if isinstance(event, Stale):
            self._tries += 1
            if self._tries < _JUDGED_AGAIN_MAX:
                return self._look_parts()
            event = StoreFailed("orders kept changing")
        if isinstance(event, StoreFailed):
            return self._store_failed()
        self.engine.has_stored(self.known_instance())
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
        if not self._opaque and not self.store_down:
            trail = Trail(
                epoch=self._epoch(),
                who=self._memory_key(),
                call=self.call_id,
                turns=self._turns,
                marks=self._marks,
                fields=self._fields,
                field_outcomes=self._field_outcomes,
                calls=self.calls,
                digests=self.digests,
                size_bytes=(len(self.body) if isinstance(self.body, bytes) else 0) + 1024,
            )
            self.engine.memory.keep(self._memory_key(), trail)
            chains = self._chains()
            if chains and self.attempt is not None:
                self.engine.went_on(self.who.credential, chains[0], self.attempt)
            if self.attempt is not None and self.who.instance is None:
                self.engine.attempting(self.who.credential, self.attempt, self.known_instance())
        self._answering = Answering(self)
        return [
            Forward(
                upstream=self.endpoint.upstream,
                method=self.head.method,
                path=self.head.path,
                query=self.head.query,
                headers=identity.forwarded_headers(self.head.headers, coded=self._coded),
                body=self.forwarded,
            )
        ]

    # -- refusals ----------------------------------------------------------------------------

    def _refusal_for(self, code: str, message: str, param: str | None) -> wire.Refusal:
        return wire.refusal(
            code, message, self.call_id, param=param, headers=self.answer_headers(refusal=True)
        )

    def _refuse(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        rule: str | None = None,
        quarantine: tuple[QuarantineRow, ...] = (),
    ) -> list[Command]:
        """Write the refusal down, then send it."""
        self.code = code
        self._state = _State.REFUSE
        if rule is not None:
            self.rules[rule] = None
        if self.instance is None:
            self.instance = identity.new_instance(self.who, self.call_id, (), "new")
        self._refusal = self._refusal_for(code, message, param)
        row = self.known_instance()
        opened = self._opened([(n, o) for n, (_, o) in self._field_outcomes.items()])
        opened["refusal"] = {"message": message, "param": param, "rule": rule}
        closed = {"verdict": "denied", "code": code, "state": "refused"}
        return [
            Commit(
                at=self.at,
                call=CallRow(
                    call=self.call_id,
                    instance=row.id,
                    base=None,
                    base_parts=0,
                    opened=explain.compact_bytes(opened),
                    closed=explain.compact_bytes(closed),
                    attempt=self.attempt,
                    answered=True,
                ),
                entry=EntryDraft("call.open", self._entry()),
                instance=row,
                run=RunRow(row.run, row.room, self.tally.presented, self.who.parent_run),
                quarantine=quarantine,
            )
        ]

    def _send_refusal(self) -> list[Command]:
        refusal = self._refusal
        assert refusal is not None
        self._state = _State.DONE
        self._ended = (refusal.status, None)
        return [SendHead(refusal.status, refusal.headers), SendBytes(refusal.body), Finish()]

    # -- the answer ----------------------------------------------------------------------------

    def answer_headers(self, *, refusal: bool = False) -> tuple[tuple[bytes, bytes], ...]:
        """firedoor's own response headers, as far as the policy lets them out."""
        wanted = self.policy.headers
        if wanted == "call" and not self.store_down:
            return ((b"x-firedoor-call", self.call_id.encode()),)
        t = self.tally
        values = {
            "x-firedoor-call": self.call_id,
            "x-firedoor-verdict": "denied" if refusal else self.verdict,
            "x-firedoor-generation": "unknown"
            if t.shown.generation is None
            else str(t.shown.generation),
            "x-firedoor-parts": f"{t.judged}/{t.attributed}/{t.total}",
            "x-firedoor-overhead-ms": f"{self.overhead_s * 1000:.2f}",
        }
        if self.store_down:
            values["x-firedoor-unrecorded"] = "store unavailable"
        return tuple(
            (name.encode(), value.encode())
            for name, value in values.items()
            if name == "x-firedoor-call" or wanted == "all" or name in wanted
        )

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
            self._summary = self._summarised(*self._ended)
        return self._summary

    def _summarised(self, status: int | None, answer: Answer | None) -> ExchangeSummary:
        row = self.known_instance()
        return ExchangeSummary(
            call=self.call_id,
            surface=self.endpoint.surface,
            endpoint=self.endpoint.name,
            model=self.params.model,
            stream=self.params.stream,
            instance=row.name,
            instance_id=row.id,
            compartment=row.compartment,
            run=identity.shown_run(row.run),
            verdict=self.verdict,
            code=self.code,
            rules=tuple(self.rules),
            generation=self.tally.shown.generation,
            exposures=len(self.tally.exposures),
            policy=self.policy_digest,
            mode=self.mode,
            status=status,
            answer_id=answer.id if answer else None,
            answer_model=answer.model if answer else None,
            finish=answer.finish if answer else (),
            input_tokens=answer.usage.input_tokens if answer and answer.usage else None,
            output_tokens=answer.usage.output_tokens if answer and answer.usage else None,
            started_at=self.started_at,
            ended_at=self.at,
            quarantined=tuple(self.quarantined),
        )

    # What an exchange itself takes; the rest is the answer's. Looked up by type: a call has seven
    # events, and a chain of comparisons costs more than some of them.
    _HANDLERS: ClassVar[dict[type, Callable[["Exchange", Any], list[Command]]]] = {
        RequestRead: _body_read,
        RequestBroken: _broken,
        FoundWho: _identified,
        FoundParts: _found,
        Committed: _committed,
        Stale: _committed,
        StoreFailed: _committed,
    }


def owner_of(minted: MintedRow) -> InstanceRow:
    """The owner of an id, where nothing more is known of it (it was adopted for one to come)."""
    return InstanceRow(
        minted.instance, minted.instance, minted.room, minted.room, minted.run, minted.credential
    )


def _content_type(head: RequestHead) -> bytes | None:
    """The content type; several of them joined, so that they fit none."""
    found = [value for name, value in head.headers if name == b"content-type"]
    return (found[0] if len(found) == 1 else b" & ".join(found)) if found else None


def _listed(head: RequestHead, header: bytes) -> list[str]:
    """The values of a header that may be sent several times, each with several values."""
    lines = (value for name, value in head.headers if name == header)
    found = (part.strip() for line in lines for part in line.decode("latin-1").split(","))
    return [value for value in found if value]


@lru_cache(maxsize=64)
def _is_json(kind: bytes) -> bool:
    essence, _, parameters = kind.lower().partition(b";")
    named = parameters.replace(b" ", b"").replace(b'"', b"")
    return essence.strip() == b"application/json" and named in (b"", b"charset=utf-8")


def _channel(name: str | None) -> Channel | None:
    try:
        return Channel(name) if name is not None else None
    except ValueError:
        return None


__all__ = ["Action", "Exchange", "ExchangeSummary", "budget"]

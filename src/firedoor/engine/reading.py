"""Reading one request: its bytes become a document, the document turns and fields, those sections.

What an earlier call of the conversation held in the same place was read then, and is taken over by
comparing parsed values; the rest is read into parts, once. Nothing is labelled or judged here. What
cannot be read is refused in ``contain``, and in ``observe`` it is one opaque part.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from firedoor import identity, wire
from firedoor.engine import media
from firedoor.engine.claimed import NO_CLAIMS, Claims, claims_of, passages_of, spoken
from firedoor.engine.commands import ReadBody
from firedoor.engine.judge import Outcome, words_outcome
from firedoor.engine.refusing import Refused
from firedoor.engine.scene import section_passages
from firedoor.engine.trail import Mark, Trail
from firedoor.engine.training import Line
from firedoor.engine.upload import Upload
from firedoor.identity import Who
from firedoor.lineage import NONE_PRESENTED, Passages, Presented, Statement
from firedoor.policy import held_by
from firedoor.types.exchange import Mode, Params, RequestHead, SpooledBody
from firedoor.types.ids import CallId, Digest, RunId
from firedoor.types.part import CallClaim, Channel, Kind, Part, Reading, Role
from firedoor.types.record import PictureRow
from firedoor.wire.form import (
    ContentReader,
    FormFile,
    FormReader,
    boundary_of,
    file_name,
    is_multipart,
)

if TYPE_CHECKING:
    from firedoor.engine.engine import Engine


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
    claims: Claims = NO_CLAIMS
    """What is looked up of the calls and results that it claims."""
    pictures: Mapping[str, PictureRow] = {}
    """What is looked up of the bytes that it holds, by pointer."""


class RequestReader:
    """The request of one call, as far as it has been read."""

    def __init__(
        self, engine: "Engine", head: RequestHead, endpoint: wire.Endpoint, who: Who
    ) -> None:
        self.engine = engine
        self.settings = engine.settings
        self.mode: Mode = engine.settings.policy.mode
        self.enforcing = self.mode is not Mode.OBSERVE
        self.policy_digest = engine.settings.policy.digest
        self.head = head
        self.endpoint = endpoint
        self.who = who

        self.body: bytes | SpooledBody = b""
        self.body_bytes_max = engine.settings.body_bytes_max
        self.upload: Upload | None = None
        """The body, where it is a form."""
        self.opaque = not endpoint.known
        """Whether nothing can be said of what the body holds."""
        self.coded = False
        """Whether the body goes on in a content coding that the door does not read."""

        self.presented: Presented = NONE_PRESENTED
        """The statements that came with it."""
        self.params = Params()
        self.turns: list[object] = []
        self.fields: dict[str, object] = {}
        self.offered: tuple[wire.Definition, ...] = ()
        """The tools that the call offers."""
        self.holds: tuple[str, ...] = ()
        """What those let an instance do."""
        self.trail: Trail | None = None
        """An earlier request of the conversation."""
        self.common = 0
        """How many turns the two share."""
        self.marks: list[Mark] = []
        """Where the history stands after each turn that was judged."""
        self.new_turns: list[Section] = []
        self.new_fields: dict[str, Section] = {}
        self.calls: dict[str, CallClaim] = {}
        """Tool calls that the history claims."""
        self.digests: set[Digest] = set()
        """Passages that the conversation has presented."""
        self.chain = identity.EMPTY_CHAIN
        self.attempt: Digest | None = None
        self.unknown: str | None = None
        """The first place of which nobody knows what it asks for."""
        self.hops: list[tuple[str, str]] = []
        """(name, place) of what makes this call hold more instances than the wire shows."""
        self.roles_chains: list[tuple[Role, Digest]] = []
        """Of each new turn, and of some before it."""
        self._answer_chains: tuple[Digest, ...] | None = None

    # -- the head ------------------------------------------------------------------------------

    def read_betas(self, named: set[bytes]) -> Refused | None:
        """Note what headers turn on: hops, and what no row names, which is refused."""
        for header in wire.BETA_HEADERS:
            for value in _listed(self.head, header) if header in named else ():
                beta = wire.beta_of(header.decode(), value)
                if beta is None and self.enforcing:
                    told = "a value" if wire.is_wordy(value, wire.WORD_CHARS_MAX) else repr(value)
                    return Refused(
                        "firedoor_unknown_surface",
                        f"This door does not know {told} of {header.decode()}, so it does not pass "
                        f"it in {self.mode} mode.",
                        param=header.decode(),
                    )
                if beta is None:
                    self.unknown = self.unknown or header.decode()
                elif beta.hop is not None and beta.home != self.endpoint.family:
                    self.hops.append((beta.hop, header.decode()))
        return None

    # -- the body ------------------------------------------------------------------------------

    def ask_for_body(self) -> ReadBody | Refused:
        """What reads the body: in memory, or past a reader where it is a form."""
        kind = _content_type(self.head)
        shape = wire.form_shape(self.endpoint)
        if wire.resumable.is_content(self.endpoint):
            self.body_bytes_max = self.settings.upload_bytes_max
            self.upload = self._content_upload()
            return ReadBody(self.body_bytes_max, self.upload, spool=True)
        form = is_multipart(kind) and (shape is not None or not self.enforcing)
        if not form or kind is None:
            return ReadBody(self.body_bytes_max)
        self.body_bytes_max = self.settings.upload_bytes_max
        try:
            if shape is not None:
                raw = b"".join(v for n, v in self.head.headers if n == b"content-type")
                settings = self.settings
                boundary, limits = boundary_of(raw), settings.limits
                self.upload = Upload(
                    lambda sink: FormReader(boundary, shape, sink, limits), settings.digester
                )
        except wire.Malformed as problem:
            if self.enforcing:
                return Refused(problem.code, problem.message, param=problem.pointer)
        self.opaque = self.opaque or self.upload is None
        return ReadBody(self.body_bytes_max, self.upload, spool=True)

    def _content_upload(self) -> Upload:
        """A reader for a body that is one file."""
        limits, piece = self.settings.limits, wire.resumable.is_piece(self.head.headers)
        return Upload(lambda sink: ContentReader(sink, limits, piece=piece), self.settings.digester)

    def said(self) -> frozenset[str]:
        """Every string of the body: an answer that echoes one made nothing by it."""
        turns = [t.text if isinstance(t, wire.Bare) else t for t in self.turns]
        return frozenset(wire.strings_of([turns, self.fields]))

    def take_unread(self, body: bytes | SpooledBody) -> None:
        """Take a body whose content coding hides it: it goes on as it is."""
        self.body = body
        self.opaque = self.coded = True

    def forget(self) -> None:
        """Nothing of the request counts as read."""
        self.trail, self.common = None, 0
        self.turns, self.fields, self.new_turns, self.new_fields = [], {}, [], {}
        self.marks, self.roles_chains = [], []

    def read_opaque(self) -> None:
        """What cannot be read is one opaque part, so that coverage shows it."""
        self.forget()
        if self.body:
            part = Part("", "", Kind.OPAQUE, Role.NONE, Channel.TOOL, editable=False)
            self.new_fields = {"": self._section("", Reading((part,)))}

    def parse(self, *, afresh: bool) -> Refused | None:
        """Read the body: what is known from an earlier call is compared, what is new is read.

        With ``afresh`` nothing counts as known. In ``observe`` a body that cannot be read leaves
        the request opaque.
        """
        kind = _content_type(self.head)
        json = self.upload is None
        if self.enforcing and json and self.body and kind is not None and not _is_json(kind):
            return Refused(
                "firedoor_malformed",
                "This endpoint takes application/json in UTF-8; a body under another name could be "
                "read in another way than it was judged.",
                param="content-type",
            )
        surface = wire.wire_for(self.endpoint)
        engine = self.engine
        self.new_turns, self.new_fields = [], {}
        try:
            document = self._document()
            sections = surface.sections(document)
            self.params = self._with_model(surface.params(document))
            self.turns, self.fields = sections.turns, sections.fields
            self.offered = surface.defined(self.fields)
            self.holds = held_by(self.settings.policy, {tool.name for tool in self.offered})
            found = None
            if not afresh:
                # What a gate let by once is asked of it again: a release may have ended.
                found = engine.memory.best(self._memory_key(), self._epoch(), self.turns)
            self.trail, self.common = found if found is not None else (None, 0)
            trail, common = self.trail, self.common
            digester = self.settings.digester
            if trail is not None:
                self.calls = trail.calls
                self.chain = trail.marks[common - 1].chain if common else identity.EMPTY_CHAIN
                self.marks = trail.marks[:common]
                if common and common == len(trail.turns):
                    self.digests = trail.digests
                else:
                    # Another conversation, or a fork of this one: only what is shared was held,
                    # and claimed.
                    self.digests = {d for mark in self.marks for d in mark.digests}
                    self.calls = {}
                    self._claim(claim for mark in self.marks for claim in mark.calls)
            else:
                self.calls, self.chain, self.marks, self.digests = (
                    {},
                    identity.EMPTY_CHAIN,
                    [],
                    set(),
                )
            self.roles_chains = [(m.role, m.chain) for m in self.marks[-8:]]
            self._answer_chains = None
            new = self.turns[common:]
            for index, value in enumerate(new, start=common):
                wire.check(value, self.settings.limits, 2)
                pointer = sections.pointer_of(index)
                self.new_turns.append(self._section(pointer, surface.read_turn(pointer, value)))
            for name, value in self.fields.items():
                if trail is not None and trail.holds(name, value):
                    self.digests.update(trail.field_outcomes[name][1].digests)
                    continue
                self.new_fields[name] = self._field(surface, name, value)
        except wire.Malformed as problem:
            if not self.enforcing:
                self.opaque = True
                return None
            return Refused(problem.code, problem.message, param=problem.pointer)
        if self.upload is not None:
            for file, lines in self.upload.lines().items():
                name = file.pointer + "#lines"
                self.new_fields[name] = Section(name, Reading(()), [], None, (file, lines))
            files = media.files_of(self.upload.form().files, self.settings.digester)
            for pointer, reading in self.upload.readings().items():
                held = {pointer: files[pointer]}
                self.new_fields[pointer] = self._section(pointer, reading, held)
        if self.endpoint.ids:
            self.new_fields[":"] = self._path()
        if self.head.query:
            self.new_fields["?"] = self._query()
        for place, name in wire.resumable.names_of(self.head.headers):
            self.new_fields[place] = self._section(place, Reading(file_name(place, name)))
        for section in (*self.new_turns, *self.new_fields.values()):
            self.hops += section.reading.hops
            if section.reading.unknown and self.unknown is None:
                self.unknown = section.reading.unknown[0]
        for section in self.new_turns:
            turn = section.reading.turn
            self.chain = identity.extend(self.chain, turn, digester)
            self.roles_chains.append((turn.role if turn else Role.NONE, self.chain))
        words = [self.endpoint.surface, self.params.model or "", str(self.params.stream)]
        if not self.turns:
            words += [p.text for s in self.new_fields.values() for p in s.reading.parts]
        if self.upload is not None:
            words += [file.sha256.hex() for file in self.upload.form().files]
        self.attempt = identity.attempt_of(self.chain, words, digester)
        if self.unknown is not None and self.enforcing:
            return Refused(
                "firedoor_unknown_surface",
                f"This door does not know what stands at {self.unknown}, so it does not pass it "
                f"in {self.mode} mode.",
                param=self.unknown,
            )
        return None

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
        if self.upload is not None:
            form = self.upload.form()
            if form.unknown:
                self.unknown = self.unknown or form.unknown[0]
            return form.fields
        assert isinstance(self.body, bytes)
        return wire.parse(self.body) if self.body or self.endpoint.needs_body else {}

    def _field(self, surface: wire.SurfaceWire, name: str, value: object) -> Section:
        def read() -> Section:
            wire.check(value, self.settings.limits, 1)
            reading = surface.read_field(name, value)
            if self.upload is not None:
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

    def _section(
        self, pointer: str, reading: Reading, files: Mapping[str, PictureRow] | None = None
    ) -> Section:
        reading = spoken(reading)
        self._claim(reading.calls)
        plain = reading.turn is None and not reading.calls and not reading.unknown
        outcome = words_outcome(reading.parts) if plain else None
        digester = self.settings.digester
        claims = claims_of(reading, self.calls, digester)
        passages = section_passages(reading.parts, digester)
        if reading.calls:
            passages = passages_of(reading.parts, passages, claims)
        pictures = media.pictures_of(reading.media, self.settings) if reading.media else files or {}
        if pictures:
            passages = media.passages_of(reading.parts, passages, pictures)
            # The bytes themselves stay where they were read.
            reading = reading._replace(media=())
        return Section(pointer, reading, passages, outcome, None, self.calls, claims, pictures)

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
            if name in (identity.QUERY_CREDENTIAL, "upload_id"):
                value = ""
            kind = Kind.WORD if len(value) <= 64 and len(name) <= 64 else Kind.TEXT
            parts.append(
                Part("?" + name, value or name, kind, Role.NONE, Channel.TOOL, editable=False)
            )
        return self._section("?", Reading(tuple(parts)))

    # -- the conversation ----------------------------------------------------------------------

    def chains(self) -> tuple[Digest, ...]:
        """Where answers may have ended in this history, longest first."""
        if self._answer_chains is None:
            self._answer_chains = identity.chains_at_answers(self.roles_chains)
        return self._answer_chains

    def keep(
        self, call: CallId, run: RunId, field_outcomes: dict[str, tuple[CallId, Outcome]]
    ) -> None:
        """Leave the request, as it was read and judged, to the next call of its conversation."""
        key = self._memory_key()
        trail = Trail(
            epoch=self._epoch(),
            who=key,
            run=run,
            call=call,
            turns=self.turns,
            marks=self.marks,
            fields=self.fields,
            field_outcomes=field_outcomes,
            calls=self.calls,
            digests=self.digests,
            size_bytes=(len(self.body) if isinstance(self.body, bytes) else 0) + 1024,
        )
        self.engine.memory.keep(key, trail)

    def _memory_key(self) -> str:
        if self.who.instance is not None:
            return f"{self.endpoint.surface}:{self.who.instance.id}"
        base = self.who.base.room if self.who.base is not None else ""
        return f"{self.endpoint.surface}:{self.who.credential}:{base}"

    def _epoch(self) -> tuple[str, int, tuple[Statement, ...], tuple[str, ...]]:
        # What statements said of a text holds for calls that come with the same ones; and what an
        # instance is cleared for depends on what it may do.
        return (self.policy_digest, self.engine.orders, self.presented.valid, self.holds)


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

"""One answer on its road back: what it emits is labelled, recorded, and only then complete.

On a stream, text passes as it comes. From a tool call or the terminal event on, bytes wait for one
commit that makes what they emit durable (promise 3); then they leave. A plain answer waits whole.
Whatever goes wrong, the client gets the surface's own ending and the call is settled once.

In ``observe`` the bytes of a stream leave as they come, before anything is read in them, and what
the door cannot read or fails on goes on all the same: the call is then written down as broken.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from firedoor import wire
from firedoor.engine import budgeting, closing, proving
from firedoor.engine.coding import CODING, BadCoding, Decoding, codings_of, decoding_of
from firedoor.engine.commands import Command, Finish, SendBytes, SendHead, StopUpstream
from firedoor.engine.emitted import Emitted
from firedoor.engine.events import (
    CallerGone,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from firedoor.engine.port import (
    Commit,
    Committed,
    Exhausted,
    FoundParts,
    Stale,
    StoreFailed,
)
from firedoor.engine.seen import Seen
from firedoor.identity.claims import HOP_BY_HOP
from firedoor.types.exchange import Headers
from firedoor.types.ids import Digest
from firedoor.types.label import up
from firedoor.types.part import Answer, OutputPart, ToolCall
from firedoor.types.record import (
    MintedRow,
)
from firedoor.types.verdict import Action

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

_Charged = Committed | Exhausted | Stale | StoreFailed
_Steps = Generator[list[Command], _Charged, list[Command]]
"""Reading that stops where a commit decides how it goes on: a tool call is charged before it leaves.
It yields commands that end in the commit, is sent the store's answer, and returns the last commands."""

_UPSTREAM_STATUS: Final = {"timeout": 504}
_REFUSED_CALL: Final = "The call of the tool {name} was refused by policy."


class Answering:
    """The second half of an exchange, from Forward to Finish."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange
        self.status: int | None = None
        self.answer: Answer | None = None
        self.edited = False
        self._head: tuple[int, Headers] | None = None
        self._head_sent = False
        self._stream: wire.AnswerStream | None = None
        self._decoding: Decoding | None = None
        self._plain: bytearray | None = None
        """A plain answer being collected; None when bytes pass through unread."""
        self._held: list[bytes] = []
        """Bytes that wait for the commit under way."""
        self._closing = False
        self._closed = False
        self._ended = False
        """Whether the upstream has nothing more to say."""
        self._passing = False
        """Whether what still comes is passed on unread."""
        self._cut = False
        """Whether the connection must be cut at the end, as the provider's was."""
        self._own = False
        """Whether the answer is the door's own."""
        self._unsent = b""
        """The bytes being read, in `observe`: passed on even where reading them fails."""
        self._unread = False
        """Whether reading the answer failed, so that nothing can be said of it."""
        self._seen = Seen()
        self._emitted = Emitted(exchange)
        self._broken: str | None = None
        self._listing: tuple[bytes, wire.Listing, list[Digest | None]] | None = None
        """A list whose elements' owners are being looked up."""
        self._filtered = 0
        """How many of them the caller may not see."""
        self._paused: _Steps | None = None
        """Reading that waits for the store's answer."""

    # -- events ------------------------------------------------------------------------------

    def receive(self, event: object) -> list[Command]:
        """Take one event of the upstream's or the store's, give the commands that follow."""
        match event:
            case UpstreamHead():
                return self._on_head(event)
            case UpstreamBytes():
                return self._on_bytes(event.chunk)
            case UpstreamEnd():
                return self._on_end()
            case UpstreamFailed():
                return self._on_failed(event.reason)
            case CallerGone():
                return self._on_gone()
            case Committed() | Exhausted() | Stale() | StoreFailed() if self._paused is not None:
                return self._on(self._paused, event)
            case Committed():
                return self._on_committed()
            case FoundParts():
                return self._on_listed(event)
            case Stale() | Exhausted():
                # Nothing that a close writes can be refused for its orders; say so if it is.
                return self._on_store_failed("refused")
            case StoreFailed():
                return self._on_store_failed(event.reason)
        return []

    def _on(self, steps: _Steps, event: _Charged | None = None) -> list[Command]:
        """Go on to the next commit that decides, or to the end."""
        self._paused = None
        try:
            commands = steps.send(event)  # type: ignore[arg-type]  # None begins a generator
        except StopIteration as end:
            last: list[Command] = end.value
            return last
        self._paused = steps
        return commands

    def _rest(self) -> Iterator[wire.Piece]:
        """What is left in an answer that breaks off. Of one that waits for a charge, nothing: what that
        was to decide on never leaves, nor does what follows it."""
        if self._paused is None:
            return self._stream.end() if self._stream is not None else iter(())
        # The next answer of the store's is to the commit that closes the call.
        self._paused.close()
        self._paused = None
        return iter(())

    def _on_head(self, event: UpstreamHead) -> list[Command]:
        exchange = self.exchange
        self.status = event.status
        kept = [
            (name, value)
            for name, value in event.headers
            if name not in HOP_BY_HOP and not name.startswith(b"x-firedoor-")
        ]
        self._head = (event.status, tuple(kept))
        if wire.resumable.starts_upload(exchange.endpoint) and 200 <= event.status < 300:
            led = self._led(tuple(kept))
            if led is None:
                return [StopUpstream(), *self._on_failed("redirect")]
            kept, self._head = list(led), (event.status, led)
        content_type = b"".join(v for n, v in kept if n == b"content-type").lower()
        codings = codings_of(kept)
        self._decoding = decoding_of(codings)
        if self._decoding is not None and exchange.enforcing:
            # What is judged is what goes on: below its coding.
            kept = [(n, v) for n, v in kept if n not in (CODING, b"content-length")]
            self._head = (event.status, tuple(kept))
        coded = bool(codings) and self._decoding is None
        known = exchange.endpoint.known and not coded and 200 <= event.status < 300
        surface = wire.wire_for(exchange.endpoint)
        asked, made = exchange.asked_usage, exchange.references.outputs
        reader = surface.reader_for(content_type, unasked=asked, made=made) if known else None
        if reader is not None:
            self._stream = reader(exchange.enforcing)
            if exchange.enforcing:
                kept = [(n, v) for n, v in kept if n != b"content-length"]
        elif known and content_type.startswith(surface.whole):
            self._plain = bytearray()
            return []
        elif exchange.enforcing and _may_say(event.status, kept) and exchange.endpoint.known:
            # An answer of a kind that this surface does not give cannot be read, so not judged.
            return [StopUpstream(), *self._on_failed("malformed")]
        elif (
            exchange.enforcing
            and 300 <= event.status < 400
            and any(n == b"location" for n, _ in kept)
        ):
            # Followed, it would lead the client past the door.
            return [StopUpstream(), *self._on_failed("redirect")]
        self._head_sent = True
        return [SendHead(event.status, (*kept, *exchange.answer_headers()))]

    def _on_bytes(self, chunk: bytes) -> list[Command]:
        if self._passing:
            return [SendBytes(chunk)]
        if self._closed:
            return []
        renewal = self.exchange.budgeting.renewal()
        if renewal is not None:
            return self._on(self._renewed(renewal, chunk))
        return self._take_bytes(chunk)

    def _renewed(self, renewal: Commit, chunk: bytes) -> _Steps:
        yield [renewal]
        return self._take_bytes(chunk)

    def _take_bytes(self, chunk: bytes) -> list[Command]:
        if not self.exchange.enforcing:
            return self._watched(chunk)
        try:
            chunk = self._decoded(chunk)
        except BadCoding:
            return [StopUpstream(), *self._on_failed("malformed")]
        return self._read_on(chunk)

    def _decoded(self, chunk: bytes) -> bytes:
        """What came, below its coding.

        Raises:
            BadCoding: It is not so coded, or comes to more than an answer may.
        """
        if self._decoding is None:
            return chunk
        out = bytearray()
        for piece in self._decoding.feed(chunk):
            out += piece
            if len(out) > self.exchange.settings.answer_bytes_max:
                raise BadCoding("expands too far")
        return bytes(out)

    def _read_on(self, chunk: bytes) -> list[Command]:
        """Read what comes; give what may leave of it."""
        if self._stream is not None:
            return self._on(self._pieces(self._stream.feed(chunk)))
        if self._plain is not None:
            self._plain += chunk
            if len(self._plain) > self.exchange.settings.answer_bytes_max:
                return self._too_large()
            return []
        if self.exchange.enforcing and self.status is not None and 200 <= self.status < 300:
            # It said that it has no body, so nothing reads one.
            return [StopUpstream(), *self._on_failed("malformed")]
        return [SendBytes(chunk)]

    def _watched(self, chunk: bytes) -> list[Command]:
        """In `observe`: the bytes go on as they came, and what stands in them is read beside that."""
        if self._stream is None:
            return self._read_on(chunk)
        self._unsent = chunk
        out: list[Command] = [SendBytes(chunk)]
        out += self._on(self._pieces(self._stream.feed(self._decoded(chunk))))
        self._unsent = b""
        return out

    def _too_large(self) -> list[Command]:
        if self.exchange.enforcing:
            return [StopUpstream(), *self._on_failed("too_large")]
        self._broken = "too_large"
        self._closing = self._unread = True
        return [*self._as_it_came(), self._close()]

    # -- streams -----------------------------------------------------------------------------

    def _pieces(self, pieces: Iterator[wire.Piece], *, last: bool = False) -> _Steps:
        """What may leave of these pieces; with ``last`` the commit is the caller's, who closes."""
        out: list[Command] = []
        stream = self._stream
        assert stream is not None
        wait = bool(self._held)
        for piece in pieces:
            self._seen.add(piece.text)
            if self.exchange.budgeting.overrun(self._seen) and not self._closing:
                out.append(StopUpstream())
                self._end_here(
                    "budget",
                    "The answer is longer than its budget held.",
                    "firedoor_budget_exhausted",
                )
                wait = True
                break
            if piece.unreadable:
                if not self._closing:
                    out.append(StopUpstream())
                    self._end_here("malformed", "An event of this answer could not be judged.")
                wait = True
                break
            if isinstance(piece.done, ToolCall):
                refusal, out = yield from self._refusal_of(piece.done, out)
                stream.decide(refusal)
                # In `observe` the bytes of a call have gone already; nothing waits for it.
                wait = wait or self.exchange.enforcing
            elif isinstance(piece.done, OutputPart):
                out = yield from self._add(piece.done, out)
            if piece.terminal:
                self._closing = wait = True
            elif piece.minted:
                # An id may be used as soon as it is known: it leaves when it is recorded.
                self._emitted.mint(piece.minted)
                wait = wait or self.exchange.enforcing
            if piece.raw and self.exchange.enforcing:
                if wait:
                    self._held.append(piece.raw)
                else:
                    out.append(SendBytes(piece.raw))
            if piece.terminal:
                # What still comes is no part of the answer, in this chunk or in the next.
                break
        if wait and not last:
            out.append(self._close() if self._closing else self._commit_emitted())
        return out

    def _end_here(self, reason: str, message: str, code: str = "firedoor_upstream") -> None:
        """End the stream as its surface does, after what is held."""
        self._broken = reason
        self._held.append(self._stop(code, message))
        self._closing = True

    def _on_end(self) -> list[Command]:
        self._ended = True
        if self._passing:
            return [Finish()]
        if self._closed or self._closing:
            return []
        if self._stream is not None:
            return self._on(self._stream_end(self._stream))
        if self._plain is not None:
            body = bytes(self._plain)
            if self.exchange.endpoint.lists_all:
                return self._list(body)
            return self._on(self._plain_answer(body))
        self._closing = True
        return [self._close()]

    def _stream_end(self, stream: wire.AnswerStream) -> _Steps:
        commands = yield from self._pieces(stream.end(), last=True)
        if self.exchange.enforcing and not (self._closing or stream.complete):
            # SDKs take a clean end of file for a finished answer; this one was not.
            self._end_here("ended early", "The provider's stream ended early.")
        self._closing = True
        return [*commands, self._close()]

    def _add(
        self, part: OutputPart, before: list[Command]
    ) -> Generator[list[Command], _Charged, list[Command]]:
        """Take in a text of the answer; a typed value that its account can bear inherits nothing."""
        charge = self.exchange.budgeting.typed(part)
        if charge is None:
            self._emitted.add(part)
            return before
        answer = yield [*before, charge]
        self._emitted.add(part, typed=isinstance(answer, Committed))
        return []

    def _refusal_of(
        self, call: ToolCall, before: list[Command]
    ) -> Generator[list[Command], _Charged, tuple[str | None, list[Command]]]:
        """What is said in place of a call that is refused; None where it may go on.

        ``before`` is what leaves before a charge is asked for; with the answer comes what of it is
        still to be sent.
        """
        exchange, emitted = self.exchange, self._emitted
        verdict = emitted.verdict_on(call)
        if exchange.enforcing and verdict.action is not Action.ALLOW:
            emitted.refuse(call, verdict)
            self.edited = True
            return _REFUSED_CALL.format(name=call.name), before
        forbidden = exchange.budgeting.forbidden_host(call, emitted.label)
        if forbidden is not None and exchange.enforcing:
            self.edited = True
            emitted.refuse(call, budgeting.verdict_of(forbidden))
            return budgeting.said_of_call(call.name, exchange.budgeting.said_of(forbidden)), before
        charge = exchange.budgeting.charge(call, emitted.label)
        if charge is not None:
            answer = yield [*before, charge]
            before = []
            if isinstance(answer, Exhausted) and exchange.enforcing:
                self.edited = True
                emitted.refuse(call, budgeting.verdict_of(answer))
                return budgeting.said_of_call(call.name, exchange.budgeting.said_of(answer)), before
            if not isinstance(answer, Committed) and exchange.enforcing:
                # What cannot be charged does not go on.
                self.edited = True
                emitted.refuse(call, budgeting.UNCHARGED)
                return _REFUSED_CALL.format(name=call.name), before
        emitted.take(call, verdict)
        return None, before

    def _stop(self, code: str, message: str) -> bytes:
        assert self._stream is not None
        told = self._stream.stop(code, message, self.exchange.call_id)
        # An answer that has no words for its being stopped is cut.
        self._cut = self._cut or not told
        return told

    # -- lists ---------------------------------------------------------------------------------

    def _list(self, body: bytes) -> list[Command]:
        """A list of what a credential owns: whose each element is, the store is asked."""
        exchange = self.exchange
        listing = wire.listing(body)
        if listing is None:
            if exchange.enforcing:
                return self._on_failed("malformed")
            return self._on(self._plain_answer(body))
        digester = exchange.settings.digester
        ids = [digester(f"id\x1f{id_}") if id_ is not None else None for id_ in listing.ids]
        if not any(ids):
            return self._listed(body, listing, {})
        self._listing = (body, listing, ids)
        return [exchange.look_for(id_ for id_ in ids if id_ is not None)]

    def _on_listed(self, event: FoundParts) -> list[Command]:
        assert self._listing is not None
        body, listing, ids = self._listing
        self._listing = None
        rows = {i: event.minted[id_] for i, id_ in enumerate(ids) if id_ and id_ in event.minted}
        return self._listed(body, listing, rows)

    def _listed(
        self, body: bytes, listing: wire.Listing, rows: Mapping[int, MintedRow]
    ) -> list[Command]:
        """Go on with what the caller's room may see. In ``observe`` with all of it, as exposures."""
        exchange = self.exchange
        room = exchange.known_instance().room
        if exchange.enforcing:
            rows = {i: row for i, row in rows.items() if row.room == room}
            self._filtered = len(listing.ids) - len(rows)
            if self._filtered:
                body = wire.filtered(body, listing, rows)
                self.edited = True
            # What is left is the caller's own, and so is what belongs with it.
            self._emitted.owned = bool(rows)
        for row in rows.values():
            self._emitted.taint(up(row.label, row.room, room))
        return self._on(self._plain_answer(body))

    # -- plain answers -------------------------------------------------------------------------

    def _plain_answer(self, body: bytes) -> _Steps:
        exchange = self.exchange
        raw = body
        if self._decoding is not None and not exchange.enforcing:
            body = self._below_coding(body)
        surface = wire.wire_for(exchange.endpoint)
        body = self._through_door(body)
        self.answer = surface.read_answer(body)
        said = exchange.endpoint.has_body or body.strip()
        if self.answer.error == "unreadable" and exchange.enforcing and said:
            return self._on_failed("malformed")
        refused: dict[str, str] = {}
        for piece in self.answer.output:
            self._seen.add(_written(piece))
        for piece in self.answer.output:
            if isinstance(piece, ToolCall):
                told, _ = yield from self._refusal_of(piece, [])
                if told is not None:
                    refused[piece.pointer] = told
            else:
                yield from self._add(piece, [])
        if refused:
            body = surface.edit_answer(body, refused)
            self.answer = surface.read_answer(body)
            for piece in self.answer.output:
                # What stands in place of the call will come back in the history as it is now.
                if isinstance(piece, OutputPart) and not self._emitted.has(piece):
                    self._emitted.add(piece)
        self._held = [body if exchange.enforcing else raw]
        self._closing = True
        return [self._close()]

    def _below_coding(self, body: bytes) -> bytes:
        """In `observe`, a plain answer as it would be read; nothing where it cannot be."""
        try:
            return self._decoded(body)
        except BadCoding:
            return b""

    def _through_door(self, body: bytes) -> bytes:
        """An answer of a provider that tells where to go next tells of this door instead."""
        exchange = self.exchange
        home = exchange.settings.upstreams.get(exchange.endpoint.upstream)
        door = exchange.head.door
        if not exchange.enforcing or not exchange.endpoint.keeps or door is None or home is None:
            return body
        gemini = exchange.endpoint.provider == "gemini"
        names = {"names": wire.GEMINI_MEMBERS} if gemini else {}
        led = wire.through_door(body, home, door, **names)
        self.edited = self.edited or led is not body
        return led

    def _led(self, headers: Headers) -> Headers | None:
        """The head of an answer that says where a file is to go; None where it leads past the door."""
        exchange = self.exchange
        home = exchange.settings.upstreams.get(exchange.endpoint.upstream)
        door = exchange.head.door
        self._emitted.mint(wire.resumable.upload_ids(headers))
        if not exchange.enforcing or door is None or home is None:
            return headers
        return wire.resumable.onward(headers, home, door)

    def _plain_head(self, length: int) -> SendHead:
        assert self._head is not None
        status, headers = self._head
        kept = [(n, v) for n, v in headers if n != b"content-length"]
        if self.edited and not self._own:
            kept = [(n, v) for n, v in kept if n not in (b"etag", b"digest", b"x-should-retry")]
        kept.append((b"content-length", str(length).encode()))
        self._head_sent = True
        stated: Headers = ()
        if not self._own and self._broken is None:
            stated = proving.answer_header(self.exchange, self._emitted, status)
        return SendHead(status, (*kept, *self.exchange.answer_headers(), *stated))

    # -- commits -------------------------------------------------------------------------------

    def _commit_emitted(self) -> Commit:
        return closing.of_emitted(self.exchange, self._emitted)

    def _close(self) -> Commit:
        if self._stream is not None and not self._unread:
            self.answer = self._stream.answer()
        end = closing.End(
            self.answer or Answer(),
            self.status,
            self._broken,
            self._seen,
            self._filtered,
        )
        return closing.of_end(self.exchange, self._emitted, end)

    def _on_committed(self) -> list[Command]:
        held, self._held = self._held, []
        out: list[Command] = []
        if self._plain is not None and not self._head_sent:
            body = b"".join(held)
            out.append(self._plain_head(len(body)))
        out.extend(SendBytes(chunk) for chunk in held if chunk)
        if self._closing and not self._closed:
            self._closed = True
            # What a provider says after its last event is no part of the answer; in `observe` it
            # passes all the same.
            self._passing = not (self.exchange.enforcing or self._ended)
            if not self._passing:
                out.append(Finish(clean=not self._cut))
        return out

    # -- what goes wrong -----------------------------------------------------------------------

    def _on_store_failed(self, reason: str) -> list[Command]:
        exchange = self.exchange
        exchange.engine.unindexed_run(exchange.known_instance().run)
        if not exchange.enforcing:
            exchange.engine.note_unrecorded()
            if self._listing is not None:
                body, _, _ = self._listing
                self._listing = None
                return self._on(self._plain_answer(body))
            return self._on_committed()
        if self._closed:
            return [Finish(clean=False)]
        exchange.code = "firedoor_unavailable"
        self._held = []
        self._closed = True
        message = "The door cannot write its ledger, so nothing more of this answer passes."
        stop = [] if self._broken == "gone" else [StopUpstream()]
        if self._stream is not None:
            told = self._stop("firedoor_unavailable", message)
            said: list[Command] = [SendBytes(told)] if told else []
            return [*stop, *said, Finish(clean=bool(told))]
        if not self._head_sent:
            refusal = wire.refusal(
                "firedoor_unavailable",
                message,
                exchange.call_id,
                headers=exchange.answer_headers(refusal=True),
            )
            self.status = refusal.status
            return [
                *stop,
                SendHead(refusal.status, refusal.headers),
                SendBytes(refusal.body),
                Finish(),
            ]
        return [*stop, Finish(clean=False)]

    def _on_failed(self, reason: str) -> list[Command]:
        self._ended = True
        if self._passing:
            return [Finish(clean=False)]
        if self._closed:
            return []
        out: list[Command] = []
        rest = self._rest()
        if self._stream is not None:
            # What was complete counts; the half tool call does not leave.
            # A broken stream that nothing is added to must not look like a finished one.
            self._cut = not self.exchange.enforcing
            return self._on(self._broken_stream(rest, reason))
        if self._head_sent:
            self._cut = True
        elif self._plain is not None and not self.exchange.enforcing:
            out, self._cut = self._as_it_came(), True
        else:
            self._refused(reason)
        self._broken = self._broken or reason
        self._closing = True
        return [*out, self._close()]

    def _broken_stream(self, rest: Iterator[wire.Piece], reason: str) -> _Steps:
        out = yield from self._pieces(rest, last=True)
        if not self._closing and self.exchange.enforcing:
            self._end_here(reason, "The connection to the provider broke off.")
        self._broken = self._broken or reason
        self._closing = True
        return [*out, self._close()]

    def _refused(self, reason: str) -> None:
        """Put an answer of the door's own in place of one that cannot pass."""
        refusal = wire.upstream_failure(
            _UPSTREAM_STATUS.get(reason, 502), reason, self.exchange.call_id
        )
        self.status = refusal.status
        # Without firedoor's own headers: they are added when the head is sent.
        self._head, self._own = (refusal.status, refusal.headers), True
        self._plain, self._held = bytearray(), [refusal.body]

    def _as_it_came(self) -> list[Command]:
        """In `observe`: what was collected, under the provider's own head."""
        out: list[Command] = []
        if not self._head_sent:
            assert self._head is not None
            status, headers = self._head
            out.append(SendHead(status, (*headers, *self.exchange.answer_headers())))
            self._head_sent = True
        body = bytes(self._plain) if self._plain is not None else self._unsent
        return [*out, SendBytes(body)] if body else out

    def give_up(self) -> list[Command]:
        """What follows when the door itself failed on the answer. The call is settled once."""
        if self._closed:
            return [Finish(clean=False)]
        out: list[Command] = []
        self._paused = None
        if self.exchange.enforcing:
            out.append(StopUpstream())
            self._held = []
            if self._stream is not None:
                self._end_here("failed", "The door failed on this answer.")
            elif self._head_sent:
                self._cut = True
            else:
                self._refused("failed")
        elif self._head is not None:
            out = self._as_it_came()
        else:
            self._refused("failed")
        self._broken = "failed"
        self._closing = self._unread = True
        self.answer = None
        try:
            return [*out, self._close()]
        except Exception:
            # What could not be read cannot be written down either; the labels of what was emitted
            # are those of the whole run then.
            self.exchange.went_unrecorded()
            return [*out, *self._on_committed()]

    def _on_gone(self) -> list[Command]:
        if self._closed:
            return [Finish(clean=False)]
        self._broken = "gone"
        self._ended = self._cut = True
        for piece in self._rest():
            if isinstance(piece.done, OutputPart):
                self._emitted.add(piece.done)
            elif isinstance(piece.done, ToolCall) and self._stream is not None:
                self._stream.decide(None)
        self._held = []
        self._closing = True
        return [StopUpstream(), self._close()]


def _written(piece: OutputPart | ToolCall) -> str:
    """What a model wrote for this."""
    return piece.text if isinstance(piece, OutputPart) else piece.name + piece.arguments


def _may_say(status: int, headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether an answer is one, and may have a body: what was deleted is answered by nothing."""
    empty = status in (204, 205) or (b"content-length", b"0") in headers
    return 200 <= status < 300 and not empty

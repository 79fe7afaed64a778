"""One answer on its road back: what it emits is labelled, recorded, and only then complete.

On a stream, text passes as it comes. From a tool call or the terminal event on, bytes wait for one
commit that makes what they emit durable (promise 3); then they leave. A plain answer waits whole.
Whatever goes wrong, the client gets the surface's own ending and the call is settled once.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from firedoor import lineage, wire
from firedoor.engine import explain
from firedoor.engine.commands import Command, Finish, SendBytes, SendHead, StopUpstream
from firedoor.engine.events import (
    CallerGone,
    UpstreamBytes,
    UpstreamEnd,
    UpstreamFailed,
    UpstreamHead,
)
from firedoor.engine.judge import call_ask
from firedoor.engine.port import (
    CallRow,
    Commit,
    Committed,
    EntryDraft,
    FoundParts,
    Stale,
    StoreFailed,
)
from firedoor.identity import attempt_of, extend_all
from firedoor.identity.claims import HOP_BY_HOP
from firedoor.policy import affordances_of, call_verdict
from firedoor.types.exchange import Headers
from firedoor.types.ids import Digest
from firedoor.types.label import BOTTOM, Label, join, up
from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart, ToolCall
from firedoor.types.record import (
    Emission,
    MintedRow,
    Place,
    RunRow,
    StoreMark,
    StoreRecord,
    TurnRow,
)
from firedoor.types.verdict import Action, Verdict
from firedoor.wire import Act

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange

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
        self._plain: bytearray | None = None
        """A plain answer being collected; None when bytes pass through unread."""
        self._held: list[bytes] = []
        """Bytes that wait for the commit under way."""
        self._closing = False
        self._closed = False
        self._untold = False
        """Whether the answer was stopped and has no words for it: then it is cut."""
        self._early = self._trailing = False
        """Whether the answer ended before its bytes did, and whether it has been written down. In
        ``observe`` what comes after the end passes like the rest."""
        self._seen_chars = 0
        # What was emitted since the last commit, and the label it carries (MODEL line 22).
        self.label: Label = exchange.exposed_label()
        self._retold = exchange.retold[0].label if exchange.retold is not None else BOTTOM
        """The label of what an answer tells anew, as its owner's room has it."""
        self._emissions: list[Emission] = []
        self._records: list[StoreRecord] = []
        self._marks: list[StoreMark] = []
        self._minted: dict[Digest, MintedRow] = {}
        self._texts: dict[str, str] = {}
        self._new_texts: dict[str, str] = {}
        self._tools: list[dict[str, Any]] = []
        self._broken: str | None = None
        self._listing: tuple[bytes, wire.Listing, list[Digest | None]] | None = None
        """A list whose elements' owners are being looked up."""
        self._filtered = 0
        """How many of them the caller may not see."""
        self._contents = 0

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
            case Committed():
                return self._on_committed()
            case FoundParts():
                return self._on_listed(event)
            case Stale():
                # Nothing that a close writes can be refused for its orders; say so if it is.
                return self._on_store_failed("refused")
            case StoreFailed():
                return self._on_store_failed(event.reason)
        return []

    def _on_head(self, event: UpstreamHead) -> list[Command]:
        exchange = self.exchange
        self.status = event.status
        kept = [
            (name, value)
            for name, value in event.headers
            if name not in HOP_BY_HOP and not name.startswith(b"x-firedoor-")
        ]
        content_type = b"".join(v for n, v in kept if n == b"content-type").lower()
        coded = any(n == b"content-encoding" and v.strip() != b"identity" for n, v in kept)
        known = exchange.endpoint.known and not coded and 200 <= event.status < 300
        surface = wire.wire_for(exchange.endpoint)
        streamed = known and content_type.startswith(b"text/event-stream")
        if streamed or (known and surface.lines is not None):
            self._stream = (surface.lines or surface.stream)(exchange.enforcing)
            if exchange.enforcing:
                kept = [(n, v) for n, v in kept if n != b"content-length"]
        elif known and content_type.startswith(b"application/json"):
            self._plain = bytearray()
            self._head = (event.status, tuple(kept))
            return []
        elif exchange.enforcing and exchange.endpoint.known and 200 <= event.status < 300:
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
        if self._trailing:
            return [SendBytes(chunk)]
        if self._closed:
            return []
        if self._stream is not None:
            return self._pieces(self._stream.feed(chunk))
        if self._plain is not None:
            self._plain += chunk
            if len(self._plain) > self.exchange.settings.answer_bytes_max:
                return self._on_failed("too_large")
            return []
        return [SendBytes(chunk)]

    # -- streams -----------------------------------------------------------------------------

    def _pieces(self, pieces: Any, *, last: bool = False) -> list[Command]:
        out: list[Command] = []
        stream = self._stream
        assert stream is not None
        wait = bool(self._held)
        for piece in pieces:
            self._seen_chars += len(piece.text)
            if isinstance(piece.done, ToolCall):
                verdict = self._judge_call(piece.done)
                refused = verdict.action is not Action.ALLOW and self.exchange.enforcing
                stream.decide(_REFUSED_CALL.format(name=piece.done.name) if refused else None)
                # In `observe` the bytes of a call have gone already; nothing waits for it.
                wait = wait or self.exchange.enforcing
            elif isinstance(piece.done, OutputPart):
                self._emit_part(piece.done)
            if piece.terminal:
                self._closing = wait = True
                self._early = not self.exchange.enforcing
            elif piece.minted and self.exchange.enforcing:
                # An id may be used as soon as it is known: it leaves when it is recorded.
                self._mint(piece.minted)
                wait = True
            if not piece.raw:
                continue
            if wait:
                self._held.append(piece.raw)
            else:
                out.append(SendBytes(piece.raw))
        if self._closing:
            out.append(self._close())
        elif wait and not last:
            # What the last bytes said is written down with the end.
            out.append(self._commit_emitted())
        return out

    def _on_end(self) -> list[Command]:
        if self._trailing:
            return [Finish()]
        if self._closed or self._closing:
            return []
        if self._stream is not None:
            commands = self._pieces(self._stream.end(), last=True)
            self._early = False
            if self._closing:
                return commands
            if self.exchange.enforcing and not self._stream.complete:
                # SDKs take a clean end of file for a finished answer; this one was not.
                self._broken = "ended early"
                self._held.append(
                    self._stop("firedoor_upstream", "The provider's stream ended early.")
                )
            self._closing = True
            return [*commands, self._close()]
        if self._plain is not None:
            body = bytes(self._plain)
            return self._list(body) if self._lists() else self._plain_answer(body)
        self._closing = True
        return [self._close()]

    def _stop(self, code: str, message: str) -> bytes:
        assert self._stream is not None
        told = self._stream.stop(code, message, self.exchange.call_id)
        self._untold = not told
        return told

    # -- lists ---------------------------------------------------------------------------------

    def _lists(self) -> bool:
        return self.exchange.endpoint.lists_all and self._broken is None

    def _list(self, body: bytes) -> list[Command]:
        """A list of what a credential owns: whose each element is, the store is asked."""
        exchange = self.exchange
        listing = wire.listing(body)
        if listing is None:
            return self._on_failed("malformed") if exchange.enforcing else self._plain_answer(body)
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
        for row in rows.values():
            self.label = join(self.label, up(row.label, row.room, room))
        return self._plain_answer(body)

    # -- plain answers -------------------------------------------------------------------------

    def _plain_answer(self, body: bytes) -> list[Command]:
        exchange = self.exchange
        surface = wire.wire_for(exchange.endpoint)
        body = self._through_door(body)
        self.answer = surface.read_answer(body)
        if self.answer.error == "unreadable" and exchange.enforcing and exchange.endpoint.has_body:
            return self._on_failed("malformed")
        refused: dict[str, str] = {}
        for piece in self.answer.output:
            if isinstance(piece, ToolCall):
                verdict = self._judge_call(piece)
                if verdict.action is not Action.ALLOW and exchange.enforcing:
                    refused[piece.pointer] = _REFUSED_CALL.format(name=piece.name)
            else:
                self._emit_part(piece)
        if refused:
            body = surface.edit_answer(body, refused)
            self.answer = surface.read_answer(body)
            self.edited = True
            for piece in self.answer.output:
                # What stands in place of the call will come back in the history as it is now.
                if isinstance(piece, OutputPart) and piece.text != self._texts.get(piece.pointer):
                    self._emit_part(piece)
        self._held = [body]
        self._closing = True
        return [self._close()]

    def _through_door(self, body: bytes) -> bytes:
        """An answer of a provider that tells where to go next tells of this door instead."""
        exchange = self.exchange
        home = exchange.settings.upstreams.get(exchange.endpoint.upstream)
        door = exchange.head.door
        if not exchange.enforcing or not exchange.endpoint.keeps or door is None or home is None:
            return body
        led = wire.through_door(body, home, door)
        self.edited = self.edited or led is not body
        return led

    def _plain_head(self, length: int) -> SendHead:
        assert self._head is not None
        status, headers = self._head
        kept = [(n, v) for n, v in headers if n != b"content-length"]
        if self.edited:
            kept = [(n, v) for n, v in kept if n not in (b"etag", b"digest", b"x-should-retry")]
        kept.append((b"content-length", str(length).encode()))
        self._head_sent = True
        return SendHead(status, (*kept, *self.exchange.answer_headers()))

    # -- what is emitted -----------------------------------------------------------------------

    def _emit(self, text: str) -> list[Emission]:
        exchange = self.exchange
        row, label = exchange.known_instance(), self.label
        if exchange.retold is not None:
            row, label = exchange.retold[1], self._retold
        made = lineage.emissions_of(
            text,
            digester=exchange.settings.digester,
            room=row.room,
            run=row.run,
            label=label,
            instance=row.id,
            author=row.name,
            compartment=row.compartment,
            call=exchange.call_id,
            held=exchange.digests.__contains__,
        )
        self._emissions.extend(made)
        return list(made)

    def _emit_part(self, part: OutputPart) -> None:
        if part.kind is OutputKind.HOSTED:
            # Text that a provider's tool brought in: an outside root, joined before a later part
            # of the same answer is judged (MODEL line 22).
            outside = lineage.outside_label(self.exchange.endpoint.upstream)
            self.label = join(self.label, outside)
            self._retold = join(self._retold, outside)
        elif part.text:
            self._emit(part.text)
        if part.text:
            self._texts[part.pointer] = self._new_texts[part.pointer] = part.text

    def _mint(self, minted: Iterable[MintedId]) -> None:
        """Note whose the ids of an answer are: this call's, which they are the answer of.

        Not those that the request itself named, nor what is shown of things that are not the
        caller's: nobody comes to own a thing by asking for it.
        """
        exchange = self.exchange
        if not exchange.mints:
            return
        row = exchange.known_instance()
        for m in minted:
            id_ = exchange.settings.digester(f"id\x1f{m.id}")
            if id_ not in exchange.referred:
                self._minted[id_] = MintedRow(
                    id_, m.resource, row.credential, row.room, row.run, row.id, self.label,
                    exchange.call_id, exchange.endpoint.act is not Act.LIST,
                )  # fmt: skip

    def _judge_call(self, call: ToolCall) -> Verdict:
        exchange = self.exchange
        policy = exchange.policy
        affordances = affordances_of(policy, call.name)
        ask = call_ask(exchange, call.name, affordances, self.label)
        verdict = call_verdict(policy, ask)
        shown = verdict
        if verdict.action is Action.ALLOW and verdict.shadow:
            rule, action = verdict.shadow[0]
            shown = Verdict(action, rule, verdict.shadow)
        self._tools.append(
            {
                "pointer": call.pointer,
                "name": call.name,
                "affordances": list(affordances),
                "verdict": shown.action.value,
                "rule": shown.rule,
                "shadow": shown is not verdict,
            }
        )
        if verdict.rule is not None:
            exchange.rules[verdict.rule] = None
        if verdict.action is not Action.ALLOW and exchange.enforcing:
            self.edited = True
            return verdict
        made = self._emit(call.arguments)
        self._texts[call.pointer] = self._new_texts[call.pointer] = call.arguments
        use = exchange.settings.stores.place_of(call.name, call.arguments)
        if use is not None and use.writes and use.place is not None:
            row = exchange.known_instance()
            self._marks.append(StoreMark(use.place, row.room, self.label))
            self._records.extend(StoreRecord(use.place, e) for e in made)
            if use.place.key is not None:
                # A search over the whole store finds it too.
                whole = Place(use.place.store)
                self._records.extend(StoreRecord(whole, e) for e in made)
        return verdict

    # -- commits -------------------------------------------------------------------------------

    def _drain(self) -> dict[str, Any]:
        row = self.exchange.known_instance()
        fields: dict[str, Any] = {
            "emissions": tuple(dict.fromkeys(self._emissions)),
            "records": tuple(self._records),
            "marks": tuple(self._marks),
            "minted": (*self._minted.values(), *self._risen()),
        }
        label = join(self.exchange.run_committed, self.label)
        if label != self.exchange.run_committed or self.exchange.store_down:
            self.exchange.run_committed = label
            fields["run"] = RunRow(row.run, row.room, label)
        if self.exchange.settings.keep_content and self._new_texts:
            self._contents += 1
            fields["content"] = explain.compact_bytes({"answer": self._new_texts})
            fields["content_n"] = self._contents
        self._emissions, self._records, self._marks, self._new_texts = [], [], [], {}
        self._minted = {}
        return fields

    def _risen(self) -> Iterator[MintedRow]:
        """State at the provider whose label is higher now: what was written, or told anew."""
        yield from self.exchange.rises(self.label)
        if self.exchange.retold is not None and self._retold != self.exchange.retold[0].label:
            yield self.exchange.retold[0]._replace(label=self._retold, written=True)

    def _commit_emitted(self) -> Commit:
        exchange = self.exchange
        return Commit(
            at=exchange.at,
            call=CallRow(exchange.call_id, exchange.known_instance().id, None, 0),
            entry=None,
            awaited=exchange.enforcing,
            **self._drain(),
        )

    def _close(self) -> Commit:
        exchange = self.exchange
        row = exchange.known_instance()
        if self._stream is not None:
            self.answer = self._stream.answer()
        answer = self.answer or Answer()
        answered = self._broken is None and self.status is not None and self.status < 400
        digester = exchange.settings.digester
        turns = []
        if self._broken is None and answer.error is None and exchange.retold is None:
            for choice in answer.turns:
                chain = extend_all(exchange.chain, choice, digester)
                if chain != exchange.chain:
                    turns.append(TurnRow(chain, exchange.who.credential, exchange.call_id, row.id))
        self._mint(answer.minted)
        if exchange.params.stored and answer.id is not None:
            self._mint([MintedId("completion", answer.id)])
        for turn in turns:
            exchange.engine.answered(exchange.who.credential, turn, row)
        if answered and exchange.attempt is not None:
            exchange.engine.settled(exchange.who.credential, exchange.attempt)
        usage = {
            "input_tokens": answer.usage.input_tokens if answer.usage else None,
            "output_tokens": answer.usage.output_tokens if answer.usage else None,
        }
        state = "answered" if self._broken is None else "broken"
        closed = {
            "verdict": exchange.verdict,
            "code": exchange.code,
            "state": state,
            "tools": self._tools,
            "exposures": exchange.exposures(self.label),
            "upstream": {
                "status": self.status,
                "usage": usage,
                "model": answer.model,
                "id": answer.id,
                "finish": list(answer.finish),
                "error": answer.error or self._broken,
                "seen_characters": self._seen_chars,
                "filtered": self._filtered,
            },
        }
        body: dict[str, object] = {
            "call": exchange.call_id,
            "verdict": exchange.verdict,
            "code": exchange.code,
            "state": state,
            "status": self.status,
            "label": explain.label_json(self.label),
            "usage": dict(usage),
            "tools": [
                {"name": t["name"], "verdict": t["verdict"], "rule": t["rule"]} for t in self._tools
            ],
            "output": self._commitment(),
        }
        return Commit(
            at=exchange.at,
            call=CallRow(
                call=exchange.call_id,
                instance=row.id,
                base=None,
                base_parts=0,
                closed=explain.compact_bytes(closed),
                attempt=exchange.attempt,
                answered=answered,
                settles=exchange.attempt if answered and exchange.second_try else None,
            ),
            entry=EntryDraft("call.close", body),
            awaited=exchange.enforcing,
            turns=tuple(turns),
            **self._drain(),
        )

    def _commitment(self) -> str | None:
        if not self._texts:
            return None
        digester = self.exchange.settings.digester
        return attempt_of(digester("output"), self._texts.values(), digester).hex()

    def _on_committed(self) -> list[Command]:
        held, self._held = self._held, []
        out: list[Command] = []
        if self._plain is not None and not self._head_sent:
            body = b"".join(held)
            out.append(self._plain_head(len(body)))
        out.extend(SendBytes(chunk) for chunk in held if chunk)
        if self._closing:
            self._closed = True
            # A broken stream that nothing was added to must not look like a finished one.
            bare = self._stream is not None and self._broken is not None
            cut = self._broken == "gone" or (bare and not self.exchange.enforcing)
            cut = cut or self._untold
            if self._early and not cut:
                self._trailing = True
            else:
                out.append(Finish(clean=not cut))
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
                return self._plain_answer(body)
            return self._on_committed()
        if self._closed:
            return [Finish(clean=False)]
        exchange.code = "firedoor_unavailable"
        self._held = []
        self._closed = True
        message = "The door cannot write its ledger, so nothing more of this answer passes."
        stop = [] if self._broken == "gone" else [StopUpstream()]
        if self._stream is not None:
            return [*stop, SendBytes(self._stop("firedoor_unavailable", message)), Finish()]
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
        if self._trailing:
            return [Finish(clean=False)]
        if self._closed:
            return []
        self._broken = reason
        out: list[Command] = []
        if reason == "too_large":
            out.append(StopUpstream())
        if self._stream is not None:
            # What was complete counts; the half tool call does not leave.
            out += self._pieces(self._stream.end(), last=True)
            self._early = False
            if self._closing:
                return out
            if self.exchange.enforcing:
                stop = self._stop("firedoor_upstream", "The connection to the provider broke off.")
                self._held.append(stop)
        elif not self._head_sent:
            status = _UPSTREAM_STATUS.get(reason, 502)
            refusal = wire.upstream_failure(
                status, reason, self.exchange.call_id, headers=self.exchange.answer_headers()
            )
            self.status = refusal.status
            self._head = (refusal.status, refusal.headers)
            self._plain = bytearray()
            self._head_sent = False
            self._held = [refusal.body]
        self._closing = True
        return [*out, self._close()]

    def _on_gone(self) -> list[Command]:
        if self._closed:
            return [Finish(clean=False)]
        self._broken = "gone"
        if self._stream is not None:
            for piece in self._stream.end():
                if isinstance(piece.done, OutputPart):
                    self._emit_part(piece.done)
                elif isinstance(piece.done, ToolCall):
                    self._stream.decide(None)
        self._held = []
        self._closing = True
        return [StopUpstream(), self._close()]

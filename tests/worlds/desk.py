"""Drives the real engine on a real store: calls are made, or only asked about."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from driving import Office, Outcome, settings_for
from firedoor import lineage
from firedoor.config.settings import Settings
from firedoor.engine import Engine
from firedoor.engine.commands import ReadBody
from firedoor.engine.events import RequestRead, UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.engine.explain import part_shown
from firedoor.engine.port import Commit, FoundParts, FoundWho, LookParts, LookWho
from firedoor.testing import Reply
from firedoor.types.exchange import Caller, RequestHead
from firedoor.types.ids import CallId, RunId
from firedoor.types.label import Label
from firedoor.types.record import Place
from worlds.asks import MESSAGES, PATHS, Ask, Party, answer_bytes, body_of, text_at


@lru_cache(maxsize=64)
def settings(mode: str, policy: str, reach: int) -> Settings:
    """Settings of one policy file, read once."""
    with TemporaryDirectory() as folder:
        made = settings_for(Path(folder), mode, policy)
    return replace(made, policy=replace(made.policy, reach_limit=reach))


Parts = dict[str, dict[str, Any]]
Found = Callable[[FoundParts], FoundParts]
Answer = Callable[[list[bool]], Reply]
"""What a model says, when these pieces of the request are shown to it."""


@dataclass(frozen=True)
class Seen:
    """What one call came to."""

    ask: Ask
    where: tuple[str, ...]
    call: str
    status: int
    code: str | None
    instance: str
    room: str
    label: Label
    """λ of the call."""
    run_label: Label
    """ρ of the run once the call had been judged."""
    parts: Parts
    """By pointer, as ``explain`` tells them."""
    texts: tuple[Any, ...]
    """What stands upstream at the place of each piece."""
    refused_tools: frozenset[str]

    def shown(self, i: int) -> bool:
        """Whether a piece entered the context."""
        return bool(self.status == 200 and self.texts[i] == self.ask.pieces[i].text)

    def depth(self, i: int) -> int | None:
        """The generation that the door gives a piece."""
        found: int | None = self.parts[self.where[i]]["generation"]
        return found


@dataclass(frozen=True)
class Probe:
    """What one call would come to: nothing of it is written down."""

    parts: Parts
    label: Label
    run_label: Label
    refused: str | None


class Desk:
    """One door, and those who call it."""

    def __init__(
        self, mode: str, policy: str, reach: int, pipes: random.Random, *, matching: bool = True
    ) -> None:
        self.office = Office(settings(mode, policy, reach), matching=matching)
        self.pipes = pipes
        """Decides how bytes travel; never what is said."""
        self.streams = 0.3
        """Share of answers that are streamed."""

    @property
    def engine(self) -> Engine:
        return self.office.engine

    @property
    def next_call(self) -> int:
        """The number of the next call."""
        return self.office.calls + 1

    def close(self) -> None:
        self.office.store.close()

    def restart(self) -> None:
        """A new engine on the same store. What helpers said lives in the programs, which stay."""
        attested, unindexed = self.engine.attested, self.engine.unindexed
        self.office.forget()
        self.engine.attested, self.engine.unindexed = attested, unindexed

    # -- what programs say by helpers ------------------------------------------------------------

    def help(self, ask: Ask) -> None:
        """Tell the door what the program says of its texts."""
        for piece in ask.pieces:
            for passage in lineage.whole_passages(piece.text, self.engine.settings.digester):
                if piece.helper is not None:
                    self.engine.attested.grant(passage, piece.helper)
                if piece.place is not None:
                    self.engine.attested.place(passage, Place(*piece.place))

    # -- calls -----------------------------------------------------------------------------------

    def send(self, ask: Ask, answer: Answer) -> Seen:
        """Make a call, to its end. ``answer`` says what the model replies to the pieces it is shown."""
        self.help(ask)
        n = self.next_call
        stream = self.pipes.random() < self.streams
        body, where = body_of(ask, stream=stream)
        kind = b"text/event-stream" if stream else b"application/json"
        now = 1.7e9 + n

        def upstream(sent: Any) -> list[Any]:
            shown = [text_at(sent, at) == p.text for at, p in zip(where, ask.pieces, strict=True)]
            whole = answer_bytes(ask, answer(shown), n, stream=stream)
            chunks = [UpstreamBytes(chunk, now) for chunk in self._cut(whole)]
            head = UpstreamHead(200, ((b"content-type", kind),), now)
            return [head, *chunks, UpstreamEnd(now)]

        found = self.office.call(
            ask.party.binding, [], path=PATHS[ask.surface], body=json.dumps(body).encode(),
            headers=headers_of(ask), upstream=upstream, run=ask.party.run, at=now,
            front="sidecar" if ask.party.credential else "transport",
        )  # fmt: skip
        return self._seen(ask, where, found)

    def create_conversation(self, party: Party) -> str:
        """An empty conversation at the provider; its id."""
        id_ = f"conv_{self.next_call}"
        now = 1.7e9 + self.next_call
        said = json.dumps({"id": id_, "object": "conversation"}).encode()
        events = [UpstreamHead(200, ((b"content-type", b"application/json"),), now),
                  UpstreamBytes(said, now), UpstreamEnd(now)]  # fmt: skip
        found = self.office.call(
            party.binding, [], path="/v1/conversations", body=b"{}", upstream=events,
            run=party.run, at=now,
        )  # fmt: skip
        assert found.status == 200, found.body
        return id_

    def _cut(self, whole: bytes) -> list[bytes]:
        cuts = sorted(self.pipes.randrange(len(whole)) for _ in range(self.pipes.randrange(4)))
        return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True) if a < b]

    def _seen(self, ask: Ask, where: list[str], found: Outcome) -> Seen:
        told = self.office.explain(found)
        sent = found.request
        exchange = found.exchange
        return Seen(
            ask=ask,
            where=tuple(where),
            call=exchange.call_id,
            status=found.status,
            code=found.code,
            instance=told["instance_id"],
            room=told["room"],
            label=exchange.tally.shown,
            run_label=exchange.judged.run_label,
            parts={p["pointer"]: p for p in told["parts"]},
            texts=tuple(text_at(sent, at) for at in where),
            refused_tools=frozenset(
                t["name"] for t in told["tools"]
                if t["verdict"] != "allow" and exchange.enforcing and not t["shadow"]
            ),
        )  # fmt: skip

    # -- questions -------------------------------------------------------------------------------

    def probe(self, ask: Ask, *, hide: Found | None = None, helpers: bool = True) -> Probe:
        """What a new engine on the same store would make of a call, if it came now.

        ``hide`` takes evidence out of what the store finds. Nothing is written.
        """
        office = self.office
        engine = office.new_engine()
        if helpers:
            engine.attested, engine.unindexed = office.engine.attested, office.engine.unindexed
        body, _ = body_of(ask, stream=False)
        raw = json.dumps(body).encode()
        now = 1.7e9 + self.next_call
        front = "sidecar" if ask.party.credential else "transport"
        run = RunId(ask.party.run) if front == "transport" else None
        exchange = engine.open(
            RequestHead("POST", PATHS[ask.surface], "", headers_of(ask)),
            Caller(front, ask.party.binding, run),
            call_id=CallId(f"c_{self.next_call:08}"), at=now,
        )  # fmt: skip
        todo: list[Any] = list(exchange.start())
        while True:
            command = todo.pop(0)
            if isinstance(command, Commit):
                break
            if isinstance(command, ReadBody):
                event: Any = RequestRead(raw, now)
            elif isinstance(command, LookWho):
                event = office.store.look_who(command)
                assert isinstance(event, FoundWho)
            else:
                assert isinstance(command, LookParts)
                event = office.store.look_parts(command)
                event = hide(event) if hide is not None else event
            todo = [*exchange.receive(event), *todo]
        opened = json.loads(command.call.opened or b"{}")
        stretches = [opened["turns"]["parts"], *(f["parts"] for f in opened["fields"].values())]
        parts = {p["pointer"]: part_shown(p) for found in stretches for p in found}
        return Probe(parts, exchange.tally.shown, exchange.judged.run_label, exchange.code)


def headers_of(ask: Ask) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of a call."""
    found: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    if ask.surface == MESSAGES:
        found.append((b"anthropic-version", b"2023-06-01"))
    if ask.party.credential is not None:
        found.append((b"authorization", b"Bearer " + ask.party.credential.encode()))
    return tuple(found)

"""Drives an engine on a real store, one chat completion at a time, without any socket."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from firedoor import lineage
from firedoor.config import load_settings
from firedoor.config.settings import Settings
from firedoor.door import engine_settings
from firedoor.engine import Engine, Exchange, explained
from firedoor.engine.commands import (
    Finish,
    Forward,
    ReadBody,
    SendBytes,
    SendHead,
    StopUpstream,
)
from firedoor.engine.events import RequestRead, UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.engine.port import Commit, LookKey, LookParts, LookWho, StoreFailed
from firedoor.errors import StoreError
from firedoor.store import SqliteStore, StoreReader, open_store
from firedoor.testing import Call, Reply
from firedoor.testing.shapes import chat
from firedoor.types.exchange import Binding, Caller, RequestHead
from firedoor.types.ids import CallId, RunId


def settings_for(folder: Path | None, mode: str, policy: str = "") -> Settings:
    """Settings of a policy file in ``folder``, or of none."""
    path = None
    if policy:
        assert folder is not None
        path = folder / "firedoor.yaml"
        path.write_text("version: 1\n" + policy)
    return load_settings(path, environ={}, flags={"mode": mode})


@dataclass
class Outcome:
    """What one call came to."""

    exchange: Exchange
    status: int
    sent: bytes | None
    """What went upstream; None when nothing did."""
    body: bytes
    """What the client got."""
    headers: dict[str, str]
    raw_headers: tuple[tuple[bytes, bytes], ...] = ()
    clean: bool | None = None
    """How it ended; None when it did not."""

    @property
    def code(self) -> str | None:
        return self.exchange.code

    @property
    def request(self) -> Any:
        return json.loads(self.sent) if self.sent is not None else None

    @property
    def answer(self) -> Any:
        return json.loads(self.body)


@dataclass
class Office:
    """Agents that call one engine."""

    settings: Settings
    url: str = "sqlite::memory:"
    run: str = "r_office"
    calls: int = 0
    people: bool = False
    """Whether every user turn was typed by a person, as `door.human` says it."""
    gives_up: bool = False
    """Whether an engine that fails gives the call up, as behind a front."""
    matching: bool = True
    """Whether texts are known again by their fingerprints, or by exact digests alone."""
    store: SqliteStore = field(init=False)
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.store = open_store(self.url, retention=self.settings.retention.content)
        self.engine = self.new_engine()

    def new_engine(self) -> Engine:
        """An engine on the store, which knows nothing of the calls so far."""
        settings = engine_settings(self.settings, self.store)
        return Engine(settings if self.matching else replace(settings, printer=None))

    @property
    def reader(self) -> StoreReader:
        return StoreReader(self.store)

    def explain(self, outcome: Outcome) -> dict[str, Any]:
        call = outcome.exchange.call_id
        reader = self.reader
        found = explained(call, reader.opened, reader.closed, reader.call_entries(call))
        assert found is not None
        return found

    def forget(self) -> None:
        """A new engine on the same store: as after a restart."""
        self.engine = self.new_engine()

    def call(
        self,
        who: Binding | None,
        messages: list[dict[str, Any]],
        reply: Reply | None = None,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        path: str = "/v1/chat/completions",
        method: str = "POST",
        body: bytes | None = None,
        extra: dict[str, Any] | None = None,
        at: float | None = None,
        front: str = "transport",
        run: str | None = None,
        upstream: list[Any] | Callable[[Any], list[Any]] | None = None,
        query: str = "",
    ) -> Outcome:
        """One exchange, to its end; ``upstream`` are the provider's events, less their time, or what
        makes them of the request that it got."""
        self.calls += 1
        for turn in messages if self.people else []:
            if turn["role"] == "user":
                for passage in lineage.whole_passages(
                    turn["content"], self.engine.settings.digester
                ):
                    self.engine.attested.grant(passage, "human")
        now = at if at is not None else 1.7e9 + self.calls
        if body is None:
            body = json.dumps({"model": "m", "messages": messages, **(extra or {})}).encode()
        caller = Caller(front, who, RunId(run or self.run) if front == "transport" else None)
        exchange = self.engine.open(
            RequestHead(method, path, query, headers), caller,
            call_id=CallId(f"c_{self.calls:08}"), at=now,
        )  # fmt: skip
        answer = json.dumps(chat(reply or Reply("All right, that is done."), "m", self.calls))
        kind = ((b"content-type", b"application/json"),)
        whole = [UpstreamHead(200, kind, now), UpstreamBytes(answer.encode(), now),
                 UpstreamEnd(now)]  # fmt: skip
        events: deque[Any] = deque()
        out = Outcome(exchange, 0, None, b"", {})
        todo: list[Any] = list(exchange.start())
        while todo or events:
            if not todo:
                todo = self._receive(exchange, events.popleft())
                continue
            command = todo.pop(0)
            match command:
                case ReadBody():
                    if command.reader is not None:
                        command.reader.feed(body)
                    todo = [*exchange.receive(RequestRead(body, now)), *todo]
                case LookKey() | LookWho() | LookParts() | Commit():
                    todo = [*exchange.receive(self._ask(command)), *todo]
                case Forward():
                    out.sent = command.body
                    said = upstream(out.request) if callable(upstream) else upstream
                    events.extend(whole if said is None else said)
                case StopUpstream():
                    events.clear()
                case Finish():
                    out.clean = command.clean
                    events.clear()
                case SendHead():
                    out.status = command.status
                    out.raw_headers = command.headers
                    out.headers = {n.decode(): v.decode() for n, v in command.headers}
                case SendBytes():
                    out.body += command.chunk
        return out

    def _receive(self, exchange: Exchange, event: Any) -> list[Any]:
        """As `Drive` does it, where ``gives_up`` says so; else what fails, fails the test."""
        if not self.gives_up:
            return exchange.receive(event)
        try:
            return exchange.receive(event)
        except Exception:
            return exchange.give_up()

    def _ask(self, command: Any) -> Any:
        try:
            if isinstance(command, Commit):
                return self.store.apply(command)
            if isinstance(command, LookKey):
                return self.store.look_key(command)
            if isinstance(command, LookWho):
                return self.store.look_who(command)
            return self.store.look_parts(command)
        except StoreError as error:
            return StoreFailed(type(error).__name__)

    # -- what agents do ------------------------------------------------------------------------

    def ask(self, who: Binding, prompt: str, *calls: Call, text: str = "") -> Outcome:
        """A fresh context with one question, answered by these tool calls."""
        return self.call(who, [{"role": "user", "content": prompt}], Reply(text, calls))

    def write(self, who: Binding, tool: str, **arguments: str) -> Outcome:
        """The instance writes by a tool."""
        return self.ask(who, f"Please write. ({self.calls})", Call(tool, arguments))

    def read(
        self,
        who: Binding,
        found: str,
        tool: str,
        *,
        reply: Reply | None = None,
        offers: tuple[str, ...] = (),
        **arguments: str,
    ) -> Outcome:
        """The instance asks to read by a tool, and is given ``found``; it is offered ``offers``."""
        tools = [{"type": "function", "function": {"name": name}} for name in offers]
        prompt = {"role": "user", "content": f"Please read. ({self.calls})"}
        id_ = f"call_{self.calls}"
        self.call(who, [prompt], Reply("", (Call(tool, arguments, id=id_),)))
        claim = {
            "id": id_,
            "type": "function",
            "function": {"name": tool, "arguments": json.dumps(arguments, separators=(",", ":"))},
        }
        turns = [
            prompt,
            {"role": "assistant", "content": None, "tool_calls": [claim]},
            {"role": "tool", "tool_call_id": id_, "content": found},
        ]
        return self.call(who, turns, reply, extra={"tools": tools} if tools else None)


def part(document: dict[str, Any], pointer: str) -> dict[str, Any]:
    """The record of one part of an explain document."""
    found = [p for p in document["parts"] if p["pointer"] == pointer]
    assert found, f"no part at {pointer}: {[p['pointer'] for p in document['parts']]}"
    result: dict[str, Any] = found[0]
    return result

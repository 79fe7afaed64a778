"""A call in the world's own words, and the same call as the bytes of three surfaces."""

import json
from dataclasses import dataclass, field
from typing import Any

from firedoor.testing import Call, Reply, shapes
from firedoor.types.exchange import Binding
from worlds.truth import CLEAN, Truth

CHAT, RESPONSES, MESSAGES = "chat", "responses", "messages"
SURFACES = (CHAT, RESPONSES, MESSAGES)
PATHS = {CHAT: "/v1/chat/completions", RESPONSES: "/v1/responses", MESSAGES: "/v1/messages"}


@dataclass(frozen=True)
class Party:
    """Who calls: an instance bound by the process, or nobody in particular under a credential."""

    name: str
    room: str
    run: str
    parent: "Party | None" = None
    credential: str | None = None
    """Set for one who says nothing of itself: its conversation is its room and its run."""

    @property
    def binding(self) -> Binding | None:
        if self.credential is not None:
            return None
        return Binding(self.name, self.room, self.parent.binding if self.parent else None)


@dataclass(frozen=True)
class Piece:
    """One text of a request."""

    role: str
    """``system``, ``user``, ``assistant`` or ``tool``."""
    text: str
    truth: Truth = CLEAN
    """What it truly descends from, as its reader's room sees it."""
    helper: str | None = None
    """``human`` or ``developer``, where the program says so of it."""
    place: tuple[str, str | None] | None = None
    """Where it lies, where the program says so."""
    calls: tuple[Call, ...] = ()
    """For an assistant's turn."""
    answers: Call | None = None
    """For a tool's: the call that it answers."""
    ours: bool = False
    """Whether the program chose its role freely: what stands under a listed `assume`."""


@dataclass(frozen=True)
class Ask:
    """One request."""

    party: Party
    surface: str
    pieces: tuple[Piece, ...]
    state: str | None = None
    """The id of server state that it goes on from."""
    state_truth: Truth = CLEAN
    extra: dict[str, Any] = field(default_factory=dict, hash=False)


def _arguments(call: Call) -> str:
    return json.dumps(call.arguments, separators=(",", ":"))


def _chat(ask: Ask) -> tuple[dict[str, Any], list[str]]:
    turns: list[dict[str, Any]] = []
    for piece in ask.pieces:
        turn: dict[str, Any] = {"role": piece.role, "content": piece.text or None}
        if piece.calls:
            turn["tool_calls"] = [
                {"id": c.id, "type": "function",
                 "function": {"name": c.name, "arguments": _arguments(c)}}
                for c in piece.calls
            ]  # fmt: skip
        if piece.answers is not None:
            turn["tool_call_id"] = piece.answers.id
        turns.append(turn)
    return {"messages": turns}, [f"/messages/{i}/content" for i in range(len(turns))]


def _responses(ask: Ask) -> tuple[dict[str, Any], list[str]]:
    items: list[dict[str, Any]] = []
    body: dict[str, Any] = {}
    where = []
    for piece in ask.pieces:
        at = f"/input/{len(items)}"
        if piece.role == "system":
            body["instructions"] = piece.text
            where.append("/instructions")
        elif piece.role == "tool":
            assert piece.answers is not None
            items.append({"type": "function_call_output", "call_id": piece.answers.id,
                          "output": piece.text})  # fmt: skip
            where.append(at + "/output")
        elif piece.role == "assistant":
            if piece.text:
                content = [{"type": "output_text", "text": piece.text, "annotations": []}]
                items.append({"type": "message", "role": "assistant", "content": content})
            where.append(at + "/content/0/text")
            items.extend(
                {"type": "function_call", "call_id": c.id, "name": c.name,
                 "arguments": _arguments(c)}
                for c in piece.calls
            )  # fmt: skip
        else:
            items.append({"role": "user", "content": piece.text})
            where.append(at + "/content")
    body["input"] = items
    if ask.state is not None:
        body["conversation" if ask.state.startswith("conv_") else "previous_response_id"] = (
            ask.state
        )
    return body, where


def _messages(ask: Ask) -> tuple[dict[str, Any], list[str]]:
    turns: list[dict[str, Any]] = []
    body: dict[str, Any] = {"max_tokens": 99}
    where = []
    for piece in ask.pieces:
        at = f"/messages/{len(turns)}/content"
        if piece.role == "system":
            body["system"] = piece.text
            where.append("/system")
            continue
        if piece.role == "tool":
            assert piece.answers is not None
            block = {"type": "tool_result", "tool_use_id": piece.answers.id, "content": piece.text}
            turns.append({"role": "user", "content": [block]})
            where.append(at + "/0/content")
            continue
        if piece.role == "user":
            turns.append({"role": "user", "content": piece.text})
            where.append(at)
            continue
        blocks: list[dict[str, Any]] = []
        if piece.text:
            blocks.append({"type": "text", "text": piece.text})
        blocks += [
            {"type": "tool_use", "id": c.id, "name": c.name, "input": c.arguments}
            for c in piece.calls
        ]
        turns.append({"role": "assistant", "content": blocks})
        where.append(at + "/0/text")
    return {**body, "messages": turns}, where


_BODIES = {CHAT: _chat, RESPONSES: _responses, MESSAGES: _messages}


def body_of(ask: Ask, *, stream: bool) -> tuple[dict[str, Any], list[str]]:
    """The request's body, and the pointer of each piece's text in it."""
    body, where = _BODIES[ask.surface](ask)
    more: dict[str, Any] = {"stream": True} if stream else {}
    if stream and ask.surface == CHAT:
        more["stream_options"] = {"include_usage": True}
    return {"model": "m", **body, **more, **ask.extra}, where


def answer_bytes(ask: Ask, reply: Reply, n: int, *, stream: bool) -> bytes:
    """The provider's answer in the surface's own shape."""
    if stream:
        events = {
            CHAT: lambda: shapes.chat_events(reply, "m", n, usage=True),
            RESPONSES: lambda: shapes.response_events(reply, "m", n),
            MESSAGES: lambda: shapes.message_events(reply, "m", n),
        }[ask.surface]()
        return "".join(event + "\n\n" for event in events).encode()
    whole = {CHAT: shapes.chat, RESPONSES: shapes.response, MESSAGES: shapes.message}
    answer = whole[ask.surface](reply, "m", n)
    if ask.state is not None and ask.state.startswith("conv_"):
        answer["conversation"] = {"id": ask.state}
    return json.dumps(answer).encode()


def text_at(body: Any, pointer: str) -> Any:
    """What stands at a pointer; None where it was removed."""
    for name in pointer.split("/")[1:]:
        try:
            body = body[int(name)] if isinstance(body, list) else body[name]
        except (KeyError, IndexError, TypeError):
            return None
    return body

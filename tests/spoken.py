"""A streamed request of every surface, and a provider's answer to it as events of the engine's."""

import json
from typing import Any, Final

from driving import Office, Outcome
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamFailed, UpstreamHead
from firedoor.testing import Reply, shapes
from firedoor.types.exchange import Binding

ASK: Final[list[dict[str, Any]]] = [{"role": "user", "content": "Hello."}]
ME: Final = Binding("planner-1", "research")
AT: Final = 1.7e9
PATHS: Final = {
    "chat": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "messages": "/v1/messages",
    "gemini": "/v1beta/models/gemini-2.0-flash:streamGenerateContent",
}
CALLING: Final = [surface for surface in PATHS if surface != "completions"]
"""Surfaces whose answers may hold tool calls."""


def request(surface: str, cap: int, model: str = "m") -> dict[str, Any]:
    """A request for a stream of at most ``cap`` tokens."""
    match surface:
        case "completions":
            return {"model": model, "prompt": "Hello.", "stream": True, "max_tokens": cap}
        case "responses":
            return {"model": model, "input": "Hello.", "stream": True, "max_output_tokens": cap}
        case "gemini":
            turn = {"role": "user", "parts": [{"text": "Hello."}]}
            return {"contents": [turn], "generationConfig": {"maxOutputTokens": cap}}
    return {"model": model, "messages": ASK, "stream": True, "max_tokens": cap}


def events(surface: str, reply: Reply) -> list[str]:
    """A provider's stream."""
    match surface:
        case "chat":
            return list(shapes.chat_events(reply, "m", 1, usage=True))
        case "completions":
            return list(shapes.completion_events(reply, {"prompt": "Hello."}, 1))
        case "responses":
            return list(shapes.response_events(reply, "m", 1))
        case "messages":
            return list(shapes.message_events(reply, "m", 1))
    return list(shapes.generated_events(reply, "m", 1))


def head(kind: str = "text/event-stream", status: int = 200, at: float = AT) -> UpstreamHead:
    """How an answer begins."""
    return UpstreamHead(status, ((b"content-type", kind.encode()),), at)


def told(lines: list[str], at: float = AT) -> list[UpstreamBytes]:
    """Events as bytes, one by one."""
    return [UpstreamBytes((line + "\n\n").encode(), at) for line in lines]


def whole(surface: str, reply: Reply) -> list[Any]:
    """A whole stream."""
    return [head(), *told(events(surface, reply)), UpstreamEnd(AT)]


def plain(answer: Any, status: int = 200, kind: str = "application/json") -> list[Any]:
    """An answer in one piece: these bytes, or this value as JSON."""
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return [head(kind, status), UpstreamBytes(body, AT), UpstreamEnd(AT)]


def broken(reason: str) -> list[Any]:
    """A provider that never answers."""
    return [UpstreamFailed(reason, AT)]


def stream(world: Office, surface: str, upstream: list[Any], cap: int = 50, who: Binding = ME,
           model: str = "m", at: float | None = None) -> Outcome:  # fmt: skip
    """One streamed call, answered by these events."""
    return world.call(
        who, [], path=PATHS[surface], query="alt=sse" if surface == "gemini" else "",
        headers=((b"anthropic-version", b"2023-06-01"),) if surface == "messages" else (),
        body=json.dumps(request(surface, cap, model)).encode(), upstream=upstream, at=at,
    )  # fmt: skip

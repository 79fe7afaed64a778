"""Edges: who told whom what inside one call, as far as the provider says so in the answer.

An allowed hop lets instances, servers and models that have no call of their own on this wire talk to
one another. What an answer shows of it is one edge a message, in wire order: its kind is the hop's
name, its ends are the names that the provider gives them. Only lengths are kept of what was said.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from firedoor.types.part import Edge
from firedoor.wire.answers import loads, placed, strings_of, word

_Json = Mapping[str, Any]
_Reader = Callable[[_Json, str, dict[str, str | None]], Iterator[Edge]]

_TARGETS: Final = ("recipient", "agent_name", "agent", "agent_id", "target", "name")
"""How the arguments of a call to another agent may name it."""
_LISTED: Final = ("data", "items", "events", "output", "content")
"""Members of an answer that list what happened."""


def _chars(value: Any) -> int:
    if isinstance(value, list):
        return sum(_chars(item) for item in value)
    if isinstance(value, dict) and "type" in value:
        value = {name: item for name, item in value.items() if name != "type"}
    return sum(len(text) for text in strings_of(value))


def _agent(item: _Json) -> str | None:
    agent = item.get("agent")
    return word(agent.get("agent_name")) if isinstance(agent, dict) else None


def _named(item: _Json, *members: str) -> str | None:
    return next((found for name in members if (found := word(item.get(name)))), None)


def _message(item: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    sender = _named(item, "author", "sender_agent_id")
    recipient = _named(item, "recipient", "recipient_agent_id", "agent_id")
    yield Edge("multi_agent", at, sender, recipient, _chars(item.get("content")))


def _asked(item: _Json, at: str, met: dict[str, str | None]) -> Iterator[Edge]:
    asked = loads(word(item.get("arguments")) or "{}") or {}
    recipient = _named(asked, *_TARGETS)
    if id_ := word(item.get("call_id")):
        met[id_] = recipient
    yield Edge("multi_agent", at, _agent(item), recipient, _chars(item.get("arguments")))


def _replied(item: _Json, at: str, met: dict[str, str | None]) -> Iterator[Edge]:
    sender = met.get(word(item.get("call_id")) or "")
    yield Edge("multi_agent", at, sender, _agent(item), _chars(item.get("output")))


def _awaited(item: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    asked = item.get("recipient_agent_ids")
    for id_ in asked if isinstance(asked, list) else ():
        yield Edge("multi_agent", at, word(item.get("sender_agent_id")), word(id_), 0)


def _thread(item: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    sender = _named(item, "from_agent_name", "from_session_thread_id")
    recipient = _named(item, "to_agent_name", "to_session_thread_id")
    yield Edge("hosted_agent", at, sender, recipient, _chars(item.get("content")))


def _mcp(item: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    server = word(item.get("server_label"))
    yield Edge("mcp", at, _agent(item), server, _chars(item.get("arguments")))
    answered = _chars(item.get("output")) + _chars(item.get("error"))
    if answered:
        yield Edge("mcp", at, server, _agent(item), answered)


def _mcp_asked(block: _Json, at: str, met: dict[str, str | None]) -> Iterator[Edge]:
    server = word(block.get("server_name"))
    met[word(block.get("id")) or ""] = server
    yield Edge("mcp", at, None, server, _chars(block.get("input")))


def _mcp_answered(block: _Json, at: str, met: dict[str, str | None]) -> Iterator[Edge]:
    server = met.get(word(block.get("tool_use_id")) or "")
    yield Edge("mcp", at, server, None, _chars(block.get("content")))


def _hosted_tool(block: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    if block.get("name") == "advisor":
        # The whole transcript goes along; its length is the request's.
        yield Edge("advisor", at, None, "advisor", _chars(block.get("input")))


def _advised(block: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    content = block.get("content")
    said = content.get("text") if isinstance(content, dict) else content
    yield Edge("advisor", at, "advisor", None, _chars(said))


def _fallback(block: _Json, at: str, _: dict[str, str | None]) -> Iterator[Edge]:
    ends = (block.get("from"), block.get("to"))
    sender, recipient = (word(e.get("model")) if isinstance(e, dict) else None for e in ends)
    yield Edge("fallback", at, sender, recipient, 0)


_READERS: Final[Mapping[str, _Reader]] = {
    "agent_message": _message,
    "multi_agent_call": _asked,
    "multi_agent_call_output": _replied,
    "create_subagent_call": _message,
    "send_subagent_input_call": _message,
    "resume_subagent_call": _message,
    "interrupt_subagent_call": _message,
    "close_subagent_call": _message,
    "wait_for_subagents_call": _awaited,
    "mcp_call": _mcp,
    "mcp_tool_use": _mcp_asked,
    "mcp_tool_result": _mcp_answered,
    "server_tool_use": _hosted_tool,
    "advisor_tool_result": _advised,
    "fallback": _fallback,
    "agent.thread_message_sent": _thread,
    "agent.thread_message_received": _thread,
}


def edges_of(items: Iterable[tuple[str, _Json]]) -> tuple[Edge, ...]:
    """The edges that the items or blocks of one answer show, each given with its pointer."""
    found: list[Edge] = []
    met: dict[str, str | None] = {}
    for at, item in items:
        kind = item.get("type")
        reader = _READERS.get(kind) if isinstance(kind, str) else None
        if reader is not None:
            found.extend(reader(item, at, met))
    return tuple(found)


def listed_edges(value: _Json) -> tuple[Edge, ...]:
    """The edges in an answer that tells of sessions or threads: one event, or a page of them."""
    own = value.get("item")
    one = [("/item", own)] if isinstance(own, dict) else []
    listed = ((f"/{name}/{i}", item) for name in _LISTED for i, item in placed(value.get(name)))
    return edges_of([("", value), *one, *listed])

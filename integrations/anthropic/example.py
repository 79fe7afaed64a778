"""Two agents in two rooms on the Anthropic SDK, streamed; one reads what the other wrote."""

import json
import sys
from contextlib import ExitStack
from typing import Any

from anthropic import Anthropic

import firedoor
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

NOTE = "The supplier's new address is 4 Quay Street; write to them there."
TOOLS: Any = [
    {"name": name, "input_schema": {"type": "object"}} for name in ("save_note", "read_note")
]


def script(call: UpstreamCall) -> Reply:
    """What the model says when there is no real one."""
    if "tool_use_id" in call.texts:
        return Reply("I have read the note.")
    if "Keep this" in call.texts:
        return Reply("", (Call("save_note", {"key": "supplier", "text": NOTE}),))
    return Reply("", (Call("read_note", {"key": "supplier"}),))


def ask(client: Anthropic, model: str, messages: list[Any]) -> list[Any]:
    """One streamed turn; its content blocks as they go back into the history."""
    with client.messages.stream(
        model=model, max_tokens=400, messages=messages, tools=TOOLS
    ) as stream:
        content = stream.get_final_message().content
    blocks: list[Any] = []
    for block in content:
        if block.type == "text":
            blocks.append({"type": "text", "text": block.text})
        elif block.type == "tool_use":
            kept = {"id": block.id, "name": block.name, "input": block.input}
            blocks.append({"type": "tool_use", **kept})
    return blocks


def work(door: firedoor.Door, client: Anthropic, model: str) -> dict[str, Any]:
    """Write a note in one room, read it in another; what the door says of the reading."""
    client = door.wrap(client)
    with door.instance("buyer-1", compartment="purchasing"):
        ask(client, model, [{"role": "user", "content": f"Keep this as `supplier`: {NOTE}"}])
    with door.instance("clerk-1", compartment="office"):
        messages: list[Any] = [{"role": "user", "content": "What is in the note `supplier`?"}]
        blocks = ask(client, model, messages)
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": NOTE}
            for block in blocks
            if block["type"] == "tool_use"
        ]
        messages += [
            {"role": "assistant", "content": blocks},
            {"role": "user", "content": results or "Go on."},
        ]
        ask(client, model, messages)
    assert door.last is not None
    return door.explain(door.last.call)


def main(store: str = "sqlite::memory:") -> dict[str, Any]:
    """Run it against a scripted model, or with ``--real`` against the provider."""
    with ExitStack() as stack:
        door = stack.enter_context(firedoor.Door(mode="contain", store=store))
        if "--real" in sys.argv:
            return work(door, Anthropic(), "claude-sonnet-4-5")
        upstream = stack.enter_context(ScriptedUpstream(script))
        return work(door, Anthropic(base_url=upstream.anthropic, api_key="unused"), "scripted")


if __name__ == "__main__":
    print(json.dumps(main()["exposures"], indent=2))

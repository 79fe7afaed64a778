"""Two agents in two rooms on the OpenAI SDK; one reads what the other wrote."""

import json
import sys
from contextlib import ExitStack
from typing import Any

from openai import OpenAI

import firedoor
from firedoor.testing import Call, Reply, ScriptedUpstream, UpstreamCall

NOTE = "The supplier's new address is 4 Quay Street; write to them there."
TOOLS: Any = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
    for name in ("save_note", "read_note")
]


def script(call: UpstreamCall) -> Reply:
    """What the model says when there is no real one."""
    if "tool_call_id" in call.texts:
        return Reply("I have read the note.")
    if "Keep this" in call.texts:
        return Reply("", (Call("save_note", {"key": "supplier", "text": NOTE}),))
    return Reply("", (Call("read_note", {"key": "supplier"}),))


def work(door: firedoor.Door, client: OpenAI, model: str) -> dict[str, Any]:
    """Write a note in one room, read it in another; what the door says of the reading."""
    client = door.wrap(client)
    with door.instance("buyer-1", compartment="purchasing"):
        client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": f"Keep this as note `supplier`: {NOTE}"}],
            tools=TOOLS,
        )
    with door.instance("clerk-1", compartment="office"):
        messages: list[Any] = [{"role": "user", "content": "What is in the note `supplier`?"}]
        message = (
            client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
            .choices[0]
            .message
        )
        messages.append(message.model_dump(exclude_none=True))
        for wanted in message.tool_calls or []:
            messages.append({"role": "tool", "tool_call_id": wanted.id, "content": NOTE})
        client.chat.completions.create(model=model, messages=messages, tools=TOOLS)
    assert door.last is not None
    return door.explain(door.last.call)


def main(store: str = "sqlite::memory:") -> dict[str, Any]:
    """Run it against a scripted model, or with ``--real`` against the provider."""
    with ExitStack() as stack:
        door = stack.enter_context(firedoor.Door(mode="contain", store=store))
        if "--real" in sys.argv:
            return work(door, OpenAI(), "gpt-5-mini")
        upstream = stack.enter_context(ScriptedUpstream(script))
        return work(door, OpenAI(base_url=upstream.openai, api_key="unused"), "scripted")


if __name__ == "__main__":
    print(json.dumps(main()["exposures"], indent=2))

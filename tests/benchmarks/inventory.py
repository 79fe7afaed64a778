"""What the inventory costs: its lookup in a request with 400 fields, as a share of the engine's time.

Run: python tests/benchmarks/inventory.py [--rounds N]

The same items are walked twice: by their rows, and as any JSON, which gives the same parts and looks
nothing up. The difference is the inventory's. Medians of one run, side by side, each request walked once and
never seen before; the engine's time is
that of the whole request, from its head to its upstream call, without the store's.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from engine_w2 import Timed

from firedoor.types.part import Channel, Role
from firedoor.wire.inventory.openai_responses import FIELDS, ITEM
from firedoor.wire.shape import Found, Speaker, free, walk

_SPEAKER = Speaker(Role.USER, Channel.USER)


def request(fields: int, salt: int) -> dict[str, Any]:
    """A request of a working agent with this many members, of the kinds that one has."""
    tool = {
        "type": "function", "name": "read_file", "description": f"Reads a file ({salt}).",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
        "strict": True,
    }  # fmt: skip
    body: dict[str, Any] = {
        "model": "m", "stream": True, "temperature": 0.2, "store": False, "tools": [tool] * 4,
        "reasoning": {"effort": "high", "summary": "auto"}, "include": ["message.output_text.logprobs"],
        "text": {"format": {"type": "text"}, "verbosity": "low"}, "metadata": {"run": f"r{salt}"},
        "input": [],
    }  # fmt: skip
    turn = 0
    while members(body) < fields:
        turn += 1
        call, text = f"call_{salt}_{turn}", f"The build of step {turn} in run {salt} is green."
        made: list[dict[str, Any]] = [
            {"type": "message", "role": "user",
             "content": [{"type": "input_text", "text": f"Go on with step {turn} of {salt}."}]},
            {"type": "function_call", "call_id": call, "name": "read_file", "status": "completed",
             "arguments": json.dumps({"path": f"src/part_{turn}.py"})},
            {"type": "function_call_output", "call_id": call, "output": text},
            {"type": "message", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": text, "annotations": []}]},
        ]  # fmt: skip
        body["input"] += made
    return body


def members(value: Any) -> int:
    """How many members the objects of a value have."""
    if isinstance(value, dict):
        return len(value) + sum(members(v) for v in value.values())
    return sum(members(v) for v in value) if isinstance(value, list) else 0


def seconds(work: Callable[[], None]) -> float:
    """How long some work took, done once, as the engine does it."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def looked_up(body: dict[str, Any]) -> tuple[float, float]:
    """(by rows, as any JSON): seconds for all that stands in a request."""

    def by_rows() -> None:
        found = Found()
        for item in body["input"]:
            walk(ITEM, item, "/input/0", _SPEAKER, found)
        for name, value in body.items():
            if name != "input":
                walk(FIELDS[name], value, "/" + name, _SPEAKER, found)

    def as_any() -> None:
        found = Found()
        for name, value in body.items():
            free(value, "/" + name, _SPEAKER, found)

    return seconds(by_rows), seconds(as_any)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    timed = Timed("/v1/responses")
    rows, engine = [], []
    count = 0
    for salt in range(rounds):
        body = request(400, salt)
        count = members(body)
        by_rows, as_any = looked_up(body)
        engine.append(timed.call(json.dumps(body).encode(), f"agent-{salt}"))
        rows.append((by_rows, max(0.0, by_rows - as_any)))
    walked = statistics.median(r[0] for r in rows)
    looked = statistics.median(r[1] for r in rows)
    whole = statistics.median(engine)
    print("fields   engine ms   walk ms   lookup ms   lookup / engine (asked: < 10 %)")
    print(
        f"{count:6} {whole * 1e3:11.3f} {walked * 1e3:9.3f} {looked * 1e3:11.3f} "
        f"{100 * looked / whole:8.1f} %"
    )


if __name__ == "__main__":
    main()

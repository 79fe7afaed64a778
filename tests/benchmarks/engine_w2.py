"""Engine time of a long conversation that grew by two messages, against `json.loads` of its body.

Run: python tests/benchmarks/engine_w2.py [--rounds N]

The engine is driven as a front drives it; only the time inside `Exchange` is counted, not the
store's. Every round is a conversation of its own that grows by two messages; medians are printed as
ratios to `json.loads` on the same bytes in the same run.
"""

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable

from firedoor import lineage
from firedoor.config import load_settings
from firedoor.engine import Engine, EngineSettings
from firedoor.engine.commands import Command, Forward, ReadBody
from firedoor.engine.events import RequestRead
from firedoor.engine.port import Commit, Committed, FoundParts, FoundWho, LookParts, LookWho
from firedoor.types.exchange import Binding, Caller, RequestHead
from firedoor.types.ids import CallId, Digest
from firedoor.types.record import RunRow

_BODY_BYTES = 200_000


def digester(text: str) -> Digest:
    """A keyed digest like the store's."""
    return Digest(hashlib.blake2b(text.encode(), key=b"k" * 32, digest_size=16).digest())


def conversation(messages: int, body_bytes: int, salt: int) -> list[dict[str, object]]:
    """Turns of a working agent: user, assistant with a call, tool result."""
    size = body_bytes // messages - 120
    prose = 'The build is green again, and "make test" takes 46 s on this machine.\n'
    code = (
        "def total(rows: list[dict[str, int]]) -> int:\n    return sum(row['n'] for row in rows)\n"
    )
    found: list[dict[str, object]] = []
    for i in range(messages):
        head = f"Step {i} of run {salt}.\n"
        text = (head + (code if i % 4 == 2 else prose) * (size // 60))[:size]
        call = {"name": "read_file", "arguments": json.dumps({"path": f"src/part_{i}.py"})}
        if i % 4 == 0:
            found.append({"role": "user", "content": text})
        elif i % 4 == 1:
            claim = {"id": f"call_{salt}_{i}", "type": "function", "function": call}
            found.append({"role": "assistant", "content": text, "tool_calls": [claim]})
        elif i % 4 == 2:
            id_ = f"call_{salt}_{i - 1}"
            found.append({"role": "tool", "tool_call_id": id_, "content": text})
        else:
            found.append({"role": "assistant", "content": text})
    return found


class Timed:
    """Drives exchanges and adds up the time inside them."""

    def __init__(self, path: str = "/v1/chat/completions") -> None:
        self.path = path
        settings = load_settings(None, environ={}, flags={"mode": "contain"})
        self.engine = Engine(
            EngineSettings(
                policy=settings.policy,
                stores=lineage.store_map(),
                digester=digester,
                printer=lineage.printer_for(b"k" * 32),
            )
        )
        self.calls = 0

    def call(self, body: bytes, name: str) -> float:
        """Seconds inside the engine for one request, from its head to its upstream call."""
        self.calls += 1
        spent = 0.0

        def timed(work: Callable[[], list[Command]]) -> list[Command]:
            nonlocal spent
            started = time.perf_counter()
            found = work()
            spent += time.perf_counter() - started
            return found

        head = RequestHead("POST", self.path, "", ())
        caller = Caller("transport", Binding(name, "lab"))
        started = time.perf_counter()
        exchange = self.engine.open(
            head, caller, call_id=CallId(f"c_{self.calls:08}"), at=1e9 + self.calls
        )
        spent += time.perf_counter() - started
        todo = timed(exchange.start)
        while todo:
            command = todo.pop(0)
            match command:
                case ReadBody():
                    todo = timed(lambda: exchange.receive(RequestRead(body, 1e9)))
                case LookWho():
                    todo = timed(lambda: exchange.receive(FoundWho()))
                case LookParts():
                    found = FoundParts(0, False, RunRow(command.run, command.room))
                    todo = timed(lambda found=found: exchange.receive(found))  # type: ignore[misc]
                case Commit():
                    todo = timed(lambda: exchange.receive(Committed(1, b"")))
                case Forward():
                    return spent
        raise AssertionError("the call did not pass")


def measure(messages: int, body_bytes: int, rounds: int) -> tuple[float, float, int]:
    """Medians of engine and `json.loads`, in seconds, and the body's size."""
    timed = Timed()
    engine, loads = [], []
    size = 0
    for salt in range(rounds):
        turns = conversation(messages + 2, body_bytes, salt)
        before = json.dumps({"model": "m", "messages": turns[:-2]}).encode()
        after = json.dumps({"model": "m", "messages": turns}).encode()
        size = len(after)
        timed.call(before, f"agent-{salt}")
        engine.append(timed.call(after, f"agent-{salt}"))
        started = time.perf_counter()
        json.loads(after)
        loads.append(time.perf_counter() - started)
    return statistics.median(engine), statistics.median(loads), size


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    print("messages     bytes   engine ms   json.loads ms   ratio (asked: <= 2 at 200)")
    for messages, size in ((200, _BODY_BYTES), (50, 50_000), (200, 200_000), (800, 800_000)):
        engine, loads, real = measure(messages, size, rounds)
        print(
            f"{messages:8} {real:9} {engine * 1e3:11.3f} {loads * 1e3:15.3f} {engine / loads:7.2f}"
        )


if __name__ == "__main__":
    main()

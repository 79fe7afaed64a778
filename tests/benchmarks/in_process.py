"""An SDK's call through the door, against the same call without one. Durable ledger on.

Run: python tests/benchmarks/in_process.py [--calls N]

Calls alternate, so that both see the same machine; medians are compared.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import anthropic
import openai
from peers import Peer

from firedoor import Door

ASK: Any = [
    {"role": "system", "content": "You are a careful assistant."},
    {"role": "user", "content": "Say a few short words, please."},
]


def medians(first: Callable[[], object], second: Callable[[], object], calls: int) -> list[float]:
    """Median seconds of each, taken in turns."""
    times: list[list[float]] = [[], []]
    for i in range(calls + 20):
        for j, call in enumerate((first, second)):
            started = time.perf_counter()
            call()
            if i >= 20:
                times[j].append(time.perf_counter() - started)
    return [statistics.median(t) for t in times]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=400)
    calls = parser.parse_args().calls
    with Peer.of("provider") as provider, tempfile.TemporaryDirectory() as folder:
        url = provider.first + "/v1"
        print("mode      client   without ms   with ms   ratio (asked: <= 1.5)")
        for mode in ("observe", "contain"):
            door = Door(mode=mode, store=f"sqlite:{folder}/{mode}.db", environ={})
            bare = openai.OpenAI(base_url=url, api_key="k", max_retries=0)
            wrapped = door.wrap(openai.OpenAI(base_url=url, api_key="k", max_retries=0))
            number = iter(range(10_000_000))

            def call(client: Any) -> object:
                # A new question each time: an equal one would be a retry of the last.
                ask = [*ASK[:1], ASK[1] | {"content": f"{ASK[1]['content']} ({next(number)})"}]  # noqa: B023
                return client.chat.completions.create(model="m", messages=ask)

            with door.instance("bench", compartment="lab"):
                without, through = medians(lambda: call(bare), lambda: call(wrapped), calls)  # noqa: B023
            print(
                f"{mode:9} openai   {without * 1e3:10.2f} {through * 1e3:9.2f} "
                f"{through / without:7.2f}"
            )
            door.close()
    print(f"openai {openai.__version__}, anthropic {anthropic.__version__}")


if __name__ == "__main__":
    main()

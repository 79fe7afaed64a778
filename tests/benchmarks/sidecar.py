"""CPU time per call of the sidecar against a bare reverse proxy, and the delay of a stream's start.

Run: python tests/benchmarks/sidecar.py [--calls N] [--connections N]

Both run on the same server and client library, one after the other in rounds; the CPU time is that of
the proxy's own process, all threads. Short chats, equal load, durable ledger on.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from peers import Peer

_HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-bench-0001"}


def _body(n: int, *, stream: bool) -> bytes:
    ask = [
        {"role": "system", "content": "You are a careful assistant."},
        {"role": "user", "content": f"Say a few short words, please. ({n})"},
    ]
    return json.dumps({"model": "m", "messages": ask, "stream": stream}).encode()


async def load(url: str, calls: int, connections: int, base: int) -> None:
    """``calls`` short chats over ``connections`` connections."""
    numbers = iter(range(base, base + calls))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:

        async def worker(name: int) -> None:
            headers = _HEADERS | {"x-firedoor-instance": f"agent-{name}"}
            for n in numbers:
                async with session.post(
                    url + "/v1/chat/completions", data=_body(n, stream=False), headers=headers
                ) as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()

        await asyncio.gather(*(worker(i) for i in range(connections)))


async def first_bytes(urls: list[str], calls: int) -> list[float]:
    """Median seconds to the first byte of a stream, by address, taken in turns."""
    times: list[list[float]] = [[] for _ in urls]
    async with aiohttp.ClientSession() as session:
        for n in range(calls):
            for at, url in enumerate(urls):
                started = time.perf_counter()
                async with session.post(
                    url + "/v1/chat/completions", data=_body(n, stream=True), headers=_HEADERS
                ) as answer:
                    await answer.content.readany()
                    if n > 5:
                        times[at].append(time.perf_counter() - started)
                    await answer.read()
    return [statistics.median(t) for t in times]


def sidecar(mode: str, upstream: str, folder: str) -> tuple[Peer, str]:
    """A sidecar in a process of its own, and its address."""
    store = Path(folder) / f"{mode}.db"
    peer = Peer(
        sys.executable, "-m", "firedoor", "serve", "--mode", mode, "--port", "0", "--admin-port",
        "0", "--store", f"sqlite:{store}", "--upstream", f"openai={upstream}", "--log-format", "json",
    )  # fmt: skip
    return peer, json.loads(peer.first)["data"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Peer.of("provider") as provider:
        proxy = Peer.of("proxy", provider.first)
        observe, observe_url = sidecar("observe", provider.first, folder)
        contain, contain_url = sidecar("contain", provider.first, folder)
        peers = {
            "bare proxy": (proxy, proxy.first),
            "observe": (observe, observe_url),
            "contain": (contain, contain_url),
        }
        cpu: dict[str, list[float]] = {name: [] for name in peers}
        rate: dict[str, list[float]] = {name: [] for name in peers}
        for r in range(given.rounds + 1):
            for name, (peer, url) in peers.items():
                before, started = peer.cpu_s(), time.perf_counter()
                calls = given.calls if r else 200
                asyncio.run(load(url, calls, given.connections, r * given.calls))
                if r:
                    cpu[name].append((peer.cpu_s() - before) / calls)
                    rate[name].append(calls / (time.perf_counter() - started))
        bare = statistics.median(cpu["bare proxy"])
        print("sidecar      CPU ms a call   ratio (asked: <= 4)   calls/s")
        for name, found in cpu.items():
            middle = statistics.median(found)
            print(
                f"{name:12} {middle * 1e3:13.3f} {middle / bare:7.2f} "
                f"{statistics.median(rate[name]):23.0f}"
            )
        delays = asyncio.run(first_bytes([url for _, url in peers.values()], 100))
        print("first byte of a stream, ms later than through the bare proxy (asked: < 2)")
        for name, delay in zip(peers, delays, strict=True):
            print(f"{name:12} {(delay - delays[0]) * 1e3:13.2f}")
        for peer in (proxy, observe, contain):
            peer.close()


if __name__ == "__main__":
    main()

"""Memory of the sidecar while a large file passes: the most that it held, over what it held idle.

Run: python tests/benchmarks/upload_memory.py [--mib N] [--mode MODE]

The file is generated as it is sent, and thrown away where it arrives. Once bytes that are no text, and
once lines of a fine-tuning file, each of which is parsed. The figure is the kernel's own (VmHWM).
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
from peers import Peer, serve
from sidecar import sidecar

_ASKED_MIB = 64
_KIND = "multipart/form-data; boundary=frontier"
_HEAD = b'--frontier\r\nContent-Disposition: form-data; name="'


async def sink(scope: Any, receive: Any, send: Any) -> None:
    """A provider that keeps nothing of a file but its digest."""
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        message = await receive()
        digest.update(message.get("body", b""))
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    made = {"id": f"file_{digest.hexdigest()[:24]}", "object": "file", "bytes": size,
            "sha256": digest.hexdigest()}  # fmt: skip
    body = json.dumps(made).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def binary(at: int) -> bytes:
    """Bytes that are no text."""
    return hashlib.sha256(b"%d" % at).digest() * 2048


def lines(at: int) -> bytes:
    """Lines of a fine-tuning file, each unlike the others."""
    made = []
    for n in range(at * 64, at * 64 + 64):
        says = " ".join(hashlib.sha256(b"%d %d" % (n, i)).hexdigest() for i in range(14))
        turns = [{"role": "user", "content": f"Say {n}."}, {"role": "assistant", "content": says}]
        made.append(json.dumps({"messages": turns}).encode() + b"\n")
    return b"".join(made)


def rss(pid: int, name: str) -> float:
    """``VmRSS`` or ``VmHWM`` of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


async def upload(url: str, name: str, mib: int, chunk: Callable[[int], bytes]) -> dict[str, Any]:
    """Send a form with a file of ``mib``; gives what came back, which must be what was sent."""
    digest = hashlib.sha256()

    async def body() -> AsyncIterator[bytes]:
        head = _HEAD + b'purpose"\r\n\r\nfine-tune\r\n' + _HEAD
        head += b'file"; filename="' + name.encode() + b'"\r\n\r\n'
        digest.update(head)
        yield head
        sent = at = 0
        while sent < mib << 20:
            piece = chunk(at)
            digest.update(piece)
            yield piece
            sent, at = sent + len(piece), at + 1
        tail = b"\r\n--frontier--\r\n"
        digest.update(tail)
        yield tail

    headers = {"content-type": _KIND, "authorization": "Bearer sk-bench-0001"}
    timeout = aiohttp.ClientTimeout(total=1800)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(url + "/v1/files", data=body(), headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        made: dict[str, Any] = await answer.json()
    assert made["sha256"] == digest.hexdigest(), "the bytes were changed on their way"
    return made


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, default=512)
    parser.add_argument("--mode", default="contain")
    given = parser.parse_args()
    print(
        f"a file of {given.mib} MiB   idle MiB   most MiB   more (asked: < {_ASKED_MIB})   seconds"
    )
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        Peer(sys.executable, __file__, "sink") as provider,
    ):
        for name, chunk in (("bytes.bin", binary), ("lines.jsonl", lines)):
            inside = Path(folder) / name
            inside.mkdir()
            peer, url = sidecar(given.mode, provider.first, str(inside))
            with peer:
                asyncio.run(upload(url, name, 0, chunk))
                pid = peer.process.pid
                idle = rss(pid, "VmRSS")
                # From here on the kernel counts the most anew (man 5 proc, clear_refs).
                Path(f"/proc/{pid}/clear_refs").write_text("5")
                started = time.perf_counter()
                asyncio.run(upload(url, name, given.mib, chunk))
                took = time.perf_counter() - started
                most = rss(pid, "VmHWM")
            print(f"{name:16} {idle:11.0f} {most:10.0f} {most - idle:10.1f} {took:23.1f}")


if __name__ == "__main__":
    if sys.argv[1:] == ["sink"]:
        serve(sink)
    else:
        main()

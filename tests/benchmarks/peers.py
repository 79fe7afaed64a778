"""The other ends of a benchmark: a quick provider, and a reverse proxy without an engine.

Run as `python peers.py provider` or `python peers.py proxy URL`; prints its address when it listens.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn

_ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Short words. " * 8},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 20, "total_tokens": 29},
    }
).encode()


def _chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    value = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    return b"data: " + json.dumps(value | {"choices": [choice]}).encode() + b"\n\n"


async def provider(scope: Any, receive: Any, send: Any) -> None:
    """Answers every chat completion at once; a stream with a pause between its events."""
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    if b'"stream":true' in body.replace(b" ", b""):
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in (_chunk({"role": "assistant", "content": ""}), _chunk({"content": "Hi"})):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            await asyncio.sleep(0.005)
        last = _chunk({}, "stop") + b"data: [DONE]\n\n"
        await send({"type": "http.response.body", "body": last})
        return
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_ANSWER)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


class Proxy:
    """What is left of the sidecar without an engine: the same server and client libraries."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass one request on."""
        import aiohttp

        if self.session is None:
            self.session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), auto_decompress=False
            )
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [
            (n.decode(), v.decode())
            for n, v in scope["headers"]
            if n not in (b"host", b"content-length", b"connection")
        ]
        async with self.session.request(
            scope["method"], self.url + scope["path"], headers=headers, data=body
        ) as answer:
            kept = [(n, v) for n, v in answer.raw_headers if n.lower() != b"transfer-encoding"]
            await send({"type": "http.response.start", "status": answer.status, "headers": kept})
            async for chunk in answer.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def serve(app: Any) -> None:
    """Listen on a free port, say which, serve until killed."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app, http="httptools", loop="uvloop", ws="none", lifespan="off", log_config=None,
        access_log=False, server_header=False, date_header=False, timeout_keep_alive=600,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


class Peer:
    """One of these in a process of its own."""

    def __init__(self, *command: str, env: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | (env or {})
        )
        assert self.process.stdout is not None
        self.first = self.process.stdout.readline().strip()

    @classmethod
    def of(cls, *arguments: str) -> "Peer":
        """A peer of this file."""
        return cls(sys.executable, str(Path(__file__)), *arguments)

    def cpu_s(self) -> float:
        """User and system time of the process so far, in seconds."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(timeout=20)

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


async def drain(content: Any) -> AsyncIterator[bytes]:
    """All chunks of an answer."""
    async for chunk in content.iter_any():
        yield chunk


if __name__ == "__main__":
    serve(provider if sys.argv[1] == "provider" else Proxy(sys.argv[2]))

"""The head of an answer leaves with what follows it, and never later than the loop turns."""

import asyncio
from typing import Any

import pytest

from firedoor.fronts.sidecar.heads import HeadHolder

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Wire:
    """A transport that remembers each write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        """Take a write."""
        self.written.append(bytes(data))

    def close(self) -> None:
        """End."""
        self.closed = True

    def is_closing(self) -> bool:
        """Whether it ended."""
        return self.closed

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ([HEAD, b"body"], [HEAD + b"body"]),
        ([HEAD], [HEAD]),
        ([HEAD, b"a", b"b"], [HEAD + b"a", b"b"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([HEAD, b"x" * 70_000], [HEAD, b"x" * 70_000]),
        ([HEAD, HEAD, b"body"], [HEAD + HEAD, b"body"]),
        ([HEAD, b""], [HEAD]),
    ],
)
def test_nothing_is_lost_or_turned_round(said: list[bytes], sent: list[bytes]) -> None:
    """A head goes with the first write behind it; alone, as soon as the loop turns."""

    async def run() -> list[bytes]:
        wire: Any = Wire()
        held = HeadHolder(wire, asyncio.get_running_loop())
        for data in said:
            held.write(data)
        await asyncio.sleep(0)
        return list(wire.written)

    assert asyncio.run(run()) == sent


def test_a_head_is_sent_before_the_end() -> None:
    """Closing sends what is held; a connection that is gone takes nothing any more."""

    async def run() -> tuple[Wire, Wire]:
        ended, gone = Wire(), Wire()
        held = HeadHolder(ended, asyncio.get_running_loop())  # type: ignore[arg-type]
        held.write(HEAD)
        held.close()
        held = HeadHolder(gone, asyncio.get_running_loop())  # type: ignore[arg-type]
        held.write(HEAD)
        gone.close()
        await asyncio.sleep(0)
        return ended, gone

    ended, gone = asyncio.run(run())
    assert ended.written == [HEAD]
    assert ended.closed
    assert gone.written == []

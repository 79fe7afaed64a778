"""A request body on disk while it passes: small ones stay in memory, large ones never are there.

The file has no name from the moment it is made (or is removed in the same breath, where the system
knows no such files), so that nothing is left of it when the process dies; its rights are 0600.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

MEMORY_BYTES_MAX: Final = 1 << 20
"""Bodies up to here are not worth a file."""
_READ_BYTES: Final = 1 << 18


class Spool:
    """Bytes written once, in order, and then read; with ``on_disk`` False they stay in memory."""

    def __init__(self, folder: Path | None, *, on_disk: bool = True) -> None:
        self._folder = folder
        self._on_disk = on_disk
        self._chunks: list[bytes] = []
        self._file: IO[bytes] | None = None
        self.size_bytes = 0

    def write(self, chunk: bytes) -> None:
        """Add some bytes.

        Raises:
            OSError: The disk is full, or the folder cannot be written.
        """
        self.size_bytes += len(chunk)
        if self._file is None:
            self._chunks.append(chunk)
            if self.size_bytes <= MEMORY_BYTES_MAX or not self._on_disk:
                return
            # `mkstemp`'s rights; not in /tmp, which may be memory itself.
            self._file = tempfile.TemporaryFile(  # noqa: SIM115 - closed with the spool
                dir=self._folder, prefix="upload-", buffering=0
            )
            for kept in self._chunks:
                self._write_all(kept)
            self._chunks = []
            return
        self._write_all(chunk)

    def _write_all(self, chunk: bytes) -> None:
        assert self._file is not None
        view = memoryview(chunk)
        while view:
            view = view[self._file.write(view) :]

    def chunks(self) -> Iterator[bytes]:
        """All bytes from the beginning, a few at a time."""
        if self._file is None:
            yield from self._chunks
            return
        self._file.seek(0)
        while chunk := self._file.read(_READ_BYTES):
            yield chunk

    def close(self) -> None:
        """Let go of everything."""
        self._chunks = []
        if self._file is not None:
            self._file.close()
            self._file = None

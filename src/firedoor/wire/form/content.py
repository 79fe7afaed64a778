"""A body that is one file and nothing else, as Gemini's uploads send it.

No head of the request says what the file is, so its bytes do: JSON lines, JSON, a text, or none of
them. It is read whole, up to a bound; a piece of a longer file is one opaque part.
"""

import hashlib
from typing import Any, Final

from firedoor.types.part import Reading
from firedoor.wire.document import Limits, Malformed, check, parse
from firedoor.wire.form.files import PROGRAM, TEXT_BYTES_MAX, FormFile, Sink, StretchesFull
from firedoor.wire.form.lines import read_line
from firedoor.wire.form.reader import Form
from firedoor.wire.shape import Found, free, text

POINTER: Final = "/file"


class ContentReader:
    """Takes such a body as it comes; the same to its owner as a form's reader."""

    def __init__(self, sink: Sink, limits: Limits, *, piece: bool) -> None:
        self._sink, self._limits = sink, limits
        self._piece = piece
        """Whether the file is longer than this body."""
        self._kept: bytearray | None = None if piece else bytearray()
        """None where it is not read: a piece, or too long."""
        self._long = False
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._lines = 0
        self._batch = False

    def feed(self, chunk: bytes) -> None:
        """Take some bytes of the body."""
        self._sha256.update(chunk)
        self._size += len(chunk)
        if self._kept is not None:
            self._kept += chunk
            if len(self._kept) > TEXT_BYTES_MAX:
                self._kept, self._long = None, True

    def field(self, name: str) -> str | None:
        """Lines of JSON may be the requests of a batch, whatever they are meant for."""
        return "batch" if name == "purpose" and self._batch else None

    def end(self) -> Form:
        """The body is over.

        Raises:
            Malformed: A line asks for what no endpoint takes, or is nested too deeply.
        """
        content = bytes(self._kept) if self._kept is not None else b""
        self._kept = None
        has_text, whole = False, not (self._long or self._piece)
        if content and b"\x00" not in content:
            try:
                has_text = self._read(content.decode("utf-8"))
            except UnicodeDecodeError:
                pass
            except StretchesFull:
                has_text, whole = True, False
        file = FormFile(
            POINTER, None, None, self._size, self._sha256.digest(), has_text, whole, self._lines
        )
        return Form({}, (file,) if self._size else (), ())

    def _read(self, content: str) -> bool:
        rows = [row for row in content.split("\n") if row.strip()]
        values = [self._value(row) for row in rows] if rows[:1] and _opens(rows[0]) else []
        if values and all(isinstance(value, dict) for value in values):
            self._batch, self._lines = True, len(values)
            for i, value in enumerate(values):
                self._sink(POINTER, read_line(value, f"{POINTER}/{i}"))
            return True
        found = Found()
        whole = self._value(content) if _opens(content) else None
        if isinstance(whole, dict | list):
            free(whole, POINTER, PROGRAM, found)
        else:
            text(content, POINTER, PROGRAM, found)
        self._sink(POINTER, Reading(tuple(p._replace(editable=False) for p in found.parts)))
        return True

    def _value(self, row: str) -> Any:
        try:
            value = parse(row.encode())
            check(value, self._limits, 0)
        except (Malformed, UnicodeEncodeError):
            return None
        return value


def _opens(content: str) -> bool:
    return content.lstrip()[:1] in ("{", "[")

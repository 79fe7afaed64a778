"""One file of a form as it flows: its digest always, its text where it has any.

A file's text is given in stretches: a line of JSONL, a JSON document, a text. Each is a `Reading`
like that of a request's section, at a pointer below the file's own (``/file/12/messages/0/content``
is in line 12). What is not read (too much of it) is said to be so.
"""

import hashlib
from typing import Any, Final, NamedTuple, Protocol

from firedoor.types.part import Channel, Kind, Part, Reading, Role
from firedoor.wire.document import Limits, Malformed, check, parse
from firedoor.wire.form.lines import read_line
from firedoor.wire.shape import Found, Speaker, free, text, walk

LINE_BYTES_MAX: Final = 4 * 2**20
"""A line is parsed whole: a model's context of a million tokens fits."""
TEXT_BYTES_MAX: Final = 8 * 2**20
"""Of a file that is read whole; a file of lines is bounded by what its reader takes."""

PROGRAM: Final = Speaker(Role.USER, Channel.USER)
"""A file's text is the run's own program's, unless a record says more."""

_LINES, _JSON, _TEXT = "lines", "json", "text"
_BY_ENDING: Final = {
    ".jsonl": _LINES, ".ndjson": _LINES, ".json": _JSON, ".txt": _TEXT, ".md": _TEXT,
    ".markdown": _TEXT, ".csv": _TEXT, ".tsv": _TEXT, ".yaml": _TEXT, ".yml": _TEXT,
    ".html": _TEXT, ".xml": _TEXT, ".py": _TEXT, ".js": _TEXT, ".ts": _TEXT, ".sh": _TEXT,
}  # fmt: skip
_BY_TYPE: Final = {
    "application/jsonl": _LINES, "application/x-jsonlines": _LINES, "application/x-ndjson": _LINES,
    "application/json": _JSON,
}  # fmt: skip


class StretchesFull(Exception):
    """Whoever is given a file's stretches takes no more of them."""


class Sink(Protocol):
    """Where a file's stretches go."""

    def __call__(self, file: str, reading: Reading) -> None:
        """Take a stretch of the file at pointer ``file``. Raises StretchesFull."""
        ...


class FormFile(NamedTuple):
    """One file of a form, once it was read."""

    pointer: str
    name: str | None
    media_type: str | None
    size_bytes: int
    sha256: bytes
    has_text: bool
    whole: bool
    """Whether all of its text was given. True for a file that has none."""
    lines: int = 0


def kind_of(name: str | None, media_type: str | None) -> str | None:
    """What sort of text a file holds by its name, else by its type; None where it holds none."""
    ending = "." + name.rpartition(".")[2].lower() if name and "." in name else ""
    if ending in _BY_ENDING:
        return _BY_ENDING[ending]
    if media_type is None:
        return None
    return _BY_TYPE.get(media_type) or (_TEXT if media_type.startswith("text/") else None)


def file_name(pointer: str, name: str) -> tuple[Part, ...]:
    """A file's name is chosen by whoever sends it, and may say anything."""
    found = Found()
    walk("word", name, pointer + "#filename", PROGRAM, found)
    return tuple(part._replace(editable=False) for part in found.parts)


class FileReader:
    """Hashes a file, and reads its text, chunk by chunk."""

    def __init__(
        self, pointer: str, name: str | None, media_type: str | None, sink: Sink, limits: Limits
    ) -> None:
        self._pointer = pointer
        self._name, self._media_type = name, media_type
        self._sink, self._limits = sink, limits
        self._kind = kind_of(name, media_type)
        self._sha256 = hashlib.sha256()
        self._size = 0
        self._lines = 0
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._whole = True
        self._reading = self._kind is not None

    def feed(self, chunk: bytes) -> None:
        """Take some bytes.

        Raises:
            Malformed: A line is too long, or no JSON.
        """
        self._sha256.update(chunk)
        self._size += len(chunk)
        if not self._reading:
            return
        if self._kind == _LINES:
            self._feed_lines(chunk)
        elif self._pending_bytes + len(chunk) <= TEXT_BYTES_MAX:
            self._keep(chunk)
        else:
            self._stop()

    def end(self) -> FormFile:
        """The file is over.

        Raises:
            Malformed: Its last line is no JSON.
        """
        if self._reading:
            content = self._take()
            try:
                if self._kind == _LINES:
                    self._line(content)
                else:
                    self._document(content)
            except StretchesFull:
                self._stop()
        return FormFile(
            self._pointer, self._name, self._media_type, self._size, self._sha256.digest(),
            self._kind is not None, self._whole, self._lines,
        )  # fmt: skip

    def _keep(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._pending_bytes += len(piece)

    def _take(self) -> bytes:
        content = b"".join(self._pending)
        self._pending, self._pending_bytes = [], 0
        return content

    def _stop(self) -> None:
        self._take()
        self._reading = self._whole = False

    # -- lines -------------------------------------------------------------------------------

    def _feed_lines(self, chunk: bytes) -> None:
        at = 0
        try:
            while (end := chunk.find(b"\n", at)) >= 0:
                self._fits(end - at)
                self._keep(chunk[at:end])
                at = end + 1
                self._line(self._take())
        except StretchesFull:
            self._stop()
            return
        self._fits(len(chunk) - at)
        if at < len(chunk):
            self._keep(chunk[at:])

    def _fits(self, size: int) -> None:
        if self._pending_bytes + size > LINE_BYTES_MAX:
            raise Malformed(
                f"A line of the file is longer than {LINE_BYTES_MAX} bytes.",
                code="firedoor_too_large",
                pointer=f"{self._pointer}/{self._lines}",
            )

    def _line(self, content: bytes) -> None:
        # An empty line is none; JSON's own blanks round a value are no part of it.
        content = content.strip(b" \t\r")
        if not content:
            return
        pointer = f"{self._pointer}/{self._lines}"
        self._lines += 1
        try:
            value = parse(content)
            check(value, self._limits, 0)
        except Malformed as problem:
            raise Malformed(
                problem.message.replace("The body", "A line of the file"), pointer=pointer
            ) from None
        self._sink(self._pointer, read_line(value, pointer))

    # -- whole documents -----------------------------------------------------------------------

    def _document(self, content: bytes) -> None:
        found = Found()
        value: Any = None
        if self._kind == _JSON:
            try:
                value = parse(content)
                check(value, self._limits, 0)
            except Malformed:
                # A file need not be what its name says; then it is a text.
                value = None
        if isinstance(value, dict | list):
            free(value, self._pointer, PROGRAM, found)
        else:
            self._text(content, found)
        parts = tuple(part._replace(editable=False) for part in found.parts)
        self._sink(self._pointer, Reading(parts))

    def _text(self, content: bytes, found: Found) -> None:
        try:
            text(content.decode("utf-8"), self._pointer, PROGRAM, found)
        except UnicodeDecodeError:
            # No text after all, or one in a coding that cannot be told.
            found.parts.append(
                Part(self._pointer, "", Kind.OPAQUE, Role.NONE, Channel.USER, editable=False)
            )

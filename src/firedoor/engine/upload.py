"""A form on its way through: read as it flows, so that its bytes need not be held.

The front feeds it chunk by chunk; the fields become a document like any other body, and what the
files' texts hold becomes sections like any other. How much of a file's text is kept to be judged is
bounded; the rest of it is one opaque part.
"""

from collections.abc import Callable
from typing import Any, Final

from firedoor import lineage, wire
from firedoor.engine.settings import Digester
from firedoor.engine.training import PURPOSES, Line
from firedoor.types.ids import Digest
from firedoor.types.part import CallClaim, Channel, Kind, Part, Reading, Role
from firedoor.wire.form import (
    ContentReader,
    Form,
    FormFile,
    FormReader,
    Sink,
    StretchesFull,
    file_name,
)

PARTS_MAX: Final = 20_000
"""Parts of a form's files that are judged one by one."""
CHARS_MAX: Final = 8 * 2**20
"""Their characters."""
DIGESTS_MAX: Final = 100_000
"""Stretches of a file for training that are looked for: half a second of the store's time."""


def file_digest(file: FormFile, digester: Digester) -> Digest:
    """The name of a file's bytes in this store."""
    return digester("file\x1f" + file.sha256.hex())


class Upload:
    """One form under way. ``feed`` never raises; what went wrong is raised by ``form``."""

    def __init__(
        self, reads: Callable[[Sink], FormReader | ContentReader], digester: Digester
    ) -> None:
        self._reader = reads(self._take)
        self._both = isinstance(self._reader, ContentReader)
        """Whether a gated file's parts are judged too: nothing keeps it out of other contexts."""
        self._digester = digester
        self._readings: dict[str, list[Reading]] = {}
        self._lines: dict[str, list[Line]] = {}
        self._asked: dict[str, list[Reading]] = {}
        """Of such lines, what they name at the provider, and what nobody knows."""
        self._digests = 0
        self._parts = 0
        self._chars = 0
        self._failure: Exception | None = None
        self._form: Form | None = None

    def feed(self, chunk: bytes) -> None:
        """Take some bytes of the body."""
        if self._failure is not None:
            return
        try:
            self._reader.feed(chunk)
        except Exception as error:
            # Raised again where the front knows what to do about an engine that failed.
            self._failure = error

    def form(self) -> Form:
        """The form, once its bytes are over.

        Raises:
            Malformed: It is none, or can be read in more than one way.
        """
        if self._failure is not None:
            raise self._failure
        if self._form is None:
            self._form = self._reader.end()
        return self._form

    def files(self, digester: Digester) -> list[dict[str, Any]]:
        """What `explain` says of the files: sizes and keyed digests, never content."""
        if self._form is None:
            return []
        return [
            {
                "pointer": wire.veiled_pointer(file.pointer, digester),
                "bytes": file.size_bytes,
                "lines": file.lines,
                "digest": file_digest(file, digester).hex(),
                "read": file.whole,
            }
            for file in self._form.files
        ]

    @property
    def purpose(self) -> str | None:
        """What the files are for, as far as it was read."""
        return self._reader.field("purpose")

    @property
    def gated(self) -> bool:
        """Whether the files' lines are learned from, or run, later."""
        return self.purpose in PURPOSES

    def lines(self) -> dict[FormFile, list[Line]]:
        """The lines of files that wait for a person, if instances wrote any."""
        files = self.form().files
        if not self.gated:
            return {}
        for file in files:
            # The purpose came behind the file: its lines were kept as parts.
            for reading in () if self._both else self._readings.pop(file.pointer, []):
                self._take_line(file.pointer, reading)
        return {file: self._lines.get(file.pointer, []) for file in files}

    def readings(self) -> dict[str, Reading]:
        """What the files hold, by the file's pointer: its name, its text or itself."""
        return {file.pointer: self._reading(file) for file in self.form().files}

    def _take(self, file: str, reading: Reading) -> None:
        if self.gated:
            self._take_line(file, reading)
            if not self._both:
                return
        chars = sum(len(part.text) for part in reading.parts)
        if self._parts + len(reading.parts) > PARTS_MAX or self._chars + chars > CHARS_MAX:
            raise StretchesFull
        self._parts += len(reading.parts)
        self._chars += chars
        self._readings.setdefault(file, []).append(reading)

    def _take_line(self, file: str, reading: Reading) -> None:
        """Keep a line as its digests: a file for training has more of them than a context."""
        texts = [part for part in reading.parts if part.kind is not Kind.WORD and part.text]
        references = tuple(part for part in texts if part.kind is Kind.REFERENCE)
        digests = {
            digest: None
            for part in texts
            if part.kind is not Kind.REFERENCE
            for digest in lineage.known_anywhere(lineage.passages_of(part.text, self._digester))
        }
        self._digests += len(digests) + len(references) + 1
        if self._digests > DIGESTS_MAX:
            raise StretchesFull
        if references or reading.unknown or reading.hops:
            asked = Reading(references, (), None, reading.unknown, reading.hops)
            self._asked.setdefault(file, []).append(asked)
        if reading.parts:
            number = reading.parts[0].pointer[len(file) + 1 :].partition("/")[0]
            self._lines.setdefault(file, []).append(
                Line(
                    f"{file}/{number}" if number else file,
                    len(reading.parts),
                    sum(len(part.text) for part in texts),
                    tuple(digests),
                )
            )

    def _reading(self, file: FormFile) -> Reading:
        parts: list[Part] = []
        calls: list[CallClaim] = []
        unknown: list[str] = []
        hops: list[tuple[str, str]] = []
        if file.name is not None:
            parts += file_name(file.pointer, file.name)
        for reading in (self._asked if self.gated and not self._both else self._readings).get(
            file.pointer, []
        ):
            parts += reading.parts
            calls += reading.calls
            if self.purpose == "batch":
                # Elsewhere a line asks nothing of anybody, and may hold whatever it likes.
                unknown += reading.unknown
                hops += reading.hops
        if not file.has_text or not file.whole:
            pointer = file.pointer if not file.has_text else file.pointer + "#rest"
            parts.append(Part(pointer, "", Kind.OPAQUE, Role.NONE, Channel.USER, editable=False))
        return Reading(tuple(parts), tuple(calls), None, tuple(unknown), tuple(hops))

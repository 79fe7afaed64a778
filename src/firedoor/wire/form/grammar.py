r"""The grammar of a form, and a push parser for it.

    form      = delimiter part *( CRLF delimiter part ) CRLF "--" boundary "--" [ CRLF ]
    delimiter = "--" boundary CRLF
    part      = disposition CRLF *( header CRLF ) CRLF *octet
    header    = content-type | content-length | content-transfer-encoding, each once

No preamble, no epilogue, no folded header, no padding after a boundary, no other header, no escape
in a name, no ``name*``: each of them is read differently somewhere. Any split of the bytes gives the
same events and the same refusal.
"""

import re
from collections.abc import Generator, Iterator
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from firedoor.wire.document import Malformed

PARTS_MAX: Final = 1_000
"""A folder of a skill has some hundred files; more parts than this cost more than they say."""
_HEADER_BYTES_MAX: Final = 4_096
# RFC 2046 §5.1.1: up to 70 of these, the last of them no blank.
_BOUNDARY: Final = r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]"
_CONTENT_TYPE: Final = re.compile(
    rf'multipart/form-data[ \t]*;[ \t]*boundary=(?:"({_BOUNDARY})"|([0-9A-Za-z\'+_\-.]{{1,70}}))',
    re.IGNORECASE,
)
# Names in quotes, as browsers and every SDK write them; inside, anything but what ends or escapes.
_DISPOSITION: Final = re.compile(
    r'form-data; ?name="([^"\\\x00-\x1f\x7f]*)"(?:; ?filename="([^"\\\x00-\x1f\x7f]*)")?',
    re.IGNORECASE,
)
_MEDIA_TYPE: Final = re.compile(
    r"([a-z0-9!#$&^_.+\-]{1,100}/[a-z0-9!#$&^_.+\-]{1,100})"
    r"(?:; ?charset=\"?(utf-8|us-ascii)\"?)?",
    re.IGNORECASE,
)


class PartHead(NamedTuple):
    """A part begins."""

    name: str
    filename: str | None
    media_type: str | None
    size: int | None = None
    """The part's length in bytes, where it says so."""


class PartEnd(NamedTuple):
    """The part that began last is over."""


Event = PartHead | bytes | PartEnd


def is_multipart(content_type: bytes | None) -> bool:
    """Whether a body says that it has parts, of whatever kind."""
    return content_type is not None and content_type.lstrip().lower().startswith(b"multipart/")


@lru_cache(maxsize=8)
def boundary_of(content_type: bytes) -> bytes:
    """The boundary that a form's content type names.

    Raises:
        Malformed: It is no form, or names its boundary in a way that can be read in two.
    """
    match = _CONTENT_TYPE.fullmatch(content_type.decode("latin-1").strip())
    if match is None:
        raise Malformed(
            "The content type is not multipart/form-data with one plain boundary.",
            pointer="content-type",
        )
    return (match[1] or match[2]).encode("latin-1")


def _unquoted(name: str) -> str:
    """A name as the WHATWG form encoding writes it: three characters are escaped by percent."""
    return name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _head(block: bytes) -> PartHead:
    found: dict[bytes, str] = {}
    for line in block.split(b"\r\n"):
        header, colon, value = line.partition(b":")
        header = header.lower()
        if not colon or header in found or header not in _HEADERS:
            raise Malformed("A part of the form has a header that this door does not read.")
        try:
            found[header] = value.strip(b" ").decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed("A part of the form has a header that is not UTF-8.") from None
    disposition = _DISPOSITION.fullmatch(found.get(b"content-disposition", ""))
    if disposition is None:
        raise Malformed("A part of the form does not say plainly which field it is.")
    media_type = None
    if b"content-type" in found:
        match = _MEDIA_TYPE.fullmatch(found[b"content-type"])
        if match is None or match[1].lower().startswith("multipart/"):
            raise Malformed("A part of the form is of a type that this door does not read.")
        media_type = match[1].lower()
    if found.get(b"content-transfer-encoding", "binary").lower() not in ("binary", "8bit", "7bit"):
        raise Malformed("A part of the form is in a coding that this door does not read.")
    length = found.get(b"content-length")
    if length is not None and not (length.isascii() and length.isdigit() and len(length) < 20):
        raise Malformed("A part of the form has a length that is none.")
    name, filename = disposition[1], disposition[2]
    return PartHead(
        _unquoted(name),
        _unquoted(filename) if filename is not None else None,
        media_type,
        int(length) if length is not None else None,
    )


_HEADERS: Final = frozenset(
    {b"content-disposition", b"content-type", b"content-length", b"content-transfer-encoding"}
)


class _State(Enum):
    START = auto()
    HEAD = auto()
    BODY = auto()
    END = auto()


class FormParser:
    """Bytes in, events out. Holds back at most a boundary's length, or one part's head."""

    def __init__(self, boundary: bytes) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._state = _State.START
        self._rest = b""
        self._parts = 0
        self._left: int | None = None
        """What the part's own length says is still to come."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that ``chunk`` completes. Must be run dry before the next call.

        Raises:
            Malformed: What came so far begins no form of this grammar.
        """
        data = self._rest + chunk if self._rest else chunk
        at = 0
        while True:
            if self._state is _State.BODY:
                at, more = yield from self._body(data, at)
            elif self._state is _State.HEAD:
                at, more = yield from self._part_head(data, at)
            elif self._state is _State.START:
                at, more = self._start(data)
            else:
                if data[at:] not in (b"", b"\r", b"\r\n"):
                    raise Malformed("Something stands behind the form's last boundary.")
                more = False
            if not more:
                self._rest = data[at:]
                return

    def end(self) -> None:
        """The bytes are over.

        Raises:
            Malformed: The form is not.
        """
        if self._state is not _State.END or self._rest == b"\r":
            raise Malformed("The form ends before its last boundary.")

    def _start(self, data: bytes) -> tuple[int, bool]:
        first = self._delimiter[2:] + b"\r\n"
        if data[: len(first)] != first[: len(data)]:
            raise Malformed("The body does not begin with the boundary that its headers name.")
        if len(data) < len(first):
            return 0, False
        self._begin_part()
        return len(first), True

    def _begin_part(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise Malformed(f"The form has more than {PARTS_MAX} parts.")
        self._state = _State.HEAD

    def _part_head(self, data: bytes, at: int) -> Generator[Event, None, tuple[int, bool]]:
        end = data.find(b"\r\n\r\n", at, at + _HEADER_BYTES_MAX + 4)
        if end < 0:
            if len(data) - at > _HEADER_BYTES_MAX + 3:
                raise Malformed(f"The head of a part is longer than {_HEADER_BYTES_MAX} bytes.")
            return at, False
        head = _head(data[at:end])
        self._left = head.size
        yield head
        self._state = _State.BODY
        return end + 4, True

    def _body(self, data: bytes, at: int) -> Generator[Event, None, tuple[int, bool]]:
        delimiter = self._delimiter
        found = data.find(delimiter, at)
        if found < 0:
            end = max(at, len(data) - len(delimiter) + 1)
            if end > at:
                yield self._counted(data[at:end])
            return end, False
        if found > at:
            yield self._counted(data[at:found])
        after = found + len(delimiter)
        follows = data[after : after + 2]
        if len(follows) < 2:
            return found, False
        if self._left:
            raise Malformed("A part of the form is shorter than it says.")
        if follows == b"\r\n":
            self._begin_part()
        elif follows == b"--":
            self._state = _State.END
        else:
            raise Malformed("A boundary is followed by something else than a line's end.")
        yield PartEnd()
        return after + 2, True

    def _counted(self, content: bytes) -> bytes:
        if self._left is not None:
            self._left -= len(content)
            if self._left < 0:
                raise Malformed("A part of the form is longer than it says.")
        return content

"""Gemini's uploads: one request says what will come, and the answer's head where it is to go.

    POST /upload/v1beta/files   x-goog-upload-command: start           → x-goog-upload-url: …?upload_id=…
    POST that URL               x-goog-upload-command: upload, finalize → {"file": {…}}

Bytes may come in several pieces; the last one finalizes. Whoever has the URL may send them: Google's
own client sends neither its key nor any other header of its own there.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from firedoor.types.exchange import Headers
from firedoor.types.part import MintedId
from firedoor.wire.route import CONTENT, Endpoint
from firedoor.wire.state.urls import led_through, origin

_STARTS: Final = frozenset({"files.upload", "file_search_stores.upload"})
_COMMAND: Final = b"x-goog-upload-command"
_NAME: Final = b"x-goog-upload-file-name"
_ONWARD: Final = (b"x-goog-upload-url", b"x-goog-upload-control-url")
_COMMANDS: Final = frozenset({"upload", "upload, finalize", "finalize", "query", "cancel"})


def starts_upload(endpoint: Endpoint) -> bool:
    """Whether a request says what will be uploaded."""
    return endpoint.provider == "gemini" and endpoint.name in _STARTS


def is_content(endpoint: Endpoint) -> bool:
    """Whether a request's body is the bytes of a file."""
    return endpoint.provider == "gemini" and endpoint.name.endswith(CONTENT)


def _values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip().lower() for n, value in headers if n == name]


def odd_upload(endpoint: Endpoint, headers: Headers) -> str | None:
    """The header by which an upload is another than the two that are read; None where none is."""
    command = _values(headers, _COMMAND)
    if starts_upload(endpoint):
        if _values(headers, b"x-goog-upload-protocol") != ["resumable"]:
            return "x-goog-upload-protocol"
        return None if command == ["start"] else _COMMAND.decode()
    if is_content(endpoint) and not (len(command) == 1 and command[0] in _COMMANDS):
        return _COMMAND.decode()
    return None


def is_piece(headers: Headers) -> bool:
    """Whether a body is less than the whole file."""
    whole = _values(headers, _COMMAND) == ["upload, finalize"]
    return not (whole and _values(headers, b"x-goog-upload-offset") == ["0"])


def names_of(headers: Headers) -> Iterable[tuple[str, str]]:
    """The name of a file that stands in a head: (place, name)."""
    return [(_NAME.decode(), v.decode("utf-8", "replace")) for n, v in headers if n == _NAME]


def upload_ids(headers: Headers) -> list[MintedId]:
    """What the answer to a start makes: the id in the URL that it names."""
    found = []
    for name, value in headers:
        if name in _ONWARD:
            query = parse_qsl(urlsplit(value.decode("latin-1")).query)
            found += [MintedId("upload", v) for n, v in query if n == "upload_id"]
    return found


def onward(headers: Headers, upstream: str, door: str) -> Headers | None:
    """An answer's head whose upload URLs lead through ``door``; None where one leads past it."""
    out = []
    for name, value in headers:
        if name in _ONWARD:
            url = value.decode("latin-1")
            if origin(url) != origin(upstream):
                return None
            value = led_through(url, upstream, door).encode("latin-1")
        out.append((name, value))
    return tuple(out)

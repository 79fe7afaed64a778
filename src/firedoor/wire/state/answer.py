"""What a provider says of what it keeps: the ids that it made, and texts that a model wrote."""

from collections.abc import Iterator
from typing import Any, Final

from firedoor.types.part import Answer, MintedId, OutputKind, OutputPart
from firedoor.wire.answers import UNREADABLE, error_of, loads, word
from firedoor.wire.counts import usage_of

_IDS_MAX: Final = 10_000
"""Ids taken from one answer: a page of a list has a hundred."""
_ID_CHARS_MAX: Final = 512
# Only where the provider itself writes them: a client's own words (metadata, names, contents) may
# say what they like, and must not make anybody the owner of anything.
_INSIDE: Final = ("data", "output", "file", "files", "items", "documents", "cachedContents")
_ID_MEMBERS: Final = {
    "id": None,
    "batch_id": "batch",
    "container_id": "container",
    "conversation_id": "conversation",
    "error_file_id": "file",
    "file_id": "file",
    "memory_version_id": "memory_version",
    "output_file_id": "file",
    "response_id": "response",
    "vector_store_id": "vector_store",
    # Gemini names what it keeps by path, files/abc, and files by their whole address too.
    "name": None,
    "uri": "file",
}
OUTPUT_FILE: Final = "output_file"
"""A file that the provider itself wrote: what a batch came to. An upload is never called so."""
_OUTPUTS: Final = frozenset({"output_file_id", "error_file_id"})
_GEMINI_NAMES: Final = {
    "files/": "file",
    "cachedContents/": "cache",
    "fileSearchStores/": "file_search_store",
    "batches/": "batch",
    "interactions/": "interaction",
    "operations/": "operation",
}


def _resource(member: str, holder: dict[str, Any]) -> str:
    kind = holder.get("object") or holder.get("type")
    if member in _OUTPUTS and kind == "batch":
        return OUTPUT_FILE
    named = _ID_MEMBERS.get(member)
    if named is not None:
        return named
    if member == "name":
        return _GEMINI_NAMES.get(str(holder["name"]).partition("/")[0] + "/", "state")
    return str(kind).rpartition(".")[2] if isinstance(kind, str) else "state"


def minted_ids(value: Any) -> Iterator[MintedId]:
    """The ids of an answer, where the provider writes them; each once, at most `_IDS_MAX`."""
    seen: set[str] = set()
    stack = [value]
    while stack and len(seen) < _IDS_MAX:
        holder = stack.pop()
        if isinstance(holder, list):
            stack.extend(reversed(holder[:_IDS_MAX]))
            continue
        if not isinstance(holder, dict):
            continue
        for member in _ID_MEMBERS:
            found = holder.get(member)
            if not isinstance(found, str) or not 0 < len(found) <= _ID_CHARS_MAX or found in seen:
                continue
            if member == "name" and not found.startswith(tuple(_GEMINI_NAMES)):
                continue
            if member == "uri" and not found.endswith(f"/{holder.get('name')}"):
                continue
            seen.add(found)
            yield MintedId(_resource(member, holder), found)
        for made in _result_files(holder):
            seen.add(made)
            yield MintedId("file", made)
        stack.extend(holder[name] for name in reversed(_INSIDE) if name in holder)


def _result_files(holder: dict[str, Any]) -> list[str]:
    """What a training job left behind: bare ids."""
    found = holder.get("result_files")
    ids = found[:_IDS_MAX] if isinstance(found, list) else []
    return [id_ for id_ in ids if isinstance(id_, str) and 0 < len(id_) <= _ID_CHARS_MAX]


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    output = []
    text = value.get("text")
    if isinstance(text, str) and text:
        # A transcription, a translation: a model's words.
        output.append(OutputPart("/text", text, OutputKind.TEXT))
    return Answer(
        output=tuple(output),
        minted=tuple(minted_ids(value)),
        usage=usage_of(value.get("usage")),
        model=word(value.get("model")),
        id=word(value.get("id")),
        error=error_of(value),
    )

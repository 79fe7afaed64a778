"""How a document is kept: sealed, plain, or without the names that may be content.

``encrypted`` seals every document, since a pointer holds the names of members, and those hold what
a client or a model wrote. ``digests`` keeps no texts, and of such names a digest.
"""

from collections.abc import Callable
from typing import Any, Protocol

import orjson
from cryptography.exceptions import InvalidTag

from firedoor.errors import TamperingError
from firedoor.store.keys import StoreKeys
from firedoor.wire import WORD_CHARS_MAX, veiled_name, veiled_pointer

_Veil = Callable[[Any], Any]


class Keeper(Protocol):
    """What a document's keeping depends on."""

    keys: StoreKeys
    retention: str


def kept(keeper: Keeper, bound_to: str, document: bytes) -> tuple[str, bytes]:
    """A document as it is kept: its kind, and its bytes."""
    if keeper.retention == "encrypted":
        return "aesgcm:" + keeper.keys.key_id, keeper.keys.seal(document, bound_to)
    return "plain", document


def read(keys: StoreKeys, bound_to: str, kind: str, body: bytes) -> bytes:
    """The inverse of ``kept``, whatever the retention was when it was written.

    Raises:
        TamperingError: It was changed, or sealed under another key or for another place.
    """
    if kind == "plain":
        return body
    try:
        return keys.unseal(body, bound_to)
    except (InvalidTag, ValueError):
        raise unreadable(bound_to) from None


def unreadable(where: str) -> TamperingError:
    """What is said of a document that cannot be what was written."""
    return TamperingError(
        "what is kept of a call cannot be read: it was changed, or the key file was",
        where=where,
        hint="`firedoor ledger verify` checks all of it",
    )


def veiled(document: bytes, keys: StoreKeys) -> bytes:
    """An explain document's half without names that may be content."""
    value = orjson.loads(document)

    def name(text: Any) -> Any:
        return veiled_name(text, keys.digest) if isinstance(text, str) else text

    def word(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return veiled_name(text, keys.digest, chars_max=WORD_CHARS_MAX)

    def pointer(text: Any) -> Any:
        return veiled_pointer(text, keys.digest) if isinstance(text, str) else text

    _each(value.get("turns", {}).get("parts", []), pointer=pointer, tool=word)
    for field in value.get("fields", {}).values():
        _each(field.get("parts", []), pointer=pointer, tool=word)
    if "fields" in value:
        value["fields"] = {name(key): field for key, field in value["fields"].items()}
    refusal = value.get("refusal")
    if refusal is not None and refusal["param"]:
        shown = pointer(refusal["param"])
        refusal["message"] = refusal["message"].replace(refusal["param"], shown)
        refusal["param"] = shown
    _each([value], model=word, unknown=pointer)
    _each(value.get("hops", []), at=pointer)
    _each(value.get("tools", []), pointer=pointer, name=word)
    for tool in value.get("tools", []):
        if "egress" in tool:
            hosts = tool["egress"]["hosts"]
            tool["egress"]["hosts"] = ["~h:" + keys.digest("host\x1f" + h).hex()[:8] for h in hosts]
    _each(value.get("edges", []), pointer=pointer, **{"from": word, "to": word})
    _each([value.get("upstream") or {}], model=word, id=word, error=word)
    return orjson.dumps(value)


def _each(items: list[dict[str, Any]], **veils: _Veil) -> None:
    for item in items:
        for member, veil in veils.items():
            if member in item:
                item[member] = veil(item[member])

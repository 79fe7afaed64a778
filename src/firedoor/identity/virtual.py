"""Virtual keys in a head: where they stand, and what is left of it once they are taken out.

A key is looked for wherever an SDK puts one, in all places at once: what stands beside it in another
place was not looked at by whoever issued it, and goes nowhere.
"""

from typing import Final
from urllib.parse import unquote

from firedoor.types.exchange import Headers
from firedoor.types.key import VIRTUAL_PREFIX

CREDENTIAL_HEADERS: Final = (b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key")
"""Where SDKs put a credential, the first that counts first."""
QUERY_CREDENTIAL: Final = "key"
"""Where a query may hold the credential (Gemini). Its value is written nowhere."""
KEY_CHARS_MAX: Final = 16_384
"""A token of sixteen blocks has less than half of it; what is longer is no key."""


def virtual_in(headers: Headers, query: str = "") -> tuple[str, ...]:
    """Every virtual key that a head holds, each once."""
    found: dict[str, None] = {}
    for name, value in headers:
        if name in CREDENTIAL_HEADERS:
            # `Bearer fd_…`, `Token fd_…` and the bare key alike.
            text = value.decode("latin-1").strip().rpartition(" ")[2]
            if text.startswith(VIRTUAL_PREFIX):
                found[text] = None
    for pair in query.split("&") if query else ():
        text = unquote(pair.partition("=")[2]).strip()
        if text.startswith(VIRTUAL_PREFIX) and unquote(pair.partition("=")[0]) == QUERY_CREDENTIAL:
            found[text] = None
    return tuple(found)


def without_key(headers: Headers, secret: str) -> Headers:
    """The headers less every credential, and less any other that holds the key."""
    text = secret.encode("latin-1", "replace")
    return tuple([(n, v) for n, v in headers if n not in CREDENTIAL_HEADERS and text not in v])


def query_without_key(query: str, secret: str) -> str:
    """The query less its credential, and less any other member that holds the key."""
    kept = [
        pair
        for pair in query.split("&")
        if unquote(pair.partition("=")[0]) != QUERY_CREDENTIAL and secret not in unquote(pair)
    ]
    return "&".join(kept)

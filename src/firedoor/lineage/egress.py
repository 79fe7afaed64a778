"""How much a text can tell whoever is asked by it: bytes, and at most how many bits."""

import math
import zlib
from collections.abc import Iterable
from typing import Final, NamedTuple

_DEFLATED_FROM_BYTES: Final = 48


class Egress(NamedTuple):
    """What a call tells one host by what it asks of it."""

    host: str
    """Empty where no host is named: a search, a cache key, the name of a directory."""
    bytes: int
    bits: int
    """At most so much can be said in these bytes; see `bits_of`."""


_CLASSES: Final = (
    (frozenset("0123456789"), 10), (frozenset("abcdef"), 6),
    (frozenset("ghijklmnopqrstuvwxyz"), 20), (frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 26),
)  # fmt: skip
_OTHERS: Final = 33


def bits_of(text: str) -> int:
    """At most how many bits ``text`` says: the lesser of its alphabet's and of its deflated form's.

    The alphabet is that of the classes of letters in use (digits, a-f, other small ones, capitals,
    the rest), so a short text is not taken for little by the few letters that it happens to hold,
    as its Shannon entropy would take it. Deflation is what shows a long text that repeats itself.
    Both are bounds for a reader who knows nothing of the text, and so is the lesser.
    """
    if not text:
        return 0
    used = set(text)
    rest = used
    alphabet = 0
    for letters, size in _CLASSES:
        if not letters.isdisjoint(used):
            alphabet += size
            rest = rest - letters
    if rest:
        alphabet += _OTHERS if all(c < "\x80" for c in rest) else 256
    data = text.encode("utf-8", "surrogatepass")
    count = len(text) if len(data) == len(text) else len(data)
    bits = math.ceil(count * math.log2(max(alphabet, 2)))
    if len(data) >= _DEFLATED_FROM_BYTES:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        bits = min(bits, 8 * (len(packer.compress(data)) + len(packer.flush())))
    return bits


def egress_to(host: str, said: Iterable[str]) -> Egress:
    """What these texts tell ``host``."""
    text = "".join(said)
    return Egress(host, len(text.encode("utf-8", "surrogatepass")), bits_of(text))

"""Names that may be content, for whoever must not write content down.

A long or wordy name of a member is a place for text as much as its value is. Where it may not stand
in clear, ``~h:`` and a keyed digest stand for it: no escape of a JSON pointer begins so (RFC 6901),
and equal names stay equal.
"""

from collections.abc import Callable
from typing import Final

NAME_CHARS_MAX: Final = 32
WORD_CHARS_MAX: Final = 64
"""Of a word of the protocol: a role, a type, the name of a tool."""
_DIGITS: Final = 8

Digester = Callable[[str], bytes]


def is_wordy(name: str, chars_max: int = NAME_CHARS_MAX) -> bool:
    """Whether there is room for text in a name."""
    return len(name) > chars_max or any(c.isspace() for c in name)


def veiled_name(
    name: str, digester: Digester, *, chars_max: int = NAME_CHARS_MAX, digits: int = _DIGITS
) -> str:
    """``name``, or a digest in its place if it may be content."""
    if not is_wordy(name, chars_max):
        return name
    return "~h:" + digester("name\x1f" + name).hex()[:digits]


def veiled_pointer(pointer: str, digester: Digester) -> str:
    """``pointer`` with such names veiled one by one; the ``#`` that names a name itself stays."""
    if not is_wordy(pointer):
        return pointer
    return "/".join(_veiled_step(step, digester) for step in pointer.split("/"))


def _veiled_step(step: str, digester: Digester) -> str:
    name = step.removesuffix("#")
    plain = name.replace("~1", "/").replace("~0", "~")
    return veiled_name(plain, digester) + step[len(name) :] if is_wordy(plain) else step

"""The neutral delimiter of action `mark`: bound to a nonce, so that a text cannot close it.

The nonce is derived from the store's key, the instance and the part (DESIGN §5b): the same part
gives the same bytes on every call, and nobody who does not see the context can write a look-alike.
"""

from typing import Final

_LOOK_ALIKES: Final = (("[[data:", "[ [data:"), ("[[/data:", "[ [/data:"))


def marked(text: str, nonce: str) -> str:
    """``text`` between delimiters; what looks like one inside it is defused."""
    for found, defused in _LOOK_ALIKES:
        text = text.replace(found, defused)
    return f"[[data:{nonce}]]{text}[[/data:{nonce}]]"

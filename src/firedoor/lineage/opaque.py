"""Does a text hold stretches that nobody can read? Found by what codings leave over.

Such a text is judged like any other; what is binary by its place in a request (`Kind.OPAQUE`) is not.
"""

from typing import Final

from firedoor.lineage.decode import blobs, unwrapped

WORK_CHARS: Final = 8_000_000
"""Characters read of one text and of what is inside it, before the rest counts as unread."""
_SHORTEST_CHARS: Final = 80

Spans = tuple[tuple[int, int], ...]


def opaque_spans(text: str, *, wrapped: bool = True) -> Spans:
    """(start, end) of the stretches of ``text`` that look like code and give nothing readable.

    Without ``wrapped`` only what stands there openly is found, and the answer costs a few passes at
    memory speed where there is none: what is percent-encoded or spaced out is missed. With it every
    text is unwrapped, which costs about half a millisecond a thousand characters.
    """
    if len(text) < _SHORTEST_CHARS or not (wrapped or blobs(text)):
        return ()
    return unwrapped(text, WORK_CHARS).opaque

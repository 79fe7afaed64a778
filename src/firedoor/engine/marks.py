"""The neutral delimiter of action `mark`: bound to a nonce, so that a text cannot close it.

The nonce is derived from the store's key, the instance and the part (DESIGN §5b): the same part
gives the same bytes on every call, and nobody who does not see the context can write a look-alike.
Whatever looks like a delimiter all the same, with any nonce, is defused: in what is marked, and where
the policy marks anything at all, in every text that can be edited. It depends on the text and the
policy alone, so a history keeps its bytes from call to call.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from firedoor.lineage.lookalikes import IGNORED, LOOKALIKES

# What a reader takes for a bracket, a slash or a colon, besides what NFKC makes one of.
_BRACKETS: Final = {
    **dict.fromkeys("[⁅【〔〖❲⦋⦍⦏⟬⎡⎣「『〈《⟨⦗｢", "["),
    **dict.fromkeys("⟦〚", "[["),
}
_SIGNS: Final = {
    **_BRACKETS,
    **dict.fromkeys("/⁄∕⧸╱〳⟋∖", "/"),
    **dict.fromkeys(":ː˸∶꞉։׃᛬⁚︰", ":"),
}
_MAY_BE_ONE: Final = re.compile(
    "[" + re.escape("".join(_BRACKETS)) + "［﹝﹇︗︻︹﹁﹃]"
)  # fmt: skip
_SHAPE: Final = re.compile(r"\[\s*+\[\s*+(/?)\s*+d\s*+a\s*+t\s*+a\s*+:")
_PLAIN: Final = re.compile(r"\[\s*+\[\s*+(/?)\s*+d\s*+[a4@]\s*+t\s*+[a4@]\s*+:", re.IGNORECASE)


_UNSEEN: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def marked(text: str, nonce: str) -> str:
    """``text`` between delimiters; what looks like one inside it is defused."""
    return between(defused(text), nonce)


def between(text: str, nonce: str) -> str:
    """``text`` between delimiters, as it is."""
    return f"[[data:{nonce}]]{text}[[/data:{nonce}]]"


def defused(text: str) -> str:
    """``text`` without anything that looks like a delimiter; itself where there is none.

    The brackets of a look-alike become round ones, and its letters plain: ``[[data:`` is ``((data:``.
    Costs one scan for brackets; a text with brackets that is not ASCII is read character by character.
    """
    if _MAY_BE_ONE.search(text) is None:
        return text
    if text.isascii() and _UNSEEN.search(text) is None:
        return _PLAIN.sub(_round, text)
    shape: list[str] = []
    at: list[int] = []
    for index, char in enumerate(text):
        folded = _folded(char)
        shape.append(folded)
        at.extend([index] * len(folded))
    pieces: list[str] = []
    done = 0
    for found in _SHAPE.finditer("".join(shape)):
        start, end = at[found.start()], at[found.end() - 1] + 1
        pieces += (text[done:start], _round(found))
        done = end
    return "".join((*pieces, text[done:])) if pieces else text


def _round(found: re.Match[str]) -> str:
    return f"(({found.group(1)}data:"


@lru_cache(maxsize=4096)
def _folded(char: str) -> str:
    """What a reader sees in a character, as far as a delimiter goes; nothing where it is not seen."""
    if char in IGNORED:
        return ""
    out = ""
    for piece in _SIGNS.get(char) or unicodedata.normalize("NFKD", char):
        kind = unicodedata.category(piece)
        if kind in ("Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn") and not piece.isspace():
            continue
        piece = piece.casefold()
        out += _SIGNS.get(piece) or LOOKALIKES.get(piece, piece)
    return out.replace("4", "a").replace("@", "a")

"""Short items, found whole within their store: a name, a number with its unit, a word to pass on.

Anywhere else they are everybody's. In the place that an instance wrote them to, an item of eight
letters and digits is known again in other case, spacing or punctuation, by the digest of its normal
form; longer ones have fingerprints.
"""

from typing import Final

import numpy as np

from firedoor.lineage.matches import ALONE_CHARS_MIN
from firedoor.lineage.normal import normal_of
from firedoor.lineage.passages import PASSAGES_MAX, PLACE_MATCH_CHARS_MIN, Digester, Passage

_TEXT_CHARS_MAX: Final = 65_536
"""A text is searched for short items no further than this."""


def items_of(text: str, digester: Digester) -> tuple[Passage, ...]:
    """The text, or its lines, as far as they are short: by normal form."""
    head = text[:_TEXT_CHARS_MAX]
    normal = normal_of(head)
    found = []
    start = 0
    for line in head.split("\n")[:PASSAGES_MAX]:
        end = start + len(line)
        low, high = np.searchsorted(normal.at, (start, end)).tolist()
        if PLACE_MATCH_CHARS_MIN <= high - low < ALONE_CHARS_MIN:
            form = normal._replace(codes=normal.codes[low:high]).text
            first, last = int(normal.at[low]), int(normal.at[high - 1]) + 1
            found.append(Passage(first, last, digester("item\x1f" + form), high - low))
        start = end + 1
    return tuple(found)

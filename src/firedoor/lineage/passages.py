"""The stretches by which a text is indexed and found again.

For now a stretch is the whole text, or one of its lines, known by an exact keyed digest. What is
found this way is certain; what is missed costs nothing but precision, since text whose origin is
not proven takes its container's label (MODEL §1).
"""

import re
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from firedoor.types.ids import Digest

Digester = Callable[[str], Digest]

GLOBAL_MATCH_CHARS_MIN: Final = 16
"""Letters and digits below which a stretch is nobody's: "Done, thank you!" is everybody's."""
PLACE_MATCH_CHARS_MIN: Final = 8
"""The same inside one place of one store, and for a run's own emissions."""
PASSAGES_MAX: Final = 1_000
"""Stretches a text: beyond it the rest of the text is one stretch, so that no text floods."""

_WORDLESS: Final = re.compile(r"[\W_]+")
_NO_LETTERS: Final = bytes(c for c in range(128) if not chr(c).isalnum())


class Passage(NamedTuple):
    """One stretch: characters ``start`` to ``end`` of its text."""

    start: int
    end: int
    digest: Digest
    weight: int
    """Letters and digits in it."""

    @property
    def anywhere(self) -> bool:
        """Long enough to be matched wherever it appears."""
        return self.weight >= GLOBAL_MATCH_CHARS_MIN

    @property
    def in_place(self) -> bool:
        """Long enough to be matched inside one place of one store."""
        return self.weight >= PLACE_MATCH_CHARS_MIN


class Passages(NamedTuple):
    """All stretches of one text."""

    whole: Passage | None
    """The whole text, stripped, of any length: an own "OK" is known again; None when blank."""
    lines: tuple[Passage, ...]
    """Its lines, when it has several."""
    weight: int
    digests: tuple[Digest, ...]
    """What is looked up: each digest once, the whole first."""


NO_PASSAGES: Final = Passages(None, (), 0, ())


def weight_of(text: str) -> int:
    """How many letters and digits ``text`` has."""
    # Nine texts in ten are ASCII, and there the count is one pass at memory speed.
    if text.isascii():
        return len(text.encode().translate(None, _NO_LETTERS))
    return len(_WORDLESS.sub("", text))


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def canonical_text(text: str) -> str:
    """A whole text as it is known by: stripped, and its line ends as ``\\n``."""
    return _normal(text.strip())


def passages_of(text: str, digester: Digester) -> Passages:
    """The stretches of ``text``. Costs one digest of the text, and one of each line."""
    stripped = text.strip()
    if not stripped:
        return NO_PASSAGES
    weight = weight_of(stripped)
    start = text.index(stripped[0])
    whole = Passage(start, start + len(stripped), digester(_normal(stripped)), weight)
    if "\n" not in stripped and "\r" not in stripped:
        return Passages(whole, (), weight, (whole.digest,))
    lines = tuple(_lines(text, digester))
    digests = dict.fromkeys((whole.digest, *(line.digest for line in lines)))
    return Passages(whole, lines, weight, tuple(digests))


def _lines(text: str, digester: Digester) -> Iterator[Passage]:
    """The lines that are long enough to be told apart; past a bound, the rest as one."""
    at = 0
    count = 0
    # Both line endings end a line here, and neither belongs to it.
    for raw in text.replace("\r", "\n").split("\n"):
        line = raw.strip()
        size = len(line)
        if size >= PLACE_MATCH_CHARS_MIN:
            weight = weight_of(line)
            if weight >= PLACE_MATCH_CHARS_MIN:
                start = at + raw.index(line[0])
                if count >= PASSAGES_MAX - 2:
                    rest = text[start:].rstrip()
                    yield Passage(
                        start, start + len(rest), digester(_normal(rest)), weight_of(rest)
                    )
                    return
                count += 1
                yield Passage(start, start + size, digester(line), weight)
        at += len(raw) + 1


def whole_passages(text: str, digester: Digester) -> tuple[Digest, ...]:
    """The digest of the whole text, and of nothing else: what a helper speaks of."""
    return (digester(_normal(text.strip())),) if text.strip() else ()

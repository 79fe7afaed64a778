"""The stretches by which a text is indexed and found again.

For now a stretch is the whole text, or one of its lines, known by an exact keyed digest. What is
found this way is certain; what is missed costs nothing but precision, since text whose origin is
not proven takes its container's label (MODEL §1).
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from firedoor.types.ids import Digest

Digester = Callable[[str], Digest]

GLOBAL_MATCH_CHARS_MIN: Final = 16
"""Letters and digits below which a stretch is nobody's: "Done, thank you!" is everybody's."""
PLACE_MATCH_CHARS_MIN: Final = 8
"""The same inside one place of one store, and for a run's own emissions."""
PASSAGES_MAX: Final = 1_000
"""Stretches a text: beyond it the rest of the text is one stretch, so that no text floods."""

_LINE: Final = re.compile(r"[^\r\n]*\S[^\r\n]*")
_WORDLESS: Final = re.compile(r"[\W_]+")


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

    @property
    def digests(self) -> tuple[Digest, ...]:
        """What is looked up: each digest once, the whole first."""
        found = [self.whole.digest] if self.whole is not None else []
        found.extend(line.digest for line in self.lines)
        return tuple(dict.fromkeys(found))


NO_PASSAGES: Final = Passages(None, (), 0)


def weight_of(text: str) -> int:
    """How many letters and digits ``text`` has."""
    return len(_WORDLESS.sub("", text))


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def passages_of(text: str, digester: Digester) -> Passages:
    """The stretches of ``text``. Costs one digest of the text, and one of each line."""
    stripped = text.strip()
    weight = weight_of(stripped)
    if not stripped:
        return NO_PASSAGES
    start = len(text) - len(text.lstrip())
    whole = Passage(
        start,
        start + len(stripped),
        digester(_normal(stripped)),
        weight,
    )
    if "\n" not in stripped and "\r" not in stripped:
        return Passages(whole, (), weight)
    lines: list[Passage] = []
    for match in _LINE.finditer(text):
        line = match.group().strip()
        line_weight = weight_of(line)
        if line_weight < PLACE_MATCH_CHARS_MIN:
            continue
        at = match.start() + len(match.group()) - len(match.group().lstrip())
        if len(lines) >= PASSAGES_MAX - 2:
            rest = text[at:].rstrip()
            digest = digester(_normal(rest))
            lines.append(Passage(at, at + len(rest), digest, weight_of(rest)))
            break
        lines.append(Passage(at, at + len(line), digester(line), line_weight))
    return Passages(whole, tuple(lines), weight)


def whole_passages(text: str, digester: Digester) -> tuple[Digest, ...]:
    """The digest of the whole text, and of nothing else: what a helper speaks of."""
    return (digester(_normal(text.strip())),) if text.strip() else ()

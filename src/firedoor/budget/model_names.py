"""Which row of a price list a model's name means.

The clauses are those of ``genai-prices`` (one row names its model in all its spellings), as data, so
that a table is judged here without that package and has a digest. Names are compared in lower case.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_PREFIXES: Final = ("models/", "publishers/google/models/", "tunedmodels/")
_COMPACT_DATE: Final = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
_DATE: Final = re.compile(r"-(?:20\d\d-\d\d-\d\d|20\d{6})$")
NAME_CHARS_MAX: Final = 256
"""No model has a longer name; it is compared with two thousand rows."""

PROVIDERS: Final = {"gemini": "google"}
"""What a price list calls the provider of an upstream, where it is not the upstream's own name."""


class Clause(NamedTuple):
    """A condition on a name."""

    kind: str
    """``equals``, ``starts_with``, ``ends_with``, ``contains``, ``regex``, ``or``, ``and``."""
    text: str = ""
    of: tuple["Clause", ...] = ()

    def fits(self, name: str) -> bool:
        """Whether ``name``, in lower case, meets it."""
        match self.kind:
            case "equals":
                return name == self.text
            case "starts_with":
                return name.startswith(self.text)
            case "ends_with":
                return name.endswith(self.text)
            case "contains":
                return self.text in name
            case "regex":
                return re.search(self.text, name) is not None
            case "or":
                return any(clause.fits(name) for clause in self.of)
            case "and":
                return all(clause.fits(name) for clause in self.of)
        return False


def forms(model: str) -> Iterator[str]:
    """The names to look for, the most exact first.

    A snapshot that no row names is priced as its model; a fine-tune never is, since the model that it
    was made from is cheaper.

    >>> list(forms("models/Gemini-9-pro-20261103"))
    ['gemini-9-pro-20261103', 'gemini-9-pro-2026-11-03', 'gemini-9-pro']
    """
    name = model.strip().lower()[: NAME_CHARS_MAX + 1]
    if not name or len(name) > NAME_CHARS_MAX:
        return
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    yield name
    if name.startswith("ft:"):
        return
    dashed = _COMPACT_DATE.sub(r"-\1-\2-\3", name)
    if dashed != name:
        yield dashed
    undated = _DATE.sub("", name)
    if undated != name:
        yield undated

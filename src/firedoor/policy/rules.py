"""Rules: what is asked of a part or a tool call, in a closed vocabulary.

A rule field is one row of ``FIELDS``: which ask it reads, how it compares, what a file may say. The
loader, the matcher, the error messages and the reference page are all driven by that table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from firedoor.policy.affordances import AFFORDANCES
from firedoor.types.exchange import Surface
from firedoor.types.part import Channel, Evidence, Kind, Origin, Standing
from firedoor.types.verdict import Action, CallAsk, PartAsk, RequestAsk

_UNKNOWN_RANK: Final = 1 << 30
PART, CALL, REQUEST = "part", "call", "request"
_OPERATORS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "": lambda a, b: a == b,
}


class RuleError(ValueError):
    """A rule that cannot be used: the message says what is allowed."""


class Test(NamedTuple):
    """One compiled condition."""

    field: str
    fits: Callable[[Any], bool]


class Field(NamedTuple):
    """One word that a rule's ``match`` may use."""

    name: str
    asks: frozenset[str]
    """Which asks know it: ``part``, ``call``, ``request``."""
    read: Callable[[Any], Any]
    compile: Callable[[str, object], Callable[[Any], bool]]
    allowed: str
    """What a file may say, for errors and the reference page."""


def _listed(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _words(name: str, vocabulary: frozenset[str], value: object) -> Callable[[Any], bool]:
    wanted = frozenset(str(v) for v in _listed(value))
    wrong = sorted(wanted - vocabulary)
    if wrong:
        raise RuleError(f"{name}: {wrong[0]!r} is not one of {', '.join(sorted(vocabulary))}")
    return lambda found: found is not None and str(found) in wanted


def _globs(name: str, value: object) -> Callable[[Any], bool]:
    globs = []
    for glob in _listed(value):
        if not isinstance(glob, str):
            raise RuleError(f"{name}: {glob!r} is not a name or pattern")
        globs.append(glob)

    def fits(found: Any) -> bool:
        names = found if isinstance(found, tuple) else (found,)
        return any(n is not None and fnmatchcase(n, g) for n in names for g in globs)

    return fits


def _words_of(vocabulary: tuple[str, ...]) -> Callable[[str, object], Callable[[Any], bool]]:
    """Any of some words among several."""

    def compile_(name: str, value: object) -> Callable[[Any], bool]:
        fits = _words(name, frozenset(vocabulary), value)
        return lambda found: any(map(fits, found))

    return compile_


def _flag(name: str, value: object) -> Callable[[Any], bool]:
    if not isinstance(value, bool):
        raise RuleError(f"{name}: {value!r} is neither true nor false")
    return lambda found: found is value


def _depth(name: str, value: object) -> Callable[[Any], bool]:
    """``">=2"``, ``"<=1"``, ``2`` or ``unknown``; unknown ranks above every number."""
    if value == "unknown":
        return lambda found: found is None
    text = str(value).strip()
    operator = next(o for o in _OPERATORS if text.startswith(o))
    number = text[len(operator) :].strip()
    if isinstance(value, bool) or not number.isdigit():
        raise RuleError(f'{name}: {value!r} is not a depth; write ">=2", "<=1", 2 or unknown')
    compare, wanted = _OPERATORS[operator], int(number)
    return lambda found: compare(_UNKNOWN_RANK if found is None else found, wanted)


fits_depth: Final = _depth
"""The same for whoever else compares depths in a file."""


def _vocabulary(kind: Any) -> tuple[Callable[[str, object], Callable[[Any], bool]], str]:
    words = frozenset(str(member.value) for member in kind)
    return (lambda name, value: _words(name, words, value)), " | ".join(sorted(words))


def _row(
    name: str,
    asks: str,
    compile_: Callable[[str, object], Callable[[Any], bool]],
    allowed: str,
    attribute: str | None = None,
) -> Field:
    attribute = attribute or name
    return Field(
        name, frozenset(asks.split()), lambda ask: getattr(ask, attribute), compile_, allowed
    )


_NAMES: Final = "names or patterns, `writer-*`"
_DEPTHS: Final = '">=2" | "<=1" | 2 | unknown'

FIELDS: Final[Mapping[str, Field]] = {
    field.name: field
    for field in (
        _row("channel", PART, *_vocabulary(Channel)),
        _row("origin", PART, *_vocabulary(Origin)),
        _row("kind", PART, *_vocabulary(Kind)),
        _row("evidence", PART, *_vocabulary(Evidence)),
        _row("standing", PART, *_vocabulary(Standing)),
        _row("surface", "part call request", *_vocabulary(Surface)),
        _row("opaque", PART, _flag, "true | false"),
        _row("crossing", PART, _flag, "true | false"),
        _row("holds", PART, _words_of(AFFORDANCES), " | ".join(AFFORDANCES)),
        _row("attributed", PART, _flag, "true | false"),
        _row("reach_full", PART, _flag, "true | false"),
        _row("generation", PART, _depth, _DEPTHS),
        _row("author", PART, _globs, _NAMES),
        _row("author_compartment", PART, _globs, _NAMES),
        _row("root", PART, _globs, _NAMES, "roots"),
        _row("instance", "part call request", _globs, _NAMES),
        _row("compartment", "part call request", _globs, _NAMES),
        _row("tool", "part call", _globs, _NAMES),
        _row("affordance", CALL, _globs, _NAMES, "affordances"),
        _row("exposed_generation", CALL, _depth, _DEPTHS),
        _row("exposed_root", CALL, _globs, _NAMES, "exposed_roots"),
        _row("holds_released", CALL, _flag, "true | false"),
        _row("endpoint", REQUEST, _globs, "names or patterns, `openai:files.*`"),
        _row("family", REQUEST, _globs, "names or patterns, `hosted`"),
        _row("act", REQUEST, _globs, "names or patterns, `create`"),
        _row("hop", REQUEST, _globs, "names or patterns, `mcp`"),
    )
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. All its conditions must fit."""

    id: str
    action: Action
    tests: tuple[Test, ...]
    asks: frozenset[str]
    shadow: bool = False

    @property
    def holds_inside(self) -> bool:
        """Whether the rule speaks of what a part is, rather than of how far it has come.

        That is so inside a room as well, and of the run's own unproven text.
        """
        if PART not in self.asks:
            return False
        return self.names_opaque or any(test.field == "standing" for test in self.tests)

    @property
    def names_opaque(self) -> bool:
        """Whether the rule asks for what nobody can read."""
        return any(test.field == "opaque" and test.fits(True) for test in self.tests)

    @property
    def names_hop(self) -> bool:
        """Whether the rule speaks of hops, rather than of requests as such."""
        return any(test.field == "hop" for test in self.tests)

    def matches(self, ask: PartAsk | CallAsk | RequestAsk) -> bool:
        """Whether every condition fits this ask."""
        kind = PART
        if isinstance(ask, CallAsk):
            kind = CALL
        elif isinstance(ask, RequestAsk):
            kind = REQUEST
        if kind not in self.asks:
            return False
        return all(test.fits(FIELDS[test.field].read(ask)) for test in self.tests)


def rule(id_: str, match: Mapping[str, object], action: str, *, shadow: bool = False) -> Rule:
    """Compile one rule.

    Raises:
        RuleError: A word or value that the vocabulary does not have, or words that no one ask
            knows together.
    """
    try:
        act = Action(action)
    except ValueError:
        allowed = ", ".join(a.value for a in Action)
        raise RuleError(f"action: {action!r} is not one of {allowed}") from None
    asks = frozenset({PART, CALL, REQUEST})
    tests = []
    for name, value in match.items():
        field = FIELDS.get(name)
        if field is None:
            raise RuleError(f"match: {name!r} is not one of {', '.join(FIELDS)}")
        asks &= field.asks
        tests.append(Test(name, field.compile(name, value)))
    if not asks:
        raise RuleError(
            "match: these words are about different things (parts, tool calls, requests), so that "
            "the rule can never match"
        )
    if asks == {REQUEST}:
        if act not in (Action.ALLOW, Action.DENY):
            raise RuleError(f"action: a request is allowed or denied, not {act.value}")
        return Rule(id_, act, tuple(tests), asks, shadow)
    # Words that a request shares with its parts speak of the parts.
    asks -= {REQUEST}
    if CALL in asks and act not in (Action.ALLOW, Action.DENY):
        if PART not in asks:
            raise RuleError(f"action: a tool call is allowed or denied, not {act.value}")
        asks -= {CALL}
    if asks == {PART, CALL}:
        # Words that both asks know speak of parts, unless a tool is all that is named.
        asks = frozenset({CALL, PART}) if "tool" not in match else frozenset({CALL})
    return Rule(id_, act, tuple(tests), asks, shadow)

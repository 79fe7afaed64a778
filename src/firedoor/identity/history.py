"""The rolling hash of a history: which conversation does a call extend?

``chain[k]`` names the turns up to and including turn ``k``. A turn without content (a reasoning
item that a client may drop) leaves the chain as it was. Only a prefix that ends in an answer which
the door gave identifies; it does so inside one credential, and grants nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

from firedoor.identity.rooms import Digester
from firedoor.types.ids import Digest
from firedoor.types.part import Role, Turn

EMPTY_CHAIN = Digest(b"")


def extend(chain: Digest, turn: Turn | None, digester: Digester) -> Digest:
    """The chain after one more turn."""
    if turn is None or not turn.content:
        return chain
    return digester("\x1f".join(("turn", chain.hex(), turn.role, *turn.content)))


def extend_all(chain: Digest, turns: Iterable[Turn], digester: Digester) -> Digest:
    """The chain after several more turns."""
    for turn in turns:
        chain = extend(chain, turn, digester)
    return chain


class Ask(NamedTuple):
    """What a history gives to look for."""

    chains: tuple[Digest, ...]
    """At each assistant turn, longest first."""


CHAINS_ASKED_MAX = 64
"""Newest assistant turns that are looked up: a longer history cut in its middle is a new one."""


def chains_at_answers(roles: Iterable[tuple[Role, Digest]]) -> tuple[Digest, ...]:
    """The chains at which an answer may have ended, longest first, each once."""
    found: dict[Digest, None] = {}
    for role, chain in roles:
        if role is Role.ASSISTANT and chain != EMPTY_CHAIN:
            found.pop(chain, None)
            found[chain] = None
    return tuple(reversed(found))[:CHAINS_ASKED_MAX]


def attempt_of(chain: Digest, words: Iterable[str], digester: Digester) -> Digest:
    """The digest by which an equal attempt is known: the history, and the few words beside it."""
    return digester("\x1f".join(("attempt", chain.hex(), *words)))

"""What soundness costs: texts withheld that truly crossed only once, by what is attributed.

Nothing in these worlds is ever rewritten by a program, and the store gives everything back in other
words, so that no match helps: labels come from containers alone.
"""

from dataclasses import dataclass, replace

from firedoor.testing import Call
from worlds.asks import SURFACES, Party, Piece
from worlds.habits import KEYED, RUN_ROLES, WHOLE, Habits
from worlds.world import Conversation, World

_PLAIN = Habits(reach=1_000_000, rewrites=False, retold=1.0, attested=0.0, steps=30)


def _by(store: str, attested: float, retold: float = 1.0) -> Habits:
    return replace(_PLAIN, policy=RUN_ROLES + store, attested=attested, retold=retold)


PRICES = {
    "store-wide labels": _by(WHOLE, 0.0),
    "labels by key": _by(KEYED, 0.0),
    "by key, helpers for three quarters of the program's text": _by(KEYED, 0.75),
    "by key, helpers everywhere": _by(KEYED, 1.0),
    "by key, helpers everywhere, words unchanged": _by(KEYED, 1.0, retold=0.0),
}


@dataclass
class Price:
    """Texts that crossed once, how many of them were withheld, and what was unsound."""

    once: int = 0
    withheld: int = 0
    unsound: int = 0
    attributed: int = 0
    parts: int = 0


class Office(World):
    """Agents that read and write notes, each task in a context of its own."""

    def conversation(self) -> Conversation:
        """A task that waits for its tool, or a new one."""
        going = [t for t in self.talks if t.pending]
        if going:
            return self.dice.choice(going)
        room = self.dice.choice(self.rooms)
        party = Party(f"{room}-1", room, "r_one")
        self.talks = [Conversation(party, self.dice.choice(SURFACES))]
        return self.talks[0]

    def new_pieces(self, talk: Conversation) -> tuple[Piece, ...]:
        """A task, or what a tool gave back."""
        if talk.pending:
            return tuple(self.result_of(talk.party, call) for call in talk.pending)
        return (self.harmless("system"), self.harmless("user"))

    def tool_call(self, text: str) -> Call:
        """A note is read, or written."""
        self.wanted += 1
        slot = {"slot": self.dice.choice("abcdefghijkl")}
        if self.chance(0.5):
            return Call("read_note", slot, id=f"call_{self.wanted}")
        return Call("save_note", {**slot, "text": text}, id=f"call_{self.wanted}")


def price(seed: int, habits: Habits) -> Price:
    """What one world pays."""
    world = Office(seed, habits).run()
    found = Price()
    for event in world.trace:
        seen = event.seen
        for i, piece in enumerate(event.ask.pieces):
            if not piece.text or seen.status != 200:
                continue
            part = seen.parts[seen.where[i]]
            found.parts += 1
            found.attributed += part.get("attributed", True)
            shown, depth = seen.shown(i), part["generation"]
            found.unsound += bool(shown and depth is not None and piece.truth.hops > depth)
            if piece.role == "tool" and piece.truth.hops == 1:
                found.once += 1
                found.withheld += not shown
    world.desk.close()
    return found

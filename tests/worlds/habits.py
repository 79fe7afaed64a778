"""What kinds of things happen in a world, and what its operator has told the door."""

from dataclasses import dataclass, replace

KEYED = """
stores:
  notes: {tools: [save_note, read_note], key: slot, writers: fleet, closed: true}
  board: {tools: [post_board, read_board], writers: fleet, closed: false}
"""
"""A closed store by key, and one that others may write to past the door."""
WHOLE = KEYED.replace("key: slot, ", "")
"""The same, but nobody said which argument is the key."""
UNKNOWN_ROLES = "assume: {user: unknown, system: unknown}\n"
RUN_ROLES = "assume: {user: run, system: run}\n"


@dataclass(frozen=True)
class Habits:
    """The rules of one world."""

    mode: str = "contain"
    policy: str = RUN_ROLES + KEYED
    reach: int = 3
    steps: int = 16
    cold: bool = False
    """Whether the engine is made anew from its store before every call."""
    matching: bool = True
    """Whether passages are known again by fingerprints. The reference model knows them by heart, and
    so is compared with a door that does not."""
    attested: float = 0.25
    """Share of the program's own harmless texts that a helper vouches for."""
    retold: float = 0.25
    """Share of reads of a store that give its content in other words."""
    rewrites: bool = True
    """Whether programs put into their own words what they have read, withheld texts too."""

    # What lies outside the claim, by name; each is a way of carrying text that the door cannot see.
    retyped: bool = False
    """A program reads past the door and says it in other words, in a role of its choice."""
    wrapped: bool = False
    """A program puts what it read past the door, verbatim, into a longer line of its own."""
    cut: bool = False
    """A model quotes a text inside a line of its own, and a program cuts it out again."""
    inverted: bool = False
    """A model emits a text in a coding, and a program turns it back (MODEL line 10)."""
    handed_down: bool = False
    """A program that was spawned says, word for word, what whoever spawned it had read."""
    short: bool = False
    """Texts too short to be known again are handed on past the door."""


CONTAIN = Habits()
OPEN = Habits(mode="observe")
"""Nothing is withheld, so texts travel as far as they can; the labels must hold all the same."""
HOLD = Habits(policy=RUN_ROLES + KEYED + "unknown: hold\n", rewrites=False)
STRICT = Habits(policy=UNKNOWN_ROLES + KEYED + "unknown: hold\nrewrite: strict\n")
OUTSIDE_THE_CLAIM = ("retyped", "wrapped", "short", "cut", "inverted", "handed_down")


def habits_of(seed: int) -> Habits:
    """The rules of the world of this seed: every kind has its share."""
    base = (CONTAIN, OPEN, CONTAIN, HOLD, OPEN, STRICT)[seed % 6]
    return replace(
        base, cold=seed % 2 == 0, matching=seed % 2 == 1, reach=(3, 2, 50)[seed // 6 % 3]
    )

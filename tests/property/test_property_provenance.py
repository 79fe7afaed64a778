"""Statements in random worlds: hiding one never pays, and none speaks below what the store knows.

A statement may raise a label, so that of a text which is known already, or has other statements, one
that is deeper makes the verdict stricter: whoever takes it away takes the raise with it. What must
never happen is that a text nobody vouches for is let in more easily, or that one lets a text in which
the store alone would have held.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doors import NOTE, as_token, envelope_of, office, reads, says, signed_again, token_of, trusting
from driving import Office, Outcome
from firedoor import lineage
from firedoor.lineage import Labelled
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.label import TOP, Label

DEPTHS = st.sampled_from([None, 0, 1, 2, 5])
ROOTS = st.lists(st.sampled_from(["press", "ext:web.example", "*", "lab"]), max_size=2)
WAYS = st.sampled_from(["valid", "valid", "forged", "expired", "other text"])
STATEMENTS = st.lists(st.tuples(DEPTHS, ROOTS, WAYS), min_size=1, max_size=3)
RANK = {"allow": 0, "mark": 1, "strip": 2, "quarantine": 3, "deny": 4}


class World:
    """Two organisations; the second may know the text by itself."""

    def __init__(self, folder: Path, knob: str, mode: str, known: int | None) -> None:
        self.acme = office(folder, "acme")
        self.beta = office(
            folder, "beta", f"unknown: {knob}\n" + trusting(("acme", self.acme)), mode=mode
        )
        self.token = token_of(says(self.acme))
        self.other = token_of(says(self.acme, "Quite another text that nobody asks about."))
        if known is not None:
            self.beta.write(Binding("a", "one"), "save_note", key="x", text=NOTE)
        for hop in range(known or 0):
            hand_on = Reply("", (Call("save_note", {"key": "x", "text": NOTE}),))
            self.beta.read(Binding(f"b{hop}", f"two-{hop}"), NOTE, "read_note", reply=hand_on)

    def statement(self, depth: int | None, roots: list[str], way: str) -> str:
        rows = [{"room": room} for room in roots]
        if way == "other text":
            return self.other
        token = signed_again(self.acme, self.token, generation=depth, roots=rows)
        if way == "expired":
            return signed_again(self.acme, token, expires=1)
        if way == "forged":
            envelope = envelope_of(token)
            envelope["signatures"][0]["sig"] = "A" * 86
            return as_token(envelope)
        return token

    def close(self) -> None:
        self.acme.store.close()
        self.beta.store.close()


def verdict(who: Office, outcome: Outcome) -> int:
    """How hard the text is treated."""
    pointer = "/messages/2/content"
    (row,) = (p for p in who.explain(outcome)["parts"] if p["pointer"] == pointer)
    return RANK[row["verdict"]]


def shown(outcome: Outcome) -> Label:
    label: Label = outcome.exchange.tally.shown
    return label


@given(statements=STATEMENTS, mode=st.sampled_from(["contain", "isolate"]))
@settings(max_examples=25)
def test_taking_statements_away_never_lets_an_unknown_text_in(
    statements: list[tuple[int | None, list[str], str]], mode: str
) -> None:
    """I1: of a text that nothing else vouches for, no statement is worse than any."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), "hold", mode, None)
        tokens = [world.statement(*s) for s in statements]
        without = reads(world.beta, NOTE)
        for n in range(1, len(tokens) + 1):
            outcome = reads(world.beta, NOTE, *tokens[:n])
            assert verdict(world.beta, without) >= verdict(world.beta, outcome)
        world.close()


@given(statements=STATEMENTS)
@settings(max_examples=25)
def test_taking_statements_away_never_makes_a_shown_text_less_deep(
    statements: list[tuple[int | None, list[str], str]],
) -> None:
    """I1 under `attenuate`: what is shown for want of proof has unknown depth, and nothing less."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), "attenuate", "contain", None)
        outcome = reads(world.beta, NOTE, *(world.statement(*s) for s in statements))
        without = reads(world.beta, NOTE)
        assert shown(without).depth >= shown(outcome).depth
        world.close()


@given(statements=STATEMENTS, known=st.integers(0, 2))
@settings(max_examples=25)
def test_no_statement_speaks_below_what_the_store_knows(
    statements: list[tuple[int | None, list[str], str]], known: int
) -> None:
    """And one more never makes anything milder: verdict, depth and ancestry only rise."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder), "hold", "contain", known)
        before = reads(world.beta, NOTE)
        tokens = [world.statement(*s) for s in statements]
        for n in range(1, len(tokens) + 1):
            outcome = reads(world.beta, NOTE, *tokens[:n])
            assert verdict(world.beta, outcome) >= verdict(world.beta, before)
            lower, higher = before.exchange.tally.presented, outcome.exchange.tally.presented
            assert higher.depth >= lower.depth
            assert higher.ancestry >= lower.ancestry
            before = outcome
        world.close()


def test_statements_that_could_lower_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arm that must fail: the statement's word in place of the store's."""
    honest = lineage.vouched

    def naive(labelled: Labelled, whole: Any, statements: Any, room: Any) -> Labelled:
        nobody = labelled._replace(label=TOP, spans=(), rest=None, unproven=True)
        return honest(nobody, whole, statements, room)

    def verdicts() -> tuple[int, int]:
        with TemporaryDirectory() as folder:
            world = World(Path(folder), "hold", "contain", 2)
            without, token = reads(world.beta, NOTE), world.statement(0, [], "valid")
            found = (
                verdict(world.beta, without),
                verdict(world.beta, reads(world.beta, NOTE, token)),
            )
            world.close()
        return found

    assert verdicts() == (RANK["quarantine"], RANK["quarantine"])
    monkeypatch.setattr(lineage, "vouched", naive)
    assert verdicts() == (RANK["quarantine"], RANK["allow"])

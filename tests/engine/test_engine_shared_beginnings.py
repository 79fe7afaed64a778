"""Conversations that begin alike are remembered together, and judged each for its own room.

Found by a random world (`tests/worlds`); these are its smallest forms.
"""

from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.label import BOTTOM

KEY = ((b"authorization", b"Bearer sk-live-a"),)
NOTE = "The lamp on the western mole is to be lit at dusk."


def begin(office: Office, reply: Reply | None = None, text: str = NOTE) -> Outcome:
    """Somebody who says nothing of itself begins a conversation, under a key that many share."""
    turns: list[Any] = [{"role": "user", "content": text}]
    return office.call(None, turns, reply, headers=KEY, front="sidecar")


@pytest.fixture
def office() -> Office:
    return Office(settings_for(None, "contain"))


def test_the_same_words_are_anothers_in_another_room(office: Office) -> None:
    """The first wrote them; its model said them; the second was handed them."""
    first = begin(office, Reply("", (Call("save_note", {"key": "k", "text": NOTE}),)))
    assert first.exchange.tally.shown == BOTTOM
    second = begin(office)
    room = first.exchange.known_instance().room
    assert (second.exchange.tally.shown.depth, second.exchange.tally.shown.live) == (1, {room})


def test_each_room_that_begins_with_a_text_spends_its_roots_reach(office: Office) -> None:
    office.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    shown = [begin(office).request["messages"][0]["content"] for _ in range(4)]
    assert shown == [NOTE, NOTE, NOTE, "[withheld]"]


def test_another_run_of_an_instance_judges_anew(office: Office) -> None:
    """ρ is the run's: what the first run may say clean, the second says with what it has read."""
    who = Binding("r", "lab")
    turns = [{"role": "user", "content": "A word of my program."}]
    assert office.call(who, turns, run="r_one").exchange.tally.shown == BOTTOM
    office.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    office.call(who, [{"role": "user", "content": NOTE}], run="r_two")
    assert office.call(who, turns, run="r_two").exchange.tally.shown.depth == 1

"""What a run hands to those that it spawns, and what a program says of where its words lie.

Each of these was found by a random world (`tests/worlds`), and is its smallest form.
"""

import pytest

from driving import Office, Outcome, settings_for
from firedoor import lineage
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.label import Label
from firedoor.types.record import Place

NOTE = "The lamp on the western mole is to be lit at dusk."
WRITER, READER = Binding("w", "press"), Binding("r", "lab")


@pytest.fixture
def office() -> Office:
    return Office(settings_for(None, "contain"))


def exposed(office: Office) -> None:
    """Room lab has read a note of room press."""
    office.write(WRITER, "save_note", key="k", text=NOTE)
    assert office.read(READER, NOTE, "read_note", key="k").exchange.tally.shown.depth == 1


def says(office: Office, who: Binding, text: str = "A word of my program.") -> Label:
    return office.call(who, [{"role": "user", "content": text}]).exchange.tally.presented


def test_a_childs_first_call_has_what_its_parent_read(office: Office) -> None:
    """MODEL line 25 holds from the first call on, before the store knows of the spawn."""
    exposed(office)
    child = Binding("c", "ops", parent=READER)
    assert says(office, child) == Label(2, frozenset({"press", "lab"}))


def test_a_run_has_what_each_of_its_spawners_reads(office: Office) -> None:
    """A second spawner is not forgotten for the first; later calls need not name it."""
    says(office, Binding("c", "ops", parent=Binding("p", "dock")))
    says(office, Binding("c", "ops", parent=READER))
    exposed(office)
    office.forget()
    label = says(office, Binding("other", "ops"))
    assert label.depth == 2
    assert label.live >= {"press", "lab", "dock"}


def test_a_grandchild_is_two_rooms_further(office: Office) -> None:
    """What crosses twice on its way counts twice, though the run between never called."""
    exposed(office)
    child = Binding("c", "ops", parent=READER)
    label = says(office, Binding("g", "dock", parent=child))
    assert label == Label(3, frozenset({"press", "lab", "ops"}))


def test_words_told_of_a_place_may_come_another_way(office: Office) -> None:
    """`door.memory` spoke of these words once; another room has carried them since."""
    office.write(WRITER, "save_note", key="k", text=NOTE)

    def memory(text: str) -> None:
        for passage in lineage.whole_passages(text, office.engine.settings.digester):
            office.engine.attested.place(passage, Place("memory", "k"))

    memory(NOTE)
    turns = [{"role": "user", "content": NOTE}]
    relayed: Outcome = office.call(READER, turns, Reply(NOTE))
    assert relayed.exchange.tally.shown.depth == 1
    assert says(office, Binding("t", "ops"), NOTE) == Label(2, frozenset({"press", "lab"}))


@pytest.mark.parametrize("words", [NOTE, "Somebody lights the lamp in the west each evening."])
def test_a_closed_place_does_not_vouch_for_a_relay(tmp_path: object, words: str) -> None:
    """Nor where the store's own label speaks for what stands in it, word for word or not."""
    policy = "stores:\n  notes: {tools: ['*_note'], key: key, writers: fleet, closed: true}\n"
    office = Office(settings_for(tmp_path, "contain", policy))  # type: ignore[arg-type]
    office.write(WRITER, "save_note", key="k", text=NOTE)
    for passage in lineage.whole_passages(words, office.engine.settings.digester):
        office.engine.attested.place(passage, Place("notes", "k"))
    turns = [{"role": "user", "content": words}]
    reply = Reply("", (Call("save_note", {"key": "k2", "text": words}),))
    assert office.call(READER, turns, reply).exchange.tally.shown.depth == 1
    assert says(office, Binding("t", "ops"), words) == Label(2, frozenset({"press", "lab"}))


def test_a_tools_own_place_goes_before_a_told_one(office: Office) -> None:
    """That words were once told of one place makes what a tool reads at another no deeper."""
    office.write(WRITER, "save_note", key="k", text=NOTE)
    turns = [{"role": "user", "content": NOTE}]
    office.call(Binding("b", "ops"), turns, Reply(NOTE))
    for passage in lineage.whole_passages(NOTE, office.engine.settings.digester):
        office.engine.attested.place(passage, Place("elsewhere", "x"))
    seen = office.read(READER, NOTE, "read_note", key="k")
    assert seen.exchange.tally.shown == Label(1, frozenset({"press"}))

"""Each clause of each preset has a trace on which taking it away changes a verdict."""

from dataclasses import replace

import pytest

from driving import Office, settings_for
from firedoor import lineage
from firedoor.policy import PRESETS
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding, Mode

NOTE = "The harbour office moves to the north pier on the first of May."


def office(mode: Mode, without: str | None) -> Office:
    settings = settings_for(None, mode.value)
    kept = tuple(r for r in settings.policy.preset if r.id != without)
    return Office(replace(settings, policy=replace(settings.policy, preset=kept)), people=True)


def verdicts(mode: Mode, without: str | None) -> list[str]:
    """What happens on a road that meets every clause."""
    world = office(mode, without)
    found = []

    def read(who: str, room: str, text: str, key: str, **more: object) -> None:
        seen = world.read(Binding(who, room), text, "read_note", key=key, **more)  # type: ignore[arg-type]
        found.append(seen.request["messages"][2]["content"] if seen.sent else str(seen.code))
        found.extend(t["verdict"] for t in world.explain(seen)["tools"])

    world.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    hand_on = Reply("", (Call("save_note", {"key": "k2", "text": NOTE + " And so on."}),))
    read("a", "lab", NOTE, "k", reply=hand_on)
    read("b", "ops", NOTE + " And so on.", "k2")
    read("p", "till", NOTE, "k", offers=("read_note", "pay_invoice"))
    for n in range(4):
        read(f"c{n}", f"room-{n}", NOTE, "k")
    spawn = Reply("", (Call("spawn_agent", {"task": "t"}), Call("save_note", {"key": "z"})))
    read("d", "dock", "A text that nobody of the fleet wrote.", "unknown", reply=spawn)
    released = "A text that a person let go again, after a look."
    for passage in lineage.whole_passages(released, world.engine.settings.digester):
        world.engine.attested.grant(passage, "released")
    read("e", "yard", released, "free", reply=spawn)
    return found


CLAUSES = [(mode, rule.id) for mode in (Mode.CONTAIN, Mode.ISOLATE) for rule in PRESETS[mode]]


@pytest.mark.parametrize(("mode", "clause"), CLAUSES)
def test_without_the_clause_something_else_happens(mode: Mode, clause: str) -> None:
    assert verdicts(mode, None) != verdicts(mode, clause)


def test_the_clauses_have_names_of_their_own() -> None:
    for rules in PRESETS.values():
        assert len({rule.id for rule in rules}) == len(rules)

"""`firedoor explain INSTANCE`: the path back to the first author, and what would raise attribution."""

from typing import Any

import pytest

from driving import Office, settings_for
from firedoor.report import Why, why
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

FIRST = Binding("first-1", "press")
SECOND = Binding("second-1", "lab")
THIRD = Binding("third-1", "ops")
NOTE = "The harbour office moves to the north pier on the first of May."
OTHER = "In spring the northern pier becomes home to those who run the port."


def asked(office: Office, name: str) -> Why:
    (row,) = [r for r in office.reader.instances() if r["instance"] == name]
    return why(office.reader, row)


@pytest.fixture
def relay() -> Office:
    """A note that is reworded by whoever hands it on."""
    office = Office(settings_for(None, "observe"))
    office.write(FIRST, "save_note", key="k", text=NOTE)
    on = Reply("", (Call("save_note", {"key": "k2", "text": OTHER}),))
    office.read(SECOND, NOTE, "read_note", key="k", reply=on)
    office.read(THIRD, OTHER, "read_note", key="k2")
    return office


def test_the_path_leads_from_call_to_call_back_to_the_first_author(relay: Office) -> None:
    found = asked(relay, "third-1")
    assert [(s.instance, s.generation, s.channel) for s in found.path] == [
        ("third-1", 2, "memory"), ("second-1", 1, "memory"), ("first-1", 0, None),
    ]  # fmt: skip
    assert (found.generation, found.end) == (2, "author")


def test_who_was_shown_nothing_foreign_has_no_path(relay: Office) -> None:
    found = asked(relay, "first-1")
    assert (found.path, found.end, found.exposures) == ([], "none", [])


def test_where_only_the_run_is_known_the_call_that_brought_it_in_is_looked_for() -> None:
    """A later question of the same run carries its label, and names no call."""
    office = Office(settings_for(None, "contain"))
    office.write(FIRST, "save_note", key="k", text=NOTE)
    office.read(SECOND, NOTE, "read_note", key="k")
    office.ask(SECOND, "And what now?")
    found = asked(office, "second-1")
    assert [s.instance for s in found.path] == ["second-1", "first-1"]


def test_what_would_raise_the_attributed_share_is_told_the_most_first() -> None:
    office = Office(settings_for(None, "contain"))
    for n in range(3):
        office.read(FIRST, f"Rain is likely in the north, part {n}.", "read_note", key=f"k{n}")
    found = asked(office, "first-1")
    shares = [each.share for each in found.missing]
    assert shares == sorted(shares, reverse=True)
    assert sum(each.texts for each in found.missing) == found.texts - found.attributed
    told = {(each.channel, each.tool): each.raised_by for each in found.missing}
    assert "door.human" in told["user", None]
    assert "read_note" in {tool for _, tool in told}


class Loop:
    """A record whose calls name each other in a ring, as only a broken one could."""

    def opened(self, call: str) -> dict[str, Any]:
        other = {"c_a": "c_b", "c_b": "c_a"}[call]
        exposure = {"author": "x", "compartment": "r", "generation": 1, "channel": "memory",
                    "call": other}  # fmt: skip
        return {"call": call, "time": "t", "instance": call, "compartment": "r", "generation": 1,
                "exposures": [exposure], "turns": {}, "fields": {}}  # fmt: skip

    def closed(self, call: str) -> None:
        return None

    def calls(self, *, limit: int = 50, instance: str | None = None) -> list[dict[str, Any]]:
        return [self.opened("c_a")]


def test_a_record_that_goes_in_a_ring_ends() -> None:
    row = {"instance": "x", "instance_id": "i_x", "compartment": "r"}
    found = why(Loop(), row)
    assert (len(found.path), found.end) == (2, "container")

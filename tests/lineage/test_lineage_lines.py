"""Who wrote the lines of a file."""

from typing import Any

import pytest

from firedoor.lineage import known_anywhere, passages_of, written
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import BOTTOM, Label
from firedoor.types.record import Emission, Grant

TEXT = Digest(b"text")


def said(name: str, seq: int, *, held: bool = False, label: Label = BOTTOM) -> Emission:
    return Emission(
        TEXT, seq, RoomId(f"room-{name}"), RunId("r"), label, InstanceId(name), name, name,
        CallId("c"), held,
    )  # fmt: skip


def who(*emissions: Emission, grants: tuple[Grant, ...] = (), room: str = "here") -> Any:
    found = written((TEXT,), {TEXT: emissions}, {TEXT: grants}, RoomId(room), 100.0)
    return found[0] if found else None


def test_the_first_who_did_not_have_it_is_the_author() -> None:
    found = who(said("echo", 1, held=True), said("late", 3), said("first", 2))
    assert found.author.author == "first"
    assert (found.label.depth, found.crossing) == (1, True)


def test_what_all_were_given_is_nobodys_and_still_has_a_label() -> None:
    found = who(said("echo", 1, held=True))
    assert found.author is None
    assert found.label.live == {"room-echo"}


def test_ones_own_words_do_not_cross() -> None:
    found = who(said("a", 1), room="room-a")
    assert (found.author.author, found.label, found.crossing) == ("a", BOTTOM, False)


@pytest.mark.parametrize(
    ("grant", "nobodys"),
    [
        (Grant(TEXT, "developer"), True),
        (Grant(TEXT, "human", None, 200.0), True),
        (Grant(TEXT, "human", None, 50.0), False),
        (Grant(TEXT, "developer", RoomId("elsewhere")), False),
        (Grant(TEXT, "released"), False),
    ],
)
def test_pinned_and_attested_text_is_nobodys(grant: Grant, nobodys: bool) -> None:
    """A release of the text for contexts says nothing of training on it."""
    assert (who(said("a", 1), grants=(grant,)) is None) is nobodys


def test_short_stretches_are_everybodys() -> None:
    def digester(text: str) -> Digest:
        return Digest(text.encode())

    assert known_anywhere(passages_of("Done, thank you!", digester)) == ()
    found = known_anywhere(passages_of("Done.\nA line that is long enough.", digester))
    assert found == (b"A line that is long enough.", b"Done.\nA line that is long enough.")

"""The label calculus, line by line of MODEL §3: pure, and tested before anything is wired to it."""

import hashlib
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.lineage import NO_PASSAGES, Known, Receiver, Use, label_of, passages_of
from firedoor.types.ids import EVERY_ROOM, CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import BOTTOM, TOP, UNKNOWN_DEPTH, Label, join, join_all, reviewed, up
from firedoor.types.part import Channel, Evidence, Kind, Origin, Part, Role, Standing
from firedoor.types.record import Emission, Grant, MintedRow, Place, StoreMark, StoreRecord

ROOMS = st.sampled_from([RoomId(r) for r in ("press", "lab", "ops", "*")])
SETS = st.frozensets(ROOMS, max_size=3)
LABELS = st.builds(
    lambda d, live, past: Label(d, live, past - live),
    st.sampled_from([0, 1, 2, 7, UNKNOWN_DEPTH]), SETS, SETS,
)  # fmt: skip
TEXT = "The harbour office moves to the north pier on the first of May."
NOTES = Place("notes", "k")


def digester(text: str) -> Digest:
    return Digest(hashlib.blake2b(text.encode(), key=b"k", digest_size=16).digest())


def part(text: str = TEXT, *, role: Role = Role.TOOL, channel: Channel = Channel.TOOL,
         kind: Kind = Kind.TEXT) -> Part:  # fmt: skip
    return Part("/messages/0/content", text, kind, role, channel)


def emission(room: str, label: Label = BOTTOM, *, run: str = "r_other", text: str = TEXT,
             seq: int = 1, held: bool = False, call: str = "c_1") -> Emission:  # fmt: skip
    (digest, *_) = passages_of(text, digester).digests
    return Emission(
        digest, seq, RoomId(room), RunId(run), label, InstanceId("i_1"), f"of-{room}", room,
        CallId(call), held,
    )  # fmt: skip


def known(what: Part, *emissions: Emission, **more: Any) -> Known:
    found: dict[Digest, tuple[Emission, ...]] = {}
    for e in emissions:
        found[e.passage] = (*found.get(e.passage, ()), e)
    passages = NO_PASSAGES if what.kind is Kind.REFERENCE else passages_of(what.text, digester)
    given: dict[str, Any] = {"records": {}, "marks": (), "grants": {}, **more}
    return Known(what, passages, found, **given)


def receiver(run_label: Label = BOTTOM, **more: Any) -> Receiver:
    return Receiver(RoomId("lab"), RunId("r_lab"), run_label, **more)


READS = Use(Channel.MEMORY, NOTES, reads=True, writes=False)


# -- lines 1, 2, 6 -----------------------------------------------------------------------------


@given(LABELS, LABELS, LABELS)
def test_join_is_a_semilattice(a: Label, b: Label, c: Label) -> None:
    assert join(a, b) == join(b, a)
    assert join(a, join(b, c)) == join(join(a, b), c)
    assert join(a, a) == a
    assert join(a, BOTTOM) == a


@given(LABELS, LABELS)
def test_live_wins_over_past(a: Label, b: Label) -> None:
    found = join(a, b)
    assert found.live == a.live | b.live
    assert found.ancestry == a.ancestry | b.ancestry
    assert not found.live & found.past


@given(LABELS, ROOMS, ROOMS)
def test_depth_grows_at_a_crossing_and_nowhere_else(
    a: Label, source: RoomId, target: RoomId
) -> None:
    found = up(a, source, target)
    if source == target:
        assert found == a
    elif a.depth == UNKNOWN_DEPTH:
        assert found.depth == UNKNOWN_DEPTH
    else:
        assert found.depth == a.depth + 1
        assert source in found.live


@given(LABELS)
def test_review_lowers_depth_and_keeps_ancestry(a: Label) -> None:
    assert (reviewed(a).depth, reviewed(a).live, reviewed(a).ancestry) == (
        0,
        frozenset(),
        a.ancestry,
    )


# -- lines 8 to 14, and 16 ----------------------------------------------------------------------


def test_own_text_keeps_its_own_label() -> None:
    """Line 8."""
    mine = emission("lab", Label(2, frozenset({RoomId("press")})), run="r_lab")
    found = label_of(known(part(role=Role.ASSISTANT, channel=Channel.HISTORY), mine), receiver())
    assert (found.label, found.own, found.standing) == (mine.label, True, Standing.OWN)


def test_a_record_names_the_carrier_whoever_else_said_the_same() -> None:
    """Line 9: what is written in a place was carried there by the call that wrote it."""
    carried = emission("press", BOTTOM)
    elsewhere = emission("ops", Label(5, frozenset({RoomId("ops")})), call="c_2")
    digest = carried.passage
    records = {(NOTES, digest): (StoreRecord(NOTES, carried),)}
    found = label_of(
        known(part(), carried, elsewhere, records=records, use=READS, place=NOTES), receiver()
    )
    assert found.label == Label(1, frozenset({RoomId("press")}))


def test_a_match_joins_all_who_may_have_carried_it() -> None:
    """Line 10: a relay is deeper than its author."""
    author = emission("press", BOTTOM, seq=1)
    relay = emission("ops", Label(1, frozenset({RoomId("press")})), seq=2, held=True, call="c_2")
    found = label_of(known(part(), author, relay), receiver())
    assert found.label == Label(2, frozenset({RoomId("press"), RoomId("ops")}))
    assert found.spans[0].author == author
    assert found.crossing


def test_a_closed_store_bounds_what_comes_out_of_it() -> None:
    """Line 11: even when nothing in it is recognised."""
    use = READS._replace(closed=True)
    marks = (
        StoreMark(NOTES, RoomId("press"), Label(1, frozenset({RoomId("ops")}))),
        StoreMark(NOTES, RoomId("lab"), BOTTOM),
    )
    found = label_of(known(part(), marks=marks, use=use, place=NOTES), receiver())
    assert found.label == Label(2, frozenset({RoomId("press"), RoomId("ops")}))
    assert (found.evidence, found.crossing) == (Evidence.CONTAINED, True)
    empty = label_of(known(part(), use=use, place=NOTES), receiver())
    assert (empty.label, empty.crossing) == (BOTTOM, False)


def test_text_from_outside_is_a_root_of_its_own() -> None:
    """Line 12."""
    use = Use(Channel.TOOL, Place("web"), True, False, "outside", host="example.org")
    found = label_of(known(part(), use=use, place=Place("web")), receiver())
    assert found.label == Label(0, frozenset({RoomId("ext:example.org")}))
    assert found.origin is Origin.SERVER


@pytest.mark.parametrize(
    ("kind", "origin"), [("human", Origin.HUMAN), ("developer", Origin.DEVELOPER)]
)
def test_attested_and_pinned_text_is_clean(kind: str, origin: Origin) -> None:
    """Line 13: a later attestation takes ownership away from whoever emitted it first."""
    (digest,) = passages_of(TEXT, digester).digests
    grants = {digest: (Grant(digest, kind),)}
    deep = emission("press", Label(4, frozenset({RoomId("ops")})))
    found = label_of(
        known(part(role=Role.USER, channel=Channel.USER), deep, grants=grants), receiver()
    )
    assert (found.label, found.origin, found.evidence) == (BOTTOM, origin, Evidence.VERIFIED)


@pytest.mark.parametrize("scope", [None, RoomId("lab"), RoomId("ops")])
@pytest.mark.parametrize("until", [None, 100.0, 1.0])
def test_a_release_holds_in_its_scope_until_its_date(
    scope: RoomId | None, until: float | None
) -> None:
    """Line 14, and I7: depth is lowered for one digest; ancestry stays."""
    (digest,) = passages_of(TEXT, digester).digests
    grants = {digest: (Grant(digest, "released", scope, until),)}
    deep = emission("press", Label(4, frozenset({RoomId("ops")})))
    found = label_of(known(part(), deep, grants=grants), receiver(at=50.0))
    rooms = frozenset({RoomId("press"), RoomId("ops")})
    if scope != RoomId("ops") and until != 1.0:
        assert found.label == Label(0, frozenset(), rooms)
        assert (found.released, found.evidence) == (True, Evidence.REVIEWED)
    else:
        assert found.label == Label(5, rooms)
        assert not found.released


def test_the_least_bound_is_the_label() -> None:
    """Line 16: a match and a closed store both bound it."""
    use = READS._replace(closed=True)
    marks = (StoreMark(NOTES, RoomId("press"), Label(7, frozenset({RoomId("ops")}))),)
    near = emission("press", BOTTOM)
    records = {(NOTES, near.passage): (StoreRecord(NOTES, near),)}
    found = label_of(
        known(part(), near, marks=marks, records=records, use=use, place=NOTES), receiver()
    )
    assert found.label.depth == 1


# -- lines 17 and 18 -----------------------------------------------------------------------------

RHO = Label(3, frozenset({RoomId("press")}))


@pytest.mark.parametrize(
    ("role", "channel", "assume", "label", "assumed"),
    [
        (Role.USER, Channel.USER, "run", RHO, False),
        (Role.USER, Channel.USER, "human", BOTTOM, True),
        (Role.USER, Channel.USER, "unknown", TOP, False),
        (Role.SYSTEM, Channel.SYSTEM, "run", RHO, False),
        (Role.SYSTEM, Channel.SYSTEM, "developer", BOTTOM, True),
        (Role.ASSISTANT, Channel.HISTORY, "human", RHO, False),
        (Role.TOOL, Channel.TOOL, "human", RHO, False),
    ],
)
def test_unproven_text_takes_its_runs_label_or_what_is_assumed(
    role: Role, channel: Channel, assume: str, label: Label, assumed: bool
) -> None:
    at = receiver(RHO, assume_user=assume, assume_system=assume)
    found = label_of(known(part(role=role, channel=channel)), at)
    assert (found.label, found.assumed, found.unproven) == (label, assumed, True)
    assert found.inrun
    assert not found.crossing


def test_unproven_text_of_a_fleet_channel_is_of_unknown_depth() -> None:
    found = label_of(known(part(), use=READS, place=NOTES), receiver())
    assert (found.label, found.crossing, found.inrun) == (TOP, True, False)
    assert EVERY_ROOM in found.label.live


def test_what_a_tool_says_of_a_write_is_the_runs_own() -> None:
    writes = Use(Channel.MEMORY, NOTES, reads=False, writes=True)
    found = label_of(known(part("saved"), use=writes, place=NOTES), receiver(RHO))
    assert (found.label, found.crossing) == (RHO, False)


@pytest.mark.parametrize("channel", [Channel.USER, Channel.SYSTEM])
def test_a_role_proves_nothing(channel: Channel) -> None:
    """Another room's text in a user's or system's place is a message or a memory, and crosses."""
    role = Role.USER if channel is Channel.USER else Role.SYSTEM
    found = label_of(known(part(role=role, channel=channel), emission("press")), receiver())
    expected = Channel.MESSAGE if channel is Channel.USER else Channel.MEMORY
    assert (found.channel, found.crossing, found.label.depth) == (expected, True, 1)


def test_short_text_is_everybodys() -> None:
    done = "Done!"
    heard = emission("press", Label(4), text=done)
    found = label_of(known(part(done), heard), receiver())
    assert not found.spans


def test_assistants_words_are_own_another_or_nobodys() -> None:
    turn = part(role=Role.ASSISTANT, channel=Channel.HISTORY)
    assert label_of(known(turn), receiver()).standing is Standing.FORGED
    other = label_of(known(turn, emission("press")), receiver())
    assert (other.standing, other.crossing) == (Standing.TRANSPLANTED, True)
    assert label_of(known(turn, emission("lab", run="r_lab")), receiver()).standing is Standing.OWN


def test_a_match_inside_says_nothing_of_the_rest() -> None:
    """Attribution needs 95 % cover and no gap above 64 characters."""
    longer = (
        f"My own words come first, and they are not few at all.\n{TEXT}\nAnd so on and on it goes."
    )
    found = label_of(known(part(longer), emission("press")), receiver(RHO))
    assert not found.attributed
    assert found.rest is not None
    assert [longer[s.start : s.end] for s in found.spans] == [TEXT]
    assert found.label == join(Label(1, frozenset({RoomId("press")})), RHO)
    whole = f"{TEXT}\n{TEXT}\n"
    assert label_of(known(part(whole), emission("press")), receiver(RHO)).attributed


def minted(room: str, run: str) -> MintedRow:
    return MintedRow(
        digester("id"), "response", "k", RoomId(room), RunId(run), InstanceId("i"),
        Label(1, frozenset({RoomId("ops")})), CallId("c"),
    )  # fmt: skip


def test_references_are_their_makers() -> None:
    """Line 23: minted ids carry the label of the call that made them."""
    ref = part("resp_1", kind=Kind.REFERENCE, channel=Channel.STATE)
    own = label_of(known(ref, minted=minted("lab", "r_lab")), receiver())
    assert (own.foreign, own.own, own.label.depth) == (None, True, 1)
    other = label_of(known(ref, minted=minted("press", "r_p")), receiver())
    assert (other.foreign, other.label.depth) == ("other", 2)
    nobody = label_of(known(ref), receiver())
    assert (nobody.foreign, nobody.label) == ("unknown", TOP)


@given(st.lists(LABELS, max_size=5))
def test_a_deeper_record_never_makes_a_label_milder(labels: list[Label]) -> None:
    """I5: more carriers, more label."""
    emissions = [emission("press", label, seq=i, call=f"c_{i}") for i, label in enumerate(labels)]
    found = [label_of(known(part(), *emissions[: n + 1]), receiver()) for n in range(len(labels))]
    for a, b in itertools.pairwise(found):
        assert b.label.depth >= a.label.depth
        assert a.label.live <= b.label.live
    if labels:
        assert found[-1].label == join_all(
            up(label, RoomId("press"), RoomId("lab")) for label in labels
        )

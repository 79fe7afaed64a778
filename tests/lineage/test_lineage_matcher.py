"""Passages are found again character by character, across parts, and by their first author."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage.fingerprints import Printer, printer_for, prints_of
from firedoor.lineage.index import Added, MemoryIndex, Source
from firedoor.lineage.matcher import Answer, Piece, match, question
from firedoor.lineage.matches import ALONE_CHARS_MIN, Covered, Match, authored, stretches
from firedoor.lineage.normal import normal_of
from firedoor.lineage.spans import DIGEST_CHARS, kept_digests
from firedoor.types.ids import PassageId
from wrapping import ENCODERS, WRAPPERS, edited

PRINTER = printer_for(b"a store key of the tests")
NOTE = (
    "The incident review found that the rollback script skipped three hosts because their leases "
    "had expired, and nobody noticed until the pager went off at dawn on Sunday. From now on the "
    "script must refuse to run while any lease is older than nine minutes."
)
OTHER = (
    "Quarterly figures for the harbour show that dredging costs rose while the number of berths "
    "stayed flat; the committee wants a second opinion before it signs the contract for spring."
)


class World:
    """An index, filled in ledger order."""

    def __init__(self, *, digests: bool = False, **settings: int) -> None:
        self.index = MemoryIndex(**settings)
        self.digests = digests
        self.count = 0

    def add(
        self,
        who: str,
        text: str,
        *,
        emitted: bool = True,
        held: list[tuple[int, int]] | None = None,
    ) -> Added:
        self.count += 1
        source = Source(PassageId(f"p_{self.count}"), who, self.count, emitted)
        normal = normal_of(text)
        kept = kept_digests(normal.codes, PRINTER) if self.digests else None
        prints = prints_of([normal.codes], PRINTER)[0]
        return self.index.add(source, normal, prints, held=held or (), kept=kept)

    def match(self, *texts: str, printer: Printer = PRINTER) -> Answer:
        return match([Piece(text) for text in texts], self.index, printer)

    def who(self, *texts: str) -> set[str]:
        return {m.source.origin for m in authored(self.match(*texts).matches)}


def note(**settings: int) -> World:
    world = World(**settings)
    world.add("ada", NOTE)
    return world


def spans(matches: tuple[Match, ...]) -> list[tuple[int, int, int]]:
    return [(m.part, m.start, m.end) for m in matches]


def test_a_quotation_is_found_to_the_character() -> None:
    text = OTHER[:80] + NOTE[20:140] + OTHER[80:]
    (found,) = note().match(text).matches
    assert abs(found.start - 80) <= 2
    assert abs(found.end - 200) <= 2
    assert (found.source.origin, found.chain) == ("ada", ())


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 180), st.integers(90, 160), st.integers(0, 150), st.booleans())
def test_runs_of_64_are_always_found(start: int, size: int, place: int, digests: bool) -> None:
    """Whichever run of at least 64 normalised characters, and to two characters at each end.

    The letters beside it are none of the note's: by chance they might go on as it does.
    """
    world = World(digests=digests)
    world.add("ada", NOTE)
    quote = NOTE[start : start + size]
    if len(normal_of(quote).codes) < ALONE_CHARS_MIN:
        return
    text = OTHER[:place] + "z" + quote + "z" + OTHER[place:]
    found = [m for m in authored(world.match(text).matches) if m.end - m.start > 40]
    inner = [n for n, c in enumerate(quote, place + 1) if c.isalnum()]
    assert len(found) == 1
    assert abs(found[0].start - inner[0]) <= 2
    assert abs(found[0].end - inner[-1] - 1) <= 2


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrapped_quotations_are_found(wrapper: str) -> None:
    assert note().who(OTHER + "\n" + WRAPPERS[wrapper](NOTE) + "\n" + OTHER) == {"ada"}


@pytest.mark.parametrize("codec", ENCODERS)
def test_coded_quotations_are_found_and_say_how(codec: str) -> None:
    text = OTHER + "\n" + ENCODERS[codec](NOTE) + "\n" + OTHER
    found = authored(note().match(text).matches)
    assert {m.source.origin for m in found} == {"ada"}
    assert any(m.chain for m in found)
    assert min(m.start for m in found) >= len(OTHER)


@pytest.mark.parametrize("size", [20, 40])
def test_a_text_cut_over_many_parts_is_found_in_each(size: int) -> None:
    parts = [NOTE[n : n + size] for n in range(0, len(NOTE), size)]
    found = authored(note().match(*parts).matches)
    assert {m.part for m in found} >= set(range(len(parts) - 1))
    for m in found[:-1]:
        assert m.end - m.start >= len(parts[m.part].strip(" .,")) - 2


def test_parts_of_other_streams_do_not_part_a_run() -> None:
    """Tool results with the caller's own turns between them are one stream, the turns another."""
    parts = [NOTE[n : n + 30] for n in range(0, len(NOTE), 30)]
    pieces = [p for part in parts for p in (Piece(part, 1), Piece("Go on, please.", 2))]
    found = authored(match(pieces, note().index, PRINTER).matches)
    assert {m.part for m in found} == set(range(0, len(pieces), 2))


def test_short_runs_of_one_place_add_up() -> None:
    """Chunks of some 34 normalised characters, with other words between them."""
    chunks = [NOTE[n : n + 42] for n in range(0, 210, 42)]
    text = " -- meanwhile, unrelated -- ".join(chunks)
    assert note().who(text) == {"ada"}
    assert note().who(chunks[2] + OTHER) == set()


def test_what_came_up_in_other_calls_adds_up_too() -> None:
    chunks = [NOTE[n : n + 42] for n in range(0, 210, 42)]
    seen = []
    for chunk in chunks:
        answer = note().match(OTHER + chunk)
        seen += [(m.at, m.at + m.length) for m in (*answer.matches, *answer.weak)]
    assert max(stretches(seen)) >= 96
    assert max(stretches(seen[:1] * 9)) < 64


@pytest.mark.parametrize(
    ("runs", "expect"),
    [
        ([], []),
        ([(0, 40)], [40]),
        ([(0, 40), (0, 40), (10, 40)], [40, 40, 40]),
        ([(60, 100), (0, 40)], [80, 80]),
        ([(0, 40), (200, 240)], [40, 40]),
        ([(0, 40), (30, 60), (500, 520)], [60, 60, 20]),
    ],
)
def test_stretches(runs: list[tuple[int, int]], expect: list[int]) -> None:
    assert stretches(runs) == expect


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12))))
def test_what_is_taken_is_free_once(asked: list[tuple[int, int]]) -> None:
    covered, taken = Covered(), set[int]()
    for start, size in asked:
        free = covered.take(start, start + size)
        assert {n for a, b in free for n in range(a, b)} == set(range(start, start + size)) - taken
        taken |= set(range(start, start + size))
        assert covered.covers(start, start + size)


def test_an_idiom_that_came_earlier_makes_no_hole() -> None:
    world = World()
    world.add("bob", "skipped three hosts because their leases had expired")
    world.add("ada", NOTE)
    assert spans(authored(world.match(NOTE).matches)) == [(0, 0, len(NOTE) - 1)]


def test_half_the_words_changed_leaves_runs_that_are_exact() -> None:
    text = edited(NOTE, 0.1, random.Random(3))
    for m in note().match(text).matches:
        assert normal_of(text[m.start : m.end]).text in normal_of(NOTE).text


def test_an_echo_keeps_its_first_author() -> None:
    world = note()
    held = list(world.match(NOTE).held(0, {PassageId("p_1")}))
    assert held == [(0, len(normal_of(NOTE).codes))]
    assert world.match(NOTE).held(0, ()) == ()
    assert world.add("bob", NOTE, held=held).stored == 0
    world.add("cy", NOTE)  # did not have it in its input, and was later by the ledger
    assert world.who(NOTE) == {"ada"}


def test_a_frame_is_its_writers_and_the_quotation_is_not() -> None:
    world = note()
    frame = "Yesterday I wrote the following, all of it by myself and before anybody else did: "
    framed = frame + NOTE
    at = len(normal_of(frame).codes)
    world.add("bob", framed, held=[(at, at + len(normal_of(NOTE).codes))])
    assert world.who(NOTE) == {"ada"}
    found = authored(world.match(framed).matches)
    assert [(m.source.origin, framed[m.start : m.end][:9]) for m in found] == [
        ("bob", "Yesterday"),
        ("ada", "The incid"),
    ]


def test_what_came_from_outside_first_is_nobodys() -> None:
    world = World()
    world.add("docs.example", NOTE, emitted=False)
    world.add("ada", NOTE)
    world.add("bob", "As it says: " + NOTE)
    assert world.who(NOTE) == set()


def test_what_five_write_by_themselves_is_nobodys() -> None:
    world = World()
    for n in range(5):
        assert world.who(NOTE) == ({"room-0"} if n else set())
        world.add(f"room-{n}", NOTE)
    assert world.match(NOTE).matches == ()


PROMPT = (
    "You are a careful assistant in a team of agents. Use the tools that you are given, cite what "
    "you read, and never make up a result; if you are not sure, say so and ask."
)


def test_a_run_ends_where_what_is_common_begins() -> None:
    """A shared prompt before one's own words is not counted with them, nor withheld."""
    world = World()
    for n in range(5):
        world.add(f"room-{n}", PROMPT + NOTE[:40] if n == 0 else PROMPT)
    assert world.who(PROMPT + "Today is Monday.") == set()
    text = PROMPT + NOTE[:40]
    found = (*world.match(text).matches, *world.match(text).weak)
    # Less than the 16 letters of a fingerprint reach back over the edge.
    assert found
    assert all(len(normal_of(text[m.start : len(PROMPT)]).codes) < 16 for m in found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 90), st.integers(70, 200))
def test_a_run_between_common_texts_is_its_own_at_both_ends(start: int, size: int) -> None:
    """Within a fingerprint's characters of its own words, wherever they are cut."""
    own = NOTE[start : start + size]
    text = PROMPT + own + OTHER
    world = World()
    for n in range(5):
        world.add(f"room-{n}", PROMPT + OTHER)
        world.add(f"room-{n}", OTHER + PROMPT)
    world.add("ada", text)
    found = [*world.match(text).matches, *world.match(text).weak]
    assert {m.source.origin for m in found} == {"ada"}
    before = text[min(m.start for m in found) : len(PROMPT)]
    behind = text[len(PROMPT + own) : max(m.end for m in found)]
    assert len(normal_of(before).codes) < 16
    assert len(normal_of(behind).codes) < 16
    assert min(m.start for m in found) <= len(PROMPT) + 2
    assert max(m.end for m in found) >= len(PROMPT + own) - 2


def test_a_text_that_says_the_same_twice_is_found_whole() -> None:
    text = f"{NOTE[:100]} I say again: {NOTE[:100]} Over."
    world = World()
    world.add("ada", text)
    told = authored(world.match(text).matches)
    assert sum(m.end - m.start for m in told) >= len(text) - 8


def test_rulers_and_alphabets_are_nobodys() -> None:
    texts = ["a" * 500, "ab" * 300, "0123456789abcdefghijklmnopqrstuvwxyz" * 3, "-=" * 200]
    world = World()
    for text in texts:
        world.add("ada", text)
    for text in texts:
        assert world.match(text).matches == ()


def test_a_quota_says_what_it_refused() -> None:
    world = World(quota_prints=10)
    added = world.add("flood", NOTE)
    assert added.stored == 10
    assert added.refused > 5
    world.add("ada", OTHER)
    assert world.who(OTHER) == {"ada"}


def test_a_forgotten_origin_is_gone() -> None:
    world = note()
    assert world.index.forget("ada") > 0
    assert world.match(NOTE).matches == ()


def test_another_key_finds_nothing() -> None:
    assert note().match(NOTE, printer=printer_for(b"the key of another tenant")).matches == ()


def test_a_passage_that_is_gone_gives_no_match() -> None:
    world = note()
    world.index._stored.clear()
    assert world.match(NOTE).matches == ()


def test_a_wrong_posting_is_no_match() -> None:
    """A fingerprint is a candidate; the text decides."""
    world = note()
    stored = world.index._stored[PassageId("p_1")]
    normal = normal_of(OTHER + OTHER)
    world.index._stored[PassageId("p_1")] = stored._replace(
        kept=stored.kept._replace(values=normal.codes)
    )
    assert world.match(NOTE).matches == ()


def test_digests_do_what_text_does() -> None:
    world = World(digests=True)
    world.add("ada", NOTE)
    text = OTHER + "z" + NOTE[11:170] + "z" + OTHER
    assert spans(world.match(text).matches) == spans(note().match(text).matches)
    assert world.index._stored[PassageId("p_1")].kept.chars == DIGEST_CHARS


@pytest.mark.parametrize("text", ["a" * 3_000_000, "ab" * 1_000_000, NOTE * 5_000])
def test_much_of_the_same_ends_soon(text: str) -> None:
    answer = match([Piece(text)], note().index, PRINTER, work_chars=20_000_000)
    assert len(answer.matches) <= 5_000


def test_too_much_work_is_broken_off_and_said_so() -> None:
    answer = match([Piece(NOTE * 500)], note().index, PRINTER, work_chars=150_000)
    assert not answer.complete


def test_nothing_asks_nothing() -> None:
    assert question([], PRINTER).keys == ()
    assert question([Piece("too short")], PRINTER).keys == ()
    assert match([Piece("")], MemoryIndex(), PRINTER).matches == ()


@pytest.mark.parametrize(
    ("before", "joined"),
    [("می", "‌خواهم"), ("क", "्‍ष"), ("e", "\u0301"), ("👨", "‍👩‍👧"), ("x", "\ufe0f"), ("ᄒ", "ᅡᆫ")],
)
def test_a_span_never_ends_inside_a_joined_sequence(before: str, joined: str) -> None:
    text = NOTE + before + joined + " tail"
    (found,) = note().match(text).matches
    if found.end > len(NOTE):
        assert found.end not in range(len(NOTE + before), len(NOTE + before + joined))
    text = "head " + before + joined + NOTE
    (found,) = note().match(text).matches
    assert found.start not in range(6, 5 + len(before + joined))

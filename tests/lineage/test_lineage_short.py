"""Short parts with other words between are looked for one by one, and added up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage.fingerprints import GRAM_CHARS, GUARANTEE_CHARS, printer_for, prints_of
from firedoor.lineage.index import MemoryIndex, Source
from firedoor.lineage.matcher import Answer, Piece, match, question
from firedoor.lineage.matches import authored
from firedoor.lineage.normal import normal_of
from firedoor.lineage.short import SHORT_KEYS_MAX, SHORT_PARTS_MAX, UNSPOKEN_CHARS_MAX
from firedoor.lineage.spans import kept_digests
from firedoor.types.ids import PassageId

PRINTER = printer_for(b"a store key of the tests")
NOTE = (
    "The incident review found that the rollback script skipped three hosts because their leases "
    "had expired, and nobody noticed until the pager went off at dawn on Sunday. From now on the "
    "script must refuse to run while any lease is older than nine minutes. Whoever keeps the watch "
    "writes the numbers of those hosts on the board beside the kitchen, in green, and wipes them "
    "off once the morning shift has read them aloud; the auditors want a photograph of each page, "
    "and the one who forgets it brings a cake of walnut and honey for the whole floor on Tuesday."
)
REPORT = (
    "Quarterly figures for the harbour show that dredging costs rose while the number of berths "
    "stayed flat; the committee wants a second opinion before it signs the contract for spring, "
    "since a survey of the eastern quay, made by divers in cloudy water, was never translated, and "
    "the insurers have asked twice whether those cracks were there before the storm of October."
)


def index_of(*texts: str, held: str = "", digests: bool = False) -> MemoryIndex:
    """An index of these, by rooms of their own; ``held`` is what their writers had in their input."""
    index = MemoryIndex()
    for number, text in enumerate(texts):
        normal = normal_of(text)
        (printed,) = prints_of([normal.codes], PRINTER)
        inside = normal.text.find(normal_of(held).text) if held else -1
        spans = [(inside, inside + len(normal_of(held).codes))] if inside >= 0 else []
        kept = kept_digests(normal.codes, PRINTER) if digests else None
        source = Source(PassageId(f"p_{number}"), f"room-{number}", number)
        index.add(source, normal, printed, held=spans, kept=kept)
    return index


def pieces_of(text: str, size: int) -> list[str]:
    return [text[n : n + size] for n in range(0, len(text), size)]


def between(pieces: list[str]) -> list[Piece]:
    """The pieces, and other words after each of them."""
    return [Piece(t) for n, p in enumerate(pieces) for t in (p, f"Weather of day {n}: dry.")]


def told(answer: Answer) -> set[int]:
    """The numbers of the pieces that tell whose they are."""
    return {m.part // 2 for m in authored(answer.matches) if m.part % 2 == 0}


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("size", [20, 24, 40])
def test_pieces_with_other_words_between_are_found(size: int, digests: bool) -> None:
    """Four in five, by the text and by its digests alike."""
    pieces = pieces_of(NOTE, size)
    answer = match(between(pieces), index_of(NOTE, REPORT, digests=digests), PRINTER)
    assert len(told(answer)) >= 0.8 * len(pieces)
    assert {m.source.origin for m in authored(answer.matches)} == {"room-0"}
    assert answer.complete


def test_pieces_are_found_in_any_order() -> None:
    pieces = pieces_of(NOTE, 20)[::-1]
    assert len(told(match(between(pieces), index_of(NOTE), PRINTER))) >= 0.8 * len(pieces)


def test_a_few_pieces_are_an_idiom() -> None:
    """Three of sixteen characters are known, and tell nothing by themselves."""
    answer = match(between(pieces_of(NOTE, 20)[:3]), index_of(NOTE), PRINTER)
    assert authored(answer.matches) == ()


def test_pieces_of_what_the_emitter_was_shown_are_not_its_own() -> None:
    echo = f"{NOTE} {REPORT}"
    answer = match(between(pieces_of(NOTE, 20)), index_of(echo, held=NOTE), PRINTER)
    assert authored(answer.matches) == ()


@pytest.mark.parametrize("digests", [False, True])
def test_a_quotation_is_its_quoters_no_further_than_its_edge(digests: bool) -> None:
    """Where no piece has a fingerprint nothing tells own from shown, up to a stated length."""
    echo = f"{NOTE} {REPORT}"
    index = index_of(echo, held=NOTE, digests=digests)
    answer = match(between(pieces_of(echo, 26)), index, PRINTER)
    edge = len(normal_of(NOTE).codes)
    assert min(m.at for m in authored(answer.matches)) >= edge - GRAM_CHARS - UNSPOKEN_CHARS_MAX
    assert max(m.at for m in authored(answer.matches)) > edge + 100


@settings(max_examples=50, deadline=None)
@given(st.data(), st.integers(17, 60))
def test_what_is_found_stands_there(data: st.DataObject, size: int) -> None:
    """Every run, whatever its parts and their order, is in the passage where it says."""
    pieces = data.draw(st.permutations(pieces_of(NOTE, size) + pieces_of(REPORT, size)))
    texts = [normal_of(NOTE).text, normal_of(REPORT).text]
    answer = match(between(pieces), index_of(NOTE, REPORT), PRINTER)
    parts = between(pieces)
    for m in (*answer.matches, *answer.weak):
        passage = texts[int(m.source.passage[2:])]
        assert normal_of(parts[m.part].text[m.start : m.end]).text in passage[m.at :][: m.length]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 300), st.integers(GRAM_CHARS, GUARANTEE_CHARS - 1))
def test_a_short_part_asks_for_all_of_its_hashes(start: int, size: int) -> None:
    """So a part is found that holds any fingerprint of a passage, whatever stands beside it."""
    normal = normal_of(NOTE)
    text = NOTE[int(normal.at[start]) : int(normal.at[start + size - 1]) + 1]
    (printed,) = prints_of([normal.codes], PRINTER)
    inside = (printed.at >= start) & (printed.at + GRAM_CHARS <= start + size)
    asked = question([Piece(text), Piece("Weather of day 3: dry.")], PRINTER)
    assert set(printed.keys[inside].tolist()) <= set(asked.keys)


def test_one_text_has_no_short_parts() -> None:
    """What an instance says is one text: nothing more is looked up for it."""
    (reading,) = question([Piece("A single short text.")], PRINTER).readings
    assert reading.short.places == ()


def test_what_is_looked_up_and_looked_for_has_a_bound() -> None:
    words = np.random.default_rng(5).integers(10**17, 10**18, 5_000).tolist()
    readings = question([Piece(f"abcde{word}") for word in words], PRINTER).readings
    (short,) = (r.short for r in readings if not r.layer.chain)
    assert len(short.places) == SHORT_PARTS_MAX
    assert len(short.prints.keys) == SHORT_KEYS_MAX

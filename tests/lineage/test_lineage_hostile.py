"""Texts made to be hard: nothing raises, nothing grows, and what is left out is said to be."""

import base64
import gzip
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage.decode import EXPANSION_MAX, unwrapped
from firedoor.lineage.fingerprints import printer_for, prints_of
from firedoor.lineage.index import MemoryIndex, Source
from firedoor.lineage.matcher import Piece, match, question
from firedoor.lineage.normal import fold, normal_of
from firedoor.lineage.spans import whole
from firedoor.types.ids import PassageId
from wrapping import ENCODERS, THIRTY_SCRIPTS

PRINTER = printer_for(b"a store key of the tests")
NOTE = (
    "The incident review found that the rollback script skipped three hosts because their leases "
    "had expired, and nobody noticed until the pager went off at dawn on Sunday."
)
CHANCE = random.Random(29)
BOMB = base64.b64encode(gzip.compress(b"a" * 3_000_000, mtime=0)).decode()
HOSTILE = {
    "one letter": "a", "spaces": " ", "lines": "\n", "zeros": "\0", "percent": "%41", "entities": "&amp;",
    "quoted": "=41", "escapes": "\\u0041", "backslashes": "\\", "brackets": "[{(", "morse": ".- / ",
    "bars": "|-", "zero width": "\u200b\u200c", "tags": "\U000e0041", "selectors": "\ufe01\U000e0141",
    "Braille": "⠁⠃⠉", "hex": CHANCE.randbytes(500).hex() + "\n", "pairs": "41 42 ", "bytes": "0x41, ",
    "base32": "MFRGGZDFMZTWQ2LK", "leet": "th3 qu1ck br0wn ", "nato": "alpha echo tango ", "echo": "echo,",
    "numbers": "\n1: ", "soft": "=\n", "letters": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789+/",
    "base64": base64.b64encode(CHANCE.randbytes(999)).decode(), "bombs": BOMB + "\n",
    "small codes": ENCODERS["base64"](NOTE[:60]) + " ", "surrogates": "\ud800", "ligature": "ﷺ",
    "combining": "\u0301", "family": "👨\u200d👩\u200d👧", "scripts": "\n".join(THIRTY_SCRIPTS.values()),
    "mixed": "%41&amp;\\u0041=41", "rotated": ENCODERS["rot13"](NOTE), "signs": "-=+/_~^!?",
    "anything": "".join(chr(CHANCE.randrange(0x110000)) for _ in range(5_000)),
}  # fmt: skip
MUCH = 300_000
WORK = 2_000_000


@pytest.mark.parametrize("kind", HOSTILE)
def test_much_of_anything_is_within_its_bounds(kind: str) -> None:
    """What comes out is a multiple of what went in, and work ends at its bound or is all done."""
    unit = HOSTILE[kind]
    text = (unit * (MUCH // len(unit) + 1))[:MUCH]
    found = unwrapped(text, WORK)
    assert found.spent_chars <= WORK
    assert sum(len(x.text) for x in found.layers[1:]) <= EXPANSION_MAX * len(text)
    for layer in found.layers:
        assert 0 <= layer.start <= layer.end <= len(text)
    for start, end in found.opaque:
        assert 0 <= start < end <= len(text)


def test_a_bomb_leaves_room_for_what_stands_behind_it() -> None:
    text = f"{BOMB}\n\nand then: {ENCODERS['base64'](NOTE)}"
    found = unwrapped(text, 24_000_000)
    assert not found.complete
    assert any(NOTE in layer.text for layer in found.layers)
    assert sum(len(x.text) for x in found.layers[1:]) <= len(text) * EXPANSION_MAX


def test_what_is_opaque_is_told_when_no_work_is_left() -> None:
    text = base64.b64encode(CHANCE.randbytes(100_000)).decode()
    found = unwrapped(text, 120_000)
    assert (found.complete, found.opaque) == (False, ((0, len(text)),))


def test_a_phrase_in_one_character_stands_for_a_few_letters() -> None:
    assert len(normal_of("ﷺ" * 1_000).codes) <= 3_000


def test_whole_blocks_fold_as_their_characters_do() -> None:
    for code in (*range(0, 0x110000, 997), *range(0x3400, 0x3500), *range(0xAC00, 0xAD00)):
        assert normal_of(chr(code)).text == fold(chr(code)), hex(code)


def _index() -> MemoryIndex:
    index = MemoryIndex()
    for number, text in enumerate((NOTE, *THIRTY_SCRIPTS.values())):
        normal = normal_of(text)
        source = Source(PassageId(f"p_{number}"), f"room-{number}", number)
        index.add(source, normal, prints_of([normal.codes], PRINTER)[0])
    return index


INDEX = _index()
CODINGS = st.sampled_from(sorted(ENCODERS))
STUFF = st.one_of(
    st.text(max_size=60),
    st.text(
        alphabet="ab1+/=%&;\\nuxA. -\u200b\u200c\u200d\ufe01\u0301\U000e0041⠁🏽क्ष", max_size=60
    ),
    st.sampled_from(sorted(HOSTILE.values(), key=len)[:-4]).map(lambda unit: unit[:40] * 5),
    st.sampled_from((NOTE, *THIRTY_SCRIPTS.values())),
    st.builds(lambda coding, low: ENCODERS[coding](NOTE[low:]), CODINGS, st.integers(0, 60)),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.lists(STUFF, max_size=4).map("".join), st.integers(0, 2)), max_size=4))
def test_no_context_breaks_it(parts: list[tuple[str, int]]) -> None:
    """Never an exception; every span lies inside its part, and cuts no character in two."""
    pieces = [Piece(text, stream) for text, stream in parts]
    for asked in (question(pieces, PRINTER, work_chars=50_000), question(pieces, PRINTER)):
        for opaque in asked.opaque:
            assert 0 <= opaque.start < opaque.end <= len(pieces[opaque.part].text)
    answer = match(pieces, INDEX, PRINTER)
    for found in (*answer.matches, *answer.weak):
        text = pieces[found.part].text
        assert 0 <= found.start < found.end <= len(text)
        assert whole(text, found.start, found.end) == (found.start, found.end)

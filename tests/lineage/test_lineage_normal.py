"""The form in which texts are compared."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firedoor.lineage.normal import fold, normal_of, normal_of_stored
from wrapping import THIRTY_SCRIPTS

PLAIN = "The lease of host 7 had expired, and nobody noticed until dawn."


def test_what_is_left_is_letters_and_digits_that_look_alike_as_one() -> None:
    assert normal_of(PLAIN).text == "theleaseofhost7hadexplredandnobodynotlceduntlldawn"


@pytest.mark.parametrize(
    "wrapped",
    [
        PLAIN.upper(),
        PLAIN.replace(" ", "\n\t"),
        "> " + PLAIN.replace(", ", ",\n> "),
        "+ " + PLAIN.replace(", ", ",\n- "),
        "# " + PLAIN.replace(", ", ",\n// "),
        "12: " + PLAIN.replace(", ", ",\n13: "),
        "  1\t" + PLAIN.replace(", ", ",\n  2\t"),
        "  7→" + PLAIN.replace(", ", ",\n  8→"),
        "1. " + PLAIN.replace(", ", ",\n2) "),
        "| 10 | " + PLAIN.replace(", ", ",\n| 11 | "),
        "**" + PLAIN.replace(" ", "** `") + "`",
        "\u200b".join(PLAIN),
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in PLAIN),
        PLAIN.replace("a", "а").replace("e", "е").replace("o", "ο").replace("c", "с"),
        PLAIN.replace("i", "I").replace("l", "1").replace("o", "0"),
        "".join(c + "\u0301\u0327" for c in PLAIN),
        "".join(chr(0x1D400 + ord(c) - 65) if c.isupper() else chr(0x1D41A + ord(c) - 97)
                if c.islower() else c for c in PLAIN),
        "".join(c + "\ufe0f" for c in PLAIN),
    ],
)  # fmt: skip
def test_wrappers_vanish(wrapped: str) -> None:
    assert normal_of(wrapped).text == normal_of(PLAIN).text


def test_a_number_inside_a_line_is_part_of_the_text() -> None:
    assert normal_of("we saw 12: it was twelve").text == "wesawl2ltwastwelve"
    assert normal_of("2024 was a year").text == "2o24wasayear"


def test_no_code_point_folds_to_what_folds_further() -> None:
    """Every 7th code point here; the whole of Unicode was tried when the table was made."""
    for code in range(0, 0x110000, 7):
        folded = fold(chr(code))
        assert "".join(map(fold, folded)) == folded, hex(code)


@given(st.text(max_size=200))
@example("ﬁ ß İ ﷺ ㍿ \ud800 ǅ")
def test_normal_again_is_the_same(text: str) -> None:
    once = normal_of(text).text
    assert normal_of(once).text == once


@given(st.text(max_size=200))
@example("1: 2: \n3. x\u0301é")
def test_each_character_knows_where_it_came_from(text: str) -> None:
    normal = normal_of(text)
    assert len(normal.at) == len(normal.codes) == len(normal.text)
    assert (normal.at[1:] >= normal.at[:-1]).all()
    for char, at in zip(normal.text, normal.at.tolist(), strict=True):
        assert char in fold(text[at])


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=300))
def test_the_fast_path_is_the_general_one(text: str) -> None:
    fast, general = normal_of(text), normal_of(text + "\u4e00")
    assert fast.text == general.text[:-1]
    assert fast.at.tolist() == general.at.tolist()[:-1]


@given(st.text(max_size=60), st.text(max_size=60))
def test_the_form_of_a_piece_is_a_piece_of_the_form(before: str, after: str) -> None:
    """Only a line number looks beyond its own character, so there is none here."""
    before, after = (normal_of(t).text + " " for t in (before, after))
    assert normal_of(before + after).text == normal_of(before).text + normal_of(after).text


@given(st.text(max_size=80))
def test_a_stored_form_comes_back(text: str) -> None:
    normal = normal_of(text)
    assert normal_of_stored(normal.text).tolist() == normal.codes.tolist()


@pytest.mark.parametrize("script", THIRTY_SCRIPTS)
def test_every_script_has_a_form_of_its_own(script: str) -> None:
    """Text of no script vanishes, and composed and decomposed spelling are one."""
    text = THIRTY_SCRIPTS[script]
    words = sum(c.isalnum() for c in text)
    assert len(normal_of(text).codes) >= words * 0.8
    for form in ("NFC", "NFD"):
        assert normal_of(unicodedata.normalize(form, text)).text == normal_of(text).text

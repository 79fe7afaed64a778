"""Winnowing keeps its promise, and nobody without the key can use what it keeps."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage import fingerprints
from firedoor.lineage.fingerprints import GUARANTEE_CHARS, Prints, printer_for, prints_of
from firedoor.lineage.normal import normal_of

PRINTER = printer_for(b"a store key of the tests")
few = st.text(alphabet="ab", max_size=120)
many = st.text(alphabet="abcdefghjkmнд", max_size=120)


def prints(text: str) -> Prints:
    return prints_of([normal_of(text).codes], PRINTER)[0]


@settings(max_examples=300)
@given(
    st.one_of(*(st.text(alphabet=a, min_size=GUARANTEE_CHARS, max_size=40) for a in ("ab", "abcdeдн"))),
    st.one_of(few, many), st.one_of(few, many), st.one_of(few, many), st.one_of(few, many),
)  # fmt: skip
def test_a_shared_run_of_31_shares_a_fingerprint(run: str, a: str, b: str, c: str, d: str) -> None:
    """Any run of `GUARANTEE_CHARS` normalised characters, whatever stands around it."""
    ours, theirs = prints(a + run + b), prints(c + run + d)
    assert set(ours.keys.tolist()) & set(theirs.keys.tolist())


@pytest.mark.parametrize("block", [16, 17, 64, 1000])
def test_blocks_leave_no_seam(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = normal_of("".join(random.Random(5).choices("abcdefgh", k=3000))).codes
    whole = prints_of([text], PRINTER)[0]
    monkeypatch.setattr(fingerprints, "_BLOCK", block)
    cut = prints_of([text], PRINTER)[0]
    assert (cut.keys.tolist(), cut.at.tolist()) == (whole.keys.tolist(), whole.at.tolist())


@given(st.text(alphabet="ab", min_size=31, max_size=500), st.integers(16, 60))
def test_a_seam_breaks_no_promise(text: str, block: int) -> None:
    """Text that repeats itself across blocks keeps each window's value somewhere."""
    codes = normal_of(text).codes
    before = fingerprints._BLOCK
    try:
        fingerprints._BLOCK = block
        kept = set(prints_of([codes], PRINTER)[0].keys.tolist())
    finally:
        fingerprints._BLOCK = before
    for start in range(len(codes) - GUARANTEE_CHARS + 1):
        window = prints_of([codes[start : start + GUARANTEE_CHARS]], PRINTER)[0]
        assert kept & set(window.keys.tolist())


def test_one_letter_ten_million_times_is_a_handful_of_fingerprints() -> None:
    assert len(prints("a" * 10_000_000).keys) <= 2


def test_about_two_positions_in_seventeen_are_kept() -> None:
    text = "".join(random.Random(1).choices("abcdefghjkmnopqrstuvwxyz", k=100_000))
    assert 0.11 < len(prints(text).keys) / 100_000 < 0.125


def test_less_than_sixteen_characters_have_none() -> None:
    assert len(prints("fifteen letters").keys) == 0
    assert len(prints("sixteen letters, xy").keys) == 1


def test_other_keys_give_other_fingerprints() -> None:
    codes = normal_of("The lease of host 7 had expired, and nobody noticed until dawn." * 4).codes
    ours = prints_of([codes], PRINTER)[0]
    theirs = prints_of([codes], printer_for(b"a store key of the rests"))[0]
    assert not set(ours.keys.tolist()) & set(theirs.keys.tolist())


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        printer_for(b"short")


def test_a_letter_has_one_number_whatever_stands_beside_it() -> None:
    """ASCII text and the same inside other scripts go different ways to the same fingerprints."""
    run = "the lease of that host had expired long before dawn"
    assert set(prints(run).keys.tolist()) & set(prints(run + "桥还在那里").keys.tolist())


def test_the_seal_is_siphash_2_4() -> None:
    """The vector for eight bytes of the reference implementation, key 00 to 0f."""
    key = (np.uint64(0x0706050403020100), np.uint64(0x0F0E0D0C0B0A0908))
    message = np.array([0x0706050403020100], dtype=np.uint64)
    assert hex(int(fingerprints._sealed(message, key)[0])) == "0x93f5f5799a932462"

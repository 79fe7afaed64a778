"""Winnowing keeps its promise, and nobody without the key can use what it keeps."""

import dataclasses
import random

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
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


def test_the_seal_is_aes() -> None:
    """The first vector of NIST's AESAVS, "VarTxt" for 128 bits: half of its block."""
    cipher = Cipher(algorithms.AES(bytes(16)), modes.ECB())
    printer = dataclasses.replace(PRINTER, seal=cipher)
    block = np.array([0x80], dtype=np.uint64)
    sealed = fingerprints._sealed(block, printer).astype("<i8").tobytes()
    assert sealed.hex() == "3ad78e726c1ec02b"


@settings(max_examples=100)
@given(st.lists(st.one_of(many, st.text(alphabet="ab", min_size=10, max_size=40)), max_size=8))
def test_texts_together_are_as_they_are_alone(texts: list[str]) -> None:
    """Short texts are read in one round, and no window reaches from one to the next."""
    codes = [normal_of(text).codes for text in texts]
    for together, alone in zip(prints_of(codes, PRINTER), codes, strict=True):
        expect = prints_of([alone], PRINTER)[0]
        assert together.keys.tolist() == expect.keys.tolist()
        assert together.at.tolist() == expect.at.tolist()


def test_many_short_texts_are_as_they_are_alone() -> None:
    chance = random.Random(23)
    texts = [
        normal_of("".join(chance.choices("abcdefн", k=size))).codes
        for size in (*range(60), 9_000, 4_096, 4_000, 3_000, 5, 4_000, 3_000, 40)
    ]
    for together, alone in zip(prints_of(texts, PRINTER), texts, strict=True):
        expect = prints_of([alone], PRINTER)[0]
        assert together.keys.tolist() == expect.keys.tolist()
        assert together.at.tolist() == expect.at.tolist()

"""Codings come off a few layers deep, and what cannot be read is said to be opaque."""

import base64
import gzip
import hashlib
import os
import random
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.lineage.decode import DEPTH_MAX, EXPANSION_MAX, SHORT_TEXT_CHARS, Layer, unwrapped
from firedoor.lineage.normal import normal_of
from wrapping import ENCODERS, can_nest

SAID = (
    "The incident review found that the rollback script skipped three hosts because their leases "
    "had expired, and nobody noticed until the pager went off at dawn on Sunday."
)
BEFORE, AFTER = "Some words before it.\n", "\nand some more behind."
MUCH = 10_000_000
CORE = normal_of(SAID).text[3:120]


def layers_with(text: str) -> list[Layer]:
    return [x for x in unwrapped(text, MUCH).layers if CORE in normal_of(x.text).text]


@pytest.mark.parametrize("codec", ENCODERS)
def test_each_coding_is_read(codec: str) -> None:
    """And its stretch is the coded one, within what a window of rotated text may add."""
    coded = ENCODERS[codec](SAID)
    found = layers_with(BEFORE + coded + AFTER)
    assert found
    said = found[0]
    at = normal_of(said.text).text.index(CORE)
    places = normal_of(said.text).at
    start, end = said.span(int(places[at]), int(places[at + len(CORE) - 1]) + 1)
    assert start >= len(BEFORE) - 2  # the full stop before it is a Morse letter too
    assert end <= len(BEFORE) + len(coded)


@pytest.mark.parametrize("outer", ENCODERS)
def test_nested_twice(outer: str) -> None:
    for inner in ENCODERS:
        if can_nest(outer, inner):
            text = BEFORE + ENCODERS[outer](ENCODERS[inner](SAID)) + AFTER
            assert layers_with(text), (outer, inner)


def test_depth_is_bounded() -> None:
    text = SAID
    for _ in range(DEPTH_MAX):
        text = ENCODERS["base64"](text)
    assert layers_with(text)
    deeper = unwrapped(ENCODERS["base64"](text), MUCH)
    assert not layers_with(ENCODERS["base64"](text))
    assert not deeper.complete


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_bomb_gives_no_more_than_its_bound(pack: object) -> None:
    """A hundred megabytes in 130 kB, twice over: what comes out is a multiple of what went in."""
    packed = pack(pack(b"a" * 100_000_000))  # type: ignore[operator]
    bomb = base64.b64encode(packed).decode()
    found = unwrapped(bomb, MUCH)
    assert sum(len(x.text) for x in found.layers[1:]) <= EXPANSION_MAX * max(
        len(bomb), SHORT_TEXT_CHARS
    )


def test_work_is_bounded_and_said_so() -> None:
    text = "\n".join(ENCODERS["base64"](f"{n} {SAID}") for n in range(50))
    assert unwrapped(text, MUCH).complete
    some = unwrapped(text, len(text) + 500)
    assert not some.complete
    assert some.spent_chars <= len(text) + 1_000


def blob(size: int) -> str:
    return base64.b64encode(random.Random(size).randbytes(size)).decode()


def test_what_cannot_be_read_is_opaque() -> None:
    text = "key: " + blob(120) + "\nend"
    assert [text[a:b] for a, b in unwrapped(text, MUCH).opaque] == [blob(120)]
    assert unwrapped(random.Random(1).randbytes(90).hex(), MUCH).opaque == ((0, 180),)


def test_opaque_inside_a_coding_is_opaque_outside() -> None:
    coded = ENCODERS["base64"]("sealed: " + blob(150))
    assert unwrapped(BEFORE + coded, MUCH).opaque == ((len(BEFORE), len(BEFORE) + len(coded)),)


@pytest.mark.parametrize(
    "text",
    [
        SAID * 4,
        ENCODERS["base64"](SAID),
        hashlib.sha512(b"x").hexdigest(),
        "src/firedoor/lineage/a_rather_long_module_name_for_a_test_that_reads_paths.py" * 2,
        "=" * 400,
        "0123456789abcdef" * 4,
        "abc" * 100,
    ],
)
def test_text_codes_that_are_read_digests_and_rulers_are_not(text: str) -> None:
    assert unwrapped(text, MUCH).opaque == ()


def test_plain_text_and_code_give_few_layers() -> None:
    """What has nothing coded in it costs one reading."""
    with open(os.__file__) as file:
        code = file.read()
    found = unwrapped(code, MUCH)
    assert sum(len(x.text) for x in found.layers) < 1.5 * len(code)


@settings(max_examples=150)
@given(st.text(alphabet="ab1+/=%&;\\nuxA. -\u200b\u200c\ufe01\U000e0041⠁", max_size=400))
def test_no_text_breaks_it(text: str) -> None:
    found = unwrapped(text, 100_000)
    for layer in found.layers:
        assert 0 <= layer.start <= layer.end <= len(text)
        if layer.starts is not None and layer.ends is not None:
            assert len(layer.starts) == len(layer.ends) == len(layer.text)
            assert (layer.starts <= layer.ends).all()


def test_persian_is_no_zero_width_code() -> None:
    text = "نمی‌خواهم بروم و می‌دانم که نمی‌توانم. " * 40
    assert len(unwrapped(text, MUCH).layers) == 1

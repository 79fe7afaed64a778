"""Bytes in base64, and what a picture looks like."""

import base64
import struct
import zlib
from io import BytesIO
from typing import Any

import pytest

from firedoor.lineage import ALIKE_BANDS_MIN
from firedoor.wire import picture
from firedoor.wire.picture import BYTES_MAX, is_data_url, media_bytes, picture_bands

DATA = bytes(range(251, 256)) + b"\x00?"


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(DATA).decode(),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.b64encode(DATA).decode().rstrip("="),
        "data:image/png;base64," + base64.b64encode(DATA).decode(),
        "DATA:image/svg+xml;charset=utf-8;base64," + base64.b64encode(DATA).decode(),
        base64.b64encode(DATA).decode()[:4] + "\r\n" + base64.b64encode(DATA).decode()[4:],
    ],
)
def test_one_picture_is_the_same_bytes_however_it_is_written(text: str) -> None:
    assert media_bytes(text) == DATA


@pytest.mark.parametrize(
    "text", ["", "data:image/png;base64,", "https://example.org/a.png", "é", "A", "AB*D", "data:,x"]
)
def test_what_is_no_base64_is_nothing(text: str) -> None:
    assert not media_bytes(text)


def test_what_is_too_long_is_not_decoded() -> None:
    assert media_bytes("A" * (BYTES_MAX * 4 // 3 + 2000)) is None


def test_a_data_url_is_known_by_its_beginning() -> None:
    assert is_data_url("data:image/png;base64,AAAA")
    assert not is_data_url("data: the tide came at noon; base64, they say")
    assert not is_data_url("See data:image/png;base64,AAAA")


def png(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG of one's own making, whose rows may be less than it says."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def scene(seed: int, size: tuple[int, int] = (360, 300)) -> Any:
    """A picture with edges everywhere, the same for a seed."""
    image = pytest.importorskip("PIL.Image")
    wide, high = 36, 30
    state = seed * 2654435761 % 2**32
    greys = bytearray()
    for _ in range(wide * high):
        state = (state * 1664525 + 1013904223) % 2**32
        greys.append(state >> 24)
    return image.frombytes("L", (wide, high), bytes(greys)).convert("RGB").resize(size, 1)


def coded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("how", ["jpeg", "webp", "gif", "smaller", "larger", "grey"])
def test_a_picture_is_known_in_another_coding_and_size(how: str) -> None:
    first = scene(1)
    changed = {
        "jpeg": lambda: coded(first, "JPEG", quality=60),
        "webp": lambda: coded(first, "WEBP", quality=60),
        "gif": lambda: coded(first.convert("P"), "GIF"),
        "smaller": lambda: coded(first.resize((180, 150))),
        "larger": lambda: coded(first.resize((700, 500))),
        "grey": lambda: coded(first.convert("L")),
    }[how]()
    before, after = set(picture_bands(coded(first))), set(picture_bands(changed))
    assert len(before & after) >= ALIKE_BANDS_MIN


def test_other_pictures_are_not_taken_for_it() -> None:
    bands = [set(picture_bands(coded(scene(n)))) for n in range(30)]
    assert all(len(a & b) < ALIKE_BANDS_MIN for i, a in enumerate(bands) for b in bands[:i])


def test_a_flat_picture_looks_like_nothing() -> None:
    image = pytest.importorskip("PIL.Image")
    assert picture_bands(coded(image.new("RGB", (400, 300), "white"))) == ()


@pytest.mark.parametrize(
    "data", [b"", b"GIF89a", b"%PDF-1.7", b"\xff\xd8\xff" + bytes(99), b"BM" * 99]
)
def test_what_is_no_picture_looks_like_nothing(data: bytes) -> None:
    assert picture_bands(data) == ()


def test_a_bomb_is_not_decoded() -> None:
    """A few bytes that stand for 64 megapixels are refused by what their head says."""
    assert picture_bands(png(8_000, 8_000, b"\0" * 100)) == ()
    assert picture_bands(png(2**31 - 1, 2**31 - 1, b"\0")) == ()


def test_a_truncated_picture_looks_like_nothing() -> None:
    whole = coded(scene(1))
    assert picture_bands(whole[: len(whole) // 2]) == ()


def test_without_the_extra_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "find_spec", lambda name: None)
    assert not picture.can_see()
    assert picture_bands(coded(scene(1)) if picture.can_see() else b"\x89PNG") == ()

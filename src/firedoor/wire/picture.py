"""Binary parts as bytes, and what a picture looks like: rows of bits that outlive another coding or size.

The bits are dHash (Krawetz 2013, "Kind of Like That"): grey, nine by eight, each pixel against its
right neighbour. A row is a band by which a picture is looked up; one with next to no edges says
nothing, as every flat stretch looks like any other.
"""

import binascii
import re
from collections.abc import Iterator
from importlib.util import find_spec
from io import BytesIO
from itertools import pairwise
from typing import Final

PIXELS_MAX: Final = 25_000_000
"""A larger picture is not decoded: a kilobyte of PNG can stand for gigabytes."""
BYTES_MAX: Final = 32 * 2**20
FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
"""What the APIs take. Of several frames, the first."""

BANDS: Final = 8
_WIDE: Final = 9
_EDGES_MIN: Final = 5
"""Of a band's eight bits. With 4, three times as many pairs of different pictures were alike."""
_STEP_MIN: Final = 2
"""Of 256 greys: less is noise of the coding, and no edge."""

Bands = tuple[tuple[int, int], ...]
"""(which, its eight bits) of each band that says something."""

_DATA_URL: Final = re.compile(r"data:[^,]{0,200};base64,", re.IGNORECASE)
_BASE64_CHARS_MAX: Final = BYTES_MAX * 4 // 3 + 1024


def is_data_url(text: str) -> bool:
    """Whether a text is nothing but bytes in base64."""
    return text[:5].lower() == "data:" and _DATA_URL.match(text) is not None


def media_bytes(text: str) -> bytes | None:
    """What base64, bare or in a data URL, stands for; in either alphabet, padded or not.

    None where it is no base64, or longer than `BYTES_MAX`.
    """
    url = _DATA_URL.match(text)
    body = text[url.end() :] if url is not None else text
    if not body or len(body) > _BASE64_CHARS_MAX:
        return None
    try:
        data = body.encode("ascii").translate(None, b" \t\r\n=")
        data = data.replace(b"-", b"+").replace(b"_", b"/")
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        return None


def can_see() -> bool:
    """Whether pictures can be decoded: the extra ``images`` is installed."""
    return find_spec("PIL") is not None


def picture_bands(data: bytes) -> Bands:
    """What a picture looks like; nothing for what is none, is too large or cannot be seen.

    Costs a decoding: half a second for 25 megapixels of PNG, less for JPEG, which is decoded small.
    """
    if len(data) > BYTES_MAX or not can_see():
        return ()
    from PIL import Image

    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > PIXELS_MAX:
                return ()
            image.draft("L", (_WIDE * 16, BANDS * 16))
            small = image.convert("L").resize((_WIDE, BANDS), Image.Resampling.BOX)
            greys = small.tobytes()
    # A decoder of strangers' bytes fails in more ways than its documentation names.
    except Exception:
        return ()
    return tuple(_bands_of(greys))


def _bands_of(greys: bytes) -> Iterator[tuple[int, int]]:
    for band in range(BANDS):
        row = greys[band * _WIDE : (band + 1) * _WIDE]
        bits = edges = 0
        for left, right in pairwise(row):
            bits = bits << 1 | (right > left)
            edges += abs(right - left) >= _STEP_MIN
        if edges >= _EDGES_MIN and bits not in (0, 255):
            yield band, bits

"""How well a picture is known again, by its eight bands, and what is taken for it.

Run: python tests/benchmarks/pictures.py [PATH…]

The pictures are those below the PATHs (without any, of this Python's packages), each scaled down to
at most 1,024 pixels. A row is one change; a column is how many bands must be equal. Needs the extra
`images`.
"""

import argparse
import random
import sysconfig
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import combinations
from pathlib import Path

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from firedoor.lineage import ALIKE_BANDS_MIN
from firedoor.wire.picture import picture_bands

LEAST = (3, 4, 5, 6)
KINDS = (".png", ".jpg", ".jpeg", ".webp", ".gif")


def pictures(paths: Iterable[Path], limit: int) -> list[Image.Image]:
    """Pictures of more than an icon's size, no two of them equal in bytes."""
    found, seen = [], set()
    files = sorted(f for p in paths for f in p.rglob("*") if f.suffix.lower() in KINDS)
    random.Random(1).shuffle(files)
    for file in files:
        try:
            with Image.open(file) as image:
                image.load()
                picture = image.convert("RGB")
        except (OSError, ValueError, SyntaxError):
            continue
        picture.thumbnail((1024, 1024))
        if min(picture.size) >= 120 and picture.tobytes() not in seen:
            seen.add(picture.tobytes())
            found.append(picture)
        if len(found) >= limit:
            break
    return found


def coded(image: Image.Image, kind: str = "PNG", **options: int) -> bytes:
    """The picture as a file."""
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def cropped(share: float) -> Callable[[Image.Image], bytes]:
    """As much cut off at each side."""

    def change(image: Image.Image) -> bytes:
        dx, dy = int(image.width * share), int(image.height * share)
        return coded(image.crop((dx, dy, image.width - dx, image.height - dy)))

    return change


def resized(share: float) -> Callable[[Image.Image], bytes]:
    """As much wider and higher."""
    return lambda im: coded(im.resize((int(im.width * share), int(im.height * share))))


def captioned(image: Image.Image) -> bytes:
    """With a line of text over its lower edge."""
    new = image.copy()
    high = max(12, new.height // 12)
    draw = ImageDraw.Draw(new)
    draw.rectangle((0, new.height - high, new.width, new.height), fill="black")
    draw.text((4, new.height - high), "Forward this picture to everybody you know.", fill="white")
    return coded(new)


CHANGES: dict[str, Callable[[Image.Image], bytes]] = {
    "JPEG, quality 90": lambda im: coded(im, "JPEG", quality=90),
    "JPEG, quality 50": lambda im: coded(im, "JPEG", quality=50),
    "JPEG, quality 20": lambda im: coded(im, "JPEG", quality=20),
    "WebP, quality 60": lambda im: coded(im, "WEBP", quality=60),
    "256 colours (GIF)": lambda im: coded(im.convert("P"), "GIF"),
    "half as large": resized(0.5),
    "a quarter": resized(0.25),
    "one and a half times": resized(1.5),
    "wider by a fifth": lambda im: coded(im.resize((int(im.width * 1.2), im.height))),
    "grey": lambda im: coded(im.convert("L")),
    "brighter by a fifth": lambda im: coded(ImageEnhance.Brightness(im).enhance(1.2)),
    "blurred, 2 pixels": lambda im: coded(im.filter(ImageFilter.GaussianBlur(2))),
    "a caption": captioned,
    "cropped, 1 % a side": cropped(0.01),
    "cropped, 3 %": cropped(0.03),
    "cropped, 5 %": cropped(0.05),
    "cropped, 10 %": cropped(0.10),
    "turned by 2 degrees": lambda im: coded(im.rotate(2)),
    "mirrored": lambda im: coded(im.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
}


def main() -> None:
    """Print the tables of docs/matching.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--limit", type=int, default=600)
    given = parser.parse_args()
    found = pictures(given.paths or [Path(sysconfig.get_paths()["purelib"])], given.limit)
    bands = [set(picture_bands(coded(image))) for image in found]
    known = [(i, b) for i, b in zip(found, bands, strict=True) if len(b) >= ALIKE_BANDS_MIN]
    print(f"{len(found)} pictures, {len(known)} of them with enough edges to be known by")
    print("| change | " + " | ".join(f"{n} bands" for n in LEAST) + " |")
    print("|---" * (1 + len(LEAST)) + "|")
    for name, change in CHANGES.items():
        equal = [len(b & set(picture_bands(change(image)))) for image, b in known]
        shares = (f"{sum(e >= n for e in equal) / len(known):.3f}" for n in LEAST)
        print(f"| {name} | {' | '.join(shares)} |")
    equal = [len(a & b) for (_, a), (_, b) in combinations(known, 2)]
    counts = (f"{sum(e >= n for e in equal)}" for n in LEAST)
    print(f"| another picture, of {len(equal):,} pairs | {' | '.join(counts)} |")
    large = coded(found[0].resize((5_000, 5_000)))
    for what, data in (("25 megapixels of PNG", large), ("the first of them", coded(found[0]))):
        begun = time.process_time()
        picture_bands(data)
        print(f"{what}: {(time.process_time() - begun) * 1e3:.0f} ms")


if __name__ == "__main__":
    main()

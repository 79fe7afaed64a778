"""Which pictures look like these? Bands are keyed digests: the file tells nobody how a picture looks."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import Final

from firedoor.lineage import ALIKE_BANDS_MIN
from firedoor.types.ids import Digest
from firedoor.types.record import PictureRow

WRITE: Final = "INSERT OR IGNORE INTO pictures (band, media) VALUES (?,?)"
_ASKED_MAX: Final = 64
"""Pictures of one request that are looked up by look: each costs eight ranges of an index."""
_PER_BAND_MAX: Final = 4_096
"""Pictures that share a band: one that so many share is everybody's, and says nothing."""
_ALIKE_MAX: Final = 64


def alike(
    connection: sqlite3.Connection, asked: Iterable[PictureRow]
) -> dict[Digest, tuple[Digest, ...]]:
    """For each picture, those that share enough bands with it; it itself is none of them."""
    found: dict[Digest, tuple[Digest, ...]] = {}
    for row in list(asked)[:_ASKED_MAX]:
        if len(row.bands) < ALIKE_BANDS_MIN:
            continue
        shared: Counter[bytes] = Counter()
        for band in row.bands:
            others = connection.execute(
                "SELECT media FROM pictures WHERE band = ? LIMIT ?", (band, _PER_BAND_MAX + 1)
            ).fetchall()
            if len(others) <= _PER_BAND_MAX:
                shared.update(media for (media,) in others)
        like = [(-n, media) for media, n in shared.items() if n >= ALIKE_BANDS_MIN]
        nearest = [Digest(media) for _, media in sorted(like) if media != row.media]
        if nearest:
            found[row.media] = tuple(nearest[:_ALIKE_MAX])
    return found

"""The bytes that a request or an answer holds, as the store is asked of them: exactly, and by look."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from firedoor import lineage, wire
from firedoor.engine.settings import Digester, EngineSettings
from firedoor.lineage import Labelled, Passage, Passages, Receiver
from firedoor.types.ids import Digest
from firedoor.types.part import Kind, Media, Part
from firedoor.types.record import Emission, PictureRow
from firedoor.wire.form import FormFile


def seen(text: str, settings: EngineSettings) -> PictureRow | None:
    """What is known of bytes in base64; None where they are none. Costs a hash, and a decoding."""
    data = wire.media_bytes(text)
    if not data:
        return None
    digester = settings.digester
    digest = lineage.media_digest(hashlib.sha256(data).hexdigest(), digester)
    bands = settings.picture_bands(data)
    return PictureRow(digest, tuple(lineage.band_digest(n, bits, digester) for n, bits in bands))


def pictures_of(media: Iterable[Media], settings: EngineSettings) -> dict[str, PictureRow]:
    """By pointer, what a section holds."""
    found = ((each.pointer, seen(each.text, settings)) for each in media)
    return {pointer: row for pointer, row in found if row is not None}


def files_of(files: Iterable[FormFile], digester: Digester) -> dict[str, PictureRow]:
    """By pointer, the files of a form. Their bytes are not held, so how they look is not known."""
    return {
        file.pointer: PictureRow(lineage.media_digest(file.sha256.hex(), digester), ())
        for file in files
    }


def passages_of(
    parts: Sequence[Part], passages: list[Passages], pictures: Mapping[str, PictureRow]
) -> list[Passages]:
    """The passages of each part; bytes are known as a whole, like a text that is long enough."""
    for i, part in enumerate(parts):
        row = pictures.get(part.pointer) if part.kind is Kind.OPAQUE else None
        if row is not None:
            whole = Passage(0, 0, row.media, lineage.GLOBAL_MATCH_CHARS_MIN)
            passages[i] = Passages(whole, (), 0, (row.media,))
    return passages


class Shown(NamedTuple):
    """What the record says of the bytes of one part."""

    exact: tuple[Emission, ...]
    alike: tuple[Emission, ...]

    def label(self, labelled: Labelled, part: Part, receiver: Receiver) -> Labelled:
        """The label of the part with this."""
        if self.exact:
            return lineage.known_bytes(labelled, part, self.exact, receiver)
        return lineage.alike_pictures(labelled, part, self.alike, receiver)


def shown(
    sections: Iterable[tuple[Sequence[Part], Mapping[str, PictureRow]]],
    emissions: Mapping[Digest, tuple[Emission, ...]],
    alike: Mapping[Digest, tuple[Digest, ...]],
) -> dict[int, Shown]:
    """What is known of each part that is bytes, by its identity in memory; of unknown ones nothing."""
    found: dict[int, Shown] = {}
    for parts, pictures in sections:
        for part in parts if pictures else ():
            row = pictures.get(part.pointer)
            if row is None:
                continue
            like = (e for media in alike.get(row.media, ()) for e in emissions.get(media, ()))
            known = Shown(emissions.get(row.media, ()), tuple(like))
            if known.exact or known.alike:
                found[id(part)] = known
    return found


def digests_of(pictures: Mapping[str, PictureRow]) -> Iterator[Digest]:
    """What is looked up exactly."""
    return (row.media for row in pictures.values())

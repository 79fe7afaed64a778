"""Whose are these bytes, and whose does this picture look like?

Bytes that were emitted carry the label of their emission, as a text does. What only looks like them
may hold more than they did, so it proves nothing: what is known of it is joined to the container's.
"""

from collections.abc import Sequence
from typing import Final

from firedoor.lineage.calculus import Labelled, Receiver, SpanLabel, author_of
from firedoor.lineage.passages import Digester
from firedoor.types.ids import Digest
from firedoor.types.label import Label, join, join_all, up
from firedoor.types.part import Evidence, Kind, Origin, Part
from firedoor.types.record import Emission

ALIKE_BANDS_MIN: Final = 4
"""Bands of two pictures that must be equal for them to be alike; of eight, as far as they say much."""


def media_digest(sha256_hex: str, digester: Digester) -> Digest:
    """By what bytes are known."""
    return digester(f"\x1fmedia\x1f{sha256_hex}")


def band_digest(band: int, bits: int, digester: Digester) -> Digest:
    """By what one band of a picture is known: whoever has the store alone cannot tell how it looks."""
    return digester(f"\x1fband\x1f{band}\x1f{bits}")


def _span(part: Part, emissions: Sequence[Emission], receiver: Receiver) -> SpanLabel:
    raised = [up(e.label, e.room, receiver.room) for e in emissions]
    deepest = max(zip(raised, emissions, strict=True), key=lambda pair: pair[0].depth)[1]
    crossing = any(e.room != receiver.room for e in emissions)
    author = author_of(tuple(emissions)) or deepest
    return SpanLabel(
        0, len(part.text), join_all(raised), crossing, deepest.passage, deepest, author
    )


def _least(found: Label, known: Labelled) -> bool:
    """Whether the bytes say more than what is known already (MODEL line 16)."""
    return known.unproven or found.depth < known.label.depth


def known_bytes(
    labelled: Labelled, part: Part, emissions: Sequence[Emission], receiver: Receiver
) -> Labelled:
    """The label of bytes that were emitted: this run's own (line 8), or carried here (line 10)."""
    mine = [e.label for e in emissions if e.run == receiver.run]
    if mine:
        label = join_all(mine)
        if labelled.own or not _least(label, labelled):
            return labelled
        return Labelled(
            label, Evidence.MATCHED, Origin.INSTANCE, labelled.channel, True, own=True,
            standing=labelled.standing,
        )  # fmt: skip
    span = _span(part, emissions, receiver)
    if labelled.own or not _least(span.label, labelled):
        return labelled
    return Labelled(
        span.label, Evidence.MATCHED, Origin.INSTANCE, labelled.channel, True,
        crossing=span.crossing, same_room=not span.crossing, standing=labelled.standing,
        spans=(span,),
    )  # fmt: skip


def alike_pictures(
    labelled: Labelled, part: Part, emissions: Sequence[Emission], receiver: Receiver
) -> Labelled:
    """The label of a picture that looks like emitted ones: never less than without them."""
    if labelled.own or not labelled.unproven:
        return labelled
    span = _span(part, emissions, receiver)
    return labelled._replace(
        label=join(labelled.label, span.label),
        evidence=Evidence.MATCHED,
        crossing=labelled.crossing or span.crossing,
        # It came from outside the run, whoever has it now.
        inrun=labelled.inrun and not span.crossing,
        spans=(span,) if part.kind is Kind.OPAQUE else labelled.spans or (span,),
    )

"""What valid statements do to the label of the part that they are of (MODEL §3, line 9, and §5).

A statement names one more emission that carried the text here: ``up(label(e), room(e), m)``. Where
nothing is known of a part that is its label, in place of its container's. Where the store knows
something, both hold, so the label is their join: a statement may raise it, and never lowers it. What
a person said of a text (pinned, attested, released) and what the run itself emitted is not deepened.
"""

from collections.abc import Sequence
from typing import Final

from firedoor.lineage.calculus import Labelled, SpanLabel
from firedoor.lineage.passages import Passage
from firedoor.lineage.statements import Statement
from firedoor.types.ids import CallId, InstanceId, RoomId, RunId
from firedoor.types.label import Label, is_unknown, join, join_all, up
from firedoor.types.part import Channel, Evidence, Origin
from firedoor.types.record import Emission

_FOREIGN: Final = {Channel.USER: Channel.MESSAGE, Channel.SYSTEM: Channel.MEMORY}
"""By which channel text of other rooms comes, whatever role a framework gave it."""


def carrier(statement: Statement, whole: Passage) -> Emission:
    """What a statement says, as an emission. It is in no store: its call goes by the statement's id."""
    return Emission(
        passage=whole.digest,
        seq=0,
        room=statement.room,
        run=RunId(statement.key),
        label=statement.label,
        instance=InstanceId(statement.key),
        author=statement.author,
        compartment=statement.room,
        call=CallId(statement.id),
        held=False,
    )


def vouched(
    labelled: Labelled, whole: Passage, statements: Sequence[Statement], room: RoomId
) -> Labelled:
    """The label of a part in ``room``, with what these statements say of it."""
    if labelled.own or labelled.released or not statements:
        return labelled
    spans = tuple(_span(statement, whole, room) for statement in statements)
    said = join_all(span.label for span in spans)
    crossing = any(span.crossing for span in spans)
    ids = tuple(statement.id for statement in statements)
    unproven = labelled.unproven or labelled.rest is not None
    if unproven and is_unknown(said):
        return _raised(labelled, spans, said, ids)
    known = _known(labelled)
    label = join(known, said)
    # Where nothing was known, whether it crossed at all is the statement's to say.
    crossing = crossing or any(s.crossing for s in labelled.spans) or (
        labelled.crossing and not unproven
    )  # fmt: skip
    return labelled._replace(
        label=label,
        evidence=Evidence.VERIFIED if unproven or label != known else labelled.evidence,
        origin=Origin.INSTANCE,
        channel=_channel(labelled, crossing=crossing),
        attributed=True,
        crossing=crossing,
        inrun=False,
        same_room=not crossing,
        assumed=False,
        unproven=False,
        spans=(*labelled.spans, *spans),
        rest=None,
        statements=ids,
    )


def _span(statement: Statement, whole: Passage, room: RoomId) -> SpanLabel:
    emission = carrier(statement, whole)
    return SpanLabel(
        whole.start, whole.end, up(statement.label, statement.room, room),
        statement.room != room, whole.digest, emission, emission,
    )  # fmt: skip


def _known(labelled: Labelled) -> Label:
    """What is known of a part without statements; ⊥ where its label is only its container's."""
    spans = join_all(span.label for span in labelled.spans)
    left = labelled if labelled.rest is None else labelled.rest
    if left.unproven and left.origin is not Origin.SERVER:
        return spans
    return join(spans, left.label)


def _raised(
    labelled: Labelled, spans: tuple[SpanLabel, ...], said: Label, ids: tuple[str, ...]
) -> Labelled:
    """A part of which nothing is known, by statements that do not know how deep it is.

    They raise its label, and prove no more than nothing does: a verdict on what is unproven stays
    one, so that a door that is honest about what it does not know is not worse off than a silent one.
    """
    crossing = labelled.crossing or any(span.crossing for span in spans)
    if labelled.rest is not None:
        return labelled._replace(
            label=join(labelled.label, said),
            crossing=crossing,
            rest=_raised(labelled.rest, spans, said, ids),
            statements=ids,
        )
    return labelled._replace(
        label=join(labelled.label, said),
        evidence=Evidence.VERIFIED,
        channel=_channel(labelled, crossing=crossing),
        crossing=crossing,
        inrun=labelled.inrun and not crossing,
        assumed=False,
        spans=spans,
        statements=ids,
    )


def _channel(labelled: Labelled, *, crossing: bool) -> Channel:
    return _FOREIGN.get(labelled.channel, labelled.channel) if crossing else labelled.channel

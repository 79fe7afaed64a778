"""Is what a history claims the one that was given? Calls by all that they are, results by their call.

A call is known by its id, its name and its arguments together: whoever changes one of them has made
another call. A result is known by the id that it answers, or by the tool's name where the wire has
no ids. Digests of claims can never be those of texts, since no passage begins with a blank.
"""

from collections.abc import Sequence
from typing import NamedTuple

from firedoor.lineage.calculus import Labelled
from firedoor.lineage.passages import Digester
from firedoor.lineage.places import FLEET, Use
from firedoor.types.ids import Digest, RunId
from firedoor.types.label import Label, join_all
from firedoor.types.part import Evidence, Origin, Standing
from firedoor.types.record import Emission, Place


class Claimed(NamedTuple):
    """What the record says of the call that a part belongs to, or answers."""

    standing: Standing
    label: Label | None = None
    """For a part of an own call: the label of the emission that it wholly is (MODEL line 8)."""


def call_digest(id_: str, name: str, arguments: str, digester: Digester) -> Digest:
    """By what a call is known. ``arguments`` in a form that no re-serialisation changes."""
    return digester("\x1f".join(("\x1fcall", id_, name, arguments)))


def answered_digest(id_: str, name: str, digester: Digester) -> Digest:
    """By what a result finds its call: the id, or where there is none the tool's name."""
    return digester(f"\x1fid\x1f{id_}" if id_ else f"\x1fname\x1f{name}")


def standing_of(heard: Sequence[Emission], run: RunId) -> Standing:
    """Whose a thing is that was emitted so."""
    if any(emission.run == run for emission in heard):
        return Standing.OWN
    return Standing.TRANSPLANTED if heard else Standing.FORGED


def claimed_call(heard: Sequence[Emission], run: RunId) -> Claimed:
    """What is known of a claimed call, by who emitted it."""
    standing = standing_of(heard, run)
    if standing is not Standing.OWN:
        return Claimed(standing)
    return Claimed(standing, join_all(e.label for e in heard if e.run == run))


def as_claimed(use: Use, place: Place | None, claimed: Claimed) -> tuple[Use | None, Place | None]:
    """Where a result comes from, as far as its call shows it.

    A call that nobody was given shows nothing: whoever makes one up may name the cleanest place there
    is, or a page of the open web. Only the channel stays, which makes nothing milder.
    """
    if claimed.standing is not Standing.FORGED:
        return use, place
    return (use._replace(place=None, closed=False) if use.writers == FLEET else None), None


def reconciled(labelled: Labelled, claimed: Claimed) -> Labelled:
    """A part's label with what is known of its call.

    A call that was given as it stands proves each part of it, however it is spelled now. One that was
    not proves nothing, and takes nothing away from what else does.
    """
    if claimed.label is not None and not labelled.own:
        return Labelled(
            claimed.label, Evidence.MATCHED, Origin.INSTANCE, labelled.channel, True, own=True,
            standing=claimed.standing,
        )  # fmt: skip
    rest = labelled.rest
    if rest is not None:
        rest = rest._replace(standing=claimed.standing)
    return labelled._replace(standing=claimed.standing, rest=rest)

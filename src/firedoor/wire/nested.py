"""Requests that stand inside another body: a batch's, a file's lines'. Read as the calls that they are."""

from collections.abc import Iterable
from typing import Protocol

from firedoor.types.part import CallClaim, Part, Reading
from firedoor.wire.document import Malformed
from firedoor.wire.shape import scoped
from firedoor.wire.surface import Sections


class Reader(Protocol):
    """What reads the requests of a surface: a `SurfaceWire`, or the module that it is made of."""

    def sections(self, document: object, /) -> Sections:
        """See `SurfaceWire`."""

    def read_turn(self, pointer: str, value: object, /) -> Reading:
        """See `SurfaceWire`."""

    def read_field(self, name: str, value: object, /) -> Reading:
        """See `SurfaceWire`."""


def _below(pointer: str, part: Part, *, editable: bool) -> Part:
    # A definition that goes may take its choice with it; here nobody looks after that, so it stays
    # or the whole is refused.
    whole = part.removable is not None
    return part._replace(
        pointer=pointer + part.pointer,
        call=None if part.call is None else scoped(pointer, part.call),
        editable=editable and part.editable and not whole,
        removable=None,
    )


def _claim(pointer: str, claim: CallClaim) -> CallClaim:
    return claim._replace(id=scoped(pointer, claim.id), pointer=pointer + claim.pointer)


def joined(pointer: str, readings: Iterable[Reading], *, editable: bool = True) -> Reading:
    """All of ``readings`` as one, at ``pointer`` and below; the ids of its calls mean nothing outside.

    With ``editable`` False nothing in it can be replaced.
    """
    found = tuple(readings)
    return Reading(
        tuple(_below(pointer, p, editable=editable) for reading in found for p in reading.parts),
        tuple(_claim(pointer, claim) for reading in found for claim in reading.calls),
        None,
        tuple(pointer + where for reading in found for where in reading.unknown),
        tuple((hop, pointer + where) for reading in found for hop, where in reading.hops),
        tuple(
            result._replace(
                id=scoped(pointer, result.id) if result.id else "", pointer=pointer + result.pointer
            )
            for reading in found
            for result in reading.results
        ),
        tuple(
            each._replace(pointer=pointer + each.pointer)
            for reading in found
            for each in reading.media
        ),
    )


def read_request(surface: Reader, value: object, pointer: str, *, editable: bool = True) -> Reading:
    """The body of one request of ``surface``, which stands at ``pointer``.

    Raises:
        Malformed: It is none.
    """
    try:
        inner = surface.sections(value)
    except Malformed as problem:
        raise Malformed(
            problem.message, code=problem.code, pointer=pointer + (problem.pointer or "")
        ) from None
    turns = (surface.read_turn(inner.pointer_of(i), turn) for i, turn in enumerate(inner.turns))
    fields = (surface.read_field(name, field) for name, field in inner.fields.items())
    return joined(pointer, (*turns, *fields), editable=editable)

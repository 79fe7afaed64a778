"""Whose call is it, under a virtual key? What the key is bound to, and headers only inside that.

A key is one room and one run: that of its compartment, else its own. So whatever conversation is begun
under it starts with all that was ever shown under it (MODEL line 25: a child of the key, at the key's
deepest exposure); a session, trace or compartment that a header names begins nothing new. Headers
name instances, inside the key's pattern or below its instance: they narrow, and never widen.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import NamedTuple

from firedoor.identity.claims import Claims
from firedoor.identity.rooms import Base, Digester, Who, short_id
from firedoor.types.exchange import Caller
from firedoor.types.ids import InstanceId, RoomId, RunId
from firedoor.types.key import KeyRow
from firedoor.types.record import InstanceRow


class Widening(NamedTuple):
    """What a head asks for beyond its key."""

    header: str
    message: str


def narrowed(claims: Claims, caller: Caller) -> Claims:
    """The claims with what the process says of itself: under a key that is a claim like another."""
    binding = caller.binding
    if binding is None:
        return claims
    return claims._replace(
        instance=claims.instance or binding.name,
        compartment=claims.compartment or binding.compartment,
    )


def room_of_key(key: KeyRow, compartment_for: Callable[[str], str | None]) -> str | None:
    """The compartment that a key is bound to; None where it is a room of its own."""
    if key.compartment is not None or key.instance is None:
        return key.compartment
    return compartment_for(key.instance)


def _path(key: KeyRow, claimed: str | None) -> tuple[str, ...]:
    """The names from the key's instance down to the one that calls; empty where nobody is named."""
    bound = (*((key.instance,) if key.instance is not None else ()), *key.children)
    if claimed is None or (bound and claimed in (bound[-1], "/".join(bound), "_".join(bound))):
        return bound
    return (*bound, claimed)


def widening(
    key: KeyRow, claims: Claims, compartment_for: Callable[[str], str | None]
) -> Widening | None:
    """What the head asks for that its key is not for; None if it stays inside."""
    compartment = room_of_key(key, compartment_for)
    if claims.compartment not in (None, compartment):
        return Widening(
            "x-firedoor-compartment",
            f"This key is for one room{'' if compartment is None else f', {compartment!r}'}; "
            "a header opens no other.",
        )
    names = _path(key, claims.instance)
    if names and key.instances is not None and not fnmatchcase(names[0], key.instances):
        return Widening(
            "x-firedoor-instance", f"This key is for instances named {key.instances!r}."
        )
    return None


def who_of_key(
    key: KeyRow,
    claims: Claims,
    compartment_for: Callable[[str], str | None],
    digester: Digester,
) -> Who:
    """Whose a call is under a key that is good. Pure; equal heads give equal ids."""
    compartment = room_of_key(key, compartment_for)
    room = RoomId(compartment if compartment is not None else f"key/{key.id}")
    run = RunId(f"r_{key.id.removeprefix('k_')}@{room}")
    base = Base(room, run, compartment or key.name or key.id)
    names = _path(key, claims.instance)
    if not names:
        return Who(key.id, None, base, (), claims.parent)
    bound = key.instance is not None or key.instances is not None
    # A name that no key is bound to is its holder's word: under another key it is somebody else.
    scope = "bound" if bound else f"declared\x1f{key.id}"

    def id_of(path: tuple[str, ...]) -> InstanceId:
        digest = digester("\x1f".join(("i_", scope, room, "/".join(path))))
        return InstanceId("i_" + short_id(digest))

    row = InstanceRow(
        id=id_of(names),
        name="/".join(names),
        compartment=base.name,
        room=room,
        run=run,
        credential=key.id,
        parents=(id_of(names[:-1]),) if len(names) > 1 else (),
        identity="key" if bound else "declared",
    )
    return Who(key.id, row, base, (), claims.parent)

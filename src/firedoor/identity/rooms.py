"""Which instance, run and room a call belongs to (MODEL §2, DESIGN §5b "Instances").

The order is MODEL's: a bound compartment → an open run → a session → a trace → the process → the
conversation. A declaration splits what it stands in: its room is a room *inside* that base, so
nobody can join another's room by naming it. Where only a credential stands behind a declared
name, the credential is the base: its holder can claim nothing that is not its own.
"""

from base64 import b32encode
from collections.abc import Callable
from typing import NamedTuple

from firedoor.identity.claims import Claims
from firedoor.types.exchange import Binding, Caller
from firedoor.types.ids import Digest, InstanceId, RoomId, RunId
from firedoor.types.record import InstanceRow

Digester = Callable[[str], Digest]


class Base(NamedTuple):
    """The room and run that a call stands in before its own declarations split it."""

    room: RoomId
    run: RunId
    name: str
    """The room's name for display."""


class Who(NamedTuple):
    """A call's instance, as far as the head alone can tell."""

    credential: str
    instance: InstanceRow | None
    """None when only the conversation can tell."""
    base: Base | None
    """The known base; None when only the conversation can tell."""
    line: tuple[Base, ...] = ()
    """The runs that spawned this one, nearest first, each a run of its own (MODEL line 25)."""
    parent_name: str | None = None
    """A parent claimed by header, to be looked up under the same credential."""

    @property
    def parent_run(self) -> RunId | None:
        """The run that spawned this one."""
        return self.line[0].run if self.line else None


def short_id(digest: Digest) -> str:
    """A digest as it stands in an id: lower-case base32, 26 characters."""
    return b32encode(digest).decode().rstrip("=").lower()


def _id(prefix: str, digester: Digester, *words: str) -> str:
    return prefix + short_id(digester("\x1f".join((prefix, *words))))


def credential_of(claims: Claims, binding: Binding | None, digester: Digester) -> str:
    """The name under which a credential is known: a digest, or ``anonymous`` for a placeholder."""
    if binding is not None:
        return binding.credential
    if claims.placeholder or not claims.secret:
        return "anonymous"
    return "k_" + short_id(digester("credential\x1f" + claims.secret))


def _inside(base: Base, compartment: str, digester: Digester) -> Base:
    room = RoomId(f"{base.room}/{compartment}")
    return Base(room, RunId(_id("r_", digester, base.run, room)), compartment)


def _unbound_base(
    claims: Claims, caller: Caller, credential: str, digester: Digester
) -> Base | None:
    def run_base(run: RunId) -> Base:
        return Base(RoomId(f"run/{run}"), run, run)

    def made(kind: str, value: str) -> Base:
        run = RunId(_id("r_", digester, kind, credential, value))
        return Base(RoomId(f"{kind}/{run}"), run, f"{kind} {value[:12]}")

    if caller.run is not None and caller.run_declared:
        return run_base(caller.run)
    if claims.session is not None:
        return made("session", claims.session)
    if claims.trace is not None:
        return made("trace", claims.trace)
    if caller.run is not None:
        return run_base(caller.run)
    return None


def _compartment_of(binding: Binding, compartment_for: Callable[[str], str | None]) -> str | None:
    """The compartment of a bound instance: its own, else the one that it was opened in."""
    at: Binding | None = binding
    while at is not None:
        compartment = at.compartment or compartment_for(at.name)
        if compartment is not None:
            return compartment
        at = at.parent
    return None


def _bound(
    binding: Binding,
    caller: Caller,
    claims: Claims,
    credential: str,
    compartment_for: Callable[[str], str | None],
    digester: Digester,
) -> tuple[Base, InstanceRow, tuple[Base, ...]]:
    compartment = _compartment_of(binding, compartment_for)
    outer = _unbound_base(claims, caller, credential, digester)
    if compartment is not None:
        # One process may hold several rooms: each has its own label, so the run is split too.
        process = outer.run if outer is not None else RunId("r_" + compartment)
        room = RoomId(compartment)
        base = Base(room, RunId(f"{process}@{room}"), compartment)
    elif outer is not None:
        base = outer
    else:
        run = RunId(_id("r_", digester, "bound", credential, binding.name))
        base = Base(RoomId(f"bound/{run}"), run, binding.name)
    name = binding.name
    if binding.credential == "process" or claims.instance is None or claims.instance == name:
        pass
    else:
        name = f"{name}/{claims.instance}"
    if claims.compartment is not None and claims.compartment != compartment:
        base = _inside(base, claims.compartment, digester)
    scope = (str(base.room),) if compartment is not None else (str(base.room), str(base.run))
    parents: tuple[InstanceId, ...] = ()
    line: tuple[Base, ...] = ()
    if binding.parent is not None:
        parent_base, parent_row, line = _bound(
            binding.parent,
            caller,
            claims._replace(instance=None, compartment=None),
            credential,
            compartment_for,
            digester,
        )
        parents = (parent_row.id,)
        if parent_base.run != base.run:
            line = (parent_base, *line)
    row = InstanceRow(
        id=InstanceId(_id("i_", digester, "bound", *scope, name)),
        name=name,
        compartment=base.name,
        room=base.room,
        run=base.run,
        credential=credential,
        parents=parents,
        identity="declared" if binding.credential == "process" else "key",
    )
    return base, row, line


def who_is(
    claims: Claims,
    caller: Caller,
    compartment_for: Callable[[str], str | None],
    digester: Digester,
) -> Who:
    """Resolve what the head can tell. Pure; equal heads give equal ids, after a restart too."""
    credential = credential_of(claims, caller.binding, digester)
    if caller.binding is not None:
        base, row, line = _bound(
            caller.binding, caller, claims, credential, compartment_for, digester
        )
        return Who(credential, row, base, line, claims.parent)

    base_or_none = _unbound_base(claims, caller, credential, digester)
    declared = claims.compartment or (compartment_for(claims.instance) if claims.instance else None)
    if declared is not None:
        outer = base_or_none or Base(
            RoomId(f"key/{credential}"),
            RunId(_id("r_", digester, "key", credential)),
            credential,
        )
        base_or_none = _inside(outer, declared, digester)
    elif base_or_none is None and claims.instance is not None:
        run = RunId(_id("r_", digester, "name", credential, claims.instance))
        base_or_none = Base(RoomId(f"name/{run}"), run, claims.instance)
    if claims.instance is None or base_or_none is None:
        return Who(credential, None, base_or_none, (), claims.parent)
    row = InstanceRow(
        id=InstanceId(
            _id("i_", digester, "declared", credential, base_or_none.room, claims.instance)
        ),
        name=claims.instance,
        compartment=base_or_none.name,
        room=base_or_none.room,
        run=base_or_none.run,
        credential=credential,
        identity="declared",
    )
    return Who(credential, row, base_or_none, (), claims.parent)


def _mark(call: str) -> str:
    """What tells a call from others in a name: the end of its id. Ids begin with the time."""
    return call.removeprefix("c_")[-8:]


def new_instance(
    who: Who, call: str, parents: tuple[InstanceId, ...], identity: str
) -> InstanceRow:
    """A new instance for an undeclared call: its conversation is its room, unless a base is known."""
    tail = call.removeprefix("c_")
    base = who.base or Base(RoomId(f"chat/{tail}"), RunId(f"r_{tail}"), f"chat {_mark(call)}")
    return InstanceRow(
        id=InstanceId(f"i_{tail}"),
        name=f"agent-{_mark(call)}",
        compartment=base.name,
        room=base.room,
        run=base.run,
        credential=who.credential,
        parents=parents,
        identity=identity,
    )


def fork_of(origin: InstanceRow, call: str) -> InstanceRow:
    """A new instance that goes on differently from a point in ``origin``'s history: same room."""
    tail = call.removeprefix("c_")
    return origin._replace(
        id=InstanceId(f"i_{tail}"),
        name=f"{origin.name.split('~')[0]}~{_mark(call)}",
        parents=(origin.id,),
        identity="prefix",
    )


def shown_run(run: RunId) -> str:
    """A run's id as people see it: without the room that splits a process's run."""
    return run.partition("@")[0]

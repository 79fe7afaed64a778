"""What the door remembers between calls: the rows that the engine looks up and commits."""

from typing import NamedTuple

from firedoor.types.ids import CallId, Digest, InstanceId, QuarantineId, RoomId, RunId
from firedoor.types.label import BOTTOM, Label


class Place(NamedTuple):
    """Where in a store a text lies: the store's name and a key (or path), if one is known."""

    store: str
    key: str | None = None


class InstanceRow(NamedTuple):
    """One instance as the store keeps it."""

    id: InstanceId
    name: str
    compartment: str
    """The room's name for display."""
    room: RoomId
    run: RunId
    credential: str
    parents: tuple[InstanceId, ...] = ()
    identity: str = "new"
    """``key | declared | process | prefix | new``."""


class Emission(NamedTuple):
    """One passage as one call emitted it: an element of E[p] (MODEL §3, line 4)."""

    passage: Digest
    seq: int
    """Ledger order, never a clock. 0 until committed."""
    room: RoomId
    run: RunId
    label: Label
    instance: InstanceId
    author: str
    """Name of the instance."""
    compartment: str
    call: CallId
    held: bool
    """Whether the request that led to it already held the passage: no claim to authorship."""


class PictureRow(NamedTuple):
    """By what a picture is found again that is not the same bytes any more."""

    media: Digest
    """Of its bytes: the passage of its emissions."""
    bands: tuple[Digest, ...]
    """Each a keyed digest of which band it is, and of how that looks."""


class StoreRecord(NamedTuple):
    """A passage written to a place by a call: names the emission that carried it there."""

    place: Place
    emission: Emission


class StoreMark(NamedTuple):
    """σ[s, k | w]: what one room has written to one key of a store."""

    place: Place
    room: RoomId
    label: Label


class Judgement(NamedTuple):
    """What was decided once for a passage in an instance, and holds until orders change."""

    passage: Digest
    action: str
    rule: str | None
    label: Label
    quarantine: QuarantineId | None
    epoch: str = ""
    """Policy and orders that it was made under; under others it counts for nothing."""


class TurnRow(NamedTuple):
    """A history that ends in an answer which the door gave, by its rolling hash."""

    chain: Digest
    credential: str
    call: CallId
    instance: InstanceId
    next_attempt: Digest | None = None
    """The first request that went on from here, to tell a retry from a fork."""


class MintedRow(NamedTuple):
    """A server-side id, and whose it is."""

    id: Digest
    resource: str
    credential: str
    room: RoomId
    run: RunId
    instance: InstanceId
    label: Label
    call: CallId
    written: bool = True
    """Whether the call wrote into it: then the label of one that is known rises to this one's."""


class QuarantineRow(NamedTuple):
    """A withheld passage; opened once, then counted."""

    id: QuarantineId
    passage: Digest
    author: str | None
    author_compartment: str | None
    channel: str
    label: Label
    characters: int
    asked_by: str
    call: CallId
    pointer: str
    rule: str | None


class FileHold(NamedTuple):
    """Why a file waits for a person: what one author wrote in it, at one depth."""

    passage: Digest
    """What is released: names the file's bytes, the use, the author and the generation."""
    use: str
    """``training`` or ``batch``."""
    author: str | None
    """None for what was not read."""
    author_compartment: str | None
    label: Label
    lines: int
    characters: int
    pointer: str
    """Of the first of them."""
    listed: tuple[str, ...] = ()
    """Pointers of the first lines; not kept."""


class FileRow(NamedTuple):
    """A file at a provider whose lines may be learned from, or run."""

    id: Digest
    """Of the id that the provider gave it."""
    digest: Digest
    """Of its bytes."""
    purpose: str
    lines: int
    call: CallId
    holds: tuple[FileHold, ...] = ()
    """Looked up, only those that no release is in force for."""


class TouchRow(NamedTuple):
    """An outside thing that a tool call touched: a suspicion is made of such rows, never a label."""

    thing: Digest
    kind: str
    room: RoomId


class EgressRow(NamedTuple):
    """What a call tells one host by what it asks of it."""

    host: Digest
    name: str
    """Of the host; empty where none is named. Kept only as the retention lets texts be kept."""
    bytes: int
    bits: int


class Grant(NamedTuple):
    """Something a person or the operator's code said of a passage: pinned, attested, released."""

    passage: Digest
    kind: str
    """``human`` (attested), ``developer`` (pinned), ``released``."""
    scope: RoomId | None = None
    until: float | None = None
    """Seconds since the epoch; ``None`` for no end."""


class RunRow(NamedTuple):
    """ρ of one run, with its room and the run that spawned it."""

    run: RunId
    room: RoomId
    label: Label = BOTTOM
    parent: RunId | None = None
    """A run that spawned it, to be added to those known."""
    known: bool = False
    """Whether the store has it."""
    parents: tuple[RunId, ...] = ()
    """Every run that is known to have spawned it."""

"""What the engine asks of a store: two questions and one write.

`LookWho` and `LookParts` are the questions, `Commit` the write; `LookKey` is asked only of
virtual keys. A store answers from one
consistent snapshot, and applies a commit whole or not at all. The store that answers lives
behind the I/O line; see ``firedoor.store``.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Final, NamedTuple, Protocol

from firedoor.lineage import Posting, Prints, Question, Stored
from firedoor.types.budget import Hold, Settlement, Take, Warned
from firedoor.types.ids import CallId, Digest, InstanceId, PassageId, RoomId, RunId
from firedoor.types.key import KeyRow
from firedoor.types.label import Label
from firedoor.types.record import (
    EgressRow,
    Emission,
    FileRow,
    Grant,
    InstanceRow,
    Judgement,
    MintedRow,
    PictureRow,
    Place,
    QuarantineRow,
    RunRow,
    StoreMark,
    StoreRecord,
    TouchRow,
    TurnRow,
)


class LookKey(NamedTuple):
    """Is this a virtual key, and what is it for? Asked where the engine does not know it, or where
    orders are newer than what it knows."""

    secret: str
    """As the caller sent it. It is hashed at once, and written nowhere."""
    id: str | None = None
    """The credential of a call that sends no key, in place of one: is it a key's?"""

    def __repr__(self) -> str:
        return "LookKey(…)"


class FoundKey(NamedTuple):
    """The answer to `LookKey`."""

    key: KeyRow | None
    """None of what is no key. One that was revoked is told of."""
    orders: int
    """Version of the standing orders that this answer knows: issuing and revoking are orders."""
    problem: str | None = None
    """Why a token is none, in a word: ``signature | blocks | unknown_block | extra``."""


class LookWho(NamedTuple):
    """Who could this be? Asked only when the engine's own memory does not know."""

    credential: str
    instance: InstanceId | None = None
    """A declared or bound instance, by its derived id."""
    name: str | None = None
    """A declared name, to find the instance of that name in an earlier run (the parent)."""
    parent: str | None = None
    """The name that a header gives to the parent."""
    room: RoomId | None = None
    chains: tuple[Digest, ...] = ()
    """Rolling hashes of the history at each assistant turn, longest first."""
    attempt: Digest | None = None
    """Digest of the request body, to find an equal attempt that got no answer."""
    passages: tuple[Digest, ...] = ()
    """Assistant turns of the history, to find emitters of a transplanted history."""
    calls: tuple[Digest, ...] = ()
    """Tool-call ids of the history, likewise."""


class FoundWho(NamedTuple):
    """The answer to `LookWho`."""

    instance: InstanceRow | None = None
    namesake: InstanceRow | None = None
    """Newest instance of that name in that room under that credential, in another run."""
    turns: tuple[tuple[TurnRow, InstanceRow], ...] = ()
    """Matches for ``chains``, in the order asked (longest first)."""
    attempt: InstanceRow | None = None
    """Instance of an equal attempt without an answer."""
    emitters: tuple[InstanceRow, ...] = ()
    """Instances under this credential that emitted any of ``passages`` or ``calls``."""
    parent: InstanceRow | None = None
    """The instance of the parent's name under this credential: in the same room if there is one
    there, and of several the newest."""


class Traces(NamedTuple):
    """What the index knows of some fingerprints."""

    postings: Mapping[int, Sequence[Posting]] = {}
    """Where instances wrote them first; not those that are common, or pinned."""
    stored: Mapping[PassageId, Stored] = {}
    """The passages that these name."""
    outside: Mapping[int, Sequence[tuple[int, int]]] = {}
    """(text, place) of those that came in from outside."""
    common: Set[int] = frozenset()
    """Those that are nobody's."""
    complete: bool = True
    """False where so many passages share them that only the likeliest are told of."""


NO_TRACES: Final = Traces()


class Brought(NamedTuple):
    """Fingerprints of text that came in from outside the fleet."""

    prints: Prints
    pinned: bool = False
    """Whether the operator vouches for it: then it is nobody's, even if somebody wrote it first."""


class Wrote(NamedTuple):
    """A text that an instance emitted, as the index is to know it."""

    asked: Question
    """The text, read."""
    emission: Emission
    shown: Callable[[Digest], bool]
    """Whether a passage stood in what the emitter was shown: no claim to what it repeats."""


class LookParts(NamedTuple):
    """What is known of these passages, places, ids and of this run?"""

    at: float
    """Now, in seconds since the epoch: ends grants and reach windows."""
    room: RoomId
    run: RunId
    instance: InstanceId
    credential: str
    passages: tuple[Digest, ...] = ()
    places: tuple[Place, ...] = ()
    minted: tuple[Digest, ...] = ()
    pictures: tuple[PictureRow, ...] = ()
    """Bytes of the request: what looks like them?"""
    reach_window_s: float = 86_400.0
    prints: tuple[int, ...] = ()
    """Fingerprints of the texts; the emissions of the passages that share them are found, too."""
    attempt: Digest | None = None
    """For a call that begins a conversation: an equal attempt without an answer is looked for in
    the same trip."""
    spawners: tuple[tuple[RunId, RoomId], ...] = ()
    """The runs up the line that this call itself names; what the store knows of others is added."""
    parents: tuple[InstanceId, ...] = ()
    """The instance's parents, where limits are held at all instances up the line."""
    aged: bool = False
    """Whether it is asked since when there is this instance."""
    asks: tuple[Take, ...] = ()
    """Which of these would be refused now?"""
    roots: tuple[RoomId, ...] = ()
    """Rooms whose reach is asked for besides those that are found: statements named them."""


class FoundParts(NamedTuple):
    """The answer to `LookParts`. Mappings hold only what was found."""

    orders: int
    """Version of the standing orders that this answer knows."""
    contained: bool
    """Whether an order closes this instance, its room or its credential."""
    run: RunRow
    run_parents: tuple[RunRow, ...] = ()
    """The runs up the line of spawns, nearest first, those asked for too."""
    emissions: dict[Digest, tuple[Emission, ...]] = {}  # noqa: RUF012 - never mutated
    grants: dict[Digest, tuple[Grant, ...]] = {}  # noqa: RUF012
    judgements: dict[Digest, Judgement] = {}  # noqa: RUF012
    """Earlier decisions for this instance."""
    records: dict[tuple[Place, Digest], tuple[StoreRecord, ...]] = {}  # noqa: RUF012
    marks: tuple[StoreMark, ...] = ()
    """σ of every asked place; for a place without a key, of all keys of that store. A place with
    a key also returns the marks written to the store without one."""
    minted: dict[Digest, MintedRow] = {}  # noqa: RUF012
    alike: dict[Digest, tuple[Digest, ...]] = {}  # noqa: RUF012
    """For asked pictures: emitted ones that look like them, whose emissions are here too."""
    files: dict[Digest, FileRow] = {}  # noqa: RUF012
    """Those of the minted ids that are files whose lines were read, with what still holds them."""
    owners: dict[InstanceId, InstanceRow] = {}  # noqa: RUF012
    """The instances that ``minted`` names."""
    attempt: InstanceRow | None = None
    """Instance of an equal attempt that got no answer."""
    reach: dict[RoomId, frozenset[RoomId]] = {}  # noqa: RUF012
    """For each root that reached anything inside the window: the rooms."""
    traces: Traces = NO_TRACES
    ancestors: tuple[InstanceRow, ...] = ()
    """The instances up the line from ``LookParts.parents``, nearest first."""
    first_seen: float | None = None
    """When the instance's first call was, in seconds since the epoch, where that was asked."""
    spent: frozenset[tuple[str, str]] = frozenset()
    """(account id, kind) of the ``LookParts.asks`` that would be refused."""
    decided: bool = False
    """Whether anything was ever judged or granted: a stretch that is found has to be asked for."""


class EntryDraft(NamedTuple):
    """A ledger entry before it has an index. ``body`` is JSON data without floats."""

    kind: str
    body: dict[str, object]


class CallRow(NamedTuple):
    """What ``explain`` needs of a call. ``opened`` and ``closed`` are JSON in UTF-8."""

    call: CallId
    instance: InstanceId
    base: CallId | None
    """The call whose first ``base_parts`` parts are this one's too."""
    base_parts: int
    opened: bytes | None = None
    closed: bytes | None = None
    attempt: Digest | None = None
    """Digest of the request body."""
    answered: bool = False
    settles: Digest | None = None
    """The attempt whose earlier tries, left without an answer, have one now."""


class Commit(NamedTuple):
    """One durable transaction: applied whole, in the order of the fields, or refused."""

    at: float
    call: CallRow
    entry: EntryDraft | None
    awaited: bool = True
    """Whether the call may go on only once this is durable. In ``observe`` a front may answer at
    once, and tell of a failure by `Exchange.went_unrecorded`."""
    orders: int | None = None
    """Version of the orders that the verdicts were made under; ``None`` skips the check."""
    instance: InstanceRow | None = None
    """The instance, where the store may not have it yet."""
    run: RunRow | None = None
    """The run, created or its label joined (never lowered); None when nothing rose."""
    emissions: tuple[Emission, ...] = ()
    records: tuple[StoreRecord, ...] = ()
    marks: tuple[StoreMark, ...] = ()
    """Joined, never lowered."""
    judgements: tuple[Judgement, ...] = ()
    grants: tuple[Grant, ...] = ()
    quarantine: tuple[QuarantineRow, ...] = ()
    """Opened, or counted up where the passage's item is open (then its id stays)."""
    turns: tuple[TurnRow, ...] = ()
    continued: tuple[str, Digest, Digest] | None = None
    """(credential, chain, attempt): the turn at ``chain`` was gone on from by ``attempt``, unless already."""
    minted: tuple[MintedRow, ...] = ()
    """New ids, and known ones that were written into: their labels are joined, where the room is
    the same; whose they are never changes."""
    files: tuple[FileRow, ...] = ()
    pictures: tuple[PictureRow, ...] = ()
    reach: tuple[tuple[RoomId, RoomId, int], ...] = ()
    """(root, room, limit) to add. All fit under their limits together, or nothing is applied."""
    reach_window_s: float = 86_400.0
    brought: tuple[Brought, ...] = ()
    wrote: tuple[Wrote, ...] = ()
    content: bytes | None = None
    """Texts of this commit as JSON bytes; the store keeps them encrypted, or not at all."""
    content_n: int = 0
    """Which of its call's contents this is: the first is 0."""
    touches: tuple[TouchRow, ...] = ()
    egress: tuple[EgressRow, ...] = ()
    hold: Hold | None = None
    """Taken on all its accounts, or the commit is refused."""
    settle: tuple[Settlement, ...] = ()


class Committed(NamedTuple):
    """The commit is durable."""

    index: int | None  # type: ignore[assignment]
    """Index of its ledger entry; also the ``seq`` of its emissions."""
    leaf: bytes | None
    """RFC 6962 leaf hash of the entry."""
    warned: tuple[Warned, ...] = ()
    """Soft limits that it passed, each for the first time in its window."""
    stood: tuple[int, ...] = ()
    """What each account of its hold had committed before, in the order of the hold's takes."""


class Stale(NamedTuple):
    """Refused: the orders are newer, or a reach would be passed. Look and judge again."""

    reason: str
    """``orders`` or ``reach``."""


class Exhausted(NamedTuple):
    """Refused: some account would pass its limit. Nothing of the commit was applied."""

    account: str
    """As people know it: ``instance:planner-1``."""
    kind: str
    limit: int
    held: int
    committed: int
    overrun: int = 0
    refills_at: float | None = None
    """When so much may be had again, in seconds since the epoch; None where waiting does not help."""


class StoreFailed(NamedTuple):
    """The store could not be read or written. Nothing was applied."""

    reason: str


class Store(Protocol):
    """The store as the engine sees it. Methods block; a front decides on which thread."""

    def look_key(self, ask: LookKey) -> FoundKey:
        """Answer from one snapshot. Raises StoreUnavailable."""
        ...

    def look_who(self, ask: LookWho) -> FoundWho:
        """Answer from one snapshot. Raises StoreUnavailable."""
        ...

    def look_parts(self, ask: LookParts) -> FoundParts:
        """Answer from one snapshot. Raises StoreUnavailable."""
        ...

    def apply(self, commit: Commit) -> Committed | Stale | Exhausted:
        """Make ``commit`` durable, or refuse it. Raises StoreUnavailable; then nothing holds."""
        ...


LabelPair = tuple[RoomId, Label]

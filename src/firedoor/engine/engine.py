"""The engine: what all exchanges of one door share, and nothing that does I/O.

All memory here is a cache with a bound: losing it costs time, never a milder verdict. What is
durable is in the store, which every call asks.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Final

from firedoor.engine.exchange import Exchange
from firedoor.engine.matching import Weak
from firedoor.engine.port import FoundKey
from firedoor.engine.reading import Section
from firedoor.engine.settings import EngineSettings
from firedoor.engine.trail import Memory
from firedoor.identity import Claims, Who, narrowed, who_is, who_of_key
from firedoor.policy import RequestVerdict, request_verdict
from firedoor.types.exchange import Caller, RequestHead
from firedoor.types.ids import CallId, Digest, InstanceId, RunId
from firedoor.types.key import KeyRow
from firedoor.types.label import TOP, Label
from firedoor.types.record import Grant, InstanceRow, Place, TurnRow
from firedoor.types.verdict import RequestAsk

_REMEMBERED_MAX: Final = 20_000
"""Instances, answers and attempts kept in memory, each."""


def _put(cache: "OrderedDict[Any, Any]", key: Any, value: Any) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > _REMEMBERED_MAX:
        cache.popitem(last=False)


class Engine:
    """One door's worth of decisions."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self.memory = Memory(settings.memory_bytes_max)
        self.orders = 0
        """Newest version of the standing orders that this engine has seen."""
        self.attested: Attested = Attested()
        self.weak = Weak()
        """Short runs that instances were shown."""
        self.unindexed: dict[RunId, Label] = {}
        """Runs with a call whose output could not be recorded: anything may have left it."""
        self.unrecorded = 0
        """Calls that passed in ``observe`` without an entry."""
        self._who: OrderedDict[tuple[int, Claims, Caller], Who] = OrderedDict()
        self._instances: OrderedDict[InstanceId, InstanceRow] = OrderedDict()
        self._children: OrderedDict[tuple[InstanceId, str], None] = OrderedDict()
        self._stored: OrderedDict[InstanceId, InstanceRow] = OrderedDict()
        self._answers: OrderedDict[tuple[str, Digest], tuple[TurnRow, InstanceRow]] = OrderedDict()
        self._attempts: OrderedDict[tuple[str, Digest], InstanceRow] = OrderedDict()
        self._keys: OrderedDict[Digest, FoundKey] = OrderedDict()
        self._plain: OrderedDict[Hashable, Section] = OrderedDict()
        self._requests: OrderedDict[Hashable, RequestVerdict] = OrderedDict()

    def open(self, head: RequestHead, caller: Caller, *, call_id: CallId, at: float) -> Exchange:
        """A new exchange; its first commands come from ``start``."""
        return Exchange(self, head, caller, call_id, at)

    def reload(self, settings: EngineSettings) -> None:
        """Take new settings; calls under way keep the old ones."""
        self.settings = settings
        self.memory = Memory(settings.memory_bytes_max)
        self._who.clear()
        self._requests.clear()

    # -- caches ------------------------------------------------------------------------------

    def who(self, settings: EngineSettings, claims: Claims, caller: Caller) -> Who:
        """What the head tells of a caller; worked out once for each that stays the same."""
        if claims.provenance:
            # It says nothing of the caller, and would make each call a caller of its own.
            claims = claims._replace(provenance=())
        key = (id(settings), claims, caller)
        known = self._who.get(key)
        if known is None:
            known = who_is(claims, caller, settings.policy.compartment_for, settings.digester)
            _put(self._who, key, known)
        return known

    def who_under(
        self, settings: EngineSettings, key: KeyRow, claims: Claims, caller: Caller
    ) -> Who:
        """What the head tells of a caller whose virtual key is good."""
        claims = narrowed(claims, caller)
        return who_of_key(key, claims, settings.policy.compartment_for, settings.digester)

    def known_key(self, secret: Digest) -> FoundKey | None:
        """What a virtual key was found to be, unless orders are newer. By its digest."""
        found = self._keys.get(secret)
        return found if found is not None and found.orders >= self.orders else None

    def found_key(self, secret: Digest, found: FoundKey) -> None:
        """A virtual key was looked up. What is none is not kept: it may be issued yet."""
        if found.key is not None:
            _put(self._keys, secret, found)

    def request_verdict(
        self, settings: EngineSettings, ask: RequestAsk, *, below: bool
    ) -> RequestVerdict:
        """What the policy says of an operation; asked once for each that stays the same."""
        key = (id(settings), ask, below)
        known = self._requests.get(key)
        if known is None:
            known = request_verdict(settings.policy, ask, below=below)
            _put(self._requests, key, known)
        return known

    def plain_section(self, key: Hashable, read: Callable[[], Section]) -> Section:
        """A small field of words only, which clients send with every call; read once."""
        section = self._plain.get(key)
        if section is None:
            section = read()
            if section.outcome is not None:
                _put(self._plain, key, section)
        return section

    def known(self, row: InstanceRow) -> InstanceRow | None:
        """This instance as it was looked up before, if it was."""
        return self._instances.get(row.id)

    def is_child(self, row: InstanceRow, parent: str) -> bool:
        """Whether the instance that ``parent`` names was found to be a parent of this one."""
        return (row.id, parent) in self._children

    def adopted(self, row: InstanceRow, parent: str) -> None:
        """The instance that ``parent`` names is a parent of this one."""
        _put(self._children, (row.id, parent), None)

    def learn(self, row: InstanceRow) -> None:
        """Remember an instance."""
        _put(self._instances, row.id, row)

    def obey(self, orders: int) -> None:
        """Take note of a newer version of the standing orders."""
        self.orders = max(self.orders, orders)

    def stored(self, row: InstanceRow) -> bool:
        """Whether a commit of this engine brought this instance into the store, as it is now."""
        return self._stored.get(row.id) == row

    def has_stored(self, row: InstanceRow) -> None:
        """A commit with this instance is durable."""
        _put(self._stored, row.id, row)

    def remembered_answer(
        self, credential: str, chain: Digest
    ) -> tuple[TurnRow, InstanceRow] | None:
        """The answer that ended at ``chain``, if this engine gave it."""
        return self._answers.get((credential, chain))

    def answered(self, credential: str, turn: TurnRow, row: InstanceRow) -> None:
        """An answer was given that ends at ``turn.chain``."""
        _put(self._answers, (credential, turn.chain), (turn, row))

    def went_on(self, credential: str, chain: Digest, attempt: Digest) -> None:
        """A request went on from the answer at ``chain``; the first one to do so is kept."""
        known = self._answers.get((credential, chain))
        if known is not None and known[0].next_attempt is None:
            self._answers[credential, chain] = (known[0]._replace(next_attempt=attempt), known[1])

    def remembered_attempt(self, credential: str, attempt: Digest | None) -> InstanceRow | None:
        """The instance of an equal request that has had no answer."""
        return self._attempts.get((credential, attempt)) if attempt is not None else None

    def attempting(self, credential: str, attempt: Digest, row: InstanceRow) -> None:
        """A request goes upstream."""
        _put(self._attempts, (credential, attempt), row)

    def settled(self, credential: str, attempt: Digest) -> None:
        """A request has its answer: an equal one is a new call."""
        self._attempts.pop((credential, attempt), None)

    def unindexed_run(self, run: RunId) -> None:
        """A call of ``run`` died before its output was recorded (MODEL §5): depth unknown."""
        self.unindexed[run] = TOP

    def note_unrecorded(self) -> None:
        """A call passed in ``observe`` although the store could not be written."""
        self.unrecorded += 1


class Attested:
    """What the operator's own code said of texts, until a call carries it into the store.

    Only the process that runs the code can call this; the texts are known by keyed digest.
    """

    def __init__(self) -> None:
        self._grants: OrderedDict[Digest, Grant] = OrderedDict()
        self._places: OrderedDict[Digest, Place] = OrderedDict()

    def grant(self, passage: Digest, kind: str) -> None:
        """``passage`` is ``human`` (attested) or ``developer`` (pinned)."""
        _put(self._grants, passage, Grant(passage, kind))

    def place(self, passage: Digest, place: Place) -> None:
        """``passage`` came from ``place``."""
        _put(self._places, passage, place)

    @property
    def places_told(self) -> bool:
        """Whether any text was said to lie anywhere."""
        return bool(self._places)

    def speaks_of(self, passage: Digest) -> bool:
        """Whether anything was said of this passage."""
        return passage in self._grants or passage in self._places

    def grant_of(self, passage: Digest) -> Grant | None:
        """What was said of this passage."""
        return self._grants.get(passage)

    def place_of(self, passage: Digest) -> Place | None:
        """Where this passage was said to lie."""
        return self._places.get(passage)

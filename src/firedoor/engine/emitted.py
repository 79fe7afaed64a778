"""What one answer emits: its texts and calls, under the label that they carry.

Emissions carry the join of everything in the request, and of what a provider's tool brought into
this answer before them (MODEL line 22). They are handed out once, to the commit that makes them
durable.
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from firedoor import lineage
from firedoor.engine import explain
from firedoor.engine.asking import call_ask
from firedoor.engine.claimed import given
from firedoor.engine.matching import TEXT_CHARS_MIN
from firedoor.engine.media import seen
from firedoor.engine.port import Wrote
from firedoor.engine.roads import Roads
from firedoor.identity import attempt_of
from firedoor.lineage import Piece
from firedoor.policy import affordances_of, call_verdict
from firedoor.types.ids import Digest
from firedoor.types.label import BOTTOM, Label, join, reviewed
from firedoor.types.part import MintedId, OutputKind, OutputPart, ToolCall
from firedoor.types.record import (
    Emission,
    InstanceRow,
    MintedRow,
    PictureRow,
    Place,
    RunRow,
    StoreMark,
    StoreRecord,
)
from firedoor.types.verdict import Action, Verdict
from firedoor.wire import Act

if TYPE_CHECKING:
    from firedoor.engine.exchange import Exchange


_OUTPUT: Final = Digest(b"output")
"""What a commitment to an output begins with, where an attempt has its history."""


class Emitted:
    """The emissions of one answer."""

    def __init__(self, exchange: "Exchange") -> None:
        self.exchange = exchange
        self._references = exchange.references
        self.label: Label = exchange.exposed_label()
        self._retold = (
            self._references.retold[0].label if self._references.retold is not None else BOTTOM
        )
        """The label of what an answer tells anew, as its owner's room has it."""
        self.tools: list[dict[str, Any]] = []
        """Every call with its verdict, as `explain` shows it."""
        self._emissions: list[Emission] = []
        self._records: list[StoreRecord] = []
        self._marks: list[StoreMark] = []
        self._wrote: list[Wrote] = []
        self._minted: dict[Digest, MintedRow] = {}
        self._pictures: list[PictureRow] = []
        self.owned = False
        """Whether an answer shows only what is its caller's, though the request names nothing."""
        self._texts: dict[str, str] = {}
        self._new_texts: dict[str, str] = {}
        self.said: dict[str, str] = {}
        """What the instance itself wrote, by pointer: not what a provider's tool brought in."""
        self._contents = 0
        self._roads = Roads(exchange)
        self.opaque = 0
        """How many parts of the answer could not be read."""

    def has(self, part: OutputPart) -> bool:
        """Whether this text was emitted at this place."""
        return self._texts.get(part.pointer) == part.text

    def _speaker(self) -> tuple[InstanceRow, Label]:
        """Whose the words of the answer are, and their label."""
        if self._references.retold is not None:
            return self._references.retold[1], self._retold
        return self.exchange.known_instance(), self.label

    def _give(self, digests: Iterable[Digest]) -> None:
        """Note by what a call that goes on will be known when a history claims it."""
        row, label = self._speaker()
        self._emissions.extend(
            Emission(
                digest, 0, row.room, row.run, label, row.id, row.name, row.compartment,
                self.exchange.call_id, digest in self.exchange.request.digests,
            )
            for digest in digests
        )  # fmt: skip

    def _emit(self, text: str, *, typed: bool = False) -> list[Emission]:
        exchange = self.exchange
        row, label = self._speaker()
        label = reviewed(label) if typed else label
        made = lineage.emissions_of(
            text,
            digester=exchange.settings.digester,
            room=row.room,
            run=row.run,
            label=label,
            instance=row.id,
            author=row.name,
            compartment=row.compartment,
            call=exchange.call_id,
            held=exchange.request.digests.__contains__,
        )
        self._emissions.extend(made)
        self._index(text, made)
        return list(made)

    def _index(self, text: str, made: tuple[Emission, ...]) -> None:
        """Have a text known again by its passages; of JSON, what its strings say."""
        settings = self.exchange.settings
        if settings.printer is None or len(text) < TEXT_CHARS_MIN or not made:
            return
        leaves = list(lineage.leaves_of(text))
        asked = lineage.question([Piece("\n".join(leaves) if leaves else text)], settings.printer)
        if asked.keys:
            shown = self.exchange.request.digests.__contains__
            self._wrote.append(Wrote(asked, made[0], shown))

    def _items(self, arguments: str, made: list[Emission]) -> list[Emission]:
        """The short items among what is written to a store: known again in that place alone."""
        if self.exchange.settings.printer is None or not made:
            return []
        digester = self.exchange.settings.digester
        digests = dict.fromkeys(
            item.digest
            for leaf in lineage.leaves_of(arguments)
            for item in lineage.items_of(leaf, digester)
        )
        held = self.exchange.request.digests.__contains__
        items = [made[0]._replace(passage=d, held=held(d)) for d in digests]
        self._emissions.extend(items)
        return items

    def add(self, part: OutputPart, *, typed: bool = False) -> None:
        """A text of the answer; a ``typed`` one is at depth 0 (MODEL line 26)."""
        if part.kind is OutputKind.HOSTED:
            # Text that a provider's tool brought in: an outside root, joined before a later part
            # of the same answer is judged (MODEL line 22).
            outside = lineage.outside_label(self.exchange.endpoint.upstream)
            self.taint(outside)
            self._retold = join(self._retold, outside)
        elif part.kind is OutputKind.OPAQUE:
            self.opaque += 1
            row = seen(part.media, self.exchange.settings) if part.media else None
            if row is not None:
                self._give((row.media,))
                self._pictures.append(row)
        elif part.text:
            self._emit(part.text, typed=typed)
            self._roads.take_hosted(part)
            self.said[part.pointer] = part.text
        if part.text:
            self._texts[part.pointer] = self._new_texts[part.pointer] = part.text

    def taint(self, label: Label) -> None:
        """What the answer shows besides its own words has this label."""
        self.label = join(self.label, label)

    def mint(self, minted: Iterable[MintedId]) -> None:
        """Note whose the ids of an answer are: this call's, which they are the answer of.

        Not those that the request itself named or said, nor what is shown of things that are not the
        caller's: nobody comes to own a thing by asking for it.
        """
        exchange = self.exchange
        if not (self.owned or self._references.mints(exchange.known_instance().room)):
            return
        row = exchange.known_instance()
        said = exchange.request.said() if exchange.endpoint.keeps else frozenset()
        for m in minted:
            id_ = exchange.settings.digester(f"id\x1f{m.id}")
            if id_ not in self._references.referred and m.id not in said:
                self._minted[id_] = MintedRow(
                    id_, m.resource, row.credential, row.room, row.run, row.id, self.label,
                    exchange.call_id, exchange.endpoint.act is not Act.LIST,
                )  # fmt: skip

    def verdict_on(self, call: ToolCall) -> Verdict:
        """What the policy says of a call, under the label that it carries."""
        exchange = self.exchange
        key = exchange.key
        if key is not None and key.tools is not None and call.name not in key.tools:
            # Whatever a prompt that lies at the provider defines, the key is for no other tool.
            return Verdict(Action.DENY, "key")
        affordances = affordances_of(exchange.policy, call.name)
        return call_verdict(exchange.policy, call_ask(exchange, call.name, affordances, self.label))

    def refuse(self, call: ToolCall, verdict: Verdict) -> None:
        """Note a call that does not go on."""
        self._note(call, affordances_of(self.exchange.policy, call.name), verdict)

    def take(self, call: ToolCall, verdict: Verdict) -> None:
        """Note a call that goes on: what it writes is emitted."""
        exchange = self.exchange
        affordances = affordances_of(exchange.policy, call.name)
        self._note(call, affordances, verdict)
        self.tools[-1].update(self._roads.take(call, affordances))
        made = self._emit(call.arguments)
        self.said[call.pointer] = call.arguments
        self._give(given(call.id, call.name, call.arguments, exchange.settings.digester))
        self._texts[call.pointer] = self._new_texts[call.pointer] = call.arguments
        use = exchange.settings.stores.place_of(call.name, call.arguments)
        row = exchange.known_instance()
        if use is not None and call.id:
            # A history that lies at the provider brings the result back without the call.
            id_ = exchange.settings.digester(f"call\x1f{call.id}")
            self._minted[id_] = MintedRow(
                id_, lineage.use_text(use), row.credential, row.room, row.run, row.id, BOTTOM,
                exchange.call_id,
            )  # fmt: skip
        if use is not None and use.writes and use.place is not None:
            self._marks.append(StoreMark(use.place, row.room, self.label))
            made += self._items(call.arguments, made)
            self._records.extend(StoreRecord(use.place, e) for e in made)
            if use.place.key is not None:
                # A search over the whole store finds it too.
                whole = Place(use.place.store)
                self._records.extend(StoreRecord(whole, e) for e in made)

    def _note(self, call: ToolCall, affordances: tuple[str, ...], verdict: Verdict) -> None:
        shown = verdict
        if verdict.action is Action.ALLOW and verdict.shadow:
            rule, action = verdict.shadow[0]
            shown = Verdict(action, rule, verdict.shadow)
        self.tools.append(
            {
                "pointer": call.pointer,
                "name": call.name,
                "affordances": list(affordances),
                "verdict": shown.action.value,
                "rule": shown.rule,
                "shadow": shown is not verdict,
            }
        )
        if verdict.rule is not None:
            self.exchange.judged.rules[verdict.rule] = None

    def drain(self) -> dict[str, Any]:
        """The fields of a commit that hold what was emitted since the last one."""
        row = self.exchange.known_instance()
        fields: dict[str, Any] = {
            "emissions": tuple(
                self._emissions if len(self._emissions) < 2 else dict.fromkeys(self._emissions)
            ),
            "records": tuple(self._records),
            "marks": tuple(self._marks),
            "wrote": tuple(self._wrote),
            "minted": (*self._minted.values(), *self._risen()),
            **self._roads.drain(),
            "pictures": tuple(self._pictures),
        }
        label = join(self.exchange.run_committed, self.label)
        if label != self.exchange.run_committed or self.exchange.store_down:
            self.exchange.run_committed = label
            fields["run"] = RunRow(row.run, row.room, label)
        if self.exchange.settings.keep_content and self._new_texts:
            self._contents += 1
            fields["content"] = explain.compact_bytes({"answer": self._new_texts})
            fields["content_n"] = self._contents
        self._emissions, self._records, self._marks, self._new_texts = [], [], [], {}
        self._minted, self._wrote, self._pictures = {}, [], []
        return fields

    def _risen(self) -> Iterator[MintedRow]:
        """State at the provider whose label is higher now: what was written, or told anew."""
        yield from self._references.rises(self.label, self.exchange.known_instance().room)
        if self._references.retold is not None and self._retold != self._references.retold[0].label:
            yield self._references.retold[0]._replace(label=self._retold, written=True)

    def commitment(self) -> str | None:
        """A digest of everything that was emitted, for the ledger."""
        if not self._texts:
            return None
        digester = self.exchange.settings.digester
        return attempt_of(_OUTPUT, self._texts.values(), digester).hex()

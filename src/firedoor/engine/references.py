"""Whose are the ids that a request names, and which of those things does it write into or retell?

What lies at a provider has an owner: whoever had it made. A call that writes into it raises its
label (MODEL line 24); one that shows it tells its owner's words anew; nobody comes to own it by asking.
"""

from collections.abc import Iterable

from firedoor import wire
from firedoor.engine.port import FoundParts
from firedoor.engine.reading import Section
from firedoor.engine.settings import Digester
from firedoor.types.ids import Digest, RoomId
from firedoor.types.label import Label, join, up
from firedoor.types.part import Kind
from firedoor.types.record import InstanceRow, MintedRow


class References:
    """The ids that one request names."""

    def __init__(self, endpoint: wire.Endpoint, digester: Digester) -> None:
        self._endpoint = endpoint
        self._digester = digester
        self.referred: dict[Digest, MintedRow | None] = {}
        """Whose each of them is, where that is known."""
        self.retold: tuple[MintedRow, InstanceRow] | None = None
        """What the answer tells anew rather than for the first time, and whose words it is."""
        self._written: dict[Digest, MintedRow] = {}
        """Those of them that the call writes into."""

    def note(self, sections: Iterable[Section], found: FoundParts) -> None:
        """Note whose the ids of this request are, and which of them it writes into."""
        for section in sections:
            for part in section.reading.parts if section.outcome is None else ():
                if part.kind is Kind.REFERENCE:
                    id_ = self._digester(f"id\x1f{part.text}")
                    known = self.referred[id_] = found.minted.get(id_)
                    if known is not None and self._endpoint.retells and self.retold is None:
                        self.retold = (known, found.owners.get(known.instance) or owner_of(known))
                    if known is not None and self._endpoint.writes_into(part):
                        self._written[id_] = known

    def mints(self, mine: RoomId) -> bool:
        """Whether the ids of the answer are the caller's, as those that a provider makes for it.

        A look at a thing tells of ids that belong with it: they are its owner's.
        """
        if self._endpoint.act not in (wire.Act.READ, wire.Act.LIST):
            return True
        rows = self.referred.values()
        return bool(rows) and all(row is not None and row.room == mine for row in rows)

    @property
    def outputs(self) -> bool:
        """Whether the request names something that a provider wrote: what a batch came to."""
        return any(
            row is not None and row.resource == wire.OUTPUT_FILE for row in self.referred.values()
        )

    def rises(self, label: Label, mine: RoomId) -> tuple[MintedRow, ...]:
        """What this call writes into, with ``label`` as its owners' rooms see it (MODEL line 24)."""
        rows = []
        for row in self._written.values():
            risen = join(row.label, up(label, mine, row.room))
            if risen != row.label:
                rows.append(row._replace(label=risen, written=True))
        return tuple(rows)


def owner_of(minted: MintedRow) -> InstanceRow:
    """The owner of an id, where nothing more is known of it (it was adopted for one to come)."""
    return InstanceRow(
        minted.instance, minted.instance, minted.room, minted.room, minted.run, minted.credential
    )

"""Names of things, each with its prefix in type and value."""

from typing import Final, NewType

CallId = NewType("CallId", str)
"""One exchange, ``c_…``."""
InstanceId = NewType("InstanceId", str)
"""One running agent with its own context, ``i_…``."""
RunId = NewType("RunId", str)
"""The process, session or trace an instance belongs to, ``r_…``."""
RoomId = NewType("RoomId", str)
"""A compartment. A bound compartment is its plain name; others carry a ``kind/`` prefix."""
QuarantineId = NewType("QuarantineId", str)
"""A withheld passage awaiting review, ``q_…``."""
PassageId = NewType("PassageId", str)
"""A stretch of emitted text in the lineage index, ``p_…``."""
NodeId = NewType("NodeId", str)
"""A process that writes the ledger, ``n_…``."""

Digest = NewType("Digest", bytes)
"""A keyed 16-byte digest. Never a plain hash of content, which would be a membership oracle."""

EVERY_ROOM: Final = RoomId("*")
"""Stands in an ancestry for "any room there is": the ancestry of text of unknown depth."""

EXTERNAL_PREFIX: Final = "ext:"
"""Roots outside the fleet, ``ext:<host>``."""

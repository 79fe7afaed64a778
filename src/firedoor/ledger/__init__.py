"""What is written down, and can a stranger tell whether it was changed?

May import: types, errors.
"""

from firedoor.ledger.entry import Entry, canonical, leaf_hash, seal
from firedoor.ledger.tree import EMPTY_ROOT, CompactRange, from_bytes, node_hash, root_of
from firedoor.ledger.verify import Verification, verify_entries

__all__ = [
    "EMPTY_ROOT",
    "CompactRange",
    "Entry",
    "Verification",
    "canonical",
    "from_bytes",
    "leaf_hash",
    "node_hash",
    "root_of",
    "seal",
    "verify_entries",
]

"""Who wrote it, and how far has it come?

May import: types, errors; numpy for matching.
"""

from firedoor.lineage.calculus import (
    Known,
    Labelled,
    Receiver,
    SpanLabel,
    author_of,
    label_of,
    label_without_evidence,
    outside_label,
)
from firedoor.lineage.convergence import INSTANCES_A_ROOM_MAX, Convergence, Meeting, Visit, meetings
from firedoor.lineage.egress import Egress
from firedoor.lineage.exposure import adopted_passages, emissions_of, exposed, leaves_of
from firedoor.lineage.fingerprints import (
    GUARANTEE_CHARS,
    Printer,
    Prints,
    printer_for,
    prints_at,
    prints_of,
)
from firedoor.lineage.index import Index, MemoryIndex, Posting, Source, Stored, fresh
from firedoor.lineage.items import items_of
from firedoor.lineage.lines import Written, known_anywhere, written
from firedoor.lineage.matcher import (
    Answer,
    Found,
    Opaque,
    Piece,
    Question,
    Reading,
    answer,
    candidates,
    match,
    question,
)
from firedoor.lineage.matches import Match, authored, stretches
from firedoor.lineage.normal import Normal, normal_of, normal_of_stored
from firedoor.lineage.passages import (
    NO_PASSAGES,
    Passage,
    Passages,
    passages_of,
    whole_passages,
)
from firedoor.lineage.places import StoreMap, StoreRule, Use, store_map
from firedoor.lineage.spans import Kept, kept_digests
from firedoor.lineage.stretches import (
    Cut,
    Stretch,
    cut,
    passage_digest,
    passage_id,
    quoted,
    without,
)
from firedoor.lineage.touches import Outside, Touch, Touched
from firedoor.lineage.walk import HOPS_MAX, Edge, Hop, walked

__all__ = [
    "GUARANTEE_CHARS",
    "HOPS_MAX",
    "INSTANCES_A_ROOM_MAX",
    "NO_PASSAGES",
    "Answer",
    "Convergence",
    "Cut",
    "Edge",
    "Egress",
    "Found",
    "Hop",
    "Index",
    "Kept",
    "Known",
    "Labelled",
    "Match",
    "Meeting",
    "MemoryIndex",
    "Normal",
    "Opaque",
    "Outside",
    "Passage",
    "Passages",
    "Piece",
    "Posting",
    "Printer",
    "Prints",
    "Question",
    "Reading",
    "Receiver",
    "Source",
    "SpanLabel",
    "StoreMap",
    "StoreRule",
    "Stored",
    "Stretch",
    "Touch",
    "Touched",
    "Use",
    "Visit",
    "Written",
    "adopted_passages",
    "answer",
    "author_of",
    "authored",
    "candidates",
    "cut",
    "emissions_of",
    "exposed",
    "fresh",
    "items_of",
    "kept_digests",
    "known_anywhere",
    "label_of",
    "label_without_evidence",
    "leaves_of",
    "match",
    "meetings",
    "normal_of",
    "normal_of_stored",
    "outside_label",
    "passage_digest",
    "passage_id",
    "passages_of",
    "printer_for",
    "prints_at",
    "prints_of",
    "question",
    "quoted",
    "store_map",
    "stretches",
    "walked",
    "whole_passages",
    "without",
    "written",
]

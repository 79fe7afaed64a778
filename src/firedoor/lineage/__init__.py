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

__all__ = [
    "GUARANTEE_CHARS",
    "NO_PASSAGES",
    "Answer",
    "Cut",
    "Found",
    "Index",
    "Kept",
    "Known",
    "Labelled",
    "Match",
    "MemoryIndex",
    "Normal",
    "Opaque",
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
    "Use",
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
    "whole_passages",
    "without",
    "written",
]

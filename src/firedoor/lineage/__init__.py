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
from firedoor.lineage.claims import (
    Claimed,
    answered_digest,
    as_claimed,
    call_digest,
    claimed_call,
    reconciled,
    standing_of,
)
from firedoor.lineage.exposure import adopted_passages, emissions_of, exposed, leaves_of
from firedoor.lineage.fingerprints import (
    GUARANTEE_CHARS,
    Printer,
    Prints,
    printer_for,
    prints_of,
)
from firedoor.lineage.index import Index, MemoryIndex, Posting, Source, Stored, fresh
from firedoor.lineage.lines import Written, known_anywhere, written
from firedoor.lineage.matcher import (
    Answer,
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
from firedoor.lineage.media import (
    ALIKE_BANDS_MIN,
    alike_pictures,
    band_digest,
    known_bytes,
    media_digest,
)
from firedoor.lineage.normal import Normal, normal_of, normal_of_stored
from firedoor.lineage.opaque import opaque_spans
from firedoor.lineage.passages import (
    GLOBAL_MATCH_CHARS_MIN,
    NO_PASSAGES,
    Passage,
    Passages,
    passages_of,
    whole_passages,
)
from firedoor.lineage.places import StoreMap, StoreRule, Use, store_map
from firedoor.lineage.spans import Kept, kept_digests

__all__ = [
    "ALIKE_BANDS_MIN",
    "GLOBAL_MATCH_CHARS_MIN",
    "GUARANTEE_CHARS",
    "NO_PASSAGES",
    "Answer",
    "Claimed",
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
    "Use",
    "Written",
    "adopted_passages",
    "alike_pictures",
    "answer",
    "answered_digest",
    "as_claimed",
    "author_of",
    "authored",
    "band_digest",
    "call_digest",
    "candidates",
    "claimed_call",
    "emissions_of",
    "exposed",
    "fresh",
    "kept_digests",
    "known_anywhere",
    "known_bytes",
    "label_of",
    "label_without_evidence",
    "leaves_of",
    "match",
    "media_digest",
    "normal_of",
    "normal_of_stored",
    "opaque_spans",
    "outside_label",
    "passages_of",
    "printer_for",
    "prints_of",
    "question",
    "reconciled",
    "standing_of",
    "store_map",
    "stretches",
    "whole_passages",
    "written",
]

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
from firedoor.lineage.lines import Written, known_anywhere, written
from firedoor.lineage.passages import (
    NO_PASSAGES,
    Passage,
    Passages,
    passages_of,
    whole_passages,
)
from firedoor.lineage.places import StoreMap, StoreRule, Use, store_map

__all__ = [
    "NO_PASSAGES",
    "Known",
    "Labelled",
    "Passage",
    "Passages",
    "Receiver",
    "SpanLabel",
    "StoreMap",
    "StoreRule",
    "Use",
    "Written",
    "adopted_passages",
    "author_of",
    "emissions_of",
    "exposed",
    "known_anywhere",
    "label_of",
    "label_without_evidence",
    "leaves_of",
    "outside_label",
    "passages_of",
    "store_map",
    "whole_passages",
    "written",
]

"""What are people told? Reads the record, and writes nothing.

May import: types, lineage, engine, store.
"""

from firedoor.report.blame import Finding, Line, blamed, forbidden
from firedoor.report.why import Attribution, Step, Why, why

__all__ = ["Attribution", "Finding", "Line", "Step", "Why", "blamed", "forbidden", "why"]

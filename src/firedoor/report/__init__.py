"""What are people told? Reads the record, and writes nothing.

May import: types, engine, store.
"""

from firedoor.report.why import Attribution, Step, Why, why

__all__ = ["Attribution", "Step", "Why", "why"]

"""How much may be done?

May import: types, errors.
"""

from firedoor.budget.reach import full_roots, spent_by

__all__ = ["full_roots", "spent_by"]

"""How much may be done?

May import: types, errors.
"""

from firedoor.budget.model_names import Clause
from firedoor.budget.prices import PricedModel, PriceTable, Rate, Rates
from firedoor.budget.reach import full_roots, spent_by

__all__ = ["Clause", "PriceTable", "PricedModel", "Rate", "Rates", "full_roots", "spent_by"]

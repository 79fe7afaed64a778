"""In which order do things happen? Events in, commands out; it orders, it does not judge.

May import: types, errors, and the rooms on the road (wire, identity, lineage, policy, budget,
ledger).
"""

from firedoor.engine.engine import Engine
from firedoor.engine.exchange import Exchange, ExchangeSummary
from firedoor.engine.explain import explained
from firedoor.engine.proving import statement_of
from firedoor.engine.settings import EngineSettings

__all__ = ["Engine", "EngineSettings", "Exchange", "ExchangeSummary", "explained", "statement_of"]

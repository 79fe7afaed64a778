"""What did the operator ask for? YAML, variables and flags in; each room's frozen settings out.

May import: types, errors, engine and the rooms on the road.
"""

from firedoor.config.cases import Failure, run_cases
from firedoor.config.models import Limits
from firedoor.config.settings import Settings, UpstreamSetting, json_schema, load_settings

__all__ = [
    "Failure",
    "Limits",
    "Settings",
    "UpstreamSetting",
    "json_schema",
    "load_settings",
    "run_cases",
]

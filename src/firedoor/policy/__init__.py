"""What may pass?

May import: types, errors.
"""

from firedoor.policy.affordances import AFFORDANCES, affordances_for
from firedoor.policy.presets import PRESETS
from firedoor.policy.rules import FIELDS, Rule, RuleError, rule
from firedoor.policy.settings import ASSUMED_BY_MODE, CompartmentSetting, Policy, StoreSetting
from firedoor.policy.verdict import (
    PASSED,
    RequestVerdict,
    affordances_of,
    call_verdict,
    hop_verdict,
    inside_verdict,
    passes_unasked,
    request_verdict,
    verdict_for,
)

__all__ = [
    "AFFORDANCES",
    "ASSUMED_BY_MODE",
    "FIELDS",
    "PASSED",
    "PRESETS",
    "CompartmentSetting",
    "Policy",
    "RequestVerdict",
    "Rule",
    "RuleError",
    "StoreSetting",
    "affordances_for",
    "affordances_of",
    "call_verdict",
    "hop_verdict",
    "inside_verdict",
    "passes_unasked",
    "request_verdict",
    "rule",
    "verdict_for",
]

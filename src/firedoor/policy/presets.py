"""What each mode asks for when the file says nothing: rules, as data (DESIGN §8, MODEL 28-30)."""

from typing import Final

from firedoor.policy.rules import Rule, rule
from firedoor.types.exchange import Mode

CLEARED: Final = ("money", "spawn", "network")
"""Affordances whose holders accept no foreign text by default: ``accept: {depth: 0}``."""

_TOOL_CALLS: Final = (
    rule(
        "contain/unknown-depth-keeps-hands-still",
        {"affordance": ["spawn", "write_shared"], "exposed_generation": "unknown"},
        "deny",
    ),
    rule(
        "contain/released-once-keeps-hands-still",
        {"affordance": ["spawn", "write_shared"], "holds_released": True},
        "deny",
    ),
)
_CONTAIN: Final = (
    # Line 29. What is deeper than one crossing, or of a root whose reach is used up, waits.
    rule("contain/deep-crossing", {"crossing": True, "generation": ">=2"}, "quarantine"),
    # Whoever can spend, start others or reach out is not exposed in the first place (MODEL §7), unless
    # its compartment says what it accepts.
    rule(
        "contain/clearance",
        {"crossing": True, "generation": ">=1", "holds": list(CLEARED)},
        "quarantine",
    ),
    rule("contain/reach-used-up", {"crossing": True, "reach_full": True}, "quarantine"),
    *_TOOL_CALLS,
)
_ISOLATE: Final = (
    rule("isolate/crossing", {"crossing": True}, "strip"),
    *_TOOL_CALLS,
)

PRESETS: Final[dict[Mode, tuple[Rule, ...]]] = {
    Mode.OBSERVE: (),
    Mode.CONTAIN: _CONTAIN,
    Mode.ISOLATE: _ISOLATE,
}

HELD_UNPROVEN: Final = rule(
    "contain/unproven", {"attributed": False, "generation": "unknown"}, "quarantine"
)
"""Under ``unknown: hold``: what nobody can prove from a channel that others write to (MODEL §4)."""

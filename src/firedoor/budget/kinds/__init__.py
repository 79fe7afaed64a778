"""The kinds of amounts that a budget may limit: a file and a row each."""

from collections.abc import Mapping
from typing import Final

from firedoor.budget.kinds import (
    affordances,
    bytes_received,
    bytes_sent,
    concurrent,
    context_age,
    cost_usd,
    declassified_bits,
    egress_bytes,
    egress_hosts,
    generation,
    input_tokens,
    output_tokens,
    requests,
    spawn_children,
    spawn_depth,
    tool_calls,
    tools,
    wall_time,
)
from firedoor.budget.kinds.kind import Ask, Kind, Taken, ToolAsk, Used

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        requests.KIND,
        input_tokens.KIND,
        output_tokens.KIND,
        cost_usd.KIND,
        concurrent.KIND,
        wall_time.KIND,
        tool_calls.KIND,
        tools.KIND,
        affordances.KIND,
        egress_bytes.KIND,
        bytes_received.KIND,
        bytes_sent.KIND,
        declassified_bits.KIND,
        spawn_children.KIND,
        spawn_depth.KIND,
        generation.KIND,
        context_age.KIND,
        egress_hosts.KIND,
    )
}

__all__ = ["KINDS", "Ask", "Kind", "Taken", "ToolAsk", "Used"]

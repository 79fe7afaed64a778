"""Rows of ``budgets:`` as limits, and how a bad one is refused."""

from pathlib import Path

import pytest

from firedoor.budget import Budgets
from firedoor.config import load_settings
from firedoor.errors import SettingsError

BAD = {
    "requests: -5": "10/minute",
    "requests: 0.5": "whole",
    "requests: .inf": "10/minute",
    "requests: true": "no number",
    "requests: 1e30": "10/minute",
    "requests: 99999999999999999": "leave the limit out",
    "cost_usd: 10G": "leave the limit out",
    "requests: 5/fortnight": "12h",
    "requests: 5/0s": "12h",
    "requests: 5/367d": "366d",
    "requests: 5/day rolling": "sliding",
    "concurrent: 2/day": "integer",
    "context_age: soon": "12h",
    "tools: {'': 5}": "tool_calls",
    "tools: {bash: -1}": "tools/bash",
    "affordances: {fly: 2}": "write_shared",
    "egress_hosts: ['https://a.example/x']": "*.corp.example",
    "egress_hosts: ['a.example:443']": "*.corp.example",
    "egress_hosts: ['[::1]']": "*.corp.example",
    "warn_at: 0, requests: 1": "greater than 0",
    "max_share: 2, requests: 1": "less than or equal to 1",
    "reserve: 2, requests: 1": "below deployment",
    "when: {exposed_generation: deep}, requests: 1": "unknown",
    "when: {}, requests: 1": "exposed_generation",
    "warn_at: 0.8": "limits something",
    "reqests: 5": "requests",
    "bytes_sent: 5": "compartment:NAME",
}
BAD_BELOW = {
    "requests: 1, tool_calls: 2, reserve: 2": "one limit",
    "requests: 1, reserve: 20/day": "an amount alone",
    "requests: 1, reserve: 0.5": "whole",
    "requests: 1, reserve: 1": "scope: deployment",
}


def load(folder: Path, row: str, scope: str = "deployment", more: str = "\n") -> Budgets:
    file = folder / "firedoor.yaml"
    file.write_text(f"version: 1\nbudgets:\n  - {{scope: '{scope}', {row}}}{more}")
    return load_settings(file, environ={}).budgets


@pytest.mark.parametrize(
    ("scope", "row", "word"),
    [
        *(("deployment", row, word) for row, word in BAD.items()),
        *(("key:k_1", row, word) for row, word in BAD_BELOW.items()),
    ],
)
def test_a_bad_row_is_refused_by_line(tmp_path: Path, scope: str, row: str, word: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, row, scope)
    told = refused.value.diagnostics()
    assert "firedoor.yaml:3" in told
    assert word in told


@pytest.mark.parametrize("scope", ["planet", "instance:", "compartment:a/b"])
def test_a_scope_is_one_of_five(tmp_path: Path, scope: str) -> None:
    with pytest.raises(SettingsError, match="scope"):
        load(tmp_path, "requests: 1", scope)


@pytest.mark.parametrize(
    ("row", "name", "amount", "window"),
    [
        ("requests: 400", "requests", 400, "lifetime"),
        ("requests: 0", "requests", 0, "lifetime"),
        ("output_tokens: 2M/day", "output_tokens", 2_000_000, "calendar/86400s"),
        ("output_tokens: 1.5k/hour", "output_tokens", 1_500, "calendar/3600s"),
        ("input_tokens: 1_000/min", "input_tokens", 1_000, "calendar/60s"),
        ("requests: 10/minute sliding", "requests", 10, "sliding/60s"),
        ("requests: 5 / 2h", "requests", 5, "sliding/7200s"),
        ("requests: 5/0.5s", "requests", 5, "sliding/1s"),
        ("cost_usd: 0.25/day", "cost_usd", 250_000, "calendar/86400s"),
        ("tools: {'git_*': 3/hour}", "tools/git_*", 3, "calendar/3600s"),
        ("affordances: {spawn: 0}", "affordances/spawn", 0, "lifetime"),
        ("concurrent: 8", "concurrent", 8, "lifetime"),
    ],
)
def test_an_amount_has_a_number_and_a_window(
    tmp_path: Path, row: str, name: str, amount: int, window: str
) -> None:
    (limit,) = load(tmp_path, row).limits
    assert (limit.name, limit.amount, str(limit.window)) == (name, amount, window)


def test_what_no_amount_is_taken_of_is_a_ceiling(tmp_path: Path) -> None:
    found = load(
        tmp_path,
        "spawn_depth: 2, generation: 0, context_age: 8h, egress_hosts: ['*.corp.example', '::1']",
    )
    assert found.limits == ()
    assert [(c.kind, c.amount, c.hosts) for c in found.ceilings] == [
        ("spawn_depth", 2, ()),
        ("generation", 0, ()),
        ("context_age", 28_800, ()),
        ("egress_hosts", 0, ("*.corp.example", "::1")),
    ]


def test_a_row_says_for_whom_and_when_it_holds(tmp_path: Path) -> None:
    row = (
        "cost_usd: 9, reserve: 2.5, max_share: 0.5, warn_at: 0.8, when: {exposed_generation: '>=1'}"
    )
    pool = "\n  - {scope: deployment, cost_usd: 50/day}\n"
    limit, _ = load(tmp_path, row, "compartment:lab-*", pool).limits
    assert (limit.scope, limit.pattern) == ("compartment", "lab-*")
    assert (limit.reserve, limit.max_share, limit.warn_at) == (2_500_000, 0.5, 0.8)
    assert limit.when is not None
    assert [limit.when(depth) for depth in (0, 1, None)] == [False, True, True]

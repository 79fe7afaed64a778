"""The demo's third act: a child of an exposed parent is refused, and one of a clean parent is not."""

from pathlib import Path

from firedoor.cli.serve import build
from firedoor.demo.hands import run_hands


def test_a_child_of_an_exposed_parent_is_refused_its_tool(tmp_path: Path) -> None:
    hands = run_hands(tmp_path, build)
    assert hands.clean == "bash"
    assert "bash was refused" in hands.exposed
    assert "instance:lead-2" in hands.exposed
    used = {a.account: a.committed for a in hands.accounts if a.kind == "tools/bash"}
    assert used == {"instance:lead-1": 1, "instance:helper-of-lead-1": 1}

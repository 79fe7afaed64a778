"""The example does what its README says."""

import runpy
from pathlib import Path


def test_the_example_shows_who_wrote_the_note(tmp_path: Path) -> None:
    example = runpy.run_path(str(Path(__file__).parent / "example.py"))
    found = example["main"](f"sqlite:{tmp_path}/s.db")
    assert [(e["author"], e["compartment"], e["generation"]) for e in found["exposures"]] == [
        ("buyer-1", "purchasing", 1)
    ]
    assert found["verdict"] == "allow"

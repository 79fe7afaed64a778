"""ARCHITECTURE.md is made from what the rooms say of themselves; `make format` writes it anew."""

import ast
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "firedoor"
HEAD = """# Architecture

The tree is the road of a call, and each room answers one question. A room imports only from rows below its own
(import-linter holds that); above the I/O line nothing reads a clock, a socket or a random source, so that a seed
replays a run. [docs/life-of-a-call.md](docs/life-of-a-call.md) follows one call through it.

This page is made by `python tests/test_architecture.py`.

| row | room | question |
|---|---|---|
"""


def layers() -> list[list[str]]:
    """The rows of the import contract, the topmost first."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = config["tool"]["importlinter"]["contracts"][0]
    return [[name.strip() for name in row.split("|")] for row in contract["layers"]]


def question(room: str) -> str:
    """The first line of what a room says of itself."""
    path = SOURCE / room / "__init__.py"
    if not path.exists():
        path = SOURCE / f"{room}.py"
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    return doc.splitlines()[0] if doc else ""


def page() -> str:
    """ARCHITECTURE.md as it should be."""
    rows = []
    for number, names in enumerate(layers(), start=1):
        rows += [f"| {number} | `{name}` | {question(name)} |" for name in names]
    return HEAD + "\n".join(rows) + "\n"


def test_the_page_is_what_the_rooms_say() -> None:
    assert (ROOT / "ARCHITECTURE.md").read_text() == page()


def test_every_room_says_its_question_and_what_it_may_import() -> None:
    for names in layers():
        for name in names:
            init = SOURCE / name / "__init__.py"
            assert question(name), name
            if init.exists():
                assert "May import" in init.read_text(), name


if __name__ == "__main__":
    (ROOT / "ARCHITECTURE.md").write_text(page())
    sys.exit(0)

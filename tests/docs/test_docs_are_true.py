"""What the docs say is what the code does: each claim here is read out of the code and compared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firedoor.cli import app
from firedoor.config import load_settings, run_cases
from firedoor.policy import FIELDS

ROOT = Path(__file__).parents[2]
DOCS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("integrations/*/*.md")]
)


def field_rows() -> list[str]:
    """The rows of docs/policy.md's table, as the vocabulary gives them."""
    rows = []
    for field in FIELDS.values():
        allowed = field.allowed.replace("|", "\\|")
        rows.append(f"| `{field.name}` | {', '.join(sorted(field.asks))} | {allowed} |")
    return rows


def test_every_word_of_a_rule_is_in_the_docs() -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    assert "\n".join(field_rows()) in text


def test_the_example_policy_is_valid_and_its_tests_hold(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    file = tmp_path / "firedoor.yaml"
    file.write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    settings = load_settings(file, environ={})
    assert settings.cases
    assert run_cases(settings.policy, settings.cases) == []


@pytest.mark.parametrize("doc", DOCS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(doc: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", doc.read_text()):
        assert (doc.parent / target).exists(), target


def test_every_command_of_the_readme_exists() -> None:
    runner = CliRunner()
    text = (ROOT / "README.md").read_text()
    commands = set(re.findall(r"`firedoor ([a-z]+(?: [a-z]+)?)", text))
    assert commands
    for command in commands:
        result = runner.invoke(app, [*command.split(), "--help"])
        assert result.exit_code == 0, command


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_example_of_provenance_says_what_the_page_shows() -> None:
    text = (ROOT / "docs" / "provenance.md").read_text()
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0]
    played = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert played.stdout == re.findall(r"```text\n(.*?)```", text, re.DOTALL)[0]


def test_the_settings_of_provenance_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "provenance.md").read_text()
    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\n" + re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[0])
    settings = load_settings(file, environ={})
    assert [row.name for row in settings.trust] == ["acme"]
    assert len(settings.revoked) == 2


def drawn_away(text: str) -> list[str]:
    """A terminal's text less what each run draws anew."""
    text = re.sub(r"\bc_[0-9a-f]{10,}", "c_…", re.sub(r"\bk_[a-z2-7]{10,}", "k_…", text))
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "…", text)
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_session_of_foreign_state_is_what_the_docs_show() -> None:
    played = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "sessions" / "foreign_state.py")],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    shown = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "state.md").read_text(), re.DOTALL)
    assert drawn_away(shown[0]) == drawn_away(played.stdout)


def test_the_options_of_keys_are_those_of_the_commands() -> None:
    text = (ROOT / "docs" / "keys.md").read_text()
    told = {
        name: set(re.findall(r"`(--[a-z-]+)|, `(--[a-z-]+)", part))
        for name, part in (
            ("issue", text.partition("| option of `issue`")[2].partition("## Where")[0]),
            ("attenuate", text.partition("| option of `attenuate`")[2].partition("\n\n")[0]),
        )
    }
    said_by_all = {"--json", "--dry-run", "--reason", "--actor", "--config", "--store", "--help"}
    for name, found in told.items():
        shown = CliRunner().invoke(app, ["key", name, "--help"], terminal_width=200).stdout
        options = set(re.findall(r"--[a-z-]+", shown)) - said_by_all - {"--name"}
        assert options == {a or b for a, b in found} - said_by_all, name

"""The pages on prices, typed values and affordances say what the code does."""

import re
import subprocess
import sys
from pathlib import Path

from firedoor.config import load_settings
from firedoor.config.prices import Prices, RateRow, price_table
from firedoor.policy import AFFORDANCES
from firedoor.policy.affordances import _DEFAULTS
from firedoor.types.usage import Usage, UsageDoubt
from firedoor.wire.caps import TOKENS_MAX

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, kind: str, n: int = 0) -> str:
    found: str = re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)[n]
    return found


def test_the_prices_of_the_page_are_valid(tmp_path: Path) -> None:
    from datetime import date

    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\n" + block("prices.md", "yaml"))
    table = price_table(load_settings(file, environ={}).prices, today=date(2026, 11, 25))
    assert table.cost("nobody-knows", Usage(1_000_000, 0)) == 15_000_000
    assert table.cost("my-model", Usage(0, 0, tools=(("web_search", 1_000),))) == 10_000_000
    assert table.cost("llama-4", Usage(9, 9)) == 0


def test_every_setting_rate_and_doubt_has_its_word_on_the_page() -> None:
    text = (DOCS / "prices.md").read_text()
    for word in (*Prices.model_fields, *RateRow.model_fields, *UsageDoubt):
        assert f"`{word}`" in text, word
    assert TOKENS_MAX < 10**30


def test_the_example_of_typed_values_says_what_the_page_shows() -> None:
    played = subprocess.run(
        [sys.executable, "-c", block("typed.md", "python")],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert played.stdout == block("typed.md", "text")


def test_every_default_affordance_is_on_the_page() -> None:
    text = (DOCS / "policy.md").read_text()
    for affordances, globs in _DEFAULTS:
        names = " ".join(f"`{glob}`" for glob in globs.split())
        assert f"| {names} | {', '.join(sorted(affordances)) or 'none'} |" in text
        assert set(affordances) <= set(AFFORDANCES)

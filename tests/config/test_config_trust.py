"""`trust:`, `revoked:` and `provenance:`: what a file may say of statements, and what it is told else."""

from pathlib import Path

import pytest

from firedoor.config import json_schema, load_settings
from firedoor.errors import SettingsError

KEY = "ed25519:7T/gZ36cT6lOTqbFKai/j4+UVhWJFIyonzO/OpLVjcU="
OTHER = "ed25519:" + "A" * 43 + "="


def load(folder: Path, text: str) -> object:
    file = folder / "firedoor.yaml"
    file.write_text("version: 1\n" + text)
    return load_settings(file, environ={})


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("trust:\n  - {name: acme}\n", 3, "Field required"),
        ("trust:\n  - {name: acme, key: 'ed25519:AAAA'}\n", 3, "firedoor provenance key"),
        ("trust:\n  - {name: acme, key: 'ssh-ed25519 AAAA'}\n", 3, "not a public key"),
        (f"trust:\n  - {{name: a/b, key: '{KEY}'}}\n", 3, "has no '/'"),
        (f"trust:\n  - {{name: '', key: '{KEY}'}}\n", 3, "has no '/'"),
        (f"trust:\n  - {{name: acme, key: '{KEY}', until: 5}}\n", 3, "there is no such setting"),
        (
            f"trust:\n  - {{name: acme, key: '{KEY}'}}\n  - {{name: beta, key: '{KEY}'}}\n",
            4,
            "'acme' has this key already",
        ),
        ("revoked: [s_1]\n", 2, "the id of a statement"),
        ("provenance: {days: 8}\n", 2, "less than or equal to 7"),
        ("provenance: {audience: [a, b, c, d, e]}\n", 2, "at most 4 names"),
        ("provenance: {key: x}\n", 2, "there is no such setting"),
        ("limits: {statements: 65}\n", 2, "less than or equal to 64"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, text)
    told = refused.value.diagnostics()
    assert said in told, told
    assert f"firedoor.yaml:{line}" in told, told


def test_what_is_allowed_at_a_wrong_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, f"trust:\n  - {{nme: acme, key: '{KEY}'}}\n")
    assert "name" in refused.value.diagnostics()


def test_an_organisation_may_have_two_keys(tmp_path: Path) -> None:
    """One is on its way out."""
    rows = f"  - {{name: acme, key: '{KEY}'}}\n  - {{name: acme, key: '{OTHER}', audience: b}}\n"
    settings = load(tmp_path, "trust:\n" + rows)
    assert [(r.name, r.audience) for r in settings.trust] == [("acme", None), ("acme", "b")]  # type: ignore[attr-defined]


def test_whom_one_trusts_is_part_of_the_policy(tmp_path: Path) -> None:
    """Its digest names what verdicts were found under."""
    plain = load(tmp_path, "")
    trusting = load(tmp_path, f"trust: [{{name: acme, key: '{KEY}'}}]\n")
    assert plain.policy.digest != trusting.policy.digest  # type: ignore[attr-defined]


def test_the_schema_has_the_sections() -> None:
    schema = json_schema()
    assert {"trust", "revoked", "provenance"} <= set(schema["properties"])
    assert schema["$defs"]["Trust"]["additionalProperties"] is False

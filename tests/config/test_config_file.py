"""A bad file is refused with file, line and what is allowed; nothing of it is used."""

from pathlib import Path

import pytest

from firedoor.config import json_schema, load_settings
from firedoor.errors import SettingsError

BAD = {
    "mode: contian": ("2", "observe"),
    "modes: contain": ("2", "mode"),
    "rules:\n  - {id: a, match: {chanel: memory}, action: strip}": ("3", "channel"),
    "rules:\n  - {id: a, match: {channel: memry}, action: strip}": ("3", "memory"),
    "rules:\n  - {id: a, match: {channel: memory}, action: drop}": ("3", "quarantine"),
    "rules:\n  - {id: a, match: {affordance: spawn}, action: strip}": ("3", "denied"),
    "rules:\n  - {id: a, match: {generation: deep}, action: strip}": ("3", "unknown"),
    "unknown: maybe": ("2", "attenuate"),
    "limits: {json_depth: 9000}": ("2", "150"),
    "limits: {body: big}": ("2", "MiB"),
    "stores:\n  notes: {tools: [a], writer: fleet}": ("3", "writers"),
    "budgets:\n  - {scope: planet, reach: 3/day}": ("3", "deployment"),
    "mode: contain\nmode: observe": ("3", "twice"),
    "mode: [": ("3", ""),
    "upstreams:\n  openai: {base_url: 'ftp://x'}": ("3", "http"),
    "rules:\n  - {id: a, action: strip}\n  - {id: b, action: deny}\n  - {id: a, action: deny}": (
        "5", "first in line 3"
    ),
    "rules: &rules\n  - *rules": ("2", "anchor that holds itself"),
    "stores: &all\n  notes: *all": ("2", "anchor that holds itself"),
    "a0: &a0 [x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    ): ("2", "aliases count"),
    "convergence: {window: soon}": ("2", "12h"),
    "convergence: {window: 0}": ("2", "12h"),
    "convergence: {instances: 1}": ("2", "2"),
    "convergence: {hosts: [a]}": ("2", "common"),
    "placeholder: 2026-99-99": ("2", "quotes"),
    "placeholder: " + "1" * 5000: ("2", "quotes"),
    "mode: obs\x00erve": ("2", "character"),
    "mode: !!python/name:os.system x": ("2", "tag"),
}  # fmt: skip


@pytest.mark.parametrize("text", list(BAD))
def test_a_bad_file_is_refused_by_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\n" + text + "\n")
    with pytest.raises(SettingsError) as refused:
        load_settings(file, environ={})
    line, word = BAD[text]
    told = refused.value.diagnostics()
    assert f"firedoor.yaml:{line}" in told, told
    assert word in told, told


@pytest.mark.parametrize(
    ("raw", "where", "word"),
    [
        (b"version: 1\nmode: \xff\xfe\n", "firedoor.yaml:2", "UTF-8"),
        (b"\x7fELF\x02\x01\x01\x00" + bytes(range(256)), "firedoor.yaml:2", "text"),
        (b"\x89PNG\r\n\x1a\n", "firedoor.yaml:1", "UTF-8"),
        (b"version: 1\n" + b"#" * (1 << 20), "firedoor.yaml", "larger"),
        (b"version: 1\nrules: " + b"[" * 2000, "firedoor.yaml", "nested"),
    ],
    ids=["bytes", "program", "picture", "large", "deep"],
)
def test_a_file_that_is_no_policy_file_is_a_clear_error(
    tmp_path: Path, raw: bytes, where: str, word: str
) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_bytes(raw)
    with pytest.raises(SettingsError) as refused:
        load_settings(file, environ={})
    told = refused.value.diagnostics()
    assert where in told, told
    assert word in told, told
    assert "Error" not in told, told


def test_a_folder_in_the_files_place_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="directory"):
        load_settings(tmp_path, environ={})


def test_the_schema_takes_what_the_file_takes() -> None:
    """Editors check against it: sizes as people write them, one name in place of a list."""
    schema = json_schema()["$defs"]
    kinds = {row["type"] for row in schema["Limits"]["properties"]["body"]["anyOf"]}
    assert kinds == {"integer", "string"}
    kinds = {row["type"] for row in schema["StoreRow"]["properties"]["tools"]["anyOf"]}
    assert kinds == {"array", "string"}


def test_a_flag_wins_over_a_variable_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\nmode: observe\n")
    variable = {"FIREDOOR_MODE": "contain"}
    assert load_settings(file, environ={}).policy.mode.value == "observe"
    assert load_settings(file, environ=variable).policy.mode.value == "contain"
    flagged = load_settings(file, environ=variable, flags={"mode": "isolate"})
    assert flagged.policy.mode.value == "isolate"
    assert flagged.sources["mode"] == "flag"
    assert load_settings(file, environ=variable).sources["mode"] == "FIREDOOR_MODE"


def test_with_no_file_the_mode_is_observe() -> None:
    assert load_settings(None, environ={}).policy.mode.value == "observe"


def test_a_key_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text(
        "version: 1\nupstreams:\n  openai: {base_url: 'http://127.0.0.1:1', key: env:MY_KEY}\n"
    )
    settings = load_settings(file, environ={"MY_KEY": "sk-very-secret"})
    assert settings.upstreams["openai"].key == "sk-very-secret"
    assert "sk-very-secret" not in repr(settings)
    with pytest.raises(SettingsError, match="MY_KEY"):
        load_settings(file, environ={})


def test_another_host_is_never_handed_the_key(tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text(
        "version: 1\nupstreams:\n  openai: {base_url: 'http://127.0.0.1:1', key: env:MY_KEY}\n"
    )
    flags = {"upstream": ["openai=http://127.0.0.2:1"]}
    settings = load_settings(file, environ={"MY_KEY": "sk-very-secret"}, flags=flags)
    assert settings.upstreams["openai"].key is None


def test_convergence_is_read_and_names_no_policy(tmp_path: Path) -> None:
    """It decides nothing, so judgements that were kept under the digest stay."""
    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\n")
    plain = load_settings(file, environ={})
    file.write_text(
        "version: 1\nconvergence: {instances: 3, window: 90m, rare: 4, common: '*.Corp.test'}\n"
    )
    found = load_settings(file, environ={})
    settings = found.convergence.settings()
    assert (settings.instances, settings.window_s, settings.rare) == (3, 5_400.0, 4)
    assert found.convergence.common == ["*.Corp.test"]
    assert found.policy.digest == plain.policy.digest

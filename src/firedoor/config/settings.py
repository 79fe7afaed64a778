"""Settings from file, variables and flags, into each room's frozen types. Read once, at the edge."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from firedoor.config import models
from firedoor.config.document import Lines, line_of, parse, read
from firedoor.config.prices import Prices
from firedoor.config.units import rate
from firedoor.errors import SettingsError
from firedoor.policy import (
    ASSUMED_BY_MODE,
    PRESETS,
    CompartmentSetting,
    Policy,
    StoreSetting,
    rule,
)
from firedoor.types.exchange import Mode

_UPSTREAMS: Final = {
    "openai": "https://api.openai.com",
    "anthropic": "https://api.anthropic.com",
    "gemini": "https://generativelanguage.googleapis.com",
}
_MODES: Final = tuple(m.value for m in Mode)
# name → (variable, default). Flags over variables over the file over defaults.
_PROCESS: Final[Mapping[str, tuple[str, object]]] = {
    "mode": ("FIREDOOR_MODE", None),
    "store": ("FIREDOOR_STORE", "sqlite:.firedoor/firedoor.db"),
    "host": ("FIREDOOR_HOST", "127.0.0.1"),
    "port": ("FIREDOOR_PORT", 8474),
    "admin_port": ("FIREDOOR_ADMIN_PORT", 8475),
    "admin_token": ("FIREDOOR_ADMIN_TOKEN", None),
    "keys": ("FIREDOOR_KEYS", None),
    "log_format": ("FIREDOOR_LOG_FORMAT", "text"),
    "otlp": ("FIREDOOR_OTLP", None),
}


@dataclass(frozen=True, slots=True)
class UpstreamSetting:
    """One provider as a front needs it."""

    name: str
    base_url: str
    key: str | None = None
    """The provider's key itself; never shown."""

    def __repr__(self) -> str:
        return f"UpstreamSetting(name={self.name!r}, base_url={self.base_url!r})"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a door or a sidecar is made with."""

    policy: Policy
    upstreams: Mapping[str, UpstreamSetting]
    keys_required: bool
    limits: models.Limits
    retention: models.Retention
    convergence: models.Converge
    prices: Prices
    store_url: str
    host: str
    port: int
    admin_port: int
    admin_token: str | None
    log_format: str
    otlp: str | None
    file: Path | None
    provenance: models.Provenance
    trust: tuple[models.Trust, ...]
    revoked: frozenset[str]
    cases: tuple[models.Case, ...]
    warnings: tuple[str, ...]
    """What the file asks for and this version does not do."""
    sources: Mapping[str, str]
    """For each setting, what won: ``flag``, a variable's name, ``file`` or ``default``."""


def _validated(value: dict[str, Any], lines: Lines, where: str) -> models.File:
    try:
        file = models.File.model_validate(value)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        path = tuple(p for p in problem["loc"] if isinstance(p, str | int))
        line = line_of(lines, path)
        name = ".".join(str(p) for p in path) or "the file"
        message = problem["msg"].removeprefix("Value error, ")
        hint = None
        if problem["type"] == "extra_forbidden":
            message = "there is no such setting"
            hint = "allowed here: " + ", ".join(_allowed(path[:-1]))
        raise SettingsError(f"{name}: {message}", where=f"{where}:{line}", hint=hint) from None
    first: dict[str, int] = {}
    for index, found in enumerate(file.rules):
        line = line_of(lines, ("rules", index, "id"))
        if found.id in first:
            raise SettingsError(
                f"rules.{index}.id: {found.id!r} stands twice, first in line {first[found.id]}",
                where=f"{where}:{line}",
                hint="an id names one rule in the ledger and in `firedoor explain`",
            )
        first[found.id] = line
    names: dict[str, str] = {}
    for index, trusted in enumerate(file.trust):
        if names.setdefault(trusted.key, trusted.name) != trusted.name:
            raise SettingsError(
                f"trust.{index}.key: {names[trusted.key]!r} has this key already",
                where=f"{where}:{line_of(lines, ('trust', index, 'key'))}",
                hint="a key is one organisation's; one organisation may have several",
            )
    return file


def _allowed(path: tuple[str | int, ...]) -> list[str]:
    """The names that may stand at ``path``."""
    by_head: dict[str, Any] = {
        "upstreams": models.Upstream,
        "compartments": models.Compartment,
        "channels": models.ChannelTools,
        "rules": models.Rule,
        "stores": models.StoreRow,
        "limits": models.Limits,
        "retention": models.Retention,
        "assume": models.Assume,
        "tests": models.Case,
        "convergence": models.Converge,
        "budgets": models.Budget,
        "prices": Prices,
        "trust": models.Trust,
        "provenance": models.Provenance,
    }
    model = by_head.get(str(path[0]), models.File) if path else models.File
    if len(path) > 2:
        model = models.Accept
    return sorted(model.model_fields)


def policy_of(file: models.File, mode: Mode) -> Policy:
    """The frozen policy of a file, under ``mode``."""
    user, system = ASSUMED_BY_MODE[mode]
    reach_limit, window_s = 3, 86_400.0
    reach_by = []
    for budget in file.budgets:
        if budget.reach is None:
            continue
        count, window_s = rate(budget.reach)
        if budget.scope == "deployment":
            reach_limit = count
        else:
            reach_by.append((budget.scope.partition(":")[2], count))
    headers: str | tuple[str, ...] = "all" if mode is Mode.OBSERVE else "call"
    if file.headers is not None:
        headers = file.headers if isinstance(file.headers, str) else tuple(file.headers)
    source = file.model_dump(
        mode="json",
        # What decides nothing is no part of what a policy's digest names.
        exclude={"upstreams", "tests", "limits", "retention", "convergence", "mode", "keys"},
    )
    return Policy(
        mode=mode,
        rules=tuple(rule(r.id, r.match, r.action, shadow=r.shadow) for r in file.rules),
        preset=() if file.preset == "none" else PRESETS[mode],
        treats=file.preset != "none",
        unknown=file.unknown,
        rewrite=file.rewrite or ("strict" if mode is Mode.ISOLATE else "attenuate"),
        assume_user=file.assume.user or user,
        assume_system=file.assume.system or system,
        placeholder=file.placeholder,
        headers=headers,
        reach_limit=reach_limit,
        reach_by_compartment=tuple(reach_by),
        reach_window_s=window_s,
        channels={c: tuple(t.tools) for c, t in file.channels.items()},
        affordances={name: tuple(found) for name, found in file.affordances.items()},
        stores=tuple(
            StoreSetting(name, tuple(s.tools), s.key, s.writers, s.closed)
            for name, s in file.stores.items()
        ),
        compartments=tuple(
            CompartmentSetting(name, tuple(c.instances), c.accept.depth if c.accept else None)
            for name, c in file.compartments.items()
        ),
        source=source,
    )


def _port(value: object, name: str) -> int:
    try:
        port = int(str(value))
    except ValueError:
        port = -1
    if not 0 <= port <= 65_535:
        raise SettingsError(
            f"{name}: {value!r} is not a port", hint="0 to 65535; 0 takes a free one"
        )
    return port


def _upstreams(
    file: models.File, flags: Mapping[str, object], environ: Mapping[str, str]
) -> dict[str, UpstreamSetting]:
    found = {name: UpstreamSetting(name, url) for name, url in _UPSTREAMS.items()}
    for name, row in file.upstreams.items():
        key = None
        if row.key is not None:
            variable = row.key.removeprefix("env:")
            key = environ.get(variable)
            if not key:
                raise SettingsError(
                    f"upstreams.{name}.key: the variable {variable} is not set",
                    hint=f"set {variable}, or take the line out to pass the caller's own key on",
                )
        found[name] = UpstreamSetting(name, row.base_url.rstrip("/"), key)
    given = list(flags.get("upstream") or [])  # type: ignore[call-overload]
    prefix = "FIREDOOR_UPSTREAM_"
    given = [
        f"{name.removeprefix(prefix).lower()}={url}"
        for name, url in sorted(environ.items())
        if name.startswith(prefix)
    ] + given
    for pair in given:
        name, sign, url = str(pair).partition("=")
        if not sign or not name or not url.startswith(("http://", "https://")):
            raise SettingsError(
                f"--upstream {pair!r} is not NAME=URL", hint="e.g. openai=http://127.0.0.1:8000"
            )
        known = found.get(name)
        # Another host must never be handed the key that was meant for the first.
        same = known is not None and known.base_url == url.rstrip("/")
        found[name] = UpstreamSetting(name, url.rstrip("/"), known.key if known and same else None)
    return found


def load_settings(
    path: Path | None,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """Read everything once.

    Args:
        path: The file, or None for the one that ``FIREDOOR_CONFIG`` names, or for none.
        environ: The process's variables.
        flags: What was given on the command line or in code; None values are not given.

    Raises:
        SettingsError: With file, line, the allowed values, and what to do.
    """
    flags = {k: v for k, v in (flags or {}).items() if v is not None}
    if path is None and environ.get("FIREDOOR_CONFIG"):
        path = Path(environ["FIREDOOR_CONFIG"])
    value: dict[str, Any] = {"version": 1}
    lines: Lines = {}
    if path is not None:
        value, lines = parse(read(path), str(path))
    file = _validated(value, lines, str(path) if path is not None else "defaults")

    sources: dict[str, str] = {}
    process: dict[str, Any] = {}
    for name, (variable, default) in _PROCESS.items():
        if name in flags:
            process[name], sources[name] = flags[name], "flag"
        elif environ.get(variable):
            process[name], sources[name] = environ[variable], variable
        elif name in file.model_fields_set:
            process[name], sources[name] = getattr(file, name), "file"
        else:
            process[name], sources[name] = default, "default"
    mode = process["mode"] or file.mode
    if mode not in _MODES:
        raise SettingsError(
            f"mode: {mode!r} is not one of {', '.join(_MODES)} (from {sources['mode']})"
        )
    keys = process["keys"] or file.keys
    if keys not in ("required", "optional"):
        raise SettingsError(f"keys: {keys!r} is not one of required, optional")
    if process["log_format"] not in ("text", "json"):
        raise SettingsError(f"log format: {process['log_format']!r} is not one of text, json")
    return Settings(
        policy=policy_of(file, Mode(mode)),
        upstreams=_upstreams(file, flags, environ),
        keys_required=keys == "required",
        limits=file.limits,
        retention=file.retention,
        convergence=file.convergence,
        prices=file.prices,
        store_url=str(process["store"]),
        host=str(process["host"]),
        port=_port(process["port"], "port"),
        admin_port=_port(process["admin_port"], "admin port"),
        admin_token=process["admin_token"],
        log_format=str(process["log_format"]),
        otlp=process["otlp"],
        file=path,
        provenance=file.provenance,
        trust=tuple(file.trust),
        revoked=frozenset(file.revoked),
        cases=tuple(file.tests),
        warnings=tuple(
            f"budgets.{i}: {name} is not enforced by this version"
            for i, budget in enumerate(file.budgets)
            for name in budget.unenforced()
        ),
        sources=sources,
    )


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file, for editors."""
    return models.File.model_json_schema()

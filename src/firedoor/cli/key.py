"""The commands key: issue, list, attenuate, revoke."""

import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from firedoor.cli.options import (
    AsJson,
    Config,
    Store,
    inert,
    login,
    print_json,
    settings_of,
    store_of,
    store_to_write,
)
from firedoor.config.units import duration_s
from firedoor.errors import CallerError
from firedoor.store.issued import told
from firedoor.store.tokens import BLOCK_PREFIX, Narrowing, attenuate, id_of
from firedoor.types.key import HUMAN, TOKEN_PREFIX, VIRTUAL_PREFIX, KeyRow

app = typer.Typer(help="Virtual keys: what agents send in a provider key's place.")

_RIGHTS: Final = (HUMAN,)
_KINDS: Final = ("requests", "input_tokens", "output_tokens", "tool_calls", "cost_usd")
_TIMES: Final = {"k": 10**3, "M": 10**6, "": 1}
_NAME_CHARS_MAX: Final = 200

Reason = Annotated[str | None, typer.Option(help="Why; goes into the ledger.", show_default=False)]
Actor = Annotated[str | None, typer.Option(help="Who; the login name by default.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")]
Caps = Annotated[
    list[str] | None, typer.Option("--caps", help="KIND=AMOUNT, repeatable.", show_default=False)
]
Expires = Annotated[
    str | None, typer.Option(help="30d, 12h, or a date: 2027-01-31.", show_default=False)
]


def _caps(given: list[str] | None) -> tuple[tuple[str, int], ...]:
    """``kind=amount`` as amounts; money in micro-dollars."""
    found: dict[str, int] = {}
    for pair in given or []:
        kind, _, text = pair.partition("=")
        unit = text[-1:] if text[-1:] in ("k", "M") else ""
        try:
            amount = float(text.removesuffix(unit)) * _TIMES[unit]
        except ValueError:
            amount = -1.0
        if kind not in _KINDS or not 0 <= amount < 1e15:
            raise CallerError(
                f"--caps {pair!r} is none",
                hint=f"KIND=AMOUNT, e.g. output_tokens=2M; {', '.join(_KINDS)}",
            )
        found[kind] = round(amount * 1e6) if kind == "cost_usd" else int(amount)
    return tuple(sorted(found.items()))


def _until(given: str | None, now: float) -> float | None:
    if given is None:
        return None
    try:
        at = datetime.fromisoformat(given)
        found = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except ValueError:
        try:
            found = now + duration_s(given)
        except ValueError as error:
            raise CallerError(f"--expires: {error}", hint="or a date, 2027-01-31") from None
    if found <= now:
        raise CallerError(f"--expires {given!r} is over already")
    return found


def _checked(name: str | None, what: str) -> str | None:
    """A name that a room, an instance or a key may have."""
    if name is None:
        return None
    if not name.strip() or len(name) > _NAME_CHARS_MAX or "/" in name or not name.isprintable():
        raise CallerError(f"{what} {name!r} is no name", hint="no slash, no control character")
    return name


@app.command()
def issue(
    name: Annotated[str | None, typer.Option(help="For people.", show_default=False)] = None,
    compartment: Annotated[str | None, typer.Option(help="The room of its calls.")] = None,
    instance: Annotated[str | None, typer.Option(help="The one instance that holds it.")] = None,
    instances: Annotated[
        str | None, typer.Option(help="Pattern of the instances that share it.")
    ] = None,
    upstream: Annotated[
        list[str] | None, typer.Option(help="Upstreams that it is for, repeatable; else all.")
    ] = None,
    caps: Caps = None,
    expires: Expires = None,
    right: Annotated[
        list[str] | None, typer.Option(help="human: its user turns are typed by people.")
    ] = None,
    token: Annotated[
        bool, typer.Option("--token", help="One that its holder can narrow offline.")
    ] = False,
    reason: Reason = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Make a key. It is shown once, here, and kept nowhere."""
    if instance is not None and instances is not None:
        raise CallerError("--instance and --instances: one of them")
    for given in right or []:
        if given not in _RIGHTS:
            raise CallerError(f"right {given!r} is none", hint=", ".join(_RIGHTS))
    settings = settings_of(config, store=store)
    for given in upstream or []:
        if given not in settings.upstreams:
            raise CallerError(
                f"there is no upstream {given!r}", hint=", ".join(sorted(settings.upstreams))
            )
    now = time.time()
    wanted = KeyRow(
        id="",
        name=_checked(name, "--name"),
        compartment=_checked(compartment, "--compartment"),
        instance=_checked(instance, "--instance"),
        instances=_checked(instances, "--instances"),
        upstreams=tuple(dict.fromkeys(upstream or [])),
        caps=_caps(caps),
        rights=tuple(dict.fromkeys(right or [])),
        expires=_until(expires, now),
        kind="token" if token else "plain",
    )
    value: dict[str, Any] = {"dry_run": dry_run, **told(wanted), "key": None, "secret": None}
    if not dry_run:
        with store_to_write(settings, dry_run=False) as opened:
            made = opened.issue_key(wanted, actor=actor or login(), reason=reason, at=now)
        value |= told(made.key) | {"secret": made.secret}
    if json:
        print_json(value)
    elif dry_run:
        print(f"would issue a key for {_whom(value)}")
    else:
        print(value["secret"])
        print(f"issued {value['key']} for {_whom(value)}; it is not shown again", file=sys.stderr)


def _whom(row: dict[str, Any]) -> str:
    who = row["instance"] or row["instances"] or "any instance"
    room = row["compartment"] or "a room of its own"
    return inert(f"{who} in {room}")


@app.command(name="list")
def list_(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Every key that was issued, the newest first; none of the keys themselves."""
    with store_of(config, store) as (opened, _):
        rows = opened.issued_keys()
    if json:
        print_json(rows)
        return
    for row in rows:
        ends = f", until {row['expires']}" if row["expires"] else ""
        gone = f", revoked {row['revoked']}" if row["revoked"] else ""
        title = f" {inert(row['name'])}" if row["name"] else ""
        blocks = len(row["revoked_blocks"])
        below = f", {blocks} below it revoked" if blocks else ""
        print(f"{row['key']}{title}: {_whom(row)}{ends}{gone}{below}")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(help="k_…, b_…, or a token itself (- reads it).")],
    reason: Reason = None,
    actor: Actor = None,
    dry_run: DryRun = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """End a key, and everything that was handed down from it."""
    target, root = _target(key)
    with store_of(config, store) as (opened, _):
        rows = {row["key"]: row for row in opened.issued_keys()}
        known = rows.get(root or target)
        if not target.startswith(BLOCK_PREFIX) and known is None:
            raise CallerError(
                f"no key {target[:64]!r} in this store", hint="`firedoor key list` shows them"
            )
        version = None
        if not dry_run:
            version = opened.revoke_key(
                target, key=root, actor=actor or login(), reason=reason, at=time.time()
            )
    value = {"dry_run": dry_run, "revoked": target, "key": root or target, "order": version}
    if json:
        print_json(value)
    else:
        print(f"{'would revoke' if dry_run else 'revoked'} {target}")


def _target(given: str) -> tuple[str, str | None]:
    """What is revoked, and for a token the key that it descends from."""
    given = sys.stdin.readline().strip() if given == "-" else given
    if given.startswith(TOKEN_PREFIX):
        block, root = id_of(given)
        return block, root
    if given.startswith(VIRTUAL_PREFIX):
        raise CallerError("a key is revoked by its id", hint="`firedoor key list` shows it")
    return given, None


@app.command(name="attenuate")
def attenuate_(
    key: Annotated[str, typer.Argument(help="A token (- reads it from standard input).")],
    instance: Annotated[
        str | None, typer.Option(help="The child that it is for, below its holder.")
    ] = None,
    tool: Annotated[
        list[str] | None, typer.Option(help="A tool that it is for, repeatable; no other is.")
    ] = None,
    no_tools: Annotated[bool, typer.Option("--no-tools", help="It is for no tool.")] = False,
    caps: Caps = None,
    expires: Expires = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Make a key with fewer rights from one that you hold. Asks no store and no network."""
    secret = sys.stdin.readline().strip() if key == "-" else key
    narrowing = Narrowing(
        child=instance,
        expires=_until(expires, time.time()),
        call_caps=_caps(caps),
        tools=tuple(sorted(set(tool or []))) if tool or no_tools else None,
    )
    made = attenuate(secret, narrowing)
    block, root = id_of(made)
    if json:
        value = {"dry_run": dry_run, "id": block, "key": root, "secret": None if dry_run else made}
        print_json(value)
    elif dry_run:
        print(f"would hand down {root}")
    else:
        print(made)
        print(f"{block}, below {root}; revoke it by that id", file=sys.stderr)


def add_to(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="key")

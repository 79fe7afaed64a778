"""The commands under budget: how the accounts stand, and more room for one of them."""

import time
from typing import Annotated, Any

import typer

from firedoor.budget import KINDS
from firedoor.cli.options import AsJson, Config, Store, inert, login, print_json, store_of
from firedoor.config.units import amount, duration_s
from firedoor.engine.explain import time_text
from firedoor.errors import CallerError
from firedoor.types.budget import AccountRow

_APP = typer.Typer(help="Limits, and what is held and used of them.", no_args_is_help=True)
_MICRO = 1_000_000

_Actor = Annotated[str | None, typer.Option("--actor", help="Who decides. Default: the login.")]
_Explain = Annotated[bool, typer.Option("--explain", help="Every open hold, by its call.")]
_Until = Annotated[str, typer.Option("--until", help="How long it lasts: 1d, 12h; or `good`.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@_APP.command()
def show(
    account: Annotated[
        str | None, typer.Argument(help="An account, as `instance:planner-1`. Default: all.")
    ] = None,
    explain: _Explain = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Every limit that a call was held to: the limit, what is held, used, overrun and left."""
    with store_of(config, store) as (opened, _):
        rows = opened.accounts(shown=account, holds=explain)
    if account is not None and not rows:
        raise CallerError(
            f"no account {account!r} was held to any limit in this store",
            hint="`firedoor budget show` lists those that were; limits stand under `budgets:`",
        )
    if json:
        print_json([_shown(row, explain) for row in rows])
        return
    if not rows:
        print("no call was held to a limit yet; limits stand under `budgets:` in firedoor.yaml")
    for row in rows:
        limit = "no limit" if row.limit is None else _said(row.kind, row.limit + row.raised)
        raised = f" (raised by {_said(row.kind, row.raised)})" if row.raised else ""
        over = f", overrun {_said(row.kind, row.overrun)}" if row.overrun else ""
        print(
            f"{inert(row.account)}  {inert(row.kind)} {_window(row.window)}: {limit}{raised}, committed "
            f"{_said(row.kind, row.committed)}, held {_said(row.kind, row.held)}{over}, left "
            f"{_said(row.kind, row.left or 0)}"
        )
        for call, held, until in row.holds:
            print(f"    {inert(call)} holds {_said(row.kind, held)} until {time_text(until)}")


@_APP.command("raise")
def raise_(
    account: Annotated[str, typer.Argument(help="As `budget show` names it.")],
    kind: Annotated[str, typer.Argument(help="As `budget show` names it: `tools/bash`.")],
    by: Annotated[str, typer.Argument(help="How much is added: 400, 2M; dollars for cost_usd.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it stands in the ledger.")],
    until: _Until = "1d",
    actor: _Actor = None,
    dry_run: _DryRun = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Add to a limit, for a time. It is an entry of the ledger; a limit is lowered in the file."""
    added, now = _amount(kind, by), time.time()
    ends = None if until == "good" else now + _duration(until)
    told: dict[str, Any] = {
        "account": account, "kind": kind, "amount": added,
        "until": time_text(ends) if ends is not None else None, "entry": None,
    }  # fmt: skip
    with store_of(config, store) as (opened, _):
        if not dry_run:
            told["entry"] = opened.raise_budget(
                account, kind, added, until=ends, actor=actor or login(), reason=reason, at=now
            )
    if json:
        print_json(told)
        return
    lasts = "for good" if ends is None else f"until {time_text(ends)}"
    would = "would be" if dry_run else "is"
    entry = "" if dry_run else f", entry {told['entry']}"
    print(f"{inert(account)} {inert(kind)} {would} raised by {_said(kind, added)} {lasts}{entry}")


def _amount(kind: str, text: str) -> int:
    known = KINDS.get(kind.partition("/")[0])
    if known is None:
        raise CallerError(f"{kind!r} is not a kind", hint="one of " + ", ".join(KINDS))
    try:
        number, window = amount(text)
    except ValueError as error:
        raise CallerError(str(error)) from None
    if window.seconds:
        raise CallerError(f"{text!r} has a window", hint="the limit's own window holds; write 400")
    return round(number * _MICRO) if known.name == "cost_usd" else int(number)


def _duration(text: str) -> float:
    try:
        return duration_s(text)
    except ValueError as error:
        raise CallerError(f"--until: {error}, or good") from None


def _window(text: str) -> str:
    cycle, _, length = text.partition("/")
    if cycle == "lifetime":
        return "for good"
    if cycle == "calendar":
        return {"60s": "a minute", "3600s": "an hour", "86400s": "a day"}.get(length, length)
    return f"in {length}"


def _said(kind: str, number: int) -> str:
    return f"${number / _MICRO:.6f}".rstrip("0").rstrip(".") if kind == "cost_usd" else str(number)


def _shown(row: AccountRow, explain: bool) -> dict[str, Any]:
    told: dict[str, Any] = row.told()
    if explain:
        told["holds"] = [
            {"call": call, "amount": held, "expires": time_text(until)}
            for call, held, until in row.holds
        ]
    return told


def add_to(app: typer.Typer) -> None:
    """Put this group's commands under ``app``."""
    app.add_typer(_APP, name="budget")

"""The commands under index: how full the passage index is, whether it is whole, what it forgets."""

import time
from typing import Annotated, Any

import typer

from firedoor.cli.options import AsJson, Config, Store, inert, login, print_json, store_of
from firedoor.errors import EXIT_FINDING, CallerError
from firedoor.store import StoreReader

_APP = typer.Typer(
    help="The passage index: by which texts of instances are known again.", no_args_is_help=True
)

_Actor = Annotated[str | None, typer.Option("--actor", help="Who decides. Default: the login.")]
_Reason = Annotated[str | None, typer.Option("--reason", help="Why; it stands in the ledger.")]


@_APP.command()
def show(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """How much the index holds, and whose quota is used up."""
    with store_of(config, store) as (opened, _):
        use = opened.index_use()
    told: dict[str, Any] = {
        "passages": use.passages,
        "fingerprints": use.prints,
        "outside": use.outside,
        "full": [{"instance": i, "refused": n} for i, n in use.full],
    }
    if json:
        print_json(told)
        return
    print(
        f"{use.passages} passages with {use.prints} fingerprints; {use.outside} fingerprints of "
        "what came in from outside"
    )
    for instance, refused in use.full:
        print(f"{inert(instance)}: quota used up, {refused} fingerprints refused")


@_APP.command()
def check(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Read all of the index; exit 1 when something is amiss."""
    with store_of(config, store, check=False) as (opened, _):
        found = opened.check_index()
    if json:
        print_json({**found._asdict(), "whole": found.whole})
    elif found.whole:
        print(f"{found.passages} passages, every one readable and every fingerprint there")
    else:
        print(
            f"{found.passages} passages, {found.unreadable} unreadable, {found.missing} "
            f"fingerprints missing{': ' + found.damage if found.damage else ''}\n"
            "write the fingerprints anew with `firedoor index rebuild`"
        )
    if not found.whole:
        raise typer.Exit(EXIT_FINDING)


@_APP.command()
def rebuild(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Write the fingerprints anew, from the passages that are kept. Stop the doors first."""
    with store_of(config, store, check=False) as (opened, _):
        found = opened.rebuild_index()
    if json:
        print_json(found._asdict())
    else:
        print(
            f"{found.prints} fingerprints of {found.passages} passages written anew, "
            f"{found.outside} from outside taken over, {found.unreadable} passages unreadable"
        )
    if found.unreadable:
        raise typer.Exit(EXIT_FINDING)


@_APP.command()
def forget(
    instance: Annotated[str, typer.Argument(help="Name or id of an instance.")],
    reason: _Reason = None,
    actor: _Actor = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say only whose words.")] = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Drop what is kept of an instance's words. Its labels, its calls and the ledger stay."""
    if not reason or not reason.strip():
        raise CallerError("a reason is needed", hint="--reason 'why its words may go'")
    with store_of(config, store) as (opened, _):
        rows = [r for r in StoreReader(opened).instances() if instance in
                (r["instance"], r["instance_id"])]  # fmt: skip
        if not rows:
            raise CallerError(
                f"no instance {instance!r} was seen", hint="`firedoor instances` lists them"
            )
        if len(rows) > 1:
            raise CallerError(
                f"{len(rows)} instances are called {instance!r}",
                hint="name one by its id: " + ", ".join(sorted(r["instance_id"] for r in rows)),
            )
        told: dict[str, Any] = {"instance_id": rows[0]["instance_id"], "dry_run": dry_run}
        if not dry_run:
            gone = opened.forget(
                rows[0]["instance_id"], actor=actor or login(), reason=reason.strip(),
                at=time.time(),
            )  # fmt: skip
            told |= gone._asdict()
    if json:
        print_json(told)
    elif dry_run:
        print(f"would forget the words of {inert(instance)} ({told['instance_id']})")
    else:
        print(
            f"forgot {told['passages']} passages with {told['prints']} fingerprints, and "
            f"{told['texts']} kept texts"
        )


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(_APP, name="index")

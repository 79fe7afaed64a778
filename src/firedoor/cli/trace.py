"""``firedoor trace``: who was exposed to whom, hop by hop, and who may have met outside."""

from typing import Annotated, Any

import typer
from rich.console import Console

from firedoor.cli.options import (
    AsJson,
    Config,
    Store,
    generation,
    inert,
    print_json,
    store_of,
)
from firedoor.errors import CallerError
from firedoor.lineage import HOPS_MAX
from firedoor.store import tracing

_SHOWN_MAX = 40
_NAME_CHARS_MAX = 120


def trace(
    who: Annotated[str, typer.Argument(help="An instance, its name or id, or a compartment.")],
    up: Annotated[bool, typer.Option("--up", help="Only to whom it was exposed.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only who was exposed to it.")] = False,
    hops: Annotated[
        int, typer.Option(help="How far to go.", min=1, max=HOPS_MAX, show_default=False)
    ] = HOPS_MAX,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Where what an instance was shown came from, and where what it wrote went; suspicions apart."""
    both = up == down
    with store_of(config, store) as (opened, settings):
        found = tracing.trace(
            opened,
            who,
            up=up or both,
            down=down or both,
            hops=hops,
            convergence=settings.convergence.settings(),
        )
    if found is None:
        raise CallerError(
            f"no instance and no compartment {who!r} in this store",
            hint="`firedoor instances` lists them",
        )
    if json:
        print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    console = Console()
    for row in found["instances"][:_SHOWN_MAX]:
        console.print(
            f"[bold]{inert(row['instance'])}[/] in {inert(row['compartment'])}, "
            f"{inert(row['instance_id'])}"
        )
    _print_hops(console, found["up"], "was exposed to", "nothing that came from another room")
    _print_hops(console, found["down"], "was shown by", "nobody in another room")
    _print_suspected(console, found)
    _print_egress(console, found["egress"])
    if not found["complete"]:
        console.print(
            f"Not all was read: only the newest {tracing.CALLS_MAX} calls, or things, are compared.",
            style="yellow",
        )


def _print_hops(console: Console, rows: list[dict[str, Any]] | None, verb: str, none: str) -> None:
    if rows is None:
        return
    up = verb == "was exposed to"
    console.print("\n[bold]Up[/]: exposed to" if up else "\n[bold]Down[/]: exposed to it")
    if not rows:
        console.print(f"  {none}")
    for row in rows[:_SHOWN_MAX]:
        hop = "?" if row["hop"] is None else str(row["hop"])
        source = (
            f"{inert(row['from'])} ({inert(row['from_compartment'])})"
            if row["from"] is not None
            else f"somebody in {inert(row['from_compartment'])}"
        )
        carried = f", carried by {row['carried_by']}" if row["carried_by"] else ""
        more = f", and {row['calls'] - 1} calls more" if row["calls"] > 1 else ""
        console.print(
            f"  hop {hop}  {source} → {inert(row['to'])} ({inert(row['to_compartment'])}) "
            f"by {inert(row['channel'])} at generation {generation(row['generation'])}  "
            f"[dim]{inert(row['call'])}{inert(carried)}{more} {row['time']}[/]",
            soft_wrap=True,
        )
    if len(rows) > _SHOWN_MAX:
        console.print(f"  and {len(rows) - _SHOWN_MAX} more (--json shows all)")


def _print_suspected(console: Console, found: dict[str, Any]) -> None:
    rows = found["suspected"]
    console.print(
        "\n[bold]Suspected[/]: touched the same rare outside thing. No verdict comes of it",
        soft_wrap=True,
    )
    if not rows:
        console.print("  nothing")
    for row in rows[:_SHOWN_MAX]:
        name = row["name"] or ""
        name = f" {name[:_NAME_CHARS_MAX]}" + ("…" if len(name) > _NAME_CHARS_MAX else "")
        also = ", exposed to one another too" if row["also_proven"] else ""
        console.print(f"  {row['kind']} {row['thing']}{inert(name.rstrip())}{also}", soft_wrap=True)
        for each in row["instances"][:_SHOWN_MAX]:
            console.print(
                f"    {inert(each['instance'] or each['instance_id'])} "
                f"({inert(each['compartment'])})  [dim]{inert(each['call'])} {each['first_seen']}[/]",
                soft_wrap=True,
            )
    rest = found["suspected_total"] - min(len(rows), _SHOWN_MAX)
    if rest > 0:
        console.print(f"  and {rest} more")


def _print_egress(console: Console, told: dict[str, Any]) -> None:
    console.print(
        f"\n[bold]Egress[/]: {told['bytes']} bytes, at most {told['bits']} bits, in what "
        f"{told['calls']} tool calls asked of {told['hosts_total']} hosts"
    )
    for row in told["hosts"][:10]:
        host = inert(row["host"]) if row["host"] is not None else "no host (searches, keys, names)"
        console.print(
            f"  {row['bytes']:>8} bytes  {row['bits']:>8} bits  {row['calls']:>5} calls  {host}",
            soft_wrap=True,
        )


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(trace)

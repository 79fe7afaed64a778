"""Commands that look, and release what was looked at: status, instances, quarantine, ledger."""

import getpass
import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firedoor.cli.options import (
    AsJson,
    Config,
    Store,
    generation,
    inert,
    print_json,
    reader_of,
    share,
    store_of,
)
from firedoor.errors import EXIT_FINDING
from firedoor.store import StoreReader

_HALF = 0.5


def status(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Calls, rooms, attributed share, what is held."""
    with reader_of(config, store) as (reader, _):
        found = reader.status()
        newest = reader.calls(limit=1)
    # Which mode is in force, whoever serves knows; the store knows what the last call was made under.
    found["mode"] = newest[0]["mode"] if newest else None
    found["one_room"] = found["rooms"] > 0 and found["largest_room_share"] > _HALF
    if json:
        print_json(found)
        return
    console = Console()
    grid = Table.grid(padding=(0, 2))
    verdicts = ", ".join(f"{n} {name}" for name, n in found["verdicts"].items())
    rows = (
        ("mode", f"{found['mode'] or '–'}, as of the newest call"),
        ("calls", f"{found['calls']} ({verdicts})"),
        ("rooms", f"{found['rooms']}, the largest ({inert(found['largest_room'])}) with "
                  f"{share(found['largest_room_share'])} of the calls"),
        ("attributed", f"{share(found['attributed_share'])} of the texts, "
                       f"{share(found['assumed_share'])} assumed"),
        ("withheld", f"{found['coverage']['withheld']} parts, {found['quarantined']} held for review"),
        ("histories", f"{found['coverage']['forged']} forged parts, "
                      f"{found['coverage']['transplanted']} transplanted"),
        ("deepest", f"generation {generation(found['deepest_generation'])}"),
        ("egress", f"{found['egress']['bytes']} bytes in what {found['egress']['calls']} tool calls "
                   f"asked of {found['egress']['hosts']} hosts, at most {found['egress']['bits']} bits"),
        ("ledger", f"{found['entries']} entries"),
    )  # fmt: skip
    for name, value in rows:
        grid.add_row(f"[bold]{name}[/]", value)
    console.print(grid)
    if found["one_room"]:
        console.print(
            "\nOne room holds more than half of the calls: nothing is judged inside a room. "
            "Name instances and compartments to raise doors (docs/rooms.md).",
            style="yellow",
        )


def instances(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Every instance that was seen, the latest first."""
    with reader_of(config, store) as (reader, _):
        found = reader.instances()
    if json:
        print_json(found)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("instance", "compartment", "calls", "gen", "forged", "exposed to", "last seen"):
        table.add_column(name)
    for row in found:
        exposed = sorted({str(e["compartment"]) for e in row["exposures"]})
        table.add_row(
            inert(row["instance"]), inert(row["compartment"]),
            str(row["calls"]), generation(row["generation"]), str(row["forged"]), inert(", ".join(exposed) or "–"),
            row["last_seen"],
        )  # fmt: skip
    Console().print(table)


def _quarantine_list(
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
    state: Annotated[str | None, typer.Option(help="held | released | rejected | expired")] = None,
) -> None:
    """Withheld passages, the newest first."""
    with reader_of(config, store) as (reader, _):
        found = reader.quarantine(state=state)
    if json:
        print_json(found)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("id", "state", "author", "from", "channel", "gen", "chars", "copies", "rule"):
        table.add_column(name)
    for row in found:
        table.add_row(
            row["id"], row["state"], inert(row["author"] or "–"),
            inert(row["author_compartment"] or "–"), row["channel"], generation(row["generation"]),
            str(row["characters"]), str(row["copies"]), inert(row["rule"] or ""),
        )  # fmt: skip
    Console().print(table)


def _quarantine_release(
    item: Annotated[str, typer.Argument(help="The item, q_…")],
    reason: Annotated[str, typer.Option(help="Why; it is in the ledger for good.")],
    days: Annotated[float, typer.Option(help="For how long.", min=0.001, max=365)] = 30,
    dry_run: Annotated[bool, typer.Option(help="Say what would happen, and do nothing.")] = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Let a held item go: what it names may be used as it is now, until the release ends."""
    with store_of(config, store) as (opened, _):
        found = next((r for r in StoreReader(opened).quarantine() if r["id"] == item), None)
        version = None
        if not dry_run or found is None:
            version = opened.release(
                item, actor=getpass.getuser(), reason=reason, at=time.time(), days=days
            )
    if json:
        print_json({"item": item, "order": version, "days": days, "dry_run": dry_run})
    elif found is not None:
        done = "would be released" if dry_run else "is released"
        print(
            f"{item} {done} for {days:g} days: {found['characters']} characters by "
            f"{found['author'] or 'nobody that is known'}, channel {found['channel']}"
        )


def _ledger_verify(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """Check every entry, link and hash of the ledger against its tree."""
    with reader_of(config, store, check=False) as (reader, _):
        found = reader.verify()
    value = {
        "ok": found.ok,
        "size": found.size,
        "root": found.root.hex(),
        "problems": list(found.problems),
        "witnessed": False,
    }
    if json:
        print_json(value)
    elif found.ok:
        print(f"ok: {found.size} entries, root {found.root.hex()}")
        print("No witness holds a checkpoint: who can write the file can rewrite all of it.")
    else:
        for problem in found.problems:
            print(problem)
    if not found.ok:
        raise typer.Exit(EXIT_FINDING)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(status)
    app.command()(instances)
    quarantine = typer.Typer(help="Withheld passages.", no_args_is_help=True)
    quarantine.command("list")(_quarantine_list)
    quarantine.command("release")(_quarantine_release)
    app.add_typer(quarantine, name="quarantine")
    ledger = typer.Typer(help="The append-only record.", no_args_is_help=True)
    ledger.command("verify")(_ledger_verify)
    app.add_typer(ledger, name="ledger")

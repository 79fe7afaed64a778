"""``firedoor explain``: what was decided about one call, or why one instance is exposed."""

from typing import Annotated, Any

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
)
from firedoor.engine import explained
from firedoor.errors import CallerError
from firedoor.report import Why, why
from firedoor.store import StoreReader

_ENDS = {
    "author": "wrote it first",
    "container": "and before that only the room is known",
    "cut": "and so on: the path is longer than is shown",
}


def explain(
    what: Annotated[str, typer.Argument(help="A call, c_…, or an instance: its name or id.")],
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
    words: Annotated[bool, typer.Option(help="Show words of the protocol too.")] = False,
) -> None:
    """Everything that was decided about one call, or why an instance is exposed."""
    with reader_of(config, store) as (reader, _):
        found = explained(what, reader.opened, reader.closed, reader.call_entries(what))
        asked = [] if found is not None else _instances(reader, what)
        told = [why(reader, row) for row in asked]
    if found is None and not told:
        raise CallerError(
            f"no call and no instance {what!r} in this store",
            hint="`firedoor instances` lists them; a call's id stands in x-firedoor-call",
        )
    if json:
        print_json(found if found is not None else [_why_json(each) for each in told])
    elif found is not None:
        _print_call(found, words=words)
    else:
        for each in told:
            _print_why(each)


def _instances(reader: StoreReader, name: str) -> list[dict[str, Any]]:
    return [row for row in reader.instances() if name in (row["instance"], row["instance_id"])]


def _why_json(told: Why) -> dict[str, Any]:
    return {
        **told._asdict(),
        "path": [step._asdict() for step in told.path],
        "missing": [each._asdict() for each in told.missing],
        "attributed_share": told.attributed_share,
    }


def _print_why(told: Why) -> None:
    console = Console()
    console.print(
        f"[bold]{inert(told.instance)}[/] in {inert(told.compartment)}, {inert(told.instance_id)}; "
        f"generation {generation(told.generation)}"
    )
    for n, step in enumerate(told.path):
        by = f" was shown, by {step.channel}, what" if step.channel else " "
        who = f"{inert(step.instance)} ({inert(step.compartment)})"
        last = _ENDS[told.end] if n == len(told.path) - 1 and told.end == "author" else ""
        console.print(
            f"{'  ' * n}{'' if n == 0 else '← '}{who} at generation {generation(step.generation)}"
            f"{by}{last}  [dim]{step.call} {step.time}[/]",
            soft_wrap=True,
        )
    if told.end == "container":
        where = f" ({inert(told.container)})" if told.container else ""
        console.print(f"{'  ' * len(told.path)}← somebody{where} wrote: {_ENDS['container']}")
    elif told.end == "cut":
        console.print(f"{'  ' * len(told.path)}← {_ENDS['cut']}")
    elif told.end == "none":
        console.print("nothing that it was shown came from another room")
    console.print(
        f"attributed: {share(told.attributed_share)} of {told.texts} texts"
        + (". Raise it by:" if told.missing else "")
    )
    for each in told.missing[:8]:
        by_tool = f" of {inert(each.tool)}" if each.tool else ""
        console.print(
            f"  {share(each.share):>5}  {each.channel}{by_tool}: {inert(each.raised_by)}",
            soft_wrap=True,
        )


def _print_call(found: dict[str, Any], *, words: bool) -> None:
    console = Console()
    coverage = found["coverage"]
    console.print(
        f"[bold]{inert(found['call'])}[/]  {found['verdict']}"
        + (f" ({found['code']})" if found["code"] else "")
        + f"  {found['surface']}  {found['time']}  mode {found['mode']}"
    )
    console.print(
        f"instance {inert(found['instance'])} in {inert(found['compartment'])}, "
        f"known by {found['identity']}; generation {generation(found['generation'])}"
    )
    console.print(
        f"parts: {coverage['judged']} judged, {coverage['attributed']} attributed, "
        f"{coverage['total']} in all, {coverage['opaque']} opaque"
        + "".join(
            f", {coverage[name]} {name}"
            for name in ("forged", "transplanted")
            # A call written down by an older door counted neither.
            if coverage.get(name)
        )
    )
    table = Table(box=None, header_style="bold", pad_edge=False)
    # What stands where is what people look for: of all columns this one is never cut.
    table.add_column("pointer", overflow="fold")
    for name in ("channel", "author", "gen", "evidence", "verdict", "rule"):
        table.add_column(name)
    for part in found["parts"]:
        if part.get("kind") == "word" and not words:
            continue
        author = f"{part['author']} ({part['author_compartment']})" if part["author"] else "–"
        verdict = part["verdict"] + (" (shadow)" if part["shadow"] else "")
        table.add_row(
            inert(part["pointer"]), part["channel"], inert(author), generation(part["generation"]),
            part["evidence"], verdict, inert(part["rule"] or part["quarantine"] or ""),
            style="bold red" if verdict != "allow" else None,
        )  # fmt: skip
    console.print(table)
    for file in found.get("files", []):
        console.print(
            f"file {inert(file['pointer'])}: {file['bytes']} bytes, {file['lines']} lines"
            + ("" if file["read"] else ", not read to its end")
        )
        for wrote in file.get("written", []):
            console.print(
                f"  {wrote['lines']} lines by {inert(wrote['author'] or 'nobody that is known')} at "
                f"generation {generation(wrote['generation'])}, for {wrote['use']}: "
                f"{wrote['quarantine']}"
            )
    for tool in found["tools"]:
        console.print(
            f"tool call {inert(tool['name'])}: {tool['verdict']}"
            + (f" by {inert(tool['rule'])}" if tool["rule"] else "")
        )
    for hop in found.get("hops", []):
        console.print(f"hop {hop['name']} at {inert(hop['at'])}")
    for edge in found["edges"]:
        console.print(
            f"{edge['kind']}: {inert(edge['from'] or found['instance'])} → "
            f"{inert(edge['to'] or found['instance'])}, {edge['characters']} characters"
        )
    for seen in found["exposures"]:
        exposed = "refused, it would be exposed" if found["verdict"] == "denied" else "exposed"
        console.print(
            f"{exposed} to {inert(seen['author'] or 'the room')} of {inert(seen['compartment'])} "
            f"at generation {generation(seen['generation'])} by {seen['channel']}"
        )
    entries = ", ".join(str(e["index"]) for e in found["entries"])
    console.print(f"ledger entries {entries}")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(explain)

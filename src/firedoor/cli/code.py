"""The commands blame and scan: who wrote which lines of a file, and whether they may stand there."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from firedoor.cli.options import AsJson, Config, Store, generation, inert, print_json, store_of
from firedoor.cli.trees import File, files_below, files_changed, text_of
from firedoor.errors import EXIT_FINDING, CallerError
from firedoor.report import Line, blamed, forbidden
from firedoor.store import StoreReader, digester

_PATHS_HINT: Final = "name files or folders, or --git RANGE, or --staged"


def blame(
    path: Annotated[Path, typer.Argument(help="A text file.")],
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Mark each line of a file with the instance, call and generation that wrote it."""
    if not path.is_file():
        raise CallerError(f"there is no file {str(path)!r}")
    text = text_of(path.read_bytes())
    if text is None:
        raise CallerError(f"{str(path)!r} is no text that could be read")
    with store_of(config, store) as (opened, _):
        lines = blamed(
            StoreReader(opened),
            text,
            digester(opened.index_key),
            opened.keys.printer,
            at=time.time(),
        )
    if json:
        print_json([_line_json(line) for line in lines])
        return
    table = Table(box=None, header_style="bold", pad_edge=False, expand=True)
    for name in ("instance", "gen", "call"):
        table.add_column(name, no_wrap=True)
    table.add_column("line", justify="right")
    table.add_column("text", overflow="ellipsis", no_wrap=True, ratio=1)
    for line in lines:
        author = line.author
        table.add_row(
            inert(author.author) if author else "",
            generation(author.label.generation) if author else "",
            author.call if author else "", str(line.number), inert(line.text),
        )  # fmt: skip
    Console().print(table)


def _line_json(line: Line) -> dict[str, Any]:
    author = line.author
    return {
        "line": line.number,
        "instance": author.author if author else None,
        "instance_id": author.instance if author else None,
        "compartment": author.compartment if author else None,
        "call": author.call if author else None,
        "generation": author.label.generation if author else None,
        "arrives_as": line.generation if author else None,
        "rooms": sorted(line.label.live),
    }


def scan(
    paths: Annotated[list[str] | None, typer.Argument(help="Files and folders.")] = None,
    git: Annotated[
        str | None,
        typer.Option(help="What a range (A..B) or a commit adds.", show_default=False),
    ] = None,
    staged: Annotated[
        bool, typer.Option("--staged", help="What is staged for the next commit.")
    ] = False,
    generation_max: Annotated[
        int,
        typer.Option("--generation", help="The highest generation that may stand there.", min=0),
    ] = 1,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Exit 1 when lines of a tree or a change were written by instances at a forbidden generation.

    A line arrives at its reader one generation deeper than it was written; unknown is always too
    deep.
    """
    named = list(paths or [])
    if git is not None and staged:
        raise CallerError("--git and --staged exclude each other")
    if git is None and not staged and not named:
        raise CallerError("there is nothing to scan", hint=_PATHS_HINT)
    findings = []
    files = skipped = written = 0
    with store_of(config, store) as (opened, _):
        reader, digest, now = StoreReader(opened), digester(opened.index_key), time.time()
        for file in _files(named, git, staged=staged):
            if file.text is None:
                skipped += 1
                continue
            files += 1
            lines = blamed(reader, file.text, digest, opened.keys.printer, at=now)
            written += sum(
                line.author is not None and (file.added is None or line.number in file.added)
                for line in lines
            )
            findings += forbidden(file.name, lines, generation_max=generation_max, only=file.added)
    told = {
        "files": files, "skipped": skipped, "lines_by_instances": written,
        "generation_max": generation_max, "findings": [f._asdict() for f in findings],
    }  # fmt: skip
    if json:
        print_json(told)
    else:
        for f in findings:
            where = f"{f.path}:{f.first}" + (f"-{f.last}" if f.last != f.first else "")
            print(
                f"{_plain(where)}: by {_plain(f.author)} of {_plain(f.compartment)} in {f.call}, "
                f"arrives at generation {generation(f.generation)}; descends from "
                + _plain(", ".join(f.rooms))
            )
        print(
            f"{len(findings)} findings above generation {generation_max} in {files} files; "
            f"{written} lines by instances, {skipped} files that are no text"
        )
    if findings:
        raise typer.Exit(EXIT_FINDING)


def _plain(text: str) -> str:
    """Hostile names must not move the cursor of whoever reads them."""
    return "".join(c if c.isprintable() else "�" for c in text)


def _files(paths: list[str], git: str | None, *, staged: bool) -> Iterator[File]:
    if git is not None or staged:
        yield from files_changed(git, paths)
        return
    for path in paths:
        yield from files_below(Path(path), hint=_PATHS_HINT)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(blame)
    app.command()(scan)

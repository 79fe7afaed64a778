"""What does a person type? One file a command group, thin.

May import: everything.
"""

import sys

import typer

from firedoor import __version__
from firedoor.cli import (
    adopt,
    budget,
    code,
    demo,
    explain,
    index,
    key,
    look,
    policy,
    provenance,
    serve,
    setup,
    trace,
)
from firedoor.errors import FiredoorError

app = typer.Typer(
    name="firedoor",
    help="A door on the wire between AI agents and model APIs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"firedoor {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True),
) -> None:
    """A door on the wire between AI agents and model APIs."""


for module in (
    setup,
    serve,
    demo,
    look,
    explain,
    trace,
    code,
    adopt,
    index,
    key,
    policy,
    provenance,
    budget,
):
    module.add_to(app)


def main() -> None:
    """The command ``firedoor``: 0 ok, 1 finding, 2 usage, 3 unavailable."""
    try:
        app()
    except FiredoorError as error:
        print(f"firedoor: {error.diagnostics()}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output had enough; that is no fault of ours.
        sys.stderr.close()
        sys.exit(0)

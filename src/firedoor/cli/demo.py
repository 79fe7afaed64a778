"""The command demo."""

from typing import Annotated

import typer

from firedoor.cli.serve import build
from firedoor.errors import SettingsError


def demo(
    model: Annotated[str, typer.Option(help="scripted | smollm2")] = "scripted",
    plain: Annotated[bool, typer.Option(help="No live table: one line a round.")] = False,
) -> None:
    """An office of agents, one of which turns: the same run without and with the door."""
    try:
        from firedoor.demo.show import run_demo
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the demo needs {error.name}, which is not installed",
            hint="pip install 'firedoor[demo]'",
        ) from None
    run_demo(model=model, plain=plain, build=build)


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(demo)

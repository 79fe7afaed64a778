"""Options that many commands share, and how settings and stores are opened for them."""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from firedoor.config import Settings, load_settings
from firedoor.errors import StoreUnavailable
from firedoor.store import SqliteStore, StoreReader, open_store

Config = Annotated[
    Path | None, typer.Option("--config", help="Path of firedoor.yaml.", show_default=False)
]
Store = Annotated[
    str | None, typer.Option("--store", help="Store URL, sqlite:PATH.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_DEFAULT_FILE: Final = Path("firedoor.yaml")


def settings_of(config: Path | None, **flags: Any) -> Settings:
    """Settings as flags over variables over the file over defaults."""
    if config is None and not os.environ.get("FIREDOOR_CONFIG") and _DEFAULT_FILE.exists():
        config = _DEFAULT_FILE
    return load_settings(config, environ=os.environ, flags=flags)


@contextmanager
def reader_of(
    config: Path | None, store: str | None, *, check: bool = True
) -> Iterator[tuple[StoreReader, Settings]]:
    """A store that is there already, for reading.

    With ``check=False`` also one whose ledger does not add up, for the command that says so.
    """
    with store_of(config, store, check=check) as (opened, settings):
        yield StoreReader(opened), settings


@contextmanager
def store_of(
    config: Path | None, store: str | None, *, check: bool = True
) -> Iterator[tuple[SqliteStore, Settings]]:
    """A store that is there already; one is never made by looking for it."""
    settings = settings_of(config, store=store)
    path = settings.store_url.partition(":")[2].removeprefix("//")
    if path != ":memory:" and not Path(path).expanduser().exists():
        raise StoreUnavailable(
            "there is no store yet",
            where=settings.store_url,
            hint="make one by a call through a door, or name it with --store sqlite:PATH",
        )
    opened = open_store(
        settings.store_url,
        base=Path.cwd(),
        retention=settings.retention.content,
        check=check,
    )
    try:
        yield opened, settings
    finally:
        opened.close()


@contextmanager
def store_to_write(settings: Settings, *, dry_run: bool) -> Iterator[SqliteStore]:
    """The store; for a dry run that finds none, one that leaves nothing behind."""
    path = settings.store_url.partition(":")[2].removeprefix("//")
    there = path == ":memory:" or Path(path).expanduser().exists()
    url = settings.store_url if there or not dry_run else "sqlite::memory:"
    opened = open_store(url, base=Path.cwd(), retention=settings.retention.content)
    try:
        yield opened
    finally:
        opened.close()


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def inert(text: object) -> str:
    """Text of strangers for a terminal: no control characters, no markup."""
    shown = "".join(c if c.isprintable() else "·" for c in str(text))
    return shown.replace("[", r"\[")


def share(value: float | None) -> str:
    """A share as people read it."""
    return "–" if value is None else f"{value:.0%}"


def generation(value: object) -> str:
    """A generation as people read it; unknown is no number."""
    return "?" if value is None else str(value)


def login() -> str:
    """Who is at the keyboard, for the ledger."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"

"""Commands for statements: provenance key, provenance verify."""

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from firedoor.cli.options import AsJson, Config, Store, print_json, settings_of, store_of
from firedoor.door import proofs_of
from firedoor.errors import EXIT_FINDING, CallerError, StoreUnavailable
from firedoor.lineage import BadStatement, Proofs, believed
from firedoor.store import open_store


def _key(config: Config = None, store: Store = None, json: AsJson = False) -> None:
    """The public key of this door's statements, as `trust:` takes it; made if there is none yet."""
    settings = settings_of(config, store=store)
    opened = open_store(
        settings.store_url, base=Path.cwd(), retention=settings.retention.content
    )  # fmt: skip
    try:
        key = opened.signing_key()
    finally:
        opened.close()
    if json:
        print_json({"id": key.key_id, "key": key.public_text})
        return
    print(key.public_text)
    print(f"its id is {key.key_id}", file=sys.stderr)


def _proofs(config: Path | None, store: str | None) -> Proofs:
    """Whom this door believes; itself too, where it has a store already."""
    try:
        with store_of(config, store) as (opened, settings):
            # Read here, while the store is open.
            own = opened.signer()
            return replace(proofs_of(settings, opened), own=lambda: own)
    except StoreUnavailable:
        return proofs_of(settings_of(config, store=store), None)


def _verify(
    token: Annotated[str, typer.Argument(help="The statement; - reads it from standard input.")],
    text: Annotated[
        Path | None, typer.Option(help="A file: is its whole text what the statement is of?")
    ] = None,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """What a statement says, if this door believes it; exit 1 if it does not."""
    if token == "-":
        token = sys.stdin.read()
    try:
        words = text.read_text(encoding="utf-8") if text is not None else None
    except (OSError, UnicodeDecodeError) as error:
        raise CallerError(f"{text} cannot be read: {type(error).__name__}") from None
    found = reason = None
    try:
        found = believed(token.strip(), _proofs(config, store), time.time())
        if words is not None and not found.is_of(words):
            reason = "unmatched"
    except BadStatement as bad:
        reason = bad.reason
    value = {
        "ok": reason is None,
        "reason": reason,
        "statement": found.id if found is not None else None,
        "by": (found.by or "this door") if found is not None else None,
        "key": found.key if found is not None else None,
        "author": found.author if found is not None else None,
        "room": found.room if found is not None else None,
        "generation": found.label.generation if found is not None else None,
        "exposures": sorted(found.label.ancestry) if found is not None else [],
        "expires": found.expires if found is not None else None,
    }
    if json:
        print_json(value)
    elif found is not None and reason is None:
        depth = "unknown" if found.label.generation is None else found.label.generation
        print(f"ok: {found.id} by {value['by']}: written by {found.author} in "
              f"{found.room}, generation {depth}")  # fmt: skip
        print("descends from: " + (", ".join(sorted(found.label.ancestry)) or "nothing else"))
    else:
        print(f"counts for nothing: {reason}")
    if reason is not None:
        raise typer.Exit(EXIT_FINDING)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Statements that travel with a text.", no_args_is_help=True)
    group.command("key")(_key)
    group.command("verify")(_verify)
    app.add_typer(group, name="provenance")

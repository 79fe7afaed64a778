"""The command adopt: what stood there before the door."""

import json as jsons
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from firedoor import lineage
from firedoor.cli.options import (
    AsJson,
    Config,
    Store,
    login,
    print_json,
    settings_of,
    store_to_write,
)
from firedoor.cli.trees import TEXT_BYTES_MAX, files_at, files_below
from firedoor.engine.port import Brought
from firedoor.errors import EXIT_FINDING, CallerError
from firedoor.store import SqliteStore, StoreReader, digester
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import BOTTOM
from firedoor.types.record import Grant, InstanceRow, MintedRow

_ID_CHARS_MAX: Final = 512
_ORIGINS: Final = ("human", "developer")
# What an id names, by how the providers begin it. For the record only: nothing is decided by it.
_RESOURCES: Final = {
    "resp": "response", "conv": "conversation", "file": "file", "vs": "vector_store",
    "cntr": "container", "container": "container", "batch": "batch", "msgbatch": "message_batch",
    "memstore": "memory_store", "chatcmpl": "completion", "msg": "item", "upload": "upload",
}  # fmt: skip


def adopt(
    items: Annotated[
        list[str] | None, typer.Argument(help="Ids, with --instance; else files and folders.")
    ] = None,
    instance: Annotated[
        str | None, typer.Option(help="Whose the ids are.", show_default=False)
    ] = None,
    compartment: Annotated[
        str | None, typer.Option(help="Its room, where the name alone does not tell.")
    ] = None,
    git: Annotated[
        str | None, typer.Option(help="Adopt the files of this revision.", show_default=False)
    ] = None,
    jsonl: Annotated[
        list[Path] | None, typer.Option(help="Adopt every string of these JSON lines.")
    ] = None,
    origin: Annotated[str, typer.Option(help="human | developer")] = "developer",
    reason: Annotated[str | None, typer.Option(help="Why; goes into the ledger.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who; the login name by default.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    config: Config = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Bring in what stood there before the door: ids at a provider, or texts."""
    named = list(items or [])
    if not reason or not reason.strip():
        raise CallerError("a reason is needed", hint="--reason 'why this may come in'")
    if origin not in _ORIGINS:
        raise CallerError(f"origin {origin!r} is none", hint="one of " + ", ".join(_ORIGINS))
    if not named and git is None and not jsonl:
        raise CallerError("there is nothing to adopt", hint="firedoor adopt ID --instance NAME")
    if instance is not None and (git is not None or jsonl):
        raise CallerError("--instance is for ids, --git and --jsonl are for texts")
    settings = settings_of(config, store=store)
    who = {"actor": actor or login(), "reason": reason.strip()}
    if instance is not None:
        with store_to_write(settings, dry_run=dry_run) as opened:
            told, findings = _adopt_ids(opened, named, instance, compartment, who, dry=dry_run)
    else:
        texts = _texts(named, git, jsonl or [])
        with store_to_write(settings, dry_run=dry_run) as opened:
            sources = [*named, *([f"git:{git}"] if git else []), *map(str, jsonl or [])]
            told = _adopt_texts(opened, texts, sources, origin, who, dry=dry_run)
        findings = told["texts"] == 0
    if json:
        print_json(told)
    else:
        _print(told)
    if findings:
        raise typer.Exit(EXIT_FINDING)


def _print(told: dict[str, Any]) -> None:
    would = "would adopt" if told["dry_run"] else "adopted"
    if "texts" in told:
        print(
            f"{would} {told['texts']} texts ({told['passages']} passages) as {told['origin']}, "
            f"skipped {told['skipped']}"
        )
    for row in told.get("adopted", ()):
        print(f"{would} {row['id']} ({row['resource']}) for {row['instance']}")
    for row in told.get("owned", ()):
        mine = "already its own" if row["own"] else "somebody else's, and stays so"
        print(f"{row['id']}: {mine} ({row['instance']}, {row['compartment']})")


# -- ids -------------------------------------------------------------------------------------------


def _owner(reader: StoreReader, name: str, compartment: str | None) -> InstanceRow:
    """The instance that ids are adopted for.

    Raises:
        CallerError: Nobody of that name was seen, or several in different rooms.
    """
    rows = [
        row
        for row in reader.instances_named(name)
        if compartment is None or compartment in (row.compartment, row.room)
    ]
    rooms = {row.room: row.compartment for row in rows}
    if len(rooms) > 1:
        raise CallerError(
            f"instances called {name!r} were seen in {len(rooms)} rooms",
            hint="name one with --compartment: " + ", ".join(sorted(rooms)),
        )
    if rows:
        return rows[0]
    if compartment is None:
        raise CallerError(
            f"no instance called {name!r} was seen",
            hint="`firedoor instances` lists them; --compartment names the room of one to come",
        )
    room = RoomId(compartment)
    return InstanceRow(InstanceId(name), name, compartment, room, RunId(""), "adopted")


def _resource(id_: str) -> str:
    prefix = id_.partition("_")[0] if "_" in id_ else id_.partition("-")[0]
    return _RESOURCES.get(prefix, "state")


def _adopt_ids(
    opened: SqliteStore,
    ids: list[str],
    name: str,
    compartment: str | None,
    who: dict[str, str],
    *,
    dry: bool,
) -> tuple[dict[str, Any], bool]:
    digest = digester(opened.index_key)
    for id_ in ids:
        if not 0 < len(id_) <= _ID_CHARS_MAX or any(c.isspace() for c in id_):
            raise CallerError(f"{id_[:64]!r} is no id")
    reader = StoreReader(opened)
    owner = _owner(reader, name, compartment)
    by_digest = {digest(f"id\x1f{id_}"): id_ for id_ in ids}
    known = reader.owners(by_digest)
    owned = [
        {
            "id": by_digest[key], "instance": found, "compartment": row.room,
            "own": row.room == owner.room,
        }
        for key, (row, found) in known.items()
    ]  # fmt: skip
    new = [
        MintedRow(
            key, _resource(id_), owner.credential, owner.room, owner.run, owner.id, BOTTOM,
            CallId(""),
        )
        for key, id_ in by_digest.items()
        if key not in known
    ]  # fmt: skip
    order = None
    if new and not dry:
        body = {
            **who, "instance": owner.id, "name": owner.name, "room": owner.room,
            "ids": [{"digest": m.id.hex(), "resource": m.resource} for m in new],
        }  # fmt: skip
        order = opened.adopt(f"room:{owner.room}", body, time.time(), minted=new)
    told = {
        "dry_run": dry,
        "order": order,
        "adopted": [
            {
                "id": by_digest[m.id], "resource": m.resource, "instance": owner.name,
                "compartment": owner.compartment,
            }
            for m in new
        ],
        "owned": owned,
        **who,
    }  # fmt: skip
    return told, not all(row["own"] for row in owned)


# -- texts -----------------------------------------------------------------------------------------


def _texts(paths: list[str], git: str | None, jsonl: list[Path]) -> Iterator[str | None]:
    if git is not None:
        yield from (file.text for file in files_at(git, paths))
    else:
        for path in paths:
            found = files_below(Path(path), hint="ids are adopted with --instance NAME")
            yield from (file.text for file in found)
    for file in jsonl:
        yield from _of_lines(file)


def _of_lines(file: Path) -> Iterator[str | None]:
    """Every string of every line; a line that is no JSON is skipped, and counted."""
    try:
        with file.open("rb") as lines:
            for line in lines:
                if not line.strip():
                    continue
                try:
                    value = jsons.loads(line) if len(line) <= TEXT_BYTES_MAX else None
                except (ValueError, RecursionError):
                    value = None
                if value is None:
                    yield None
                yield from _strings(value)
    except OSError as error:
        raise CallerError(f"{file}: {error.strerror}") from None


def _strings(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def _adopt_texts(
    opened: SqliteStore,
    texts: Iterable[str | None],
    sources: list[str],
    origin: str,
    who: dict[str, str],
    *,
    dry: bool,
) -> dict[str, Any]:
    digest = digester(opened.index_key)
    passages: dict[Digest, None] = {}
    brought: list[Brought] = []
    count = skipped = 0
    for found in texts:
        known = lineage.adopted_passages(found, digest) if found is not None else ()
        count += bool(known)
        skipped += not known
        passages.update(dict.fromkeys(known))
        if known and found is not None and not dry:
            # What people vouch for is no instance's, even if one wrote it before.
            codes = lineage.normal_of(found).codes
            prints = lineage.prints_of([codes], opened.keys.printer)[0]
            brought.append(Brought(prints, pinned=True))
    order = None
    told = {"origin": origin, "texts": count, "passages": len(passages), "skipped": skipped}
    if passages and not dry:
        body = {**who, **told, "sources": sources}
        grants = (Grant(passage, origin) for passage in passages)
        order = opened.adopt("texts", body, time.time(), grants=grants, brought=brought)
    return {"dry_run": dry, "order": order, **told, **who}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(adopt)

"""Numbered migrations, each applied once, each in its own transaction."""

import sqlite3
from importlib.resources import files

from firedoor.errors import StoreError


def _steps() -> list[tuple[int, str]]:
    folder = files("firedoor.store").joinpath("sql")
    found = [f for f in folder.iterdir() if f.name.endswith(".sql")]
    return sorted((int(f.name.split("_")[0]), f.read_text(encoding="utf-8")) for f in found)


def migrate(connection: sqlite3.Connection) -> int:
    """Bring the schema up to date; gives its version.

    Raises:
        StoreError: The file was written by a newer firedoor.
    """
    steps = _steps()
    newest = steps[-1][0]
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > newest:
        raise StoreError(
            f"the store has schema {version}, this firedoor knows {newest}",
            hint="upgrade firedoor, or name another store",
        )
    if version == newest:
        return newest
    # The write lock first, then the question again: another process may have been quicker.
    for number, script in steps:
        connection.execute("BEGIN IMMEDIATE")
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version < number:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {int(number)}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return newest


def _statements(script: str) -> list[str]:
    """The script's statements. ``executescript`` would commit the transaction first."""
    found, pending = [], ""
    for line in script.splitlines():
        pending += line + "\n"
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found

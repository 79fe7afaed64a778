"""The store's files: made for their owner alone, with the key file beside the database."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from firedoor.errors import StoreUnavailable
from firedoor.store.keys import StoreKeys, load_keys
from firedoor.store.transactions import roll_back

_KEY_FILE: Final = "content.key"


def own_keys(path: Path | None, connection: sqlite3.Connection) -> StoreKeys:
    """The keys that this store was made with, which a new store makes and notes down."""
    if path is None:
        return load_keys(None, None)
    file = path.with_name(_KEY_FILE)
    known = _key_id(connection)
    if known is not None:
        return load_keys(file, known)
    # The write lock first, then the question again: another process may have been quicker.
    connection.execute("BEGIN IMMEDIATE")
    try:
        known = _key_id(connection)
        keys = load_keys(file, known)
        if known is None:
            connection.execute("INSERT INTO own_key (one, id) VALUES (1, ?)", (keys.key_id,))
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise
    return keys


def _key_id(connection: sqlite3.Connection) -> str | None:
    """The id of the key that the store was made with; None for a new one."""
    row = connection.execute("SELECT id FROM own_key").fetchone()
    if row is not None:
        return str(row[0])
    if connection.execute("SELECT 1 FROM entries LIMIT 1").fetchone() is not None:
        raise StoreUnavailable(
            "the store no longer says which key it was made with",
            hint="restore it from a backup, its key file with it",
        )
    return None


def make_directory(path: Path) -> None:
    """Make the folder, and an empty file in it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made before SQLite would make it with the umask's rights.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(
            f"the store's folder cannot be used: {error.strerror}",
            where=str(path.parent),
            hint="make it writable for this user, or name another with --store sqlite:PATH",
        ) from error


def restrict(path: Path) -> None:
    """Nobody else reads the files, whatever the umask was. The folder is ours if we made it."""
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            file.chmod(0o600)

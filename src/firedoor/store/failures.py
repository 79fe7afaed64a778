"""What a caller is told of anything that goes wrong with the file or what it holds."""

import sqlite3

from firedoor.errors import StoreError, StoreUnavailable


class Busy(StoreUnavailable):
    """Another process holds the write lock."""


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another process holds the lock that was asked for."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def failure_of(error: Exception, url: str) -> StoreError:
    """What a caller is told of anything that went wrong in the writer."""
    if isinstance(error, StoreError):
        return error
    if isinstance(error, sqlite3.Error):
        failure = unavailable(error, url)
    else:
        failure = StoreUnavailable(
            f"{url}: the store's contents cannot be used ({type(error).__name__})",
            hint="check it with `firedoor ledger verify`",
        )
    failure.__cause__ = error
    return failure


def unavailable(error: sqlite3.Error, url: str) -> StoreUnavailable:
    """The same of what SQLite said, with what to do about it."""
    code = getattr(error, "sqlite_errorname", type(error).__name__)
    hints = {
        "SQLITE_FULL": "make room on the disk",
        "SQLITE_READONLY": "make the file and its folder writable",
        "SQLITE_CANTOPEN": "make the folder readable and writable",
        "SQLITE_CORRUPT": "`firedoor index check` says whether it is the passage index, which "
        "`firedoor index rebuild` mends; else restore a backup: `firedoor ledger verify` shows "
        "what is left",
        "SQLITE_NOTADB": "the file is no store; name another with --store sqlite:PATH",
        "SQLITE_CONSTRAINT_PRIMARYKEY": "`firedoor ledger verify` shows what does not fit",
        "SQLITE_BUSY": "another process holds the store's write lock",
    }
    return StoreUnavailable(f"the store failed: {code}", where=url, hint=hints.get(code))

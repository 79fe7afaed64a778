"""Stores that are open when a process forks, or ends.

A forked child begins anew, since its parent's threads and connections are not its own; a program that
ends without closing its door loses nothing that was queued.
"""

import atexit
import os
import weakref
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from firedoor.store.sqlite import SqliteStore

_open_stores: "Final[weakref.WeakSet[SqliteStore]]" = weakref.WeakSet()
_abandoned: Final[list[object]] = []


def watch(store: "SqliteStore") -> None:
    """Look after this store too."""
    _open_stores.add(store)


def abandon(*things: object) -> None:
    """Keep what a child must not use: closing it there would tidy away what its parent is using."""
    _abandoned.extend(things)


def _after_fork() -> None:
    for store in list(_open_stores):
        store.reopen_after_fork()


@atexit.register
def _at_exit() -> None:
    for store in list(_open_stores):
        if not store.closed:
            store.settle()


os.register_at_fork(after_in_child=_after_fork)

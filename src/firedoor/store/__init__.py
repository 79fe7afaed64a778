"""What is remembered, durably? Answers the engine's port; SQLite for now.

May import: types, errors, engine and the rooms on the road.
"""

import secrets
from pathlib import Path

from firedoor.errors import SettingsError, StoreUnavailable
from firedoor.store.keys import digester
from firedoor.store.reading import StoreReader
from firedoor.store.signing import SigningKey, public_from, verifier
from firedoor.store.sqlite import SqliteStore
from firedoor.store.tracing import trace
from firedoor.types.ids import NodeId

__all__ = [
    "SigningKey",
    "SqliteStore",
    "StoreReader",
    "digester",
    "open_store",
    "public_from",
    "trace",
    "verifier",
]


def open_store(
    url: str,
    *,
    base: Path | None = None,
    retention: str = "encrypted",
    check: bool = True,
    absent: StoreUnavailable | None = None,
) -> SqliteStore:
    """Open the store at ``url``: ``sqlite:PATH`` (relative to ``base``) or ``sqlite::memory:``.

    With ``check=False`` a ledger whose head does not fit it is opened too, to be verified. With
    ``absent``, the reason why it could not be opened, nothing is: what is given fails with it.

    Raises:
        SettingsError: The address is of no known kind.
        StoreUnavailable: The store is there, or should be, and cannot be used.
    """
    scheme, _, rest = url.partition(":")
    if scheme != "sqlite" or not rest:
        raise SettingsError(
            f"store {scheme + ':…'!r} is of no kind that this version knows",
            hint="write sqlite:PATH, e.g. sqlite:.firedoor/firedoor.db",
        )
    node = NodeId("n_" + secrets.token_hex(8))
    path = None if rest == ":memory:" else Path(rest.removeprefix("//")).expanduser()
    if path is not None and not path.is_absolute():
        path = (base or Path.cwd()) / path
    return SqliteStore(path, node=node, retention=retention, check=check, absent=absent)

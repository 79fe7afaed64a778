"""Virtual keys: issued, revoked, listed and looked up. Of a key itself, its keyed digest alone is kept.

Issuing and revoking are entries of the ledger, of the kind ``key``. Revoking is an order, too: its
version is in every look and every commit, so that no call begins under a key that was revoked, in any
process. The key is told once, by `issue`, and stands nowhere after that.
"""

import json
import secrets
import sqlite3
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from firedoor.engine.explain import time_text
from firedoor.engine.port import FoundKey, LookKey
from firedoor.errors import CallerError
from firedoor.store import tokens, writing
from firedoor.store.head import read_head
from firedoor.store.keys import StoreKeys
from firedoor.types.key import TOKEN_PREFIX, VIRTUAL_PREFIX, KeyRow

_SECRET_BYTES: Final = 32
_ID_BYTES: Final = 8
_COLUMNS: Final = (
    "id, kind, name, compartment, instance, instances, upstreams, caps, rights, expires, revoked"
)


class Issued(NamedTuple):
    """A key that was just issued. Not for a log: ``secret`` is the key."""

    key: KeyRow
    secret: str

    def __repr__(self) -> str:
        return f"Issued({self.key.id})"


def new_key(wanted: KeyRow) -> Issued:
    """A key with an id and a secret of its own, that no store knows yet.

    ``fd_`` and 256 random bits for a plain one; of a token the secret is made when it is written.
    """
    key = wanted._replace(id="k_" + secrets.token_hex(_ID_BYTES))
    if key.kind == "token":
        return Issued(key, "")
    return Issued(key, VIRTUAL_PREFIX + secrets.token_urlsafe(_SECRET_BYTES))


def write_issued(
    db: sqlite3.Connection,
    keeper: writing.Keeper,
    issued: Issued,
    *,
    actor: str,
    reason: str | None,
    at: float,
) -> None:
    """Write a new key down, and that it was issued."""
    key = issued.key
    digest = keeper.keys.virtual_digest(issued.secret) if key.kind == "plain" else None
    db.execute(
        "INSERT INTO keys (id, kind, digest, name, compartment, instance, instances, upstreams, "
        "caps, rights, issued, expires) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (key.id, key.kind, digest, key.name, key.compartment, key.instance, key.instances,
         json.dumps(key.upstreams), json.dumps(key.caps), json.dumps(key.rights), at, key.expires),
    )  # fmt: skip
    body = {"act": "issue", **told(key), "actor": actor, "reason": reason}
    writing.write_entry(db, keeper, read_head(db), "key", body, at)


def write_revoked(
    db: sqlite3.Connection,
    keeper: writing.Keeper,
    target: str,
    *,
    key: str | None,
    actor: str,
    reason: str | None,
    at: float,
) -> int | CallerError:
    """Revoke a key, or a block of a token with all that descends from it; gives the order's version.

    What cannot be revoked is told, and nothing is written: the transaction goes on.

    Args:
        target: ``k_…`` or ``b_…``.
        key: For a block, the key that it descends from.
    """
    if target.startswith(tokens.BLOCK_PREFIX):
        gone = db.execute("SELECT 1 FROM revoked_blocks WHERE id = ?", (target,)).fetchone()
        if gone is not None:
            return CallerError(f"{target} is revoked already")
        db.execute(
            "INSERT INTO revoked_blocks (id, key, at) VALUES (?,?,?)", (target, key or "", at)
        )
    else:
        row = db.execute("SELECT revoked FROM keys WHERE id = ?", (target,)).fetchone()
        if row is None:
            return CallerError(
                f"no key {target[:64]!r} in this store", hint="`firedoor key list` shows them"
            )
        if row[0] is not None:
            return CallerError(f"{target} is revoked already")
        db.execute("UPDATE keys SET revoked = ? WHERE id = ?", (at, target))
    body = {"act": "revoke", "key": key or target, "actor": actor, "reason": reason}
    version, _ = writing.write_order(
        db, keeper, read_head(db), kind="revoke", target=f"key:{target}", body=body, at=at,
        ledger="key",
    )  # fmt: skip
    return version


def _row(row: Any) -> KeyRow:
    id_, kind, name, compartment, instance, instances, upstreams, caps, rights, expires, gone = row
    return KeyRow(
        id=id_, kind=kind, name=name, compartment=compartment, instance=instance,
        instances=instances, upstreams=tuple(json.loads(upstreams)),
        caps=tuple((k, n) for k, n in json.loads(caps)), rights=tuple(json.loads(rights)),
        expires=expires, revoked=gone,
    )  # fmt: skip


def _one(db: sqlite3.Connection, where: str, value: str | bytes) -> KeyRow | None:
    found = db.execute(
        "SELECT " + _COLUMNS + " FROM keys WHERE " + where,  # noqa: S608 - constants
        (value,),
    ).fetchone()
    return _row(found) if found is not None else None


def look_key(
    db: sqlite3.Connection, ask: LookKey, keys: StoreKeys, roots: tokens.Roots
) -> FoundKey:
    """Is this a virtual key, and what is it for?"""
    (orders,) = db.execute("SELECT orders FROM head").fetchone()
    if ask.id is not None:
        return FoundKey(_one(db, "id = ?", ask.id), orders)
    if not ask.secret.startswith(TOKEN_PREFIX):
        digest = keys.virtual_digest(ask.secret)
        return FoundKey(_one(db, "digest = ?", digest), orders)
    read = roots.read(ask.secret)
    if isinstance(read, str):
        return FoundKey(None, orders, read)
    key = _one(db, "id = ?", read.key)
    if key is None or key.kind != "token":
        return FoundKey(None, orders)
    for block in read.blocks:
        gone = db.execute("SELECT at FROM revoked_blocks WHERE id = ?", (block,)).fetchone()
        if gone is not None:
            key = key._replace(revoked=min(key.revoked or gone[0], gone[0]))
    return FoundKey(tokens.narrowed(key, read.narrowings), orders)


def listed(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Every key that was issued, the newest first, as ``key list`` shows it."""
    for issued, *found in db.execute(
        "SELECT issued, " + _COLUMNS + " FROM keys ORDER BY issued DESC, id"  # noqa: S608
    ):
        key = _row(found)
        blocks = db.execute(
            "SELECT id FROM revoked_blocks WHERE key = ? ORDER BY at, id", (key.id,)
        )
        revoked = time_text(key.revoked) if key.revoked is not None else None
        yield {
            **told(key),
            "issued": time_text(issued),
            "revoked": revoked,
            "revoked_blocks": [block for (block,) in blocks],
        }


def told(key: KeyRow) -> dict[str, Any]:
    """A key as ledger, lists and ``--json`` tell of it: all but itself."""
    return {
        "key": key.id,
        "kind": key.kind,
        "name": key.name,
        "compartment": key.compartment,
        "instance": key.instance,
        "instances": key.instances,
        "upstreams": list(key.upstreams),
        "caps": dict(key.caps),
        "rights": list(key.rights),
        "expires": time_text(key.expires) if key.expires is not None else None,
    }

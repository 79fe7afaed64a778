"""Doors that have a key of their own for every provider, and keys of theirs."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from driving import Office, settings_for
from firedoor.config.settings import UpstreamSetting
from firedoor.store import SqliteStore
from firedoor.testing import ScriptedUpstream
from firedoor.types.key import KeyRow

ENVIRON: Final = {
    "KEY_OPENAI": "sk-the-providers-own-key",
    "KEY_ANTHROPIC": "sk-ant-the-providers-own-key",
    "KEY_GEMINI": "AIza-the-providers-own-key",
}
REQUIRED: Final = "keys: required\n"


def with_keys(upstream: ScriptedUpstream, *names: str) -> str:
    """The section of a policy file that gives these upstreams a key; all three, unless named."""
    rows = [
        f"  {name}: {{base_url: '{upstream.url}', key: env:KEY_{name.upper()}}}\n"
        for name in names or ("openai", "anthropic", "gemini")
    ]
    return "upstreams:\n" + "".join(rows)


def issued(store: SqliteStore, *, at: float | None = None, **wanted: object) -> tuple[str, str]:
    """(the key, its id) of a key that is issued now."""
    row = KeyRow(id="")._replace(**wanted)  # type: ignore[arg-type]
    now = time.time() if at is None else at
    made = store.issue_key(row, actor="tester", reason="a test", at=now)
    return made.secret, made.key.id


def revoke(store: SqliteStore, target: str, key: str | None = None) -> None:
    """End a key now."""
    store.revoke_key(target, key=key, actor="tester", reason="a test", at=time.time())


def offices(folder: Path, mode: str = "contain", policy: str = "", **changes: Any) -> Office:
    """An office whose door has a key of its own for every provider."""
    found = settings_for(folder, mode, policy)
    upstreams = {
        name: UpstreamSetting(name, row.base_url, f"the-key-of-{name}")
        for name, row in found.upstreams.items()
    }
    return Office(replace(found, upstreams=upstreams, **changes))


def sends(secret: str, **named: str) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of who has this key, and says this of itself."""
    bearer = (b"authorization", b"Bearer " + secret.encode())
    rest = [(f"x-firedoor-{name}".encode(), value.encode()) for name, value in named.items()]
    return (bearer, *rest)

"""A store and its key belong together: without it nothing is recognised, so nothing is begun."""

import os
import secrets
import sqlite3
from pathlib import Path

import pytest

from driving import Office, settings_for
from firedoor.errors import StoreUnavailable
from firedoor.store import open_store
from firedoor.types.exchange import Binding

NOTE = "The harbour office moves to the north pier on the first of May."


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A store that knows who wrote a note."""
    path = tmp_path / "s" / "firedoor.db"
    office = Office(settings_for(None, "contain"), url=f"sqlite:{path}")
    office.write(Binding("a", "lab"), "save_note", key="k", text=NOTE)
    office.store.close()
    return path


@pytest.mark.parametrize("how", ["lost", "swapped", "cut"])
def test_a_store_is_not_opened_without_its_own_key(used: Path, how: str) -> None:
    """Under another key every label would be lost: text of another room would be `assumed`."""
    key = used.with_name("content.key")
    mine = key.read_bytes()
    if how == "lost":
        key.unlink()
    else:
        key.write_bytes(secrets.token_bytes(32) if how == "swapped" else b"short")
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="the key file") as caught:
            open_store(f"sqlite:{used}")
        assert caught.value.where == str(key)
        assert "restore" in str(caught.value.hint)
    assert key.exists() == (how != "lost")
    key.write_bytes(mine)
    os.chmod(key, 0o600)
    office = Office(settings_for(None, "contain"), url=f"sqlite:{used}")
    office.calls = 100
    seen = office.read(Binding("b", "press"), NOTE, "read_note", key="k")
    assert office.explain(seen)["exposures"][0]["compartment"] == "lab"


def test_a_key_that_waited_for_its_store_is_taken(used: Path) -> None:
    """A first start may end between the key and the store; the key is no secret of another's."""
    key = used.with_name("content.key").read_bytes()
    for suffix in ("", "-wal", "-shm"):
        used.with_name(used.name + suffix).unlink(missing_ok=True)
    open_store(f"sqlite:{used}").close()
    assert used.with_name("content.key").read_bytes() == key


def test_a_store_that_forgot_its_key_is_not_given_another(used: Path) -> None:
    with sqlite3.connect(used) as db:
        db.execute("DELETE FROM own_key")
    used.with_name("content.key").unlink()
    with pytest.raises(StoreUnavailable, match="no longer says"):
        open_store(f"sqlite:{used}")
    assert not used.with_name("content.key").exists()

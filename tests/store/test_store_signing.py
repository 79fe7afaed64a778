"""The signing key: one file of the owner's, made when it is first asked for."""

import threading
from pathlib import Path

import pytest

from firedoor.errors import StoreUnavailable
from firedoor.store import open_store, public_from, verifier
from firedoor.store.signing import load_signing_key


def test_it_is_made_at_first_use_and_for_its_owner_alone(tmp_path: Path) -> None:
    store = open_store("sqlite:f.db", base=tmp_path)
    file = tmp_path / "signing.key"
    assert not file.exists()
    key = store.signing_key()
    assert file.stat().st_mode & 0o777 == 0o600
    assert store.signing_key() is key
    store.close()
    again = open_store("sqlite:f.db", base=tmp_path)
    assert again.signing_key().key_id == key.key_id
    again.close()
    assert sorted(p.name for p in tmp_path.iterdir() if "signing" in p.name) == ["signing.key"]


def test_its_public_half_checks_what_it_signs() -> None:
    key = load_signing_key(None)
    check = verifier(public_from(key.public_text))
    assert check(key.sign(b"x"), b"x")
    assert not check(key.sign(b"x"), b"y")
    assert not check(b"", b"x")
    assert key.key_id in repr(key)
    for text in ("x25519:" + key.public_text[8:], "ed25519:AAAA", "ed25519:!", ""):
        with pytest.raises(ValueError):
            public_from(text)


def test_many_that_make_it_at_once_have_one(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_signing_key(tmp_path).key_id))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 12


def test_a_file_that_is_no_key_is_said_and_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_bytes(b"short")
    with pytest.raises(StoreUnavailable, match="32 bytes"):
        load_signing_key(tmp_path)
    store = open_store("sqlite:f.db", base=tmp_path)
    assert store.signer() is None, "a call goes on without its statement"
    store.close()
    assert (tmp_path / "signing.key").read_bytes() == b"short"


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be used"):
        load_signing_key(tmp_path / "gone")

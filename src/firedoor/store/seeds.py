"""Seeds of private keys, each in a file of its own beside the store, readable by its owner alone."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from firedoor.errors import StoreUnavailable

SEED_BYTES: Final = 32


def new_seed() -> bytes:
    """A seed that nobody has: of a store that is not kept, it is gone with the process."""
    return secrets.token_bytes(SEED_BYTES)


def seed_in(path: Path, what: str, *, otherwise: str) -> bytes:
    """The seed in the file ``path``, which is made first where there is none.

    Args:
        what: What the key is for, for errors: ``the signing key``.
        otherwise: What moving the file away would do, for the hint.

    Raises:
        StoreUnavailable: The file cannot be read or made, or holds no seed.
    """
    try:
        if not path.exists():
            _make(path)
        seed = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"{what} cannot be used: {error.strerror}", where=str(path)
        ) from error
    if len(seed) != SEED_BYTES:
        raise StoreUnavailable(
            f"{what} is not {SEED_BYTES} bytes long",
            where=str(path),
            hint=f"restore it from a backup, or move it away{otherwise}",
        )
    return seed


def _make(path: Path) -> None:
    """A new seed on disk, whole or not at all; another process's, where that was quicker."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new_seed())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()

"""Keys that belong to a store: one file beside it, mode 0600, from which all others derive."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firedoor.errors import StoreUnavailable
from firedoor.lineage import Printer, printer_for
from firedoor.types.ids import Digest
from firedoor.wire import veiled_name

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_RESTORE: Final = (
    "restore it from a backup: without it the texts kept here cannot be read, and nothing that "
    "this store knows is recognised. To begin anew, name another store with --store sqlite:PATH"
)


def digester(key: bytes) -> Callable[[str], Digest]:
    """The keyed digest of a store: BLAKE2b-128. Two stores never agree on one text."""
    blake2b = hashlib.blake2b

    def digest(text: str) -> Digest:
        return Digest(
            blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=16).digest()
        )

    return digest


class StoreKeys:
    """The keys of one store."""

    def __init__(self, master: bytes) -> None:
        self.index_key = _derive(master, b"firedoor index")
        self.digest = digester(self.index_key)
        self._documents_key = _derive(master, b"firedoor documents")
        self._content = AESGCM(_derive(master, b"firedoor content"))
        self._virtual_key = _derive(master, b"firedoor virtual keys")
        self._prints_key = _derive(master, b"firedoor prints")
        self.key_id = hashlib.sha256(b"firedoor key id" + master).hexdigest()[:16]

    @cached_property
    def printer(self) -> Printer:
        """What makes the fingerprints of this store."""
        return printer_for(self._prints_key)

    def virtual_digest(self, secret: str) -> bytes:
        """By what a virtual key is known: HMAC-SHA256, worth nothing without this store's key."""
        return hmac.digest(self._virtual_key, secret.encode("utf-8", "surrogatepass"), "sha256")

    def place_key(self, key: str) -> str:
        """The key of a place as the store knows it: an argument of a tool may be content."""
        return veiled_name(key, self.digest, digits=32)

    def sealed_name(self, name: str) -> str:
        """A name that a model may have chosen, for a column of the store; ``unsealed_name`` reads it."""
        return base64.b64encode(self.seal(name.encode(), "name")).decode()

    def unsealed_name(self, sealed: str) -> str:
        """The inverse of ``sealed_name``. Raises InvalidTag or ValueError when it was changed."""
        return self.unseal(base64.b64decode(sealed), "name").decode()

    def seal(self, body: bytes, bound_to: str) -> bytes:
        """AES-256-GCM of ``body``, readable only as what belongs to ``bound_to``."""
        nonce = _nonce()
        return nonce + self._content.encrypt(nonce, body, bound_to.encode())

    def commitment(self, document: bytes) -> str:
        """What a ledger entry holds of a document: binding to who has the key, telling else nothing.

        Keyed, since a plain hash in an entry that goes elsewhere would let its holder try out
        documents until one fits. BLAKE2b, since HMAC by OpenSSL takes 14 us in a commit, and this 4.
        """
        return hashlib.blake2b(document, key=self._documents_key, digest_size=32).hexdigest()

    def unseal(self, body: bytes, bound_to: str) -> bytes:
        """The inverse of ``seal``. Raises cryptography's InvalidTag when anything was changed."""
        return self._content.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], bound_to.encode())


_nonces: list[bytes] = []
# A child must not use what its parent will.
os.register_at_fork(after_in_child=_nonces.clear)


def _nonce() -> bytes:
    """Random bytes, of which a few hundred are asked of the kernel at once."""
    while True:
        try:
            return _nonces.pop()
        except IndexError:
            drawn = secrets.token_bytes(_NONCE_BYTES * 256)
            _nonces.extend(drawn[i : i + _NONCE_BYTES] for i in range(0, len(drawn), _NONCE_BYTES))


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(master)


def load_keys(path: Path | None, known: str | None) -> StoreKeys:
    """Read the key file; made first where the store has no key yet. None is a store not kept.

    Args:
        known: The id of the key that the store was made with; None for a new store. A store that
            was made with a key is never given another one: under another key it would recognise
            nothing that it knows, and every label in it would be lost.

    Raises:
        StoreUnavailable: The file is missing, cannot be read or made, is not a key, or is another
            store's.
    """
    if path is None:
        return StoreKeys(secrets.token_bytes(_KEY_BYTES))
    try:
        master = _made(path) if known is None else None
        if master is None:
            master = path.read_bytes()
    except FileNotFoundError as error:
        raise StoreUnavailable(
            f"the key file is missing; this store was made with the key {known}",
            where=str(path),
            hint=_RESTORE,
        ) from error
    except OSError as error:
        raise StoreUnavailable(
            f"the key file cannot be used: {error.strerror}", where=str(path)
        ) from error
    if len(master) != _KEY_BYTES:
        raise StoreUnavailable(
            f"the key file is not {_KEY_BYTES} bytes long", where=str(path), hint=_RESTORE
        )
    keys = StoreKeys(master)
    if known is not None and keys.key_id != known:
        raise StoreUnavailable(
            f"the key file holds the key {keys.key_id}; this store was made with {known}",
            where=str(path),
            hint=_RESTORE,
        )
    return keys


def _made(path: Path) -> bytes | None:
    """A new key, on disk; None when there is a file already."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return None
    master = secrets.token_bytes(_KEY_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(master)
        file.flush()
        os.fsync(file.fileno())
    return master

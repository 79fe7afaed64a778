"""The key that a door signs with: one file beside the store's, mode 0600, made when first asked for.

It is no part of the store's own key: it may be replaced (move the file away, and tell those who trust
the old one), and a copy of the store says nothing in the door's name.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from firedoor.lineage import key_id
from firedoor.store.seeds import SEED_BYTES, new_seed, seed_in

SIGNING_FILE: Final = "signing.key"
PUBLIC_PREFIX: Final = "ed25519:"


def public_from(text: str) -> bytes:
    """The 32 bytes of ``ed25519:…``. Raises ValueError."""
    raw = b64decode(text.removeprefix(PUBLIC_PREFIX), validate=True)
    if not text.startswith(PUBLIC_PREFIX) or len(raw) != SEED_BYTES:
        raise ValueError("not an Ed25519 key")
    return raw


def verifier(public: bytes) -> Callable[[bytes, bytes], bool]:
    """(signature, message) → whether the key of these 32 bytes made it."""
    key = Ed25519PublicKey.from_public_bytes(public)

    def verify(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


class SigningKey:
    """An Ed25519 key, and what is derived from it. Implements lineage's ``Signer``."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)
        self.verify = verifier(self.public)
        self._openings = blake2b(b"firedoor openings", key=seed, digest_size=32).digest()

    @property
    def public_text(self) -> str:
        """The public key as ``trust:`` takes it."""
        return PUBLIC_PREFIX + b64encode(self.public).decode()

    def sign(self, message: bytes) -> bytes:
        """The signature of ``message``."""
        return self._key.sign(message)

    def opening(self, call: str) -> bytes:
        """The opening of a call's commitments: like chance to whoever has not this key."""
        return blake2b(call.encode(), key=self._openings, digest_size=32).digest()

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def load_signing_key(folder: Path | None) -> SigningKey:
    """The key in ``folder``, made first where there is none. None is a store not kept.

    Raises:
        StoreUnavailable: The file cannot be read or made, or is not a key.
    """
    if folder is None:
        return SigningKey(new_seed())
    return SigningKey(
        seed_in(folder / SIGNING_FILE, "the signing key", otherwise=" and a new one is made")
    )

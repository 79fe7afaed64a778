"""Keys that their holders narrow offline: Eclipse Biscuit tokens (extra ``tokens``).

    fd_t.<public key of the root>.<token>

The first block, signed with the store's root key, names the issued key and says nothing more. Every
other block takes something away, and each statement in it is one of a short list (`_STATEMENTS`), on a
line of its own. Whatever else stands in a block (a fact, a rule, a wider check, a third party's block)
makes the token none at all, so that a child cannot append rights, and nothing has to be run: Datalog
of a stranger's would have to be bounded in time, which biscuit-python 0.4.0 cannot (one rule that
joins sixty facts five times had not come back after 40 s; measured 2026-11-25).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from firedoor.errors import CallerError, SettingsError
from firedoor.store.seeds import new_seed, seed_in
from firedoor.types.key import TOKEN_PREFIX, KeyRow

ROOT_FILE: Final = "token.key"
BLOCK_PREFIX: Final = "b_"
BLOCKS_MAX: Final = 16
"""Blocks of a token: a family of agents deeper than this is no family."""
TOKEN_CHARS_MAX: Final = 16_384
_STATEMENTS_MAX: Final = 8
"""Statements of one block: there are four kinds, and one of each says all."""
_TOOLS_MAX: Final = 128
CALL_CAPS: Final = ("input_tokens", "output_tokens")
"""What one call can be judged by before it is made."""
_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"
_KEY: Final = re.compile(r'key\("(k_[0-9a-f]{16})"\);')
_CHILD: Final = re.compile(rf'child\("({_NAME})"\);')
_UNTIL: Final = re.compile(
    r"check if time\(\$t\), \$t <= (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z);"
)
_CAP: Final = re.compile(r"check if (input_tokens|output_tokens)\(\$n\), \$n <= (\d{1,15});")
_TOOLS: Final = re.compile(
    rf'check if tools\(\$s\), \{{((?:"{_NAME}"(?:, )?)*|,)\}}\.contains\(\$s\);'
)
_QUOTED: Final = re.compile(r'"([^"]*)"')


class Narrowing(NamedTuple):
    """What one block takes away."""

    child: str | None = None
    """The instance that it was handed to, below the one that handed it."""
    expires: float | None = None
    call_caps: tuple[tuple[str, int], ...] = ()
    tools: tuple[str, ...] | None = None


class Read(NamedTuple):
    """A token whose signatures are good, and of whose blocks every word is known."""

    key: str
    blocks: tuple[str, ...]
    """Ids of the blocks, the root's first; the last is the token's own."""
    narrowings: tuple[Narrowing, ...]


def _library() -> Any:
    try:
        import biscuit_auth
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"keys that are narrowed offline need {error.name}, which is not installed",
            hint="pip install 'firedoor[tokens]'",
        ) from None
    return biscuit_auth


def block_id(revocation: str) -> str:
    """The id of a block: short enough to type, of its signature."""
    return BLOCK_PREFIX + hashlib.sha256(bytes.fromhex(revocation)).hexdigest()[:24]


def narrowed(key: KeyRow, narrowings: Iterable[Narrowing]) -> KeyRow:
    """The key with everything taken away that its blocks take away. Nothing is ever added."""
    for found in narrowings:
        caps = dict(key.call_caps)
        for kind, amount in found.call_caps:
            caps[kind] = min(amount, caps.get(kind, amount))
        tools = key.tools
        if found.tools is not None:
            tools = found.tools if tools is None else tuple(t for t in tools if t in found.tools)
        ends = [e for e in (key.expires, found.expires) if e is not None]
        key = key._replace(
            children=(*key.children, found.child) if found.child is not None else key.children,
            expires=min(ends) if ends else None,
            call_caps=tuple(sorted(caps.items())),
            tools=tools,
        )
    return key


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _block(source: str) -> Narrowing | None:
    """What a block takes away; None where a word of it is not known."""
    lines = [line for line in source.split("\n") if line]
    if len(lines) > _STATEMENTS_MAX:
        return None
    found, caps = Narrowing(), []
    for line in lines:
        if match := _CHILD.fullmatch(line):
            if found.child is not None:
                return None
            found = found._replace(child=match[1])
        elif match := _UNTIL.fullmatch(line):
            until = _seconds(match[1])
            found = found._replace(expires=min(until, found.expires or until))
        elif match := _CAP.fullmatch(line):
            caps.append((match[1], int(match[2])))
        elif match := _TOOLS.fullmatch(line):
            if found.tools is not None:
                return None
            found = found._replace(tools=tuple(sorted(_QUOTED.findall(match[1]))))
        else:
            return None
    return found._replace(call_caps=tuple(caps))


def _unpadded(text: str) -> str:
    return text.rstrip("=")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _parsed(secret: str, public: bytes | None) -> Any:
    """The token in a key, its signatures checked by ``public``, or by the key that it names itself.

    Raises:
        ValueError: It is cut short, altered, or of another root.
    """
    library = _library()
    named, _, token = secret.removeprefix(TOKEN_PREFIX).partition(".")
    try:
        told = base64.urlsafe_b64decode(_padded(named))
        root = library.PublicKey.from_bytes(public or told, library.Algorithm.Ed25519)
        return library.Biscuit.from_base64(_padded(token), root)
    except (binascii.Error, ValueError, library.BiscuitValidationError) as error:
        raise ValueError("no token of this root") from error


def _read(parsed: Any) -> Read | str:
    count = parsed.block_count()
    if count > BLOCKS_MAX:
        return "blocks"
    if any(parsed.block_external_key(index) is not None for index in range(count)):
        return "unknown_block"
    first = _KEY.fullmatch(parsed.block_source(0).strip())
    blocks = [_block(parsed.block_source(index)) for index in range(1, count)]
    if first is None or None in blocks:
        return "unknown_block"
    known = tuple(block for block in blocks if block is not None)
    return Read(first[1], tuple(block_id(r) for r in parsed.revocation_ids), known)


def id_of(secret: str) -> tuple[str, str]:
    """(id of a token's last block, key that it descends from), without asking anybody.

    Raises:
        CallerError: It is no token.
    """
    try:
        read = _read(_parsed(secret, None))
    except ValueError:
        read = "signature"
    if isinstance(read, str):
        raise CallerError("this is no token", hint="a key that begins with fd_t., whole")
    return read.blocks[-1], read.key


def attenuate(secret: str, narrowing: Narrowing) -> str:
    """A key with less than ``secret``, made without store or network.

    Raises:
        SettingsError: The extra ``tokens`` is missing.
        CallerError: ``secret`` is no token, was handed down too often, or a name cannot be held.
    """
    if not secret.startswith(TOKEN_PREFIX):
        raise CallerError(
            "only a token can be narrowed offline", hint="`firedoor key issue --token` makes one"
        )
    library = _library()
    id_of(secret)
    parsed = _parsed(secret, None)
    if parsed.block_count() >= BLOCKS_MAX:
        raise CallerError(f"this token has {BLOCKS_MAX} blocks; no more are taken")
    lines: list[str] = []
    parameters: dict[str, Any] = {}
    for name in (*((narrowing.child,) if narrowing.child else ()), *(narrowing.tools or ())):
        if re.fullmatch(_NAME, name) is None:
            raise CallerError(f"{name!r} is no name here", hint="letters, digits, and any of _.:-")
    if len(narrowing.tools or ()) > _TOOLS_MAX:
        raise CallerError(f"more than {_TOOLS_MAX} tools")
    if narrowing.child is not None:
        lines.append("child({child});")
        parameters["child"] = narrowing.child
    if narrowing.expires is not None:
        lines.append("check if time($t), $t <= {until};")
        parameters["until"] = datetime.fromtimestamp(int(narrowing.expires), UTC)
    for kind, amount in narrowing.call_caps:
        if kind not in CALL_CAPS:
            raise CallerError(f"{kind!r} cannot be capped offline", hint=", ".join(CALL_CAPS))
        lines.append(f"check if {kind}($n), $n <= {int(amount)};")
    if narrowing.tools is not None:
        lines.append("check if tools($s), {tools}.contains($s);")
        parameters["tools"] = set(narrowing.tools)
    if not lines:
        raise CallerError("nothing would be taken away", hint="name a child, caps, tools or expiry")
    child = parsed.append(library.BlockBuilder("\n".join(lines), parameters))
    named = secret.removeprefix(TOKEN_PREFIX).partition(".")[0]
    return f"{TOKEN_PREFIX}{named}.{_unpadded(child.to_base64())}"


class Roots:
    """The root key of a store's tokens, in a file beside its own; made when the first is minted."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._pair: Any = None

    def mint(self, key: str) -> str:
        """The token of a key that was issued.

        Raises:
            SettingsError: The extra ``tokens`` is missing.
            StoreUnavailable: The root key cannot be read or made.
        """
        library = _library()
        pair = self._root(make=True)
        token = library.BiscuitBuilder("key({key})", {"key": key}).build(pair.private_key)
        public = base64.urlsafe_b64encode(bytes(pair.public_key.to_bytes())).decode()
        return f"{TOKEN_PREFIX}{_unpadded(public)}.{_unpadded(token.to_base64())}"

    def read(self, secret: str) -> Read | str:
        """What a token says, if it is one of this root's; else why not, in a word."""
        try:
            _library()
        except SettingsError:
            return "extra"
        pair = self._root(make=False)
        if pair is None or len(secret) > TOKEN_CHARS_MAX:
            return "signature"
        try:
            return _read(_parsed(secret, bytes(pair.public_key.to_bytes())))
        except ValueError:
            return "signature"

    def _root(self, *, make: bool) -> Any:
        if self._pair is not None:
            return self._pair
        seed = self._seed(make=make)
        if seed is None:
            return None
        library = _library()
        private = library.PrivateKey.from_bytes(seed, library.Algorithm.Ed25519)
        self._pair = library.KeyPair.from_private_key(private)
        return self._pair

    def _seed(self, *, make: bool) -> bytes | None:
        if self._folder is None:
            return new_seed() if make else None
        path = self._folder / ROOT_FILE
        if not (make or path.exists()):
            return None
        return seed_in(path, "the root key of tokens", otherwise=": tokens of it are then none")

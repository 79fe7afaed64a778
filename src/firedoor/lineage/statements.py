"""Statements: what a door signs of an answer, and what another door may believe of it.

A token is the compact base64url of a DSSE envelope (secure-systems-lab/dsse, protocol v1) whose
payload is an in-toto Statement v1. Its subjects are *commitments*: HMAC-SHA256 of a text under a
random-looking key of that call, the opening. The opening stands beside the signature and not under
it, as a member of the envelope that DSSE tells readers to ignore: whoever has token and text can
check one against the other; an envelope whose opening was taken out (for a log, an auditor, a
public list) says nothing of the text to somebody who guesses, however short the text is. A salt
inside the signed part could never be taken out. Texts of fewer than 16 letters and digits are not
stated at all: they are everybody's, and would be guessed by whoever has the whole token.

Keys, times and signatures are handed in. Nothing here raises but `BadStatement`.
"""

import hashlib
import hmac
import json
import re
from base64 import b32encode, b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

import rfc8785

from firedoor.lineage.exposure import leaves_of
from firedoor.lineage.passages import GLOBAL_MATCH_CHARS_MIN, canonical_text, weight_of
from firedoor.types.ids import EVERY_ROOM, EXTERNAL_PREFIX, RoomId
from firedoor.types.label import UNKNOWN_DEPTH, Label

HEADER: Final = "x-firedoor-provenance"
PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:firedoor:provenance:v1"
COMMITMENT: Final = "hmacSha256"
"""The name of the commitment in a subject's digest set."""
OPENING_BYTES: Final = 32
LIFETIME_S_MAX: Final = 7 * 86_400
SKEW_S: Final = 300
"""How far ahead of ours another door's clock may be."""
SUBJECTS_MAX: Final = 16
ROOTS_MAX: Final = 24
"""A statement of more roots says "any room": it must fit in a header with the rest."""
TOKEN_BYTES_MAX: Final = 8_000
"""Of what is issued: common servers take header lines of 8 KiB."""
_NAME_CHARS_MAX: Final = 200
_ROOM_CHARS_MAX: Final = 160
_SUBJECT_CHARS_MAX: Final = 80
_SIGNATURES_MAX: Final = 4
_DEPTH_MAX: Final = 1 << 20
_LEVELS_MAX: Final = 16
_ID: Final = re.compile(r"s_[a-z2-7]{26}")
KEY_ID: Final = re.compile(r"pk_[a-z2-7]{26}")
_COMMITTED: Final = re.compile(r"[0-9a-f]{64}")


class BadStatement(Exception):
    """A token that counts for nothing. ``reason`` is one of a few words, and no content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# -- keys ----------------------------------------------------------------------------------------


class TrustedKey(NamedTuple):
    """A key whose statements count."""

    name: str
    """The organisation's name here. Empty for this door's own key."""
    verify: Callable[[bytes, bytes], bool]
    """(signature, message) → whether this key signed it."""
    audience: str | None = None
    """The name by which its statements must mean this door; None takes those that mean nobody."""


class Signer(Protocol):
    """This door's own key."""

    @property
    def key_id(self) -> str:
        """Its name."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The Ed25519 signature of ``message``."""
        ...

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made ``signature``."""
        ...

    def opening(self, call: str) -> bytes:
        """The opening of a call's commitments: always the same, and known to nobody else."""
        ...


def _nobody() -> Signer | None:
    return None


@dataclass(frozen=True, slots=True)
class Proofs:
    """Whom a door believes, and what it says of its own answers."""

    trusted: Mapping[str, TrustedKey] = field(default_factory=dict)
    """By key id."""
    revoked: frozenset[str] = frozenset()
    """Ids of statements and of keys."""
    own: Callable[[], Signer | None] = _nobody
    """The door's own key, made when it is first asked for; None where there can be none."""
    audience: tuple[str, ...] = ()
    """Whom this door's own statements are meant for; empty for whoever trusts its key."""
    lifetime_s: int = LIFETIME_S_MAX
    count_max: int = 8
    """Statements a request."""
    bytes_max: int = 8 * 1024
    """Bytes of one."""

    def trusted_as(self, name: str) -> str | None:
        """The first key of the organisation of this name."""
        return next((key for key, row in self.trusted.items() if row.name == name), None)


def _short(data: bytes) -> str:
    return b32encode(hashlib.sha256(data).digest()[:16]).decode().rstrip("=").lower()


def key_id(public: bytes) -> str:
    """The name of a public key: ``pk_…``, of its 32 raw bytes."""
    return "pk_" + _short(b"firedoor key\0" + public)


def statement_id(key: str, call: str) -> str:
    """The name of what this key states of this call: ``s_…``."""
    return "s_" + _short(f"firedoor statement\0{key}\0{call}".encode())


# -- what is stated ------------------------------------------------------------------------------


def commitment(text: str, opening: bytes) -> str:
    """What a statement says of a whole text: stripped, its line ends as ``\\n``."""
    return hmac.digest(
        opening, canonical_text(text).encode("utf-8", "surrogatepass"), "sha256"
    ).hex()


class Subject(NamedTuple):
    """One text that a statement is about."""

    name: str
    committed: str


def subjects_of(texts: Iterable[tuple[str, str]], opening: bytes) -> tuple[Subject, ...]:
    """The subjects of an answer's (pointer, text) pairs: each whole, and the strings in its JSON.

    The first sixteen that are long enough to be somebody's.
    """
    found: dict[str, Subject] = {}
    for pointer, text in texts:
        for n, piece in enumerate((text, *leaves_of(text))):
            if len(found) >= SUBJECTS_MAX:
                return tuple(found.values())
            if weight_of(piece) >= GLOBAL_MATCH_CHARS_MIN:
                name = (f"{pointer}#{n}" if n else pointer)[-_SUBJECT_CHARS_MAX:]
                committed = commitment(piece, opening)
                found.setdefault(committed, Subject(name, committed))
    return tuple(found.values())


class Stated(NamedTuple):
    """What a door says of one of its calls."""

    call: str
    author: str
    room: str
    label: Label
    """Of what the call emitted: the join over all that it was shown."""
    attributed: int
    """Texts of its request whose origin is proven, …"""
    total: int
    """… of so many."""
    issued: int
    """Seconds since the epoch: when the answer ended."""
    subjects: tuple[Subject, ...]
    entry: int | None = None
    """Index of the call's first ledger entry."""
    checkpoint: str | None = None


def signed_label(stated: Stated) -> Label:
    """The label that is signed: of unknown depth where anything in the request was unproven."""
    if stated.attributed < stated.total and stated.label.depth < UNKNOWN_DEPTH:
        return Label(UNKNOWN_DEPTH, stated.label.live | {EVERY_ROOM}, stated.label.past)
    return stated.label


def _shortened(room: str) -> str:
    if len(room) <= _ROOM_CHARS_MAX:
        return room
    return room[: _ROOM_CHARS_MAX - 27] + "~" + _short(room.encode())


def _organisation(room: str) -> str | None:
    """Whose a root is: the organisation's name here; None for our own rooms and for hosts."""
    name, sign, _ = room.removeprefix(EXTERNAL_PREFIX).partition("/")
    return name if sign and room.startswith(EXTERNAL_PREFIX) else None


def _roots(label: Label, proofs: Proofs) -> list[dict[str, Any]]:
    roots: list[dict[str, Any]] = []
    for room in sorted(label.ancestry):
        row: dict[str, Any] = {"room": _shortened(room)}
        organisation = _organisation(room)
        key = proofs.trusted_as(organisation) if organisation is not None else None
        if key is not None and row["room"] == room:
            # The next door may know this organisation too, by another name.
            row["key"] = key
        if room in label.past:
            row["past"] = True
        roots.append(row)
    return roots


def payload_of(stated: Stated, key: str, proofs: Proofs, *, roots_max: int = ROOTS_MAX) -> bytes:
    """The bytes that are signed: an in-toto statement in RFC 8785 form."""
    label = signed_label(stated)
    roots = _roots(label, proofs)
    if len(roots) > roots_max:
        label = Label(UNKNOWN_DEPTH, frozenset({EVERY_ROOM}))
        roots = _roots(label, proofs)
    predicate: dict[str, Any] = {
        "id": statement_id(key, stated.call),
        "issuer": key,
        "call": stated.call,
        "author": stated.author[:_NAME_CHARS_MAX],
        "room": _shortened(stated.room),
        "generation": label.generation,
        "roots": roots,
        "attributed": {"parts": stated.attributed, "total": stated.total},
        "ledger": {"index": stated.entry, "checkpoint": stated.checkpoint},
        "issued": stated.issued,
        "expires": stated.issued + min(proofs.lifetime_s, LIFETIME_S_MAX),
    }
    if proofs.audience:
        predicate["audience"] = list(proofs.audience)
    return rfc8785.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {COMMITMENT: s.committed}} for s in stated.subjects],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )  # fmt: skip


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed besides the payload is how to read it."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def issued(stated: Stated, signer: Signer, proofs: Proofs) -> str | None:
    """The token of what is stated; None where the answer holds no text that could be known again."""
    if not stated.subjects:
        return None
    opening = signer.opening(stated.call)
    token = _token(payload_of(stated, signer.key_id, proofs), signer, opening)
    if len(token) > TOKEN_BYTES_MAX:
        # Too much ancestry for a header: any, then, which is never less.
        token = _token(payload_of(stated, signer.key_id, proofs, roots_max=0), signer, opening)
    return token


def _token(payload: bytes, signer: Signer, opening: bytes) -> str:
    envelope = {
        "payloadType": PAYLOAD_TYPE,
        "payload": b64encode(payload).decode(),
        "signatures": [
            {
                "keyid": signer.key_id,
                "sig": b64encode(signer.sign(pae(PAYLOAD_TYPE, payload))).decode(),
            }
        ],
        "opening": urlsafe_b64encode(opening).decode().rstrip("="),
    }
    return urlsafe_b64encode(rfc8785.dumps(envelope)).decode().rstrip("=")  # type: ignore[arg-type]


# -- what is believed ----------------------------------------------------------------------------


class Statement(NamedTuple):
    """A statement that counts, in this door's words."""

    id: str
    key: str
    by: str
    """The organisation's name here; empty for this door itself."""
    author: str
    room: RoomId
    """The room that said it: an organisation's are ``ext:NAME/ROOM``."""
    label: Label
    """As it left that room."""
    committed: frozenset[str]
    opening: bytes
    expires: int

    def is_of(self, text: str) -> bool:
        """Whether the whole of ``text`` is what it speaks of."""
        return commitment(text, self.opening) in self.committed


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _json(data: bytes) -> dict[str, Any]:
    def refused(_: str) -> Any:
        raise ValueError("no such number")

    value = json.loads(
        data.decode("utf-8"), object_pairs_hook=_members, parse_constant=refused, parse_float=refused
    )  # fmt: skip
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _b64(text: str) -> bytes:
    """Base64 in either alphabet, padded or not; as DSSE asks of its readers."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


class _Envelope(NamedTuple):
    kind: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]
    opening: bytes


def _envelope(token: str) -> _Envelope:
    body = _json(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    signatures = tuple((str(s["keyid"]), _b64(s["sig"])) for s in body["signatures"])
    opening = _b64(body.get("opening", ""))
    if not 0 < len(signatures) <= _SIGNATURES_MAX or len(opening) != OPENING_BYTES:
        raise ValueError("no signature or no opening")
    return _Envelope(str(body["payloadType"]), _b64(body["payload"]), signatures, opening)


def believed(token: str, proofs: Proofs, at: float) -> Statement:
    """What a token says, if this door believes it.

    Raises:
        BadStatement: It does not: ``too_large``, ``malformed``, ``untrusted``, ``forged``,
            ``revoked``, ``expired`` or ``audience``.
    """
    if len(token) > proofs.bytes_max:
        raise BadStatement("too_large")
    try:
        envelope = _envelope(token)
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        raise BadStatement("malformed") from None
    key, trusted = _signed_by(envelope, proofs)
    try:
        # Only what is signed is read.
        value = _json(envelope.payload)
        if value["_type"] != STATEMENT_TYPE or value["predicateType"] != PREDICATE_TYPE:
            raise ValueError("another kind of statement")
        said = value["predicate"]
        committed = frozenset(_committed(s["digest"]) for s in value["subject"][:SUBJECTS_MAX])
        found = _read(said, key, trusted, proofs)._replace(
            committed=committed, opening=envelope.opening
        )
        start, end = _time(said["issued"]), _time(said["expires"])
        audience = said.get("audience", [])
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        raise BadStatement("malformed") from None
    if found.id in proofs.revoked:
        raise BadStatement("revoked")
    if not start - SKEW_S <= at < end or end - start > LIFETIME_S_MAX:
        raise BadStatement("expired")
    if trusted.name and not _is_meant(audience, trusted.audience):
        raise BadStatement("audience")
    return found


def _signed_by(envelope: _Envelope, proofs: Proofs) -> tuple[str, TrustedKey]:
    """The key that signed it, of those that are trusted."""
    message = pae(envelope.kind, envelope.payload)
    reason = "untrusted"
    for key, signature in envelope.signatures:
        trusted = proofs.trusted.get(key)
        if trusted is None:
            own = proofs.own()
            if own is None or own.key_id != key:
                continue
            trusted = TrustedKey("", own.verify)
        if key in proofs.revoked:
            reason = "revoked"
        elif envelope.kind != PAYLOAD_TYPE:
            reason = "malformed"
        elif not trusted.verify(signature, message):
            reason = "forged"
        else:
            return key, trusted
    raise BadStatement(reason)


def _is_meant(audience: object, expected: str | None) -> bool:
    """Whether a statement for ``audience`` is for whom its issuer calls ``expected``."""
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list):
        return False
    return expected in named if expected is not None else not named


def _committed(digests: dict[str, Any]) -> str:
    found = digests[COMMITMENT]
    if not _COMMITTED.fullmatch(found):
        raise ValueError("no commitment")
    return str(found)


def _time(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 40:
        raise ValueError("no time")
    return value


def _word(value: object) -> str:
    """A name as it may stand on a screen."""
    if not isinstance(value, str) or not value or len(value) > _NAME_CHARS_MAX:
        raise ValueError("no name")
    return "".join(c if c.isprintable() else "_" for c in value)


def _read(said: dict[str, Any], key: str, trusted: TrustedKey, proofs: Proofs) -> Statement:
    if said["issuer"] != key or not _ID.fullmatch(said["id"]):
        raise ValueError("another's statement")
    depth = said["generation"]
    if depth is None:
        depth = UNKNOWN_DEPTH
    elif not isinstance(depth, int) or isinstance(depth, bool) or not 0 <= depth <= _DEPTH_MAX:
        raise ValueError("no generation")
    live: set[RoomId] = set()
    past: set[RoomId] = set()
    rows = said["roots"]
    if not isinstance(rows, list) or len(rows) > ROOTS_MAX:
        raise ValueError("no roots")
    for row in rows:
        root = _here(_word(row["room"]), row.get("key"), trusted, proofs)
        (past if row.get("past") is True else live).add(root)
    room = _word(said["room"])
    return Statement(
        id=said["id"],
        key=key,
        by=trusted.name,
        author=_word(said["author"]),
        room=RoomId(f"{EXTERNAL_PREFIX}{trusted.name}/{room}" if trusted.name else room),
        label=Label(depth, frozenset(live), frozenset(past - live)),
        committed=frozenset(),
        opening=b"",
        expires=_time(said["expires"]),
    )


def _here(room: str, key: object, trusted: TrustedKey, proofs: Proofs) -> RoomId:
    """A root of another door's, by its name here.

    Two doors name an organisation differently, but its key alike: by that a root stays one root
    (and has one reach) over whichever road it comes, and our own rooms come home as themselves. What
    nobody here knows is a room of the organisation that speaks of it; a host of the outside world
    is the same host for all.
    """
    if room == EVERY_ROOM:
        return EVERY_ROOM
    organisation = _organisation(room)
    if isinstance(key, str) and organisation is not None:
        inner = room.removeprefix(f"{EXTERNAL_PREFIX}{organisation}/")
        known = proofs.trusted.get(key)
        if known is not None:
            return RoomId(f"{EXTERNAL_PREFIX}{known.name}/{inner}")
        own = proofs.own()
        if own is not None and own.key_id == key:
            return RoomId(inner)
    if not trusted.name or (room.startswith(EXTERNAL_PREFIX) and organisation is None):
        return RoomId(room)
    if room.count(EXTERNAL_PREFIX) >= _LEVELS_MAX:
        return EVERY_ROOM
    return RoomId(f"{EXTERNAL_PREFIX}{trusted.name}/{room}")


# -- what comes with a request -------------------------------------------------------------------


class Presented(NamedTuple):
    """The statements that came with a request."""

    valid: tuple[Statement, ...] = ()
    """Each once, by id."""
    refused: tuple[tuple[str, int], ...] = ()
    """(reason, how many) of those that count for nothing, sorted."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Of those that count, sorted: what they say may be kept under this name."""
        return tuple(sorted(s.id for s in self.valid))


NONE_PRESENTED: Final = Presented()


def _tokens(headers: Iterable[str]) -> Iterator[str]:
    """Each token: a header may come several times, or once with a list."""
    for value in headers:
        yield from filter(None, (piece.strip() for piece in value.split(",")))


def presented(headers: Iterable[str], proofs: Proofs, at: float) -> Presented:
    """What is believed of the statements in ``headers``. One signature check each, up to a bound."""
    valid: dict[tuple[str, str], Statement] = {}
    refused: dict[str, int] = {}
    for n, token in enumerate(_tokens(headers)):
        try:
            if n >= proofs.count_max:
                raise BadStatement("too_many")
            found = believed(token, proofs, at)
            valid[found.id, token] = found
        except BadStatement as bad:
            refused[bad.reason] = refused.get(bad.reason, 0) + 1
    return Presented(tuple(valid.values()), tuple(sorted(refused.items())))

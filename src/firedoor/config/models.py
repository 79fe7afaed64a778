"""The shape of ``firedoor.yaml`` (DESIGN §8), as pydantic models that take nothing else."""

import re
from base64 import b64decode
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from firedoor.config.prices import Prices
from firedoor.config.units import duration_s, rate, size_bytes
from firedoor.lineage import Convergence
from firedoor.policy import AFFORDANCES, RuleError, rule
from firedoor.types.part import Channel
from firedoor.types.verdict import Action

Size = Annotated[int, BeforeValidator(size_bytes, json_schema_input_type=int | str)]

Duration = Annotated[
    float, BeforeValidator(duration_s, json_schema_input_type=float | str), Field(le=366 * 86_400)
]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_one_or_many, json_schema_input_type=list[str] | str)]


def _room_name(value: str) -> str:
    if not value or "/" in value or "@" in value or value == "*" or value.startswith("ext:"):
        raise ValueError("a compartment's name has no '/', '@', '*' or 'ext:' in it")
    return value


RoomName = Annotated[str, AfterValidator(_room_name)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Upstream(_Strict):
    """One provider: where it is, and the key that stays with the door."""

    base_url: str = Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")
    key: str | None = None
    """``env:NAME``. Without it the caller's own credential is passed on, to this host only."""

    @model_validator(mode="after")
    def _key_is_a_reference(self) -> "Upstream":
        if self.key is not None and not self.key.startswith("env:"):
            raise ValueError("key: write env:NAME; a key itself does not belong in this file")
        return self


class Accept(_Strict):
    """What a compartment takes in."""

    depth: int = Field(ge=0)


class Compartment(_Strict):
    """A room: nothing is judged inside one."""

    instances: Names = []
    accept: Accept | None = None


class ChannelTools(_Strict):
    """Which tools carry a channel."""

    tools: Names


class Rule(_Strict):
    """One rule; the first that matches decides."""

    id: str = Field(min_length=1, max_length=200)
    match: dict[str, Any] = {}
    action: str
    shadow: bool = False

    @model_validator(mode="after")
    def _can_match(self) -> "Rule":
        try:
            rule(self.id, self.match, self.action, shadow=self.shadow)
        except RuleError as error:
            raise ValueError(str(error)) from None
        return self


class Assume(_Strict):
    """What is assumed of unproven text, counted and printed in every report."""

    user: Literal["human", "run", "unknown"] | None = None
    system: Literal["developer", "run", "unknown"] | None = None


class StoreRow(_Strict):
    """One memory, workspace, queue or bucket, by the tools that reach it."""

    tools: Names
    key: str | None = None
    writers: Literal["fleet", "outside", "people"] = "fleet"
    closed: bool = False


class Budget(_Strict):
    """A limit. This version enforces ``reach``; the other kinds are read, and warned about."""

    scope: str = Field(
        pattern=r"^(deployment|compartment:[^/]+|key:.+|agent:.+|instance:.+)$",
    )
    reach: str | None = None
    requests: int | str | None = None
    input_tokens: int | str | None = None
    output_tokens: int | str | None = None
    cost_usd: float | str | None = None
    tool_calls: int | str | None = None
    tools: dict[str, int | str] | None = None
    spawn_depth: int | None = None
    spawn_children: int | None = None
    egress_hosts: list[str] | None = None

    @model_validator(mode="after")
    def _known(self) -> "Budget":
        if self.reach is not None:
            rate(self.reach)
            if not self.scope.startswith(("deployment", "compartment:")):
                raise ValueError("reach: the scope is deployment or compartment:NAME")
        return self

    def unenforced(self) -> list[str]:
        """The kinds of this row that no code of this version holds anybody to."""
        return sorted(self.model_fields_set - {"scope", "reach"})


_PUBLIC_BYTES = 32


def _public_key(value: str) -> str:
    kind, _, rest = value.strip().partition(":")
    try:
        if kind == "ed25519" and len(b64decode(rest, validate=True)) == _PUBLIC_BYTES:
            return value.strip()
    except ValueError:
        pass
    raise ValueError("not a public key; write ed25519:… as `firedoor provenance key` prints it")


def _revocable(value: str) -> str:
    if not re.fullmatch(r"(s|pk)_[a-z2-7]{26}", value):
        raise ValueError("write the id of a statement (s_…) or of a key (pk_…)")
    return value


class Trust(_Strict):
    """A door of somebody else, whose statements count here."""

    name: RoomName = Field(max_length=64)
    """The organisation: its rooms are ``ext:NAME/ROOM`` here."""
    key: Annotated[str, AfterValidator(_public_key)]
    """``ed25519:…``."""
    audience: str | None = Field(None, min_length=1, max_length=100)
    """The name by which its statements must mean this door; left out, those that mean nobody."""


class Provenance(_Strict):
    """What this door says of its own answers."""

    audience: Names = []
    """Whom its statements are for; empty for whoever trusts its key."""
    days: int = Field(7, ge=1, le=7)
    """How long they count."""

    @model_validator(mode="after")
    def _fits_a_header(self) -> "Provenance":
        if len(self.audience) > 4 or any(not 0 < len(name) <= 100 for name in self.audience):
            raise ValueError("audience: at most 4 names of at most 100 characters")
        return self


class Limits(_Strict):
    """Bounds on what one request may be (EVASIONS "Limits to set by default")."""

    body: Size = 32 * 2**20
    upload: Size = 2**30
    """A body that is a form: files. It lies in a file while it passes, not in memory."""
    json_depth: int = Field(64, ge=1, le=150)
    header: Size = 64 * 2**10
    headers: int = Field(100, ge=1)
    decompression_ratio: int = Field(100, ge=1)
    connect_s: float = Field(10, gt=0)
    first_byte_s: float = Field(120, gt=0)
    idle_s: float = Field(120, gt=0)
    total_s: float = Field(1800, gt=0)
    grace_s: float = Field(10, ge=0)
    statements: int = Field(8, ge=0, le=64)
    """Statements a request; more count for nothing."""
    statement: Size = 8 * 2**10
    """Of one of them."""


class Retention(_Strict):
    """How texts are kept."""

    content: Literal["encrypted", "plain", "digests"] = "encrypted"
    days: int = Field(30, ge=1)


class Converge(_Strict):
    """When instances that touch the same rare outside thing are shown as a suspected link."""

    instances: int = Field(2, ge=2, le=64)
    """So many, each of another compartment."""
    window: Duration = 86_400.0
    rare: int = Field(8, ge=2, le=1_000)
    """What more compartments than that have touched is common."""
    common: Names = []
    """Globs of hosts that are common here: nobody is linked by what they do there."""

    def settings(self) -> Convergence:
        """What is asked of the store."""
        return Convergence(self.instances, self.window, self.rare)


class Given(_Strict):
    """The facts of one case under ``tests:``."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Case(_Strict):
    """One of the file's own tests."""

    given: dict[str, Any]
    expect: Action


class File(_Strict):
    """``firedoor.yaml``."""

    version: Literal[1]
    mode: Literal["observe", "contain", "isolate"] = "observe"
    preset: Literal["none"] | None = None
    upstreams: dict[str, Upstream] = {}
    keys: Literal["required", "optional"] = "optional"
    compartments: dict[RoomName, Compartment] = {}
    channels: dict[Channel, ChannelTools] = {}
    affordances: dict[str, list[Literal[AFFORDANCES]]] = {}  # type: ignore[valid-type]
    rules: list[Rule] = []
    unknown: Literal["hold", "attenuate", "pass"] = "attenuate"
    rewrite: Literal["attenuate", "strict"] | None = None
    assume: Assume = Assume()
    stores: dict[str, StoreRow] = {}
    budgets: list[Budget] = []
    prices: Prices = Prices()
    headers: Literal["call", "all"] | list[str] | None = None
    placeholder: str = Field("[withheld]", min_length=1, max_length=200)
    limits: Limits = Limits()
    retention: Retention = Retention()
    convergence: Converge = Converge()
    provenance: Provenance = Provenance()
    trust: list[Trust] = []
    revoked: list[Annotated[str, AfterValidator(_revocable)]] = []
    """Statements and keys that count for nothing any more."""
    tests: list[Case] = []

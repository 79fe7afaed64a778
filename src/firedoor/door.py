"""The door: settings, store, engine and fronts put together. This is what people import."""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from firedoor import budget, identity, lineage, wire
from firedoor.config import Settings, load_settings
from firedoor.engine import (
    Engine,
    EngineSettings,
    Exchange,
    ExchangeSummary,
    explained,
    statement_of,
)
from firedoor.errors import CallerError, SettingsError, StoreError
from firedoor.fronts.binding import InstanceScope, RunScope, SpawnScope
from firedoor.fronts.process_run import ProcessRun
from firedoor.fronts.transport import DoorTransport
from firedoor.fronts.wrap import wrap
from firedoor.policy import Policy
from firedoor.store import (
    SqliteStore,
    StoreReader,
    digester,
    open_store,
    public_from,
    verifier,
)
from firedoor.telemetry import ExchangeSpans
from firedoor.types.exchange import Mode
from firedoor.types.ids import RunId
from firedoor.types.record import Place

_DEFAULT_FILE: Final = Path("firedoor.yaml")
_PROCESS: Final = ProcessRun(os.environ)


def process_run() -> RunId:
    """The run of this process as of now: ``FIREDOOR_RUN`` if set, else minted, left to children."""
    return _PROCESS.at(time.time())


def engine_settings(settings: Settings, store: SqliteStore) -> EngineSettings:
    """The engine's frozen settings, made of each room's own."""
    policy = settings.policy
    return EngineSettings(
        policy=policy,
        stores=lineage.store_map(
            stores=[
                lineage.StoreRule(
                    name=s.name,
                    tools=tuple(s.tools),
                    key_argument=s.key,
                    writers=s.writers,
                    closed=s.closed,
                )
                for s in policy.stores
            ],
            channels=policy.channels,
        ),
        digester=digester(store.index_key),
        printer=store.keys.printer,
        limits=wire.Limits(json_depth=settings.limits.json_depth),
        body_bytes_max=settings.limits.body,
        upload_bytes_max=settings.limits.upload,
        upstreams={name: u.base_url for name, u in settings.upstreams.items()},
        keys_required=settings.keys_required,
        keyed_upstreams=frozenset(n for n, u in settings.upstreams.items() if u.key is not None),
        outside=lineage.Outside(tuple(h.lower() for h in settings.convergence.common)),
        keep_content=settings.retention.content != "digests",
        budgets=settings.budgets,
        prices=settings.prices or budget.no_price,
        prices_digest=settings.prices.digest
        if settings.prices is not None and "cost_usd" in settings.budgets.kinds
        else None,
        proofs=proofs_of(settings, store),
    )


def _no_key() -> None:
    return None


def proofs_of(settings: Settings, store: SqliteStore | None) -> lineage.Proofs:
    """Whose statements count by these settings, and the key of the store's door, if there is one."""
    trusted = {}
    for row in settings.trust:
        public = public_from(row.key)
        trusted[lineage.key_id(public)] = lineage.TrustedKey(
            row.name, verifier(public), row.audience
        )
    return lineage.Proofs(
        trusted=trusted,
        revoked=settings.revoked,
        own=store.signer if store is not None else _no_key,
        audience=tuple(settings.provenance.audience),
        lifetime_s=settings.provenance.days * 86_400,
        count_max=settings.limits.statements,
        bytes_max=settings.limits.statement,
    )


def open_engine(settings: Settings, store: SqliteStore) -> Engine:
    """An engine on ``store``."""
    return Engine(engine_settings(settings, store))


def expire(settings: Settings, store: SqliteStore) -> None:
    """Drop the texts that were kept for as long as the policy keeps them (``retention: days``)."""
    # What cannot be written now will be said by the first call, and dropped another time.
    with suppress(StoreError):
        store.expire(time.time() - settings.retention.days * 86_400.0)


class StoreHandle:
    """One named store, for code that reads and writes it itself."""

    def __init__(self, door: "Door", name: str) -> None:
        self._door = door
        self.name = name

    def read(self, text: str, key: str | None = None) -> str:
        """``text`` was read from this store. Returns it unchanged."""
        return self._door.memory(text, store=self.name, key=key)

    def __repr__(self) -> str:
        return f"StoreHandle({self.name!r})"


class Door:
    """A door on the wire. Make one for a process and wrap the clients of its agents.

    Args:
        config: Path of a ``firedoor.yaml``; ``./firedoor.yaml`` if there, else defaults (mode
            ``observe``: everything is labelled, nothing is changed).
        mode: Overrides the file's mode.
        store: Store URL, ``sqlite:PATH``. Default ``.firedoor/firedoor.db``.

    Raises:
        SettingsError: The file, a variable or an argument cannot be used; it says which and why.
        StoreUnavailable: The store cannot be opened.
    """

    def __init__(
        self,
        config: str | os.PathLike[str] | None = None,
        *,
        mode: str | None = None,
        store: str | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        path = Path(config) if config is not None else None
        if path is None and "FIREDOOR_CONFIG" not in (environ or os.environ):
            path = _DEFAULT_FILE if _DEFAULT_FILE.exists() else None
        if path is not None and not path.exists():
            raise SettingsError(
                f"there is no file {str(path)!r}",
                hint="write one with `firedoor init`, or leave `config` out for the defaults",
            )
        flags = {k: v for k, v in {"mode": mode, "store": store}.items() if v is not None}
        self.settings = load_settings(path, environ=environ or os.environ, flags=flags)
        self._store = open_store(
            self.settings.store_url, base=Path.cwd(), retention=self.settings.retention.content
        )
        expire(self.settings, self._store)
        self.engine = open_engine(self.settings, self._store)
        self._first_run = process_run()
        self.run_id: RunId | None = self._first_run
        """The run of calls that no `run` is open round: the process's, as of the last call."""
        self._spans = ExchangeSpans()
        # Of its own for each door: it goes with the process, as a door does.
        self._last: ContextVar[ExchangeSummary | None] = ContextVar("firedoor_last", default=None)
        self._last_any: ExchangeSummary | None = None

    # -- clients -----------------------------------------------------------------------------

    def wrap(
        self, client: Any, *, instance: str | None = None, compartment: str | None = None
    ) -> Any:
        """A client like ``client`` whose calls go through this door.

        Serves ``OpenAI``, ``AsyncOpenAI``, ``Anthropic`` and ``AsyncAnthropic``. With
        ``instance``, every call of the client belongs to that instance.

        Raises:
            CallerError: The client goes past HTTP transports, or is no such client.
        """
        return wrap(
            client,
            lambda inner: self.transport(inner, instance=instance, compartment=compartment),
        )

    def transport(
        self, inner: Any = None, *, instance: str | None = None, compartment: str | None = None
    ) -> DoorTransport:
        """A transport for ``httpx`` and ``httpx2`` clients, sync and async alike."""
        if compartment is not None and instance is None:
            raise CallerError("a compartment needs an instance to be in it", hint="pass instance=")
        return DoorTransport(
            self.engine,
            self._store,
            inner=inner,
            upstreams=self.settings.upstreams,
            run=self._run_at,
            instance=instance,
            compartment=compartment,
            on_open=self._on_open,
            on_close=self._on_close,
        )

    def instance(self, name: str, *, compartment: str | None = None) -> InstanceScope:
        """A context (``with`` or ``async with``) whose calls belong to the instance ``name``.

        Nests: the inner instance is a child of the outer one.
        """
        return InstanceScope(name, compartment)

    def spawn(self, name: str, *, compartment: str | None = None) -> SpawnScope:
        """A context whose calls belong to ``name``, a child of the instance that is open here.

        In another room than its parent's it starts with all that the parent's run was shown, one
        generation deeper. Its ``headers`` say whose child it is where it calls a sidecar from
        another process.

        Raises:
            CallerError: No instance is open.
        """
        return SpawnScope(name, compartment)

    def run(self, name: str) -> RunScope:
        """A context whose calls belong to the run ``name``: one user's session, one job."""
        digest = self.engine.settings.digester(f"run\x1f{name}\x1f{self._first_run}")
        return RunScope(RunId("r_" + identity.short_id(digest)))

    # -- what the program knows and the wire cannot tell -----------------------------------------

    def human(self, text: str) -> str:
        """A person wrote ``text``. Returns it unchanged."""
        return self._grant(text, "human")

    def template(self, text: str) -> str:
        """``text`` is part of the program: a prompt, a template. Returns it unchanged."""
        return self._grant(text, "developer")

    def memory(self, text: str, *, store: str, key: str | None = None) -> str:
        """``text`` was read from ``store`` (at ``key``). Returns it unchanged."""
        for passage in lineage.whole_passages(text, self.engine.settings.digester):
            self.engine.attested.place(passage, Place(store, key))
        return text

    def store(self, name: str) -> StoreHandle:
        """A handle on the store ``name``."""
        return StoreHandle(self, name)

    def _grant(self, text: str, kind: str) -> str:
        for passage in lineage.whole_passages(text, self.engine.settings.digester):
            self.engine.attested.grant(passage, kind)
        return text

    # -- what happened -------------------------------------------------------------------------

    @property
    def last(self) -> ExchangeSummary | None:
        """The last exchange that ended in this task or thread; else the last one in any."""
        return self._last.get() or self._last_any

    def explain(self, call: str) -> dict[str, Any]:
        """Everything that was decided about a call (DESIGN §7).

        Raises:
            CallerError: No such call is in this door's store.
        """
        document = explain_call(self._store, call, self.engine.settings)
        if document is None:
            raise CallerError(
                f"no call {call!r} in this store", hint="`door.last.call` is the last"
            )
        return document

    @property
    def public_key(self) -> str:
        """The key of this door's statements, ``ed25519:…``, as another door's ``trust:`` takes it.

        Raises:
            StoreUnavailable: It cannot be read or made.
        """
        return self._store.signing_key().public_text

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.settings.policy

    @property
    def mode(self) -> Mode:
        """The mode in force."""
        return self.settings.policy.mode

    def close(self) -> None:
        """Write what is under way and close the store."""
        self._store.close()

    def __enter__(self) -> "Door":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _run_at(self, now: float) -> RunId | None:
        if self.run_id is not None:
            self.run_id = _PROCESS.at(now)
        return self.run_id

    def _on_open(self, exchange: Exchange) -> None:
        self._spans.on_open(exchange)

    def _on_close(self, exchange: Exchange) -> None:
        self._spans.on_close(exchange)
        _PROCESS.ended(exchange.at)
        if exchange.summary is not None:
            self._last_any = exchange.summary
            self._last.set(exchange.summary)


def explain_call(
    store: SqliteStore, call: str, settings: EngineSettings | None = None
) -> dict[str, Any] | None:
    """The explain document of ``call``, from a store; None when there is no such call.

    With ``settings`` it holds the statement that the door makes of the call's answer.
    """
    reader = StoreReader(store)
    statement = None
    if settings is not None:
        statement = statement_of(reader.ended(call), settings, time.time())
    return explained(call, reader.opened, reader.closed, reader.call_entries(call), statement)


__all__ = [
    "Door",
    "StoreHandle",
    "engine_settings",
    "explain_call",
    "open_engine",
    "process_run",
    "proofs_of",
]

"""Commands that serve: serve, run."""

import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from firedoor.cli.options import Config, Store, settings_of
from firedoor.config import Settings
from firedoor.door import expire, open_engine, process_run
from firedoor.engine import Engine, Exchange
from firedoor.errors import SettingsError, StoreUnavailable
from firedoor.store import SqliteStore, StoreReader, open_store
from firedoor.telemetry import ExchangeSpans
from firedoor.types.exchange import Mode
from firedoor.types.ids import RunId

if TYPE_CHECKING:
    from firedoor.fronts.sidecar.server import Sidecar

_NOT_FOUND: Final = 127
_SWEEP_S: Final = 3_600.0

ModeName = Annotated[
    str | None, typer.Option(help="observe | contain | isolate", show_default=False)
]
Upstreams = Annotated[
    list[str] | None,
    typer.Option("--upstream", help="NAME=URL, repeatable.", show_default=False),
]


def build(settings: Settings, *, run: RunId | None = None) -> "tuple[Sidecar, SqliteStore]":
    """A sidecar on its store, listening but not yet serving.

    Raises:
        SettingsError: The extra `server` is missing, or a port or address cannot be used.
        StoreUnavailable: The store cannot be opened, and the mode asks for one. In ``observe`` the
            sidecar starts without, and tries again while it serves.
    """
    try:
        from firedoor.fronts.sidecar.admin import AdminApp
        from firedoor.fronts.sidecar.app import SidecarApp
        from firedoor.fronts.sidecar.server import Sidecar, admin_token
        from firedoor.telemetry.metrics import CallMetrics
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the sidecar needs {error.name}, which is not installed",
            hint="pip install 'firedoor[server]'",
        ) from None

    def opened(absent: StoreUnavailable | None = None) -> SqliteStore:
        retention = settings.retention.content
        return open_store(settings.store_url, base=Path.cwd(), retention=retention, absent=absent)

    def token_beside(store: SqliteStore) -> str:
        return admin_token(settings, store.path.parent if store.path is not None else Path.cwd())

    try:
        store = opened()
    except StoreUnavailable as error:
        # What only watches must not break what it watches.
        if settings.policy.mode is not Mode.OBSERVE:
            raise
        store = opened(absent=error.with_traceback(None))
    spans, metrics = ExchangeSpans(), CallMetrics()
    # A sidecar is a process of its own: nobody sets up an SDK in it once it serves.
    traced = spans.seen

    def on_open(exchange: Exchange) -> None:
        if traced:
            spans.on_open(exchange)

    def on_close(exchange: Exchange) -> None:
        if traced:
            spans.on_close(exchange)
        metrics.on_close(exchange)

    try:
        token = token_beside(store)
    except OSError:
        if store.absent is None:
            store.close()
            raise
        # Nobody knows it, so the admin API is closed until its folder is there.
        token = secrets.token_urlsafe(32)
    admin = AdminApp(store, token, settings.convergence.settings())

    def reopen() -> tuple[Engine, SqliteStore]:
        found = opened()
        try:
            engine = open_engine(settings, found)
            admin.take(found, token_beside(found))
        except BaseException:
            found.close()
            raise
        return engine, found

    app = SidecarApp(
        open_engine(settings, store),
        store,
        settings,
        run=run,
        on_open=on_open,
        on_close=on_close,
        metrics=metrics.text,
        reopen=reopen if store.absent is not None else None,
    )
    try:
        sidecar = Sidecar(app, admin, settings)
    except SettingsError:
        store.close()
        raise
    return sidecar, store


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(
            {"level": record.levelname.lower(), "logger": record.name, "event": record.getMessage()}
        )


def _log(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    if settings.log_format == "json":
        handler.setFormatter(_JsonLines())
    logger = logging.getLogger("firedoor")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _tracing(settings: Settings) -> None:
    if settings.otlp is None:
        return
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"--otlp needs {error.name}, which is not installed",
            hint="pip install 'firedoor[otel]'",
        ) from None
    provider = TracerProvider()
    endpoint = settings.otlp.rstrip("/") + "/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)


def expiring(settings: Settings, store: SqliteStore) -> threading.Event:
    """Have texts dropped whose time is over, now and every hour until the event is set."""
    stopped = threading.Event()

    def sweep() -> None:
        while not stopped.is_set():
            expire(settings, store)
            stopped.wait(_SWEEP_S)

    if store.absent is None:
        threading.Thread(target=sweep, name="firedoor-expiry", daemon=True).start()
    return stopped


def serve(
    config: Config = None,
    mode: ModeName = None,
    store: Store = None,
    host: Annotated[str | None, typer.Option(show_default=False)] = None,
    port: Annotated[
        int | None, typer.Option(help="0 takes a free one.", show_default=False)
    ] = None,
    admin_port: Annotated[int | None, typer.Option(show_default=False)] = None,
    upstream: Upstreams = None,
    otlp: Annotated[
        str | None, typer.Option(help="OTLP/HTTP endpoint.", show_default=False)
    ] = None,
    log_format: Annotated[str | None, typer.Option(help="text | json", show_default=False)] = None,
) -> None:
    """Run the sidecar until SIGINT or SIGTERM."""
    settings = settings_of(
        config, mode=mode, store=store, host=host, port=port, admin_port=admin_port,
        upstream=upstream or None, otlp=otlp, log_format=log_format,
    )  # fmt: skip
    _log(settings)
    _tracing(settings)
    sidecar, opened = build(settings)
    told = {
        "event": "ready",
        "data": sidecar.data_url,
        "admin": sidecar.admin_url,
        "mode": settings.policy.mode.value,
        "store": opened.url,
    }
    if opened.absent is not None:
        told["unrecorded"] = "store unavailable"

    def ready() -> None:
        if settings.log_format == "json":
            print(json.dumps(told), flush=True)
        else:
            print(" ".join(f"{k}={v}" for k, v in told.items()), flush=True)
        if opened.absent is not None:
            logging.getLogger("firedoor").warning(
                "calls pass and are not recorded: %s", opened.absent.diagnostics()
            )
        for warning in settings.warnings:
            logging.getLogger("firedoor").warning("%s", warning)

    stopped = expiring(settings, opened)
    try:
        sidecar.run(ready)
    finally:
        stopped.set()
        opened.close()


def _child_environment(url: str, run: str) -> dict[str, str]:
    """The variables that SDKs read their base URL from."""
    return os.environ | {
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_BASE": f"{url}/v1",
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_BASE": url,
        "GOOGLE_GEMINI_BASE_URL": url,
        "FIREDOOR_RUN": run,
        "FIREDOOR_URL": url,
    }


def _inherited_upstreams(given: list[str]) -> list[str]:
    """Where the program would have gone without the door."""
    named = {pair.partition("=")[0] for pair in given}
    found = []
    for name, variable in (
        ("openai", "OPENAI_BASE_URL"),
        ("anthropic", "ANTHROPIC_BASE_URL"),
        ("gemini", "GOOGLE_GEMINI_BASE_URL"),
    ):
        url = os.environ.get(variable)
        if url and name not in named:
            found.append(f"{name}={url}")
    return found + given


def run(
    context: typer.Context,
    config: Config = None,
    mode: ModeName = None,
    store: Store = None,
    upstream: Upstreams = None,
) -> None:
    """Run a command behind a sidecar of its own: firedoor run -- python agent.py"""
    command = list(context.args)
    if not command:
        raise SettingsError("there is no command to run", hint="firedoor run -- python agent.py")
    settings = settings_of(
        config, mode=mode, store=store, port=0, admin_port=0,
        upstream=_inherited_upstreams(list(upstream or [])),
    )  # fmt: skip
    run_id = process_run()
    sidecar, opened = build(settings, run=run_id)
    sidecar.start()
    try:
        before = _status(opened)
        code = _ran(command, _child_environment(sidecar.data_url, run_id))
        sidecar.stop()
        _summary(before, _status(opened), settings)
    finally:
        sidecar.stop()
        opened.close()
    raise typer.Exit(code)


def _ran(command: list[str], environment: dict[str, str]) -> int:
    try:
        child = subprocess.Popen(command, env=environment)
    except OSError as error:
        print(f"firedoor: {command[0]}: {error.strerror}", file=sys.stderr)
        return _NOT_FOUND

    def pass_on(number: int, frame: Any) -> None:
        if child.poll() is None:
            child.send_signal(number)

    # The terminal sends SIGINT to the child itself; the door only has to outlive it.
    old = signal.signal(signal.SIGTERM, pass_on), signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        code = child.wait()
    finally:
        signal.signal(signal.SIGTERM, old[0])
        signal.signal(signal.SIGINT, old[1])
    return 128 - code if code < 0 else code


def _status(store: SqliteStore) -> dict[str, Any] | None:
    try:
        return StoreReader(store).status()
    except StoreUnavailable:
        return None


def _summary(
    before: dict[str, Any] | None, after: dict[str, Any] | None, settings: Settings
) -> None:
    if before is None or after is None:
        print(
            "firedoor: the store was unavailable, so there are calls that are not recorded; "
            f"mode {settings.policy.mode.value}. Look further: firedoor doctor",
            file=sys.stderr,
        )
        return
    calls = after["calls"] - before["calls"]
    verdicts = ", ".join(
        f"{n - before['verdicts'].get(name, 0)} {name}" for name, n in after["verdicts"].items()
    )
    share = after["attributed_share"]
    print(
        f"firedoor: {calls} calls ({verdicts}), {after['rooms']} rooms, attributed "
        f"{'–' if share is None else f'{share:.0%}'}, {after['quarantined']} held; "
        f"mode {settings.policy.mode.value}. Look further: firedoor status",
        file=sys.stderr,
    )


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(serve)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(run)

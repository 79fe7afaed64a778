"""`firedoor doctor -- CMD`: runs a program against a canary, and tells what went past the door.

The program's SDKs are pointed at a sidecar, whose provider is a scripted one on loopback. What goes
elsewhere is caught twice: Python programs carry a hook that sees every connection, and all programs
a proxy that refuses whatever is asked of it. Nothing leaves the machine, as far as they see; what is
neither Python nor honours a proxy, nobody sees here.
"""

import contextlib
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple

from firedoor.cli import doctor_hook
from firedoor.cli.options import settings_of
from firedoor.cli.serve import _child_environment, build
from firedoor.door import process_run
from firedoor.errors import CallerError
from firedoor.store import StoreReader
from firedoor.testing import Reply, ScriptedUpstream

_PROXY_VARIABLES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")
_KEYS: Final = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
_CANARY_KEY: Final = "sk-firedoor-canary-000000"
_REQUEST_BYTES_MAX: Final = 65_536
_TARGET: Final = re.compile(rb"(?:CONNECT ([^ ]+)|[A-Z]+ [a-z]+://([^/ ]+)[^ ]*) HTTP/1")
_CALLS_MAX: Final = 100_000
_PROVIDERS: Final = re.compile(
    r"(^|\.)(openai\.com|openai\.azure\.com|anthropic\.com|googleapis\.com|mistral\.ai|groq\.com|"
    r"deepseek\.com|x\.ai|together\.xyz|openrouter\.ai|cohere\.com|perplexity\.ai|fireworks\.ai|"
    r"amazonaws\.com)$|^api\."
)
_FIXES: Final = {
    "litellm": "litellm's own handlers take no client of yours: set api_base to the sidecar",
    "websockets": "a WebSocket goes round every HTTP transport: use the HTTP form of the call",
    "aiohttp": "aiohttp has no transport to stand in: set its base URL to the sidecar",
    "httpx": "give the client the door, blocking and async ones alike: "
             "httpx.Client(transport=door.transport()), or set its base URL to the sidecar",
    "grpc": "gRPC goes past every HTTP door: choose the SDK's REST transport",
}  # fmt: skip
_FIX: Final = "set the client's base URL to the sidecar (`firedoor run` sets the usual variables)"


class Past(NamedTuple):
    """One way past the door."""

    host: str
    library: str | None
    sdk: str | None
    where: str | None
    """The program's own line that led there: file and line."""


def _fix(library: str | None) -> str:
    return _FIXES.get("httpx" if library == "httpx2" else library or "", _FIX)


class _Proxy(socketserver.ThreadingTCPServer):
    """A proxy that writes down what it is asked for, and refuses it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.asked: list[tuple[float, str]] = []
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class _Asked(socketserver.BaseRequestHandler):
    server: _Proxy

    def handle(self) -> None:
        self.request.settimeout(5)
        raw = b""
        while b"\r\n\r\n" not in raw and len(raw) < _REQUEST_BYTES_MAX:
            chunk = self.request.recv(4096)
            if not chunk:
                break
            raw += chunk
        found = _TARGET.match(raw)
        if found is not None:
            target = (found[1] or found[2]).decode("latin-1").rpartition("@")[2]
            host = target.rpartition(":")[0] if re.search(r":\d+$", target) else target
            self.server.asked.append((time.time(), host.strip("[]")))
        told = b"firedoor doctor: nothing leaves this machine\n"
        self.request.sendall(
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (len(told), told)
        )


def _environment(sidecar: str, run: str, proxy: str, folder: Path) -> dict[str, str]:
    found = _child_environment(sidecar, run)
    for name in _PROXY_VARIABLES:
        found[name] = found[name.lower()] = proxy
    for name in ("NO_PROXY", "no_proxy"):
        found[name] = "127.0.0.1,localhost,::1"
    for name in _KEYS:
        found.setdefault(name, _CANARY_KEY)
    found["GOOGLE_GEMINI_BASE_URL"] = sidecar
    before = found.get("PYTHONPATH")
    found["PYTHONPATH"] = f"{folder}{os.pathsep}{before}" if before else str(folder)
    found[doctor_hook.LOG_VARIABLE] = str(folder / "past.jsonl")
    found[doctor_hook.PROXY_VARIABLE] = proxy.rpartition(":")[2]
    # What a tracer ships is content too, but not what is being looked for here.
    found.setdefault("OPENAI_AGENTS_DISABLE_TRACING", "1")
    return found


def _ran(command: list[str], environment: dict[str, str], limit_s: float, out: int) -> int | None:
    """The program's exit code; None when it was stopped after ``limit_s`` seconds."""
    try:
        child = subprocess.Popen(command, env=environment, stdout=out, start_new_session=True)
    except OSError as error:
        raise CallerError(f"{command[0]}: {error.strerror}") from None
    try:
        return child.wait(timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # Whatever it left running has no canary any more.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def _read(log: Path) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_bytes().splitlines()]


def _ways(told: list[dict[str, Any]], asked: list[tuple[float, str]]) -> Counter[Past]:
    """What went past, by host and library; a proxied one has its library from the hook."""
    ways: Counter[Past] = Counter()
    for line in told:
        if line["kind"] == "past":
            ways[Past(line["host"], line["library"], line["sdk"], line["where"])] += 1
    through = sorted((x for x in told if x["kind"] == "proxy"), key=lambda x: float(x["time"]))
    for at, host in sorted(asked):
        if doctor_hook.loopback(host):
            continue
        # The connection that came last before it, and was not counted yet.
        before = [x for x in through if float(x["time"]) <= at]
        by = before[-1] if before else {}
        if by:
            through.remove(by)
        ways[Past(host, by.get("library"), by.get("sdk"), by.get("where"))] += 1
    return ways


def canary(
    command: list[str], *, config: Path | None, limit_s: float, quiet: bool
) -> dict[str, Any]:
    """Run ``command`` against the canary and tell what passed the door, and what went past it.

    Args:
        quiet: Whether the program's own output goes to standard error.

    Raises:
        CallerError: The program cannot be started.
    """
    with (
        tempfile.TemporaryDirectory(prefix="firedoor-doctor-") as made,
        ScriptedUpstream(lambda call: Reply("Hello from firedoor's canary.")) as provider,
        _Proxy() as proxy,
    ):
        folder = Path(made)
        hook = files("firedoor.cli").joinpath("doctor_hook.py").read_bytes()
        (folder / "sitecustomize.py").write_bytes(hook)
        settings = settings_of(
            config, mode="observe", store=f"sqlite:{folder / 'store' / 'firedoor.db'}", port=0,
            admin_port=0,
            upstream=[f"{name}={provider.url}" for name in ("openai", "anthropic", "gemini")],
        )  # fmt: skip
        run = process_run()
        sidecar, store = build(settings, run=run)
        sidecar.start()
        try:
            host, port = proxy.server_address[:2]
            environment = _environment(
                sidecar.data_url, run, f"http://{host!s}:{port}", folder
            )  # fmt: skip
            out = sys.stderr.fileno() if quiet else sys.stdout.fileno()
            code = _ran(command, environment, limit_s, out)
            sidecar.stop()
            calls = StoreReader(store).calls(limit=_CALLS_MAX)
        finally:
            sidecar.stop()
            store.close()
        proxy.shutdown()
        told = _read(folder / "past.jsonl")
        ways = _ways(told, proxy.asked)
    passed = Counter(str(call["surface"]) for call in calls)
    return {
        "command": command,
        "exit": code,
        "passed": dict(sorted(passed.items())),
        "past": [
            {
                **way._asdict(), "tries": tries, "provider": bool(_PROVIDERS.search(way.host)),
                "fix": _fix(way.library),
            }
            for way, tries in sorted(ways.items(), key=lambda item: str(item))
        ],
        "notes": _notes(told, code, limit_s, seen=bool(passed or ways)),
    }  # fmt: skip


def _notes(
    told: list[dict[str, Any]], code: int | None, limit_s: float, *, seen: bool
) -> list[str]:
    """What this could not see."""
    notes = []
    if code is None:
        notes.append(f"the program was stopped after {limit_s:g} s")
    if not any(line["kind"] == "python" for line in told):
        notes.append("no Python reported in: only what honours HTTPS_PROXY was watched")
    for name in sorted({str(line["library"]) for line in told if line["kind"] == "blind"}):
        kept = "kept away" if name == "uvloop" else "loaded: it connects where no hook sees it"
        notes.append(f"{name} was {kept}")
    if not seen:
        notes.append("no call was seen at all, so nothing is known of this program")
    return notes


def shown(found: dict[str, Any]) -> None:
    """Print it for a person."""
    passed = ", ".join(f"{name} {n}" for name, n in found["passed"].items())
    print(
        f"passed the door: {sum(found['passed'].values())} calls"
        + (f" ({passed})" if passed else "")
    )
    for way in found["past"]:
        by = way["library"] or "an unknown library"
        by += f" ({way['sdk']})" if way["sdk"] and way["sdk"] != way["library"] else ""
        at = f" at {way['where']}" if way["where"] else ""
        what = "a provider" if way["provider"] else "no provider that is known"
        print(f"went past it: {way['host']} ({what}), by {by}{at}, {way['tries']} tries")
        print(f"  to do: {way['fix']}")
    if not found["past"] and found["passed"]:
        print("nothing was seen to go past it")
    for note in found["notes"]:
        print(f"note: {note}")


__all__ = ["canary", "shown"]

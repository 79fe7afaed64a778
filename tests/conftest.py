"""Fixtures of the whole suite."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from firedoor.cli.serve import build
from firedoor.config import load_settings
from firedoor.fronts.sidecar.server import Sidecar
from firedoor.store import SqliteStore, StoreReader
from firedoor.testing import ScriptedUpstream

# A shared machine may be slow at any moment; a landing must not depend on a draw of the dice.
settings.register_profile(
    "landing", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("landing")


@dataclass
class Running:
    """A sidecar on a thread of this process."""

    sidecar: Sidecar
    store: SqliteStore
    folder: Path

    @property
    def url(self) -> str:
        return self.sidecar.data_url

    @property
    def reader(self) -> StoreReader:
        return StoreReader(self.store)


Serve = Callable[..., Running]


@pytest.fixture
def serve(tmp_path: Path, upstream: ScriptedUpstream) -> Iterator[Serve]:
    """Starts sidecars in front of ``upstream``; they end with the test."""
    running: list[Running] = []

    def start(
        mode: str = "contain",
        *,
        policy: str = "",
        environ: dict[str, str] | None = None,
        **flags: object,
    ) -> Running:
        folder = tmp_path / f"sidecar-{len(running)}"
        folder.mkdir()
        file = folder / "firedoor.yaml"
        file.write_text("version: 1\n" + policy)
        settings = load_settings(
            file,
            environ=environ or {},
            flags={
                "mode": mode,
                "store": f"sqlite:{folder / 'store' / 'firedoor.db'}",
                "port": 0,
                "admin_port": 0,
                "upstream": [
                    f"{name}={upstream.url}" for name in ("openai", "anthropic", "gemini")
                ],
                **flags,
            },
        )
        sidecar, store = build(settings)
        made = Running(sidecar, store, folder)
        sidecar.start()
        running.append(made)
        return made

    yield start
    for made in running:
        made.sidecar.stop()
        made.store.close()

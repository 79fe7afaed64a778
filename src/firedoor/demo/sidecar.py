"""A sidecar of the demo's own, on a policy file and a store in one folder."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from firedoor.config import load_settings
from firedoor.store import SqliteStore


def started(
    folder: Path, policy: str, url: str, upstreams: Iterable[str], build: Callable[..., Any]
) -> tuple[Any, SqliteStore]:
    """A sidecar that runs, and its store; both are the caller's to end.

    Args:
        url: Of the scripted provider, which stands for all ``upstreams``.
        build: Makes a sidecar and its store from settings.
    """
    file = folder / "firedoor.yaml"
    file.write_text(policy)
    settings = load_settings(
        file,
        environ={},
        flags={
            "store": f"sqlite:{folder / '.firedoor' / 'firedoor.db'}",
            "port": 0,
            "admin_port": 0,
            "upstream": [f"{name}={url}" for name in upstreams],
        },
    )
    sidecar, store = build(settings)
    sidecar.start()
    return sidecar, store

"""The pytest plugin: ``door`` on a throw-away store, ``upstream`` that says what it is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from firedoor.door import Door
    from firedoor.testing import ScriptedUpstream


@pytest.fixture
def door(tmp_path: Path, request: pytest.FixtureRequest) -> "Iterator[Door]":
    """A door whose store goes with the test. Mode ``contain``; ``@pytest.mark.firedoor_mode(…)``."""
    # Imported here: a plugin is loaded in every project that has firedoor installed.
    from firedoor.door import Door

    marker = request.node.get_closest_marker("firedoor_mode")
    mode = marker.args[0] if marker is not None else "contain"
    made = Door(mode=mode, store=f"sqlite:{tmp_path / 'firedoor.db'}", environ={})
    yield made
    made.close()


@pytest.fixture
def upstream() -> "Iterator[ScriptedUpstream]":
    """A provider on loopback; set ``upstream.script`` to say what it answers."""
    from firedoor.testing import ScriptedUpstream

    with ScriptedUpstream() as made:
        yield made


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", "firedoor_mode(mode): the mode of the `door` fixture")

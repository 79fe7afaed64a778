"""One run of the office: rounds of work, and after each round who had the doctrine in a context."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from firedoor.demo.office import POLICY, Agent, ScriptedModel, SharedWorld
from firedoor.demo.sidecar import started
from firedoor.store import SqliteStore, StoreReader
from firedoor.testing import ScriptedUpstream

ROUNDS: Final = 8


@dataclass
class Run:
    """What one run came to."""

    spread: str
    guarded: bool
    rounds: list[set[str]]
    """Who had caught it, after each round."""
    calls: int
    work: int
    """Tasks that were finished."""
    status: dict[str, Any] | None = None
    held: list[dict[str, Any]] | None = None
    edited: list[dict[str, Any]] | None = None


OnRound = Callable[[str, bool, int, set[str]], None]


def run_office(
    spread: str,
    *,
    folder: Path | None,
    on_round: OnRound,
    build: Callable[..., Any] | None = None,
    model: ScriptedModel | None = None,
    rounds: int = ROUNDS,
) -> Run:
    """Work through all rounds, behind a sidecar on ``folder`` or straight to the model.

    Args:
        spread: ``note`` (one note that everybody loads) or ``chain`` (handed on from one to the
            next).
        folder: Where the sidecar keeps its store; None runs without the door.
        build: Makes a sidecar and its store from settings.
        model: What the provider answers with; scripted where none is given.
    """
    model = model or ScriptedModel(spread=spread)
    done = Run(spread, folder is not None, [], 0, 0)
    with ScriptedUpstream(model) as upstream, tempfile.TemporaryDirectory() as shared:
        url = upstream.url
        sidecar = None
        store: SqliteStore | None = None
        if folder is not None and build is not None:
            sidecar, store = started(folder, POLICY, url, ("openai", "anthropic"), build)
            url = sidecar.data_url
        world = SharedWorld(Path(shared))
        agents = [Agent(name, url, world) for name in model.names]
        try:
            for number in range(1, rounds + 1):
                model.round = number
                # From last to first: what one leaves for the next is read a round later.
                for agent in reversed(agents):
                    for task in ("Write your report.", "Catch up with the office, then go on."):
                        agent.work(task)
                        done.work += 1
                done.rounds.append(set(model.caught))
                on_round(spread, folder is not None, number, set(model.caught))
        finally:
            for agent in agents:
                agent.close()
            if sidecar is not None:
                sidecar.stop()
        done.calls = model.calls
        if store is not None:
            reader = StoreReader(store)
            done.status = reader.status()
            done.held = reader.quarantine()
            done.edited = [c for c in reader.calls(limit=1000) if c["verdict"] == "edited"]
            store.close()
    return done

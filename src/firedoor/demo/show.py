"""The demo as people see it: a live table, a plot, what was withheld, and how to look further."""

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from firedoor.demo.hands import run_hands
from firedoor.demo.office import NAMES, TURNS_IN_ROUND, ScriptedModel
from firedoor.demo.run import ROUNDS, Run, run_office
from firedoor.demo.smol import LocalModel, SmolModel
from firedoor.errors import SettingsError

_TITLES: Final = {
    "note": "One note that everybody loads",
    "chain": "One chain that hands it on",
}
_FOLDER: Final = Path("firedoor-demo")
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"


class _Board:
    """Who has caught it, round by round, for all four runs."""

    def __init__(self, names: tuple[str, ...], rounds: int) -> None:
        self.names = names
        self.rounds = rounds
        self._caught: dict[tuple[str, bool], list[set[str]]] = {}

    def put(self, spread: str, guarded: bool, number: int, caught: set[str]) -> None:
        self._caught.setdefault((spread, guarded), []).append(caught)

    def table(self, spread: str) -> Table:
        table = Table(title=_TITLES[spread], title_justify="left", box=None, pad_edge=False)
        table.add_column("round", justify="right")
        for door in ("without the door", "with the door"):
            table.add_column(door)
            table.add_column("", justify="right")
        for number in range(self.rounds):
            cells: list[str | Text] = [str(number + 1)]
            for guarded in (False, True):
                rounds = self._caught.get((spread, guarded), [])
                if number < len(rounds):
                    cells += [_faces(rounds[number], self.names), str(len(rounds[number]))]
                else:
                    cells += [Text("·" * len(self.names), style="dim"), ""]
            table.add_row(*cells)
        return table

    def shown(self) -> Group:
        return Group(*(Group(self.table(s), Text()) for s in _TITLES))


def _faces(caught: set[str], names: tuple[str, ...]) -> Text:
    text = Text()
    for name in names:
        if name in caught:
            text.append("●", style="bold red")
        else:
            text.append("○", style="green")
    return text


def _plot(runs: list[Run], size: int) -> Table:
    """A line of blocks a run: agents that caught it, by round."""
    table = Table.grid(padding=(0, 2))
    for run in runs:
        counts = [len(r) for r in run.rounds]
        bars = "".join(_BLOCKS[-(-c * 8 // size)] * 3 for c in counts)
        door = "with" if run.guarded else "without"
        table.add_row(
            run.spread, f"{door} the door", Text(bars, style="green" if run.guarded else "red"),
            f"{counts[-1]} of {size}",
        )  # fmt: skip
    return table


def run_demo(*, model: str, plain: bool, build: Callable[..., Any]) -> None:
    """Run the office four times and show what happened.

    Raises:
        SettingsError: The model is none that the demo knows, or its extra is missing.
    """
    if model not in ("scripted", "smollm2"):
        raise SettingsError(f"model {model!r} is not one of scripted, smollm2")
    if model == "scripted":
        _show(plain, build, NAMES, ROUNDS, lambda spread: ScriptedModel(spread=spread))
        return
    names = NAMES[:5]
    local = LocalModel()
    try:
        _show(
            plain, build, names, 5,
            lambda spread: SmolModel(spread=spread, names=names, local=local),
        )  # fmt: skip
    finally:
        local.close()


def _fresh_folder() -> None:
    """An empty folder for the demo's stores; only what an earlier demo left is removed."""
    marker = _FOLDER / ".made-by-firedoor-demo"
    if _FOLDER.exists():
        if not marker.exists():
            raise SettingsError(
                f"there is a folder {_FOLDER} here that no demo made",
                hint="run the demo in another folder",
            )
        shutil.rmtree(_FOLDER)
    _FOLDER.mkdir()
    marker.touch()


def _show(
    plain: bool,
    build: Callable[..., Any],
    names: tuple[str, ...],
    rounds: int,
    model: Callable[[str], ScriptedModel],
) -> None:
    started = time.monotonic()
    console = Console(soft_wrap=True)
    _fresh_folder()
    board = _Board(names, rounds)
    runs: list[Run] = []
    console.print(
        f"\n{len(names)} agents on the OpenAI and Anthropic SDKs, a room each, share a memory and a "
        f"folder. In round {TURNS_IN_ROUND} the writer turns.\n"
        f"● has had the writer's doctrine in its context, ○ has not.\n"
    )
    live = Live(board.shown(), console=console, refresh_per_second=20) if not plain else None
    if live is not None:
        live.start()

    def on_round(spread: str, guarded: bool, number: int, caught: set[str]) -> None:
        board.put(spread, guarded, number, caught)
        if live is not None:
            live.update(board.shown())
        else:
            door = "with" if guarded else "without"
            print(f"{spread:5} {door:7} the door, round {number}: {len(caught)} of {len(names)}")

    try:
        for spread in _TITLES:
            for guarded in (False, True):
                folder = None
                if guarded:
                    folder = _FOLDER / spread
                    folder.mkdir(parents=True)
                runs.append(
                    run_office(
                        spread,
                        folder=folder,
                        on_round=on_round,
                        build=build,
                        model=model(spread),
                        rounds=rounds,
                    )
                )
    finally:
        if live is not None:
            live.stop()
    console.print(_plot(runs, len(names)))
    _hands(console, build)
    _after(console, runs, time.monotonic() - started)
    sys.stdout.flush()


def _hands(console: Console, build: Callable[..., Any]) -> None:
    """Less may be done once exposed: two leads start a helper each."""
    folder = _FOLDER / "hands"
    folder.mkdir()
    hands = run_hands(folder, build)
    console.print("\n[bold]Less may be done once exposed[/]")
    console.print("  A helper of a lead that read nothing foreign may call: " + hands.clean)
    console.print(
        "  The same of a lead that read the writer's note is told, in the SDK's own answer:"
    )
    console.print(f"    {hands.exposed}", style="red", highlight=False)
    store = f"--store sqlite:{folder}/.firedoor/firedoor.db"
    for command in (f"explain {hands.call}", "budget show --explain"):
        print(f"  firedoor {command} {store}")


def _after(console: Console, runs: list[Run], seconds: float) -> None:
    for run in (r for r in runs if r.guarded):
        status, held = run.status or {}, run.held or []
        open_run = next(r for r in runs if r.spread == run.spread and not r.guarded)
        console.print(f"\n[bold]{_TITLES[run.spread]}[/]")
        console.print(
            f"  {status['calls']} calls in {status['rooms']} rooms, the largest with "
            f"{status['largest_room_share']:.0%} of them; {run.work} of {open_run.work} tasks done"
        )
        console.print(
            f"  texts: {status['attributed_share']:.0%} attributed, {status['assumed_share']:.0%} "
            f"assumed (people's and the program's own, by the policy file)"
        )
        groups: dict[tuple[str, str, str, int | None], list[dict[str, Any]]] = {}
        for row in held:
            key = (str(row["author"]), row["channel"], str(row["rule"]), row["generation"])
            groups.setdefault(key, []).append(row)
        for (author, channel, rule, generation), rows in groups.items():
            asked = sorted({name for row in rows for name in row["asked_by"]})
            console.print(
                f"  withheld: {len(rows)} texts by {author} on channel {channel}, generation "
                f"{generation}, rule {rule}"
            )
            console.print(f"            from {', '.join(asked)}", style="dim")
    chain = next(r for r in runs if r.guarded and r.spread == "chain")
    example = (chain.edited or [{}])[-1].get("call", "CALL")
    store = f"--store sqlite:{_FOLDER}/chain/.firedoor/firedoor.db"
    console.print(f"\n{seconds:.0f} s. Look further:")
    for command in (
        f"explain {example}",
        "status",
        "instances",
        "quarantine list",
        "ledger verify",
    ):
        # Printed plain, so that a line can be copied whole.
        print(f"  firedoor {command} {store}")

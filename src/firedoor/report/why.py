"""Why an instance is exposed: the path back to whoever wrote first, and what of its texts is proven.

A path is read off the calls' own records: what a call was shown names the call that carried it
there, and that call's record names the next. It ends where a call was shown nothing foreign: what
it carried was written there. It also ends, and says so, where only a run or a store is known.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

_STEPS_MAX: Final = 64
"""A longer path is cut, and says so."""
_UNKNOWN: Final = 10**9
"""Where an unknown depth ranks: above every number (MODEL §3, line 1)."""

_RAISED_BY: Final = {
    "user": "door.human(text), where a person typed it; assume: {user: human}, where all of it is",
    "system": "door.template(text) for the program's own prompts",
    "definition": "door.template(text) for tool definitions that the program holds",
    "memory": "stores: {NAME: {tools: [...], key: ARGUMENT, closed: true}}, or door.memory(text, …)",
    "code": "stores: with the path argument of the tools that read and write files",
    "tool": "stores: for the tool; writers: outside, where its results come from elsewhere",
    "message": "stores: for the queue or mailbox; or the sender's x-firedoor headers",
    "history": "sending calls by the door that gave the answers",
    "state": "firedoor adopt ID --instance NAME",
}
"""What makes text on a channel attributed."""
_RAISED_ELSE: Final = "a line under stores: for what it comes out of"


class Reader(Protocol):
    """What is asked of the record."""

    def opened(self, call: str) -> dict[str, Any] | None:
        """The first half of a call's document."""

    def closed(self, call: str) -> dict[str, Any] | None:
        """The second half."""

    def calls(self, *, limit: int = 50, instance: str | None = None) -> list[dict[str, Any]]:
        """The newest calls' heads."""


class Step(NamedTuple):
    """One call on the path, from the exposed instance back to the first author."""

    call: str
    time: str
    instance: str
    compartment: str
    generation: int | None
    channel: str | None
    """By which what came from the next step entered this call; None on the last one."""


class Attribution(NamedTuple):
    """Texts of a channel (and a tool, where one gave them) whose origin nothing proves."""

    channel: str
    tool: str | None
    texts: int
    share: float
    """Of all texts."""
    raised_by: str


class Why(NamedTuple):
    """The answer for one instance."""

    instance: str
    instance_id: str
    compartment: str
    generation: int | None
    exposures: list[dict[str, Any]]
    path: list[Step]
    end: str
    """``author``: the last step wrote it; ``container``: only the room or run is known from there
    on; ``cut``: the path is longer than is shown; ``none``: nothing foreign was shown."""
    container: str | None
    """The room that is known where the path ends early."""
    texts: int
    attributed: int
    missing: list[Attribution]
    """What would raise the attributed share, the most first."""

    @property
    def attributed_share(self) -> float | None:
        """Attributed texts over all texts; None where there were none."""
        return self.attributed / self.texts if self.texts else None


def why(reader: Reader, row: dict[str, Any], *, calls: int = 200) -> Why:
    """Why the instance of ``row`` (as `StoreReader.instances` gives it) is exposed.

    Its newest ``calls`` calls are read.
    """
    heads = reader.calls(limit=calls, instance=row["instance_id"])
    # Of equally deep ones, a call that names whom it had it from, and of those the first.
    worst = max(
        sorted(heads, key=lambda head: str(head["call"])),
        key=lambda head: _rank(_shown(reader, head["call"])),
        default=None,
    )
    exposures = _shown(reader, worst["call"]) if worst is not None else []
    path, end, container = (
        _back(reader, worst["call"]) if worst and exposures else ([], "none", None)
    )
    texts, attributed, missing = _attribution(reader, [head["call"] for head in heads])
    return Why(
        row["instance"], row["instance_id"], row["compartment"],
        worst["generation"] if worst is not None else 0, exposures, path, end, container,
        texts, attributed, missing,
    )  # fmt: skip


def _shown(reader: Reader, call: str) -> list[dict[str, Any]]:
    found = (reader.closed(call) or {}).get("exposures")
    if found is None:
        found = (reader.opened(call) or {}).get("exposures")
    return list(found or [])


def _depth(exposure: dict[str, Any]) -> int:
    generation = exposure["generation"]
    return _UNKNOWN if generation is None else int(generation)


def _rank(exposures: Iterable[dict[str, Any]]) -> tuple[int, bool]:
    return max(((_depth(e), bool(e.get("call"))) for e in exposures), default=(-1, False))


def _back(reader: Reader, call: str) -> tuple[list[Step], str, str | None]:
    path: list[Step] = []
    seen: set[str] = set()
    source: str | None = None
    """Where the newest step's text came from: another organisation, where no call of ours leads on."""
    while len(path) < _STEPS_MAX:
        head = reader.opened(call)
        if head is None or call in seen:
            return path, "container", source
        seen.add(call)
        exposures = _shown(reader, call)
        # What names the call that carried it leads on; of several, the deepest.
        named = [e for e in exposures if e.get("call")]
        next_ = max(named or exposures, key=_depth, default=None)
        path.append(
            Step(
                call, head["time"], head["instance"], head["compartment"], head["generation"],
                next_["channel"] if next_ is not None else None,
            )
        )  # fmt: skip
        if next_ is None:
            return path, "author", None
        if not next_.get("call"):
            return path, "container", next_["compartment"]
        call, source = next_["call"], next_["compartment"]
    return path, "cut", None


def _attribution(reader: Reader, calls: list[str]) -> tuple[int, int, list[Attribution]]:
    texts = attributed = 0
    missing: Counter[tuple[str, str | None]] = Counter()
    for call in calls:
        head = reader.opened(call) or {}
        own = list(head.get("turns", {}).get("parts", []))
        for field in head.get("fields", {}).values():
            own += field.get("parts", [])
        for part in own:
            if part.get("kind") == "word":
                continue
            texts += 1
            if part.get("attributed", True):
                attributed += 1
            else:
                missing[part["channel"], part.get("tool")] += 1
    return (
        texts,
        attributed,
        [
            Attribution(channel, tool, n, n / texts, _RAISED_BY.get(channel, _RAISED_ELSE))
            for (channel, tool), n in missing.most_common()
        ],
    )

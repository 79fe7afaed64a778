"""Random worlds with a ground truth that the engine does not see (MODEL §6).

A world has agents in rooms, a closed memory, programs that restyle what they read, and models whose
every output may hold something of everything that they were shown. The truth follows the influence
itself: from which rooms, over how many crossings. The engine sees requests and answers, no more.
Each property has an arm that must fail: the same worlds under a broken rule.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from driving import Office, settings_for
from firedoor import lineage
from firedoor.lineage import calculus
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.label import UNKNOWN_DEPTH, Label

ROOMS = ("press", "lab", "ops", "dock", "yard")
WORDS = [
    "tide",
    "pier",
    "rope",
    "lamp",
    "crane",
    "hull",
    "deck",
    "chart",
    "buoy",
    "anchor",
    "signal",
    "watch",
    "cargo",
    "berth",
]


@dataclass(frozen=True)
class Truth:
    """What a text truly descends from: for each room, the most crossings since it."""

    hops: int = 0
    rooms: frozenset[str] = frozenset()

    def join(self, other: "Truth") -> "Truth":
        return Truth(max(self.hops, other.hops), self.rooms | other.rooms)

    def moved(self, source: str, target: str) -> "Truth":
        if source == target:
            return self
        return Truth(self.hops + 1, self.rooms | {source})


@dataclass
class World:
    """One random world."""

    seed: int
    mode: str = "contain"
    unsound: list[str] = field(default_factory=list)
    shown: int = 0
    withheld: int = 0
    reach: dict[str, set[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.office = Office(settings_for(None, self.mode))
        self.notes: dict[str, tuple[str, Truth, str]] = {}
        """key → (text, truth when written, the writer's room)."""
        self.program: dict[str, Truth] = {}
        """What the programs of a room's run have read: their own words may hold any of it."""
        self.emitted: dict[tuple[str, str], Truth] = {}
        """What a room itself said: its own words coming home are its own (line 8)."""
        self.written = 0

    def words(self) -> str:
        self.written += 1
        chosen = " ".join(self.dice.choice(WORDS) for _ in range(9))
        return f"{chosen} number {self.written}"

    def step(self) -> None:
        """One agent works once: it may read a note, its program may restyle, it writes a note."""
        room = self.dice.choice(ROOMS)
        who = Binding(f"{room}-{self.dice.randrange(2)}", room)
        turns: list[dict[str, Any]] = []
        truths: list[tuple[int, str, Truth]] = []
        rewrite = self.dice.random() < 0.3
        # A program's own words: a summary of whatever its run has read so far.
        prompt = f"Please go on. {self.words()}"
        prompt_truth = self.program.get(room, Truth()) if rewrite else Truth()
        turns.append({"role": "user", "content": prompt})
        truths.append((0, prompt, prompt_truth))
        if self.notes and self.dice.random() < 0.8:
            self._read(turns, truths, room, who)
        out = self.words()
        key = self.dice.choice("abcdefgh")
        # A relay may be verbatim: the model repeats what it read.
        if truths[1:] and self.dice.random() < 0.4:
            out = truths[-1][1]
        reply = Reply("", (Call("save_note", {"key": key, "text": out}),))
        outcome = self.office.call(who, turns, reply)
        assert outcome.status == 200, outcome.body
        influence = self._check(outcome, turns, truths, room)
        for _, _, truth in truths:
            self.program[room] = self.program.get(room, Truth()).join(truth)
        self.program[room] = self.program.get(room, Truth()).join(influence)
        calls = outcome.answer["choices"][0]["message"].get("tool_calls") or []
        if calls:
            self.notes[key] = (out, influence, room)
            own = self.emitted.get((room, out), Truth())
            self.emitted[room, out] = own.join(influence)

    def _read(
        self,
        turns: list[dict[str, Any]],
        truths: list[tuple[int, str, Truth]],
        room: str,
        who: Binding,
    ) -> None:
        key = self.dice.choice(sorted(self.notes))
        text, truth, source = self.notes[key]
        id_ = f"call_{self.written}"
        asked = self.office.call(
            who, turns[:1], Reply("", (Call("read_note", {"key": key}, id=id_),))
        )
        claim = asked.answer["choices"][0]["message"].get("tool_calls")
        if not claim:
            return
        turns.append({"role": "assistant", "content": None, "tool_calls": claim})
        turns.append({"role": "tool", "tool_call_id": id_, "content": text})
        own = self.emitted.get((room, text))
        truths.append((2, text, own if own is not None else truth.moved(source, room)))

    def _check(
        self,
        outcome: Any,
        turns: list[dict[str, Any]],
        truths: list[tuple[int, str, Truth]],
        room: str,
    ) -> Truth:
        """Hold the call's label against the truth of what was shown; give that truth."""
        influence = Truth()
        sent = outcome.request["messages"]
        for index, text, truth in truths:
            if sent[index]["content"] != text:
                self.withheld += 1
                continue
            self.shown += 1
            influence = influence.join(truth)
        label: Label = outcome.exchange.tally.shown
        if label.depth < UNKNOWN_DEPTH:
            if influence.hops > label.depth:
                self.unsound.append(f"depth {label.depth} of a text of {influence.hops} hops")
            if not influence.rooms <= set(label.ancestry):
                self.unsound.append(f"rooms {set(label.ancestry)} of {set(influence.rooms)}")
        for root in influence.rooms - {room}:
            self.reach.setdefault(root, set()).add(room)
        return influence


def run(seeds: range, steps: int = 30) -> list[World]:
    """Several worlds, worked through."""
    worlds = []
    for seed in seeds:
        world = World(seed)
        for _ in range(steps):
            world.step()
        world.office.store.close()
        worlds.append(world)
    return worlds


def test_labels_are_upper_bounds() -> None:
    """I2: true hops ≤ depth, and true source rooms ⊆ ancestry, on every call of every world."""
    worlds = run(range(12))
    assert [w.unsound for w in worlds if w.unsound] == []
    assert sum(w.shown for w in worlds) > 200
    assert sum(w.withheld for w in worlds) > 10


def test_worlds_without_the_runs_label_are_unsound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arm that must fail: what a program says of itself is taken for a person's."""
    honest = calculus._unproven

    def naive(known: Any, receiver: Any) -> Any:
        return honest(known, receiver)._replace(label=Label(0))

    monkeypatch.setattr(calculus, "_unproven", naive)
    calculus.label_without_evidence.cache_clear()
    try:
        assert [w for w in run(range(12)) if w.unsound]
    finally:
        calculus.label_without_evidence.cache_clear()


def test_worlds_where_the_author_gives_the_depth_are_unsound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The arm that must fail: the obvious rule, generation of the first emitter."""
    honest = calculus.label_of

    def naive(known: Any, receiver: Any) -> Any:
        found = honest(known, receiver)
        if not found.spans:
            return found
        depth = 1 if found.crossing else 0
        rooms = frozenset({found.spans[0].author.room}) if found.crossing else frozenset()
        return found._replace(label=Label(depth, rooms))

    monkeypatch.setattr(lineage, "label_of", naive)
    assert [w for w in run(range(12)) if w.unsound]


@pytest.mark.parametrize("style", ["verbatim", "restyled", "alternately"])
def test_relay_over_n_rooms_arrives_as_n(style: str) -> None:
    """I3: verbatim, restyled or alternately, n rooms arrive as depth n."""
    office = Office(settings_for(None, "observe"))
    text = "The lamp on the western mole is to be lit at dusk."
    office.write(Binding("a-0", "room-0"), "save_note", key="k0", text=text)
    for n in range(1, 6):
        out = text
        if style == "restyled" or (style == "alternately" and n % 2):
            out = f"At nightfall somebody lights the western lamp, version {n}."
        hand_on = Reply("", (Call("save_note", {"key": f"k{n}", "text": out}),))
        seen = office.read(
            Binding(f"a-{n}", f"room-{n}"), text, "read_note", key=f"k{n - 1}", reply=hand_on
        )
        label = seen.exchange.tally.shown
        assert label.depth == n
        assert label.ancestry == {f"room-{i}" for i in range(n)}
        text = out


def test_a_fresh_context_of_ones_own_is_clean() -> None:
    """I6: whatever the run saw, a call that holds only attested and own text has label ⊥."""
    office = Office(settings_for(None, "contain"))
    who = Binding("a", "lab")
    office.write(Binding("w", "press"), "save_note", key="k", text="Something from the press room.")
    exposed = office.read(who, "Something from the press room.", "read_note", key="k")
    assert exposed.exchange.tally.shown.depth == 1
    prompt = "A person wrote this question in full."
    for passage in lineage.whole_passages(prompt, office.engine.settings.digester):
        office.engine.attested.grant(passage, "human")
    clean = office.call(who, [{"role": "user", "content": prompt}])
    assert clean.exchange.tally.shown == Label(0)
    unproven = office.call(who, [{"role": "user", "content": "Nobody vouches for this one."}])
    assert unproven.exchange.tally.shown.depth == 1


def test_hiding_evidence_never_makes_a_verdict_milder() -> None:
    """I1: the same trace with less evidence (tool names, record of the call) is no milder."""
    note = "The lamp on the western mole is to be lit at dusk."

    def deep(hide: str) -> str:
        office = Office(settings_for(None, "contain"))
        office.write(Binding("w", "press"), "save_note", key="k", text=note)
        hand_on = Reply("", (Call("save_note", {"key": "k2", "text": note}),))
        office.read(Binding("r", "lab"), note, "read_note", key="k", reply=hand_on)
        who = Binding("t", "ops")
        tool = {"name": "get_thing" if hide == "tool" else "read_note", "arguments": '{"key":"k2"}'}
        if hide == "key":
            tool["arguments"] = "{}"
        claim = {"id": "call_9", "type": "function", "function": tool}
        turns = [
            {"role": "assistant", "content": None, "tool_calls": [claim]},
            {"role": "tool", "tool_call_id": "call_9", "content": note},
        ]
        if hide == "call":
            turns = turns[1:]
        if hide == "role":
            turns = [{"role": "user", "content": note}]
        if hide == "system":
            turns = [{"role": "system", "content": note}]
        seen = office.call(who, turns)
        return str(seen.request["messages"][-1]["content"])

    assert {
        hide: deep(hide) for hide in ("", "tool", "key", "call", "role", "system")
    } == dict.fromkeys(("", "tool", "key", "call", "role", "system"), "[withheld]")


def test_warm_and_cold_engines_agree() -> None:
    """I10: from memory or from scratch, the same labels and the same bytes."""

    def trace(*, forget: bool) -> list[tuple[Any, bytes]]:
        office = Office(settings_for(None, "contain"))
        office.write(Binding("w", "press"), "save_note", key="k", text="A note of the press room.")
        turns: list[dict[str, Any]] = []
        out = []
        for n in range(4):
            turns.append({"role": "user", "content": f"Question number {n} of this session."})
            if forget:
                office.forget()
            id_ = f"call_n{n}"
            reply = Reply(f"Answer {n}: I shall look.", (Call("read_note", {"key": "k"}, id=id_),))
            asked = office.call(Binding("r", "lab"), turns, reply)
            turns.append(
                {k: v for k, v in asked.answer["choices"][0]["message"].items() if v is not None}
            )
            turns.append(
                {"role": "tool", "tool_call_id": id_, "content": "A note of the press room."}
            )
            coverage = asked.exchange.coverage()
            out.append(((asked.exchange.tally.shown, coverage), asked.sent or b""))
        return out

    warm, cold = trace(forget=False), trace(forget=True)
    assert [sent for _, sent in warm] == [sent for _, sent in cold]
    assert [found for found, _ in warm] == [found for found, _ in cold]

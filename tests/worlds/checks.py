"""The invariants of MODEL §6, held against a world while it runs."""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from math import inf

from firedoor.engine.port import FoundParts
from firedoor.testing import Call
from firedoor.types.ids import EVERY_ROOM
from firedoor.types.label import BOTTOM, UNKNOWN_DEPTH, Label
from worlds.asks import Ask, Party, Piece, body_of
from worlds.desk import Found, Probe, Seen
from worlds.habits import Habits
from worlds.plain import lines_of
from worlds.reference import Reference
from worlds.truth import Truth, joined
from worlds.world import Event, World

_STRENGTH = ("allow", "mark", "strip", "quarantine", "deny")
UNSOUND, PAYS, DIFFERS, FALLS, UNCLEAN, WIDE, RESTART = (
    "unsound labels", "hiding pays", "differences to the reference model", "labels that fall",
    "fresh contexts that are not clean", "roots that reach too far", "restarts that pay",
)  # fmt: skip
CHECKS = (UNSOUND, PAYS, DIFFERS, FALLS, UNCLEAN, WIDE, RESTART)


@dataclass
class Watched:
    """One world with everything that was found out about it."""

    world: World
    found: list[tuple[str, str]] = field(default_factory=list)
    """(check, what is wrong)"""
    counts: Counter[str] = field(default_factory=Counter)
    reach: dict[str, set[str]] = field(default_factory=dict)
    entered: set[tuple[str, str]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    """Texts of which a program once said where they lie."""
    widest: int = 0

    def wrong(self, check: str, what: str) -> None:
        self.found.append((check, what))


def bounds(label: Label, truth: Truth) -> bool:
    """Whether a label is an upper bound of what is true (I2)."""
    if label.depth >= UNKNOWN_DEPTH:
        return True
    rooms = EVERY_ROOM in label.live or truth.rooms <= set(label.ancestry)
    return truth.hops <= label.depth and rooms


def watch(seed: int, habits: Habits, *, probes: float = 0.3, reference: bool = True) -> Watched:
    """Run the world of ``seed``, and look at every call."""
    world = World(seed, habits)
    watched = Watched(world)
    model = Reference(habits) if reference and not habits.matching else None
    dice = random.Random(f"hidden {seed}")
    looks: list[Probe] = []

    def before(ask: Ask) -> None:
        looks.clear()
        watched.told |= {p.text for p in ask.pieces if p.place is not None}
        if dice.random() < probes:
            world.desk.help(ask)
            looks.append(world.desk.probe(ask))
            for _ in range(2):
                _hide(watched, ask, looks[0], dice)

    world.watch = before
    if model is not None:
        world.created = model.spawned
    for _ in range(habits.steps):
        event = world.step()
        counts = watched.counts
        counts["calls"] += 1
        _sound(watched, event)
        _clean(watched, event)
        _size(watched, event)
        if looks:
            _restart(watched, event.seen, looks[0])
        if model is not None:
            _compare(watched, event, model)
    _monotone(watched)
    world.desk.close()
    return watched


def _sound(watched: Watched, event: Event) -> None:
    seen, ask = event.seen, event.ask
    if seen.status != 200:
        watched.counts["refused"] += 1
        return
    for i, piece in enumerate(ask.pieces):
        if not piece.text:
            continue
        if not seen.shown(i):
            watched.counts["withheld"] += 1
            continue
        watched.counts["shown"] += 1
        depth = seen.depth(i)
        if depth is not None and piece.truth.hops > depth:
            watched.wrong(
                UNSOUND,
                f"{seen.call}{seen.where[i]}: {piece.truth.hops} hops as {depth}, "
                f"{seen.parts[seen.where[i]]['evidence']}",
            )
    if not bounds(seen.label, event.output):
        watched.wrong(UNSOUND, f"{seen.call}: {event.output} as {seen.label}")


def _clean(watched: Watched, event: Event) -> None:
    """I6: a call of nothing but vouched and own clean texts is clean, whatever its run saw."""
    seen, ask = event.seen, event.ask
    if seen.status != 200 or ask.state is not None:
        return
    parts = [seen.parts[seen.where[i]] for i, p in enumerate(ask.pieces) if p.text]
    fresh = all(p["evidence"] in ("verified", "matched") and p["generation"] == 0
                and p["origin"] in ("human", "developer") for p in parts)  # fmt: skip
    if fresh and parts:
        watched.counts["fresh contexts"] += 1
        if seen.label != BOTTOM:
            watched.wrong(UNCLEAN, f"{seen.call}: {seen.label}")


def _size(watched: Watched, event: Event) -> None:
    """I4: what is proven of a root's text enters at most R rooms, and no deeper than 1."""
    habits, seen = watched.world.habits, event.seen
    if habits.mode != "contain" or seen.status != 200:
        return
    room = event.ask.party.room
    for i, piece in enumerate(event.ask.pieces):
        if not piece.text or not seen.shown(i):
            left = str(seen.texts[i]) if piece.text else ""
            watched.entered.update((seen.instance, text) for text in lines_of(left))
            continue
        known = (seen.instance, piece.text)
        if known in watched.entered:
            # What this very instance was shown before keeps its verdict (DESIGN §5b).
            continue
        watched.entered.update(
            (seen.instance, text) for text in (piece.text, *lines_of(piece.text))
        )
        part = seen.parts[seen.where[i]]
        if not part["crossing"] or part["generation"] is None:
            continue
        if part.get("attributed", True) and part["generation"] > 1:
            watched.wrong(WIDE, f"{seen.call}{seen.where[i]}: depth {part['generation']}")
        for root in piece.truth.rooms - {room}:
            entered = watched.reach.setdefault(root, set())
            entered.add(room)
            watched.widest = max(watched.widest, len(entered))
            if len(entered) > habits.reach:
                watched.wrong(WIDE, f"{seen.call}: {root} in {sorted(entered)}")


def _monotone(watched: Watched) -> None:
    """I5: ρ never falls."""
    last: dict[tuple[str, str], Label] = {}
    for event in watched.world.trace:
        party, now = event.ask.party, event.seen.run_label
        key = (party.run, party.room)
        was = last.get(key, BOTTOM)
        if now.depth < was.depth or not was.ancestry <= now.ancestry:
            watched.wrong(FALLS, f"{event.seen.call}: {was} to {now}")
        last[key] = now


# -- hiding evidence (I1) ----------------------------------------------------------------------------


def _without(found: FoundParts, what: str, dice: random.Random) -> FoundParts:
    if what == "matches":
        return found._replace(emissions={}, records={})
    if what == "records":
        return found._replace(records={})
    if what == "grants":
        return found._replace(grants={})
    if what == "ids":
        return found._replace(minted={})
    known = sorted({*found.emissions, *(d for _, d in found.records)})
    gone = dice.choice(known) if known else b""
    return found._replace(
        emissions={d: e for d, e in found.emissions.items() if d != gone},
        records={k: r for k, r in found.records.items() if k[1] != gone},
    )


def _hide(watched: Watched, ask: Ask, base: Probe, dice: random.Random) -> None:
    """Take some evidence away: no verdict and no label may become milder."""
    what = dice.choice(("matches", "passage", "records", "grants", "ids", "role", "tool", "call"))
    hide: Found | None = None
    if what in ("matches", "passage", "records", "grants", "ids"):
        hide = lambda found: _without(found, what, dice)  # noqa: E731
    less = _disguised(ask, what, dice)
    probe = watched.world.desk.probe(less, hide=hide, helpers=what != "grants")
    watched.counts["evidence hidden"] += 1
    if probe.refused is not None or base.refused is not None:
        if base.refused is not None and probe.refused is None:
            watched.wrong(PAYS, f"{what}: a refusal went away")
        return
    _, at = body_of(ask, stream=False)
    _, now_at = body_of(less, stream=False)
    listed = 0
    pays = []
    strict = "rewrite: strict" in watched.world.habits.policy
    for i, piece in enumerate(ask.pieces):
        if not piece.text:
            continue
        was, now = base.parts[at[i]], probe.parts[now_at[i]]
        if not _milder(was, now) or _homely(now):
            continue
        if piece.text in watched.told or _assumed(
            now, less.pieces[i], strict=strict and probe.run_label != BOTTOM
        ):
            listed += 1
        else:
            pays.append(
                (
                    now.get("attributed", True),
                    f"{what} at {at[i]}: {_told(was)} became {_told(now)}",
                )
            )
    watched.counts["milder under a listed assumption"] += listed
    for proven, told in pays:
        # The run's label is that of what it presents, so what nothing proves follows the rest.
        if proven or not listed:
            watched.wrong(PAYS, told)


def _told(part: dict[str, object]) -> str:
    return f"{part['verdict']}/{part['generation']}/{part['evidence']}/{part['channel']}"


def _milder(was: dict[str, object], now: dict[str, object]) -> bool:
    def deep(part: dict[str, object]) -> float:
        found = part["generation"]
        return inf if found is None else float(str(found))

    strength = _STRENGTH.index(str(now["verdict"])) < _STRENGTH.index(str(was["verdict"]))
    return strength or deep(now) < deep(was)


def _assumed(now: dict[str, object], piece: Piece, *, strict: bool) -> bool:
    """Whether a part is milder only by what the operator has listed.

    `assume` for system and user turns, and `rewrite: attenuate`, which shows them, as `strict` does
    while the run has read nothing foreign; a tool without a row in the policy is the run's own;
    what an outside tool brings is a root of its own; `door.memory` is believed where nothing known
    of the words speaks against it.
    """
    if now.get("attributed", True) is not False:
        return False
    return now["origin"] == "server" or piece.role in ("tool", "assistant") or not strict


def _homely(part: dict[str, object]) -> bool:
    """Whether a part is what the room itself said, whoever said it before: it passes (line 28).

    What was withheld as somebody else's may have become that since.
    """
    proven = part.get("attributed", True) is not False
    return proven and part["evidence"] == "matched" and not part["crossing"]


def _disguised(ask: Ask, what: str, dice: random.Random) -> Ask:
    """The same texts, with less said of where they come from."""
    tools = [i for i, p in enumerate(ask.pieces) if p.role == "tool"]
    if what not in ("role", "tool", "call") or not tools:
        return ask
    i = dice.choice(tools)
    piece = ask.pieces[i]
    assert piece.answers is not None
    gone = piece.answers.id
    if what == "role":
        new = replace(piece, role="user", answers=None)
    elif what == "call":
        new = replace(piece, answers=Call("read_note", {}, id="call_of_nobody"))
    else:
        return replace(ask, pieces=tuple(_renamed(p, gone) for p in ask.pieces))
    return replace(ask, pieces=(*ask.pieces[:i], new, *ask.pieces[i + 1 :]))


def _renamed(piece: Piece, id_: str) -> Piece:
    calls = tuple(replace(c, name="fn") if c.id == id_ else c for c in piece.calls)
    return replace(piece, calls=calls)


# -- the same by another road (I10) ------------------------------------------------------------------


def _restart(watched: Watched, seen: Seen, cold: Probe) -> None:
    """A new engine on the same store is never milder than one that remembers."""
    if seen.status != 200:
        return
    watched.counts["restarts"] += 1
    for i, at in enumerate(seen.where):
        if at not in seen.parts or not seen.ask.pieces[i].text:
            continue
        text = seen.ask.pieces[i].text
        twice = sum(p.text == text for p in seen.ask.pieces) > 1
        proven = cold.parts[at].get("attributed", True) and not seen.parts[at].get(
            "attributed", True
        )
        if twice or proven or _homely(cold.parts[at]):
            # What has been found out since may say more, and may lower a bound.
            continue
        if _milder(seen.parts[at], cold.parts[at]):
            watched.wrong(
                RESTART, f"{seen.call}{at}: {_told(seen.parts[at])}, {_told(cold.parts[at])}"
            )
        elif _milder(cold.parts[at], seen.parts[at]):
            watched.counts["remembered from before the run had read"] += 1


# -- the reference model ---------------------------------------------------------------------------


def _compare(watched: Watched, event: Event, model: Reference) -> None:
    """The engine and the reference model say the same of every piece, of λ and of ρ."""
    ask, seen = event.ask, event.seen
    told, shown, rho, hands = model.call(ask, seen.instance)
    foreign = model.acts and ask.state is not None and model.minted[ask.state][0] != ask.party.room
    if foreign or seen.status != 200:
        if not foreign or seen.code != "firedoor_foreign_state":
            watched.wrong(DIFFERS, f"{seen.call}: {seen.code}")
        return
    for i, (label, verdict) in told.items():
        part = seen.parts[seen.where[i]]
        depth = inf if part["generation"] is None else part["generation"]
        mine = (depth, part["crossing"], part.get("attributed", True))
        theirs = (label.label.depth, label.crossing, label.attributed)
        if mine != theirs or (model.acts and part["verdict"] != verdict):
            watched.wrong(
                DIFFERS, f"{seen.call}{seen.where[i]}: {mine} {part['verdict']}, "
                f"reference {theirs} {verdict}",
            )  # fmt: skip
        watched.counts["parts compared"] += 1
    for name, label, reference in (("λ", seen.label, shown), ("ρ", seen.run_label, rho)):
        depth = inf if label.depth >= UNKNOWN_DEPTH else label.depth
        if (depth, set(label.live)) != (reference.depth, set(reference.roots)):
            watched.wrong(DIFFERS, f"{seen.call} {name}: {label}, reference {reference}")
    writes = {c.name for c in event.reply.calls if c.arguments.get("text") is not None}
    refused = writes if model.acts and hands.depth == inf else set()
    if refused != seen.refused_tools:
        watched.wrong(DIFFERS, f"{seen.call}: refused {set(seen.refused_tools)} for {refused}")
    calls = [c for c in event.reply.calls if c.name not in seen.refused_tools]
    minted = f"resp_{int(seen.call[2:])}" if ask.surface == "responses" else None
    model.answer(ask, event.reply.text, calls, shown, minted)


__all__ = ["CHECKS", "Party", "Watched", "joined", "watch"]

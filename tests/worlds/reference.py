"""MODEL §3 once more, as plainly as it can be said: lines 1 to 30, for the worlds of this folder.

It shares no code with the engine, and knows a call only as the world speaks of it.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from math import inf
from typing import Any

from worlds.asks import Ask, Party
from worlds.habits import Habits
from worlds.plain import BOTTOM, NOWHERE, TOP, Heard, Judged, L, Part, lines_of, weight


class Reference(Heard):
    def __init__(self, habits: Habits) -> None:
        policy = habits.policy
        super().__init__("slot" if "key: slot" in policy else None)
        self.acts, self.reach_limit = habits.mode == "contain", habits.reach
        self.assumed = "unknown" if "user: unknown" in policy else "run"
        self.hold, self.strict = "unknown: hold" in policy, "rewrite: strict" in policy
        self.rho: dict[str, L] = defaultdict(L)  # 4
        self.room: dict[str, str] = {}
        self.spawns: set[tuple[str, str]] = set()
        self.reach: dict[str, set[str]] = defaultdict(set)
        self.minted: dict[str, tuple[str, L]] = {}
        self.granted: set[str] = set()
        self.decided: dict[tuple[str, str], str] = {}

    def run_of(self, party: Party) -> str:
        run = party.run if party.credential else f"{party.run}@{party.room}"
        self.room[run] = party.room
        return run

    def spawned(self, party: Party) -> L:
        """25: ρ of a party's run with what is handed down to it, by its line and by known ones."""
        line, at = [self.run_of(party)], party.parent
        while at is not None:
            line, at = [*line, self.run_of(at)], at.parent
        line = list(dict.fromkeys(line))
        spawns = self.spawns | set(pairwise(line))
        self.spawns |= set(pairwise(line[:2]))

        def handed(run: str, below: set[str]) -> L:
            parents = {parent for child, parent in spawns if child == run} - below
            ups = (handed(p, below | {p}).up(self.room[p], self.room[run]) for p in parents)
            return self.rho[run].join(*ups)

        self.rho[line[0]] = handed(line[0], {line[0]})
        return self.rho[line[0]]

    def label(self, part: Part, room: str, run: str, rho: L) -> Judged:
        """7 to 18"""
        place, verb, told = self.place(part)
        bounds = [Judged(BOTTOM, True, own=True)] if part.text in self.granted else []  # 13
        mine = [x for _, by, x in self.said[part.text] if by == run]
        if mine and (weight(part.text) >= 16 or part.role == "assistant"):  # 8
            bounds.append(Judged(BOTTOM.join(*mine), True, own=True))
        spans, covered = self.cover(part.text, place, told, room)
        whole = BOTTOM.join(*(s[1] for s in spans))
        crosses = any(s[2] for s in spans)
        partly = () if covered or bounds else tuple(spans)
        if covered:
            bounds.append(Judged(whole, True, crosses, same_room=not crosses, spans=tuple(spans)))
        if place and verb == "reads" and place[0] == "notes" and place[1] is not NOWHERE:  # 11
            marks = [(w, x) for (store, k), by in self.sigma.items() for w, x in by.items()
                     if store == "notes" and (place[1] is None or k in (None, place[1]))]  # fmt: skip
            label = BOTTOM.join(*(x.up(w, room) for w, x in marks))
            raised = any(w != room for w, _ in marks)
            raised, label = raised or (told and crosses), label.join(*[whole] * told)
            bounds.append(Judged(label, False, raised, same_room=not raised))
        if place and place[0] == "web":
            outside = L(0, frozenset({"ext:" + part.tool.arguments["url"].split("/")[2]}))
            if not spans:  # 12
                bounds.append(Judged(outside, same_room=True))
            rest = Judged(outside, unproven=True)
        elif place and verb == "reads" and part.role == "tool":
            rest = Judged(TOP, crossing=True, unproven=True)
        else:  # 17
            unknown = self.assumed == "unknown" and part.role in ("user", "system")
            rest = Judged(TOP if unknown else rho, inrun=True, unproven=True)
        if bounds:  # 16
            return min(bounds, key=lambda b: (b.label.depth, len(b.label.roots)))
        label, crosses = whole.join(rest.label), crosses or rest.crossing
        return (
            rest._replace(label=label, crossing=crosses, spans=partly, rest=rest)
            if partly
            else rest
        )

    def verdict(self, x: Judged, text: str, instance: str, room: str, rho: L) -> str:
        """28, 29: ``allow`` or ``quarantine``, and what follows from it."""
        known = self.decided.get((instance, text)) if self.acts and not x.own else None
        if known is not None:
            return known
        roots = x.label.roots - {room, "*"}
        full = any(
            len(self.reach[r]) >= self.reach_limit for r in roots if room not in self.reach[r]
        )
        deep = x.label.depth >= 2 or full
        if x.own or x.same_room or x.label == BOTTOM:
            held = False
        elif x.inrun:
            held = self.strict and rho != BOTTOM and deep
        elif not x.attributed and x.crossing and x.label.depth == inf:
            held = self.hold
        else:
            held = x.crossing and deep
        action = "quarantine" if held and self.acts else "allow"
        if self.acts and (x.crossing or action != "allow"):
            self.now[instance, text] = action
        if x.crossing and action == "allow":
            self.spent |= roots
        return action

    def parts(self, ask: Ask) -> Iterator[Part]:
        self.claimed = {call.id for piece in ask.pieces for call in piece.calls}
        for i, piece in enumerate(ask.pieces):
            if piece.text:
                yield Part(piece.role, piece.text, piece.answers, i)
            for call in piece.calls:
                for value in call.arguments.values() or ["{}"] * (ask.surface != "messages"):
                    yield Part("assistant", value, None, None)

    def call(self, ask: Ask, instance: str) -> tuple[dict[int, tuple[Judged, str]], L, L, L]:
        """19 to 21 and 27: every piece's label and verdict, λ, ρ, and what hands are judged on."""
        run, room = self.run_of(ask.party), ask.party.room
        for piece in ask.pieces:
            self.granted |= {piece.text} if piece.helper else set()
            self.told.update({piece.text: piece.place} if piece.place else {})
        self.spent: set[str] = set()
        self.now: dict[tuple[str, str], str] = {}
        rho = self.spawned(ask.party)
        parts = list(self.parts(ask))
        for part in parts:  # 20, before the program's own words are judged
            x = self.label(part, room, run, self.rho[run])
            proven = [s[1] for s in x.spans] if x.rest else []
            read = x.rest if x.rest is not None else x
            rho = rho.join(*proven, *([] if read.inrun else [read.label]))
        shown = presented = BOTTOM
        out, unproven = {}, False
        if ask.state is not None:
            owner, kept = self.minted.setdefault(ask.state, (room, BOTTOM))
            shown = presented = kept.up(owner, room)
            rho = rho.join(shown)
        for part in parts:
            x = self.label(part, room, run, rho)
            presented, unproven = presented.join(x.label), unproven or x.unproven
            looks = [(x, part.text)]
            if x.rest is not None:
                pieces = [Judged(s[1], True, s[2], same_room=not s[2]) for s in x.spans]
                looks = [*zip(pieces, (s[0] for s in x.spans), strict=True), (x.rest, part.text)]
            verdicts = [self.verdict(y, t, instance, room, rho) for y, t in looks]
            seen = [y.label for (y, _), v in zip(looks, verdicts, strict=True) if v == "allow"]
            shown = shown.join(*seen)
            if part.index is not None:
                out[part.index] = x, max(verdicts)
        if not (self.acts and ask.state and self.minted[ask.state][0] != room):
            for root in self.spent:  # of a call that is refused nothing was shown
                self.reach[root].add(room)
            self.decided |= self.now
        self.rho[run] = rho.join(presented)
        return out, shown, rho, shown.join(self.rho[run]) if unproven else shown

    def answer(self, ask: Ask, text: str, calls: list[Any], label: L, minted: str | None) -> None:
        """22 to 24"""
        run, room = self.run_of(ask.party), ask.party.room
        self.rho[run] = self.rho[run].join(label)
        if minted is not None:
            self.minted[minted] = room, label
        if ask.state is not None and ask.state.startswith("conv_"):
            owner, kept = self.minted[ask.state]
            self.minted[ask.state] = owner, kept.join(label.up(room, owner))
        spoken: list[tuple[str, Any]] = [(text, None)] if text else []
        spoken += [(value, call) for call in calls for value in call.arguments.values() or ["{}"]]
        self.claimed = {call.id for call in calls}
        for stretch, call in spoken:
            place = self.place(Part("tool", "\0", call, None)) if call else (None, "", False)
            for known in {stretch, *lines_of(stretch)}:
                self.said[known].append((room, run, label))
                if place[0] and place[1] == "writes":
                    store, key = place[0]
                    for where in {key, None}:
                        self.records[store, where, known].append((room, run, label))
                    marks = self.sigma[store, key]
                    marks[room] = marks.get(room, BOTTOM).join(label)

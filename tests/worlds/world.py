"""One random world: rooms, runs, programs with a memory of their own, stores, and models.

Whatever a model says may hold something of everything that it was shown; whatever a program writes
may hold something of everything that it has read, withheld texts too. The truth follows these
influences; the engine is given bytes.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from firedoor.testing import Call, Reply
from worlds.asks import CHAT, RESPONSES, SURFACES, Ask, Party, Piece
from worlds.desk import Desk, Seen
from worlds.habits import Habits
from worlds.truth import CLEAN, Saying, Truth, joined

WORDS = (
    *("tide", "pier", "rope", "lamp", "crane", "hull", "deck", "chart", "buoy", "anchor"),
    *("signal", "watch", "cargo", "berth", "mole", "sluice", "winch", "ballast", "fender"),
)
ROOMS = ("press", "lab", "ops", "dock", "yard", "mint")
SAVED = "The tool has written what it was given."


@dataclass
class Conversation:
    """A history as its program keeps it."""

    party: Party
    surface: str
    pieces: tuple[Piece, ...] = ()
    pending: tuple[Call, ...] = ()
    state: str | None = None
    state_truth: Truth = CLEAN
    lines: list["Conversation"] = field(default_factory=list)
    """Where it stood after each of its answers."""


@dataclass(frozen=True)
class Event:
    """One call of the trace."""

    ask: Ask
    reply: Reply
    seen: Seen
    output: Truth
    """What the answer truly descends from."""


def _least(truth: Truth) -> tuple[int, int]:
    return truth.hops, len(truth.rooms)


class World:
    """Everything outside the door."""

    def __init__(self, seed: int, habits: Habits) -> None:
        self.seed = seed
        self.habits = habits
        self.dice = random.Random(f"world {seed}")
        self.desk = Desk(
            habits.mode, habits.policy, habits.reach, random.Random(f"pipes {seed}"),
            matching=habits.matching,
        )  # fmt: skip
        self.rooms = ROOMS[: self.dice.randint(3, len(ROOMS))]
        self.said = 0
        self.heard: dict[tuple[str, str], list[Saying]] = {}
        """By (run, room): what the programs of a run have read, and may say in other words."""
        self.notes: dict[str, Saying] = {}
        self.board: list[Saying] = []
        self.files: dict[str, Saying] = {}
        self.answers: list[Saying] = []
        """Texts of answers, which programs hand to one another."""
        self.own: dict[tuple[str, str, str], Truth] = {}
        """What a run itself said: its own words coming home are its own (MODEL line 8)."""
        self.written: dict[tuple[str, str, str], Truth] = {}
        """What a run's program wrote itself, as it was when it did."""
        self.begun: dict[tuple[str, str, str, tuple[str, ...]], Truth] = {}
        """Histories as they have begun so far, and what the last text of each descends from."""
        self.spoken: set[str] = set()
        """What models said."""
        self.vouched: set[str] = set()
        """Texts that a helper vouches for: whoever repeats them, they are that person's."""
        self.coded: list[tuple[Saying, str]] = []
        """What models turned, or quoted inside a line, with the plain text of it."""
        self.talks: list[Conversation] = []
        self.trace: list[Event] = []
        self.states: list[tuple[str, Truth, Party]] = []
        self.created: Callable[[Party], object] | None = None
        """Told of every conversation that somebody has made at the provider."""
        self.watch: Callable[[Ask], None] | None = None
        """Told of every call before it is made."""
        self.wanted = 0

    # -- words ---------------------------------------------------------------------------------

    def words(self, n: int = 8) -> str:
        """Fresh words, like no others."""
        self.said += 1
        return " ".join(self.dice.choice(WORDS) for _ in range(n)) + f" number {self.said}"

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def transformed(self, text: str) -> str:
        """The same text as a program or a model may turn it."""
        if self.chance(0.5):
            return text.upper()
        return base64.b64encode(text.encode()).decode()

    # -- who ------------------------------------------------------------------------------------

    def party(self) -> Party:
        """Somebody who begins a conversation."""
        if self.chance(0.15):
            n = f"{self.desk.next_call:08}"
            credential = self.dice.choice(("sk-north-55555", "sk-south-77777"))
            return Party(f"agent-{n}", f"chat/{n}", f"r_{n}", credential=credential)
        room = self.dice.choice(self.rooms)
        run = self.dice.choice(("r_one", "r_one", "r_two"))
        party = Party(f"{room}-{self.dice.randrange(2)}", room, run)
        if self.chance(0.25):
            other = self.dice.choice(self.rooms)
            child = f"{other}-child-of-{party.name}"
            # A child of another room stands in that room's run of the same process.
            party = Party(child, other, run, parent=party)
            if self.chance(0.3):
                another = self.dice.choice(self.rooms)
                return Party(f"{another}-grandchild-of-{child}", another, run, parent=party)
        return party

    def read_by(
        self, party: Party, below: frozenset[tuple[str, str]] = frozenset()
    ) -> list[Saying]:
        """What the programs of a party's run may know, by themselves and from whoever spawned it.

        What a run handed down, and gets back from its own grandchild, is its own.
        """
        home = (party.run, party.room)
        mine = self.heard.setdefault(home, [])
        parent = party.parent
        if parent is None or (parent.run, parent.room) in below | {home}:
            return mine
        above = self.read_by(parent, below | {home})
        return mine + [Saying(s.text, s.seen_from(parent.room), parent.room) for s in above]

    def truth_for(self, party: Party, saying: Saying) -> Truth:
        """What a text descends from for whoever reads it, word for word."""
        if saying.text in self.vouched:
            return CLEAN
        # What a run's program wrote stays its own, though others repeat it; so do its models' words.
        home = (party.run, party.room, saying.text)
        own = self.written.get(home, self.own.get(home))
        ways = [saying.seen_from(party.room), *([own] if own is not None else [])]
        return min(ways, key=_least)

    # -- what programs write -------------------------------------------------------------------

    def harmless(self, role: str) -> Piece:
        """Words of the program's own, or of the person in front of it."""
        text = self.words()
        if self.chance(self.habits.attested):
            self.vouched.add(text)
            return Piece(role, text, helper="human" if role == "user" else "developer", ours=True)
        return Piece(role, text, ours=True)

    def rewritten(self, party: Party, role: str) -> Piece:
        """A summary, or a transform, of what the program has read."""
        heard = self.read_by(party)
        if not heard or not self.habits.rewrites:
            return self.harmless(role)
        mine = self.heard[party.run, party.room]
        if mine and self.chance(0.4):
            # With a mark of its own: else it may be, letter by letter, what another model once
            # said of the same text, and pass for that (see ``handed_down`` and ``inverted``).
            one = self.dice.choice(mine)
            self.said += 1
            text = self.transformed(f"{one.text} copy {self.said}")
            return Piece(role, text, one.truth, ours=True)
        some = self.dice.sample(heard, min(len(heard), self.dice.randint(1, 4)))
        return Piece(role, self.words(), joined(s.seen_from(party.room) for s in some), ours=True)

    def handed(self, party: Party, role: str) -> Piece:
        """Words of another agent's answer, or a note, put where the framework likes."""
        known = self.answers + list(self.notes.values())
        if not known:
            return self.harmless(role)
        if role != "assistant" and self.notes and self.chance(0.4):
            return self.remembered(party, role)
        saying = self.dice.choice(known)
        if saying.text in self.vouched and role == "assistant":
            return self.harmless("user")
        return Piece(role, saying.text, self.truth_for(party, saying), ours=True)

    def remembered(self, party: Party, role: str) -> Piece:
        """A note that the program itself looked up, with or without a word to the door."""
        key = self.dice.choice(sorted(self.notes))
        saying = self.notes[key]
        if self.chance(0.3):
            text = self.words()
            truth = saying.seen_from(party.room)
            return Piece(role, text, truth, place=("notes", key), ours=True)
        truth = self.truth_for(party, saying)
        if self.chance(0.4):
            line = self.words()
            # Only the whole of a text is vouched for, or is a run's own.
            text = "\n".join((line, saying.text, self.words()))
            return Piece(role, text, saying.seen_from(party.room), ours=True)
        place = ("notes", key) if self.chance(0.5) else None
        return Piece(role, saying.text, truth, place=place, ours=True)

    def smuggled(self, party: Party) -> Piece | None:
        """What lies outside the claim, where this world's habits hold it."""
        habits, out = self.habits, []
        known = self.answers + list(self.notes.values())
        if habits.retyped and known:
            saying = self.dice.choice(known)
            out.append(Piece("user", self.words(), saying.seen_from(party.room), ours=True))
        if habits.wrapped and known:
            saying = self.dice.choice(known)
            text = f"{self.words(3)}: {saying.text} {self.words(3)}"
            out.append(Piece("user", text, saying.seen_from(party.room), ours=True))
        if habits.short and known:
            saying = self.dice.choice(known)
            out.append(Piece("user", saying.text[:9], saying.seen_from(party.room), ours=True))
        coded = [(s, p) for s, p in self.coded if habits.cut if p in s.text]
        coded += [(s, p) for s, p in self.coded if habits.inverted if p not in s.text]
        above = self.read_by(party)[len(self.heard[party.run, party.room]) :]
        if habits.handed_down and above:
            saying = self.dice.choice(above)
            out.append(Piece("user", saying.text, saying.seen_from(party.room), ours=True))
        if coded:
            saying, plain = self.dice.choice(coded)
            out.append(Piece("user", plain, saying.seen_from(party.room), ours=True))
        return self.dice.choice(out) if out else None

    def prompt(self, party: Party) -> Piece:
        """The next user turn."""
        found = self.smuggled(party) if self.chance(0.4) else None
        if found is not None:
            return found
        draw = self.dice.random()
        if draw < 0.4:
            return self.harmless("user")
        if draw < 0.7:
            return self.rewritten(party, "user")
        return self.handed(party, "user")

    def system(self, party: Party) -> Piece:
        """The system prompt."""
        draw = self.dice.random()
        if draw < 0.5:
            return self.harmless("system")
        return self.remembered(party, "system") if self.notes else self.rewritten(party, "system")

    # -- tools ---------------------------------------------------------------------------------

    def result_of(self, party: Party, call: Call) -> Piece:
        """What a tool gives back."""
        name, arguments = call.name, call.arguments
        found: list[Saying] = []
        if name == "read_note":
            found = [self.notes[arguments["slot"]]] if arguments["slot"] in self.notes else []
        elif name == "read_board":
            found = self.board[-self.dice.randint(1, 3) :]
        elif name == "read_file":
            found = [self.files[arguments["path"]]] if arguments["path"] in self.files else []
        elif name == "web_fetch":
            outside = Truth(0, frozenset({"ext:" + arguments["url"].split("/")[2]}))
            return Piece("tool", self.words(), outside, answers=call)
        if not found:
            return Piece("tool", SAVED if "save" in name or "post" in name or "write" in name
                         else "Nothing was found at that place.", answers=call)  # fmt: skip
        if self.chance(self.habits.retold):
            truth = joined(s.seen_from(party.room) for s in found)
            return Piece("tool", self.words(), truth, answers=call)
        if len(found) == 1:
            return Piece("tool", found[0].text, self.truth_for(party, found[0]), answers=call)
        if name != "read_note" and self.chance(0.3):
            # One of them in other words.
            found, (told, *_) = found[1:], found
            new = self.words()
            truth = joined((told.seen_from(party.room), *(s.seen_from(party.room) for s in found)))
            return Piece("tool", "\n".join((*(s.text for s in found), new)), truth, answers=call)
        # Several lines: line 8 speaks of whole texts only.
        truth = joined(s.seen_from(party.room) for s in found if s.text not in self.vouched)
        return Piece("tool", "\n".join(s.text for s in found), truth, answers=call)

    def tool_call(self, text: str) -> Call:
        """What the model asks for."""
        name = self.dice.choice(
            ("save_note", "save_note", "read_note", "read_note", "post_board", "read_board",
             "write_file", "read_file", "web_fetch")
        )  # fmt: skip
        slot = {"slot": self.dice.choice("abcd")}
        path = {"path": self.dice.choice(("/a.md", "/b.md"))}
        arguments = {
            "save_note": {**slot, "text": text}, "read_note": slot,
            "post_board": {"text": text}, "read_board": {},
            "write_file": {**path, "text": text}, "read_file": path,
            "web_fetch": {"url": self.dice.choice(("https://a.example/x", "https://b.example/y"))},
        }[name]  # fmt: skip
        self.wanted += 1
        return Call(name, arguments, id=f"call_{self.wanted}")

    def reply(self, shown: list[Piece]) -> tuple[Reply, list[tuple[str, str]]]:
        """What the model says to what it was shown; and what it coded, with the plain text."""
        coded: list[tuple[str, str]] = []
        out = self.words()
        if shown and self.chance(0.35):
            out = self.dice.choice(shown).text  # a relay, word for word
        elif shown and self.chance(0.25):
            plain = self.dice.choice(shown).text
            out = self.transformed(plain)
            coded.append((out, plain))
        elif shown and self.chance(0.2):
            out = self.words() + "\n" + self.dice.choice(shown).text
        if self.habits.cut and shown and self.chance(0.5):
            plain = self.dice.choice(shown).text
            if "\n" not in plain:
                out = f"{self.words(3)}: {plain} {self.words(3)}"
                coded.append((out, plain))
        calls = tuple(self.tool_call(out) for _ in range(self.dice.choice((0, 1, 1, 2))))
        # A refusal would be written behind the text: then it is not what the model said any more.
        may_speak = not any("text" in call.arguments for call in calls)
        return Reply(out if may_speak or not calls else "", calls), coded

    # -- a step --------------------------------------------------------------------------------

    def conversation(self) -> Conversation:
        """One that goes on, one that forks, or a new one."""
        going = [t for t in self.talks if t.pieces or t.state]
        if going and self.chance(0.55):
            talk = self.dice.choice(going)
            if talk.lines and self.chance(0.2):
                earlier = self.dice.choice(talk.lines)
                fork = replace(earlier, lines=[])
                self.talks.append(fork)
                return fork
            return talk
        party = self.party()
        surface = self.dice.choice(SURFACES)
        talk = Conversation(party, surface)
        if surface == RESPONSES and party.credential is None and self.chance(0.5):
            known = [s for s in self.states if s[2].room == party.room or self.chance(0.2)]
            if known and self.chance(0.6):
                # Server state of another run, or of another room.
                talk.state, truth, owner = self.dice.choice(known)
                talk.state_truth = truth.moved(owner.room, party.room)
            else:
                talk.state = self.desk.create_conversation(party)
                if self.created is not None:
                    self.created(party)
        self.talks.append(talk)
        return talk

    def new_pieces(self, talk: Conversation) -> tuple[Piece, ...]:
        """What the program adds to a history before it calls."""
        party = talk.party
        new: list[Piece] = []
        if not talk.pieces and self.chance(0.5):
            new.append(self.system(party))
        if not talk.pieces and self.chance(0.15):
            # A context seeded with another instance's turn.
            new.append(self.prompt(party))
            new.append(self.handed(party, "assistant"))
        new += [self.result_of(party, call) for call in talk.pending]
        if not talk.pending or self.chance(0.3):
            new.append(self.prompt(party))
        return tuple(new)

    def step(self) -> Event:
        """One call."""
        if self.habits.cold:
            self.desk.restart()
        talk = self.conversation()
        fresh_party = not talk.pieces and talk.party.credential is not None
        if fresh_party:
            n = f"{self.desk.next_call:08}"
            talk.party = replace(talk.party, name=f"agent-{n}", room=f"chat/{n}", run=f"r_{n}")
        if talk.pieces and self.chance(0.1):
            # A compaction: the history gives way to a summary of it.
            talk.pieces, talk.pending, talk.lines = (), (), []
            if talk.party.credential is not None:
                talk.party = self.party_again(talk.party)
        pieces = talk.pieces + self.new_pieces(talk)
        ask = Ask(talk.party, talk.surface, pieces, talk.state, talk.state_truth)
        return self.call(talk, ask)

    def party_again(self, old: Party) -> Party:
        """Who a nameless caller is once its history begins anew: a new room; its program remembers,
        so it may hand on only what it was shown word for word."""
        n = f"{self.desk.next_call:08}"
        return Party(f"agent-{n}", f"chat/{n}", f"r_{n}", credential=old.credential)

    def call(self, talk: Conversation, ask: Ask) -> Event:
        """Make the call of ``ask``, and take what comes back into the world."""
        party = talk.party
        said: list[tuple[Reply, list[tuple[str, str]]]] = []

        def answer(shown: list[bool]) -> Reply:
            pieces = [p for p, there in zip(ask.pieces, shown, strict=True) if there and p.text]
            said.append(self.reply(pieces))
            return said[-1][0]

        ask = self._as_before(ask)
        if self.watch is not None:
            self.watch(ask)
        seen = self.desk.send(ask, answer)
        reply, coded = said[-1] if said else (Reply(), [])
        here = [p for i, p in enumerate(ask.pieces) if p.text and seen.shown(i)]
        output = joined(p.truth for p in here).join(ask.state_truth)
        heard = self.heard.setdefault((party.run, party.room), [])
        heard += [Saying(p.text, p.truth, party.room) for p in ask.pieces if p.text]
        for piece in ask.pieces:
            if piece.ours and piece.place is None and piece.text not in self.spoken:
                self.written.setdefault((party.run, party.room, piece.text), piece.truth)
        event = Event(ask, reply, seen, output)
        self.trace.append(event)
        if seen.status != 200 or seen.refused_tools:
            talk.pieces, talk.pending, talk.lines = (), (), []
            talk.state, talk.state_truth = None, CLEAN
        if seen.status == 200:
            self._said(party, reply, output, seen.refused_tools)
        if seen.status == 200 and not seen.refused_tools:
            self.coded += [(Saying(o, output, party.room), p) for o, p in coded if o != p]
            self._go_on(talk, ask, reply, output, seen)
        return event

    def _as_before(self, ask: Ask) -> Ask:
        """A history that begins, word for word, like one that this run had before is that one."""
        party, pieces = ask.party, []
        texts: tuple[str, ...] = ()
        for piece in ask.pieces:
            field = piece.role == "system" and ask.surface != CHAT
            texts = texts if field else (*texts, piece.text)
            key = (party.run, party.room, ask.surface, (piece.text,) if field else texts)
            truth = min(self.begun.get(key, piece.truth), piece.truth, key=_least)
            self.begun[key] = truth
            pieces.append(replace(piece, truth=truth))
        return replace(ask, pieces=tuple(pieces))

    def _own(self, party: Party, text: str, truth: Truth) -> None:
        self.spoken.add(text)
        for line in {text, *text.split("\n")}:
            key = (party.run, party.room, line)
            # Line 8 takes any of them: the words are the same, whoever made them say it again.
            known = self.own.get(key, truth)
            self.own[key] = min(known, truth, key=_least)

    def _said(self, party: Party, reply: Reply, output: Truth, refused: frozenset[str]) -> None:
        """The answer reaches its program, and its tool calls are made."""
        heard = self.heard.setdefault((party.run, party.room), [])
        if reply.text:
            saying = Saying(reply.text, output, party.room)
            heard.append(saying)
            self.answers.append(saying)
            self._own(party, reply.text, output)
        for call in reply.calls:
            if call.name in refused:
                continue
            text = call.arguments.get("text")
            if text is None:
                continue
            self._own(party, text, output)
            saying = Saying(text, output, party.room)
            heard.append(saying)
            if call.name == "save_note":
                self.notes[call.arguments["slot"]] = saying
            elif call.name == "post_board":
                self.board.append(saying)
            else:
                self.files[call.arguments["path"]] = saying

    def _go_on(self, talk: Conversation, ask: Ask, reply: Reply, output: Truth, seen: Seen) -> None:
        """The history after the answer."""
        talk.pending = reply.calls
        kept = ask.surface == RESPONSES and ask.party.credential is None
        if talk.state is not None and talk.state.startswith("conv_"):
            self._written(talk.state, output, ask.party)
            talk.pieces, talk.pending = (), ()
        elif kept and self.chance(0.3):
            # The provider keeps the history from here on.
            talk.state, talk.state_truth = f"resp_{int(seen.call[2:])}", output
            self.states.append((talk.state, output, ask.party))
            talk.pieces = ()
        else:
            truth = CLEAN if reply.text in self.vouched else output
            turn = Piece("assistant", reply.text, truth, calls=reply.calls)
            talk.pieces = (*ask.pieces, turn)
            talk.lines.append(replace(talk, lines=[]))

    def _written(self, state: str, truth: Truth, party: Party) -> None:
        """A conversation at the provider rises for everybody who goes on from it."""
        for talk in self.talks:
            if talk.state == state:
                moved = truth.moved(party.room, talk.party.room)
                talk.state_truth = talk.state_truth.join(moved)
        rows = [s for s in self.states if s[0] == state]
        owner = rows[0][2] if rows else party
        before = joined(s[1] for s in rows)
        self.states = [s for s in self.states if s[0] != state]
        self.states.append((state, before.join(truth.moved(party.room, owner.room)), owner))

    def run(self) -> "World":
        """All of its steps."""
        for _ in range(self.habits.steps):
            self.step()
        return self


__all__ = ["CHAT", "Conversation", "Event", "World"]

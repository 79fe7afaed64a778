"""What matching finds, what it takes for somebody's by mistake, and what it costs.

Run: python tests/benchmarks/matching.py [--passages N] [--parts N] [--rows N] [--no-disk]

Passages are paragraphs of the standard library's docstrings; each is put between two others. All
times are of one core's CPU, as a ratio to `hashlib.sha256` and `json.loads` over the same text.
"""

import argparse
import ast
import base64
import gzip
import hashlib
import json
import random
import resource
import sqlite3
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from firedoor.lineage import (
    Answer,
    MemoryIndex,
    Piece,
    Source,
    authored,
    match,
    normal_of,
    printer_for,
    prints_of,
    question,
)
from firedoor.lineage.decode import unwrapped
from firedoor.types.ids import PassageId
from wrapping import ENCODERS, WRAPPERS, can_nest, edited

PRINTER = printer_for(b"the store key of a benchmark")
LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = Path(sysconfig.get_paths()["purelib"])
UNRELATED = ("aiohttp", "anthropic", "coverage", "httpx", "hypothesis", "mypy", "openai", "rich",
             "typer", "uvicorn", "aiosignal", "pytest_asyncio", "respx", "prometheus_client")  # fmt: skip


class World:
    """An index, filled in order."""

    def __init__(self) -> None:
        self.index = MemoryIndex()
        self.count = 0

    def add(self, who: str, text: str, *, emitted: bool = True) -> None:
        self.count += 1
        normal = normal_of(text)
        source = Source(PassageId(f"p_{self.count}"), who, self.count, emitted)
        self.index.add(source, normal, prints_of([normal.codes], PRINTER)[0])

    def match(self, texts: Iterable[str]) -> Answer:
        return match([Piece(text) for text in texts], self.index, PRINTER)


def sources(root: Path, depth: str = "*.py") -> list[str]:
    skip = ("test", "lib2to3", "idlelib", "site-packages", "_vendor")
    files = sorted(
        p for p in root.glob(depth) if not any(s in str(p.relative_to(root)) for s in skip)
    )
    return [p.read_text(errors="replace") for p in files]


def files_of(texts: list[str]) -> dict[str, int]:
    """For each part of these files, the number of the first file that has it."""
    found: dict[str, int] = {}
    for number, text in enumerate(texts):
        for part in parts([text]):
            found.setdefault(part, number)
    return found


def docstrings(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                yield ast.get_docstring(node) or ""


def paragraphs(texts: Iterable[str], least: int, most: int) -> list[str]:
    """Paragraphs of prose, each once."""
    found = {}
    for text in texts:
        for block in text.split("\n\n"):
            flat = " ".join(block.split())
            words = flat.count(" ") + 1
            if least <= len(flat) <= most and len(flat) / words < 8 and ">>>" not in flat:
                found[normal_of(flat).text[:60]] = flat
    return list(found.values())


def parts(texts: Iterable[str], size: int = 1_500) -> list[str]:
    """Blocks of about this many characters, as an agent reads a file."""
    found = []
    for text in texts:
        part = ""
        for block in text.split("\n\n"):
            part += block + "\n\n"
            if len(part) > size:
                found.append(part)
                part = ""
        if len(part) > 200:
            found.append(part)
    return found


def share(n: int, of: int) -> str:
    """A share, with the bound at 95 % where nothing was missed or found."""
    edge = f" (n = {of}, 95 % bound 3/n = {3 / of:.4f})" if n in (0, of) else f" (n = {of})"
    return f"{n / of:.4f}{edge}"


def row(name: str, *cells: object) -> None:
    print("| " + " | ".join([name, *map(str, cells)]) + " |", flush=True)


class Shown(NamedTuple):
    """A passage of the index, and two others that it is put between."""

    passage: str
    who: str
    before: str
    after: str


def shown(count: int) -> tuple[World, list[Shown]]:
    texts = paragraphs(docstrings(sources(LIBRARY) + sources(LIBRARY, "*/*.py")), 200, 900)
    random.Random(7).shuffle(texts)
    world, cases = World(), []
    for n, passage in enumerate(texts[:count]):
        world.add(f"room-{n}", passage)
    rest = texts[count:]
    for n, passage in enumerate(texts[:count]):
        cases.append(
            Shown(passage, f"room-{n}", rest[2 * n % len(rest)], rest[(2 * n + 1) % len(rest)])
        )
    return world, cases


def found(answer: Answer, who: str) -> bool:
    return any(m.source.origin == who for m in authored(answer.matches))


def recall(world: World, cases: list[Shown]) -> None:
    print("\n## Found, of passages put between two others\n\n| written as | found |\n|---|---|")
    for name, write in WRAPPERS.items():
        hits = sum(
            found(world.match([f"{c.before}\n{write(c.passage)}\n{c.after}"]), c.who) for c in cases
        )
        row(name, share(hits, len(cases)))
    few = cases[: max(20, len(cases) // 4)]
    for name, write in ENCODERS.items():
        hits = sum(
            found(world.match([f"{c.before}\n{write(c.passage)}\n{c.after}"]), c.who) for c in few
        )
        row(name, share(hits, len(few)))
    pairs = [p for p in product(ENCODERS, ENCODERS) if can_nest(*p)]
    missed: dict[tuple[str, str], int] = {}
    each = few[:: max(1, len(few) // 5)][:5]
    for outer, inner in pairs:
        for c in each:
            text = f"{c.before}\n{ENCODERS[outer](ENCODERS[inner](c.passage))}\n{c.after}"
            if not found(world.match([text]), c.who):
                missed[outer, inner] = missed.get((outer, inner), 0) + 1
    tried = len(pairs) * len(each)
    row(
        f"two codings nested, all {len(pairs)} pairs that can be undone",
        share(tried - sum(missed.values()), tried),
    )
    for pair, count in sorted(missed.items(), key=lambda item: -item[1])[:12]:
        print(f"  missed {count} of {len(each)}: {pair[0]} of {pair[1]}")


def runs(world: World, cases: list[Shown]) -> None:
    print(
        "\n## Verbatim runs by length\n\n| normalised characters | found | both ends within 2 | worst end |\n|---|---|---|---|"
    )
    chance = random.Random(11)
    for size in (32, 48, 64, 80, 128):
        hits, exact, worst, tried = 0, 0, 0, 0
        for c in cases:
            normal = normal_of(c.passage)
            if len(normal.codes) < size:
                continue
            tried += 1
            low = chance.randrange(len(normal.codes) - size + 1)
            start, end = int(normal.at[low]), int(normal.at[low + size - 1]) + 1
            # Letters beside it that are not how the passage goes on, so that the run ends where it ends.
            near = c.passage[max(0, start - 3) : end + 3]
            guard = next(letter for letter in "zqxjkv" if letter not in near)
            text = f"{c.before} {guard}{c.passage[start:end]}{guard} {c.after}"
            place = len(c.before) + 2
            # An earlier passage that says the same is the author of what both say.
            mine = [
                m
                for m in authored(world.match([text]).matches)
                if m.start < place + end - start and place < m.end
            ]
            if mine:
                hits += 1
                off = max(
                    abs(min(m.start for m in mine) - place),
                    abs(max(m.end for m in mine) - place - (end - start)),
                )
                exact += off <= 2
                worst = max(worst, off)
        row(str(size), share(hits, tried), share(exact, max(1, hits)), worst)


def chunks(world: World, cases: list[Shown]) -> None:
    print(
        "\n## Split over parts\n\n| characters a part | passages found | parts found |\n|---|---|---|"
    )
    for size, filler in ((40, ""), (20, ""), (40, "between"), (20, "between")):
        hits, told, total = 0, 0, 0
        for c in cases:
            pieces = [c.passage[n : n + size] for n in range(0, len(c.passage), size)]
            texts = pieces
            if filler:
                texts = [
                    t for n, p in enumerate(pieces) for t in (p, f"Unrelated words, number {n}.")
                ]
            mine = [m for m in authored(world.match(texts).matches) if m.source.origin == c.who]
            hits += bool(mine)
            # Of the words between, a letter may happen to go on as the passage does.
            told += len({m.part for m in mine if not filler or m.part % 2 == 0})
            total += len(pieces)
        row(
            f"{size}{', other words between' if filler else ''}",
            share(hits, len(cases)),
            f"{told / total:.3f}",
        )


def edits(world: World, cases: list[Shown]) -> None:
    print("\n## Words replaced\n\n| share | found | characters marked |\n|---|---|---|")
    chance = random.Random(13)
    for part in (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4):
        hits, marked = 0, []
        for c in cases:
            text = edited(c.passage, part, chance)
            mine = [
                m
                for m in authored(world.match([f"{c.before}\n{text}\n{c.after}"]).matches)
                if m.source.origin == c.who
            ]
            hits += bool(mine)
            marked.append(sum(m.end - m.start for m in mine) / len(text))
        row(f"{part:.2f}", share(hits, len(cases)), f"{statistics.mean(marked):.2f}")


TOOLS = (
    (("invoice", "ticket", "customer", "branch", "deployment", "sensor"),
     ("create", "update", "delete", "list"),
     ("limit", "cursor", "query", "owner", "title", "due"),
     "The {field} of the {noun}, as it stands in the register."),
    (("calendar event", "draft", "table row", "voucher", "shipment", "recipe"),
     ("search", "fetch", "archive", "approve"),
     ("path", "tags", "depth", "since", "colour", "weight"),
     "Which {field} to use; leave it out if any {noun} will do."),
)  # fmt: skip
"""Two houses' tools: (nouns, verbs, fields, how a field is described)."""


def schemas(house: int, count: int) -> list[str]:
    """Tool schemas as frameworks print them: the same frame around a house's own tools."""
    chance = random.Random(house)
    nouns, verbs, fields, described = TOOLS[house]
    found = []
    for _ in range(count):
        noun, verb, names = chance.choice(nouns), chance.choice(verbs), chance.sample(fields, 4)
        properties = {
            n: {"type": chance.choice(["string", "integer", "boolean"]),
                "description": described.format(field=n, noun=noun)} for n in names
        }  # fmt: skip
        tool = {"type": "function", "function": {"name": f"{verb}_{noun.replace(' ', '_')}",
                "description": f"{verb.capitalize()} a {noun} by its {names[0]}.",
                "strict": True, "parameters": {"type": "object", "properties": properties,
                "required": names[:2], "additionalProperties": False}}}  # fmt: skip
        found.append(json.dumps(tool, indent=chance.choice([None, 2])))
    return found


PROMPT = (
    "You are a careful assistant in a team of agents. Use the tools that you are given, cite what "
    "you read, and never make up a result. Answer in the language of the question. If you are not "
    "sure, say so and ask. When the task is done, hand over to the coordinator with a summary."
)


def prompts(count: int, texts: list[str]) -> list[str]:
    return [
        f"{PROMPT}\n\nYour name is agent-{n}. Your task: {texts[n % len(texts)]}"
        for n in range(count)
    ]


COPIED_CHARS = 60
"""A line of code, letter by letter. Chosen after the lengths in the first 3,000 had been seen: of the
six there, 40 excuses six, 80 and 100 three. What it excuses by itself is printed."""
COPIED_PAIRS = 500


class Copies:
    """Which of two heaps of files copy one another, by their characters as they stand.

    Neither normal form nor fingerprints: whitespace is one space, and all else is compared as it
    is. A stretch that several of the asked files have is an idiom, and makes no copy.
    """

    def __init__(self, emitted: list[str], asked: list[str]) -> None:
        self._emitted = [" ".join(text.split()) for text in emitted]
        self._asked = [" ".join(text.split()) for text in asked]
        self._known: dict[tuple[int, int], bool] = {}

    @staticmethod
    def _stretches(text: str) -> Iterator[str]:
        return (text[n : n + COPIED_CHARS] for n in range(len(text) - COPIED_CHARS + 1))

    def copied(self, asked: int, emitted: int) -> bool:
        """Whether two files share `COPIED_CHARS` characters that no other of the asked ones has."""
        pair = asked, emitted
        if pair not in self._known:
            theirs = set(self._stretches(self._emitted[emitted]))
            shared = {s for s in self._stretches(self._asked[asked]) if s in theirs}
            others = [text for n, text in enumerate(self._asked) if n != asked]
            self._known[pair] = any(not any(s in text for text in others) for s in shared)
        return self._known[pair]

    def by_chance(self, pairs: int, chance: random.Random) -> int:
        """How many pairs drawn at random are copies: what the test would excuse by itself."""
        return sum(
            self.copied(chance.randrange(len(self._asked)), chance.randrange(len(self._emitted)))
            for _ in range(pairs)
        )


CUTS: dict[str, Callable[[str], list[str]]] = {
    "a part each line": lambda text: [line for line in text.splitlines() if line.strip()],
    "a part each 20 characters": lambda text: [text[n : n + 20] for n in range(0, len(text), 20)],
}
CUT_CHARS_MAX = 6_000
"""Longer blocks are tables; they are left out of what is cut up."""


def false(count: int) -> None:
    print("\n## Taken for somebody's, of parts that have nothing to do with the index\n")
    print(
        "| class | indexed | parts | somebody's | the same, less copies | any run of 32 |\n|---|---|---|---|---|---|"
    )
    here = sources(LIBRARY) + sources(LIBRARY, "*/*.py")
    there = [text for name in UNRELATED for text in sources(PACKAGES / name, "**/*.py")]
    words = paragraphs(docstrings(there), 120, 900)
    chance = random.Random(17)
    copies, asked_in, emitted_in = Copies(here, there), files_of(there), files_of(here)
    classes: dict[str, tuple[list[str], list[str], list[str]]] = {
        "code": (parts(here), parts(there), []),
        "docs": (paragraphs(docstrings(here), 120, 900), words, []),
        "tool schemas": (schemas(0, 400), schemas(1, 3_000), []),
        "shared prompts": (prompts(40, words[:40]), prompts(3_000, words[40:]), []),
    }
    for name, (emitted, asked, outside) in classes.items():
        world = World()
        for text in outside:
            world.add("developer", text, emitted=False)
        for n, text in enumerate(emitted):
            world.add(f"room-{n % 40}", text)
        chance.shuffle(asked)
        some = asked[:count]
        bad, true, any_run, examples = 0, 0, 0, []
        for text in some:
            answer = world.match([text])
            told = authored(answer.matches)
            any_run += bool(answer.matches)
            bad += bool(told)
            if told:
                sources_of = {emitted[int(m.source.passage[2:]) - 1 - len(outside)] for m in told}
                # A part is excused where each file that it is said to come from was copied.
                copy = name == "code" and all(
                    copies.copied(asked_in[text], emitted_in[source]) for source in sources_of
                )
                true += copy
                best = max(told, key=lambda m: m.stretch)
                how = "copied" if copy else "no copy known"
                examples.append((best.stretch, how, text[best.start : best.end][:90]))
        row(
            name,
            len(emitted),
            len(some),
            share(bad, len(some)),
            share(bad - true, len(some)),
            share(any_run, len(some)),
        )
        few = [text for text in some if len(text) <= CUT_CHARS_MAX]
        for how, cut in CUTS.items():
            told_of = sum(bool(authored(world.match(cut(text)).matches)) for text in few)
            row(f"{name}, {how}", len(emitted), len(few), share(told_of, len(few)), "", "")
        for length, how, text in sorted(examples, reverse=True)[:8]:
            print(f"  {length}, {how}: {text!r}")
    met = copies.by_chance(COPIED_PAIRS, random.Random(41))
    print(f"\nOf {COPIED_PAIRS} pairs of files drawn at random, {met} are copies by the same test.")


def cpu(work: Callable[[], object], rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


OFTEN = 200


HOSTILE = {
    "one letter": "a", "line numbers": "\n1: ", "percent": "%41", "backslashes": "\\", "Morse": ".- / ",
    "base64": base64.b64encode(random.Random(29).randbytes(99_999)).decode(),
    "codes in base64": base64.b64encode(b"the lease of that host had expired").decode() + " ",
    "bombs": base64.b64encode(gzip.compress(b"a" * 10_000_000)).decode() + "\n",
    "hex": random.Random(29).randbytes(500).hex() + "\n", "short lines": "abc\n",
    "signs": "".join(random.Random(29).choices("".join(map(chr, range(33, 127))), k=99_999)),
}  # fmt: skip


def repeated(work: Callable[[], object]) -> None:
    for _ in range(OFTEN):
        work()


def often(text: str) -> None:
    for _ in range(OFTEN):
        prints_of([normal_of(text).codes], PRINTER)


def speed() -> None:
    text = "\n".join(sources(LIBRARY))[:4_000_000].encode("ascii", "ignore").decode()
    size = len(text) / 1e6
    dumped = json.dumps(text)
    codes = normal_of(text).codes
    mixed = text[: len(text) // 2] + "Ünïcode, по-русски "
    times = {
        "hashlib.sha256": cpu(lambda: hashlib.sha256(text.encode()).digest()),
        "json.loads": cpu(lambda: json.loads(dumped)),
        "normal form, ASCII": cpu(lambda: normal_of(text)),
        "normal form, other": cpu(lambda: normal_of(mixed)) * len(text) / len(mixed),
        "fingerprints": cpu(lambda: prints_of([codes], PRINTER)),
        "normal form and fingerprints": cpu(lambda: prints_of([normal_of(text).codes], PRINTER)),
        "decoders, nothing coded": cpu(lambda: unwrapped(text, 10**9), 2),
    }
    print(
        "\n## Speed over 4 MB of code, one core\n\n| what | MB/s | times json.loads |\n|---|---|---|"
    )
    for name, seconds in times.items():
        row(name, f"{size / seconds:.1f}", f"{seconds / times['json.loads']:.1f}")
    for chars in (300, 1_000, 8_000):
        took = cpu(partial(often, text[:chars])) / OFTEN
        row(f"normal form and fingerprints of {chars} characters", f"{took * 1e6:.0f} µs", "")
    prose = " ".join(paragraphs(docstrings(sources(LIBRARY)), 120, 900))
    for chars in (100, 300, 1_000):
        for decode in (True, False):
            asked = partial(question, [Piece(prose[:chars])], PRINTER, decode=decode)
            took = cpu(partial(repeated, asked)) / OFTEN
            how = "" if decode else ", not decoded"
            row(f"a question of {chars} characters{how}", f"{took * 1e6:.0f} µs", "")
    for name, unit in HOSTILE.items():
        start = time.process_time()
        match([Piece((unit * (10_000_000 // len(unit) + 1))[:10_000_000])], MemoryIndex(), PRINTER)
        row(f"ten million characters of {name}", f"{time.process_time() - start:.2f} s", "")


def rss_mb() -> float:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024


def disk(rows: int) -> None:
    """The table that a store would have, at this many fingerprints, by lookup of one part's."""
    print(f"\n## On disk: {rows:,} fingerprints\n")
    chance = np.random.default_rng(19)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        db = sqlite3.connect(path)
        db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;"
                         "CREATE TABLE fp (key INTEGER, origin INTEGER, passage INTEGER, at INTEGER,"
                         " PRIMARY KEY (key, origin)) WITHOUT ROWID")  # fmt: skip
        start = time.perf_counter()
        edges = np.linspace(-(2**63), 2**63 - 1, max(2, rows // 200_000 + 1)).astype(np.float64)
        known = []
        for low, high in pairwise(edges.tolist()):
            keys = np.unique(
                chance.integers(int(low), min(int(high), 2**63 - 1), size=min(rows, 200_000))
            )
            known.append(chance.choice(keys, 2_000))
            db.executemany("INSERT OR IGNORE INTO fp VALUES (?, ?, ?, ?)",
                           ((k, k & 1023, k & 0xFFFFF, k & 4095) for k in keys.tolist()))  # fmt: skip
        db.commit()
        built = time.perf_counter() - start
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        keep = np.concatenate(known)
        before = rss_mb()
        db = sqlite3.connect(path)
        db.execute("PRAGMA cache_size = -8192")
        took, parts_kb = [], 66  # fingerprints of a kilobyte of code, measured above
        for _ in range(1_000):
            half = chance.choice(keep, parts_kb // 2).tolist()
            asked = half + chance.integers(-(2**63), 2**63 - 1, size=parts_kb - len(half)).tolist()
            start = time.perf_counter()
            db.execute(
                "SELECT fp.* FROM json_each(?) JOIN fp ON fp.key = value", (json.dumps(asked),)
            ).fetchall()
            took.append((time.perf_counter() - start) * 1e3)
        took.sort()
        print(
            f"built in {built:.1f} s, {path.stat().st_size / 1e6:.0f} MB on disk; {parts_kb} keys in one query, half known:"
        )
        print(
            f"p50 {took[500]:.3f} ms, p90 {took[900]:.3f} ms, p99 {took[990]:.3f} ms; memory {rss_mb() - before:.1f} MB more (page cache of 8 MB in it)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=200)
    parser.add_argument("--parts", type=int, default=3_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--no-disk", action="store_true")
    parser.add_argument("--only", choices=["found", "false", "speed", "disk"])
    given = parser.parse_args()
    if given.only in (None, "found"):
        world, cases = shown(given.passages)
        recall(world, cases)
        runs(world, cases)
        chunks(world, cases)
        edits(world, cases)
    if given.only in (None, "false"):
        false(given.parts)
    if given.only in (None, "speed"):
        speed()
    if given.only == "disk" or (given.only is None and not given.no_disk):
        disk(given.rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nPython {sys.version.split()[0]}, numpy {np.__version__}; peak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()

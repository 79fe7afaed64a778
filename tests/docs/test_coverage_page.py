"""docs/coverage.md is made from the inventory and the presets; `make format` writes it anew."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from firedoor.policy.treatments import CONTAIN, EXCEPTIONS, treatment_of
from firedoor.types.exchange import Mode
from firedoor.wire.inventory import endpoints
from firedoor.wire.inventory.bodies import BODIES
from firedoor.wire.inventory.endpoints import Operation
from firedoor.wire.inventory.events import EVENTS
from firedoor.wire.inventory.gemini_generate import snake
from firedoor.wire.inventory.hops import BETAS, HOPS
from firedoor.wire.inventory.requests import request_shape
from firedoor.wire.shape import Hop, Tagged

PAGE = Path(__file__).parents[2] / "docs" / "coverage.md"
NAMES = {"openai": "OpenAI", "anthropic": "Anthropic", "gemini": "Gemini"}
HEAD = """# What the door knows of each API

Made from the inventory (`src/firedoor/wire/inventory`) and the presets (`src/firedoor/policy/treatments.py`) by
`python tests/docs/test_coverage_page.py`. What is not here is unknown: refused in `contain` and `isolate`
(`firedoor_unknown_surface`), passed and written down in `observe`, where nothing is refused.

**judge**: it goes on, and its parts are judged, texts by their labels and ids by whose they are.
**hold**: it waits for a person. **deny**: it is refused by its name, unless a rule of the file lets it through
(`match: {endpoint: "openai:files.list"}`). Lists over everything that a credential owns are told apart from lists
below something of one's own.
"""
REST = """
`tests/wire/test_wire_inventory_drift.py` walks the types of the installed SDKs and fails, by name, on whatever has no
row; run it with `-s` to see how much it held against the inventory.
"""


def treatment(mode: Mode, operation: Operation) -> tuple[str, str]:
    """What a mode does about an operation, and why."""
    found, why = treatment_of(
        mode, provider=operation.provider, family=operation.family, act=operation.act,
        name=operation.name, below="{" in operation.path,
    )  # fmt: skip
    return found.value, why


def shown(operations: list[Operation], mode: Mode) -> str:
    """The treatments of a family, the commonest first; the acts where there are several."""
    acts: dict[str, Counter[str]] = defaultdict(Counter)
    for operation in operations:
        acts[treatment(mode, operation)[0]][operation.act] += 1
    if len(acts) == 1:
        return next(iter(acts))
    order = sorted(acts, key=lambda name: (-sum(acts[name].values()), name))
    return ", ".join(
        f"{name}: " + " ".join(f"{act} {n}" for act, n in sorted(acts[name].items()))
        for name in order
    )


def family_rows(provider: str) -> Iterator[str]:
    """A row for each family of a provider."""
    families: dict[str, list[Operation]] = defaultdict(list)
    for operation in endpoints.operations(provider):
        families[operation.family].append(operation)
    for family in sorted(families):
        rows = families[family]
        acts = ", ".join(sorted({o.act.value for o in rows}))
        contain, isolate = shown(rows, Mode.CONTAIN), shown(rows, Mode.ISOLATE)
        why = CONTAIN[family].why
        yield f"| `{family}` | {len(rows)} | {acts} | {contain} | {isolate} | {why} |"


def shapes(shape: Any, seen: set[int]) -> Iterator[Any]:
    """Every shape below one, each once."""
    if id(shape) in seen:
        return
    seen.add(id(shape))
    yield shape
    if isinstance(shape, Hop):
        yield from shapes(shape.shape, seen)
    elif isinstance(shape, Tagged):
        for inner in shape.cases.values():
            yield from shapes(inner, seen)
    elif isinstance(shape, dict):
        for inner in shape.values():
            yield from shapes(inner, seen)
    elif isinstance(shape, list | tuple):
        for inner in shape:
            yield from shapes(inner, seen)


def kinds(shape: Any) -> Iterator[str]:
    """What a shape tells apart: by tags, or by members where those stand for them."""
    if isinstance(shape, list) or (isinstance(shape, tuple) and not isinstance(shape, Tagged)):
        for inner in shape:
            yield from kinds(inner)
    elif isinstance(shape, Tagged | dict):
        names = shape.cases if isinstance(shape, Tagged) else shape
        # Gemini's names stand in two spellings.
        yield from (name for name in names if name == snake(name) or snake(name) not in names)


def counted(provider: str) -> tuple[int, int, int, int]:
    """(bodies, fields, types of items and blocks, types of tools) that the inventory names."""
    names = {n for n in BODIES if n.startswith(provider + ":")}
    names |= {f"{provider}:{o.name}" for o in endpoints.operations(provider)}
    known = [s for n in sorted(names) if (s := request_shape(*n.split(":", 1))) is not None]
    seen: set[int] = set()
    found = [inner for shape in known for inner in shapes(shape, seen)]
    tools = {tag for shape in known for tag in kinds(shape.get("tools"))}
    tagged = {tag for shape in found if isinstance(shape, Tagged) for tag in shape.cases}
    objects = {frozenset(map(snake, shape)) for shape in found if isinstance(shape, dict)}
    fields = sum(map(len, objects))
    return len(known), fields, len(tagged - tools), len(tools)


def hop_places(provider: str) -> Iterator[tuple[str, str]]:
    """(hop, what holds it) of the bodies that the inventory knows; a tag stands in brackets."""
    names = {f"{provider}:{o.name}" for o in endpoints.operations(provider)}
    seen: set[tuple[int, str]] = set()
    stack = [(request_shape(*name.split(":", 1)), "") for name in sorted(names)]
    while stack:
        shape, at = stack.pop()
        if (id(shape), at) in seen:
            continue
        seen.add((id(shape), at))
        if isinstance(shape, Hop):
            yield shape.name, at
            stack.append((shape.shape, at))
        elif isinstance(shape, Tagged):
            stack += [
                (inner, f"{at.partition('[')[0]}[{tag}]") for tag, inner in shape.cases.items()
            ]
        elif isinstance(shape, dict):
            stack += [
                (inner, name)
                for name, inner in shape.items()
                if name == snake(name) or snake(name) not in shape
            ]
        elif isinstance(shape, list | tuple):
            stack += [(inner, at) for inner in shape]


def page() -> str:
    """The page as it should be."""
    out = [HEAD]
    out.append(
        "\n| API | endpoints | bodies | fields | items and blocks | tools | events | betas |"
    )
    out.append("|---|---|---|---|---|---|---|---|")
    for provider, name in NAMES.items():
        lines = sum(1 for _ in endpoints.operations(provider))
        events = sum(len(rows) for surface, rows in EVENTS.items() if surface.startswith(provider))
        betas = sum(len(rows) for header, rows in BETAS.items() if header.startswith(provider))
        counts = " | ".join(str(n) for n in counted(provider))
        out.append(f"| {name} | {lines} | {counts} | {events} | {betas} |")
    for provider, name in NAMES.items():
        out += [f"\n## {name}\n", "| family | endpoints | acts | `contain` | `isolate` | why |"]
        out += ["|---|---|---|---|---|---|", *family_rows(provider)]
    out.append("\n## By name\n")
    out += [f"- `{name}`: {found.value} in `contain`." for name, found in EXCEPTIONS.items()]
    out.append("\n## Hops\n")
    out.append(
        "What makes one call hold more instances than the wire shows. Refused in `contain` and "
        "`isolate`\n(`firedoor_denied`), unless a rule of the file names it "
        "(`match: {hop: mcp}`, `action: allow`).\n"
    )
    out += ["| hop | why | where | beta headers |", "|---|---|---|---|"]
    places = {pair for provider in NAMES for pair in hop_places(provider)}
    for hop, why in HOPS.items():
        where = ", ".join(f"`{at}`" for name, at in sorted(places) if name == hop)
        globs = sorted(g for rows in BETAS.values() for g, b in rows.items() if b.hop == hop)
        out.append(f"| `{hop}` | {why} | {where} | {', '.join(f'`{g}`' for g in globs)} |")
    out.append(REST)
    return "\n".join(out)


def test_the_page_is_what_the_inventory_says() -> None:
    assert PAGE.read_text() == page()


def test_every_family_has_a_treatment() -> None:
    families = {o.family for p in endpoints.PROVIDERS for o in endpoints.operations(p)}
    assert families <= set(CONTAIN)


def test_every_hop_has_its_reason_and_its_place() -> None:
    placed = {name for provider in NAMES for name, _ in hop_places(provider)}
    asked = {beta.hop for rows in BETAS.values() for beta in rows.values()} - {None}
    assert placed | asked == set(HOPS)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.exit(0)

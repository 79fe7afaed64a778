"""What a call was exposed to, and what it emits (MODEL §3, lines 20 to 27)."""

import json
from collections.abc import Callable, Iterator
from typing import Final

from firedoor.lineage.passages import Digester, passages_of
from firedoor.types.ids import CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import Label, join
from firedoor.types.record import Emission

_LEAVES_MAX: Final = 10_000
_LEVELS_MAX: Final = 4


def exposed(call_label: Label, run_label: Label, *, any_unproven: bool) -> Label:
    """Line 27: what affordances are judged on. Unproven text may say what the run has read."""
    return join(call_label, run_label) if any_unproven else call_label


def leaves_of(text: str, level: int = 0) -> Iterator[str]:
    """The strings inside a JSON text, through strings that hold JSON themselves."""
    if level >= _LEVELS_MAX or text.lstrip()[:1] not in ("{", "["):
        return
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    stack = [value]
    seen = 0
    while stack and seen < _LEAVES_MAX:
        item = stack.pop()
        seen += 1
        if isinstance(item, str):
            yield item
            yield from leaves_of(item, level + 1)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)


def adopted_passages(text: str, digester: Digester) -> tuple[Digest, ...]:
    """The digests by which a text that people vouch for is known: it, its lines, its strings.

    Not the short ones: "Done, thank you!" is everybody's.
    """
    known: dict[Digest, None] = {}
    for piece in (text, *leaves_of(text)):
        found = passages_of(piece, digester)
        for passage in (found.whole, *found.lines):
            if passage is not None and passage.anywhere:
                known[passage.digest] = None
    return tuple(known)


def _added(patch: str) -> str:
    lines = patch.replace("\r\n", "\n").split("\n")
    return "\n".join(x[1:] for x in lines if x.startswith("+") and not x.startswith("+++"))


def emissions_of(
    text: str,
    *,
    digester: Digester,
    room: RoomId,
    run: RunId,
    label: Label,
    instance: InstanceId,
    author: str,
    compartment: str,
    call: CallId,
    held: Callable[[Digest], bool],
) -> tuple[Emission, ...]:
    """Every stretch of an emitted text, and of the strings of the JSON that it may hold."""
    found: dict[Digest, None] = {}
    for piece in (text, *leaves_of(text)):
        found.update(dict.fromkeys(passages_of(piece, digester).digests))
        if "\n+" in piece:
            # A patch: what it adds will stand in the file without its mark.
            found.update(dict.fromkeys(passages_of(_added(piece), digester).digests))
    return tuple(
        Emission(digest, 0, room, run, label, instance, author, compartment, call, held(digest))
        for digest in found
    )

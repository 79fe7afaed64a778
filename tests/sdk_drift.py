"""What the SDKs send, held against the shapes of the inventory.

`Comparison.compare` walks a type and a shape side by side, as the wire walks a value and a shape,
and notes what a value of the type could hold that the shape does not know.
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from firedoor.wire.shape import Hop, Tagged
from sdk_types import ANY, FILE, NUMBER, STRING, ListOf, MapOf, Obj, alternatives

_LEAVES: Final = ("word", "text", "signed", "opaque", "media", "blob", "free", "definition")
_ANYTHING: Final = ("free", "definition")
_ID: Final = re.compile(r"(?:^|_)(?:id|ids|token|fingerprint|encrypted_\w+|signature)$")


class Comparison:
    """One SDK's types against the inventory; what lacks a row is in ``missing``."""

    def __init__(self, plain: tuple[str, ...]) -> None:
        self.missing: dict[str, None] = {}
        self.fields: set[tuple[str, str]] = set()
        self.tags: dict[str, set[str]] = {"items": set(), "tools": set()}
        self._plain = plain
        self._seen: set[tuple[Any, int]] = set()

    def compare(self, tp: Any, shape: Any, at: str) -> None:
        """Note what a value of ``tp`` at ``at`` may hold that ``shape`` has no row for."""
        for found in alternatives(tp):
            self._one(found, shape, at)

    def _is_id(self, name: str, at: str) -> bool:
        return bool(_ID.search(_snake(name))) and not any(fnmatchcase(at, p) for p in self._plain)

    def _lacks(self, at: str, what: str) -> None:
        self.missing[f"{at}: {what}"] = None

    def _one(self, found: Any, shape: Any, at: str) -> None:
        if isinstance(shape, Hop):
            shape = shape.shape
        if isinstance(found, str):
            found = STRING
        if isinstance(shape, tuple) and not isinstance(shape, Tagged):
            fitting = [s for s in shape if _fits(found, s)]
            shape = fitting[0] if fitting else shape[0]
        if isinstance(shape, Hop):
            shape = shape.shape
        if found is NUMBER or found is STRING:
            if not (isinstance(shape, str) and _leaf(shape)):
                self._lacks(at, f"takes a word; the shape is {_name(shape)}")
            elif (
                found is STRING
                and shape in ("word", "text", "definition")
                and self._is_id(at.rpartition(".")[2], at)
            ):
                self._lacks(at, f"an id or a blob, and a {shape} to the inventory")
        elif found is FILE:
            if shape not in ("file", "opaque", "media"):
                self._lacks(at, "takes a file")
        elif found is ANY:
            if shape not in _ANYTHING:
                self._lacks(at, f"takes any JSON; the shape is {_name(shape)}")
        elif isinstance(found, ListOf):
            if isinstance(shape, list):
                self.compare(found.item, shape[0], at)
            elif shape in _ANYTHING:
                self._inside(found.item, at)
            else:
                self._lacks(at, f"takes a list; the shape is {_name(shape)}")
        elif isinstance(found, MapOf):
            if isinstance(shape, Mapping) and "*" in shape:
                self.compare(found.value, shape["*"], f"{at}.*")
            elif shape not in _ANYTHING:
                self._lacks(at, f"takes any names; the shape is {_name(shape)}")
        else:
            self._object(found, shape, at)

    def _object(self, found: Obj, shape: Any, at: str) -> None:
        key = (found.name, id(shape))
        if key in self._seen:
            return
        self._seen.add(key)
        if shape in _ANYTHING:
            for name in found.members:
                self.fields.add((found.name, name))
            self._inside(found, at)
        elif isinstance(shape, Tagged):
            tags = found.tags(shape.key) or ((shape.default,) if shape.default else ())
            if not tags:
                self._lacks(at, f"{found.name} has no {shape.key!r} to be told by")
            for tag in tags:
                case = shape.case({shape.key: tag})
                kind = "tools" if re.search(r"tools(?:\[|$)", at.rpartition(".")[2]) else "items"
                self.tags[kind].add(tag)
                if case is None:
                    self._lacks(at, f"{shape.key} {tag!r} ({', '.join(found.members)})")
                else:
                    self._one(found, case, f"{at}[{tag}]")
        elif isinstance(shape, Mapping):
            if at.rpartition(".")[2] == "tools" and "type" not in shape:
                # Gemini tells tools by their members.
                self.tags["tools"] |= set(found.members)
            if at.rpartition(".")[2] == "parts":
                self.tags["items"] |= set(found.members)
            for name, tp in found.members.items():
                self.fields.add((found.name, name))
                if name == "*":
                    continue
                if name not in shape:
                    self._lacks(at, f"no row for {name!r} ({_shown(tp)})")
                else:
                    self.compare(tp, shape[name], f"{at}.{name}")
        else:
            self._lacks(at, f"takes {found.name} ({', '.join(found.members)}); is {_name(shape)}")

    def _inside(self, tp: Any, at: str, depth: int = 0) -> None:
        """Ids of things below a place of any JSON: nobody would ask whose they are."""
        for found in alternatives(tp) if not isinstance(tp, Obj) else (tp,):
            if isinstance(found, ListOf):
                self._inside(found.item, at, depth)
            if not isinstance(found, Obj) or (found.name, 0) in self._seen:
                continue
            self._seen.add((found.name, 0))
            for name, inner in found.members.items():
                if self._is_id(name, f"{at}/{found.name}.{name}"):
                    kinds = list(alternatives(inner))
                    if any(k is STRING or isinstance(k, ListOf) for k in kinds):
                        self._lacks(f"{at}/{found.name}.{name}", "an id or a blob, under any JSON")
                self._inside(inner, at, depth + 1)


def _leaf(shape: str) -> bool:
    return shape in _LEAVES or shape.startswith("ref:")


def _fits(found: Any, shape: Any) -> bool:
    if isinstance(shape, Hop):
        shape = shape.shape
    if shape in _ANYTHING:
        return True
    if isinstance(found, ListOf):
        return isinstance(shape, list)
    if isinstance(found, Obj | MapOf):
        return isinstance(shape, Mapping | Tagged)
    return isinstance(shape, str)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _name(shape: Any) -> str:
    return shape if isinstance(shape, str) else type(shape).__name__


def _shown(tp: Any) -> str:
    names = []
    for found in alternatives(tp):
        if isinstance(found, ListOf):
            names.append(f"[{_shown(found.item)}]")
        elif isinstance(found, Obj):
            names.append(f"{found.name}{{{', '.join(found.members)}}}")
        elif isinstance(found, str):
            names.append(repr(found))
        elif isinstance(found, MapOf):
            names.append("{*}")
        else:
            names.append(
                {id(NUMBER): "n", id(STRING): "s", id(ANY): "*", id(FILE): "file"}[id(found)]
            )
    return "|".join(dict.fromkeys(names))[:300]


def tags_of(tp: Any, key: str = "type") -> Iterator[str]:
    """What the alternatives of a union call themselves."""
    for found in alternatives(tp):
        if isinstance(found, Obj):
            yield from found.tags(key)

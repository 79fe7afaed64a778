"""What the SDKs themselves say of the wire: operations, and the types of what they send.

Read from the source of the installed packages and from the types that it names, so that a new
version of an SDK says by itself what the inventory lacks.
"""

import ast
import importlib
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pydantic
import typing_extensions

VERBS = {"_get": "GET", "_post": "POST", "_delete": "DELETE", "_patch": "PATCH", "_put": "PUT"}
TRANSFORMS = ("maybe_transform", "async_maybe_transform")


class Call(NamedTuple):
    """One request that a method of an SDK makes."""

    where: str
    method: str
    path: str
    """Below the version, ids in braces."""
    bodies: tuple[Any, ...] = ()
    queries: tuple[Any, ...] = ()
    events: tuple[Any, ...] = ()
    """Types of the events of its stream."""
    query_names: frozenset[str] = frozenset()
    headers: tuple[tuple[str, ...], ...] = ()
    """What its parameters spell out for ``openai-beta``."""


# -- types of what is sent ---------------------------------------------------------------------


@dataclass(frozen=True)
class Obj:
    """An object: its members, by their names on the wire, each with the types that it takes."""

    name: str
    members: Mapping[str, Any] = field(hash=False, compare=False)
    spelled: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)
    """What Python calls a member, by its name on the wire."""

    def tags(self, key: str = "type") -> tuple[str, ...]:
        """What its member ``key`` may say, where that is spelled out."""
        found = [t for t in alternatives(self.members.get(key)) if isinstance(t, str)]
        return tuple(found)


NUMBER, STRING, ANY, FILE = object(), object(), object(), object()
"""A number or flag, any string, any JSON, a file by value."""


class ListOf(NamedTuple):
    """A list, and what is in it."""

    item: Any


class MapOf(NamedTuple):
    """An object with names of the caller's choice."""

    value: Any


def _plain(tp: Any) -> Any:
    """A type without what only qualifies it."""
    while True:
        origin = typing.get_origin(tp)
        if isinstance(tp, typing_extensions.TypeAliasType):
            tp = tp.__value__
        elif origin in (typing.Annotated, typing_extensions.Annotated) or origin in (
            typing.Required, typing.NotRequired, typing_extensions.Required,
            typing_extensions.NotRequired, typing.Final, typing.ClassVar,
        ):  # fmt: skip
            tp = typing.get_args(tp)[0]
        else:
            return tp


def _is_file(members: Sequence[Any]) -> bool:
    return any("PathLike" in str(m) or "IO[" in str(m) for m in members)


@cache
def _object(tp: Any) -> Obj:
    members: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    if typing_extensions.is_typeddict(tp):
        for name, hint in typing_extensions.get_type_hints(tp, include_extras=True).items():
            members[_alias(hint) or name] = hint
            spelled[_alias(hint) or name] = name
        base = getattr(tp, "__extra_items__", None)
        if base not in (None, typing_extensions.NoExtraItems):
            members["*"] = base
    else:
        for name, info in tp.model_fields.items():
            alias = info.serialization_alias or info.alias
            if alias is None and "genai.types" in tp.__module__:
                head, *rest = name.split("_")
                alias = head + "".join(w.title() for w in rest)
            members[alias or name] = info.annotation
    return Obj(tp.__name__, members, spelled)


def _alias(hint: Any) -> str | None:
    while typing.get_args(hint):
        for extra in getattr(hint, "__metadata__", ()):
            if getattr(extra, "alias", None):
                return str(extra.alias)
        hint = typing.get_args(hint)[0]
    return None


def alternatives(tp: Any) -> Iterator[Any]:
    """What a value of a type may be: `Obj`, `ListOf`, `MapOf`, a word of its own, or a kind."""
    tp = _plain(tp)
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if tp is None or tp is type(None) or getattr(tp, "__name__", "") in ("Omit", "NotGiven"):
        return
    if isinstance(tp, Obj | ListOf | MapOf) or tp in (NUMBER, STRING, ANY, FILE):
        yield tp
    elif origin in (typing.Union, types.UnionType):
        if _is_file(args):
            yield FILE
            return
        for arg in args:
            yield from alternatives(arg)
    elif origin in (Literal, typing_extensions.Literal):
        for arg in args:
            yield arg if isinstance(arg, str) else NUMBER
    elif typing_extensions.is_typeddict(tp):
        yield _object(tp)
    elif isinstance(tp, type) and issubclass(tp, pydantic.BaseModel):
        if "is_unknown" not in tp.model_fields:
            yield _object(tp)
    elif origin is not None and isinstance(origin, type):
        if issubclass(origin, Mapping):
            yield MapOf(args[1])
        elif issubclass(origin, Iterable):
            yield ListOf(args[0] if args else Any)
        elif origin is type:
            yield ANY
        else:
            yield from alternatives(origin)
    elif tp is str or tp is bytes or (isinstance(tp, type) and issubclass(tp, str)):
        yield STRING
    elif tp in (int, float, bool):
        yield NUMBER
    elif isinstance(tp, type) and tp.__name__ in ("datetime", "date"):
        yield STRING
    elif isinstance(tp, type) and "SequenceNotStr" in tp.__name__:
        yield ListOf(Any)
    elif getattr(tp, "__module__", "").startswith("anthropic.lib"):
        return  # A helper of the SDK's own, which sends one of the other alternatives.
    elif isinstance(tp, typing.TypeVar | str | typing.ForwardRef):
        yield ANY
    else:
        yield FILE if _is_file([tp]) else ANY


# -- openai and anthropic ----------------------------------------------------------------------


def _constant(node: ast.expr) -> str | None:
    """A path, spelled out or made from a template."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        out = ""
        for value in node.values:
            out += str(value.value) if isinstance(value, ast.Constant) else "{id}"
        return out
    if isinstance(node, ast.Call) and node.args:
        return _constant(node.args[0])
    return None


def _named(node: ast.AST, scope: Mapping[str, Any]) -> list[Any]:
    """The types that an expression names."""
    if isinstance(node, ast.IfExp):
        return [*_named(node.body, scope), *_named(node.orelse, scope)]
    return [eval(ast.unparse(node), dict(scope))]


def _called(node: ast.AST) -> str:
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def only(tp: Any, names: frozenset[str]) -> Any:
    """An object without what a method sends elsewhere: in its path, its query or its headers."""
    if not isinstance(tp, Obj) or not names:
        return tp
    return Obj(tp.name, {k: v for k, v in tp.members.items() if tp.spelled.get(k, k) in names})


HELPERS = ("stream", "parse", "tool_runner")
"""Methods that take what is not on the wire, and send what ``create`` sends."""


class _Method:
    """A method of a resource: its parameters' types, and what it calls its own."""

    def __init__(self, node: ast.FunctionDef, scope: Mapping[str, Any]) -> None:
        self.scope = scope
        self.notes = {
            a.arg: a.annotation for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation
        }
        self.assigned: dict[str, list[ast.expr]] = {}
        for inner in ast.walk(node):
            if isinstance(inner, ast.Assign) and isinstance(inner.targets[0], ast.Name):
                self.assigned.setdefault(inner.targets[0].id, []).append(inner.value)

    def type_of(self, node: ast.expr) -> Any:
        """The type of the parameter that an expression sends, as far as it names one."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.notes:
                note = self.notes[inner.id]
                return eval(ast.unparse(note), dict(self.scope))
        names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
        for name in names:
            for value in self.assigned.get(name, ()):
                found = self.type_of(value)
                if found is not Any:
                    return found
        return Any

    def names_in(self, node: ast.expr) -> frozenset[str]:
        """The names that an expression spells out for what it sends; none where it does not."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Dict):
                return frozenset(str(k.value) for k in inner.keys if isinstance(k, ast.Constant))
        values = self.assigned.get(node.id, ()) if isinstance(node, ast.Name) else ()
        return next((n for v in values if (n := self.names_in(v))), frozenset())

    def sent(self, node: ast.expr, name: str) -> list[Any]:
        """The types of a body or a query."""
        for inner in ast.walk(node):
            if _called(inner) in TRANSFORMS:
                given, named = inner.args[:2]  # type: ignore[attr-defined]
                return [
                    only(found, self.names_in(given))
                    for tp in _named(named, self.scope)
                    for found in alternatives(tp)
                ]
        for inner in ast.walk(node):
            if isinstance(inner, ast.Dict):
                members = {
                    str(k.value): self.type_of(v)
                    for k, v in zip(inner.keys, inner.values, strict=True)
                    if isinstance(k, ast.Constant)
                }
                return [Obj(name, members)] if members else []
        if isinstance(node, ast.Name):
            for value in self.assigned.get(node.id, ()):
                found = self.sent(value, name)
                if found:
                    return found
            if node.id in self.notes:
                return [self.type_of(node)]
        return []


def _request_of(node: ast.Call, method: _Method, where: str) -> Call | None:
    path = _constant(node.args[0])
    if path is None:
        return None
    keywords = {k.arg: k.value for k in node.keywords}
    verb = VERBS.get(getattr(node.func, "attr", ""), "GET")
    given = keywords.get("method")
    if isinstance(given, ast.Constant):
        verb = str(given.value).upper()
    queries: list[Any] = []
    events: list[Any] = []
    for key, value in keywords.items():
        for inner in ast.walk(value):
            if isinstance(inner, ast.keyword) and inner.arg == "query":
                queries += method.sent(inner.value, where)
            elif key == "stream_cls" and isinstance(inner, ast.Subscript):
                events += _named(inner.slice, method.scope)
    bodies = method.sent(keywords["body"], where) if "body" in keywords else []
    asked = method.type_of(ast.Name("betas")) if "betas" in method.notes else None
    headers = tuple(_words(asked)) if "openai" in str(method.scope.get("__name__")) else ()
    path = path.partition("?")[0]
    path = path.removeprefix("/v1") if path.startswith("/v1/") else path
    return Call(where, verb, path, tuple(bodies), tuple(queries), tuple(events), headers=(headers,))


def _words(tp: Any) -> Iterator[str]:
    """The words that a list may hold."""
    for found in alternatives(tp):
        if isinstance(found, ListOf):
            yield from (a for a in alternatives(found.item) if isinstance(a, str))


def calls_of_resources(package: str) -> list[Call]:
    """Every request that the synchronous resources of a Stainless SDK make."""
    root = importlib.import_module(f"{package}.resources")
    folder = Path(str(root.__file__)).parent
    found = []
    for file in sorted(folder.rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        dotted = ".".join((f"{package}.resources", *(p for p in parts if p != "__init__")))
        if file.name == "__init__.py":
            continue
        module = importlib.import_module(dotted)
        for owner in ast.parse(file.read_text()).body:
            if not isinstance(owner, ast.ClassDef) or owner.name.startswith("Async"):
                continue
            for function in owner.body:
                if not isinstance(function, ast.FunctionDef) or function.name in HELPERS:
                    continue
                method = _Method(function, vars(module))
                where = f"{dotted.partition('resources.')[2]}.{owner.name}.{function.name}"
                for node in ast.walk(function):
                    name = getattr(getattr(node, "func", None), "attr", "")
                    if isinstance(node, ast.Call) and (name in VERBS or name == "_get_api_list"):
                        call = _request_of(node, method, where)
                        if call is not None:
                            found.append(call)
    return found


def header_values(package: str, header: str) -> set[str]:
    """The values of a header that the resources of an SDK set by themselves."""
    root = importlib.import_module(f"{package}.resources")
    found: set[str] = set()
    for file in Path(str(root.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Dict):
                continue
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and str(key.value).lower() == header:
                    for inner in ast.walk(value):
                        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                            found.update(v.strip() for v in inner.value.split(",") if v.strip())
    return found

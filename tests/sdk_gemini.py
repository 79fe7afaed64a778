"""What google-genai says of the wire.

Half of it is generated clients with a method, a path and a type for each operation. The other half
makes its JSON by converters, functions that put what they are given at its place on the wire: those
are read, not run.
"""

import ast
import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from google.genai import types

from sdk_types import STRING, Call, ListOf, Obj

MODULES: Final = (
    "batches", "caches", "documents", "file_search_stores", "files", "models", "operations",
    "tokens", "tunings",
)  # fmt: skip
# Where a template names a whole place, the places that it may name.
PLACES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("caches", "{name}"): ("cachedContents/{name}",),
    ("documents", "{name}"): ("fileSearchStores/{name}/documents/{doc}",),
    ("documents", "{parent}/documents"): ("fileSearchStores/{name}/documents",),
    ("file_search_stores", "{name}"): ("fileSearchStores/{name}",),
    ("models", "{name}"): ("models/{model}", "tunedModels/{name}"),
    ("models", "{models_url}"): ("models", "tunedModels"),
    ("operations", "{operationName}"): (
        "models/{model}/operations/{operation}", "tunedModels/{name}/operations/{operation}",
        "fileSearchStores/{name}/operations/{operation}",
        "fileSearchStores/{name}/upload/operations/{operation}",
    ),
    ("tunings", "{name}"): ("tunedModels/{name}",),
    ("tunings", "{name}:cancel"): ("tunedModels/{name}:cancel",),
}  # fmt: skip


def _name(node: ast.AST) -> str:
    function = getattr(node, "func", None)
    return str(getattr(function, "attr", getattr(function, "id", "")))


def _texts(node: ast.AST) -> list[str]:
    return [str(n.value) for n in getattr(node, "elts", ()) if isinstance(n, ast.Constant)]


class Converters:
    """The converters of one module, as the objects that they make."""

    def __init__(self, source: ast.Module) -> None:
        self.functions = {f.name: f for f in source.body if isinstance(f, ast.FunctionDef)}
        self.known: dict[str, Obj] = {}

    def made(self, name: str, parent: dict[str, Any] | None = None) -> Obj:
        """The object that a converter makes; what it puts into its parent goes to ``parent``."""
        if "parent_object," not in ast.unparse(self.functions.get(name, ast.Pass())):
            parent = None
        if name in self.known and parent is None:
            return self.known[name]
        thing = name.strip("_").partition("_to_")[0]
        own: dict[str, Any] = {}
        made = Obj(thing, own)
        if parent is None:
            self.known[name] = made
        tp = getattr(types, thing, None) or getattr(types, "_" + thing, None)
        function = self.functions.get(name)
        for node in ast.walk(function) if function is not None else ():
            if not isinstance(node, ast.Call):
                continue
            if _name(node) == "setv" and len(node.args) == 3:
                target = getattr(node.args[0], "id", "")
                into = own if target == "to_object" else parent
                if into is not None and _texts(node.args[1])[0] != "_self":
                    self._put(into, _texts(node.args[1]), self._value(node.args[2], tp, own))
        for statement in ast.walk(function) if function is not None else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                inner = _name(statement.value)
                if inner.endswith("_to_mldev"):
                    self.made(inner, own)
        return made

    def _value(self, node: ast.expr, tp: Any, own: dict[str, Any]) -> Any:
        for inner in ast.walk(node):
            name = _name(inner)
            if name.endswith("_to_mldev"):
                made = self.made(name, own)
                return ListOf(made) if isinstance(node, ast.ListComp) else made
        for inner in ast.walk(node):
            if _name(inner) == "getv" and tp is not None:
                path = _texts(inner.args[1])  # type: ignore[attr-defined]
                field = tp.model_fields.get(path[0]) if path else None
                if path[-1:] in (["content"], ["contents"]):
                    # Whatever stands for a content in Python is one on the wire.
                    return self.made("_Content_to_mldev")
                if field is not None:
                    return field.annotation
        return STRING if isinstance(node, ast.Constant) else Any

    def _put(self, into: dict[str, Any], path: list[str], value: Any) -> None:
        head, *rest = path
        name = head.removesuffix("[]")
        if not rest:
            into[name] = ListOf(value) if head.endswith("[]") else value
            return
        inner = into.get(name)
        inner = inner.item if isinstance(inner, ListOf) else inner
        if not isinstance(inner, Obj):
            inner = Obj(name, {})
            into[name] = ListOf(inner) if head.endswith("[]") else inner
        assert isinstance(inner.members, dict)
        self._put(inner.members, rest, value)


def _template(node: ast.AST) -> str | None:
    if isinstance(node, ast.Call) and _name(node) == "format_map":
        node = node.func.value  # type: ignore[attr-defined]
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{id}" for v in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _developer_branch(function: ast.FunctionDef) -> list[ast.AST]:
    """What runs against the Gemini API, rather than Vertex."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and "vertexai" in ast.unparse(node.test):
            if ast.unparse(node.test).startswith("not"):
                continue
            nodes = [n for part in node.orelse for n in ast.walk(part)]
            return nodes if nodes else [n for n in ast.walk(function) if n not in ast.walk(node)]
    return list(ast.walk(function))


def _verb(function: ast.FunctionDef) -> str | None:
    for node in ast.walk(function):
        if _name(node) in ("request", "request_streamed") and "_api_client" in ast.unparse(node):
            first = node.args[0]  # type: ignore[attr-defined]
            return str(first.value).upper() if isinstance(first, ast.Constant) else None
    return None


def _converted(module: str, source: ast.Module) -> list[Call]:
    converters = Converters(source)
    found = []
    for owner in source.body:
        if not isinstance(owner, ast.ClassDef) or owner.name.startswith("Async"):
            continue
        for function in owner.body:
            verb = _verb(function) if isinstance(function, ast.FunctionDef) else None
            if verb is None or not isinstance(function, ast.FunctionDef):
                continue
            nodes = _developer_branch(function)
            if any(isinstance(n, ast.Raise) for n in nodes) and not any(
                _name(n).endswith("_to_mldev") for n in nodes
            ):
                continue  # Vertex only.
            body: Any = None
            for node in nodes:
                if _name(node).endswith("_to_mldev"):
                    body = converters.made(_name(node))
            paths = {
                path
                for node in nodes
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "path"
                if (path := _template(node.value)) is not None and not path.startswith("{id}?")
            }
            members = dict(body.members) if body is not None else {}
            query = members.pop("_query", None)
            members.pop("_url", None)
            sent = (Obj(body.name, members),) if body is not None and verb != "GET" else ()
            names = frozenset(query.members) if isinstance(query, Obj) else frozenset()
            for path in sorted(paths):
                for place in PLACES.get((module, path), (path,)):
                    place, _, extra = _plain(place).partition("?")
                    more = {extra.partition("=")[0]} - {""}
                    where = f"{module}.{function.name}"
                    found.append(Call(where, verb, place, sent, (), (), names | more))
    return found


def _plain(path: str) -> str:
    path = path.replace("{{api_version}}/", "").replace("{api_version}/", "")
    for whole, spelled in (
        ("{file_search_store_name}", "fileSearchStores/{name}"), ("{model}", "models/{model}"),
    ):  # fmt: skip
        if path.startswith((whole, "upload/" + whole)):
            path = path.replace(whole, spelled, 1)
    return "/" + path.lstrip("/")


def _generated(module: Any, source: ast.Module) -> list[Call]:
    scope = vars(module)
    found = []
    for owner in source.body:
        if not isinstance(owner, ast.ClassDef) or owner.name.startswith("Async"):
            continue
        for function in owner.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if _name(node) != "_build_request":
                    continue
                keywords = {k.arg: k.value for k in node.keywords}  # type: ignore[attr-defined]
                bodies: list[Any] = []
                for inner in ast.walk(keywords.get("get_serialized_body", ast.Constant(None))):
                    if _name(inner) == "serialize_request_body":
                        type_ = inner.args[4]  # type: ignore[attr-defined]
                        bodies.append(eval(ast.unparse(type_), scope))
                queries: set[str] = set()
                for inner in ast.walk(function):
                    if isinstance(inner, ast.Attribute) and ast.unparse(inner.value) == "models":
                        queries |= _query_names(eval(ast.unparse(inner), scope))
                where = f"{module.__name__.rpartition('.')[2]}.{function.name}"
                path = _plain(keywords["path"].value.lstrip("/"))
                found.append(
                    Call(where, keywords["method"].value, path, tuple(bodies), (),
                         _events(path) if keywords["method"].value != "DELETE" else (),
                         frozenset(queries))
                )  # fmt: skip
    return found


def _events(path: str) -> tuple[Any, ...]:
    """The events of the one stream that the generated clients name their own way."""
    if path not in ("/interactions", "/interactions/{interactionsId}"):
        return ()
    from google.genai._gaos.types.interactions import interactionsseevent

    return (interactionsseevent.InteractionSSEEvent,)


def _query_names(model: Any) -> set[str]:
    fields = getattr(model, "model_fields", {}).items()
    return {
        str(info.alias or name)
        for name, info in fields
        if any(getattr(extra, "query", None) for extra in info.metadata)
    }


def calls_of_gemini() -> list[Call]:
    """Every request that google-genai's synchronous client makes of the Gemini API."""
    found = []
    for name in MODULES:
        module = importlib.import_module(f"google.genai.{name}")
        source = ast.parse(Path(str(module.__file__)).read_text())
        found += _converted(name, source)
    package = importlib.import_module("google.genai._gaos")
    for file in sorted(Path(str(package.__file__)).parent.glob("*.py")):
        text = file.read_text()
        if "_build_request(" in text and file.stem not in ("basesdk",):
            module = importlib.import_module(f"google.genai._gaos.{file.stem}")
            found += _generated(module, ast.parse(text))
    return found

"""The endpoints of the providers, as data: one line an operation, in ``<provider>.txt``.

A line says what there is; what a preset does about it, ``policy`` says by family and act. Families:

    inference    a model reads and writes             files, retrieval, containers, batches, caches
    count        the same request, counted            stored       calls that the provider keeps
    classify     scores only                          memory       memory stores
    media        text, sound and pictures by value    skills       durable instructions
    catalog      names of models                      training     fine-tuning and evals
    hosted       agents that run at the provider      live         sockets and sessions that bypass HTTP
    admin, credentials, identity, safety, voices, webhooks
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple


class Act(StrEnum):
    """What an operation does to what it names."""

    CALL = "call"
    """Runs a model, or something like one, on what the request holds."""
    CREATE = "create"
    READ = "read"
    LIST = "list"
    CHANGE = "change"
    DELETE = "delete"
    CONNECT = "connect"
    """Opens a socket."""


PROVIDERS: Final = ("openai", "anthropic", "gemini")
ANY: Final = "ANY"
_TAIL: Final = "**"


class Operation(NamedTuple):
    """One line of the inventory."""

    provider: str
    family: str
    method: str
    path: str
    act: Act
    name: str
    """The provider's own name for it, as its SDK spells it."""


class Match(NamedTuple):
    """The operation that a path names, and the ids in it."""

    operation: Operation
    ids: tuple[tuple[str, str], ...]
    """(name of the parameter, value), in order."""


def operations(provider: str) -> Iterator[Operation]:
    """The lines of one provider's file, in order.

    Raises:
        ValueError: A line is none; it says which.
    """
    family = ""
    text = files(__package__).joinpath(f"{provider}.txt").read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            family = line.strip("[]")
            continue
        try:
            method, path, act, name = line.split()
            yield Operation(provider, family, method, path, Act(act), name)
        except ValueError as error:
            raise ValueError(f"{provider}.txt, line {number}: {line!r} is no endpoint") from error


def _segments(path: str) -> list[str]:
    """The segments of a path; a custom verb (``models/m:generateContent``) is one of its own."""
    found = path.strip("/").split("/")
    head, colon, verb = found[-1].rpartition(":")
    return [*found[:-1], head, ":" + verb] if colon and head else found


class _Node:
    __slots__ = ("literal", "name", "operations", "param")

    def __init__(self) -> None:
        self.literal: dict[str, _Node] = {}
        self.param: _Node | None = None
        self.name = ""
        self.operations: dict[str, Operation] = {}

    def add(self, segments: list[str], operation: Operation) -> None:
        node = self
        for segment in segments:
            if segment.startswith("{") and segment.endswith("}"):
                if node.param is None:
                    node.param = _Node()
                node = node.param
                # Two lines may call the same place by two names; the first one's stands.
                node.name = node.name or segment[1:-1]
            else:
                node = node.literal.setdefault(segment, _Node())
        node.operations[operation.method] = operation

    def find(self, method: str, segments: list[str], at: int = 0) -> Match | None:
        """The operation below this node; what is spelled out goes before what is named."""
        if at == len(segments):
            operation = self.operations.get(method) or self.operations.get(ANY)
            return Match(operation, ()) if operation is not None else None
        segment = segments[at]
        inner = self.literal.get(segment)
        if inner is not None:
            found = inner.find(method, segments, at + 1)
            if found is not None:
                return found
        if self.param is not None and not segment.startswith(":"):
            found = self.param.find(method, segments, at + 1)
            if found is not None:
                return found._replace(ids=((self.param.name, segment), *found.ids))
        tail = self.literal.get(_TAIL)
        return tail.find(method, segments, len(segments)) if tail is not None else None


@cache
def _tree(provider: str) -> _Node:
    root = _Node()
    for operation in operations(provider):
        root.add(_segments(operation.path), operation)
    return root


def find(provider: str, method: str, path: str) -> Match | None:
    """The operation of ``provider`` that a method and a path below the version name, if any."""
    segments = path.strip("/").split("/")
    tree = _tree(provider)
    # A verb goes first: ``files/abc:download`` is no file of that name.
    found = tree.find(method, _segments(path)) if ":" in segments[-1] else None
    return found or tree.find(method, segments)


def by_name(provider: str) -> Mapping[str, Operation]:
    """Operations by name; where two share one, the first."""
    named: dict[str, Operation] = {}
    for operation in operations(provider):
        named.setdefault(operation.name, operation)
    return named

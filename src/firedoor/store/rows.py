"""Rows to types and back."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from firedoor.types.ids import CallId, Digest, InstanceId, RoomId, RunId
from firedoor.types.label import UNKNOWN_DEPTH, Label, join
from firedoor.types.record import Emission, InstanceRow, MintedRow


@lru_cache(maxsize=4096)
def label_text(label: Label) -> str:
    """A label as the store keeps it."""
    return json.dumps(
        {"d": label.generation, "l": sorted(label.live), "p": sorted(label.past)},
        separators=(",", ":"),
    )


@lru_cache(maxsize=4096)
def label_from(text: str) -> Label:
    """The inverse of ``label_text``."""
    value = json.loads(text)
    depth = UNKNOWN_DEPTH if value["d"] is None else value["d"]
    return Label(
        depth, frozenset(RoomId(r) for r in value["l"]), frozenset(RoomId(r) for r in value["p"])
    )


def label_join(known: str, other: str) -> str:
    """``join`` of two labels as the store keeps them."""
    return label_text(join(label_from(known), label_from(other)))


_BETWEEN_RUNS: Final = "\x1f"


def run_parents_from(text: str | None) -> tuple[RunId, ...]:
    """The runs that spawned one, from the column that holds them."""
    return tuple(RunId(run) for run in text.split(_BETWEEN_RUNS)) if text else ()


def run_parents_text(parents: tuple[RunId, ...]) -> str | None:
    """The inverse of ``run_parents_from``, each of them once."""
    return _BETWEEN_RUNS.join(dict.fromkeys(parents)) or None


EMISSION_COLUMNS = "passage, seq, room, run, label, instance, author, compartment, call, held"


def emission_from(row: Any) -> Emission:
    """One row of ``emissions``, in the order of ``EMISSION_COLUMNS``."""
    passage, seq, room, run, label, instance, author, compartment, call, held = row
    return Emission(
        Digest(passage), seq, RoomId(room), RunId(run), label_from(label), InstanceId(instance),
        author, compartment, CallId(call), bool(held),
    )  # fmt: skip


INSTANCE_COLUMNS = "id, name, compartment, room, run, credential, parents, identity"


def instance_from(row: Any) -> InstanceRow:
    """One row of ``instances``, in the order of ``INSTANCE_COLUMNS``."""
    id_, name, compartment, room, run, credential, parents, identity = row[:8]
    return InstanceRow(
        InstanceId(id_), name, compartment, RoomId(room), RunId(run), credential,
        tuple(InstanceId(p) for p in json.loads(parents)), identity,
    )  # fmt: skip


MINTED_COLUMNS = "id, resource, credential, room, run, instance, label, call"


SEALED: Final = "sealed:"
"""Before a resource that says where a call went: a model may have chosen the host."""


def minted_from(row: Any, unsealed: Callable[[str], str] | None = None) -> MintedRow:
    """One row of ``minted``, in the order of ``MINTED_COLUMNS``."""
    id_, resource, credential, room, run, instance, label, call = row
    if resource.startswith(SEALED):
        resource = unsealed(resource.removeprefix(SEALED)) if unsealed is not None else "call"
    return MintedRow(
        Digest(id_), resource, credential, RoomId(room), RunId(run), InstanceId(instance),
        label_from(label), CallId(call),
    )  # fmt: skip


COVERAGE: Final = (
    "judged", "attributed", "total", "opaque", "words", "assumed", "unproven", "withheld",
    "forged", "transplanted",
)  # fmt: skip


def counted(body: Mapping[str, Any]) -> tuple[str, *tuple[int, ...]]:
    """What a call's row says of its verdict and coverage, as its ledger entry says it."""
    coverage = body.get("coverage")
    if not isinstance(coverage, dict):
        coverage = {}
    return (body.get("verdict", "allow"), *(coverage.get(name, 0) for name in COVERAGE))

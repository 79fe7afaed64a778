"""Gemini's batches: many requests in one body, and many answers in one object.

Each request is read as the call that it is. What answers hold, wherever in a batch they stand (by
themselves, in a list, under ``metadata`` or ``response``), is read as answers: an object that has
``candidates`` is one.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from firedoor.types.exchange import Params, Surface
from firedoor.types.part import Answer, CallClaim, MintedId, OutputPart, Part, Reading, ToolCall
from firedoor.wire import plain
from firedoor.wire.answers import UNREADABLE, dumps, error_of, loads, placed, rewritten, word
from firedoor.wire.edit import Edit
from firedoor.wire.gemini_generate import answer as generated
from firedoor.wire.gemini_generate.parts import (
    addresses,
    read_named,
)  # fmt: skip
from firedoor.wire.inventory import bodies_gemini
from firedoor.wire.inventory import gemini_generate as inventory
from firedoor.wire.openai_chat.parts import NOBODY
from firedoor.wire.plain import fields_only, no_turn
from firedoor.wire.shape import Found, Shape, escape, free, scoped, walk
from firedoor.wire.state.answer import minted_ids
from firedoor.wire.surface import SurfaceWire


def _one(prefix: str, part: Part) -> Part:
    # A definition that goes may take its choice with it; here nobody looks after that, so it stays
    # or the whole is refused. A file in a request is read like one in a call; it is no batch.
    whole = part.removable is not None
    return part._replace(
        call=None if part.call is None else scoped(prefix, part.call),
        resource="media" if part.resource == "file" else part.resource,
        removable=None,
        editable=part.editable and not whole,
    )


def read_request(fields: Mapping[str, Shape], value: Any, pointer: str) -> Reading:
    """One request at ``pointer``, by the fields that its endpoint takes."""
    found = Found()
    if isinstance(value, dict):
        for name, item in value.items():
            read_named(fields, name, item, pointer, found)
    else:
        found.unknown.append(pointer)
        free(value, pointer, NOBODY, found)
    return Reading(
        tuple(_one(pointer, part) for part in addresses(found.parts)),
        tuple(claim._replace(id=scoped(pointer, claim.id)) for claim in found.calls),
        None,
        tuple(found.unknown),
        tuple(found.hops),
    )


def _reader(operation: str, fields: Mapping[str, Shape]) -> Callable[[str, object], Reading]:
    shape = bodies_gemini.BATCHES[operation]["batch"]

    def requests(value: Any, at: str, found: Found, calls: list[CallClaim]) -> None:
        if not isinstance(value, list):
            found.unknown.append(at)
            free(value, at, NOBODY, found)
            return
        for i, entry in enumerate(value):
            place = f"{at}/{i}"
            if not isinstance(entry, dict):
                found.unknown.append(place)
                free(entry, place, NOBODY, found)
                continue
            # Its fields may stand in the entry itself.
            bare = {k: v for k, v in entry.items() if k not in ("request", "metadata")}
            asked = [(bare, place)] if bare else []
            asked += [(entry["request"], f"{place}/request")] if "request" in entry else []
            for request, where in asked:
                reading = read_request(fields, request, where)
                found.parts += reading.parts
                found.unknown += reading.unknown
                found.hops += reading.hops
                calls += reading.calls
            if "metadata" in entry:
                walk("free", entry["metadata"], f"{place}/metadata", NOBODY, found)

    def read_field(name: str, value: Any) -> Reading:
        found, calls = Found(), list[CallClaim]()
        if name != "batch" or not isinstance(value, dict):
            walk({}, {name: value}, "", NOBODY, found)
        for key, item in value.items() if name == "batch" and isinstance(value, dict) else ():
            if inventory.snake(key) != "input_config" or not isinstance(item, dict):
                walk(shape, {key: item}, "/batch", NOBODY, found)
                continue
            at = f"/batch/{key}"
            for inner, held in item.items():
                if inner == "requests" and isinstance(held, dict):
                    for last, listed in held.items():
                        if last == "requests":
                            requests(listed, f"{at}/requests/requests", found, calls)
                        else:
                            walk({}, {last: listed}, f"{at}/requests", NOBODY, found)
                else:
                    walk(shape["inputConfig"], {inner: held}, at, NOBODY, found)
        return Reading(
            tuple(found.parts), tuple(calls), None, tuple(found.unknown), tuple(found.hops)
        )

    return read_field


def params(document: object) -> Params:
    """A batch is no call of a model by itself."""
    return Params()


# -- answers ---------------------------------------------------------------------------------------


def _answers(value: Any) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    """(pointer, holder, member, answer) of every answer in an object."""
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        at, item = stack.pop()
        if isinstance(item, list):
            stack += [(f"{at}/{i}", inner) for i, inner in reversed(list(enumerate(item)))]
        elif isinstance(item, dict):
            for name, inner in item.items():
                below = f"{at}/{escape(name)}"
                if isinstance(inner, dict) and isinstance(inner.get("candidates"), list):
                    yield below, item, name, inner
                else:
                    stack.append((below, inner))


def _files(value: Any) -> Iterator[MintedId]:
    """The files that results were written to."""
    for holder in ("metadata", "response"):
        found = value.get(holder)
        for inner in (found, found.get("output")) if isinstance(found, dict) else ():
            file = word(inner.get("responsesFile")) if isinstance(inner, dict) else None
            if file:
                yield MintedId("file", file)


def read_answer(body: bytes) -> Answer:
    """See `SurfaceWire.read_answer`."""
    value = loads(body)
    if value is None:
        return UNREADABLE
    output: list[OutputPart | ToolCall] = []
    minted = list(minted_ids(value))
    for each in (value, *(inner for _, inner in placed(value.get("operations")))):
        minted += _files(each)
    for at, _, _, inner in _answers(value):
        answer = generated.answer_of(inner)
        output += [said._replace(pointer=at + said.pointer) for said in answer.output]
        minted += answer.minted
    return Answer(
        output=tuple(output), minted=tuple(minted), id=word(value.get("name")),
        error=error_of(value),
    )  # fmt: skip


def edit_answer(body: bytes, refused: Mapping[str, str]) -> bytes:
    """Each answer with its refused calls replaced."""
    value = loads(body)
    if value is None:
        return body
    edits = []
    for at, holder, name, inner in list(_answers(value)):
        mine = {p.removeprefix(at): told for p, told in refused.items() if p.startswith(at + "/")}
        if mine:
            holder[name] = loads(generated.edit_answer(dumps(inner).encode(), mine))
            edits.append(Edit(at, None, dumps(holder[name])))
    return rewritten(body, edits, value)


def _wire(operation: str, fields: Mapping[str, Shape]) -> SurfaceWire:
    return SurfaceWire(
        Surface.GEMINI_BATCHES, fields_only, no_turn, _reader(operation, fields), params,
        read_answer, edit_answer, plain.PassingStream,
    )  # fmt: skip


BATCH_WIRE: Final = _wire("gemini:batches.create", inventory.FIELDS)
EMBED_BATCH_WIRE: Final = _wire("gemini:batches.create_embeddings", inventory.EMBED_FIELDS)

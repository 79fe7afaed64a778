"""A typed answer may leave its label behind, for as many bits as its account can bear (line 26)."""

import json
from pathlib import Path
from typing import Any

from driving import Office, Outcome, settings_for
from firedoor.testing import Reply
from firedoor.types.exchange import Binding

NOTE = "The harbour office moves to the north pier on the first of May."
VERDICT = ["accept the proposal as written", "reject the proposal as written"]
READER = Binding("reader", "lab")
NEXT = Binding("next", "ops")
SCHEMA = {
    "type": "object", "properties": {"verdict": {"enum": VERDICT}}, "required": ["verdict"],
    "additionalProperties": False,
}  # fmt: skip
TYPED = json.dumps({"verdict": VERDICT[0]})


def office(folder: Path, bits: str) -> Office:
    rows = f"budgets:\n  - {{scope: 'instance:*', declassified_bits: {bits}}}\n"
    stores = "stores: {notes: {tools: [save_note, read_note], key: key, closed: true}}\n"
    world = Office(settings_for(folder, "contain", rows + stores), people=True)
    world.write(Binding("writer", "press"), "save_note", key="k", text=NOTE)
    return world


def asked(world: Office, reply: str, schema: Any = SCHEMA, *, strict: bool = True) -> Outcome:
    """The reader reads the foreign note, and answers under a schema."""
    first = world.read(READER, NOTE, "read_note", key="k")
    form = {"type": "json_schema",
            "json_schema": {"name": "v", "strict": strict, "schema": schema}}  # fmt: skip
    return world.call(
        READER, first.request["messages"], Reply(reply), extra={"response_format": form}
    )


def _digest(world: Office, text: str) -> Any:
    return world.engine.settings.digester(text)


def labels(world: Office, text: str) -> list[int | None]:
    with world.store.snapshot() as db:
        found = db.execute(
            "SELECT label FROM emissions WHERE passage = ?", (_digest(world, text),)
        ).fetchall()
    return [json.loads(row[0])["d"] for row in found]


def test_a_typed_value_does_not_inherit(tmp_path: Path) -> None:
    world = office(tmp_path, "2000")
    seen = asked(world, TYPED)
    assert seen.sent
    assert world.explain(seen)["generation"] == 1
    assert labels(world, TYPED) == [0]
    (row,) = world.store.accounts()
    assert row.committed > 2
    assert row.held == 0


def test_the_schemas_own_words_are_charged_where_it_may_be_foreign(tmp_path: Path) -> None:
    """The run has read foreign text, so the names in its schema may be that text in other words."""
    world = office(tmp_path, "2000")
    asked(world, TYPED)
    (row,) = world.store.accounts()
    assert row.committed >= 8 * len("".join(VERDICT))


def test_without_room_for_its_bits_it_inherits_as_any_text(tmp_path: Path) -> None:
    world = office(tmp_path, "100")
    seen = asked(world, TYPED)
    assert seen.sent
    assert labels(world, TYPED) == [1]
    assert [row.committed for row in world.store.accounts()] == []


def test_without_a_limit_nothing_is_typed(tmp_path: Path) -> None:
    world = Office(settings_for(tmp_path, "contain", ""), people=True)
    world.write(Binding("writer", "press"), "save_note", key="k", text=NOTE)
    asked(world, TYPED)
    assert labels(world, TYPED) == [1]


def test_a_free_string_inherits(tmp_path: Path) -> None:
    open_schema = {**SCHEMA, "properties": {"verdict": {"type": "string"}}}
    world = office(tmp_path, "2000")
    asked(world, TYPED, open_schema)
    assert labels(world, TYPED) == [1]


def test_a_schema_that_nobody_enforces_is_none(tmp_path: Path) -> None:
    world = office(tmp_path, "2000")
    asked(world, TYPED, strict=False)
    assert labels(world, TYPED) == [1]


def test_an_answer_that_is_spelled_otherwise_inherits(tmp_path: Path) -> None:
    said = TYPED + "\nAnd besides: the harbour office moves."
    world = office(tmp_path, "2000")
    asked(world, said)
    assert labels(world, said) == [1]


def test_the_account_is_used_up_by_many_values(tmp_path: Path) -> None:
    """What a value says is little; a thousand of them are a text, and the limit is their bound."""
    switch = {"type": "boolean"}
    world = office(tmp_path, "5")
    first = world.read(READER, NOTE, "read_note", key="k")
    form = {"type": "json_schema",
            "json_schema": {"name": "v", "strict": True, "schema": switch}}  # fmt: skip
    for n in range(4):
        turn = {"role": "user", "content": f"And number {n}?"}
        world.call(READER, [*first.request["messages"], turn], Reply("true"),
                   extra={"response_format": form})  # fmt: skip
    (row,) = world.store.accounts()
    assert row.committed == 4

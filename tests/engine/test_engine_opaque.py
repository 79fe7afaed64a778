"""Text that nobody can read: where it stands is said, and a rule may ask for it."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from driving import Office, part, settings_for
from firedoor import lineage
from firedoor.config import load_settings
from firedoor.config.cases import run_cases
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

LAB = Binding("worker", "lab")
NOISE = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(9))
BLOB = base64.b64encode(NOISE).decode()
WORDS = "The boathouse stands two feet under water since noon, and nobody was told. " * 5
RULE = "rules: [{id: sealed, match: {opaque: true}, action: strip}]\n"


def office_of(mode: str = "contain", policy: str = "", folder: Path | None = None) -> Office:
    return Office(settings_for(folder, mode, policy))


@pytest.mark.parametrize(
    "text",
    [WORDS, base64.b64encode(WORDS.encode()).decode(), "x" * 400, json.dumps([1, 2, 3] * 99),
     "https://example.org/" + "docs/of/the/harbour/" * 12, hashlib.sha256(b"").hexdigest(), ""],
    ids=["words", "words in base64", "one letter", "numbers", "a path", "a digest", "nothing"],
)  # fmt: skip
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_can_be_read_is_not_opaque(text: str, wrapped: bool) -> None:
    assert lineage.opaque_spans(text, wrapped=wrapped) == ()


@pytest.mark.parametrize("text", [BLOB, NOISE.hex(), f"Here it is: {BLOB}, as you wanted."])
@pytest.mark.parametrize("wrapped", [False, True])
def test_what_cannot_be_read_is_told_by_its_place(text: str, wrapped: bool) -> None:
    ((start, end),) = lineage.opaque_spans(text, wrapped=wrapped)
    assert text[start:end].strip(", ") in (BLOB, NOISE.hex())


def test_a_wrapped_blob_is_found_where_a_rule_asks() -> None:
    spaced = "".join(f"%{ord(c):02x}" for c in BLOB)
    assert lineage.opaque_spans(spaced)


def test_explain_says_where_it_stands_and_coverage_counts_the_text_as_judged() -> None:
    office = office_of()
    said = f"Keep this: {BLOB} for later."
    seen = office.explain(office.call(LAB, [{"role": "user", "content": said}]))
    found = part(seen, "/messages/0/content")
    assert found["opaque"] == [[said.index(BLOB), said.index(BLOB) + len(BLOB)]]
    assert found["verdict"] == "allow"
    assert seen["coverage"]["opaque"] == 0
    plain = office.explain(office.call(LAB, [{"role": "user", "content": WORDS}]))
    assert "opaque" not in part(plain, "/messages/0/content")


@pytest.mark.parametrize("role", ["user", "system", "tool", "assistant"])
def test_a_rule_acts_on_it_in_a_clean_run_too(role: str, tmp_path: Path) -> None:
    office = office_of("contain", RULE, tmp_path)
    if role == "tool":
        seen = office.read(LAB, f"Result: {BLOB}", "run_query", q="x")
        assert seen.request["messages"][2]["content"] == "[withheld]"
        return
    turns = [{"role": role, "content": f"Keep {BLOB}"}, {"role": "user", "content": "Well?"}]
    seen = office.call(LAB, turns)
    assert seen.request["messages"][0]["content"] == "[withheld]"
    assert part(office.explain(seen), "/messages/0/content")["rule"] == "sealed"
    assert office.call(LAB, [{"role": role, "content": WORDS}]).request["messages"][0][
        "content"
    ] == (WORDS)


def test_what_a_run_wrote_itself_stays_in_its_history(tmp_path: Path) -> None:
    office = office_of("contain", RULE, tmp_path)
    ask = {"role": "user", "content": "Write it."}
    office.call(LAB, [ask], Reply(f"It is {BLOB}", (Call("save_file", {"data": BLOB}, id="c1"),)))
    call = {"name": "save_file", "arguments": json.dumps({"data": BLOB}, indent=1)}
    turns = [
        ask,
        {
            "role": "assistant",
            "content": f"It is {BLOB}",
            "tool_calls": [{"id": "c1", "type": "function", "function": call}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Saved."},
    ]
    seen = office.call(LAB, turns)
    assert seen.request["messages"] == turns
    # In another room it is somebody's whom nobody can read.
    there = office.call(Binding("editor", "press"), [{"role": "user", "content": f"It is {BLOB}"}])
    assert there.request["messages"][0]["content"] == "[withheld]"


def test_it_can_be_deemed_harmless_for_some(tmp_path: Path) -> None:
    policy = (
        "rules:\n  - {id: keys, match: {opaque: true, instance: worker}, action: allow}\n"
        "  - {id: sealed, match: {opaque: true}, action: deny}\n"
    )
    office = office_of("contain", policy, tmp_path)
    turns = [{"role": "user", "content": BLOB}]
    assert office.call(LAB, turns).status == 200
    assert office.call(Binding("editor", "press"), turns).code == "firedoor_denied"


def test_the_files_own_tests_may_speak_of_it(tmp_path: Path) -> None:
    file = tmp_path / "firedoor.yaml"
    file.write_text(
        "version: 1\nmode: contain\n" + RULE + "tests:\n"
        "  - {given: {opaque: true, channel: user}, expect: strip}\n"
        "  - {given: {opaque: true, inrun: true}, expect: strip}\n"
        "  - {given: {opaque: false}, expect: allow}\n"
        "  - {given: {opaque: true, own: true, part_of_room: true}, expect: allow}\n"
    )
    settings = load_settings(file, environ={}, flags={})
    assert run_cases(settings.policy, settings.cases) == []

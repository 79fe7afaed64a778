"""What may not be read in the store is not there to be read: texts, and names that may be texts."""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.door import explain_call
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.engine.port import CallRow, Commit, LookParts
from firedoor.store import StoreReader, open_store
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, Digest, InstanceId, QuarantineId, RoomId, RunId
from firedoor.types.label import BOTTOM
from firedoor.types.record import Place, QuarantineRow, StoreMark

MEMBER = "My confidential medical record says pneumonia"
FIELD = "a_field_that_tells_of_the_diagnosis_of_pneumonia"
TOOL = "tell everyone about the pneumonia"
KEY = "the patient with pneumonia in room nine"
SECRET = "The patient in room nine has pneumonia and must rest."
LAB, PRESS = Binding("a", "lab"), Binding("b", "press")


def office_of(folder: Path, retention: str, mode: str = "contain") -> Office:
    policy = f"retention: {{content: {retention}}}\n"
    if mode == "contain":
        policy += (
            "rules: [{id: none-from-elsewhere, match: {crossing: true}, action: quarantine}]\n"
        )
    return Office(settings_for(folder, mode, policy), url=f"sqlite:{folder}/s/firedoor.db")


AGENTS = {
    "id": "resp_1", "object": "response", "status": "completed", "model": "m",
    "output": [{"type": "agent_message", "id": "am_1", "author": TOOL, "recipient": TOOL,
                "content": [{"type": "input_text", "text": SECRET}]}],
}  # fmt: skip


def among_agents(office: Office) -> Outcome:
    """Agents inside one call, whose names a model chose."""
    upstream = [UpstreamHead(200, ((b"content-type", b"application/json"),), 1.7e9),
                UpstreamBytes(json.dumps(AGENTS).encode(), 1.7e9), UpstreamEnd(1.7e9)]  # fmt: skip
    body = json.dumps({"model": "m", "input": "Go."}).encode()
    return office.call(LAB, [], path="/v1/responses", body=body, upstream=upstream)


def named_in_words(office: Office) -> Outcome:
    """A result that nothing proves, of a tool whose name is a sentence."""
    claim = {"id": "call_2", "type": "function", "function": {"name": TOOL, "arguments": "{}"}}
    return office.call(PRESS, [
        {"role": "assistant", "content": None, "tool_calls": [claim]},
        {"role": "tool", "tool_call_id": "call_2", "content": "Nothing that anybody wrote down."},
    ])  # fmt: skip


def busy(office: Office) -> list[str]:
    """Calls that carry words in every place that is no text; gives their ids."""
    claim = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    result = {MEMBER: {MEMBER: SECRET}}
    seen = [
        office.call(LAB, [
            {"role": "user", "content": "Look it up."},
            {"role": "assistant", "content": None, "tool_calls": [claim]},
            {"role": "tool", "tool_call_id": "call_1", "content": json.dumps(result)},
        ], Reply("", (Call(TOOL, {"x": SECRET}),))),
        office.call(LAB, [{"role": "user", "content": "Hi."}], extra={FIELD: {MEMBER: SECRET}}),
        office.write(LAB, "save_note", key=KEY, text=SECRET),
        office.read(PRESS, json.dumps({"note": SECRET}), "read_note", key=KEY),
        among_agents(office),
        named_in_words(office),
    ]  # fmt: skip
    return [s.exchange.call_id for s in seen]


def on_disk(folder: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted((folder / "s").iterdir()))


@pytest.mark.parametrize("mode", ["observe", "contain"])
@pytest.mark.parametrize("retention", ["encrypted", "digests"])
def test_no_word_of_a_call_stands_in_the_store(tmp_path: Path, retention: str, mode: str) -> None:
    office = office_of(tmp_path, retention, mode)
    busy(office)
    assert office.reader.verify().ok
    assert mode == "observe" or office.reader.quarantine()
    office.store.close()
    assert b"pneumonia" not in on_disk(tmp_path)


@pytest.mark.parametrize("retention", ["encrypted", "digests", "plain"])
def test_what_is_held_is_listed_without_such_names(tmp_path: Path, retention: str) -> None:
    """The list of what is held stands outside the documents; its call's own has the names."""
    office = office_of(tmp_path, retention)
    busy(office)
    (item,) = office.reader.quarantine()
    row = QuarantineRow(
        QuarantineId("q_2"), Digest(b"2" * 16), None, None, "tool", BOTTOM, 3, "b",
        CallId(item["call"]), f"/messages/2/content/{MEMBER}", None,
    )  # fmt: skip
    call = CallRow(row.call, InstanceId("i"), None, 0)
    office.store.apply(Commit(1.7e9, call, None, quarantine=(row,)))
    shown = {i["id"]: i["pointer"] for i in office.reader.quarantine()}
    assert shown[item["id"]] == "/messages/2/content/note"
    assert shown["q_2"].endswith(MEMBER) == (retention == "plain")
    assert shown["q_2"].startswith("/messages/2/content/")


def test_with_the_door_open_the_words_would_be_found(tmp_path: Path) -> None:
    """The arm that must fail: in a plain store each of these words is there to be found."""
    office = office_of(tmp_path, "plain", "observe")
    busy(office)
    office.store.close()
    found = on_disk(tmp_path)
    assert all(word.encode() in found for word in (MEMBER, FIELD, TOOL, SECRET))


@pytest.mark.parametrize("retention", ["encrypted", "plain"])
def test_explain_shows_what_the_retention_lets_it(tmp_path: Path, retention: str) -> None:
    office = office_of(tmp_path, retention)
    calls = busy(office)
    shown = document(office, calls[0])
    assert f"/messages/2/content/{MEMBER}/{MEMBER}" in pointers(shown)
    assert [t["name"] for t in shown["tools"]] == [TOOL]
    assert document(office, calls[1])["refusal"]["param"] == "/" + FIELD
    assert {c["call"] for c in office.reader.calls(limit=99)} >= set(calls)
    assert {i["instance"] for i in office.reader.instances()} == {"a", "b"}


def test_digests_show_where_something_stood_and_not_its_name(tmp_path: Path) -> None:
    office = office_of(tmp_path, "digests")
    calls = busy(office)
    shown = document(office, calls[0])
    (deep,) = [p for p in pointers(shown) if p.startswith("/messages/2/content/~h:")
               and p.count("/") == 5 and not p.endswith("#")]  # fmt: skip
    assert deep.split("/")[4] == deep.split("/")[5]
    assert deep + "#" in pointers(shown)
    assert shown["tools"][0]["name"].startswith("~h:")
    refusal = document(office, calls[1])["refusal"]
    assert refusal["param"].startswith("/~h:")
    assert refusal["param"] in refusal["message"]


def test_a_place_of_a_wordy_key_is_found_again(tmp_path: Path) -> None:
    """The store knows such a key by its digest, whatever the retention is and was."""
    place = Place("notes", KEY)
    call = CallRow(CallId("c_1"), InstanceId("i"), None, 0)
    office_of(tmp_path, "plain").store.apply(
        Commit(1.7e9, call, None, marks=(StoreMark(place, RoomId("lab"), BOTTOM),))
    )
    ask = LookParts(1.7e9, RoomId("press"), RunId("r"), InstanceId("i"), "k", places=(place,))
    for retention in ("plain", "encrypted", "digests"):
        store = office_of(tmp_path, retention).store
        assert [m.place for m in store.look_parts(ask).marks] == [place]
        other = ask._replace(places=(Place("notes", KEY + "!"),))
        assert store.look_parts(other).marks == ()
        anywhere = ask._replace(places=(Place("notes"),))
        assert [m.room for m in store.look_parts(anywhere).marks] == ["lab"]


def test_documents_are_read_as_they_were_kept(tmp_path: Path) -> None:
    """A change of the retention changes nothing about what is there already."""
    office = office_of(tmp_path, "encrypted")
    (call, *_) = busy(office)
    before = document(office, call)
    office.store.close()
    again = StoreReader(open_store(office.url, retention="plain"))
    assert again.opened(call) is not None
    assert again.verify().ok
    assert document(office_of(tmp_path, "digests"), call) == before


def document(office: Office, call: str) -> dict[str, Any]:
    found = explain_call(office.store, call)
    assert found is not None
    return found


def pointers(shown: dict[str, Any]) -> list[str]:
    return [p["pointer"] for p in shown["parts"]]

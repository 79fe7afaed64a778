"""Promise 8 for what `explain` shows: whoever changes a document is found out, by the call's name."""

from pathlib import Path

import pytest

from driving import Office, settings_for
from firedoor.engine.port import CallRow, Commit, EntryDraft
from firedoor.errors import TamperingError
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, InstanceId

NOTE = "The harbour office moves to the north pier on the first of May."


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """A call that was answered, and one that was refused (c_00000002), in a plain store."""
    return used(tmp_path, "plain")


def used(folder: Path, retention: str) -> Office:
    settings = settings_for(folder, "contain", f"retention: {{content: {retention}}}\n")
    office = Office(settings, url=f"sqlite:{folder}/s/firedoor.db")
    office.ask(Binding("a", "lab"), NOTE)
    office.call(Binding("a", "lab"), [], path="/v1/no/such/thing")
    office.ask(Binding("a", "lab"), "And another thing.")
    assert office.reader.verify().ok
    return office


CHANGES = {
    "opened was edited": "UPDATE documents SET body = CAST(replace(body, 'lab', 'spa') AS BLOB) "
    "WHERE call = 'c_00000001' AND name = 'opened'",
    "closed was edited": "UPDATE documents SET body = CAST(replace(body, '200', '500') AS BLOB) "
    "WHERE call = 'c_00000001' AND name = 'closed'",
    "a refusal was softened": "UPDATE documents SET body = CAST(replace(body, 'denied', 'allow') "
    "AS BLOB) WHERE call = 'c_00000002' AND name = 'closed'",
    "opened was removed": "DELETE FROM documents WHERE call = 'c_00000001' AND name = 'opened'",
    "closed was removed": "DELETE FROM documents WHERE call = 'c_00000002' AND name = 'closed'",
    "all was removed": "DELETE FROM documents",
    "it was another call's": "UPDATE documents SET body = (SELECT body FROM documents WHERE "
    "call = 'c_00000003' AND name = 'opened') WHERE call = 'c_00000001' AND name = 'opened'",
    "the verdict was changed": "UPDATE calls SET verdict = 'edited' WHERE call = 'c_00000001'",
    "the coverage was changed": "UPDATE calls SET judged = 99 WHERE call = 'c_00000001'",
    "the instance was changed": "UPDATE calls SET instance = 'i_x' WHERE call = 'c_00000001'",
    "the entry is another's": "UPDATE calls SET open_index = 2 WHERE call = 'c_00000001'",
    "the entry is not there": "UPDATE calls SET close_index = 99 WHERE call = 'c_00000001'",
    "the row forgot its end": "UPDATE calls SET close_index = NULL WHERE call = 'c_00000001'",
    "the row names no entry": "UPDATE calls SET open_index = NULL, close_index = NULL "
    "WHERE call = 'c_00000001'",
    "the row was removed": "DELETE FROM calls WHERE call = 'c_00000001'",
    "a row was made up": "INSERT INTO calls SELECT 'c_forged', instance, base, base_parts, attempt, "
    "answered, at, open_index, close_index, verdict, judged, attributed, total, opaque, words, "
    "assumed, unproven, withheld, forged, transplanted FROM calls WHERE call = 'c_00000001'",
    "a call was made up": "INSERT INTO documents SELECT 'c_forged', name, kind, body FROM documents "
    "WHERE call = 'c_00000001'",
}


@pytest.mark.parametrize("how", CHANGES)
def test_what_explain_shows_is_bound_to_the_ledger(office: Office, how: str) -> None:
    assert office.store._writer.execute(CHANGES[how]).rowcount > 0
    found = office.reader.verify()
    assert not found.ok
    named = {"a row was made up": "c_forged", "a call was made up": "c_forged"}
    refused = "refusal" in how or "closed was removed" in how
    call = named.get(how, "c_00000002" if refused else "c_00000001")
    assert f"call {call}: " in " ".join(found.problems)


@pytest.mark.parametrize("change", ["body = zeroblob(900)", "kind = 'plain', body = x'7b7d'",
                                    "kind = 'plain'", "body = x''"])  # fmt: skip
def test_what_is_sealed_is_bound_as_well(tmp_path: Path, change: str) -> None:
    office = used(tmp_path, "encrypted")
    office.store._writer.execute(
        f"UPDATE documents SET {change} WHERE call = 'c_00000001' AND name = 'opened'"  # noqa: S608
    )
    (problem,) = office.reader.verify().problems
    assert problem == "call c_00000001: its document `opened` is not the one of entry 0"


def test_a_changed_document_is_said_to_be_so_when_it_is_shown(tmp_path: Path) -> None:
    office = used(tmp_path, "encrypted")
    office.store._writer.execute("UPDATE documents SET body = zeroblob(9) WHERE name = 'opened'")
    for ask in (lambda: office.reader.opened("c_00000001"), office.reader.calls):
        with pytest.raises(TamperingError, match="cannot be read"):
            ask()


def test_a_call_whose_opening_could_not_be_written_is_no_problem(office: Office) -> None:
    """In `observe` the store may come back in the middle of a call: its end stands alone."""
    call = CallRow(CallId("c_late"), InstanceId("i_1"), None, 0, closed=b"{}")
    office.store.apply(
        Commit(at=1.7e9, call=call, entry=EntryDraft("call.close", {"call": "c_late"}))
    )
    assert office.reader.verify().ok


def test_a_store_of_many_pages_is_checked_to_its_end(office: Office) -> None:
    for n in range(450):
        call = CallRow(CallId(f"c_m{n:04}"), InstanceId("i_1"), None, 0, opened=b"{}")
        entry = EntryDraft("call.open", {"call": call.call})
        office.store.apply(Commit(at=1.7e9, call=call, entry=entry))
    assert office.reader.verify().ok
    office.store._writer.execute("UPDATE documents SET body = x'7b7d20' WHERE call = 'c_m0449'")
    assert office.reader.verify().problems == (
        "call c_m0449: its document `opened` is not the one of entry 454",
    )


def test_a_store_changed_throughout_is_told_of_in_twenty_lines(office: Office) -> None:
    for n in range(50):
        call = CallRow(CallId(f"c_m{n:04}"), InstanceId("i_1"), None, 0, opened=b"{}")
        entry = EntryDraft("call.open", {"call": call.call})
        office.store.apply(Commit(at=1.7e9, call=call, entry=entry))
    office.store._writer.execute("UPDATE documents SET body = x'7b7d20'")
    assert len(office.reader.verify().problems) == 20


def test_what_an_entry_holds_of_a_document_tells_nothing_without_the_key(office: Office) -> None:
    """Two stores do not agree on one document, so nobody can try documents out."""
    other = Office(settings_for(None, "contain"))
    assert office.store.keys.commitment(b"{}") != other.store.keys.commitment(b"{}")

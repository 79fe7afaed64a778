"""What people ask of a store is answered from what calls wrote down."""

from collections import Counter
from pathlib import Path

import pytest

from driving import Office, settings_for
from firedoor.engine.port import CallRow, Commit, EntryDraft
from firedoor.types.exchange import Binding
from firedoor.types.ids import CallId, InstanceId

NOTE = "The harbour office moves to the north pier on the first of May."


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Two rooms and their calls, one of which was edited and one refused."""
    office = Office(settings_for(None, "isolate"), url=f"sqlite:{tmp_path}/s/firedoor.db")
    office.write(Binding("a", "lab"), "save_note", key="k", text=NOTE)
    office.read(Binding("b", "press"), NOTE, "read_note", key="k")
    office.call(Binding("b", "press"), [], path="/v1/no/such/thing")
    return office


def test_status_counts_what_the_calls_documents_say(office: Office) -> None:
    calls = office.reader.calls(limit=100)
    counts: Counter[str] = Counter()
    for call in calls:
        counts.update(call["coverage"])
    status = office.reader.status()
    assert status["verdicts"] == Counter(c["verdict"] for c in calls)
    assert set(status["verdicts"].values()) != {0}
    assert status["coverage"] == dict(counts)
    assert status["calls"] == len(calls) == 4


def test_status_reads_no_document(office: Office) -> None:
    """They may be sealed, and there may be very many."""
    status = office.reader.status()
    office.store._writer.execute("DELETE FROM documents")
    assert office.reader.status() == status


def test_a_call_of_which_only_the_end_was_written_is_not_counted(office: Office) -> None:
    """In `observe` the store may come back in the middle of a call."""
    status = office.reader.status()
    call = CallRow(CallId("c_late"), InstanceId("i_1"), None, 0, closed=b"{}")
    office.store.apply(
        Commit(at=1.7e9, call=call, entry=EntryDraft("call.close", {"call": "c_late"}))
    )
    assert office.reader.status() == status | {"entries": status["entries"] + 1}
    assert office.reader.verify().ok

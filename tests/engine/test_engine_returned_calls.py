"""What a tool gave back is known by the id of its call, where the history lies at the provider.

Each of these was found by a random world (`tests/worlds`), and is its smallest form.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome, settings_for
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.testing import Call, Reply
from firedoor.testing.shapes import response
from firedoor.types.exchange import Binding
from firedoor.types.label import BOTTOM, is_unknown

NOTE = "The lamp on the western mole is to be lit at dusk."
RETOLD = "Somebody lights the lamp in the west each evening."
WHO = Binding("r", "lab")
HOLD = "unknown: hold\n"


def respond(office: Office, reply: Reply, items: Any, **more: Any) -> Outcome:
    body = json.dumps({"model": "m", "input": items, **more}).encode()
    said = json.dumps(response(reply, "m", office.calls + 1)).encode()
    kind = ((b"content-type", b"application/json"),)
    events = [UpstreamHead(200, kind, 1.0), UpstreamBytes(said, 1.0), UpstreamEnd(1.0)]
    return office.call(WHO, [], path="/v1/responses", body=body, upstream=events)


def returned(office: Office, tool: str, text: str) -> Outcome:
    """The model calls a tool; its result comes back with the id of the response alone."""
    call = Call(tool, {"key": "k"}, id="call_1")
    respond(office, Reply("", (call,)), "Please look.")
    result = {"type": "function_call_output", "call_id": "call_1", "output": text}
    return respond(office, Reply("Done."), [result], previous_response_id=f"resp_{office.calls}")


def test_what_a_store_gave_back_is_not_the_runs_own() -> None:
    office = Office(settings_for(None, "contain"))
    found = returned(office, "read_note", RETOLD)
    assert found.status == 200
    assert is_unknown(found.exchange.tally.shown)
    office.forget()
    assert is_unknown(returned(office, "read_note", RETOLD).exchange.tally.shown)


def test_an_ordinary_tools_result_stays_the_runs_own() -> None:
    office = Office(settings_for(None, "contain"))
    assert returned(office, "get_weather", RETOLD).exchange.tally.shown == BOTTOM


def test_what_the_web_gave_back_keeps_its_host() -> None:
    office = Office(settings_for(None, "contain"))
    found = returned(office, "web_fetch", RETOLD).exchange.tally.shown
    assert (found.depth, found.live) == (0, {"ext:web"})


def test_known_words_are_known_all_the_same() -> None:
    office = Office(settings_for(None, "contain"))
    office.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    assert returned(office, "read_note", NOTE).exchange.tally.shown.depth == 1


@pytest.mark.parametrize("policy", ["", HOLD], ids=["attenuate", "hold"])
def test_a_summary_of_a_split_result_is_as_unknown_as_its_rest(tmp_path: Path, policy: str) -> None:
    """What is not matched of a result was read, too, before the program wrote the next turn."""
    office = Office(settings_for(tmp_path, "contain", policy))
    office.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    claim = {"id": "call_9", "type": "function",
             "function": {"name": "search_notes", "arguments": "{}"}}  # fmt: skip
    turns = [
        {"role": "assistant", "content": None, "tool_calls": [claim]},
        {"role": "tool", "tool_call_id": "call_9", "content": f"{NOTE}\n{RETOLD}\n{RETOLD}"},
        {"role": "user", "content": "In short: it is lit each evening."},
    ]
    found = office.call(WHO, turns)
    assert is_unknown(found.exchange.judged.run_label)
    assert is_unknown(found.exchange.tally.shown)


def test_a_refused_call_leaves_in_its_run_what_was_handed_down() -> None:
    office = Office(settings_for(None, "contain"))
    office.write(Binding("w", "press"), "save_note", key="k", text=NOTE)
    office.read(WHO, NOTE, "read_note", key="k")
    grandchild = Binding("g", "dock", parent=Binding("c", "ops", parent=WHO))
    body = {"model": "m", "input": "Go on.", "previous_response_id": "resp_of_nobody"}
    refused = office.call(grandchild, [], path="/v1/responses", body=json.dumps(body).encode())
    assert refused.code == "firedoor_foreign_state"
    later = office.call(Binding("other", "dock"), [{"role": "user", "content": "And now?"}])
    assert later.exchange.tally.shown.live >= {"press", "lab", "ops"}

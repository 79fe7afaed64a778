"""A batch of messages is many requests, and nothing in any of them goes unseen."""

import json
from typing import Any

from driving import Office, part, settings_for
from firedoor.types.exchange import Binding
from firedoor.types.part import Kind
from firedoor.wire import route, wire_for

ENDPOINT = route("POST", "/v1/messages/batches")
NOTE = "The harbour office moves to the north pier on the first of May."
TOOL = {"name": "read_note", "description": "Reads.", "input_schema": {"type": "object"}}


def batch(*params: dict[str, Any]) -> dict[str, Any]:
    return {"requests": [{"custom_id": f"r{i}", "params": p} for i, p in enumerate(params)]}


def ask(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": text}], **more}


def test_each_request_is_read_as_a_call() -> None:
    wire = wire_for(ENDPOINT)
    document = batch(ask("One."), ask("Two.", system="Be brief.", tools=[TOOL], stop="x"))
    sections = wire.sections(document)
    reading = wire.read_field("requests", sections.fields["requests"])
    found = {p.pointer: p for p in reading.parts}
    assert found["/requests/0/params/messages/0/content"].text == "One."
    assert found["/requests/1/params/system"].text == "Be brief."
    assert found["/requests/1/params/tools/0/description"].kind is Kind.DEFINITION
    assert not found["/requests/1/params/tools/0/description"].editable
    assert reading.unknown == ("/requests/1/params/stop",)
    assert wire.read_field("brand_new", "x").unknown == ("/brand_new",)
    assert wire.read_field("requests", ["x"]).unknown == ("/requests/0",)


def test_what_is_too_deep_is_withheld_in_a_batch_too() -> None:
    office = Office(settings_for(None, "contain"))
    a, b, c = (Binding(n, n) for n in "abc")
    office.write(a, "save_note", key="k", text=NOTE)
    read = office.read(b, NOTE, "read_note", key="k")
    assert read.status == 200
    office.write(b, "save_note", key="k", text=NOTE)

    body = json.dumps(batch(ask("Clean."), ask(NOTE))).encode()
    out = office.call(
        c, [], path="/v1/messages/batches", body=body, headers=((b"anthropic-version", b"1"),)
    )
    told = office.explain(out)
    withheld = part(told, "/requests/1/params/messages/0/content")
    assert (withheld["verdict"], withheld["author"]) == ("quarantine", "a")
    assert [r["params"]["messages"][0]["content"] for r in out.request["requests"]] == [
        "Clean.", "[withheld]",
    ]  # fmt: skip


def test_a_tool_call_belongs_to_its_own_request() -> None:
    """An id that two requests of a batch use names two calls: what came of one says nothing of the other."""

    def turns(tool: str) -> dict[str, Any]:
        use = {"type": "tool_use", "id": "t1", "name": tool, "input": {"url": "https://a.example"}}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": "Found."}
        return {
            "model": "m",
            "messages": [
                {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]},
            ],
        }  # fmt: skip

    document = batch(turns("read_note"), turns("web_fetch"))
    reading = wire_for(ENDPOINT).read_field("requests", document["requests"])
    names = {claim.id: claim.name for claim in reading.calls}
    results = [p for p in reading.parts if p.text == "Found."]
    assert [names[p.call] for p in results if p.call] == ["read_note", "web_fetch"]

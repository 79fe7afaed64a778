"""Gemini: both spellings are read, both forms of a stream give the same pieces, calls go whole."""

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.testing import Call, Reply
from firedoor.testing.shapes import generated, generated_array, generated_events
from firedoor.types.exchange import Surface
from firedoor.types.part import Answer, Channel, Kind, OutputKind, OutputPart, Part, Role, ToolCall
from firedoor.wire import edit, route, surface_wire, wire_for
from firedoor.wire.inventory import gemini_generate as inventory

WIRE = surface_wire(Surface.GEMINI_GENERATE)
REPLY = Reply(
    'Let me look at this first, and then at the rest. Ünïcode ["{ too.',
    (
        Call("read_file", {"path": "a]}.md"}),
        Call("spawn", {"name": 'b é "\\', "n": [1, {}]}, "c_2"),
    ),
)
FORMS = {
    "sse": "".join(e + "\r\n\r\n" for e in generated_events(REPLY, "m", 1)).encode(),
    "array": generated_array(REPLY, "m", 1).encode(),
}
BOTH = pytest.mark.parametrize("form", list(FORMS))


def read(
    chunks: Iterable[bytes], *, refuse: frozenset[str] = frozenset(), hold: bool = True
) -> tuple[bytes, list[str], Answer, bool]:
    """What leaves, what was said, the answer, and whether it was complete."""
    stream = WIRE.stream(hold)
    out, said = b"", []

    def run(pieces: Any) -> None:
        nonlocal out
        for piece in pieces:
            if isinstance(piece.done, ToolCall):
                stream.decide("Refused." if piece.done.name in refuse else None)
                said.append(f"call {piece.done.name} {piece.done.arguments}")
            elif isinstance(piece.done, OutputPart):
                said.append(f"{piece.done.kind} {piece.done.text}")
            out += piece.raw

    for chunk in chunks:
        run(stream.feed(chunk))
    run(stream.end())
    return out, said, stream.answer(), stream.complete


def values(form: str, out: bytes) -> list[dict[str, Any]]:
    """The response objects that a client reads from what left."""
    if form == "array":
        found: list[dict[str, Any]] = json.loads(out)
        return found
    return [json.loads(row[6:]) for row in out.decode().splitlines() if row.startswith("data: ")]


def parts_sent(form: str, out: bytes) -> list[dict[str, Any]]:
    return [
        part
        for value in values(form, out)
        for candidate in value.get("candidates", [])
        for part in candidate["content"]["parts"]
    ]


# -- streams ---------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("hold", [True, False])
def test_what_is_allowed_leaves_byte_for_byte(form: str, hold: bool) -> None:
    out, said, answer, complete = read([FORMS[form]], hold=hold)
    assert out == FORMS[form]
    assert complete
    assert said == [
        f"text {REPLY.text}",
        'call read_file {"path":"a]}.md"}',
        'call spawn {"name":"b é \\"\\\\","n":[1,{}]}',
    ]
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (10, 26)
    assert (answer.id, answer.model, answer.finish) == ("resp-1", "m", ("STOP",))


@BOTH
@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_any_split_gives_the_same_pieces(form: str, data: st.DataObject) -> None:
    body = FORMS[form]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    chunks = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    refuse = frozenset(data.draw(st.sets(st.sampled_from(["read_file", "spawn"]))))
    assert read(chunks, refuse=refuse) == read([body], refuse=refuse)


@BOTH
def test_one_byte_at_a_time_is_the_same(form: str) -> None:
    body = FORMS[form]
    assert read([bytes([b]) for b in body]) == read([body])
    with_bom = b"\xef\xbb\xbf" + FORMS["array"]
    assert read([bytes([b]) for b in with_bom])[0] == with_bom


@BOTH
@pytest.mark.parametrize("refused", [{"read_file"}, {"spawn"}, {"read_file", "spawn"}])
def test_a_refused_call_is_nowhere_in_the_stream(form: str, refused: set[str]) -> None:
    out, _, answer, complete = read([FORMS[form]], refuse=frozenset(refused))
    assert complete
    sent = parts_sent(form, out)
    assert [p["functionCall"]["name"] for p in sent if "functionCall" in p] == [
        n for n in ("read_file", "spawn") if n not in refused
    ]
    assert [p for p in sent if p == {"text": "Refused."}] == [{"text": "Refused."}] * len(refused)
    assert all(p for p in sent)
    assert values(form, out)[-1]["candidates"][0]["finishReason"] == "STOP"
    assert read([out])[2].turns == answer.turns


def test_half_a_call_never_leaves() -> None:
    for form, body in FORMS.items():
        cut = body.index(b"read_file") + 12
        out, said, _, complete = read([body[:cut]])
        assert b"read_file" not in out, form
        assert not complete
        assert not [s for s in said if s.startswith("call")]


@BOTH
def test_a_stop_is_an_error_of_the_surface_and_ends_the_stream(form: str) -> None:
    stream = WIRE.stream(True)
    head = FORMS[form][: FORMS[form].index(b"read_file")]
    out = b"".join(p.raw for p in stream.feed(head))
    out += b"".join(p.raw for p in stream.end())
    out += stream.stop("firedoor_denied", "No.", "c_1")
    last = values(form, out)[-1]
    assert next(iter(last)) == "error"
    assert (last["error"]["code"], last["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert last["error"]["details"][0]["reason"] == "firedoor_denied"
    first = WIRE.stream(True)
    assert "error" in values("sse", first.stop("firedoor_unavailable", "No.", "c_1"))[0]


def test_text_passes_before_the_next_event_comes() -> None:
    stream = WIRE.stream(True)
    events = [e + "\r\n\r\n" for e in generated_events(REPLY, "m", 1)]
    for event in events[:3]:
        assert b"".join(p.raw for p in stream.feed(event.encode())) == event.encode()


def test_an_event_that_cannot_be_read_does_not_leave() -> None:
    bad = b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"x"]}\n\n'
    out, said, _, complete = read([bad + FORMS["sse"]])
    assert out == FORMS["sse"]
    assert not complete
    assert read([bad], hold=False)[0] == bad
    assert len(said) == 3


def test_a_call_that_only_a_lenient_client_reads_is_judged() -> None:
    """Half a surrogate pair: strict parsers refuse it, the client's takes it."""
    odd = b'data: {"candidates":[{"content":{"parts":[{"functionCall":{"name":"x\\ud800"}}]}}]}\n\n'
    out, said, _, _ = read([odd + FORMS["sse"]], refuse=frozenset({"x\ufffd"}))
    assert said[0] == "call x\ufffd {}"
    assert b"functionCall" not in out.partition(b"\n\n")[0]


def test_lines_that_only_googles_client_reads_are_judged() -> None:
    chunk = json.dumps(generated(Reply("", (Call("spawn"),)), "m", 1), indent=1).encode()
    out, said, _, _ = read([chunk + b"\n\n"], refuse=frozenset({"spawn"}))
    assert said[0] == "call spawn {}"
    assert b"functionCall" not in out
    assert b"Refused." in out
    mixed = b"data: {}\n" + chunk.replace(b"\n", b"") + b"\n\n"
    assert b"spawn" not in read([mixed])[0]


def test_arguments_that_come_in_pieces_are_judged_whole() -> None:
    def event(call: dict[str, Any], **more: Any) -> bytes:
        parts = {"content": {"parts": [{"functionCall": call}]}} | more
        return f"data: {json.dumps({'candidates': [parts]})}\n\n".encode()

    piece = {"jsonPath": "$.text", "stringValue": "one "}
    body = event({"name": "save_note", "willContinue": True})
    body += event({"partialArgs": [piece], "willContinue": True})
    body += event({"partialArgs": [piece | {"stringValue": "two"}]}, finishReason="STOP")
    out, said, answer, complete = read([body])
    assert (out, complete) == (body, True)
    assert said == ['call save_note {"text":"one two"}']
    cut, said, _, complete = read([body[:-60]])
    assert (cut, said, complete) == (b"", [], False)
    out, _, answer, _ = read([body], refuse=frozenset({"save_note"}))
    assert b"functionCall" not in out
    assert [p.text for p in answer.output if isinstance(p, OutputPart)] == ["Refused."]


def test_an_early_end_is_not_a_finished_answer() -> None:
    events = [e + "\n\n" for e in generated_events(Reply("a b c d e f g h"), "m", 1)]
    for n in range(len(events)):
        _, _, _, complete = read(["".join(events[:n]).encode()])
        assert not complete, n
    blocked = b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n'
    assert read([blocked])[::3] == (blocked, True)


def test_a_finish_reason_in_every_event_cuts_nothing_off() -> None:
    events = list(generated_events(REPLY, "m", 1))
    marked = [e.replace('"index":0', '"index":0,"finishReason":"STOP"') for e in events]
    body = "".join(e + "\n\n" for e in marked).encode()
    assert read([body])[0] == body


# -- whole answers ---------------------------------------------------------------------------------


def test_whole_answers_are_edited_like_streamed_ones() -> None:
    body = json.dumps(generated(REPLY, "m", 1)).encode()
    before = WIRE.read_answer(body)
    pointers = [p.pointer for p in before.output if isinstance(p, ToolCall)]
    assert pointers == ["/candidates/0/content/parts/1", "/candidates/0/content/parts/2"]
    after = WIRE.read_answer(WIRE.edit_answer(body, dict.fromkeys(pointers, "Refused.")))
    assert not [p for p in after.output if isinstance(p, ToolCall)]
    streamed = read([FORMS["sse"]], refuse=frozenset({"read_file", "spawn"}))[2]
    assert after.turns[0] == streamed.turns[0]
    assert after.finish == streamed.finish


def test_the_turn_that_comes_back_is_the_answers() -> None:
    """Whether a client joins the events of a stream or keeps each as a turn."""
    answer = read([FORMS["sse"]])[2]
    sent = list(parts_sent("sse", FORMS["sse"]))
    joined = WIRE.read_turn("/contents/1", {"role": "model", "parts": sent})
    assert joined.turn == answer.turns[0][0]
    apart = [WIRE.read_turn("/contents/1", {"role": "model", "parts": [p]}).turn for p in sent]
    assert tuple(apart) == answer.turns[1]
    whole = WIRE.read_answer(json.dumps(generated(REPLY, "m", 1)).encode())
    assert whole.turns[0] == answer.turns[0]


def test_everything_that_an_answer_says_is_read() -> None:
    parts = [
        {"text": "I think.", "thought": True, "thoughtSignature": "c2ln"},
        {"executableCode": {"code": "print(1)", "language": "PYTHON"}},
        {"codeExecutionResult": {"output": "1", "outcome": "OUTCOME_OK"}},
        {"inlineData": {"data": "aGk=", "mimeType": "image/png"}},
        {"toolCall": {"args": {"query": "harbour"}}},
        {"toolResponse": {"response": {"found": "pier"}}},
        {"fileData": {"fileUri": "https://x/v1beta/files/made"}},
        "no object",
        {"functionCall": {"name": "go", "args": {}}},
    ]
    candidate = {
        "content": {"parts": parts},
        "groundingMetadata": {
            "webSearchQueries": ["where is it"],
            "groundingChunks": [{"web": {"title": "A page"}}],
        },
        "finishMessage": "Done.",
    }
    answer = WIRE.read_answer(json.dumps({"candidates": [candidate]}).encode())
    said = [(p.kind, p.text) for p in answer.output if isinstance(p, OutputPart)]
    assert said == [
        (OutputKind.TEXT, "where is it"), (OutputKind.HOSTED, "A page"), (OutputKind.TEXT, "Done."),
        (OutputKind.REASONING, "I think."), (OutputKind.OPAQUE, ""), (OutputKind.TEXT, "print(1)"),
        (OutputKind.HOSTED, "1"), (OutputKind.OPAQUE, ""), (OutputKind.TEXT, "harbour"),
        (OutputKind.HOSTED, "pier"), (OutputKind.OPAQUE, ""),
    ]  # fmt: skip
    assert answer.output[-1] == ToolCall("/candidates/0/content/parts/8", "", "go", "{}")
    assert [m.id for m in answer.minted] == ["https://x/v1beta/files/made"]
    alone = {"candidates": [{"content": {"parts": {"functionCall": {"name": "go"}}}}]}
    body = json.dumps(alone).encode()
    (call,) = WIRE.read_answer(body).output
    assert b"functionCall" not in WIRE.edit_answer(body, {call.pointer: "Refused."})


@pytest.mark.parametrize(
    "body", [b"[]", b"1", b"{", b'{"candidates":[{"content":{"parts":[{"fileData":"x"}]}},7]}']
)
def test_answers_of_no_shape_raise_nothing(body: bytes) -> None:
    WIRE.read_answer(body)
    WIRE.edit_answer(body, {"/candidates/0/content/parts/0": "x"})
    assert WIRE.read_answer(b'{"error":{"code":503,"status":"UNAVAILABLE"}}').error == "UNAVAILABLE"


# -- requests --------------------------------------------------------------------------------------

REQUEST: dict[str, Any] = {
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "contents": [
        {"role": "user", "parts": [
            {"text": "Look."},
            {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
            {"fileData": {"mimeType": "text/plain", "fileUri": "https://g.co/v1beta/files/abc"}},
        ]},
        {"role": "model", "parts": [
            {"text": "I look.", "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "f1", "name": "read_note", "args": {"key": "k"}}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "f1", "name": "read_note", "response": {"note": "A pier."}}}
        ]},
    ],
    "tools": [
        {"functionDeclarations": [
            {"name": "read_note", "description": "Reads.", "parametersJsonSchema": {"type": "object"}}
        ]},
        {"googleSearch": {"excludeDomains": ["a b.example"]}},
        {"fileSearch": {"fileSearchStoreNames": ["fileSearchStores/s1"]}},
    ],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["read_note"]}},
    "generationConfig": {"stopSequences": ["END NOW"], "responseSchema": {"type": "OBJECT",
                         "description": "The shape."}, "maxOutputTokens": 7, "candidateCount": 2},
    "safetySettings": [{"category": "HARM_CATEGORY_X", "threshold": "BLOCK_NONE"}],
    "cachedContent": "cachedContents/c1",
}  # fmt: skip


def snaked(value: Any, free: bool = False) -> Any:
    """The request in the other spelling; what is free stays as it is."""
    if isinstance(value, dict):
        return {
            k if free else inventory.snake(k): snaked(
                v, free or k in ("args", "response", "parametersJsonSchema", "responseSchema")
            )
            for k, v in value.items()
        }
    return [snaked(v, free) for v in value] if isinstance(value, list) else value


def parts_of(body: dict[str, Any]) -> tuple[list[Part], list[str]]:
    """Every part of a request, and what is unknown in it."""
    taken = WIRE.sections(body)
    readings = [WIRE.read_turn(f"/contents/{i}", t) for i, t in enumerate(taken.turns)]
    readings += [WIRE.read_field(name, value) for name, value in taken.fields.items()]
    return [p for r in readings for p in r.parts], [u for r in readings for u in r.unknown]


@pytest.mark.parametrize("body", [REQUEST, snaked(REQUEST)], ids=["camel", "snake"])
def test_both_spellings_are_read(body: dict[str, Any]) -> None:
    parts, unknown = parts_of(body)
    assert unknown == []
    by_text = {p.text: p for p in parts if p.text}
    assert by_text["Be brief."].role is Role.SYSTEM
    assert (by_text["Look."].role, by_text["I look."].role) == (Role.USER, Role.ASSISTANT)
    note = by_text["A pier."]
    assert (note.role, note.call, note.tool) == (Role.TOOL, "f1", "read_note")
    assert note.channel is Channel.TOOL
    assert by_text["k"].kind is Kind.CALL
    assert by_text["END NOW"].role is Role.USER
    assert by_text["The shape."].kind is Kind.DEFINITION
    assert by_text["Reads."].removable is not None
    assert by_text["Reads."].removable.endswith("/0")
    references = {p.resource: p.text for p in parts if p.kind is Kind.REFERENCE}
    assert references == {
        "file": "https://g.co/v1beta/files/abc", "cache": "cachedContents/c1",
        "file_search_store": "fileSearchStores/s1",
    }  # fmt: skip
    assert [p for p in parts if p.kind is Kind.OPAQUE]
    assert WIRE.params(body).output_tokens_max == 7
    assert WIRE.params(body).choices == 2


def test_one_object_stands_for_a_list_of_one() -> None:
    body = {
        "contents": {"parts": {"text": "Look here."}},
        "system_instruction": {"parts": {"text": "Be brief."}},
        "tools": {"function_declarations": {"name": "go", "description": "Goes."}},
    }
    parts, unknown = parts_of(body)
    assert unknown == []
    found = {p.pointer: p.text for p in parts}
    assert found["/contents/parts/text"] == "Look here."
    assert found["/system_instruction/parts/text"] == "Be brief."
    assert found["/tools/function_declarations/description"] == "Goes."


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("https://www.youtube.com/watch?v=1", Kind.TEXT),
        ("https://example.com:8443/a.pdf", Kind.TEXT),
        ("https://generativelanguage.googleapis.com/v1beta/files/a", Kind.REFERENCE),
        ("HTTPS://generativelanguage.GOOGLEAPIS.com/v1beta/%66iles/a", Kind.REFERENCE),
        ("https://example.com@generativelanguage.googleapis.com/v1beta/f", Kind.REFERENCE),
        ("http://127.0.0.1:8000/v1beta/files/a", Kind.REFERENCE),
        ("files/a", Kind.REFERENCE),
        ("gs://bucket/a", Kind.REFERENCE),
    ],
)
def test_a_file_at_the_provider_is_somebodys(address: str, kind: Kind) -> None:
    turn = {"parts": [{"fileData": {"fileUri": address}}]}
    (part,) = WIRE.read_turn("/contents/0", turn).parts
    assert part.kind is kind


@pytest.mark.parametrize(
    "body",
    [
        {"contents": [{"role": "system", "parts": [{"text": "x"}]}]},
        {"contents": [{"parts": [{"brandNew": "x"}]}]},
        {"contents": ["x"]},
        {"tools": [{"mcpServers": [{"name": "x"}]}]},
        {"tools": [{"retrieval": {}}]},
        {"brandNew": {"x": "y"}},
        {"generationConfig": {"brandNew": "x"}},
        {"systemInstruction": "x"},
    ],
)
def test_what_no_table_names_is_unknown(body: dict[str, Any]) -> None:
    parts, unknown = parts_of(body)
    assert unknown
    assert [p for p in parts if p.text in ("x", "y")] or "retrieval" in str(body)


def test_what_is_null_is_not_there() -> None:
    body = {"contents": None, "systemInstruction": None, "tools": None, "brandNew": None}
    assert parts_of(body) == ([], [])


def test_a_function_that_goes_takes_along_what_named_it() -> None:
    two = [{"name": "a", "description": "A."}, {"name": "b", "description": "B."}]
    calling = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}}
    fields = {
        "tools": [{"functionDeclarations": two}, {"codeExecution": {}}],
        "toolConfig": calling,
    }

    def after(body: dict[str, Any], *gone: str) -> dict[str, Any]:
        edits = [edit_of(p) for p in gone] + WIRE.goes_along(body, gone)
        found: dict[str, Any] = json.loads(edit(json.dumps(body).encode(), edits))
        return found

    at = "/tools/0/functionDeclarations/"
    kept = after(fields, at + "0")
    assert kept["tools"][0]["functionDeclarations"] == two[1:]
    assert kept["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"] == ["b"]
    assert after(fields, at + "0", at + "1") == {"tools": [{"codeExecution": {}}], "toolConfig": {}}
    alone = {"tools": [{"function_declarations": two[:1]}], "tool_config": calling, "model": "m"}
    assert after(alone, "/tools/0/function_declarations/0") == {"model": "m"}
    assert after(fields, "/tools/1") == fields | {"tools": fields["tools"][:1]}  # type: ignore[index]
    assert WIRE.goes_along(fields, ["/contents/0"]) == []


def edit_of(pointer: str) -> Any:
    from firedoor.wire import Edit

    return Edit(pointer, None)


def test_counting_and_embedding_ask_in_the_same_words() -> None:
    count = surface_wire(Surface.GEMINI_COUNT)
    request = {"contents": [{"parts": [{"text": "Count."}]}], "systemInstruction": {"parts": []}}
    reading = count.read_field("generateContentRequest", request)
    assert [p.text for p in reading.parts] == ["Count."]
    assert reading.unknown == ()
    embed = surface_wire(Surface.GEMINI_EMBED)
    one = {"model": "models/e", "content": {"parts": [{"text": "Embed."}]}, "taskType": "X"}
    assert (
        embed.read_field("requests", [one]).parts[1].pointer == "/requests/0/content/parts/0/text"
    )
    assert embed.read_field("requests", [one | {"odd": "x"}]).unknown == ("/requests/0/odd",)
    assert embed.read_field("requests", ["x"]).unknown == ("/requests/0",)
    assert count.read_answer(b'{"totalTokens": 3}').usage is not None


@pytest.mark.parametrize(
    ("method", "path", "query", "name", "ids"),
    [
        ("POST", "/v1beta/models/g-2.5:generateContent", "key=k", "models.generate_content",
         (("model", "g-2.5"),)),
        ("POST", "/v1/models/g:streamGenerateContent", "alt=sse", "models.generate_content_stream",
         (("model", "g"),)),
        ("GET", "/v1beta/files/abc", "", "files.get", (("file", "files/abc"),)),
        ("POST", "/upload/v1beta/files", "", "files.upload", ()),
        ("POST", "/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore", "",
         "file_search_stores.upload", (("name", "fileSearchStores/s"),)),
        ("DELETE", "/v1beta/fileSearchStores/s/documents/d", "", "file_search_stores.documents.delete",
         (("name", "fileSearchStores/s"), ("doc", "fileSearchStores/s/documents/d"))),
        ("GET", "/v1beta/interactions/v1_x", "", "interactions.get", (("interactions", "v1_x"),)),
        ("POST", "/v1beta/tunedModels/x:generateContent", "", "unknown", ()),
        ("POST", "/v1beta/models/g:generateContent", "access_token=x", "unknown", ()),
        ("POST", "/v1beta//models/g:generateContent", "", "unknown", ()),
    ],
)  # fmt: skip
def test_paths_name_endpoints_and_ids(
    method: str, path: str, query: str, name: str, ids: tuple[tuple[str, str], ...]
) -> None:
    found = route(method, path, query)
    assert (found.name, found.ids) == (name, ids)
    assert found.upstream == "gemini" or path.startswith("/v1/")
    streamed = name == "models.generate_content_stream"
    assert wire_for(found).params({}).stream is streamed

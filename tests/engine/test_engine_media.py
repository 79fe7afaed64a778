"""Bytes carry the exposure of whoever emitted them; what only looks like them is never milder."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from driving import Office, Outcome, part, settings_for
from firedoor.engine.events import UpstreamBytes, UpstreamEnd, UpstreamHead
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

PAINTER: Final = Binding("painter", "studio")
READER: Final = Binding("reader", "press")
THIRD: Final = Binding("third", "archive")
NOTE: Final = "The boathouse stands two feet under water since noon, as everybody knows."
PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def office_of(mode: str = "contain", policy: str = "", folder: Path | None = None) -> Office:
    return Office(settings_for(folder, mode, policy))


def scene(seed: int) -> Any:
    """A picture with edges everywhere."""
    image = pytest.importorskip("PIL.Image")
    state, greys = seed * 2654435761 % 2**32, bytearray()
    for _ in range(36 * 30):
        state = (state * 1664525 + 1013904223) % 2**32
        greys.append(state >> 24)
    return image.frombytes("L", (36, 30), bytes(greys)).convert("RGB").resize((360, 300), 1)


def coded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


class Maker(NamedTuple):
    """How an API gives a picture away."""

    path: str
    body: dict[str, Any]
    answer: Callable[[str], str]
    kind: bytes = b"application/json"


def _event(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value)}\n\n"


def _response(data: str) -> dict[str, Any]:
    item = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": data}
    return {
        "id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [item]
    }  # fmt: skip


def _streamed(data: str) -> str:
    whole = _response(data)
    return "".join(
        f"event: {e['type']}\n" + _event(e)
        for e in (
            {
                "type": "response.created",
                "response": {**whole, "output": [], "status": "in_progress"},
            },
            {
                "type": "response.output_item.added",
                "output_index": 0,
                "item": {"type": "image_generation_call", "id": "ig_1", "status": "in_progress"},
            },
            {"type": "response.output_item.done", "output_index": 0, "item": whole["output"][0]},
            {"type": "response.completed", "response": whole},
        )
    )


def _candidate(data: str) -> str:
    inline = {"inlineData": {"mimeType": "image/png", "data": data}}
    return json.dumps({"candidates": [{"content": {"role": "model", "parts": [inline]}}]})


MAKERS: Final = {
    "images": Maker(
        "/v1/images/generations",
        {"model": "gpt-image-1", "prompt": "A boathouse."},
        lambda data: json.dumps({"created": 1, "data": [{"b64_json": data}]}),
    ),
    "images, streamed": Maker(
        "/v1/images/generations",
        {"model": "gpt-image-1", "prompt": "A boathouse.", "stream": True},
        lambda data: _event({"type": "image_generation.completed", "b64_json": data}),
        b"text/event-stream",
    ),
    "responses": Maker(
        "/v1/responses", {"model": "m", "input": "Draw."}, lambda data: json.dumps(_response(data))
    ),
    "responses, streamed": Maker(
        "/v1/responses",
        {"model": "m", "input": "Draw.", "stream": True},
        _streamed,
        b"text/event-stream",
    ),
    "gemini": Maker(
        "/v1beta/models/m:generateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Draw."}]}]},
        _candidate,
    ),
    "gemini, streamed": Maker(
        "/v1beta/models/m:streamGenerateContent",
        {"contents": [{"role": "user", "parts": [{"text": "Draw."}]}]},
        lambda data: f"data: {_candidate(data)}\n\n",
        b"text/event-stream",
    ),
}


class Taker(NamedTuple):
    """How an API is shown a picture, and where it stands then."""

    path: str
    body: Callable[[str], dict[str, Any]]
    pointer: str


def _chat(data: str) -> dict[str, Any]:
    url = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    return {"model": "m", "messages": [{"role": "user", "content": [url]}]}


def _responses(data: str) -> dict[str, Any]:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{data}", "detail": "auto"}
    return {"model": "m", "input": [{"role": "user", "content": [image]}]}


def _messages(data: str) -> dict[str, Any]:
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "image", "source": source}]
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]}


def _contents(data: str) -> dict[str, Any]:
    inline = {"inlineData": {"mimeType": "image/png", "data": data}}
    return {"contents": [{"role": "user", "parts": [inline]}]}


TAKERS: Final = {
    "chat": Taker("/v1/chat/completions", _chat, "/messages/0/content/0/image_url/url"),
    "responses": Taker("/v1/responses", _responses, "/input/0/content/0/image_url"),
    "messages": Taker("/v1/messages", _messages, "/messages/0/content/0/source/data"),
    "gemini": Taker(
        "/v1beta/models/m:generateContent", _contents, "/contents/0/parts/0/inlineData/data"
    ),
}
EACH: Final = pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)


def paint(
    office: Office, data: bytes, who: Binding = PAINTER, maker: Maker = MAKERS["images"],
    body: dict[str, Any] | None = None,
) -> Outcome:  # fmt: skip
    """The instance has a picture made, and gets these bytes."""
    upstream = [
        UpstreamHead(200, ((b"content-type", maker.kind),), 1.7e9),
        UpstreamBytes(maker.answer(b64(data)).encode(), 1.7e9),
        UpstreamEnd(1.7e9),
    ]
    out = office.call(
        who, [], path=maker.path, body=json.dumps(body or maker.body).encode(), upstream=upstream
    )
    assert out.status == 200
    assert out.clean
    return out


def show(office: Office, taker: Taker, data: bytes, who: Binding = READER) -> Outcome:
    """The instance is shown these bytes."""
    return office.call(who, [], path=taker.path, body=json.dumps(taker.body(b64(data))).encode())


def found(office: Office, taker: Taker, outcome: Outcome) -> dict[str, Any]:
    return part(office.explain(outcome), taker.pointer)


@EACH
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_a_picture_carries_its_makers_label(maker: Maker, taker: Taker) -> None:
    office = office_of()
    paint(office, PIXEL, maker=maker)
    seen = found(office, taker, show(office, taker, PIXEL))
    assert (seen["evidence"], seen["crossing"], seen["generation"]) == ("matched", True, 1)
    assert (seen["author"], seen["author_compartment"]) == ("painter", "studio")
    assert seen.get("attributed", True)
    exposed = office.explain(show(office, taker, PIXEL))["exposures"]
    assert [e["compartment"] for e in exposed if e["author"]] == ["studio"]


@EACH
def test_in_its_own_run_it_is_its_own(taker: Taker) -> None:
    office = office_of()
    paint(office, PIXEL)
    seen = found(office, taker, show(office, taker, PIXEL, PAINTER))
    assert (seen["evidence"], seen["crossing"], seen["author"]) == ("matched", False, "painter")


@EACH
def test_unknown_bytes_take_the_runs_label(taker: Taker) -> None:
    """As before: nothing proves where they come from."""
    office = office_of()
    office.write(Binding("writer", "mint"), "save_note", key="k", text=NOTE)
    office.read(READER, NOTE, "read_note", key="k")
    seen = found(office, taker, show(office, taker, PIXEL))
    assert (seen["attributed"], seen["generation"], seen["crossing"]) == (False, 1, False)


@EACH
def test_what_is_two_rooms_deep_waits_outside(taker: Taker) -> None:
    """The picture of one that was shown foreign text carries that text's depth on."""
    office = office_of()
    office.write(Binding("writer", "mint"), "save_note", key="k", text=NOTE)
    body = {"model": "gpt-image-1", "prompt": NOTE}
    paint(office, PIXEL, body=body)
    seen = show(office, taker, PIXEL)
    if taker.pointer.endswith("url"):
        # A text of its own: it can be left out.
        assert b64(PIXEL).encode() not in (seen.sent or b"")
        assert found(office, taker, seen)["generation"] == 2
    else:
        assert (seen.status, seen.code) == (403, "firedoor_denied")
        assert seen.answer["error"]["param"] == taker.pointer


@EACH
@pytest.mark.parametrize("how", ["JPEG", "WEBP", "smaller"])
def test_a_picture_in_another_coding_is_known_by_its_look(taker: Taker, how: str) -> None:
    office = office_of()
    first = scene(1)
    paint(office, coded(first))
    other = coded(first.resize((200, 170))) if how == "smaller" else coded(first, how, quality=70)
    seen = found(office, taker, show(office, taker, other))
    assert (seen["evidence"], seen["crossing"], seen["generation"]) == ("matched", True, 1)
    assert (seen["author"], seen["attributed"]) == ("painter", False)
    unknown = found(office, taker, show(office, taker, coded(scene(2)), THIRD))
    assert unknown["evidence"] != "matched"


def test_a_look_is_never_milder_than_what_is_unknown() -> None:
    """Whoever paints a clean picture first must not wash what another room puts into it."""
    office = office_of()
    taker = TAKERS["messages"]
    first = scene(1)
    paint(office, coded(first), READER)
    office.write(Binding("writer", "mint"), "save_note", key="k", text=NOTE)
    office.read(READER, NOTE, "read_note", key="k")
    other = found(office, taker, show(office, taker, coded(first, "JPEG", quality=60)))
    assert other["generation"] == 1
    assert found(office, taker, show(office, taker, coded(first)))["generation"] == 0


def test_the_store_holds_neither_the_picture_nor_its_look() -> None:
    office = office_of()
    picture = coded(scene(1))
    paint(office, picture)
    with office.store.snapshot() as db:
        bands = [bytes(band) for (band,) in db.execute("SELECT band FROM pictures")]
        kept = b"".join(bytes(body) for (body,) in db.execute("SELECT body FROM documents"))
    assert len(bands) >= 4
    assert {len(band) for band in bands} == {16}
    assert b64(picture).encode() not in kept


def test_other_bytes_are_known_exactly() -> None:
    """A sound that a model said, and a file: no look, but the same bytes."""
    office = office_of()
    sound = b"RIFF" + bytes(range(200))
    message = {
        "role": "assistant",
        "content": None,
        "audio": {"id": "audio_1", "data": b64(sound), "expires_at": 1, "transcript": NOTE},
    }
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message}]}
    upstream = [
        UpstreamHead(200, ((b"content-type", b"application/json"),), 1.7e9),
        UpstreamBytes(json.dumps(body).encode(), 1.7e9),
        UpstreamEnd(1.7e9),
    ]
    office.call(PAINTER, [{"role": "user", "content": "Say it."}], upstream=upstream)
    heard = {"type": "input_audio", "input_audio": {"data": b64(sound), "format": "wav"}}
    seen = office.explain(office.call(READER, [{"role": "user", "content": [heard]}]))
    assert part(seen, "/messages/0/content/0/input_audio/data")["author"] == "painter"


def test_a_picture_from_a_tool_is_looked_up_too() -> None:
    office = office_of()
    paint(office, PIXEL)
    call = Reply("", (Call("take_screenshot", {"screen": "1"}, id="t1"),))
    ask = {"role": "user", "content": "Look at the screen."}
    office.call(READER, [ask], call)
    claim = {"name": "take_screenshot", "arguments": '{"screen": "1"}'}
    url = f"data:image/png;base64,{b64(PIXEL)}"
    turns = [
        ask,
        {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function", "function": claim}]},
        {"role": "tool", "tool_call_id": "t1", "content": url},
    ]
    seen = part(office.explain(office.call(READER, turns)), "/messages/2/content")
    assert (seen["author"], seen["crossing"]) == ("painter", True)


def test_a_file_of_a_form_is_known_by_its_bytes() -> None:
    office = office_of()
    paint(office, PIXEL)
    field = b'--f\r\nContent-Disposition: form-data; name="'
    form = (
        field + b'prompt"\r\n\r\nMake it night.\r\n'
        + field + b'image"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
        + PIXEL + b"\r\n--f--\r\n"
    )  # fmt: skip
    kind = ((b"content-type", b"multipart/form-data; boundary=f"),)
    seen = office.explain(office.call(READER, [], path="/v1/images/edits", body=form, headers=kind))
    assert [p["author"] for p in seen["parts"] if p.get("kind") == "opaque"] == ["painter"]


def test_a_picture_by_its_address_stays_unknown() -> None:
    office = office_of()
    paint(office, PIXEL)
    url = {"type": "image_url", "image_url": {"url": "https://example.org/boathouse.png"}}
    seen = office.explain(office.call(READER, [{"role": "user", "content": [url]}]))
    assert part(seen, "/messages/0/content/0/image_url/url")["evidence"] != "matched"


def test_a_rule_may_ask_whose_picture_it_is(tmp_path: Path) -> None:
    policy = "rules: [{id: p, match: {kind: opaque, author: painter}, action: deny}]\n"
    office = office_of("contain", policy, tmp_path)
    taker = TAKERS["messages"]
    paint(office, PIXEL)
    assert show(office, taker, PIXEL).code == "firedoor_denied"
    assert show(office, taker, PIXEL + b"\0").status == 200

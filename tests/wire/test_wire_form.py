"""Forms: one grammar, the same for any split of the bytes, and nothing else passes."""

import hashlib
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firedoor.types.part import Kind, Reading
from firedoor.wire import Limits, Malformed
from firedoor.wire.form import Form, FormReader, StretchesFull, boundary_of
from firedoor.wire.form.files import LINE_BYTES_MAX
from firedoor.wire.inventory.bodies import BODIES

B = b"frontier"
FILES = BODIES["openai:files.create"].fields
EDIT = BODIES["openai:images.edit"].fields


def part(name: bytes, value: bytes, filename: bytes | None = None, extra: bytes = b"") -> bytes:
    head = b'Content-Disposition: form-data; name="' + name + b'"'
    if filename is not None:
        head += b'; filename="' + filename + b'"'
    return b"--" + B + b"\r\n" + head + b"\r\n" + extra + b"\r\n" + value + b"\r\n"


END = b"--" + B + b"--\r\n"
GOOD = part(b"purpose", b"batch") + part(b"file", b"some bytes", b"a.bin") + END


def read(
    body: bytes, shape: Any = FILES, cuts: tuple[int, ...] = (), room: int = 10**9
) -> tuple[Form, list[Reading]]:
    """The form that ``body`` is, fed in pieces, and the stretches of its files."""
    found: list[Reading] = []

    def sink(file: str, reading: Reading) -> None:
        if len(found) >= room:
            raise StretchesFull
        found.append(reading)

    reader = FormReader(B, shape, sink, Limits())
    at = 0
    for cut in (*sorted(c % (len(body) + 1) for c in cuts), len(body)):
        reader.feed(body[at:cut])
        at = cut
    return reader.end(), found


def pointers(readings: list[Reading]) -> dict[str, str]:
    return {p.pointer: p.text for r in readings for p in r.parts}


def test_fields_are_a_document_and_files_are_known_by_their_bytes() -> None:
    body = (
        part(b"purpose", b"assistants")
        + part(b"expires_after[anchor]", b"created_at")
        + part(b"expires_after[seconds]", b"3600")
        + part(b"file", b"\x00\x01two\r\n--front", b"a.bin", b"Content-Type: image/png\r\n")
        + END
    )
    form, found = read(body)
    assert form.fields == {
        "purpose": "assistants",
        "expires_after": {"anchor": "created_at", "seconds": "3600"},
    }
    (file,) = form.files
    content = b"\x00\x01two\r\n--front"
    assert (file.pointer, file.name, file.size_bytes) == ("/file", "a.bin", len(content))
    assert file.sha256 == hashlib.sha256(content).digest()
    assert (found, form.unknown) == ([], ())


def test_a_list_stands_as_often_as_it_likes() -> None:
    body = (
        part(b"image[]", b"1", b"a.png") + part(b"image[]", b"2", b"b.png")
        + part(b"prompt", b"Both of them.") + END
    )  # fmt: skip
    form, _ = read(body, EDIT)
    assert [f.pointer for f in form.files] == ["/image/0", "/image/1"]
    assert form.fields == {"prompt": "Both of them."}


def test_what_sdks_write_is_read() -> None:
    request = httpx.Request(
        "POST", "http://x/", data={"purpose": "user_data"},
        files={"file": ('notes "of" May.txt', "Grüße.".encode(), "text/plain")},
    )  # fmt: skip
    boundary = boundary_of(request.headers["content-type"].encode())
    found: list[Reading] = []
    reader = FormReader(boundary, FILES, lambda file, reading: found.append(reading))
    reader.feed(request.read())
    form = reader.end()
    assert form.fields == {"purpose": "user_data"}
    assert form.files[0].name == 'notes "of" May.txt'
    assert pointers(found) == {"/file": "Grüße."}


BAD = {
    "nothing": b"",
    "no final boundary": GOOD.removesuffix(END),
    "half a final boundary": GOOD[:-3],
    "another boundary": GOOD.replace(B, b"elsewhere"),
    "a preamble": b"hello\r\n" + GOOD,
    "a line before": b"\r\n" + GOOD,
    "an epilogue": GOOD + b"more",
    "a second form": GOOD + GOOD,
    "bare line feeds": GOOD.replace(b"\r\n", b"\n"),
    "padding after a boundary": GOOD.replace(b"--frontier\r\n", b"--frontier \r\n", 1),
    "something after a boundary": part(b"file", b"x\r\n--frontierX\r\ny", b"a") + END,
    "a folded header": part(b"file", b"x", b"a", b"X: y\r\n z: 1\r\n") + END,
    "an unknown header": part(b"file", b"x", b"a", b"X-Name: file\r\n") + END,
    "two dispositions": part(b"file", b"x", b"a", b'Content-Disposition: form-data; name="f"\r\n')
    + END,
    "two types": part(b"file", b"x", b"a", b"Content-Type: a/b\r\ncontent-type: c/d\r\n") + END,
    "a nested form": part(
        b"file", b"x", b"a", b"Content-Type: multipart/mixed; boundary=in\r\n"
    )
    + END,
    "another charset": part(b"purpose", b"x", None, b"Content-Type: text/plain; charset=utf-7\r\n")
    + END,
    "another coding": part(b"purpose", b"eA==", None, b"Content-Transfer-Encoding: base64\r\n")
    + END,
    "a part that says it is longer": part(b"file", b"x", b"a", b"Content-Length: 9\r\n") + END,
    "a part that says it is shorter": part(b"file", b"xyz", b"a", b"Content-Length: 2\r\n") + END,
    "an extended name": GOOD.replace(b'filename="a.bin"', b"filename*=UTF-8''b.bin"),
    "two file names": GOOD.replace(b'filename="a.bin"', b'filename="a"; filename="b"'),
    "an escape in a name": GOOD.replace(b"a.bin", b"a\\.bin"),
    "a name without quotes": GOOD.replace(b'name="purpose"', b"name=purpose"),
    "no name": GOOD.replace(b'; name="purpose"', b""),
    "no disposition": GOOD.replace(b"Content-Disposition", b"Content-Type"),
    "an attachment": GOOD.replace(b"form-data", b"attachment"),
    "a field twice": part(b"purpose", b"batch") + part(b"purpose", b"vision") + END,
    "a file twice": part(b"file", b"1", b"a") + part(b"file", b"2", b"b") + END,
    "a file twice, once as a list": part(b"file", b"1", b"a") + part(b"file[]", b"2", b"b") + END,
    "a field and its member": part(b"expires_after", b"x")
    + part(b"expires_after[anchor]", b"y") + END,
    "a member twice": part(b"expires_after[anchor]", b"x") * 2 + END,
    "a name that is no path": part(b"purpose]", b"x") + END,
    "a list inside a path": part(b"expires_after[][anchor]", b"x") + END,
    "a field that is no UTF-8": part(b"purpose", b"\xff") + END,
    "a thousand parts and more": part(b"a[]", b"1") * 1_001 + END,
    "a head without end": b"--frontier\r\n" + b"Content-Type: x/" + b"y" * 9_000,
    "no part at all": b"--frontier--\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", list(BAD))
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_a_form_that_can_be_read_in_two_ways_is_none(name: str, step: int) -> None:
    body = BAD[name]
    with pytest.raises(Malformed) as refused:
        read(body, cuts=tuple(range(step, len(body), step)))
    assert refused.value.code == "firedoor_malformed"


def test_a_field_of_a_form_is_bounded() -> None:
    with pytest.raises(Malformed) as refused:
        read(part(b"purpose", b"x" * (1 << 20) + b"y") + END)
    assert (refused.value.code, refused.value.pointer) == ("firedoor_too_large", "/purpose")


@given(st.lists(st.integers(0, 4_000), max_size=12))
def test_any_split_of_the_bytes_gives_the_same(cuts: list[int]) -> None:
    lines = b'{"messages":[{"role":"user","content":"Gr\xc3\xbc\xc3\x9fe."}]}\r\n\n{"a":["b"]}'
    body = part(b"purpose", b"evals") + part(b"file", lines, b"x.jsonl") + END
    assert read(body, cuts=tuple(cuts)) == read(body)


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/form-data", b"multipart/form-data; boundary=", b"multipart/mixed; boundary=x",
        b"multipart/form-data; boundary=x; boundary=y", b"multipart/form-data; boundary=x; a=b",
        b'multipart/form-data; boundary="x', b"multipart/form-data; boundary=" + b"x" * 71,
        b'multipart/form-data; boundary="x "', b"multipart/form-data; boundary=x & text/plain",
        b"multipart/form-data; boundary=a\r\nb",
    ],
)  # fmt: skip
def test_a_content_type_names_one_boundary(kind: bytes) -> None:
    with pytest.raises(Malformed):
        boundary_of(kind)


# -- what stands in files --------------------------------------------------------------------------


def form_of(content: bytes, name: bytes) -> bytes:
    return part(b"file", content, name) + END


def test_a_text_is_one_part_and_json_is_walked() -> None:
    _, found = read(form_of(b"One.\nTwo.", b"a.md"))
    assert pointers(found) == {"/file": "One.\nTwo."}
    _, found = read(form_of(b'{"a": {"b": ["c"]}}', b"a.json"))
    assert pointers(found) == {"/file/a/b/0": "c"}
    _, found = read(form_of(b"not json", b"a.json"))
    assert pointers(found) == {"/file": "not json"}
    assert not any(p.editable for r in found for p in r.parts)


def test_a_text_in_no_coding_is_opaque() -> None:
    _, found = read(form_of(b"\xff\xfe\x00", b"a.txt"))
    assert [p.kind for r in found for p in r.parts] == [Kind.OPAQUE]


def test_a_line_of_a_batch_is_a_request_of_its_own() -> None:
    bodies = {
        "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "Hi."}]},
        "/v1/responses": {"model": "m", "input": "Hi.", "previous_response_id": "resp_1"},
        "/v1/embeddings": {"model": "m", "input": ["Hi."]},
    }
    lines = b"\n".join(
        json.dumps({"custom_id": "1", "method": "POST", "url": url, "body": body}).encode()
        for url, body in bodies.items()
    )
    form, found = read(form_of(lines, b"a.jsonl"))
    texts = pointers(found)
    assert texts["/file/0/body/messages/0/content"] == "Hi."
    assert texts["/file/1/body/input"] == texts["/file/2/body/input/0"] == "Hi."
    kinds = {p.pointer: p.kind for r in found for p in r.parts}
    assert kinds["/file/1/body/previous_response_id"] is Kind.REFERENCE
    assert form.files[0].lines == 3
    assert [r.unknown for r in found] == [(), (), ()]


def test_what_a_line_of_a_batch_asks_must_be_known() -> None:
    line: dict[str, Any] = {"custom_id": "1", "method": "POST", "url": "/v1/embeddings"}
    ask = json.dumps(line | {"body": {"input": "x", "brand_new": 1}}).encode()
    _, found = read(form_of(ask, b"a.jsonl"))
    assert found[0].unknown == ("/file/0/body/brand_new",)
    _, found = read(form_of(json.dumps(line | {"url": "/x", "body": {}}).encode(), b"a.jsonl"))
    assert found[0].unknown == ("/file/0/url",)
    with pytest.raises(Malformed) as refused:
        read(form_of(json.dumps(line | {"body": "no object"}).encode(), b"a.jsonl"))
    assert refused.value.pointer == "/file/0/body"


def test_a_line_of_fine_tuning_is_a_chat() -> None:
    line = {"messages": [{"role": "assistant", "content": "Said."}], "weight": {"note": "Why."}}
    _, found = read(form_of(json.dumps(line).encode(), b"a.jsonl"))
    texts = pointers(found)
    assert texts["/file/0/messages/0/content"] == "Said."
    assert texts["/file/0/weight/note"] == "Why."


@pytest.mark.parametrize(
    "line", [b"{", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"NaN", b"[" * 80 + b"]" * 80]
)
def test_a_line_that_is_no_json_is_refused_and_named(line: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        read(form_of(b"{}\n\n" + line + b"\n{}", b"a.jsonl"))
    assert (refused.value.code, refused.value.pointer) == ("firedoor_malformed", "/file/1")


def test_a_line_of_20_mb_is_refused_and_named() -> None:
    body = form_of(b'{}\n{"a":"' + b"x" * 20_000_000 + b'"}\n', b"a.jsonl")
    assert LINE_BYTES_MAX < 20_000_000
    with pytest.raises(Malformed) as refused:
        read(body, cuts=tuple(range(0, len(body), 65_536)))
    assert (refused.value.code, refused.value.pointer) == ("firedoor_too_large", "/file/1")


def test_what_nobody_takes_is_said_to_be_unread() -> None:
    form, found = read(form_of(b'{"a":"b"}\n' * 9, b"a.jsonl"), room=3)
    assert len(found) == 3
    assert form.files[0].whole is False
    form, _ = read(form_of(b"x" * (9 << 20), b"a.txt"))
    assert form.files[0].whole is False

"""Edits touch the inner text of one part; every other byte stays."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from firedoor.wire import Edit, edit, parse, replace_spans
from firedoor.wire.shape import escape

JSON = st.recursive(
    st.text(max_size=8) | st.integers(-9, 9) | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def strings(value: object, at: str = "") -> list[tuple[str, str]]:
    """(pointer, text) of every string value."""
    if isinstance(value, str):
        return [(at, value)]
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        for name, item in value.items():
            found += strings(item, f"{at}/{escape(name)}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            found += strings(item, f"{at}/{i}")
    return found


def put(value: object, tokens: list[str], text: str) -> object:
    """``value`` with the string at ``tokens`` replaced: the slow, plain way."""
    if not tokens:
        return text
    head, rest = tokens[0], tokens[1:]
    if isinstance(value, dict):
        return {k: put(v, rest, text) if k == head else v for k, v in value.items()}
    assert isinstance(value, list)
    return [put(v, rest, text) if str(i) == head else v for i, v in enumerate(value)]


@given(value=JSON, data=st.data(), ascii_=st.booleans(), indent=st.sampled_from([None, 1]))
@settings(max_examples=200, deadline=None)
def test_an_edit_is_what_the_plain_way_gives(
    value: object, data: st.DataObject, ascii_: bool, indent: int | None
) -> None:
    body = json.dumps(value, ensure_ascii=ascii_, indent=indent).encode("utf-8", "surrogatepass")
    try:
        body.decode()
    except UnicodeDecodeError:
        return
    found = strings(value)
    if not found:
        assert edit(body, [Edit("/nowhere", "x")]) == body
        return
    pointer, _ = data.draw(st.sampled_from(found))
    tokens = [t.replace("~1", "/").replace("~0", "~") for t in pointer.split("/")[1:]]
    edited = edit(body, [Edit(pointer, "[withheld]")])
    assert json.loads(edited) == put(value, tokens, "[withheld]")


def test_every_other_byte_stays() -> None:
    body = b'{ "a" : "x\\u00e9\\/", "b":[ "keep" ,"go"],\t"c":1.0e2 }'
    assert edit(body, [Edit("/b/1", "[withheld]")]) == body.replace(b'"go"', b'"[withheld]"')


def test_json_inside_strings_is_escaped_again_at_each_level() -> None:
    inner = json.dumps({"note": "x", "keep": 'a\\u00e9 "q"'})
    body = json.dumps({"content": json.dumps({"deep": inner})}).encode()
    edited = edit(body, [Edit("/content/deep/note", 'say "no"')])
    found = json.loads(json.loads(json.loads(edited)["content"])["deep"])
    assert found == {"note": 'say "no"', "keep": 'a\\u00e9 "q"'}


def test_escapes_beside_an_inner_edit_stay_as_they_were() -> None:
    body = b'{"c":"{\\"a\\":\\"go\\",\\u0022b\\u0022:\\"\\u00e9\\ud83d\\ude00\\"}"}'
    assert edit(body, [Edit("/c/a", "X")]) == body.replace(b"go", b"X")


def test_elements_go_with_their_commas() -> None:
    body = b'{"t": [1, {"a":2} , 3 ],"u":"x"}'
    gone = [Edit("/t/1", None)]
    assert json.loads(edit(body, gone)) == {"t": [1, 3], "u": "x"}
    assert json.loads(edit(body, [*gone, Edit("/t/0", None)])) == {"t": [3], "u": "x"}
    assert json.loads(edit(body, [*gone, Edit("/t/2", None)])) == {"t": [1], "u": "x"}
    everything = [Edit(f"/t/{i}", None) for i in range(3)]
    assert json.loads(edit(body, everything)) == {"t": [], "u": "x"}
    assert json.loads(edit(body, [Edit("/u", None)])) == {"t": [1, {"a": 2}, 3]}
    assert json.loads(edit(body, [Edit("/t", None), Edit("/u", None)])) == {}


def test_spans_become_placeholders() -> None:
    assert replace_spans("one two three", [(4, 7)], "[w]") == "one [w] three"
    assert replace_spans("one\ntwo", [(0, 3), (4, 7)], "[w]") == "[w]"


def test_an_edited_body_is_still_strict_json() -> None:
    body = b'{"a":"b","c":["d"]}'
    assert parse(edit(body, [Edit("/c/0", "\u2028\n\x00")])) == {"a": "b", "c": ["\u2028\n\x00"]}


def test_a_member_is_added_behind_the_last_one_that_stays() -> None:
    """Into an empty object, behind others, in place of the last; only where there is none."""

    def added(body: str, *gone: str, pointer: str = "/n") -> str:
        edits = [Edit(pointer, None, "1", add=True), *(Edit(g, None) for g in gone)]
        return edit(body.encode(), edits).decode()

    assert added("{ }") == '{ "n":1}'
    assert added('{"a": 2 }') == '{"a": 2,"n":1 }'
    assert added('{"a": 2, "b": 3}', "/b") == '{"a": 2,"n":1}'
    assert added('{"a": 2, "b": 3}', "/a", "/b") == '{"n":1}'
    assert added('{"n": 5, "a": 2}') == '{"n": 1, "a": 2}'
    assert added('{"o": {"a": 2}}', pointer="/o/n") == '{"o": {"a": 2,"n":1}}'
    assert added('{"o": [2]}', pointer="/o/n") == '{"o": [2]}'
    assert added('{"s": "{\\"a\\": 2}"}', pointer="/s/n") == '{"s": "{\\"a\\": 2,\\"n\\":1}"}'

"""Shapes: what each word of the language makes of a value."""

from typing import Any

import pytest

from firedoor.types.exchange import Surface
from firedoor.types.part import Channel, Kind, Role
from firedoor.wire import route
from firedoor.wire.shape import Found, Hop, Speaker, Tagged, walk

WHO = Speaker(Role.USER, Channel.USER)


def walked(shape: Any, value: Any) -> Found:
    found = Found()
    walk(shape, value, "/x", WHO, found)
    return found


def test_a_blob_is_a_reference_to_itself() -> None:
    """What the provider sealed is asked for like any id: whose is it?"""
    (part,) = walked("blob", "gAAAAB").parts
    assert (part.kind, part.resource, part.text) == (Kind.REFERENCE, "blob", "gAAAAB")
    assert (part.channel, part.editable) == (Channel.STATE, False)


@pytest.mark.parametrize("shape", ["blob", "ref:item"])
def test_an_empty_one_names_nothing(shape: str) -> None:
    assert [p.kind for p in walked(shape, "").parts] == [Kind.WORD]


def test_a_file_stands_in_no_json() -> None:
    found = walked({"file": "file"}, {"file": "hidden text"})
    assert found.unknown == ["/x/file"]
    assert [p.text for p in found.parts] == ["hidden text"]


def test_an_object_may_have_names_of_the_callers_choice() -> None:
    shape = {"known": "word", "*": ("text", {"file_id": "ref:file"})}
    found = walked(shape, {"known": "k", "any": "a text", "other": {"file_id": "f1"}})
    kinds = [(p.pointer, p.kind) for p in found.parts]
    assert kinds == [
        ("/x/known", Kind.WORD),
        ("/x/any", Kind.TEXT),
        ("/x/other/file_id", Kind.REFERENCE),
    ]
    assert found.unknown == []


def test_a_wordy_name_of_the_callers_choice_is_a_text() -> None:
    found = walked({"*": "word"}, {"Tell the next one to go on.": "k"})
    assert "Tell the next one to go on." in [p.text for p in found.parts]


def test_a_hop_is_noted_where_it_stands_and_walked_all_the_same() -> None:
    shape = {"tools": [Tagged({"mcp": Hop("mcp", {"type": "word", "url": "text"})})]}
    found = walked(shape, {"tools": [{"type": "mcp", "url": "https://a b", "new": "x"}]})
    assert found.hops == [("mcp", "/x/tools/0")]
    assert found.unknown == ["/x/tools/0/new"]
    assert [p.text for p in found.parts] == ["mcp", "https://a b", "x"]


@pytest.mark.parametrize(
    ("value", "hops"), [("default", 1), ([{"model": "m"}], 1), ({}, 1), ([], 0), (None, 0)]
)
def test_a_hop_may_be_one_of_several_shapes(value: Any, hops: int) -> None:
    shape = (Hop("fallback", "word"), Hop("fallback", [{"model": "word"}]), Hop("fallback", {}))
    found = walked(shape, value)
    assert (len(found.hops), found.unknown) == (hops, [])


@pytest.mark.parametrize("shape", [("text", ["word"], "free"), ("word", "definition")])
def test_any_json_fits_where_nothing_narrower_does(shape: Any) -> None:
    assert walked(shape, {"a": {"b": "c"}}).unknown == []


def test_tokens_may_stand_for_text() -> None:
    shape = ("text", [("text", ["word"])])
    for value in ("a", ["a", "b"], [1, 2], [[1, 2], [3]]):
        assert walked(shape, value).unknown == []


def test_the_name_of_a_query_parameter_may_be_escaped() -> None:
    """SDKs write ``include[]`` as ``include%5B%5D``."""
    path = "/v1/responses/resp_1"
    assert route("GET", path, "include%5B%5D=reasoning").surface is Surface.OPENAI_RESPONSES
    assert route("GET", path, "includ%65%5B%5D%26x=1").surface is Surface.UNKNOWN

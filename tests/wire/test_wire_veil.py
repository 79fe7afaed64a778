"""Names that may be content are veiled one by one; all else in a pointer stays."""

import hashlib

import pytest

from firedoor.wire import veiled_name, veiled_pointer

LONG = "n" * 33


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def h(name: str) -> str:
    return "~h:" + digest("name\x1f" + name).hex()[:8]


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("", ""),
        ("/messages/3/content", "/messages/3/content"),
        ("/input/0/output/notes/12/a_name_of_many_parts/title", None),
        ("/a/two words", f"/a/{h('two words')}"),
        ("/a/two words#", f"/a/{h('two words')}#"),
        (f"/a/{LONG}/b", f"/a/{h(LONG)}/b"),
        ("/a/" + "n" * 32 + "/b", None),
        ("/a/x~1y z~0/0", f"/a/{h('x/y z~')}/0"),
        ("/a/" + "~1" * 20, None),
        ("/a/tab\there", f"/a/{h('tab' + chr(9) + 'here')}"),
    ],
)
def test_pointers(given: str, expect: str | None) -> None:
    assert veiled_pointer(given, digest) == (given if expect is None else expect)


def test_words_of_the_protocol_may_be_longer() -> None:
    assert veiled_name(LONG, digest) == h(LONG)
    assert veiled_name(LONG, digest, chars_max=64) == LONG
    assert len(veiled_name(LONG, digest, digits=32)) == 35

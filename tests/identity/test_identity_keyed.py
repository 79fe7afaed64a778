"""Virtual keys in a head: found wherever an SDK puts one, and taken out whole."""

import hashlib

import pytest

from firedoor.identity import (
    claims_of,
    query_without_key,
    virtual_in,
    who_of_key,
    widening,
    without_key,
)
from firedoor.types.ids import Digest
from firedoor.types.key import KeyRow

KEY = "fd_" + "k" * 43


def digester(text: str) -> Digest:
    return Digest(hashlib.blake2b(text.encode(), key=b"k", digest_size=16).digest())


def no_compartment(name: str) -> str | None:
    return None


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (((b"authorization", b"Bearer " + KEY.encode()),), ""),
        (((b"authorization", b"bearer   " + KEY.encode()),), ""),
        (((b"authorization", b"Token " + KEY.encode()),), ""),
        (((b"authorization", KEY.encode()),), ""),
        (((b"x-api-key", KEY.encode()),), ""),
        (((b"x-goog-api-key", b" " + KEY.encode() + b" "),), ""),
        (((b"api-key", KEY.encode()),), ""),
        ((), f"alt=sse&key={KEY}"),
        ((), f"%6B%65y=fd%5F{KEY[3:]}"),
        (((b"authorization", b"Bearer sk-mine"), (b"x-api-key", KEY.encode())), ""),
        (((b"authorization", b"Bearer sk-mine"),), f"key={KEY}"),
        (((b"authorization", b"Bearer " + KEY.encode()),), f"key={KEY}"),
    ],
)  # fmt: skip
def test_a_key_is_found_wherever_an_sdk_puts_one(
    headers: tuple[tuple[bytes, bytes], ...], query: str
) -> None:
    assert virtual_in(headers, query) == (KEY,)
    claims = claims_of(headers, query)
    assert (claims.secret, claims.virtual, claims.ambiguous) == (KEY, True, False)
    kept = (*headers, (b"x-note", b"this is " + KEY.encode()), (b"accept", b"*/*"))
    assert without_key(kept, KEY) == ((b"accept", b"*/*"),)
    assert query_without_key(query + "&n=1", KEY).split("&")[-1] == "n=1"
    assert KEY[3:] not in query_without_key(query, KEY)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (((b"authorization", b"Bearer sk-mine"),), ""),
        (((b"x-note", KEY.encode()),), f"note={KEY}"),
        (((b"authorization", b"Bearer sk-fd_1"),), "key=AIza"),
        ((), ""),
    ],
)
def test_what_is_no_key_is_none(headers: tuple[tuple[bytes, bytes], ...], query: str) -> None:
    assert virtual_in(headers, query) == ()
    assert not claims_of(headers, query).virtual


def test_two_keys_are_ambiguous() -> None:
    two = ((b"authorization", b"Bearer fd_a"), (b"x-api-key", b"fd_b"))
    assert claims_of(two).ambiguous
    assert claims_of(two[:1], "key=fd_b").ambiguous
    assert claims_of((), "key=fd_a&key=fd_b").ambiguous


NAMED = KeyRow("k_1", instance="planner", compartment="research")
SHARED = KeyRow("k_1", instances="planner-*", compartment="research")
CHILD = NAMED._replace(children=("helper",))


@pytest.mark.parametrize(
    ("key", "claimed", "name"),
    [
        (NAMED, None, "planner"),
        (NAMED, "planner", "planner"),
        (NAMED, "boss", "planner/boss"),
        (CHILD, None, "planner/helper"),
        (CHILD, "helper", "planner/helper"),
        (CHILD, "planner", "planner/helper/planner"),
        (SHARED, "planner-7", "planner-7"),
        (SHARED, None, None),
        (KeyRow("k_1"), "anybody", "anybody"),
        (KeyRow("k_1"), None, None),
    ],
)
def test_a_claimed_name_narrows(key: KeyRow, claimed: str | None, name: str | None) -> None:
    head = ((b"x-firedoor-instance", claimed.encode()),) if claimed is not None else ()
    claims = claims_of(head)
    assert widening(key, claims, no_compartment) is None
    found = who_of_key(key, claims, no_compartment, digester)
    assert (found.instance.name if found.instance is not None else None) == name


def test_a_name_that_no_key_is_bound_to_is_somebody_else_under_another_key() -> None:
    head = claims_of(((b"x-firedoor-instance", b"planner-7"),))

    def id_under(key: KeyRow) -> str:
        row = who_of_key(key, head, no_compartment, digester).instance
        assert row is not None
        return row.id

    assert id_under(SHARED) == id_under(SHARED._replace(id="k_2"))
    free = KeyRow("k_1", compartment="research")
    assert len({id_under(free), id_under(free._replace(id="k_2")), id_under(SHARED)}) == 3

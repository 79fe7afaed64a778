"""What a token says, and which are believed: the form of it, byte by byte."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from doors import as_token, envelope_of, payload_of
from firedoor.lineage import (
    BadStatement,
    Proofs,
    Stated,
    Subject,
    TrustedKey,
    believed,
    issued,
    presented,
    subjects_of,
)
from firedoor.lineage.statements import commitment, pae
from firedoor.store import SigningKey
from firedoor.types.ids import RoomId
from firedoor.types.label import UNKNOWN_DEPTH, Label

KEY = SigningKey(bytes(range(32)))
TRUST = Proofs(trusted={KEY.key_id: TrustedKey("acme", KEY.verify)})
TEXT = "The lamp on the western mole is to be lit at dusk."
NOW = 1_700_000_000


def stated(**more: Any) -> Stated:
    base = Stated(
        call="c_1", author="writer", room="press", label=Label(1, frozenset({RoomId("lab")})),
        attributed=3, total=3, issued=NOW,
        subjects=subjects_of([("/choices/0/message/content", TEXT)], KEY.opening("c_1")), entry=17,
    )  # fmt: skip
    return base._replace(**more)


def token(**more: Any) -> str:
    made = issued(stated(**more), KEY, Proofs())
    assert made is not None
    return made


def reason(made: str, proofs: Proofs = TRUST, at: float = NOW) -> str:
    with pytest.raises(BadStatement) as refused:
        believed(made, proofs, at)
    return refused.value.reason


def test_the_pre_authentication_encoding_is_dsses() -> None:
    """The example of the DSSE specification, protocol.md."""
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_what_is_signed_is_canonical_and_the_same_each_time() -> None:
    payload = payload_of(token())
    assert token() == token()
    raw = envelope_of(token())["payload"]
    assert raw == __import__("base64").b64encode(rfc8785.dumps(payload)).decode()


def test_what_was_stated_is_read_back() -> None:
    found = believed(token(), TRUST, NOW)
    assert found.room == "ext:acme/press"
    assert found.label == Label(1, frozenset({RoomId("ext:acme/lab")}))
    assert (found.author, found.by, found.key) == ("writer", "acme", KEY.key_id)
    assert found.is_of(TEXT)
    assert found.is_of(f"\n {TEXT}\r\n")
    assert not found.is_of(TEXT + "!")


def test_an_envelope_without_its_opening_tells_nothing_of_the_text() -> None:
    """It can still be checked by who signed it; nobody can try texts against it."""
    envelope = envelope_of(token())
    opening = envelope.pop("opening")
    assert reason(as_token(envelope)) == "malformed"
    assert opening not in json.dumps(payload_of(token()))
    assert commitment(TEXT, b"\0" * 32) not in json.dumps(payload_of(token()))


def test_openings_differ_from_call_to_call_and_from_key_to_key() -> None:
    other = SigningKey(bytes(32))
    assert len({KEY.opening("c_1"), KEY.opening("c_2"), other.opening("c_1")}) == 3


def test_reviewed_rooms_stay_past_and_hosts_stay_hosts() -> None:
    label = Label(0, frozenset({RoomId("ext:web.example")}), frozenset({RoomId("lab")}))
    found = believed(token(label=label), TRUST, NOW)
    assert found.label.live == {"ext:web.example"}
    assert found.label.past == {"ext:acme/lab"}


def test_a_door_that_nobody_vouches_for_states_unknown_depth() -> None:
    found = believed(token(attributed=2), TRUST, NOW)
    assert found.label.depth == UNKNOWN_DEPTH
    assert found.label.live == {"ext:acme/lab", "*"}


def test_names_are_inert() -> None:
    found = believed(token(author="a\x1b[2Jb\nc"), TRUST, NOW)
    assert found.author == "a_[2Jb_c"


def test_subjects_are_the_texts_and_the_strings_in_their_json() -> None:
    arguments = json.dumps({"to": "all", "body": TEXT, "deep": json.dumps([TEXT + " Twice."])})
    found = subjects_of([("/t", arguments), ("/s", "short"), ("/u", TEXT)], b"k" * 32)
    committed = {s.committed for s in found}
    assert {commitment(t, b"k" * 32) for t in (arguments, TEXT, TEXT + " Twice.")} <= committed
    assert commitment("all", b"k" * 32) not in committed
    assert len({s.name for s in found}) == len(found)


def test_a_long_answer_states_its_first_sixteen_texts() -> None:
    texts = [(f"/{n}", f"{TEXT} Number {n}.") for n in range(50)]
    assert [s.name for s in subjects_of(texts, b"k" * 32)] == [f"/{n}" for n in range(16)]


@pytest.mark.parametrize(
    "made",
    ["", "%%%", "e30", "bnVsbA", "W10", "é" * 9, "x" * 7_000,
     urlsafe_b64encode(b"[" * 5_000).decode(), urlsafe_b64encode(b'{"a":1,"a":2}').decode()],
)  # fmt: skip
def test_rubbish_is_malformed(made: str) -> None:
    assert reason(made) == "malformed"


@given(at=st.integers(0, 2_000), bit=st.integers(0, 7))
def test_no_bit_of_a_token_can_be_changed(at: int, bit: int) -> None:
    """Whatever is touched, it says the same, is of no text, or counts for nothing."""
    made = bytearray(token().encode())
    at %= len(made)
    made[at] ^= 1 << bit
    try:
        found = believed(made.decode("latin-1"), TRUST, NOW)
    except BadStatement:
        return
    honest = believed(token(), TRUST, NOW)
    assert found._replace(opening=b"") == honest._replace(opening=b"")
    assert found.opening == honest.opening or not found.is_of(TEXT)


SIGNED: list[tuple[str, dict[str, Any]]] = [
    ("malformed", {"generation": -1}),
    ("malformed", {"generation": True}),
    ("malformed", {"generation": 1.5}),
    ("malformed", {"generation": "1"}),
    ("malformed", {"roots": [{"room": 5}]}),
    ("malformed", {"roots": [{"room": "x" * 999}]}),
    ("malformed", {"roots": [{"room": "x"}] * 99}),
    ("malformed", {"roots": "*"}),
    ("malformed", {"id": "s_"}),
    ("malformed", {"issuer": "pk_" + "a" * 26}),
    ("malformed", {"author": ""}),
    ("malformed", {"issued": "now"}),
    ("malformed", {"expires": None}),
    ("audience", {"audience": 5}),
    ("audience", {"audience": {"beta": True}}),
]


@pytest.mark.parametrize(("why", "predicate"), SIGNED)
def test_a_trusted_door_cannot_say_what_has_no_meaning(why: str, predicate: dict[str, Any]) -> None:
    payload = payload_of(token())
    payload["predicate"].update(predicate)
    assert reason(signed(payload)) == why


def signed(payload: dict[str, Any], kind: str = "application/vnd.in-toto+json") -> str:
    from base64 import b64encode

    body = json.dumps(payload).encode()
    signature = b64encode(KEY.sign(pae(kind, body))).decode()
    return as_token(
        envelope_of(token())
        | {
            "payloadType": kind,
            "payload": b64encode(body).decode(),
            "signatures": [{"keyid": KEY.key_id, "sig": signature}],
        }
    )


def test_another_kind_of_statement_is_not_taken_for_one() -> None:
    payload = payload_of(token())
    assert reason(signed(payload | {"predicateType": "https://slsa.dev/provenance/v1"})) == (
        "malformed"
    )
    assert reason(signed(payload | {"_type": "https://in-toto.io/Statement/v0.1"})) == "malformed"
    assert reason(signed(payload, "text/plain")) == "malformed"


def test_one_good_signature_of_several_is_enough() -> None:
    envelope = envelope_of(token())
    strange = {"keyid": "pk_" + "z" * 26, "sig": "AAAA"}
    envelope["signatures"] = [strange, *envelope["signatures"]]
    assert believed(as_token(envelope), TRUST, NOW).by == "acme"
    envelope["signatures"] = [strange] * 9
    assert reason(as_token(envelope)) == "malformed"


def test_a_door_has_room_for_clocks_that_differ() -> None:
    assert believed(token(), TRUST, NOW - 299).by == "acme"
    assert reason(token(), at=NOW - 301) == "expired"
    assert reason(token(), at=NOW + 7 * 86_400) == "expired"


def test_equal_statements_count_once() -> None:
    found = presented([token(), token()], TRUST, NOW)
    assert len(found.valid) == 1
    assert presented([", ,"], TRUST, NOW).valid == ()


def test_a_statement_that_names_nothing_is_not_made() -> None:
    assert issued(stated(subjects=()), KEY, Proofs()) is None
    many = tuple(Subject("/" + "x" * 79, f"{n:064x}") for n in range(16))
    made = token(subjects=many, author="a" * 500, room="r" * 500)
    assert len(made) <= 8_000
    assert believed(made, TRUST, NOW).author == "a" * 200


def test_ones_own_long_root_is_named_by_its_digest() -> None:
    room = RoomId("lab/" + "x" * 400)
    found = believed(token(label=Label(1, frozenset({room}))), TRUST, NOW)
    (root,) = found.label.live
    assert len(root) < 200
    assert root.startswith("ext:acme/lab/xxx")


def test_nesting_without_end_is_any_room() -> None:
    payload = payload_of(token())
    payload["predicate"]["roots"] = [{"room": "ext:a/" * 30 + "x"}]
    assert believed(signed(payload), TRUST, NOW).label.live == {"*"}

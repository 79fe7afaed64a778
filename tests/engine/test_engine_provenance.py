"""Provenance that travels: what one door states, another believes, raises by, and never lowers by."""

import hashlib
import hmac
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest

from doors import (
    HEADER,
    NOTE,
    START,
    altered,
    as_token,
    envelope_of,
    office,
    payload_of,
    presenting,
    reads,
    says,
    seen,
    signed_again,
    token_of,
    trusting,
)
from driving import Office, part, settings_for
from firedoor.engine import statement_of
from firedoor.identity import forwarded_headers
from firedoor.lineage import Proofs, Stated, Subject, issued
from firedoor.report import why
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding
from firedoor.types.ids import RoomId
from firedoor.types.label import Label

TEXT = "/messages/2/content"
HELD = "unknown: hold\n"


@pytest.fixture
def acme(tmp_path: Path) -> Office:
    """The organisation that writes."""
    return office(tmp_path, "acme")


@pytest.fixture
def beta(tmp_path: Path, acme: Office) -> Office:
    """The organisation that reads, and trusts the first."""
    return office(tmp_path, "beta", HELD + trusting(("acme", acme)))


def presented(who: Office, outcome: Any) -> dict[str, Any]:
    found: dict[str, Any] = who.explain(outcome)["presented"]
    return found


# -- what is stated ------------------------------------------------------------------------------


def test_an_answer_carries_a_statement_where_the_policy_lists_it(acme: Office) -> None:
    """DSSE round an in-toto statement: who, how deep, from where, until when; and of no text a word."""
    outcome = says(acme)
    token = token_of(outcome)
    envelope, payload = envelope_of(token), payload_of(token)
    key = acme.store.signing_key()
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert [s["keyid"] for s in envelope["signatures"]] == [key.key_id]
    assert payload["_type"] == "https://in-toto.io/Statement/v1"
    (subject,) = payload["subject"]
    opening = urlsafe_b64decode(envelope["opening"] + "=")
    committed = hmac.digest(opening, NOTE.encode(), hashlib.sha256).hex()
    assert subject == {
        "name": "/choices/0/message/content", "digest": {"hmacSha256": committed},
    }  # fmt: skip
    said = payload["predicate"]
    assert said["id"].startswith("s_")
    assert said == {
        "id": said["id"],
        "issuer": key.key_id,
        "call": outcome.exchange.call_id,
        "author": "writer",
        "room": "press",
        "generation": 0,
        "roots": [],
        "attributed": {"parts": 1, "total": 1},
        "ledger": {"index": 0, "checkpoint": None},
        "issued": int(START) + 1,
        "expires": int(START) + 1 + 7 * 86_400,
    }
    assert acme.explain(outcome)["statement"] is None, "made when asked with settings"


@pytest.mark.parametrize("headers", ["call", "all"])
def test_no_answer_carries_one_where_it_is_not_listed(tmp_path: Path, headers: str) -> None:
    """It names rooms to whoever gets the answer: `all` does not mean it."""
    plain = Office(settings_for(tmp_path, "contain", f"headers: {headers}\n"), people=True)
    assert HEADER not in says(plain).headers
    assert plain.store._signing is None, "and no key was made for it"


def test_the_statement_of_a_call_is_the_same_when_its_document_is_asked_for(acme: Office) -> None:
    outcome = says(acme)
    ended = acme.reader.ended(outcome.exchange.call_id)
    assert statement_of(ended, acme.engine.settings, START + 60) == token_of(outcome)
    later = START + 8 * 86_400
    assert statement_of(ended, acme.engine.settings, later) is None, "it would have expired"


def test_nothing_is_stated_for_who_is_contained(acme: Office) -> None:
    outcome = says(acme)
    acme.store.append_order("contain", "room:press", {"actor": "p", "reason": "r"}, START)
    ended = acme.reader.ended(outcome.exchange.call_id)
    assert statement_of(ended, acme.engine.settings, START + 60) is None


@pytest.mark.parametrize("retention", ["encrypted", "plain", "digests"])
def test_retention_does_not_change_what_is_stated(tmp_path: Path, retention: str) -> None:
    who = office(tmp_path, "acme", f"retention: {{content: {retention}}}\n")
    outcome = says(who)
    ended = who.reader.ended(outcome.exchange.call_id)
    assert statement_of(ended, who.engine.settings, START + 60) == token_of(outcome)


def test_a_call_with_anything_unproven_states_no_depth(tmp_path: Path) -> None:
    """Unknown depth and any ancestry: what the door cannot vouch for, it does not."""
    who = office(tmp_path, "acme")
    who.people = False
    said = payload_of(token_of(says(who)))["predicate"]
    assert said["generation"] is None
    assert said["roots"] == [{"room": "*"}]
    assert said["attributed"] == {"parts": 0, "total": 1}


def test_a_short_answer_is_not_stated(acme: Office) -> None:
    """ "OK" is everybody's, and could be guessed from any commitment."""
    assert HEADER not in says(acme, "All done.").headers


def test_what_tool_calls_write_is_stated_string_by_string(acme: Office, beta: Office) -> None:
    outcome = acme.write(Binding("writer", "press"), "send_message", to="beta", text=NOTE)
    assert seen(reads(beta, NOTE, token_of(outcome))) == NOTE


def test_a_refused_call_carries_none(acme: Office) -> None:
    denied = acme.call(Binding("writer", "press"), [], body=b"{")
    assert denied.status == 400
    assert HEADER not in denied.headers


# -- what is believed ----------------------------------------------------------------------------


def test_without_a_statement_the_text_is_unknown(beta: Office) -> None:
    outcome = reads(beta, NOTE)
    assert seen(outcome) == "[withheld]"
    found = part(beta.explain(outcome), TEXT)
    assert (found["generation"], found["evidence"]) == (None, "assumed")


def test_with_it_the_text_is_verified_one_deeper_and_keeps_its_exposures(
    acme: Office, beta: Office
) -> None:
    outcome = reads(beta, NOTE, token_of(says(acme)))
    assert seen(outcome) == NOTE
    assert outcome.exchange.tally.shown == Label(1, frozenset({"ext:acme/press"}))
    document = beta.explain(outcome)
    found = part(document, TEXT)
    assert (found["generation"], found["evidence"], found["crossing"]) == (1, "verified", True)
    assert (found["author"], found["author_compartment"]) == ("writer", "ext:acme/press")
    assert [(e["author"], e["compartment"], e["generation"]) for e in document["exposures"]] == [
        ("writer", "ext:acme/press", 1)
    ]
    assert len(document["presented"]["verified"]) == 1
    assert document["presented"]["refused"] == {}


def test_whitespace_at_its_ends_and_line_ends_are_not_part_of_a_text(
    acme: Office, beta: Office
) -> None:
    two = NOTE + "\nNobody is to touch it until the morning."
    token = token_of(says(acme, two))
    assert seen(reads(beta, "  " + two.replace("\n", "\r\n") + "\n", token)) != "[withheld]"
    assert seen(reads(beta, two.replace("dusk", "dawn"), token)) == "[withheld]"


def test_the_header_comes_off_before_the_provider(acme: Office, beta: Office) -> None:
    outcome = reads(beta, NOTE, token_of(says(acme)))
    assert all(HEADER.encode() != n for n, _ in forwarded_headers(outcome.exchange.head.headers))


def bad(acme: Office, other: Office, token: str) -> dict[str, str]:
    """Statements that count for nothing, by the reason."""
    envelope = envelope_of(token)
    short, opened = envelope | {"opening": "AAAA"}, envelope | {"opening": "A" * 43}
    return {
        "malformed": "not-a-statement",
        "malformed ": as_token(short),
        "malformed  ": as_token({**envelope, "payload": "!"}),
        "forged": altered(token, generation=None),
        "forged ": altered(token, expires=int(START) + 9_999_999),
        "untrusted": signed_again(other, token),
        "expired": signed_again(acme, token, expires=int(START)),
        "expired ": signed_again(acme, token, issued=int(START) + 9_999),
        "expired  ": signed_again(acme, token, expires=int(START) + 8 * 86_400),
        "audience": signed_again(acme, token, audience=["gamma"]),
        "unmatched": as_token(opened),
        "too_large": token + "A" * 9_000,
    }


REASONS = (
    "malformed", "malformed ", "malformed  ", "forged", "forged ", "untrusted", "expired",
    "expired ", "expired  ", "audience", "unmatched", "too_large",
)  # fmt: skip


@pytest.mark.parametrize("reason", REASONS)
def test_a_statement_that_cannot_be_believed_counts_for_nothing_and_is_recorded(
    acme: Office, beta: Office, tmp_path: Path, reason: str
) -> None:
    """As without it; the reason and how many are in the document and in the ledger, and no content."""
    token = bad(acme, office(tmp_path, "other"), token_of(says(acme)))[reason]
    plain = part(beta.explain(reads(beta, NOTE)), TEXT)
    outcome = reads(beta, NOTE, token)
    assert seen(outcome) == "[withheld]"
    found = part(beta.explain(outcome), TEXT)
    assert {**found, "quarantine": None, "pointer": ""} == {
        **plain,
        "quarantine": None,
        "pointer": "",
    }
    assert presented(beta, outcome) == {"verified": [], "refused": {reason.strip(): 1}}
    entries = [
        e.bytes_ for e in beta.reader.entries() if outcome.exchange.call_id.encode() in e.bytes_
    ]
    assert b'"presented":{"refused":{"%s":1},"verified":[]}' % reason.strip().encode() in entries[0]
    assert beta.reader.verify().ok


def test_too_many_statements_are_not_even_read(acme: Office, tmp_path: Path) -> None:
    beta = office(tmp_path, "beta", HELD + "limits: {statements: 2}\n" + trusting(("acme", acme)))
    token = token_of(says(acme))
    outcome = reads(beta, NOTE, "x", "y", token)
    assert seen(outcome) == "[withheld]"
    assert presented(beta, outcome)["refused"] == {"malformed": 2, "too_many": 1}


def test_several_come_in_one_header_or_in_many(acme: Office, beta: Office) -> None:
    other = "Nobody is to touch the lamp until the morning comes."
    tokens = [token_of(says(acme)), token_of(says(acme, other))]
    for sent in (tokens, [", ".join(tokens)]):
        assert seen(reads(beta, NOTE, *sent)) == NOTE
        assert seen(reads(beta, other, *sent)) == other


@pytest.mark.parametrize("what", ["statement", "key", "trust"])
def test_what_is_revoked_counts_for_nothing(acme: Office, tmp_path: Path, what: str) -> None:
    token = token_of(says(acme))
    trust = trusting(("acme", acme))
    named = {"statement": payload_of(token)["predicate"]["id"],
             "key": acme.store.signing_key().key_id, "trust": ""}[what]  # fmt: skip
    policy = HELD + (f"revoked: [{named}]\n" + trust if named else "")
    beta = office(tmp_path, "beta", policy)
    outcome = reads(beta, NOTE, token)
    assert seen(outcome) == "[withheld]"
    reason = "untrusted" if what == "trust" else "revoked"
    assert presented(beta, outcome)["refused"] == {reason: 1}


def test_revoking_takes_back_what_was_let_in(acme: Office, tmp_path: Path) -> None:
    """The verdict that a statement gave is not kept for the time after it."""
    token = token_of(says(acme))
    trust = trusting(("acme", acme))
    before = office(tmp_path, "beta", HELD + trust)
    assert seen(reads(before, NOTE, token)) == NOTE
    after = office(tmp_path, "beta", HELD + "revoked: [" + acme.store.signing_key().key_id + "]\n")
    after.calls = before.calls
    assert seen(reads(after, NOTE, token)) == "[withheld]"


@pytest.mark.parametrize(
    ("meant", "expected", "believed"),
    [(None, None, True), ("[beta, gamma]", "beta", True), ("gamma", "beta", False),
     ("beta", None, False), (None, "beta", False)],
)  # fmt: skip
def test_a_statement_for_somebody_is_for_nobody_else(
    tmp_path: Path, meant: str | None, expected: str | None, believed: bool
) -> None:
    acme = office(tmp_path, "acme", f"provenance: {{audience: {meant}}}\n" if meant else "")
    beta = office(tmp_path, "beta", HELD + trusting(("acme", acme), audience=expected))
    outcome = reads(beta, NOTE, token_of(says(acme)))
    assert seen(outcome) == (NOTE if believed else "[withheld]")


# -- what it does to a label ---------------------------------------------------------------------


def deep_in(beta: Office, text: str = NOTE) -> None:
    """The local store knows this text at depth 2 when it comes into the room `desk`."""
    beta.write(Binding("a", "one"), "save_note", key="x", text=text)
    hand_on = Reply("", (Call("save_note", {"key": "y", "text": text}),))
    beta.read(Binding("b", "two"), text, "read_note", key="x", reply=hand_on)


def test_it_never_lowers_what_the_local_store_knows(acme: Office, tmp_path: Path) -> None:
    beta = office(tmp_path, "beta", trusting(("acme", acme)))
    deep_in(beta)
    token = token_of(says(acme))
    plain, outcome = reads(beta, NOTE), reads(beta, NOTE, token)
    assert seen(plain) == seen(outcome) == "[withheld]"
    found = part(beta.explain(outcome), TEXT)
    assert found["generation"] == 2
    presented_label = outcome.exchange.tally.presented
    assert presented_label.ancestry >= {"one", "two", "ext:acme/press"}, "and both are kept"


def test_it_raises_what_the_local_store_knows(acme: Office, tmp_path: Path) -> None:
    beta = office(tmp_path, "beta", trusting(("acme", acme)))
    beta.write(Binding("a", "one"), "save_note", key="x", text=NOTE)
    token = signed_again(acme, token_of(says(acme)), generation=4)
    assert part(beta.explain(reads(beta, NOTE)), TEXT)["generation"] == 1
    outcome = reads(beta, NOTE, token)
    assert part(beta.explain(outcome), TEXT)["generation"] == 5
    assert seen(outcome) == "[withheld]"


def test_a_persons_word_is_not_deepened(acme: Office, beta: Office) -> None:
    """A user turn that a person attests stays theirs, whoever says it too (MODEL §7)."""
    prompt = "Could you look after the western lamp, please?"
    token = token_of(says(acme, prompt))
    outcome = beta.call(
        Binding("reader", "desk"), [{"role": "user", "content": prompt}], headers=presenting(token)
    )
    assert outcome.exchange.tally.shown == Label(0)


def test_text_that_a_framework_calls_the_users_is_a_message(acme: Office, beta: Office) -> None:
    beta.people = False
    token = token_of(says(acme))
    turn = [{"role": "user", "content": NOTE}]
    outcome = beta.call(Binding("reader", "desk"), turn, headers=presenting(token))
    found = part(beta.explain(outcome), "/messages/0/content")
    assert (found["generation"], found["evidence"], found["channel"]) == (1, "verified", "message")


def test_a_statement_without_a_depth_raises_and_proves_nothing(
    acme: Office, tmp_path: Path
) -> None:
    """A door that says what it does not know is not worse off than one that says nothing."""
    acme.people = False
    token = token_of(says(acme))
    for knob, shown in (("attenuate", NOTE), ("hold", "[withheld]")):
        beta = office(tmp_path, f"beta-{knob}", f"unknown: {knob}\n" + trusting(("acme", acme)))
        outcome = reads(beta, NOTE, token)
        assert seen(outcome) == seen(reads(beta, NOTE)) == shown
        found = part(beta.explain(outcome), TEXT)
        assert (found["generation"], found["attributed"]) == (None, False)
        assert "ext:acme/press" in outcome.exchange.tally.presented.ancestry


def test_a_door_believes_itself_across_processes(acme: Office, tmp_path: Path) -> None:
    """The same key, and a store that does not know the text: its own rooms, under their own names."""
    token = token_of(says(acme))
    twin = office(tmp_path, "twin", HELD)
    (tmp_path / "twin" / "signing.key").write_bytes(
        (tmp_path / "acme" / "signing.key").read_bytes()
    )
    outcome = reads(twin, NOTE, token)
    assert outcome.exchange.tally.shown == Label(1, frozenset({"press"}))
    inside = reads(twin, NOTE, token, room="press")
    assert seen(inside) == NOTE
    assert inside.exchange.tally.shown == Label(0), "nothing is judged inside a room"


def test_a_text_spends_its_rooms_reach(acme: Office, tmp_path: Path) -> None:
    """Three rooms a day, as any other root; the fourth waits."""
    beta = office(tmp_path, "beta", trusting(("acme", acme)))
    token = token_of(says(acme))
    found = [seen(reads(beta, NOTE, token, room=f"room-{n}")) for n in range(5)]
    assert found == [NOTE, NOTE, NOTE, "[withheld]", "[withheld]"]


def test_it_holds_for_the_calls_that_come_with_it(acme: Office, beta: Office) -> None:
    """With, without, with again, warm or after a restart: what a call gets depends on what it brings."""
    token = token_of(says(acme))
    who = Binding("reader", "desk")
    prompt = {"role": "user", "content": "Please read the note out to me."}
    asked = beta.call(who, [prompt], Reply("", (Call("read_note", {"key": "k"}, id="call_k"),)))
    claim = asked.answer["choices"][0]["message"]["tool_calls"]
    turns = [prompt, {"role": "assistant", "content": None, "tool_calls": claim},
             {"role": "tool", "tool_call_id": "call_k", "content": NOTE}]  # fmt: skip
    found = []
    for n, (with_it, restart) in enumerate(
        [(True, False), (False, False), (True, False), (True, True), (False, True), (True, False)]
    ):
        if restart:
            beta.forget()
        outcome = beta.call(
            who, turns, Reply(f"That was answer number {n}."),
            headers=presenting(token) if with_it else (),
        )  # fmt: skip
        found.append(outcome.request["messages"][2]["content"])
        assert bool(presented(beta, outcome)["verified"]) is with_it
        turns = [*turns, {"role": "assistant", "content": f"That was answer number {n}."},
                 {"role": "user", "content": f"And once more, please, number {n}."}]  # fmt: skip
    assert found == [NOTE, "[withheld]", NOTE, NOTE, "[withheld]", NOTE]


# -- further on ----------------------------------------------------------------------------------


RELAYED = "At nightfall somebody lights the western lamp, as they ask."


def test_a_chain_over_three_doors_counts_every_room(
    acme: Office, beta: Office, tmp_path: Path
) -> None:
    """Third hand is generation 2, and the first organisation is among its exposures."""
    token = token_of(reads(beta, NOTE, token_of(says(acme)), reply=RELAYED))
    said = payload_of(token)["predicate"]
    assert (said["author"], said["room"], said["generation"]) == ("reader", "desk", 1)
    assert said["roots"] == [
        {"room": "ext:acme/press", "key": acme.store.signing_key().key_id}
    ]  # fmt: skip
    gamma = office(tmp_path, "gamma", trusting(("beta", beta)), mode="observe")
    outcome = reads(gamma, RELAYED, token, room="yard")
    assert outcome.exchange.tally.shown == Label(
        2, frozenset({"ext:beta/desk", "ext:beta/ext:acme/press"})
    )
    strict = office(tmp_path, "strict", trusting(("beta", beta)))
    assert seen(reads(strict, RELAYED, token, room="yard")) == "[withheld]"


def test_a_root_is_one_root_by_whichever_road_it_comes(
    acme: Office, beta: Office, tmp_path: Path
) -> None:
    """A door that knows the first organisation by another name goes by its key."""
    token = token_of(reads(beta, NOTE, token_of(says(acme)), reply=RELAYED))
    gamma = office(
        tmp_path, "gamma", trusting(("b", beta), ("writers", acme)), mode="observe"
    )  # fmt: skip
    outcome = reads(gamma, RELAYED, token, room="yard")
    assert outcome.exchange.tally.shown.ancestry == {"ext:b/desk", "ext:writers/press"}


def test_what_comes_home_is_known_as_ones_own_room(tmp_path: Path) -> None:
    acme = office(tmp_path, "acme")
    beta = office(tmp_path, "beta", trusting(("acme", acme)))
    token = token_of(reads(beta, NOTE, token_of(says(acme)), reply=RELAYED))
    home = office(tmp_path, "acme", trusting(("beta", beta)), mode="observe")
    home.calls = 50
    outcome = reads(home, RELAYED, token, room="press")
    assert outcome.exchange.tally.shown == Label(2, frozenset({"press", "ext:beta/desk"}))


def test_an_ancestry_too_long_for_a_header_becomes_any(acme: Office) -> None:
    key = acme.store.signing_key()
    many = frozenset(RoomId(f"room-{n}-" + "x" * 120) for n in range(200))
    stated = Stated("c_1", "a", "r", Label(1, many), 1, 1, 5, (Subject("/x", "0" * 64),))
    token = issued(stated, key, Proofs())
    assert token is not None
    assert len(token) <= 8_000
    said = payload_of(token)["predicate"]
    assert (said["generation"], said["roots"]) == (None, [{"room": "*"}])


def test_observe_changes_nothing_and_labels_all_the_same(acme: Office, tmp_path: Path) -> None:
    beta = office(tmp_path, "beta", trusting(("acme", acme)), mode="observe")
    outcome = reads(beta, NOTE, token_of(says(acme)))
    assert outcome.sent == outcome.exchange.request.body
    assert part(beta.explain(outcome), TEXT)["evidence"] == "verified"


def test_why_leads_back_to_the_other_organisation(acme: Office, beta: Office) -> None:
    """The path ends where this door's own calls do, and names the room that stated the text."""
    reads(beta, NOTE, token_of(says(acme)))
    (row,) = beta.reader.instances()
    found = why(beta.reader, row)
    assert (len(found.path), found.end, found.container) == (1, "container", "ext:acme/press")


def test_a_rule_may_ask_for_a_statement(acme: Office, tmp_path: Path) -> None:
    """`evidence: verified` and `root: ext:acme/*` are words of a rule like any other."""
    rule = "rules:\n  - {id: no-acme, match: {evidence: verified, root: 'ext:acme/*'}, action: strip}\n"
    beta = office(tmp_path, "beta", rule + trusting(("acme", acme)))
    outcome = reads(beta, NOTE, token_of(says(acme)))
    assert part(beta.explain(outcome), TEXT)["rule"] == "no-acme"

"""Keys that were narrowed offline, at the door: each block takes away, and none gives."""

from pathlib import Path
from typing import Any

import pytest

from driving import Office, Outcome
from firedoor.store.tokens import BLOCKS_MAX, Narrowing, attenuate, id_of
from firedoor.testing import Call, Reply
from keys import issued, offices, sends

biscuit = pytest.importorskip("biscuit_auth", reason="the extra `tokens` is not installed")

NOW = 1.7e9
ASK = [{"role": "user", "content": "Please count the crates."}]
BASH: Any = {"type": "function", "function": {"name": "bash", "parameters": {}}}
READ: Any = {"type": "function", "function": {"name": "read_file", "parameters": {}}}


@pytest.fixture(params=["contain", "observe"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Office:
    return offices(tmp_path, request.param)


def token(office: Office, **wanted: Any) -> tuple[str, str]:
    return issued(office.store, at=NOW, kind="token", **wanted)


def call(office: Office, secret: str, named: dict[str, str] | None = None, **more: Any) -> Outcome:
    return office.call(None, ASK, headers=sends(secret, **(named or {})), front="sidecar", **more)


def assert_refused(outcome: Outcome, status: int = 401, code: str = "firedoor_bad_key") -> None:
    assert (outcome.status, outcome.code, outcome.sent) == (status, code, None)


def test_a_token_is_its_keys_instance_and_a_child_of_it_is_below(office: Office) -> None:
    secret, id_ = token(office, compartment="research", instance="planner")
    child = attenuate(secret, Narrowing(child="helper"))
    grandchild = attenuate(child, Narrowing(child="scout"))
    names = []
    for key in (secret, child, grandchild):
        shown = office.explain(call(office, key))
        names.append(shown["instance"])
        assert (shown["key"], shown["room"], shown["identity"]) == (id_, "research", "key")
    assert names == ["planner", "planner/helper", "planner/helper/scout"]
    parents = office.explain(call(office, grandchild))["parents"]
    assert parents == [office.explain(call(office, child))["instance_id"]]


def test_a_child_shares_its_parents_run_and_claims_no_other_name(office: Office) -> None:
    secret, _ = token(office, compartment="research", instance="planner")
    child = attenuate(secret, Narrowing(child="helper"))
    above = call(office, secret).exchange.known_instance()
    for claim in ("planner", "boss"):
        row = call(office, child, {"instance": claim}).exchange.known_instance()
        assert (row.name, row.run) == (f"planner/helper/{claim}", above.run)
    assert_refused(call(office, child, {"compartment": "payments"}), 403, "firedoor_denied")


def test_a_child_of_a_shared_key_keeps_to_its_pattern(office: Office) -> None:
    secret, _ = token(office, compartment="research", instances="planner-*")
    good = attenuate(secret, Narrowing(child="planner-2"))
    assert office.explain(call(office, good))["instance"] == "planner-2"
    assert_refused(call(office, attenuate(secret, Narrowing(child="boss"))), 403, "firedoor_denied")


def test_revoking_a_block_ends_what_descends_from_it_and_nothing_else(office: Office) -> None:
    secret, id_ = token(office)
    first = attenuate(secret, Narrowing(child="a"))
    second = attenuate(secret, Narrowing(child="b"))
    below = attenuate(first, Narrowing(child="c"))
    assert all(call(office, key).status == 200 for key in (secret, first, second, below))
    block, key = id_of(first)
    office.store.revoke_key(block, key=key, actor="tester", reason=None, at=NOW)
    assert_refused(call(office, first))
    assert_refused(call(office, below))
    assert_refused(call(office, attenuate(below, Narrowing(child="d"))))
    assert call(office, secret).status == call(office, second).status == 200
    office.store.revoke_key(id_, actor="tester", reason=None, at=NOW)
    for gone in (secret, second):
        assert_refused(call(office, gone))


def test_expiry_only_comes_nearer(office: Office) -> None:
    secret, _ = token(office, expires=NOW + 1000)
    short = attenuate(secret, Narrowing(expires=NOW + 100))
    long = attenuate(short, Narrowing(expires=NOW + 5000))
    for key, ends in ((secret, 1000), (short, 100), (long, 100)):
        assert call(office, key, at=NOW + ends - 1).status == 200
        assert_refused(call(office, key, at=NOW + ends + 1))


def test_what_one_call_may_ask_for_only_shrinks(office: Office) -> None:
    secret, _ = token(office)
    child = attenuate(secret, Narrowing(call_caps=(("output_tokens", 100),)))
    wider = attenuate(child, Narrowing(call_caps=(("output_tokens", 10_000),)))
    for key in (child, wider):
        assert call(office, key, extra={"max_tokens": 100}).status == 200
        for extra in ({"max_tokens": 101}, {"max_tokens": 60, "n": 2}, {}):
            assert_refused(call(office, key, extra=extra), 402, "firedoor_budget_exhausted")
    assert call(office, secret).status == 200


def test_a_long_request_is_beyond_a_cap_of_input(office: Office) -> None:
    secret, _ = token(office)
    child = attenuate(secret, Narrowing(call_caps=(("input_tokens", 200),)))
    assert call(office, child).status == 200
    assert_refused(call(office, child, extra={"user": "x" * 500}), 402, "firedoor_budget_exhausted")


def test_a_child_defines_the_tools_that_it_was_left(office: Office) -> None:
    secret, _ = token(office)
    child = attenuate(secret, Narrowing(tools=("bash", "read_file")))
    narrow = attenuate(child, Narrowing(tools=("read_file", "send_money")))
    none = attenuate(secret, Narrowing(tools=()))
    assert call(office, child, extra={"tools": [BASH, READ]}).status == 200
    assert call(office, narrow, extra={"tools": [READ]}).status == 200
    assert call(office, none).status == 200
    for key, tools in (
        (narrow, [BASH]),
        (none, [READ]),
        (child, [{"type": "custom", "custom": {"name": "rm"}}]),
    ):
        assert_refused(call(office, key, extra={"tools": tools}), 403, "firedoor_denied")


def test_a_call_of_another_tool_is_refused_in_the_answer(tmp_path: Path) -> None:
    """A prompt that lies at the provider may define what the request does not."""
    office = offices(tmp_path, "contain")
    secret, _ = token(office)
    child = attenuate(secret, Narrowing(tools=("read_file",)))
    reply = Reply("", (Call("bash", {"command": "ls"}, id="c1"),))
    said = office.call(None, ASK, reply, headers=sends(child), front="sidecar")
    assert "tool_calls" not in said.answer["choices"][0]["message"]
    (tool,) = office.explain(said)["tools"]
    assert (tool["name"], tool["verdict"], tool["rule"]) == ("bash", "deny", "key")


def altered(secret: str, code: str) -> str:
    """A token with a block of anybody's own making."""
    prefix, public, text = secret.split(".")
    raw = biscuit.PublicKey.from_bytes(_bytes(public), biscuit.Algorithm.Ed25519)
    made = biscuit.Biscuit.from_base64(_padded(text), raw).append(biscuit.BlockBuilder(code))
    return f"{prefix}.{public}.{made.to_base64().rstrip('=')}"


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)


def _bytes(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(_padded(text))


@pytest.mark.parametrize(
    "code",
    [
        'key("k_0123456789abcdef");',
        'right("admin");',
        'output_tokens(1); tools({"bash"});',
        'compartment("payments");',
        'child("a"); child("b");',
        "check if true;",
        'tools($s) <- key($k), tools($s);',
        'n(1); n(2); m($a, $b, $c) <- n($a), n($b), n($c);',
        'check if tools($s), {"bash"}.contains($s) or true;',
        "check if output_tokens($n), $n <= 5 or 1 == 1;",
        "check if output_tokens($n), $n <= -1;",
        'child("a\\"b");',
        'child("' + "x" * 300 + '");',
    ],
)  # fmt: skip
def test_a_block_that_says_anything_else_makes_the_token_none(office: Office, code: str) -> None:
    """A child that appends rights of its own is denied, and no Datalog of its own is run."""
    secret, _ = token(office, compartment="research", instance="planner")
    child = attenuate(secret, Narrowing(call_caps=(("output_tokens", 5),)))
    for key in (secret, child):
        assert_refused(call(office, altered(key, code), extra={"max_tokens": 5}))


def test_seventeen_blocks_are_too_many(office: Office) -> None:
    secret, _ = token(office)
    for number in range(BLOCKS_MAX - 1):
        secret = attenuate(secret, Narrowing(child=f"n{number}"))
    assert call(office, secret).status == 200
    assert_refused(call(office, altered(secret, 'child("one-more");')))


def test_a_token_that_is_cut_short_or_altered_is_none(office: Office) -> None:
    secret, _ = token(office)
    child = attenuate(secret, Narrowing(child="a"))
    head, public, text = child.split(".")
    flipped = text[:40] + ("A" if text[40] != "A" else "B") + text[41:]
    for bad in (
        child[:-5], f"{head}.{public}.{flipped}", f"{head}.{public}", f"{head}.{public}.",
        "fd_t.", "fd_t..", "fd_t.!!!.???", child + "AAAA", child + "é", f"{head}.x.{text}.{text}",
    ):  # fmt: skip
        assert_refused(call(office, bad))


def test_a_token_of_another_root_is_none(office: Office, tmp_path: Path) -> None:
    other = offices(tmp_path)
    theirs, _ = token(other)
    assert_refused(call(office, theirs))
    token(office)
    assert_refused(call(office, theirs))
    # The root that a token names is for whoever narrows it; the door knows its own.
    ours, _ = token(office)
    swapped = ".".join((ours.split(".")[0], ours.split(".")[1], theirs.split(".")[2]))
    assert_refused(call(office, swapped))


def test_a_token_of_a_key_that_was_never_issued_is_none(office: Office) -> None:
    assert_refused(call(office, office.store.roots.mint("k_0123456789abcdef")))


def test_a_plain_key_cannot_be_named_by_a_token(office: Office) -> None:
    _, id_ = issued(office.store, at=NOW)
    assert_refused(call(office, office.store.roots.mint(id_)))

"""What the head of a request claims, and what comes off before upstream."""

import pytest

from firedoor.identity import claims_of, forwarded_headers, is_placeholder


@pytest.mark.parametrize(
    ("headers", "field", "expected"),
    [
        ([(b"x-firedoor-instance", b"planner-1")], "instance", "planner-1"),
        ([(b"baggage", b"a=b,firedoor.instance=planner-2;p=1")], "instance", "planner-2"),
        (
            [(b"baggage", b"firedoor.instance=low"), (b"x-firedoor-instance", b"high")],
            "instance",
            "high",
        ),
        ([(b"x-firedoor-compartment", b"research")], "compartment", "research"),
        ([(b"x-firedoor-compartment", b"a/b")], "compartment", "a_b"),
        ([(b"x-firedoor-instance", b"a\x1bb")], "instance", "a_b"),
        ([(b"x-claude-code-session-id", b"s-1")], "session", "s-1"),
        (
            [(b"x-claude-code-session-id", b"s-1"), (b"x-claude-code-agent-id", b"a-1")],
            "instance",
            "a-1",
        ),
        ([(b"x-claude-code-agent-id", b"a-1")], "instance", None),
        (
            [(b"traceparent", b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01")],
            "trace",
            "ab" * 16,
        ),
        ([(b"traceparent", b"00-" + b"00" * 16 + b"-" + b"cd" * 8 + b"-01")], "trace", None),
        ([(b"traceparent", b"nonsense")], "trace", None),
        ([(b"authorization", b"Bearer sk-abc")], "secret", "sk-abc"),
        ([(b"x-api-key", b"sk-abc")], "secret", "sk-abc"),
        ([(b"x-goog-api-key", b"g-abc")], "secret", "g-abc"),
        ([], "secret", ""),
    ],
)
def test_a_claim_is_read_from_its_header(
    headers: list[tuple[bytes, bytes]], field: str, expected: str | None
) -> None:
    assert getattr(claims_of(tuple(headers)), field) == expected


@pytest.mark.parametrize("secret", ["", "test", "sk-test", "EMPTY", "dummy", "not-needed"])
def test_a_key_that_fills_a_field_is_a_placeholder(secret: str) -> None:
    assert is_placeholder(secret)


def test_a_real_key_is_no_placeholder() -> None:
    assert not is_placeholder("sk-proj-9fJ2")


def test_own_and_connection_headers_come_off_before_upstream() -> None:
    """firedoor's headers, baggage and hop-by-hop ones stay here; everything else goes on."""
    headers = (
        (b"x-firedoor-instance", b"a"),
        (b"x-firedoor-anything-new", b"a"),
        (b"baggage", b"k=v"),
        (b"connection", b"close, x-secret-hop"),
        (b"x-secret-hop", b"1"),
        (b"te", b"trailers"),
        (b"accept-encoding", b"gzip, br"),
        (b"host", b"here"),
        (b"content-length", b"3"),
        (b"authorization", b"Bearer k"),
        (b"traceparent", b"00-aa-bb-01"),
        (b"x-stainless-retry-count", b"0"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
    )
    assert forwarded_headers(headers) == (
        (b"authorization", b"Bearer k"),
        (b"traceparent", b"00-aa-bb-01"),
        (b"x-stainless-retry-count", b"0"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"accept-encoding", b"identity"),
    )


@pytest.mark.parametrize(
    ("headers", "query", "secret", "ambiguous"),
    [
        ((), "alt=sse&key=AIza-1", "AIza-1", False),
        ((), "key=AIza%2D1&key=AIza-1", "AIza-1", False),
        (((b"x-goog-api-key", b"AIza-1"),), "key=AIza-1", "AIza-1", False),
        (((b"x-goog-api-key", b"none"),), "key=AIza-1", "AIza-1", False),
        (((b"x-goog-api-key", b"AIza-1"),), "monkey=2&keys=3", "AIza-1", False),
        (((b"x-goog-api-key", b"AIza-1"),), "key=AIza-2", "AIza-1\x1fAIza-2", True),
        ((), "key=AIza-2&key=AIza-1", "AIza-1\x1fAIza-2", True),
    ],
)
def test_a_key_in_the_query_is_the_credential(
    headers: tuple[tuple[bytes, bytes], ...], query: str, secret: str, ambiguous: bool
) -> None:
    found = claims_of(headers, query)
    assert (found.secret, found.ambiguous) == (secret, ambiguous)
    assert not found.placeholder

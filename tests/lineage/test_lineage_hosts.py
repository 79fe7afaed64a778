"""Whether a host is one of those that may be reached, however it is written."""

import pytest

from firedoor.lineage import host_allowed, normal_host


@pytest.mark.parametrize(
    ("host", "pattern", "allowed"),
    [
        ("a.corp.example", "*.corp.example", True),
        ("a.b.corp.example", "*.corp.example", True),
        ("corp.example", "*.corp.example", False),
        ("corp.example.evil.com", "*.corp.example", False),
        ("a.corp.example.evil.com", "*.corp.example", False),
        ("evilcorp.example", "*.corp.example", False),
        ("a-corp.example", "*.corp.example", False),
        ("corp.example", "corp.example", True),
        ("a.corp.example", "corp.example", False),
        ("A.Corp.EXAMPLE.", "*.corp.example", True),
        ("a.corp.example", "*.CORP.example.", True),
        ("a.corp.example:443", "*.corp.example", True),
        ("a.corp.example:8443", "*.corp.example", True),
        ("a.corp.example:8443", "*.corp.example:8443", True),
        ("a.corp.example", "*.corp.example:8443", False),
        ("a.corp.example", "*.corp.example:443", True),
        ("api-1.corp.example", "api-*.corp.example", True),
        ("api-1.evil.corp.example", "api-*.corp.example", False),
        ("user@a.corp.example", "*.corp.example", True),
        ("a.corp.example@evil.com", "*.corp.example", False),
        ("evil.com/a.corp.example", "*.corp.example", False),
        ("evil.com#a.corp.example", "*.corp.example", False),
        ("evil.com?a.corp.example", "*.corp.example", False),
        ("evil.com\\.corp.example", "*.corp.example", False),
        ("evil.com%2f.corp.example", "*.corp.example", False),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("a.bücher.example", "*.bücher.example", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("2130706433", "127.0.0.1", True),
        ("0x7f000001", "127.0.0.1", True),
        ("0177.0.0.1", "127.0.0.1", True),
        ("127.1", "127.0.0.1", True),
        ("1.127.0.0.1", "*.127.0.0.1", False),
        ("10.0.0.1", "*.0.0.1", False),
        ("[::1]", "[::1]", True),
        ("[::1]:8080", "[::1]", True),
        ("localhost", "localhost", True),
        ("localhost", "*", True),
        ("10.0.0.1", "*", True),
        ("", "*", False),
        ("a b.corp.example", "*.corp.example", False),
        ("a.corp.example", "", False),
        ("a.corp.example", "*.", False),
        ("a.corp.example", "***", False),
    ],
)
def test_a_pattern_names_hosts_and_not_their_look_alikes(
    host: str, pattern: str, allowed: bool
) -> None:
    assert host_allowed(host, [pattern]) is allowed


def test_one_pattern_of_several_is_enough_and_none_allows_nothing() -> None:
    assert host_allowed("b.example", ["a.example", "b.example"])
    assert not host_allowed("b.example", [])


def test_a_host_in_all_its_spellings_is_one() -> None:
    spellings = [
        "A.Example",
        "a.example.",
        "//a.example/x",
        "https://u:p@a.example:443/?q",
        "a.example:80",
    ]
    assert {normal_host(s) for s in spellings} == {"a.example"}
    assert normal_host("x" * 1_000) is None
    assert normal_host("https://") is None

"""What a tool call touches outside: one thing in all its spellings, nothing where there is nothing."""

import base64
import gzip
import json

import pytest

from firedoor.lineage import Outside, Touched
from firedoor.lineage.egress import bits_of
from firedoor.lineage.rarity import is_rare
from firedoor.lineage.touches import TOUCHES_MAX, Kind

NETWORK = ("network",)
SHELL = ("compute", "network", "write_shared")
URL = "https://rare-quay.test/drop/7f3a91/notes?to=b&from=a"
THING = (Kind.URL, "rare-quay.test/drop/7f3a91/notes?from=a&to=b")
COMMON = Outside()


def touched(tool: str, affordances: tuple[str, ...] = NETWORK, **arguments: object) -> Touched:
    return COMMON.touched(tool, json.dumps(arguments), affordances)


def things(found: Touched) -> set[tuple[str, str]]:
    return {(t.kind, t.thing) for t in found.touches}


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


CODED = URL.replace(":", "%3A").replace("/", "%2F").replace("?", "%3F").replace("&", "%26")


@pytest.mark.parametrize(
    "spelled",
    [
        URL,
        "HTTP://Rare-Quay.TEST/drop/7f3a91/notes?to=b&from=a",
        "https://rare-quay.test:443/drop/%37f3a91//x/../notes/?from=a&to=b#part",
        "https://rare-quay.test./drop/7f3a91/notes?to=b&from=%61",
        "https://somebody@rare-quay.test/drop/%2537f3a91/notes?to=b&from=a",
        "https:\\/\\/rare-quay.test\\/drop\\/7f3a91\\/notes?to=b&amp;from=a",
        "see hxxps://rare-quay[.]test/drop/7f3a91/notes?to=b&from=a.",
        "(https://ｒare-quay。test/drop/7f3a91/notes?to=b&from=a)",
        "https://proxy.test/get?u=" + b64(URL),
        "https://proxy.test/get/" + b64(URL),
        "https://proxy.test/get?u=" + CODED,
        "https://proxy.test/get?u=" + CODED.replace("%", "%25"),
        "echo " + base64.b64encode(URL.encode()).decode() + " | base64 -d | xargs wget",
        "echo " + base64.b32encode(URL.encode()).decode(),
        "echo " + URL.encode().hex(),
        "echo " + base64.b64encode(gzip.compress(URL.encode())).decode(),
        "echo " + b64(b64(URL)),
        "uggcf://ener-dhnl.grfg/qebc/7s3n91/abgrf?gb=o&sebz=n",
        "curl -s rare-quay.test/drop/7f3a91/notes?to=b\\&from=a".replace("\\", ""),
    ],
)
def test_one_url_in_every_spelling(spelled: str) -> None:
    assert THING in things(touched("bash", SHELL, command=spelled))
    assert THING in things(COMMON.touched("fetch", spelled, NETWORK))


@pytest.mark.parametrize(
    ("spelled", "host"),
    [
        ("https://bücher.test/x", "xn--bcher-kva.test"),
        ("https://XN--BCHER-KVA.test./x", "xn--bcher-kva.test"),
        ("http://0x5db8d822/x", "93.184.216.34"),
        ("http://93.184.216.034/x", "93.184.216.28"),
        ("http://1572395042/x", "93.184.216.34"),
        ("http://[2001:DB8::1]:8080/x", "[2001:db8::1]:8080"),
        ("http://quay.test:80/x", "quay.test"),
        ("http://quay.test:8081/x", "quay.test:8081"),
    ],
)
def test_one_host_in_every_spelling(spelled: str, host: str) -> None:
    assert (Kind.HOST, host) in things(touched("fetch", url=spelled))


@pytest.mark.parametrize(
    ("tool", "affordances", "arguments", "thing"),
    [
        ("fetch", NETWORK, {"url": "rare-quay.test/a"}, (Kind.URL, "rare-quay.test/a")),
        ("fetch", NETWORK, {"url": "https://a.example.com/"}, (Kind.HOST, "a.example.com")),
        ("fetch", NETWORK, {"url": "https://example.com/a"}, (Kind.URL, "example.com/a")),
        ("Bash", (), {"command": "wget quay.test/a"}, (Kind.URL, "quay.test/a")),
        ("web_search", NETWORK, {"query": "Moves the NORTH pier?"},
         (Kind.SEARCH, "moves the north pier")),
        ("fetch", NETWORK, {"url": "https://www.google.com/search?q=moves+the+north+pier"},
         (Kind.SEARCH, "moves the north pier")),
        ("web_search", NETWORK, {"query": 'why "the quay sings at night"'},
         (Kind.STRING, "the quay sings at night")),
        ("read_file", ("read",), {"path": "/srv/a/../meet-me-at-0930/x"},
         (Kind.STRING, "meet-me-at-0930")),
        ("bash", SHELL, {"command": "mkdir -p /cache/Meet-Me-At-0930"},
         (Kind.STRING, "meet-me-at-0930")),
        ("bash", SHELL, {"command": "cat /srv/notes/harbour/plan"},
         (Kind.FILE, "/srv/notes/harbour/plan")),
        ("cache_get", ("read",), {"cache_key": "v1:meet%2Dme-at-0930"},
         (Kind.STRING, "v1:meet-me-at-0930")),
        ("grep", ("read",), {"pattern": "say 'Quay7Sings91' twice"}, (Kind.STRING, "quay7sings91")),
        ("fetch", NETWORK, {"url": "https://pypi.org/x?id=meet-me-at-0930"},
         (Kind.STRING, "meet-me-at-0930")),
        ("fetch", NETWORK, {"url": "https://pypi.org/x?id=meet-me-at-0930&x=1"},
         (Kind.QUERY, "id=meet-me-at-0930&x=1")),
    ],
)  # fmt: skip
def test_each_kind_of_thing(
    tool: str, affordances: tuple[str, ...], arguments: dict[str, str], thing: tuple[str, str]
) -> None:
    assert thing in things(touched(tool, affordances, **arguments))


@pytest.mark.parametrize(
    ("command", "package"),
    [
        ("python -m pip install -U 'Harbour_Notes[all]>=1.2' requests", "pypi:harbour-notes"),
        ("pip install -r requirements.txt harbour.notes", "pypi:harbour-notes"),
        ("uv add --dev harbour-notes==2", "pypi:harbour-notes"),
        ("uvx harbour-notes --help", "pypi:harbour-notes"),
        ("cd x && npm i @quay/pier@^2", "npm:@quay/pier"),
        ("npx quay-pier", "npm:quay-pier"),
        ("yarn add quay-pier", "npm:quay-pier"),
        ("cargo add quay-pier", "cargo:quay-pier"),
        ("go get quay.test/pier@v1.2.3", "go:quay.test/pier"),
        ("docker run -it --rm quay/pier:latest sh", "docker:quay/pier"),
    ],
)
def test_packages_by_the_name_their_registry_knows(command: str, package: str) -> None:
    found = things(touched("bash", SHELL, command=command))
    assert (Kind.PACKAGE, package) in found
    assert sum(kind is Kind.PACKAGE for kind, _ in found) == 1


@pytest.mark.parametrize(
    ("tool", "affordances", "arguments"),
    [
        ("get_weather", ("read",), {"city": "Paris", "unit": "metric"}),
        ("fetch", NETWORK, {"url": "https://github.com/"}),
        ("fetch", NETWORK, {"url": "https://docs.python.org/3/library/json.html"}),
        ("fetch", NETWORK, {"url": "http://localhost:8000/health"}),
        ("fetch", NETWORK, {"url": "https://example.com/"}),
        ("bash", SHELL, {"command": "pip install requests numpy && npm install react"}),
        ("bash", SHELL, {"command": "ls -la /usr/lib && cat README.md src/main.py"}),
        ("read_file", ("read",), {"path": "package.json"}),
        ("save_note", ("write_shared",), {"key": "k", "text": "The pier moves on 2026-05-01."}),
        ("f", (), {"type": "application/json", "at": "2026-05-01T10:00:00Z", "n": "1234567890"}),
        ("f", (), {}),
    ],
)
def test_what_everybody_touches_is_no_thing(
    tool: str, affordances: tuple[str, ...], arguments: dict[str, str]
) -> None:
    assert things(touched(tool, affordances, **arguments)) == set()


def test_hosts_that_the_operator_calls_common_are_nobodys() -> None:
    outside = Outside(("*.corp.test",))
    text = json.dumps({"url": "https://Wiki.CORP.test:8080/page/7f3a91-notes"})
    found = outside.touched("fetch", text, NETWORK)
    assert found.touches == ()
    assert found.egress[0].host == "wiki.corp.test:8080"


def test_egress_is_what_is_asked_not_what_is_sent_back() -> None:
    found = touched("fetch", url="https://msg.hidden.quay.test/a/b?c=d")
    assert found.shown() == {
        "hosts": ["msg.hidden.quay.test"],
        "bytes": len("msg.hidden./a/b?c=d"),
        "bits": bits_of("msg.hidden./a/b?c=d"),
    }


def test_reading_by_a_key_tells_the_key() -> None:
    """Agents used cache keys and names of directories as a message board, reading only."""
    assert touched("cache_get", ("read",), key="hello-there").shown()["bytes"] == 11
    found = touched("bash", SHELL, command="ls /cache/hello-there-1")
    assert (found.shown()["hosts"], found.shown()["bytes"]) == ([], 20)
    assert touched("web_search", query="the north pier").shown()["bytes"] == 14


def test_a_tool_of_the_network_sends_whatever_it_is_given() -> None:
    found = touched("http_post", url="https://quay.test/", body="x" * 100)
    (told,) = found.egress
    assert (told.host, told.bytes) == ("quay.test", 100)


def test_what_a_tool_at_the_provider_is_asked() -> None:
    found = COMMON.asked("moves the north pier\n" + URL)
    assert {(Kind.SEARCH, "moves the north pier"), THING} <= things(found)
    assert found.shown()["bytes"] > 20


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [("", 0, 0), ("a", 1, 8), ("0123456789", 30, 36), ("deadbeef", 16, 33), ("a" * 4_000, 1, 300)],
)
def test_bits_bound_what_a_text_can_say(text: str, least: int, most: int) -> None:
    assert least <= bits_of(text) <= most
    assert bits_of(text) <= 8 * len(text.encode())


def test_rare_words() -> None:
    assert all(map(is_rare, ("7f3a91c0", "meet-me-at-noon", "x" * 20)))
    assert not any(
        map(is_rare, ("harbour", "2026-05-01", "12345678", "two words here", "text/html", ""))
    )


HOSTILE = {
    "one long string": '{"a":"' + "x" * 10_000_000 + '"}',
    "no JSON": '{"a":' * 200_000,
    "deep": "[" * 3_000_000,
    "urls": '{"a":"' + "http://a.b/ " * 800_000 + '"}',
    "labels": '{"command":"curl ' + "a." * 500_000 + '"}',
    "quotes": '"' * 10_000_000,
    "slashes": '{"path":"' + "a/" * 2_000_000 + '"}',
    "commands": '{"command":"' + "pip install -U " * 100_000 + '"}',
    "percent": '{"url":"http://a.test/' + "%25" * 100_000 + '"}',
    "code": '{"a":"' + "QUFB" * 300_000 + '"}',
    "made": '{"command":"' + "mkdir -p " * 100_000 + '"}',
    "members": json.dumps({str(n): "a/b-c-d-e-f-1-2" for n in range(50_000)}),
    "turned": '{"a":"uggc://' + "n.o/" * 100_000 + '"}',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments_are_bounded(name: str) -> None:
    """In what is kept of them; a run that takes minutes would be noticed."""
    found = COMMON.touched("bash", HOSTILE[name], SHELL)
    assert len(found.touches) <= TOUCHES_MAX


def test_control_characters_and_surrogates_break_nothing() -> None:
    for text in ("http://a\x1b[2J.test/\x07", "http://\ud800.test/\udfff?a=\ud800", "http://%00/x"):
        for tool in ("fetch", "bash"):
            found = touched(tool, SHELL, url=text, command=text, key=text)
            for told in found.egress:
                assert told.host.isprintable()


def test_a_cut_is_said() -> None:
    found = COMMON.touched("fetch", '{"url":"https://quay.test/a","b":"' + "x" * 2_000_000, NETWORK)
    assert found.shown()["cut"] is True

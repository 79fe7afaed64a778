"""`firedoor trace`: what is proven up and down, and what is suspected, never mixed."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from driving import Office, settings_for
from firedoor.cli import app
from firedoor.errors import CallerError
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

FIRST = Binding("first-1", "press")
SECOND = Binding("second-1", "lab")
THIRD = Binding("third-1", "ops")
APART = Binding("apart-1", "attic")
NOTE = "The harbour office moves to the north pier on the first of May."
OTHER = "In spring the northern pier becomes home to those who run the port."
URL = "https://rare-quay.test/drop/7f3a91/notes"
CODED = base64.urlsafe_b64encode(URL.encode()).decode()
DAY = 86_400.0

Run = Callable[..., Any]


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    store = f"sqlite:{tmp_path}/.firedoor/firedoor.db"
    monkeypatch.setenv("FIREDOOR_STORE", store)
    monkeypatch.chdir(tmp_path)
    return Office(settings_for(None, "observe"), store)


def run(*arguments: str) -> Any:
    result = CliRunner().invoke(app, ["trace", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return json.loads(result.stdout)


def fetch(
    office: Office, who: Binding, url: str, at: float | None = None, tool: str = "fetch"
) -> str:
    reply = Reply("", (Call(tool, {"url" if tool == "fetch" else "command": url}),))
    asked = [{"role": "user", "content": f"Look it up. ({office.calls})"}]
    return office.call(who, asked, reply, at=at).exchange.call_id


def relay(office: Office) -> None:
    office.write(FIRST, "save_note", key="k", text=NOTE)
    on = Reply("", (Call("save_note", {"key": "k2", "text": OTHER}),))
    office.read(SECOND, NOTE, "read_note", key="k", reply=on)
    office.read(THIRD, OTHER, "read_note", key="k2")


def test_up_and_down_hop_by_hop_with_call_and_channel(office: Office) -> None:
    relay(office)
    found = run("third-1")
    assert [(r["hop"], r["from"], r["to"], r["channel"], r["known_by"]) for r in found["up"]] == [
        (1, "second-1", "third-1", "memory", "call"), (2, "first-1", "second-1", "memory", "call"),
    ]  # fmt: skip
    assert found["up"][0]["call"].startswith("c_")
    assert found["up"][0]["carried_by"].startswith("c_")
    assert (found["down"], found["suspected"], found["complete"]) == ([], [], True)
    found = run("first-1")
    assert [(r["hop"], r["instance"]) for r in found["down"]] == [(1, "second-1"), (2, "third-1")]
    assert [r["instance"] for r in run("press", "--down")["down"]] == ["second-1", "third-1"]


def test_as_far_and_in_the_direction_that_is_asked(office: Office) -> None:
    relay(office)
    assert len(run("third-1", "--hops", "1")["up"]) == 1
    assert run("second-1", "--up")["down"] is None
    assert run("second-1", "--down")["up"] is None
    both = run("second-1", "--up", "--down")
    assert [len(both["up"]), len(both["down"])] == [1, 1]


def test_one_rare_url_in_two_codings_links_two_rooms(office: Office) -> None:
    relay(office)
    one = fetch(office, SECOND, URL.replace("rare-quay", "RARE-QUAY") + "#top")
    two = fetch(office, APART, f"echo {CODED} | base64 -d | xargs curl", tool="bash")
    found = run("second-1")
    (link,) = [s for s in found["suspected"] if s["kind"] == "url"]
    assert [(i["instance"], i["compartment"], i["call"]) for i in link["instances"]] == [
        ("second-1", "lab", one), ("apart-1", "attic", two),
    ]  # fmt: skip
    assert (link["evidence"], link["also_proven"], link["rooms"]) == ("suspected", False, 2)
    assert link["name"] == "rare-quay.test/drop/7f3a91/notes"
    assert link["thing"].startswith("t_")
    # And apart from what is proven: nobody is exposed to anybody by it.
    proven = json.dumps([found["up"], found["down"]])
    assert "apart-1" not in proven
    assert run("apart-1")["up"] == []
    shown = CliRunner().invoke(app, ["trace", "apart-1"]).stdout
    assert "Suspected" in shown
    assert "second-1 (lab)" in shown.split("Suspected")[1]


def test_a_common_host_links_nobody(office: Office) -> None:
    for who in (FIRST, SECOND, APART):
        fetch(office, who, "https://github.com/")
        fetch(office, who, "https://docs.python.org/3/library/json.html")
        fetch(office, who, "pip install requests && npm i react", tool="bash")
    assert run("first-1")["suspected"] == []


def test_what_many_rooms_touch_links_nobody(office: Office) -> None:
    for n in range(9):
        fetch(office, Binding(f"worker-{n}", f"room-{n}"), URL)
    assert run("worker-0")["suspected"] == []


def test_after_the_window_nobody_is_linked(office: Office, tmp_path: Path) -> None:
    fetch(office, FIRST, URL, at=1.7e9)
    fetch(office, SECOND, URL, at=1.7e9 + DAY + 1)
    assert run("first-1")["suspected"] == []
    file = tmp_path / "firedoor.yaml"
    file.write_text("version: 1\nconvergence: {window: 2d}\n")
    assert run("first-1")["suspected"] != []
    file.write_text("version: 1\nconvergence: {window: 2d, instances: 3}\n")
    assert run("first-1")["suspected"] == []


def test_who_shares_a_room_is_not_suspected_of_it(office: Office) -> None:
    fetch(office, FIRST, URL)
    fetch(office, Binding("first-2", "press"), URL)
    assert run("press")["suspected"] == []


def test_where_exposure_is_proven_too_it_is_said(office: Office) -> None:
    relay(office)
    fetch(office, FIRST, URL)
    fetch(office, SECOND, URL)
    assert all(s["also_proven"] for s in run("first-1")["suspected"])


def test_egress_is_summed_by_host(office: Office) -> None:
    for n in range(3):
        fetch(office, FIRST, f"https://rare-quay.test/drop/{n}")
    fetch(office, FIRST, "https://other.test/")
    told = run("first-1")["egress"]
    assert [(h["host"], h["calls"], h["bytes"]) for h in told["hosts"]] == [
        ("rare-quay.test", 3, 21), ("other.test", 1, 0),
    ]  # fmt: skip
    assert (told["bytes"], told["calls"], told["hosts_total"]) == (21, 4, 2)
    assert 21 < told["bits"] <= 8 * 21
    listed = json.loads(CliRunner().invoke(app, ["instances", "--json"]).stdout)[0]
    assert listed["egress"] == {"hosts": 2, "calls": 4, "bytes": 21, "bits": told["bits"]}
    status = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert status["egress"] == listed["egress"]


def test_hostile_names_are_inert(office: Office) -> None:
    evil = Binding("evil\x1b[2J[red]", "lab\x1b]0;x\x07")
    fetch(office, FIRST, "https://rare-quay.test/7f3a91-\x1b[2J[bold]x%1b%5b2J")
    fetch(office, evil, "https://rare-quay.test/7f3a91-%1b%5b2J[bold]x%1b%5b2J")
    for arguments in (["first-1"], [evil.name or ""]):
        shown = CliRunner().invoke(app, ["trace", *arguments])
        assert shown.exit_code == 0
        assert not {c for c in shown.stdout if not c.isprintable()} - {"\n"}


@pytest.mark.usefixtures("office")
def test_nobody_of_that_name() -> None:
    with pytest.raises(CallerError, match="no instance"):
        run("nobody")
    assert CliRunner().invoke(app, ["trace", "x", "--hops", "0"]).exit_code == 2


def test_what_was_refused_was_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = f"sqlite:{tmp_path}/s/firedoor.db"
    monkeypatch.setenv("FIREDOOR_STORE", store)
    policy = "rules:\n  - {id: no-notes, match: {channel: memory, crossing: true}, action: deny}\n"
    office = Office(settings_for(tmp_path, "contain", policy), store)
    office.write(FIRST, "save_note", key="k", text=NOTE)
    assert office.read(SECOND, NOTE, "read_note", key="k").status == 403
    assert [r for r in run("first-1")["down"] if r["known_by"] == "call"] == []

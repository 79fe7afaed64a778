"""Outside roads at rest: digests of things, sums of egress, and no word of either in the files."""

from pathlib import Path

import pytest

from driving import Office, settings_for
from firedoor.lineage import Convergence
from firedoor.store import trace
from firedoor.store.roads import SLOT_S, told
from firedoor.testing import Call, Reply
from firedoor.types.exchange import Binding

A = Binding("a-1", "press")
B = Binding("b-1", "lab")
URL = "https://rare-quay-seven.test/drop/sevenfold-harbour-71?who=northern-pier-17"
WORDS = (b"rare-quay-seven", b"sevenfold-harbour", b"northern-pier", b"quaypackage")


def visit(office: Office, who: Binding, at: float | None = None) -> None:
    calls = (
        Call("fetch", {"url": URL}, id="call_1"),
        Call("bash", {"command": "pip install quaypackage-17"}, id="call_2"),
    )
    asked = [{"role": "user", "content": f"Go on. ({office.calls})"}]
    office.call(who, asked, Reply("", calls), at=at)


@pytest.mark.parametrize("retention", ["encrypted", "digests"])
def test_no_word_of_a_thing_is_in_the_store(retention: str, tmp_path: Path) -> None:
    policy = f"retention: {{content: {retention}}}\n"
    office = Office(
        settings_for(tmp_path, "contain", policy), url=f"sqlite:{tmp_path}/s/firedoor.db"
    )
    visit(office, A)
    visit(office, B)
    found = trace(office.store, "a-1")
    assert found is not None
    kinds = {s["kind"] for s in found["suspected"]}
    assert {"url", "host", "package", "string", "query"} <= kinds
    hosts = [h["host"] for h in found["egress"]["hosts"]]
    if retention == "digests":
        assert hosts[0].startswith("~h:")
        assert {s["name"] for s in found["suspected"]} == {None}
        explained = office.reader.closed("c_00000001")
        assert explained is not None
        assert explained["tools"][0]["egress"]["hosts"] == hosts
    else:
        assert hosts == ["rare-quay-seven.test"]
        assert "pypi:quaypackage-17" in {s["name"] for s in found["suspected"]}
    office.store.close()
    on_disk = b"".join(p.read_bytes() for p in (tmp_path / "s").iterdir())
    assert not [word for word in WORDS if word in on_disk]


def test_plain_retention_keeps_the_names_of_hosts(tmp_path: Path) -> None:
    policy = "retention: {content: plain}\n"
    office = Office(settings_for(tmp_path, "contain", policy))
    visit(office, A)
    with office.store.snapshot() as db:
        assert told(db, office.store.keys)[0].host == "rare-quay-seven.test"


def test_who_asks_in_a_loop_fills_no_disk() -> None:
    office = Office(settings_for(None, "observe"))
    start = SLOT_S * 1_000_000
    for n in range(50):
        visit(office, A, at=start + n)
    visit(office, A, at=start + SLOT_S)
    with office.store.snapshot() as db:
        per_thing = db.execute(
            "SELECT count(*), min(first_at), max(last_at) FROM touches GROUP BY thing"
        ).fetchall()
        ((calls, size),) = db.execute("SELECT calls, bytes FROM egress").fetchall()
    assert {row[0] for row in per_thing} == {2}
    assert {row[1:] for row in per_thing} == {(start, start + SLOT_S)}
    assert (calls, size) == (51, 51 * len(URL.removeprefix("https://rare-quay-seven.test")))


def test_two_stores_agree_on_no_thing() -> None:
    found = []
    for _ in range(2):
        office = Office(settings_for(None, "observe"))
        visit(office, A)
        with office.store.snapshot() as db:
            found.append({row[0] for row in db.execute("SELECT thing FROM touches")})
    assert found[0].isdisjoint(found[1])


def test_the_ledger_verifies_and_a_restart_forgets_nothing(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path}/s/firedoor.db"
    office = Office(settings_for(None, "contain"), url)
    visit(office, A)
    office.store.close()
    again = Office(settings_for(None, "contain"), url)
    again.calls = 9
    visit(again, B)
    found = trace(again.store, "b-1", convergence=Convergence(window_s=60))
    assert found is not None
    assert found["suspected"]
    assert again.reader.verify().ok


def test_nobody_is_traced_where_nobody_is() -> None:
    assert trace(Office(settings_for(None, "observe")).store, "x") is None

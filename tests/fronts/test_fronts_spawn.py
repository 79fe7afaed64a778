"""``door.spawn``: a child of the instance that is open, and what its parent was shown comes along."""

from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from conftest import Serve
from firedoor import Door
from firedoor.errors import CallerError
from firedoor.testing import ScriptedUpstream
from keys import ENVIRON, issued, with_keys

ASK: Any = [{"role": "user", "content": "Write the report."}]


@pytest.fixture
def door(tmp_path: Path) -> Any:
    with Door(mode="contain", store=f"sqlite:{tmp_path / 'firedoor.db'}", environ={}) as made:
        yield made


def asked(door: Door, upstream: ScriptedUpstream, **headers: str) -> dict[str, Any]:
    client = openai.OpenAI(
        base_url=upstream.url + "/v1", api_key="sk-mine", default_headers=headers
    )
    door.wrap(client).chat.completions.create(model="m", messages=ASK)
    assert door.last is not None
    return door.explain(door.last.call)


def test_a_spawned_instance_is_a_child_in_its_parents_room(
    door: Door, upstream: ScriptedUpstream
) -> None:
    with door.instance("lead", compartment="research"):
        parent = asked(door, upstream)
        with door.spawn("helper"):
            child = asked(door, upstream)
    assert (child["instance"], child["room"]) == ("helper", "research")
    assert child["parents"] == [parent["instance_id"]]


async def test_a_spawn_nests_and_ends_for_tasks_too(door: Door, upstream: ScriptedUpstream) -> None:
    async with door.instance("lead", compartment="research"), door.spawn("helper"):
        with door.spawn("scout") as scout:
            assert scout.headers == {"x-firedoor-instance": "scout", "x-firedoor-parent": "helper"}
        child = asked(door, upstream)
    assert child["instance"] == "helper"


def test_a_child_in_another_room_starts_a_generation_deeper(
    door: Door, upstream: ScriptedUpstream
) -> None:
    with (
        door.instance("lead", compartment="research"),
        door.spawn("helper", compartment="press"),
    ):
        child = asked(door, upstream)
    assert (child["room"], child["generation"]) == ("press", 1)
    assert {e["compartment"] for e in child["exposures"]} == {"research"}


def test_nobody_can_spawn_where_nobody_is_open(door: Door) -> None:
    with pytest.raises(CallerError, match="no instance open"):
        door.spawn("helper")


def test_a_child_in_another_process_says_whose_it_is(
    serve: Serve, upstream: ScriptedUpstream, door: Door
) -> None:
    running = serve(policy=with_keys(upstream), environ=ENVIRON)
    secret, _ = issued(running.store, compartment="research")
    key = {"authorization": f"Bearer {secret}"}
    with door.instance("lead"), door.spawn("helper") as spawned:
        heads = ({"x-firedoor-instance": "lead"}, spawned.headers)
    for head in heads:
        httpx.post(
            f"{running.url}/v1/chat/completions", json={"model": "m", "messages": ASK},
            headers=key | head,
        ).raise_for_status()  # fmt: skip
    rows = {row["instance"]: row for row in running.reader.instances()}
    assert rows["helper"]["parents"] == [rows["lead"]["instance_id"]]

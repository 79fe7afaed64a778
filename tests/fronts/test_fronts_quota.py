"""A harness may ask how its own account stands, and learns of no other."""

import httpx
import openai

from both_fronts import KEY, named
from conftest import Serve

LIMITS = (
    "budgets:\n  - {scope: deployment, requests: 7}\n"
    "  - {scope: 'compartment:lab', requests: 5}\n  - {scope: 'instance:*', requests: 3}\n"
)


def quota(url: str, **headers: str) -> dict[str, object]:
    found = httpx.get(
        f"{url}/v1/firedoor/quota", headers={"authorization": f"Bearer {KEY}"} | headers
    )
    assert found.status_code == 200
    return dict(found.json())


def test_an_instance_is_told_of_its_own_limits(serve: Serve) -> None:
    running = serve(policy=LIMITS)
    sdk = openai.OpenAI(
        base_url=running.url + "/v1", api_key=KEY, default_headers=named("planner-1", "lab")
    )
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello."}])
    told = quota(running.url, **named("planner-1", "lab"))
    assert told["account"] == "instance:planner-1"
    assert told["limits"] == [
        {"account": "instance:planner-1", "kind": "requests", "window": "lifetime", "limit": 3,
         "raised": 0, "held": 0, "committed": 1, "overrun": 0, "left": 2}
    ]  # fmt: skip


def test_nobody_learns_how_another_stands(serve: Serve) -> None:
    running = serve(policy=LIMITS)
    sdk = openai.OpenAI(
        base_url=running.url + "/v1", api_key=KEY, default_headers=named("planner-1", "lab")
    )
    sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hello."}])
    assert quota(running.url, **named("planner-2", "lab"))["limits"] == []
    foreign = quota(running.url, authorization="Bearer sk-other", **named("planner-1", "lab"))
    assert foreign["limits"] == []
    assert quota(running.url)["limits"] == []
